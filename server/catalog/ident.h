/* Identifiers: from what a user types to revisions, with Alembic's rules (alembic.md 4.1). Pure.
 *
 *   [BRANCH@][SYMBOL][+N|-N]     BRANCH: a label, an id, or the beginning of one
 *                                SYMBOL: that too, or head, heads, base, current
 */
#ifndef MIGD_CATALOG_IDENT_H
#define MIGD_CATALOG_IDENT_H

#include "server/catalog/catalog.h"

/* What the identifier is for decides what `+n` and `-n` alone count from, and whether `current` is
 * a word. */
enum ident_use {
  IDENT_SHOW,      /* `current` are the rows, and both count from them, where there are any */
  IDENT_UPGRADE,   /* `+n` counts from the current rows */
  IDENT_DOWNGRADE, /* `-n` counts from the current rows */
  IDENT_STAMP,     /* absolute; `base` is the empty set */
};

/* An identifier in its parts; pointers are into the text it was read from. */
struct ident {
  const char *branch; /* length 0: none */
  size_t branch_len;
  const char *symbol; /* length 0: the current rows */
  size_t symbol_len;
  long offset; /* 0: none given */
};

#define IDENT_NONE (-1L)

/* What an identifier means. */
struct ident_answer {
  struct revision_set found; /* none: base */
  long branch;               /* the revision that is named before @, or IDENT_NONE */
  bool counted;              /* from the current rows */
  long start;                /* where that count began; IDENT_NONE: below the first revisions */
};

/* ERR_INPUT when the text is none. */
int ident_parse(const char *text, struct ident *out, struct err *e);
/* Whether it can mean something only where the rows of a ledger are known: `+2`, `label@-1`. */
bool ident_is_relative(const char *text);
/* Resolves one identifier. `current` are the rows of the target's ledger; NULL: not known. The
 * answer may be empty (`base`) or several (`heads`). ERR_NOT_FOUND names the nearest; ERR_INPUT for
 * what is malformed or ambiguous names the candidates. */
int ident_answer(const struct catalog *c, const char *text, enum ident_use use,
                 const struct revision_set *current, struct arena *arena, struct ident_answer *out,
                 struct err *e);
/* The same, when only the revisions matter. */
int ident_resolve(const struct catalog *c, const char *text, enum ident_use use,
                  const struct revision_set *current, struct arena *arena, struct revision_set *out,
                  struct err *e);

/* The two ends of `a:b`, `a:`, `:b`. `-n` in front of the colon counts down from the end behind it,
 * `+n` behind it up from the end in front; other lone counts go from `current`. A count that goes
 * too far ends at the first or the last revision. */
struct ident_ends {
  struct revision_set low, high; /* low empty: base */
};
int ident_range_ends(const struct catalog *c, const char *text, const struct revision_set *current,
                     struct arena *arena, struct ident_ends *out, struct err *e);
/* The revisions of a range, both ends included, newest first. */
int ident_range(const struct catalog *c, const char *text, const struct revision_set *current,
                struct arena *arena, struct revision_set *out, struct err *e);

#endif
