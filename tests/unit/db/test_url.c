/* db_url_parse: what each part becomes, what is refused and in which words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "server/db/db.h"

static struct db_url parse(const char *text) {
  struct db_url url;
  struct err e;
  err_clear(&e);
  if (db_url_parse(text, &url, &e) < 0)
    fail_msg("%s: %s", text, e.text);
  return url;
}

static void sqlite_paths_are_made_canonical(void **state) {
  static const char *const rows[][2] = {
      {"sqlite:/a/b.db", "/a/b.db"},           {"sqlite:///a/b.db", "/a/b.db"},
      {"SQLite:/a//b/./c.db", "/a/b/c.db"},    {"sqlite:/./a.db", "/a.db"},
      {"sqlite:/a%20b%3F.db", "/a b?.db"},     {"sqlite:/a/..b/c..db", "/a/..b/c..db"},
      {"sqlite:/\303\244.db", "/\303\244.db"},
  };
  (void)state;
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct db_url url = parse(rows[i][0]);
    assert_int_equal(url.dialect, DIALECT_SQLITE);
    assert_string_equal(url.path, rows[i][1]);
    assert_memory_equal(url.place, "sqlite:", 7);
    assert_string_equal(url.place + 7, rows[i][1]);
  }
}

static void a_postgresql_url_has_its_parts(void **state) {
  (void)state;
  struct db_url url = parse("postgresql://m%40ria@DB.Example.com:6432/my%20db"
                            "?sslmode=require&target_session_attrs=any&connect_timeout=3");
  assert_int_equal(url.dialect, DIALECT_POSTGRESQL);
  assert_string_equal(url.user, "m@ria");
  assert_string_equal(url.host, "db.example.com");
  assert_string_equal(url.port, "6432");
  assert_string_equal(url.database, "my db");
  assert_string_equal(url.sslmode, "require");
  assert_string_equal(url.session, "any");
  assert_int_equal(url.connect_timeout_s, 3);
  assert_string_equal(url.place, "postgresql://db.example.com:6432/my%20db");
}

static void defaults_are_filled_in(void **state) {
  (void)state;
  struct db_url url = parse("postgres://u@db/x");
  assert_string_equal(url.port, "5432");
  assert_string_equal(url.sslmode, "verify-full");
  assert_string_equal(url.session, "read-write");
  assert_int_equal(url.connect_timeout_s, 10);
}

static void tls_may_be_absent_only_where_nothing_leaves_the_machine(void **state) {
  static const char *const rows[][2] = {
      {"postgresql://u@localhost/x", "prefer"},
      {"postgresql://u@LOCALHOST/x", "prefer"},
      {"postgresql://u@127.0.0.1/x", "prefer"},
      {"postgresql://u@127.9.9.9/x", "prefer"},
      {"postgresql://u@[::1]/x", "prefer"},
      {"postgresql://u@[0:0:0:0:0:0:0:1]:5/x", "prefer"},
      {"postgresql://u@%2Frun%2Fpg/x", "prefer"},
      {"postgresql://u@128.0.0.1/x", "verify-full"},
      {"postgresql://u@127.0.0.1.example.com/x", "verify-full"},
      {"postgresql://u@localhost.example.com/x", "verify-full"},
      {"postgresql://u@[::2]/x", "verify-full"},
      {"postgresql://u@localhost/x?sslmode=verify-full", "verify-full"},
  };
  (void)state;
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    assert_string_equal(parse(rows[i][0]).sslmode, rows[i][1]);
}

static void one_place_has_one_name(void **state) {
  static const char *const rows[][2] = {
      {"postgresql://a@H/x", "postgresql://h:5432/x"},
      {"postgres://b@h:5432/x?sslmode=disable", "postgresql://h:5432/x"},
      {"postgresql://b@h:05432/%78", "postgresql://h:5432/x"},
      {"postgresql://a@[::0001]:7/x", "postgresql://[::1]:7/x"},
      {"postgresql://a@%2Frun%2Fpg/x", "postgresql://%2Frun%2Fpg:5432/x"},
      {"postgresql://a@h/x?schema=t%2042&sslmode=disable", "postgresql://h:5432/x?schema=t%2042"},
      {"postgresql://a@h/x?schema=t,public", "postgresql://h:5432/x?schema=t"},
      {"postgresql://a@h/x%3Fschema=t", "postgresql://h:5432/x%3Fschema%3Dt"},
      {"sqlite:/x//y", "sqlite:/x/y"},
  };
  (void)state;
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    assert_string_equal(parse(rows[i][0]).place, rows[i][1]);
}

static void what_is_wrong_is_said(void **state) {
  static const struct {
    const char *url, *text;
  } rows[] = {
      {"", "neither sqlite: nor postgresql"},
      {"mysql://u@h/x", "neither sqlite: nor postgresql"},
      {"sqlite:app.db", "absolute"},
      {"sqlite:", "absolute"},
      {"sqlite://host/app.db", "has no host"},
      {"sqlite:/a/../b.db", "`..`"},
      {"sqlite:/a/%2E%2E/b.db", "`..`"},
      {"sqlite:/a/", "folder"},
      {"sqlite:/", "folder"},
      {"sqlite:/a/.", "folder"},
      {"sqlite:/a.db?mode=memory", "no options"},
      {"sqlite:/a%00b", "control"},
      {"sqlite:/a%0", "hexadecimal"},
      {"sqlite:/a%zz", "hexadecimal"},
      {"sqlite:/a%", "hexadecimal"},
      {"sqlite:/a\nb", "control"},
      {"sqlite:/%ff", "UTF-8"},
      {"postgresql://u:secret@h/x", "password"},
      {"postgresql://u:@h/x", "password"},
      {"postgresql://h/x", "no user"},
      {"postgresql://@h/x", "user before @ is empty"},
      {"postgresql://u@h", "no database"},
      {"postgresql://u@h/", "no database"},
      {"postgresql://u@/x", "host"},
      {"postgresql://u@h1,h2/x", "host"},
      {"postgresql://u@%2Frun%2Fa,%2Frun%2Fb/x", "host"},
      {"postgresql://u@h h/x", "host"},
      {"postgresql://u@[::1/x", "]"},
      {"postgresql://u@[h]/x", "IPv6"},
      {"postgresql://u@[::1]x/x", "not expected"},
      {"postgresql://u@h:/x", "port"},
      {"postgresql://u@h:0/x", "port"},
      {"postgresql://u@h:65536/x", "port"},
      {"postgresql://u@h:5432,5433/x", "port"},
      {"postgresql://u@h:-1/x", "port"},
      {"postgresql://u@h/x/y", "`/`"},
      {"postgresql://u@h/x#y", "`#`"},
      {"postgresql://u@h/x?password=y", "password is not known"},
      {"postgresql://u@h/x?service=y", "a service says where the server is"},
      {"postgresql://u@h/x?schema=", "empty"},
      {"postgresql://u@h/x?schema=a,", "empty"},
      {"postgresql://u@h/x?schema=a,,b", "empty"},
      {"postgresql://u@h/x?schema=a,b,a", "twice"},
      {"postgresql://u@h/x?schema=a&schema=b", "twice"},
      {"postgresql://u@h/x?schema=pg_temp", "PostgreSQL's own"},
      {"postgresql://u@h/x?schema=a,pg_catalog", "PostgreSQL's own"},
      {"postgresql://u@h/x?schema=information_schema", "PostgreSQL's own"},
      {"postgresql://u@h/x?schema=%24user", "PostgreSQL's own"},
      {"postgresql://u@h/x?schema=a,b,c,d,e,f,g,h,i", "at most 8"},
      {"postgresql://u@h/x?schema=a%00", "control"},
      {"postgresql://u@h/x?sslcert=/a", "go together"},
      {"postgresql://u@h/x?sslkey=/a", "go together"},
      {"postgresql://u@h/x?sslrootcert=/a&sslmode=require", "of use only"},
      {"postgresql://u@localhost/x?sslcrl=/a", "of use only"},
      {"postgresql://u@h/x?passfile=a", "absolute"},
      {"postgresql://u@h/x?passfile=/a/../b", "`..`"},
      {"postgresql://u@h/x?passfile=/a/%2E%2E/b", "`..`"},
      {"postgresql://u@h/x?passfile=/a/", "folder"},
      {"sqlite:/a.db?schema=x", "no options"},
      {"postgresql://u@h/x?host=y", "host is not known"},
      {"postgresql://u@h/x?options=-c", "options is not known"},
      {"postgresql://u@h/x?sslmode", "name=value"},
      {"postgresql://u@h/x?sslmode=", "sslmode must be"},
      {"postgresql://u@h/x?sslmode=verify", "sslmode must be"},
      {"postgresql://u@h/x?sslmode=verify-full allow", "sslmode must be"},
      {"postgresql://u@h/x?target_session_attrs=standby", "target_session_attrs must be"},
      {"postgresql://u@h/x?connect_timeout=0", "connect_timeout must be"},
      {"postgresql://u@h/x?connect_timeout=601", "connect_timeout must be"},
      {"postgresql://u@h/x?connect_timeout=1s", "connect_timeout must be"},
  };
  (void)state;
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct db_url url;
    struct err e;
    memset(&url, 'x', sizeof url);
    if (db_url_parse(rows[i].url, &url, &e) == 0)
      fail_msg("%s: accepted", rows[i].url);
    assert_int_equal(e.kind, ERR_INPUT);
    if (!strstr(e.text, rows[i].text))
      fail_msg("%s: says: %s", rows[i].url, e.text);
    assert_int_equal(url.place[0], 'x');
  }
}

static void schemas_are_a_list(void **state) {
  (void)state;
  struct db_url url = parse("postgresql://u@h/x?schema=a%2Cb,%22c%22,d");
  struct buf list BUF_SCOPED = BUF_INIT;
  assert_int_equal(url.schema_count, 3);
  assert_string_equal(url.schemas[0], "a,b");
  assert_string_equal(url.schemas[1], "\"c\"");
  db_url_schema(&url, &list);
  assert_string_equal(buf_str(&list), "a,b,\"c\",d");
  assert_int_equal(parse("postgresql://u@h/x").schema_count, 0);
  char text[200] = "postgresql://u@h/x?schema=";
  memset(text + strlen(text), 's', 63);
  assert_int_equal(strlen(parse(text).schemas[0]), 63);
}

static void a_schema_takes_the_place_of_another(void **state) {
  static const char *const rows[][3] = {
      {"postgresql://u@h/x", "a", "postgresql://u@h/x?schema=a"},
      {"postgresql://u@h/x?", "a", "postgresql://u@h/x?schema=a"},
      {"postgresql://u@h/x?sslmode=require", "a b,c",
       "postgresql://u@h/x?sslmode=require&schema=a%20b,c"},
      {"postgresql://u@h/x?schema=z&sslmode=require", "a",
       "postgresql://u@h/x?sslmode=require&schema=a"},
      {"postgresql://u@h/x?schema=z", "a&sslmode=disable",
       "postgresql://u@h/x?schema=a%26sslmode%3Ddisable"},
  };
  (void)state;
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct buf b BUF_SCOPED = BUF_INIT;
    db_url_with_schema(rows[i][0], rows[i][1], &b);
    assert_string_equal(buf_str(&b), rows[i][2]);
  }
}

static void files_have_their_places(void **state) {
  (void)state;
  struct db_url url = parse("postgresql://u@h/x?sslcert=/a//b.crt&sslkey=/a/./b%20c&passfile=/p");
  assert_string_equal(url.files[DB_SSLCERT], "/a/b.crt");
  assert_string_equal(url.files[DB_SSLKEY], "/a/b c");
  assert_string_equal(url.files[DB_PASSFILE], "/p");
  assert_string_equal(url.files[DB_SSLROOTCERT], "");
}

static void a_refused_password_is_not_repeated(void **state) {
  struct db_url url;
  struct err e;
  (void)state;
  assert_int_equal(db_url_parse("postgresql://u:hunter2@h/x", &url, &e), -1);
  assert_null(strstr(e.text, "hunter2"));
  assert_null(strstr(e.hint, "hunter2"));
  assert_non_null(strstr(e.hint, "--password-file"));
}

static void what_is_too_long_is_refused(void **state) {
  char text[4096];
  struct db_url url;
  struct err e;
  (void)state;
  memset(text, 'a', sizeof text);
  memcpy(text, "sqlite:/", 8);
  text[8 + 1022] = '\0';
  assert_int_equal(db_url_parse(text, &url, &e), 0);
  assert_int_equal(strlen(url.place), strlen(text));
  memset(text + 8, 'a', 1023);
  text[8 + 1023] = '\0';
  assert_int_equal(db_url_parse(text, &url, &e), -1);
  assert_non_null(strstr(e.text, "too long"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(sqlite_paths_are_made_canonical),
      cmocka_unit_test(a_postgresql_url_has_its_parts),
      cmocka_unit_test(defaults_are_filled_in),
      cmocka_unit_test(tls_may_be_absent_only_where_nothing_leaves_the_machine),
      cmocka_unit_test(one_place_has_one_name),
      cmocka_unit_test(what_is_wrong_is_said),
      cmocka_unit_test(schemas_are_a_list),
      cmocka_unit_test(a_schema_takes_the_place_of_another),
      cmocka_unit_test(files_have_their_places),
      cmocka_unit_test(a_refused_password_is_not_repeated),
      cmocka_unit_test(what_is_too_long_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
