/* Feeds any bytes, cut at the first NUL into a CREATE TABLE and ALTERs of it, to the cutter, the
 * parser and the planner: a table that is cut prints as it was, positions lie in the text. Which
 * tables there can be says SQLite: what it takes is cut, and what was planned for it is cut again.
 * A libFuzzer target; no main of its own.
 */
#include <sqlite3.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "server/sql/rebuild.h"
#include "server/sql/split.h"
#include "server/sql/table.h"
#include "server/sql/tokens.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ALTERS_MAX = 8 };

static void must(int holds) {
  if (!holds)
    abort();
}

static void check_error(const struct err *e, size_t len) {
  must(e->kind == ERR_MIGRATION && e->text[0] != '\0');
  must(e->offset >= 0 && (size_t)e->offset <= len);
}

/* Whether a database may hold a table with this text. Nothing is run. */
static bool sqlite_takes(const char *sql) {
  static sqlite3 *db;
  sqlite3_stmt *stmt = NULL;
  const char *rest = "";
  if (db == NULL) {
    must(sqlite3_open(":memory:", &db) == SQLITE_OK);
    sqlite3_limit(db, SQLITE_LIMIT_EXPR_DEPTH, 100);
  }
  bool taken = sqlite3_prepare_v2(db, sql, -1, &stmt, &rest) == SQLITE_OK && stmt != NULL;
  sqlite3_finalize(stmt);
  return taken && rest[0] == '\0';
}

/* CREATE TABLE with columns, and not AS SELECT, which is stored as something else. */
static bool has_columns(const char *sql, size_t len, struct arena *arena) {
  struct tokens t;
  struct err e;
  if (tokens_read(sql, len, arena, &t, &e) != 0)
    return true;
  size_t i = 1;
  i += tokens_is(&t, i, "TEMP") || tokens_is(&t, i, "TEMPORARY");
  if (!tokens_is(&t, 0, "CREATE") || !tokens_is(&t, i, "TABLE"))
    return false;
  while (i < t.count && !tokens_char(&t, i, '(') && !tokens_is(&t, i, "AS"))
    i++;
  return tokens_char(&t, i, '(');
}

static int check_cut(const char *sql, size_t len, struct arena *arena, struct table *out) {
  struct err e;
  int rc = table_cut(sql, len, arena, out, &e);
  if (rc < 0) {
    check_error(&e, len);
    must(!has_columns(sql, len, arena) || !sqlite_takes(sql));
  }
  if (rc > 0) {
    struct buf again BUF_SCOPED = BUF_INIT;
    table_print(out, NULL, &again);
    must(again.len == len && memcmp(buf_str(&again), sql, len) == 0);
  }
  return rc;
}

static void check_range(struct sql_range r, size_t len) {
  must(r.len == 0 || (r.start <= len && r.len <= len - r.start));
}

static size_t check_parse(const char *text, size_t len, struct arena *arena,
                          struct rebuild_alter *alters) {
  struct sql_statements s;
  struct err e;
  size_t count = 0;
  if (sql_split(DIALECT_SQLITE, text, len, arena, &s, &e) != 0)
    return 0;
  for (size_t i = 0; i < s.count && count < ALTERS_MAX; i++) {
    struct rebuild_alter *a = &alters[count];
    *a = (struct rebuild_alter){text + s.items[i].start, s.items[i].len, {0}};
    int rc = alter_parse(a->sql, a->len, arena, &a->parsed, &e);
    if (rc < 0)
      check_error(&e, a->len);
    for (size_t k = 0; rc > 0 && k < a->parsed.count; k++) {
      check_range(a->parsed.actions[k].whole, a->len);
      check_range(a->parsed.actions[k].body, a->len);
      check_range(a->parsed.actions[k].using, a->len);
    }
    count += rc > 0;
  }
  return count;
}

static void check_plan(const char *sql, const struct table *t, const struct rebuild_alter *alters,
                       size_t count, struct arena *arena) {
  const struct schema_object objects[] = {
      {"table", t->name, t->name, sql, false},
      {"index", "i", t->name, "CREATE INDEX i ON t(a) WHERE b", false},
      {"view", "v", "v", "CREATE VIEW v AS SELECT b, x.c FROM t AS x", false},
      {"trigger", "r", t->name, "CREATE TRIGGER r UPDATE OF d ON t BEGIN SELECT new.e; END", true},
      {"table", "u", "u", "CREATE TABLE u(x REFERENCES t(f))", false},
  };
  const struct schema schema = {objects, sizeof objects / sizeof objects[0]};
  struct rebuild plan;
  struct table again;
  struct err e;
  size_t failed;
  if (rebuild_plan(&schema, alters, count, arena, &plan, &failed, &e) != 0) {
    must(failed < count);
    check_error(&e, alters[failed].len);
    return;
  }
  must(plan.taken >= 1 && plan.taken <= count);
  for (size_t i = 0; i < plan.count; i++) {
    must(plan.items[i].place.alter < plan.taken);
    must(plan.items[i].place.action < alters[plan.items[i].place.alter].parsed.count);
    if (plan.items[i].kind == REBUILD_CREATE)
      must(check_cut(plan.items[i].sql, strlen(plan.items[i].sql), arena, &again) == 1);
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  char *text = malloc(size + 1);
  must(text != NULL);
  memcpy(text, data, size);
  text[size] = '\0';
  size_t len = strlen(text);
  const char *rest = len < size ? text + len + 1 : text;
  struct arena arena;
  struct table t;
  struct rebuild_alter alters[ALTERS_MAX];
  arena_init(&arena, 64u << 20);
  int rc = check_cut(text, len, &arena, &t);
  size_t count = check_parse(rest, strlen(rest), &arena, alters);
  if (rc == 1 && count > 0 && sqlite_takes(text))
    check_plan(text, &t, alters, count, &arena);
  arena_release(&arena);
  free(text);
  return 0;
}
