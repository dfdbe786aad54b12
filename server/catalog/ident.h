/* Identifiers: from what a user types to revisions, with Alembic's rules. Pure. */
#ifndef MIGD_CATALOG_IDENT_H
#define MIGD_CATALOG_IDENT_H

#include "server/catalog/catalog.h"

/* What the identifier is for decides what `+n` and `-n` count from. */
enum ident_use {
  IDENT_SHOW,      /* one revision, absolute */
  IDENT_UPGRADE,   /* `+n` counts from the current rows */
  IDENT_DOWNGRADE, /* `-n` counts from the current rows */
  IDENT_STAMP,     /* absolute; `base` is the empty set */
};

/* An identifier in its parts, `[SYMBOL][+N|-N]`; pointers are into the text it was read from. */
struct ident {
  const char
      *symbol; /* an id, a label, a prefix or head, heads, base; length 0: the current rows */
  size_t symbol_len;
  long offset; /* 0: none given */
};

/* ERR_INPUT when the text is none. */
int ident_parse(const char *text, struct ident *out, struct err *e);
/* Resolves one identifier: an id, a label, a unique prefix (4 characters or more), `head`, `heads`,
 * `base`, `id+n`, `id-n`, `head-n`, `base+n`, `+n`, `-n`. `current` are the rows of the target's
 * ledger (for +n, -n). The answer may be empty (`base`) or several (`heads`). ERR_NOT_FOUND names
 * the nearest; ERR_INPUT for what is malformed or ambiguous names the candidates. */
int ident_resolve(const struct catalog *c, const char *text, enum ident_use use,
                  const struct revision_set *current, struct arena *arena, struct revision_set *out,
                  struct err *e);
/* `a:b`, `a:`, `:b`: the revisions between, both ends included, newest first. */
int ident_range(const struct catalog *c, const char *text, struct arena *arena,
                struct revision_set *out, struct err *e);

#endif
