/* SQLite's result codes in migd's terms: what the caller should do, and an SQLSTATE where the
 * standard has one, so that a full disk or a broken constraint looks the same for both databases.
 */
#include "server/db/sqlite.h"

#include <string.h>

struct code_row {
  int code; /* extended or primary */
  enum err_kind kind;
  const char *sqlstate;
  const char *text; /* NULL: SQLite's own words */
};

/* Extended codes before the primary code they belong to. */
static const struct code_row codes[] = {
    {SQLITE_CONSTRAINT_UNIQUE, ERR_MIGRATION, "23505", NULL},
    {SQLITE_CONSTRAINT_PRIMARYKEY, ERR_MIGRATION, "23505", NULL},
    {SQLITE_CONSTRAINT_ROWID, ERR_MIGRATION, "23505", NULL},
    {SQLITE_CONSTRAINT_NOTNULL, ERR_MIGRATION, "23502", NULL},
    {SQLITE_CONSTRAINT_FOREIGNKEY, ERR_MIGRATION, "23503", NULL},
    {SQLITE_CONSTRAINT_CHECK, ERR_MIGRATION, "23514", NULL},
    {SQLITE_CONSTRAINT_TRIGGER, ERR_MIGRATION, "P0001", NULL},
    {SQLITE_CONSTRAINT, ERR_MIGRATION, "23000", NULL},
    {SQLITE_FULL, ERR_MIGRATION, "53100", "the disk is full"},
    {SQLITE_BUSY, ERR_LOCKED, "55P03", "the database is locked by another program"},
    {SQLITE_LOCKED, ERR_LOCKED, "55P03", "the database is locked by another program"},
    {SQLITE_NOTADB, ERR_TARGET, "", "the file is not an SQLite database"},
    {SQLITE_CORRUPT, ERR_TARGET, "XX001", "the database file is damaged"},
    {SQLITE_READONLY_DBMOVED, ERR_TARGET, "", "the database file was moved or replaced"},
    {SQLITE_READONLY, ERR_TARGET, "25006", "the database is read-only"},
    {SQLITE_CANTOPEN, ERR_TARGET, "58030", "the database file cannot be opened"},
    {SQLITE_IOERR, ERR_TARGET, "58030", "reading or writing the database file failed"},
    {SQLITE_PERM, ERR_TARGET, "", "access to the database file is not permitted"},
    {SQLITE_PROTOCOL, ERR_LOCKED, "55P03", "the database is locked by another program"},
    {SQLITE_NOMEM, ERR_BUSY, "53200", "out of memory"},
};

static const struct code_row *row_of(int rc) {
  for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
    if (codes[i].code == rc || codes[i].code == (rc & 0xff))
      return &codes[i];
  return NULL;
}

int sqlite_fail(struct sqlite *s, int rc, struct err *e) {
  if (s->stopped) {
    *e = s->stop;
    return -1;
  }
  if (s->guard.why[0])
    return err_set(e, ERR_MIGRATION, "%s", s->guard.why);
  const char *words = s->handle ? sqlite3_errmsg(s->handle) : sqlite3_errstr(rc);
  const struct code_row *row = row_of(rc);
  err_set(e, row ? row->kind : ERR_MIGRATION, "%s", row && row->text ? row->text : words);
  if (row) {
    err_copy(e->sqlstate, sizeof e->sqlstate, row->sqlstate, strlen(row->sqlstate));
    if (row->text)
      err_copy(e->detail, sizeof e->detail, words, strlen(words));
  }
  return -1;
}
