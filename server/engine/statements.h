/* Running the statements of a revision on a target: position of failures, what a statement must not
 * do to the transaction around it, and the checks before a commit. Used by apply.c, journal.c
 * and backfill.c only.
 */
#ifndef MIGD_ENGINE_STATEMENTS_H
#define MIGD_ENGINE_STATEMENTS_H

#include "server/engine/walk.h"

/* Whether the statements of a section are among those that a step runs. */
bool section_is_run(const struct walk *w, const struct section *s, enum direction direction);
/* The text that is sent for a statement, its variables replaced. `batch`: the number that stands
 * for ${batch}; NULL in a section without one. A failure has its place. A place in the text is one
 * in the statement by sql_text_source(). The caller wipes the text (sql_text_wipe) when it is done
 * with it. */
int statement_text(const struct walk *w, const struct revision *r,
                   const struct section_statement *s, const char *batch, struct arena *arena,
                   struct sql_text *out, struct err *e);
/* Runs one statement. `inside`: a transaction is open and must still be open afterwards. A failure
 * gets the revision, the file, line, column and the line's text, and the text "file:line:column:
 * ERROR …". */
int statement_run(struct walk *w, const struct revision *r, const struct section_statement *s,
                  bool inside, struct err *e);
/* Runs one inside, with the number of rows in the place of ${batch}. */
int statement_run_batch(struct walk *w, const struct revision *r, const struct section_statement *s,
                        int64_t rows, int64_t *changed, struct err *e);
/* Runs statements inside a transaction, one after the other; ALTER TABLEs of a SQLite table are
 * done together, by a rebuild where SQLite has none (rebuild.h). */
int statements_run(struct walk *w, const struct revision *r, const struct section_statement *s,
                   size_t count, struct err *e);
/* Names the place of a statement in an error; e->offset is one in the statement of the file. */
void statement_locate(const struct revision *r, const struct section_statement *s, struct err *e);

/* In a script: notes what session_pin() goes back to. */
int session_note(struct walk *w, struct err *e);
/* Undoes what a statement may have set for the session: PostgreSQL's search_path, SQLite's
 * foreign_keys and legacy_alter_table. The ledger must be found where it was. */
int session_pin(struct walk *w, struct err *e);

/* Foreign keys that point nowhere: SQLite does not enforce them while migrations run, so they are
 * counted before the commit. */
struct orphans {
  bool known;        /* `rows` were there before the step: they are not its fault */
  const char **rows; /* sorted "table rowid parent" */
  size_t count;
};
/* Whether the revision can make any. */
bool orphans_possible(const struct walk *w, const struct revision *r, enum direction direction);
/* Reads those that are there now. */
int orphans_read(struct walk *w, struct orphans *out, struct err *e);
/* -1 with ERR_MIGRATION naming the first of `now` that is not among `before`. */
int orphans_compare(const struct orphans *now, const struct orphans *before, struct err *e);
/* Gives such an error its place: the ALTER TABLE that added a foreign key to the row's table, or
 * else the file. */
void orphans_locate(const struct walk *w, const struct revision *r, enum direction direction,
                    struct err *e);

/* In a script: such rows are noted once, and looked for before each commit. */
int orphans_note(struct walk *w, struct err *e);
void orphans_refuse(struct walk *w);

#endif
