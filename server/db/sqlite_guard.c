/* The guard over migration SQL on SQLite: an authorizer that refuses by default. A migration may
 * change its database in every way, but not reach other files, not end or nest migd's transaction,
 * not weaken durability, and not touch migd's own tables, directly or from a trigger.
 *
 * SQLite asks while it prepares a statement (triggers are compiled into it then). While a statement
 * runs, only SQLite's own modules prepare more: VACUUM and full-text search.
 */
#include "server/db/sqlite.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

enum pragma_use { PRAGMA_READ = 1, PRAGMA_SET = 2 };

struct pragma_row {
  const char *name;
  enum pragma_use
      use; /* PRAGMA_SET: with a value too. An argument that only names a table is one. */
};

static const struct pragma_row pragmas[] = {
    {"application_id", PRAGMA_SET},     {"auto_vacuum", PRAGMA_SET},
    {"collation_list", PRAGMA_READ},    {"compile_options", PRAGMA_READ},
    {"data_version", PRAGMA_READ},      {"database_list", PRAGMA_READ},
    {"defer_foreign_keys", PRAGMA_SET}, {"encoding", PRAGMA_SET},
    {"foreign_key_check", PRAGMA_SET},  {"foreign_key_list", PRAGMA_SET},
    {"foreign_keys", PRAGMA_SET},       {"freelist_count", PRAGMA_READ},
    {"function_list", PRAGMA_READ},     {"incremental_vacuum", PRAGMA_SET},
    {"index_info", PRAGMA_SET},         {"index_list", PRAGMA_SET},
    {"index_xinfo", PRAGMA_SET},        {"integrity_check", PRAGMA_SET},
    {"journal_mode", PRAGMA_READ},      {"legacy_alter_table", PRAGMA_SET},
    {"module_list", PRAGMA_READ},       {"optimize", PRAGMA_SET},
    {"page_count", PRAGMA_READ},        {"page_size", PRAGMA_READ},
    {"pragma_list", PRAGMA_READ},       {"quick_check", PRAGMA_SET},
    {"recursive_triggers", PRAGMA_SET}, {"schema_version", PRAGMA_READ},
    {"synchronous", PRAGMA_READ},       {"table_info", PRAGMA_SET},
    {"table_list", PRAGMA_SET},         {"table_xinfo", PRAGMA_SET},
    {"user_version", PRAGMA_SET},
};

static const char *const modules[] = {"fts3",      "fts4",  "fts5",      "fts4aux",
                                      "fts5vocab", "rtree", "rtree_i32", "geopoly"};

static const char *const functions_refused[] = {"load_extension", "fts3_tokenizer"};

static int refuse(struct sqlite_guard *g, const char *what, const char *name) {
  snprintf(g->why, sizeof g->why, "%s%s%.80s is not allowed in a migration", what, name ? " " : "",
           name ? name : "");
  return SQLITE_DENY;
}

static bool named(const char *name, const char *const *names, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (name && strcasecmp(name, names[i]) == 0)
      return true;
  return false;
}

#define NAMED(name, names) named(name, names, sizeof(names) / sizeof *(names))

static int check_pragma(struct sqlite_guard *g, const char *name, const char *value) {
  for (size_t i = 0; i < sizeof pragmas / sizeof *pragmas; i++)
    if (strcasecmp(name, pragmas[i].name) == 0 && (!value || pragmas[i].use == PRAGMA_SET))
      return SQLITE_OK;
  return refuse(g, "PRAGMA", name);
}

static bool is_ours(const struct sqlite_guard *g, const char *name) {
  return name && strncasecmp(name, "migd_", 5) == 0 &&
         !(g->rebuild && strncasecmp(name, "migd_new_", 9) == 0);
}

/* A change to the table or other object `name`, which may belong to the table `table`. */
static int check_change(struct sqlite_guard *g, const char *name, const char *table) {
  if (!g->vacuum && (is_ours(g, name) || is_ours(g, table))) {
    snprintf(g->why, sizeof g->why, "%.80s: names beginning with migd_ are migd's own",
             is_ours(g, name) ? name : table);
    return SQLITE_DENY;
  }
  return SQLITE_OK;
}

/* Renaming a temporary table could put one in front of ours without its new name being shown here.
 */
static int check_alter(struct sqlite_guard *g, const char *schema, const char *table) {
  if (schema && strcasecmp(schema, "temp") == 0)
    return refuse(g, "ALTER TABLE on the temporary table", table);
  return check_change(g, table, NULL);
}

static int check_transaction(struct sqlite_guard *g, const char *what, const char *name) {
  if (g->vacuum)
    return SQLITE_OK;
  if (g->running && name && strcmp(name, "fts3") == 0)
    return SQLITE_OK; /* the full-text module's own savepoint */
  return refuse(g, name ? "SAVEPOINT" : what, name);
}

int sqlite_authorize(void *ctx, int action, const char *p1, const char *p2, const char *schema,
                     const char *trigger) {
  struct sqlite_guard *g = ctx;
  (void)schema;
  (void)trigger;
  if (!g->on || g->ours)
    return SQLITE_OK;
  switch (action) {
  case SQLITE_SELECT:
  case SQLITE_READ:
  case SQLITE_RECURSIVE:
  case SQLITE_ANALYZE:
  case SQLITE_REINDEX:
    return SQLITE_OK;
  case SQLITE_INSERT:
  case SQLITE_UPDATE:
  case SQLITE_DELETE:
  case SQLITE_CREATE_TABLE:
  case SQLITE_CREATE_TEMP_TABLE:
  case SQLITE_CREATE_VIEW:
  case SQLITE_CREATE_TEMP_VIEW:
  case SQLITE_DROP_TABLE:
  case SQLITE_DROP_TEMP_TABLE:
  case SQLITE_DROP_VIEW:
  case SQLITE_DROP_TEMP_VIEW:
  case SQLITE_DROP_VTABLE:
    return check_change(g, p1, NULL);
  case SQLITE_CREATE_INDEX:
  case SQLITE_CREATE_TEMP_INDEX:
  case SQLITE_CREATE_TRIGGER:
  case SQLITE_CREATE_TEMP_TRIGGER:
  case SQLITE_DROP_INDEX:
  case SQLITE_DROP_TEMP_INDEX:
  case SQLITE_DROP_TRIGGER:
  case SQLITE_DROP_TEMP_TRIGGER:
    return check_change(g, p1, p2);
  case SQLITE_CREATE_VTABLE:
    return NAMED(p2, modules) ? check_change(g, p1, NULL) : refuse(g, "the table module", p2);
  case SQLITE_ALTER_TABLE:
    return check_alter(g, p1, p2);
  case SQLITE_FUNCTION:
    return NAMED(p2, functions_refused) ? refuse(g, "the function", p2) : SQLITE_OK;
  case SQLITE_PRAGMA:
    return check_pragma(g, p1, p2);
  case SQLITE_TRANSACTION:
    return check_transaction(g, p1, NULL);
  case SQLITE_SAVEPOINT:
    return check_transaction(g, p1, p2);
  case SQLITE_ATTACH:
    return g->vacuum && p1 && !*p1 ? SQLITE_OK
           : g->vacuum             ? refuse(g, "VACUUM INTO", NULL)
                                   : refuse(g, "ATTACH", NULL);
  case SQLITE_DETACH:
    return refuse(g, "DETACH", NULL);
  default:
    return refuse(g, "this statement", NULL);
  }
}
