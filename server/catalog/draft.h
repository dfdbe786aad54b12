/* Drafts: a new revision for a catalog, as Alembic's `revision` and `merge` make one. Pure. */
#ifndef MIGD_CATALOG_DRAFT_H
#define MIGD_CATALOG_DRAFT_H

#include "server/catalog/catalog.h"

struct draft_request {
  const char *const *heads; /* as typed; none: the only head, or base of an empty catalog */
  size_t head_count;
  bool merge;  /* two revisions at least are joined */
  bool splice; /* may stand on what is no head */
  const char *const *labels, *const *depends_on;
  size_t label_count, depends_on_count;
  const char *id, *message;
  const char *up; /* SQL; length 0: sections to be filled in */
  size_t up_len;
};

struct draft {
  const char *file, *content;
  size_t content_len;
  struct revision revision; /* as the content says */
};

/* `c` NULL for a catalog without files. ERR_INPUT, ERR_NOT_FOUND from identifiers; ERR_INPUT for
 * what is ambiguous, for parents that are no heads, and for what makes no file; ERR_EXISTS for an
 * id or label that is used. In the arena. */
int draft_make(const struct catalog *c, const struct draft_request *request, struct arena *arena,
               struct draft *out, struct err *e);

#endif
