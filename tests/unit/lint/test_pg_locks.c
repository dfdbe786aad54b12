/* What the pages of PostgreSQL's rules say of locks and of tables that are written anew, asked of
 * PostgreSQL: each bad example runs in a transaction over the tables below, pg_locks tells what it
 * holds then, and that is what the page must name. The good examples must run too. Skipped without
 * a server.
 */
#include "probe.h"

#include <stdlib.h>

#include "server/db/db.h"
#include "server/sql/split.h"
#include "server/sql/variable.h"

static const char tables[] =
    "CREATE TYPE invoice_state AS ENUM ('open', 'paid');"
    "CREATE TYPE priority AS ENUM ('low', 'high');"
    "CREATE DOMAIN email AS text;"
    "CREATE TABLE customer (id bigint PRIMARY KEY, email text NOT NULL, fax text, phone text,"
    "  address email);"
    "CREATE TABLE invoice (id int CONSTRAINT invoice_pkey PRIMARY KEY, customer_id bigint,"
    "  state invoice_state, net numeric, tax numeric, total numeric, due_at timestamptz);"
    "ALTER TABLE invoice ADD CONSTRAINT invoice_customer_not_null"
    "  CHECK (customer_id IS NOT NULL) NOT VALID;"
    "CREATE TABLE booking (id bigint PRIMARY KEY, period tstzrange);"
    "CREATE TABLE client (id bigint PRIMARY KEY);"
    "CREATE TABLE session (id bigint PRIMARY KEY);"
    "CREATE TABLE account (id bigint PRIMARY KEY, balance numeric);"
    "CREATE TABLE event (at date NOT NULL, note text) PARTITION BY RANGE (at);"
    "CREATE TABLE event_2020 PARTITION OF event FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');"
    "CREATE MATERIALIZED VIEW turnover AS SELECT id, balance FROM account;"
    "CREATE UNIQUE INDEX turnover_id ON turnover (id);";

#define INVOICE_LINE                                                                               \
  "CREATE TABLE invoice_line (id bigint, invoice_id int,"                                          \
  "  CONSTRAINT invoice_line_invoice_fk FOREIGN KEY (invoice_id) REFERENCES invoice (id));"
#define CURRENCY "ALTER TABLE invoice ADD COLUMN currency text;"

/* What an example needs besides, and what its bad one holds: `relation mode`, by relation. */
static const struct {
  const char *rule, *before, *holds;
} facts[] = {
    {"adding-exclusion-constraint", "", "booking AccessExclusiveLock"},
    {"adding-field-with-default", "", "invoice AccessExclusiveLock"},
    {"adding-foreign-key-constraint", "",
     "customer ShareRowExclusiveLock, invoice ShareRowExclusiveLock"},
    {"adding-not-nullable-field", "", "invoice AccessExclusiveLock"},
    {"adding-required-field", "", "invoice AccessExclusiveLock"},
    {"adding-serial-primary-key-field", "CREATE TABLE invoice_line (id bigint);",
     "invoice_line AccessExclusiveLock"},
    {"adding-stored-generated-column", "", "invoice AccessExclusiveLock"},
    {"attaching-partition",
     "CREATE TABLE event_2026 (LIKE event);"
     "CREATE TABLE event_other PARTITION OF event DEFAULT;",
     "event ShareUpdateExclusiveLock, event_2026 AccessExclusiveLock, event_other "
     "AccessExclusiveLock"},
    {"backfill-with-ddl", "", "invoice AccessExclusiveLock"},
    {"ban-alter-domain-with-add-constraint", "", "customer ShareLock"},
    {"ban-disable-trigger", "", "invoice ShareRowExclusiveLock"},
    {"ban-drop-cascade", INVOICE_LINE,
     "invoice AccessExclusiveLock, invoice_line AccessExclusiveLock"},
    {"ban-drop-column", "", "customer AccessExclusiveLock"},
    {"ban-drop-not-null", "", "customer AccessExclusiveLock"},
    {"ban-drop-schema", "CREATE SCHEMA legacy;", ""},
    {"ban-drop-table",
     "CREATE TABLE invoice_archive (id bigint, customer_id bigint REFERENCES customer (id));",
     "customer AccessExclusiveLock, invoice_archive AccessExclusiveLock"},
    {"ban-truncate-cascade",
     "ALTER TABLE invoice ADD FOREIGN KEY (customer_id) REFERENCES customer (id);",
     "customer AccessExclusiveLock, invoice AccessExclusiveLock"},
    {"changing-column-type", INVOICE_LINE,
     "invoice AccessExclusiveLock, invoice_line AccessExclusiveLock"},
    {"constraint-missing-not-valid", "", "invoice AccessExclusiveLock"},
    {"creating-partition", "CREATE TABLE event_other PARTITION OF event DEFAULT;",
     "event AccessExclusiveLock, event_other AccessExclusiveLock"},
    {"delete-without-where", "", "session RowExclusiveLock"},
    {"disallowed-unique-constraint", "", "customer AccessExclusiveLock"},
    {"lock-table", "", "invoice AccessExclusiveLock"},
    {"locking-several-tables", "", "customer AccessExclusiveLock, invoice AccessExclusiveLock"},
    {"prefer-batched-update", CURRENCY, "invoice RowExclusiveLock"},
    {"renaming-column", "", "customer AccessExclusiveLock"},
    {"renaming-object", "", ""},
    {"renaming-table", "", "client AccessExclusiveLock"},
    {"require-concurrent-index-creation", "", "invoice ShareLock"},
    {"require-concurrent-index-deletion", "CREATE INDEX invoice_customer ON invoice (customer_id);",
     "invoice AccessExclusiveLock"},
    {"require-concurrent-partition-detach", "",
     "event AccessExclusiveLock, event_2020 AccessExclusiveLock"},
    {"require-concurrent-refresh", "", "turnover AccessExclusiveLock"},
    {"require-concurrent-reindex", "", "invoice ShareLock"},
    {"rewriting-table", "", "invoice AccessExclusiveLock"},
    {"validate-in-same-transaction", "", "invoice AccessExclusiveLock"},
};

/* Pages that name a lock which cannot be seen from inside a transaction. */
static const char *const outside[] = {"concurrent-index-if-not-exists", "prefer-repack"};

/* Good examples that need more than a schema: databases, roles, another revision before them. */
static const char *const not_run[] = {"ban-drop-database", "ban-grant-to-public"};

static struct db *db;

static bool among(const char *const *list, size_t count, const char *name) {
  for (size_t i = 0; i < count; i++)
    if (strcmp(list[i], name) == 0)
      return true;
  return false;
}

static void run(const char *rule, const char *sql, size_t len) {
  struct arena arena;
  struct err e;
  struct sql_text text;
  struct variables batch = {.batch = "5000"};
  arena_init(&arena, 0);
  if (variable_replace(DIALECT_POSTGRESQL, sql, len, &batch, &arena, &text, &e) != 0)
    fail_msg("%s: %.*s: %s", rule, (int)len, sql, e.text);
  struct db_statement s = {.sql = text.s, .len = text.len};
  if (db->driver->exec(db, &s, NULL, NULL, NULL, NULL, &e) != 0)
    fail_msg("%s: %.*s: %s", rule, (int)len, sql, e.text);
  arena_release(&arena);
}

static void run_all(const char *rule, const char *sql) {
  struct arena arena;
  struct sql_statements s;
  struct err e;
  arena_init(&arena, 0);
  assert_int_equal(sql_split(DIALECT_POSTGRESQL, sql, strlen(sql), &arena, &s, &e), 0);
  for (size_t i = 0; i < s.count; i++)
    run(rule, sql + s.items[i].start, s.items[i].len);
  arena_release(&arena);
}

/* The tables above in a schema of their own, each time anew. */
static void begin(const char *rule, const char *before) {
  run_all(rule, "DROP SCHEMA IF EXISTS lint_pages CASCADE; DROP SCHEMA IF EXISTS billing CASCADE;"
                "DROP SCHEMA IF EXISTS legacy CASCADE; CREATE SCHEMA lint_pages;"
                "CREATE SCHEMA billing; SET search_path TO lint_pages;");
  run_all(rule, tables);
  run_all(rule, before);
  run_all(rule,
          "DROP TABLE IF EXISTS pg_temp.was_there;"
          "CREATE TEMP TABLE was_there AS SELECT oid, relname FROM pg_class WHERE relkind IN ('r',"
          " 'p', 'm') AND relnamespace = 'lint_pages'::regnamespace;");
}

/* Leaves nothing behind in the cluster. */
static void end(void) {
  run_all("end", "DROP SCHEMA IF EXISTS lint_pages CASCADE; DROP SCHEMA IF EXISTS billing CASCADE;"
                 "DROP SCHEMA IF EXISTS legacy CASCADE;");
}

/* The statements of an example, in its sections: a section that is transaction=off outside one. */
static void run_example(const struct lint_rule *r, const char *body) {
  struct probe p = {0};
  probe_catalog(&p, &body, 1);
  const struct revision *v = &p.catalog.revisions[0];
  for (size_t i = 0; i < v->section_count; i++) {
    const struct section *s = &v->sections[i];
    for (size_t k = 0; s->direction == DIR_UP && k < s->statements[DIALECT_POSTGRESQL].count; k++) {
      const struct section_statement *st = &s->statements[DIALECT_POSTGRESQL].items[k];
      run(r->name, v->content + st->start, st->len);
    }
  }
  probe_end(&p);
}

static int add_lock(void *ctx, const struct db_value *v, int count, struct err *e) {
  (void)count, (void)e;
  struct buf *b = ctx;
  buf_addf(b, "%s%s %s", b->len ? ", " : "", v[0].s, v[1].s);
  return 0;
}

/* The strongest lock on each table that was there before; what reading takes is left out. */
static void read_locks(struct buf *out) {
  struct err e;
  if (db_exec(
          db,
          "SELECT w.relname::text, (array_agg(l.mode ORDER BY array_position("
          " '{AccessExclusiveLock,ExclusiveLock,ShareRowExclusiveLock,ShareLock,"
          "ShareUpdateExclusiveLock,RowExclusiveLock}'::text[], l.mode)))[1]"
          " FROM pg_locks l JOIN was_there w ON w.oid = l.relation WHERE l.pid = pg_backend_pid()"
          " AND l.mode NOT IN ('AccessShareLock', 'RowShareLock') GROUP BY 1 ORDER BY 1",
          NULL, 0, add_lock, out, NULL, NULL, &e) != 0)
    fail_msg("%s", e.text);
}

/* `ShareRowExclusiveLock` in the words of the documentation. */
static bool names(const char *page, const char *mode) {
  static const char *const words[][2] = {
      {"AccessExclusiveLock", "ACCESS EXCLUSIVE"},
      {"ShareRowExclusiveLock", "SHARE ROW EXCLUSIVE"},
      {"ShareUpdateExclusiveLock", "SHARE UPDATE EXCLUSIVE"},
      {"RowExclusiveLock", "ROW EXCLUSIVE"},
      {"ShareLock", "SHARE on"},
  };
  for (size_t i = 0; i < sizeof words / sizeof *words; i++)
    if (strcmp(words[i][0], mode) == 0)
      return strstr(page, words[i][1]) != NULL;
  return false;
}

static void check_page(const struct lint_rule *r, const char *held) {
  char copy[512];
  assert_true(snprintf(copy, sizeof copy, "%s", held) < (int)sizeof copy);
  for (char *save, *part = strtok_r(copy, ",", &save); part; part = strtok_r(NULL, ",", &save)) {
    const char *mode = strrchr(part, ' ') + 1;
    if (!names(r->lock, mode))
      fail_msg("%s: PostgreSQL holds %s, its page says: %s", r->name, held, r->lock);
  }
}

static void test_bad_examples_hold_what_pages_say(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof facts / sizeof *facts; i++) {
    const struct lint_rule *r = lint_rule_find(facts[i].rule);
    struct buf held = BUF_INIT;
    assert_non_null(r);
    begin(r->name, facts[i].before);
    run_all(r->name, "BEGIN");
    run_example(r, r->bad);
    read_locks(&held);
    run_all(r->name, "ROLLBACK");
    if (strcmp(buf_str(&held), facts[i].holds) != 0)
      fail_msg("%s: PostgreSQL holds: %s", r->name, buf_str(&held));
    check_page(r, buf_str(&held));
    buf_release(&held);
  }
  end();
}

static void test_every_lock_is_asked_for(void **state) {
  (void)state;
  for (size_t i = 0; lint_rules[i]; i++) {
    const struct lint_rule *r = lint_rules[i];
    size_t k = 0;
    while (k < sizeof facts / sizeof *facts && strcmp(facts[k].rule, r->name) != 0)
      k++;
    bool asked = k < sizeof facts / sizeof *facts ||
                 among(outside, sizeof outside / sizeof *outside, r->name);
    if ((r->dialects & DIALECT_POSTGRESQL) && strstr(r->lock, "EXCLUSIVE on") && !asked)
      fail_msg("nobody asks PostgreSQL about the lock of %s", r->name);
  }
}

static void check_held(const char *what, const char *before, const char *sql, const char *holds) {
  struct buf held = BUF_INIT;
  begin(what, before);
  run_all(what, "BEGIN");
  run_all(what, sql);
  read_locks(&held);
  run_all(what, "ROLLBACK");
  if (strcmp(buf_str(&held), holds) != 0)
    fail_msg("%s: PostgreSQL holds: %s", sql, buf_str(&held));
  buf_release(&held);
}

/* What pages advise, and say besides. */
static void test_the_ways_around(void **state) {
  (void)state;
  static const char foreign[] = "ALTER TABLE invoice ADD CONSTRAINT f FOREIGN KEY (customer_id)"
                                " REFERENCES customer NOT VALID;";
  static const char *const rows[][3] = {
      {"", "ALTER TABLE invoice ADD COLUMN c bigint REFERENCES customer",
       "customer ShareRowExclusiveLock, invoice AccessExclusiveLock"},
      {"", foreign, "customer ShareRowExclusiveLock, invoice ShareRowExclusiveLock"},
      {foreign, "ALTER TABLE invoice VALIDATE CONSTRAINT f", "invoice ShareUpdateExclusiveLock"},
      {"", "ALTER TABLE invoice VALIDATE CONSTRAINT invoice_customer_not_null",
       "invoice ShareUpdateExclusiveLock"},
      {"ALTER DOMAIN email ADD CONSTRAINT c CHECK (VALUE <> '') NOT VALID;",
       "ALTER DOMAIN email VALIDATE CONSTRAINT c", "customer ShareLock"},
      {"", "ALTER DOMAIN email SET NOT NULL", "customer ShareLock"},
      {"", "CLUSTER invoice USING invoice_pkey", "invoice AccessExclusiveLock"},
      {"", "REINDEX INDEX invoice_pkey", "invoice ShareLock"},
      {"", "REFRESH MATERIALIZED VIEW CONCURRENTLY turnover", "turnover ExclusiveLock"},
      {"",
       "CREATE TABLE p (LIKE event); ALTER TABLE event ATTACH PARTITION p"
       " FOR VALUES FROM ('2027-01-01') TO ('2028-01-01')",
       "event ShareUpdateExclusiveLock"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    check_held(rows[i][1], rows[i][0], rows[i][1], rows[i][2]);
  end();
}

static int on_number(void *ctx, const struct db_value *v, int count, struct err *e) {
  (void)count, (void)e;
  *(int64_t *)ctx = v[0].i;
  return 0;
}

static int64_t place_of_table(void) {
  int64_t node = 0;
  struct err e;
  assert_int_equal(db_exec(db, "SELECT pg_relation_filenode('w')::bigint", NULL, 0, on_number,
                           &node, NULL, NULL, &e),
                   0);
  return node;
}

/* A table that is written anew lies in another file after it. */
static void test_what_is_written_anew(void **state) {
  (void)state;
  static const struct {
    const char *type, *sql;
    bool anew;
  } rows[] = {
      {"int", "ALTER TABLE w ADD COLUMN x timestamptz DEFAULT now()", false},
      {"int", "ALTER TABLE w ADD COLUMN x uuid DEFAULT gen_random_uuid()", true},
      {"int", "ALTER TABLE w ADD COLUMN x float GENERATED ALWAYS AS (c * 2) STORED", true},
      {"int", "ALTER TABLE w ADD COLUMN x bigserial", true},
      {"int", "ALTER TABLE w ADD COLUMN x bigint GENERATED ALWAYS AS IDENTITY", true},
      {"int", "ALTER TABLE w SET UNLOGGED", true},
      {"int", "ALTER TABLE w ALTER c TYPE bigint", true},
      {"int", "ALTER TABLE w ALTER c TYPE text", true},
      {"varchar(10)", "ALTER TABLE w ALTER c TYPE varchar(20)", false},
      {"varchar(10)", "ALTER TABLE w ALTER c TYPE text", false},
      {"varchar(10)", "ALTER TABLE w ALTER c TYPE text USING c::text", false},
      {"varchar(20)", "ALTER TABLE w ALTER c TYPE varchar(10)", true},
      {"text", "ALTER TABLE w ALTER c TYPE varchar", false},
      {"text", "ALTER TABLE w ALTER c TYPE varchar(10)", true},
      {"char(3)", "ALTER TABLE w ALTER c TYPE text", true},
      {"numeric(8, 2)", "ALTER TABLE w ALTER c TYPE numeric(10, 2)", false},
      {"numeric(8, 2)", "ALTER TABLE w ALTER c TYPE numeric", false},
      {"numeric(8, 2)", "ALTER TABLE w ALTER c TYPE numeric(8, 3)", true},
      {"timestamp(3)", "ALTER TABLE w ALTER c TYPE timestamp", false},
      {"timestamp", "ALTER TABLE w ALTER c TYPE timestamp(3)", true},
      {"timestamp", "SET LOCAL timezone = 'UTC'; ALTER TABLE w ALTER c TYPE timestamptz", false},
      {"timestamp", "SET LOCAL timezone = 'Asia/Tokyo'; ALTER TABLE w ALTER c TYPE timestamptz",
       true},
      {"cidr", "ALTER TABLE w ALTER c TYPE inet", false},
      {"inet", "ALTER TABLE w ALTER c TYPE cidr USING c::cidr", true},
      {"varbit(3)", "ALTER TABLE w ALTER c TYPE varbit(9)", false},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    char table[200];
    assert_true(snprintf(table, sizeof table, "CREATE TABLE w (c %s);", rows[i].type) > 0);
    begin("w", table);
    int64_t before = place_of_table();
    run_all("w", "BEGIN");
    run_all("w", rows[i].sql);
    bool anew = place_of_table() != before;
    run_all("w", "ROLLBACK");
    if (anew != rows[i].anew)
      fail_msg("%s is %swritten anew by: %s", rows[i].type, anew ? "" : "not ", rows[i].sql);
  }
  end();
}

/* Good examples whose table is another one than the bad one's. */
static const char *before_good(const char *rule) {
  static const char *const rows[][2] = {
      {"validate-in-same-transaction",
       "ALTER TABLE invoice ADD CONSTRAINT invoice_total_positive CHECK (total >= 0) NOT VALID;"},
      {"prefer-batched-update", CURRENCY},
      {"backfill-with-ddl", CURRENCY},
      {"adding-serial-primary-key-field", "CREATE TABLE invoice_line (id bigint NOT NULL);"},
      {"ban-drop-cascade", INVOICE_LINE},
      {"ban-drop-schema", "CREATE SCHEMA legacy;"},
      {"ban-truncate-cascade", ""},
      {"ban-alter-domain-with-add-constraint", ""},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    if (strcmp(rows[i][0], rule) == 0)
      return rows[i][1];
  return "";
}

static void test_good_examples_run(void **state) {
  (void)state;
  for (size_t i = 0; lint_rules[i]; i++) {
    const struct lint_rule *r = lint_rules[i];
    if (r->dialects != DIALECT_POSTGRESQL ||
        among(not_run, sizeof not_run / sizeof *not_run, r->name))
      continue;
    begin(r->name, before_good(r->name));
    run_example(r, r->good);
  }
  end();
}

static int open_db(void **state) {
  (void)state;
  char text[512];
  struct db_url url;
  struct err e;
  snprintf(text, sizeof text, "postgresql://%s@%s:%s/migd", getenv("MIGD_TEST_PG_ADMIN"),
           getenv("MIGD_TEST_PG_HOST"), getenv("MIGD_TEST_PG_PORT"));
  struct db_options o = {.url = &url,
                         .password = getenv("MIGD_TEST_PG_PASSWORD"),
                         .allow_superuser = true,
                         .lock_timeout_ms = 5000};
  db_process_init();
  if (db_url_parse(text, &url, &e) == 0 && db_open(&db, &o, NULL, &e) == 0)
    return 0;
  fprintf(stderr, "%s: %s\n", text, e.text);
  return -1;
}

static int close_db(void **state) {
  (void)state;
  db_close(db);
  return 0;
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_every_lock_is_asked_for),
      cmocka_unit_test(test_bad_examples_hold_what_pages_say),
      cmocka_unit_test(test_the_ways_around),
      cmocka_unit_test(test_what_is_written_anew),
      cmocka_unit_test(test_good_examples_run),
  };
  if (!getenv("MIGD_TEST_PG_HOST")) {
    fprintf(stderr, "no PostgreSQL server: run under tests/support/pg_cluster.sh; skipped\n");
    return 77;
  }
  return cmocka_run_group_tests(tests, open_db, close_db);
}
