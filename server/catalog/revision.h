/* Revision files: one migration as text, and what it says. Pure: no I/O, no clock, no globals.
 *
 * The format is described in README.md ("Revision files"). Every mistake is reported, not the
 * first.
 */
#ifndef MIGD_CATALOG_REVISION_H
#define MIGD_CATALOG_REVISION_H

#include <stdbool.h>
#include <stddef.h>

#include "proto/base/arena.h"
#include "server/base/dialect.h"
#include "server/base/digest.h"

/* What one file may hold; more is a problem. */
enum {
  REVISION_MAX = 64 * 1024 * 1024, /* bytes */
  REVISION_NAME_MAX = 150,         /* bytes of the file's name */
  REVISION_ID_MAX = 64,            /* of an id or a label */
  REVISION_MESSAGE_MAX = 500,      /* bytes */
  REVISION_LIST_MAX = 1000,        /* parents; dependencies; labels */
  REVISION_SECTIONS_MAX = 1000,
  REVISION_STATEMENTS_MAX = 1000000, /* `;` in a section */
  PROBLEMS_MAX = 1000,               /* further ones are not kept */
};

/* Something wrong in a file. The message says what to do next as well. */
struct problem {
  const char *file;
  unsigned line, column; /* 1-based; 0 unknown */
  const char *message;
  const char *source; /* the text of the line, or "" */
};

/* A list that grows in its arena, up to PROBLEMS_MAX, and a last one that says so. */
struct problems {
  struct arena *arena;
  struct problem *items;
  size_t count, capacity;
};

void problem_add(struct problems *p, const char *file, unsigned line, unsigned column,
                 const char *source, const char *format, ...) __attribute__((format(printf, 6, 7)));

enum direction { DIR_UP = 1, DIR_DOWN = 2, DIR_STAMP = 3 }; /* numbers of migd.v1.Direction */

/* A statement of a section, cut once when the file is read. */
struct section_statement {
  size_t start, len; /* in the revision's content */
  unsigned line, column;
};

/* `-- migd:up on=postgresql transaction=off` and what follows it. A section that runs on both
 * dialects is cut into statements for each. */
struct section {
  enum direction direction; /* DIR_UP or DIR_DOWN */
  unsigned dialects;        /* set of enum dialect */
  bool transaction;         /* false: transaction=off, or batch by batch */
  unsigned batch;           /* rows that its one statement changes in a transaction; 0: all */
  unsigned pause_ms;        /* between two batches */
  unsigned line;            /* of the directive */
  size_t start, len;        /* its body, in the revision's content */
  struct {
    struct section_statement *items;
    size_t count;
  } statements[3]; /* by enum dialect; [0] unused */
};

/* All pointers are into the arena it was read into. */
struct revision {
  const char *id;
  const char *file;    /* `<id>_<slug>.sql` */
  const char *message; /* "" when there is none */
  const char **parents, **depends_on, **labels;
  size_t parent_count, depends_on_count, label_count;
  unsigned id_line, parents_line, depends_on_line, labels_line; /* for problems found later */
  struct section *sections;
  size_t section_count;
  bool has_down;       /* a down section, perhaps empty, for each dialect that has an up section */
  const char *content; /* canonical bytes: LF line ends, no BOM; NUL behind */
  size_t content_len;
  char checksum[DIGEST_TEXT]; /* of content */
};

bool revision_id_valid(const char *id, size_t len); /* [A-Za-z0-9_.]{1,64} */

/* Reads one file. 0, or -1 when it added problems; `out` is filled as far as could be read. */
int revision_parse(const char *file, const void *bytes, size_t len, struct arena *arena,
                   struct problems *problems, struct revision *out);
/* Has a section for this dialect in this direction. */
bool revision_has(const struct revision *r, enum dialect dialect, enum direction direction);
/* Whether going down across it is possible on this dialect: it has a down section for it (perhaps
 * empty), or nothing was done going up. */
bool revision_reversible(const struct revision *r, enum dialect dialect);

#endif
