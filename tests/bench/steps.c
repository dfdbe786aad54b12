/* What an upgrade of one SQLite file costs at the least: a loop that runs the files given, each in
 * one transaction, and nothing else. With -l it does all that migd promises as well: a ledger row
 * and the change of migd_revision in the same transaction, and foreign_key_check before its commit.
 *
 * usage: bench_steps [-l] DATABASE FILE...
 */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void die(sqlite3 *db, const char *what) {
  fprintf(stderr, "%s: %s\n", what, sqlite3_errmsg(db));
  exit(1);
}

static char *read_file(const char *name) {
  FILE *f = fopen(name, "rb");
  if (!f) {
    perror(name);
    exit(1);
  }
  char *text = calloc(1, 1 << 20);
  if (!text || fread(text, 1, (1 << 20) - 1, f) == 0)
    exit(1);
  fclose(f);
  return text;
}

/* Statement by statement, as migd does it. */
static void run(sqlite3 *db, const char *sql) {
  while (*sql) {
    sqlite3_stmt *statement;
    if (sqlite3_prepare_v2(db, sql, -1, &statement, &sql) != SQLITE_OK)
      die(db, sql);
    int rc = SQLITE_DONE;
    while (statement && (rc = sqlite3_step(statement)) == SQLITE_ROW)
      ;
    if (rc != SQLITE_DONE)
      die(db, "step");
    sqlite3_finalize(statement);
  }
}

static void record(sqlite3 *db, int step) {
  char sql[700];
  if (step == 1)
    run(db, "CREATE TABLE migd_revision (revision VARCHAR(64) NOT NULL PRIMARY KEY);"
            "CREATE TABLE migd_ledger (seq INTEGER NOT NULL PRIMARY KEY, revision VARCHAR(64) NOT "
            "NULL, "
            "direction VARCHAR(8) NOT NULL, statement INTEGER NOT NULL, state VARCHAR(8) NOT NULL, "
            "checksum VARCHAR(80) NOT NULL, run_id BIGINT NOT NULL, epoch BIGINT NOT NULL, step "
            "INTEGER "
            "NOT NULL, principal VARCHAR(64) NOT NULL, store_id VARCHAR(64) NOT NULL, started_at "
            "VARCHAR(32) NOT NULL, duration_us BIGINT NOT NULL);"
            "INSERT INTO migd_revision VALUES ('0001')");
  else {
    snprintf(sql, sizeof sql, "UPDATE migd_revision SET revision = '%04d' WHERE revision = '%04d'",
             step, step - 1);
    run(db, sql);
  }
  snprintf(sql, sizeof sql,
           "INSERT INTO migd_ledger SELECT coalesce(max(seq), 0) + 1, '%04d', 'up', 0, 'done', "
           "'%071d', 1, 1, "
           "%d, 'admin', '%032d', '2026-01-01T00:00:00.000000Z', 1000 FROM migd_ledger",
           step, step, step, 1);
  run(db, sql);
  run(db, "PRAGMA foreign_key_check");
}

int main(int argc, char **argv) {
  int ledger = argc > 1 && !strcmp(argv[1], "-l");
  if (argc < 3 + ledger)
    return 2;
  sqlite3 *db;
  if (sqlite3_open(argv[1 + ledger], &db) != SQLITE_OK)
    die(db, argv[1 + ledger]);
  run(db, "PRAGMA foreign_keys = OFF");
  for (int i = 2 + ledger, step = 1; i < argc; i++, step++) {
    char *sql = read_file(argv[i]);
    run(db, "BEGIN IMMEDIATE");
    run(db, sql);
    if (ledger)
      record(db, step);
    run(db, "COMMIT");
    free(sql);
  }
  return sqlite3_close(db) == SQLITE_OK ? 0 : 1;
}
