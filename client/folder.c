/* See folder.h. */
#include "client/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool ends_in_sql(const char *name) {
  size_t len = strlen(name);
  return len > 4 && strcmp(name + len - 4, ".sql") == 0;
}

static int by_name(const void *a, const void *b) {
  return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Grows by doubling: `count` is a power of two, or 0, when there is no more room. */
static char **append(struct arena *arena, char **list, size_t *count, const char *name) {
  bool full = (*count & (*count - 1)) == 0;
  if (full) {
    char **grown = ARENA_ARRAY(arena, char *, *count ? 2 * *count : 1);
    if (*count)
      memcpy(grown, list, *count * sizeof *list);
    list = grown;
  }
  list[(*count)++] = arena_strdup(arena, name);
  return list;
}

int folder_list(struct folder *f, struct arena *arena, const char *path, struct err *e) {
  DIR *dir = opendir(path);
  if (!dir)
    return err_errno(e, ERR_INPUT, errno, "cannot read the folder %s", path);
  *f = (struct folder){.path = path};
  for (struct dirent *d; (d = readdir(dir));) {
    if (d->d_name[0] == '.')
      continue;
    if (ends_in_sql(d->d_name))
      f->files = append(arena, f->files, &f->file_count, d->d_name);
    else
      f->ignored = append(arena, f->ignored, &f->ignored_count, d->d_name);
  }
  closedir(dir);
  if (f->file_count)
    qsort(f->files, f->file_count, sizeof *f->files, by_name);
  if (f->ignored_count)
    qsort(f->ignored, f->ignored_count, sizeof *f->ignored, by_name);
  return 0;
}

int folder_open(const struct folder *f, const char *name, struct err *e) {
  char path[4096];
  struct stat st;
  if (snprintf(path, sizeof path, "%s/%s", f->path, name) >= (int)sizeof path)
    return err_set(e, ERR_INPUT, "the path of %s is too long", name);
  /* Without waiting: opening a pipe would wait for its writer. */
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0)
    return err_errno(e, ERR_INPUT, errno, "cannot read %s", path);
  if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
    return fd;
  close(fd);
  return err_set(e, ERR_INPUT, "%s is no file", path);
}

bool folder_name_ok(const char *name) {
  return name[0] != '.' && !strchr(name, '/') && ends_in_sql(name) && strlen(name) <= 200;
}

int folder_create(struct folder_file *file, struct arena *arena, const char *folder,
                  const char *name, struct err *e) {
  if (!folder_name_ok(name))
    return err_set(e, ERR_REFUSED, "the server sent a file with the name `%s`", name);
  char *partial = arena_printf(arena, "%s/.%s.part.%ld", folder, name, (long)getpid());
  int fd = open(partial, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
  if (fd < 0)
    return err_errno(e, ERR_INPUT, errno, "cannot write %s", partial);
  *file = (struct folder_file){
      .path = arena_printf(arena, "%s/%s", folder, name), .partial = partial, .fd = fd};
  return 0;
}

int folder_write(struct folder_file *file, const uint8_t *bytes, size_t len, struct err *e) {
  while (len > 0) {
    ssize_t n = write(file->fd, bytes, len);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return err_errno(e, ERR_INPUT, n < 0 ? errno : ENOSPC, "cannot write %s", file->partial);
    bytes += n;
    len -= (size_t)n;
  }
  return 0;
}

/* Both files have the same bytes. */
static bool same_content(const char *a, const char *b) {
  FILE *x = fopen(a, "re"), *y = fopen(b, "re");
  bool same = x && y;
  for (int c = 0; same && c != EOF;) {
    c = getc(x);
    same = c == getc(y);
  }
  if (x)
    fclose(x);
  if (y)
    fclose(y);
  return same;
}

int folder_keep(struct folder_file *file, bool force, struct err *e) {
  int rc = close(file->fd);
  file->fd = -1;
  if (rc != 0)
    return err_errno(e, ERR_INPUT, errno, "cannot write %s", file->partial);
  if (same_content(file->partial, file->path))
    return 0;
  /* link() never replaces what is there, rename() does. */
  if (force ? rename(file->partial, file->path) : link(file->partial, file->path)) {
    if (errno != EEXIST)
      return err_errno(e, ERR_INPUT, errno, "cannot write %s", file->path);
    err_set(e, ERR_EXISTS, "%s is there with another content", file->path);
    return err_hint(e, "--force overwrites it");
  }
  return 1;
}

void folder_drop(struct folder_file *file) {
  if (!file->partial)
    return;
  if (file->fd >= 0)
    close(file->fd);
  unlink(file->partial);
  *file = (struct folder_file){0};
}
