/* Written beside its place and linked there: link(2), unlike rename(2), does not replace. */
#include "server/net/newfile.h"
#include "proto/base/temporary.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int write_all(int fd, const char *bytes, size_t len) {
  while (len > 0) {
    ssize_t n = write(fd, bytes, len);
    if (n < 0 && errno != EINTR)
      return -1;
    if (n > 0) {
      bytes += n;
      len -= (size_t)n;
    }
  }
  return 0;
}

/* The name of a new file is durable when its folder is. */
static int sync_folder_of(const char *path) {
  char folder[PATH_MAX];
  snprintf(folder, sizeof folder, "%s", path);
  char *slash = strrchr(folder, '/');
  if (slash != NULL)
    slash[slash == folder] = '\0';
  int fd = open(slash != NULL ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0)
    return -1;
  int rc = fsync(fd);
  close(fd);
  return rc;
}

static int fill(int fd, const char *temporary, const char *path, mode_t mode, const void *bytes,
                size_t len, struct err *e) {
  int rc = write_all(fd, bytes, len) != 0 || fchmod(fd, mode) != 0 || fsync(fd) != 0;
  if (rc)
    rc = err_errno(e, ERR_STORAGE, errno, "%s cannot be written", temporary);
  if (close(fd) != 0 && rc == 0)
    rc = err_errno(e, ERR_STORAGE, errno, "%s cannot be written", temporary);
  if (rc != 0)
    return rc;
  if (link(temporary, path) != 0)
    return errno == EEXIST ? err_set(e, ERR_EXISTS, "%s exists: it is not overwritten", path)
                           : err_errno(e, ERR_STORAGE, errno, "%s cannot be made", path);
  if (sync_folder_of(path) != 0)
    return err_errno(e, ERR_STORAGE, errno, "the folder of %s cannot be synced", path);
  return 0;
}

int newfile_make(const char *path, mode_t mode, const void *bytes, size_t len, struct err *e) {
  char temporary[PATH_MAX];
  int n = snprintf(temporary, sizeof temporary, "%s.new-" TEMPORARY, path);
  if (n < 0 || (size_t)n >= sizeof temporary)
    return err_set(e, ERR_INPUT, "the path %.100s… is too long", path);
  int fd = mkostemp(temporary, O_CLOEXEC);
  if (fd < 0)
    return err_errno(e, ERR_STORAGE, errno, "%s cannot be made", path);
  int rc = fill(fd, temporary, path, mode, bytes, len, e);
  unlink(temporary);
  return rc;
}
