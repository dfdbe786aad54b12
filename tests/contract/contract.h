/* The driver contract: one table of tests that every driver passes. A driver's program opens
 * connections for it and says the few words in which the two dialects differ.
 */
#ifndef MIGD_TESTS_CONTRACT_H
#define MIGD_TESTS_CONTRACT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server/db/db.h"

/* What a driver's program brings. */
struct subject {
  const struct db_driver *driver;
  struct db_url url;     /* of a database that the tests may fill */
  const char *password;  /* or NULL */
  const char *missing;   /* a URL of a database that does not exist */
  const char *blob_type; /* a column type */
};

extern struct subject subject;

extern const struct CMUnitTest contract_tests[];
extern const size_t contract_test_count;

/* Guarded, with a lock timeout of 200 ms. */
struct db_options subject_options(void);
struct db *subject_open(void);
/* Runs contract_tests and then the driver's own. */
int contract_run(const struct CMUnitTest *own, size_t count);

/* A statement as migrations give them. */
int try_sql(struct db *db, const char *sql, struct err *e);
/* It must succeed; answers the number of changed rows. `ours`: past the guard. */
int64_t must(struct db *db, const char *sql);
int64_t must_ours(struct db *db, const char *sql);
/* It must fail so; the error stays readable until the next call. */
const struct err *must_fail(struct db *db, const char *sql, enum err_kind kind);
/* The first column of the only row, as a number; -1 when there is no row. */
int64_t number(struct db *db, const char *sql);
/* Of the same, as text, in a static buffer. */
const char *text(struct db *db, const char *sql);
void assert_says(const struct err *e, const char *words);

/* Cancels a job from another thread once it is told that the statement is at work. */
struct canceller {
  struct job job;
  int told[2]; /* a pipe */
  void *thread;
};
void canceller_start(struct canceller *c);
void canceller_tell(struct canceller *c);
void canceller_stop(struct canceller *c);

#endif
