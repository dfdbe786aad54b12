/* Migrations of other tools made into revision files. A layout reads the scripts of its sources;
 * what follows is the same for all: scripts of one id become one revision, the revisions a chain in
 * the order of their ids, the files of a catalog's folder. No server is asked; one thread.
 */
#ifndef MIGD_CLIENT_IMPORT_H
#define MIGD_CLIENT_IMPORT_H

#include <stdbool.h>
#include <stddef.h>

#include "proto/base/arena.h"
#include "proto/base/err.h"

enum { IMPORT_SOURCES = 2 }; /* one a dialect */

struct import_source {
  const char *dialect; /* "sqlite", "postgresql"; "" for scripts that run on both */
  const char *path;    /* a folder */
};

/* One up or down script. */
struct import_script {
  const char *id, *slug; /* of its revision */
  const char *path;      /* to tell where something is wrong */
  unsigned source;
  bool down, transaction;
  const char *body; /* without a byte order mark; NUL behind */
  size_t len;
};

/* A file of the catalog to be. */
struct import_file {
  const char *name, *text;
  size_t len;
};

struct import;

struct import_layout {
  const char *name;
  const char *looks; /* how its folders look, for help */
  /* Adds the scripts of a source. Wrong scripts are problems; -1 only when the folder cannot be
   * read.
   */
  int (*read)(struct import *im, unsigned source, struct err *e);
  int (*compare)(const char *a, const char *b); /* the order of ids */
};

extern const struct import_layout import_diesel, import_updown;

/* Start with arena, layout and sources set, the rest zeroed. */
struct import {
  struct arena *arena;
  const struct import_layout *layout;
  struct import_source sources[IMPORT_SOURCES];
  unsigned source_count;
  struct import_script *scripts;
  size_t script_count, script_capacity;
  struct err *problems; /* each makes the import impossible */
  size_t problem_count, problem_capacity;
  const char **remarks; /* what the server or the database will probably refuse */
  size_t remark_count, remark_capacity;
  struct import_file *files;
  size_t file_count;
  size_t shared, own[IMPORT_SOURCES]; /* revisions: of all sources, of one only */
  size_t without_down;
};

/* For layouts. The file's names in a folder, sorted, without hidden ones; -1 when it cannot be
 * read. */
int import_list(struct import *im, const char *folder, const char *const **names, size_t *count,
                struct err *e);
/* Reads a script and adds it. Problems: an id that cannot be one, bytes that are no text, lines
 * that read like our directives, a second script for the same. */
void import_add(struct import *im, struct import_script script);
void import_problem(struct import *im, const char *path, unsigned line, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* A whole file with a NUL behind, or NULL with errno set. */
const char *import_read_file(struct import *im, const char *path, size_t *len);
/* An id for a version as the tool writes it: what ids cannot hold is left out. */
const char *import_id(struct import *im, const char *version, size_t len);

/* Reads all sources and makes `files`. -1 with `e`, and perhaps `problems`, when it cannot be done.
 */
int import_make(struct import *im, struct err *e);
/* Writes the files into a folder, which is made where there is none: all, or none at all. */
int import_write(struct import *im, const char *folder, struct err *e);

#endif
