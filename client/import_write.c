/* The files of an import written into a folder: all, or none at all. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/import.h"
#include "proto/base/buf.h"

enum { LISTED = 4 };

static int check_absent(struct import *im, const char *folder, struct err *e) {
  struct buf names BUF_SCOPED = BUF_INIT;
  size_t n = 0;
  for (size_t i = 0; i < im->file_count; i++) {
    struct stat st;
    const char *path = arena_printf(im->arena, "%s/%s", folder, im->files[i].name);
    if (lstat(path, &st) != 0)
      continue;
    if (n++ < LISTED)
      buf_addf(&names, "%s%s", n > 1 ? ", " : "", im->files[i].name);
  }
  if (n == 0)
    return 0;
  err_set(e, ERR_EXISTS, "%s has %zu of the files already: %s%s", folder, n, buf_str(&names),
          n > LISTED ? ", ..." : "");
  return err_hint(e, "nothing is overwritten: name an empty or a new folder");
}

static int write_all(int fd, const char *bytes, size_t len) {
  for (size_t done = 0; done < len;) {
    ssize_t n = write(fd, bytes + done, len - done);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return -1;
    done += (size_t)n;
  }
  return 0;
}

static int write_file(struct import *im, const char *folder, const struct import_file *f,
                      struct err *e) {
  const char *path = arena_printf(im->arena, "%s/%s", folder, f->name);
  int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666);
  if (fd < 0) {
    err_errno(e, errno == EEXIST ? ERR_EXISTS : ERR_INPUT, errno, "cannot make %s", path);
    return -1;
  }
  int rc = write_all(fd, f->text, f->len), error = errno;
  if (close(fd) != 0 && rc == 0) {
    rc = -1;
    error = errno;
  }
  if (rc == 0)
    return 0;
  unlink(path);
  err_errno(e, ERR_INPUT, error, "cannot write %s", path);
  return -1;
}

static void remove_written(struct import *im, const char *folder, size_t count, bool made) {
  for (size_t i = 0; i < count; i++)
    unlink(arena_printf(im->arena, "%s/%s", folder, im->files[i].name));
  if (made)
    rmdir(folder);
}

int import_write(struct import *im, const char *folder, struct err *e) {
  if (check_absent(im, folder, e))
    return -1;
  bool made = mkdir(folder, 0777) == 0;
  if (!made && errno != EEXIST) {
    err_errno(e, ERR_INPUT, errno, "cannot make the folder %s", folder);
    return -1;
  }
  for (size_t i = 0; i < im->file_count; i++) {
    if (write_file(im, folder, &im->files[i], e)) {
      remove_written(im, folder, i, made);
      return -1;
    }
  }
  return 0;
}
