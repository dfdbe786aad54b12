/* A catalog's folder on this host: its revision files read for a push, and written by a pull. */
#ifndef MIGD_CLIENT_FOLDER_H
#define MIGD_CLIENT_FOLDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/base/arena.h"
#include "proto/base/err.h"

struct folder {
  const char *path;
  char **files; /* names of *.sql files, sorted */
  size_t file_count;
  char **ignored; /* names of what else lies there, hidden files left out */
  size_t ignored_count;
};

/* Lists; reads no file yet. */
int folder_list(struct folder *f, struct arena *arena, const char *path, struct err *e);
/* Opens a file of it for reading. A link to elsewhere is followed, a pipe or device is refused. */
int folder_open(const struct folder *f, const char *name, struct err *e);

/* A name that a server may give a file: no folder, not hidden, ends in `.sql`. */
bool folder_name_ok(const char *name);

/* A file being written: at its place only when it is whole. */
struct folder_file {
  char *path, *partial;
  int fd;
};
/* Refuses to overwrite another content unless `force`; see folder_keep(). */
int folder_create(struct folder_file *file, struct arena *arena, const char *folder,
                  const char *name, struct err *e);
int folder_write(struct folder_file *file, const uint8_t *bytes, size_t len, struct err *e);
/* Puts it at its place. Answers 1, or 0 when the same content was there already. */
int folder_keep(struct folder_file *file, bool force, struct err *e);
void folder_drop(struct folder_file *file); /* Takes one that is done or was never begun ({0}). */

#endif
