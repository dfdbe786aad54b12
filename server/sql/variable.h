/* Variables in SQL: `${name}` and `${name:literal}` stand for a value as a quoted literal,
 * `${name:identifier}` as a quoted identifier, `${name:raw}` for the value as it is. Only outside
 * of quotes and comments; there the text stays what it is. Pure: no I/O, no globals.
 */
#ifndef MIGD_SQL_VARIABLE_H
#define MIGD_SQL_VARIABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "proto/base/arena.h"
#include "proto/base/err.h"
#include "server/base/dialect.h"
#include "server/sql/faults.h"

enum {
  VARIABLE_NAME_MAX = 63,       /* bytes */
  VARIABLE_VALUE_MAX = 4096,    /* bytes */
  VARIABLE_TEXT_MAX = 64 << 20, /* bytes of a statement with its values */
  VARIABLE_IDENTIFIER_MAX = 63, /* bytes; PostgreSQL cuts what is longer */
};

/* The one that no setting has: a section with `batch=` puts its number of rows there. */
#define VARIABLE_BATCH "batch"

enum variable_form { VARIABLE_LITERAL, VARIABLE_IDENTIFIER, VARIABLE_RAW };

/* One use of a variable. */
struct sql_variable {
  size_t len; /* of the whole token */
  char name[VARIABLE_NAME_MAX + 1];
  enum variable_form form;
};

bool variable_name_valid(const char *name, size_t len); /* [a-z_][a-z0-9_]{0,62} */
/* Reads the variable that `text` begins with: `${` is there. ERR_INPUT for a name or a form that
 * there is not, and for one without end. */
int sql_variable_read(const char *text, size_t len, struct sql_variable *out, struct err *e);

/* A value. UTF-8, no NUL. */
struct variable {
  const char *name, *value; /* value: NUL behind it; NULL: it is secret and not for this text */
  bool secret;
};

/* All values there are for a statement; borrowed. Zeroes: none. */
struct variables {
  const struct variable *items; /* by name */
  size_t count;
  const char *batch; /* the number that stands for ${batch}, or NULL */
  bool hide_secrets; /* to be shown: secret ones stay `${name}`, and ${batch} does */
};

/* NULL when there is none. */
const struct variable *variable_find(const struct variables *v, const char *name);

/* A variable in the text and what stands for it in the text that is sent, both in bytes. */
struct sql_piece {
  size_t source, source_len, sent, sent_len;
};

/* A statement as it is sent. */
struct sql_text {
  const char *s; /* the statement's own text where it has no variables; else in the arena */
  size_t len;
  const struct sql_piece *pieces; /* in order */
  size_t count;
  bool secret; /* a secret value is in it: not for a log, and wiped after use */
};

/* What can be said without values: adds every malformed variable, every one beside a string, and
 * every ${batch} where `batch` does not allow it or with a form. Offsets are those of `text`, in
 * which the statement is `len` bytes from `start`. */
void variable_check(enum dialect dialect, const char *text, size_t start, size_t len, bool batch,
                    struct sql_faults *out);
/* Finds the first variable from *at on that has no value (here); *at is then behind it. False:
 * there is none. */
bool variable_missing(enum dialect dialect, const char *sql, size_t len,
                      const struct variables *values, size_t *at, struct sql_variable *out);
/* Puts the values into one statement. With e->offset the place in the statement: ERR_NOT_FOUND for
 * a variable that has no value (here), ERR_REFUSED for a value that cannot stand there in that
 * form. */
int variable_replace(enum dialect dialect, const char *sql, size_t len,
                     const struct variables *values, struct arena *arena, struct sql_text *out,
                     struct err *e);
/* The place in the statement of a place in the text that is sent: in a value, the variable's. */
size_t sql_text_source(const struct sql_text *t, size_t sent);
/* Overwrites a text that has a secret in it. */
void sql_text_wipe(struct sql_text *t);

#endif
