/* See spool.h. Nothing has a name on disk, so nothing is left behind by a crash. */
#include "server/rpc/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "proto/base/temporary.h"
#include "server/catalog/revision.h"

/* Not every file system has nameless files. */
static int open_nameless(const char *dir) {
  int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL))
    return fd;
  char path[PATH_MAX];
  int n = snprintf(path, sizeof path, "%s/push-" TEMPORARY, dir);
  if (n < 0 || (size_t)n >= sizeof path)
    return -1;
  fd = mkostemp(path, O_CLOEXEC);
  if (fd >= 0)
    unlink(path);
  return fd;
}

int spool_open(struct spool *s, const char *dir, uint64_t max, struct arena *arena, struct err *e) {
  *s = (struct spool){.max = max, .arena = arena};
  s->fd = open_nameless(dir);
  if (s->fd < 0)
    return err_errno(e, ERR_STORAGE, errno, "an upload cannot be kept in %s", dir);
  return 0;
}

void spool_release(struct spool *s) {
  if (s->map != NULL)
    munmap(s->map, s->map_len);
  if (s->fd >= 0)
    close(s->fd);
  free(s->files);
  *s = (struct spool){.fd = -1};
}

static int check_name(const char *name, struct err *e) {
  size_t len = strlen(name);
  if (len > REVISION_NAME_MAX)
    return err_set(e, ERR_INPUT, "the file name %.40s… is longer than %d bytes", name,
                   REVISION_NAME_MAX);
  if (len < 5 || strcmp(name + len - 4, ".sql") != 0 || strchr(name, '/') != NULL || name[0] == '.')
    return err_set(e, ERR_INPUT, "\"%s\" is no name of a revision file: <id>_<slug>.sql, no folder",
                   name);
  return 0;
}

static int begin_file(struct spool *s, const char *name, struct err *e) {
  if (check_name(name, e) != 0)
    return -1;
  if (s->count == SPOOL_FILES_MAX)
    return err_set(e, ERR_BUSY, "a catalog has at most %d files", SPOOL_FILES_MAX);
  if (s->count == s->capacity) {
    s->capacity = s->capacity > 0 ? s->capacity * 2 : 64;
    s->files = xrealloc(s->files, s->capacity * sizeof *s->files);
  }
  s->files[s->count++] = (struct spooled){arena_strdup(s->arena, name), s->size, 0};
  return 0;
}

static int append(struct spool *s, const char *bytes, size_t len, struct err *e) {
  while (len > 0) {
    ssize_t n = pwrite(s->fd, bytes, len, (off_t)s->size);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return err_errno(e, ERR_STORAGE, n < 0 ? errno : ENOSPC, "the upload cannot be kept");
    bytes += n;
    len -= (size_t)n;
    s->size += (uint64_t)n;
    s->files[s->count - 1].len += (uint64_t)n;
  }
  return 0;
}

int spool_part(struct spool *s, const char *name, const void *bytes, size_t len, bool more,
               struct err *e) {
  if (!s->open && begin_file(s, name, e) != 0)
    return -1;
  const struct spooled *file = &s->files[s->count - 1];
  if (s->open && name[0] != '\0' && strcmp(name, file->name) != 0)
    return err_set(e, ERR_INPUT, "%s begins before %s is whole", name, file->name);
  if (len > s->max - s->size) {
    err_set(e, ERR_BUSY, "the catalog is larger than the %llu bytes that this server takes",
            (unsigned long long)s->max);
    return err_hint(e, "the server's key catalog-max says how much it takes");
  }
  s->open = more;
  return append(s, bytes, len, e);
}

int spool_finish(struct spool *s, struct catalog_file **files, struct err *e) {
  if (s->count == 0)
    return err_set(e, ERR_INPUT, "no revision files were sent");
  if (s->open)
    return err_set(e, ERR_INPUT, "the upload ends in the middle of %s",
                   s->files[s->count - 1].name);
  if (s->size > 0) {
    void *map = mmap(NULL, (size_t)s->size, PROT_READ, MAP_PRIVATE, s->fd, 0);
    if (map == MAP_FAILED)
      return err_errno(e, ERR_BUSY, errno, "the upload cannot be read back");
    s->map = map;
    s->map_len = (size_t)s->size;
  }
  const char *bytes = s->map != NULL ? s->map : "";
  *files = ARENA_ARRAY(s->arena, struct catalog_file, s->count);
  for (size_t i = 0; i < s->count; i++)
    (*files)[i] =
        (struct catalog_file){s->files[i].name, bytes + s->files[i].start, (size_t)s->files[i].len};
  return 0;
}
