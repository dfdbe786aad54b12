/* Migrations of other tools made into revision files. An importer, one file and one row of the
 * table in importers.c, reads what its tool keeps and adds scripts; what follows is the same for
 * all: scripts of one id become one revision, the revisions a graph, the files of a catalog's
 * folder. No server is asked; one thread.
 *
 * The ids, which adopting a live database needs again: a version is taken as the tool writes it,
 * without the characters that ids cannot hold (import_id); a name has `_` for each of them, and
 * what is too long is cut and ends in a checksum of the whole (import_name).
 */
#ifndef MIGD_CLIENT_IMPORT_H
#define MIGD_CLIENT_IMPORT_H

#include <stdbool.h>
#include <stddef.h>

#include "proto/base/arena.h"
#include "proto/base/err.h"

enum { IMPORT_SOURCES = 16 };

enum import_dialect { IMPORT_BOTH, IMPORT_SQLITE, IMPORT_POSTGRESQL, IMPORT_DIALECTS };
extern const char *const import_dialect_names[IMPORT_DIALECTS]; /* "" for both */

struct import_source {
  enum import_dialect dialect;
  const char *path; /* a folder, or a file where the tool has one */
};

/* A file of a source: without a byte order mark; NUL behind. */
struct import_text {
  const char *path, *s;
  size_t len;
};

struct import_list {
  const char **items;
  size_t count, capacity;
};

/* One up or down script. */
struct import_script {
  const char *id, *slug;                       /* of its revision */
  const char *order;                           /* what the importer compares; NULL: the id */
  const char *message;                         /* NULL: the slug's words; "": none */
  const char *description;                     /* how the tool calls it, where that is not the id */
  struct import_list parents, depends, labels; /* ids; parents only with IMPORT_GIVEN */
  const char *path;                            /* to tell where something is wrong */
  unsigned line;                               /* of the body's first line there; 0: the first */
  enum import_dialect dialect;
  bool down, transaction;
  const char *body;
  size_t len;
};

/* A file of the catalog to be. */
struct import_file {
  const char *name, *text;
  size_t len;
};

/* What is not carried, or what the server or the database will probably refuse. */
struct import_note {
  const char *path, *text;
  unsigned line, column; /* 0 unknown */
};

struct import;

/* How the revisions follow each other. */
enum import_order {
  IMPORT_SORTED, /* a chain in the order of compare() */
  IMPORT_READ,   /* a chain in the order in which the scripts were added */
  IMPORT_GIVEN,  /* by their parents */
};

struct importer {
  const char *name;    /* of the tool: what --from takes */
  const char *looks;   /* how its files look, for help */
  const char *carries; /* what becomes of what, where that is no matter of course; or NULL */
  /* Adds the scripts of a source. Wrong scripts are problems; -1 only when the source cannot be
   * read. */
  int (*read)(struct import *im, unsigned source, struct err *e);
  /* Adds what is known only when all sources are read; NULL: each source has scripts. */
  void (*finish)(struct import *im);
  enum import_order order;
  int (*compare)(const char *a, const char *b); /* IMPORT_SORTED: two `order`s */
};

/* All of them, in this order; importers[] ends with NULL. */
#define IMPORTER_NAMES                                                                             \
  "alembic|atlas|dbmate|diesel|flyway|golang-migrate|goose|liquibase|node-pg-migrate|plain|"       \
  "refinery|sqitch|sqlx|updown"
extern const struct importer *const importers[];
extern const struct importer import_alembic, import_atlas, import_dbmate, import_diesel,
    import_flyway, import_golang_migrate, import_goose, import_liquibase, import_node_pg_migrate,
    import_plain, import_refinery, import_sqitch, import_sqlx, import_updown;
const struct importer *importer_find(const char *name);

/* Start with arena, importer and sources set, the rest zeroed. */
struct import {
  struct arena *arena;
  const struct importer *importer;
  struct import_source sources[IMPORT_SOURCES];
  unsigned source_count;
  struct import_script *scripts;
  size_t script_count, script_capacity;
  struct err *problems; /* each makes the import impossible */
  size_t problem_count, problem_capacity;
  struct import_note *notes;
  size_t note_count, note_capacity;
  struct import_file *files;
  size_t file_count;
  size_t own[IMPORT_DIALECTS]; /* revisions: for both dialects, for one only */
  size_t without_down;
  void *state; /* the importer's own, from read() to finish() */
};

/* ---- for importers: files ---- */

/* The names in a folder, sorted, without hidden ones; of a source that is a file, that file. -1
 * when it cannot be read. */
int import_list(struct import *im, const char *folder, struct import_list *names, struct err *e);
/* As import_list(), with the files of the folders below: `sub/name`. */
int import_walk(struct import *im, const char *folder, struct import_list *names, struct err *e);
/* Where a name of import_list() or import_walk() lies. */
const char *import_path(struct import *im, const char *folder, const char *name);
/* A whole file, or NULL with errno set. */
const char *import_read_file(struct import *im, const char *path, size_t *len);
/* A file that is UTF-8 without NUL bytes; another is a problem, and false. */
bool import_load(struct import *im, const char *path, struct import_text *text);
bool import_exists(const char *path);

/* ---- for importers: what they found ---- */

void import_problem(struct import *im, const char *path, unsigned line, unsigned column,
                    const char *format, ...) __attribute__((format(printf, 5, 6)));
void import_note(struct import *im, const char *path, unsigned line, unsigned column,
                 const char *format, ...) __attribute__((format(printf, 5, 6)));
/* Adds a script whose body is set. Problems: an id that cannot be one, lines that read like our
 * directives. A transaction around the whole is taken away; what else the server will refuse is
 * noted. */
void import_add(struct import *im, struct import_script script);
/* The body becomes all of a text. */
void import_add_whole(struct import *im, struct import_script script,
                      const struct import_text *text);
const char *import_id(struct import *im, const char *version, size_t len);
const char *import_name(struct import *im, const char *name, size_t len);
void import_push(struct import *im, struct import_list *list, const char *item);
/* Unless it is in the list. */
void import_push_once(struct import *im, struct import_list *list, const char *item);
void *import_grown(struct arena *a, void *items, size_t count, size_t *capacity, size_t size);
/* Writes a place in a text as a problem's or a note's. */
void import_position(const struct import_text *text, const char *at, unsigned *line,
                     unsigned *column);

/* Orders: by number, however many digits and after a V; by numbers between dots. */
int import_by_number(const char *a, const char *b);
int import_by_dotted(const char *a, const char *b);

/* ---- the whole ---- */

/* Reads all sources and makes `files`. -1 with `e`, and perhaps `problems`, when it cannot be done.
 */
int import_make(struct import *im, struct err *e);
/* Orders the scripts into revisions and makes their files; part of import_make(). */
void import_merge(struct import *im);
/* Writes the files into a folder, which is made where there is none: all, or none at all. */
int import_write(struct import *im, const char *folder, struct err *e);

#endif
