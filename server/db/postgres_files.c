/* Files of migd's host that a connection to PostgreSQL uses. A URL comes over the network: it may
 * name only what lies under the folders that the configuration gives for that, and it is told
 * nothing about any other file. libpq passes over some files that are missing, so they are looked
 * for here.
 */
#include "server/db/postgres.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const names[DB_FILES] = {
    [DB_SSLCERT] = "sslcert", [DB_SSLKEY] = "sslkey",     [DB_SSLROOTCERT] = "sslrootcert",
    [DB_SSLCRL] = "sslcrl",   [DB_PASSFILE] = "passfile",
};

static bool under(const char *path, const char *folder) {
  size_t len = strlen(folder);
  while (len > 1 && folder[len - 1] == '/')
    len--;
  return strncmp(path, folder, len) == 0 && path[len] == '/';
}

static int check_place(const char *name, const char *path, const char *const *folders,
                       struct err *e) {
  for (; folders && *folders; folders++)
    if (under(path, *folders))
      return 0;
  err_set(e, ERR_REFUSED, "%s names a file that the server's configuration does not allow", name);
  return err_hint(e, "the key postgresql-files of migd's configuration names the folders of such "
                     "files");
}

/* libpq only warns of a passfile that others can read, on stderr, and asks without a password. */
static int check_file(enum db_file file, const char *path, struct err *e) {
  struct stat st;
  if (stat(path, &st) < 0 || access(path, R_OK) < 0)
    return err_errno(e, ERR_TARGET, errno, "%s: %s cannot be read", names[file], path);
  if (!S_ISREG(st.st_mode))
    return err_set(e, ERR_TARGET, "%s: %s is not a regular file", names[file], path);
  if (file != DB_PASSFILE || !(st.st_mode & (S_IRWXG | S_IRWXO)))
    return 0;
  err_set(e, ERR_TARGET, "passfile: others than its owner can read %s", path);
  return err_hint(e, "chmod 600");
}

int postgres_files_check(const struct db_url *url, const char *const *folders, struct err *e) {
  for (enum db_file file = 0; file < DB_FILES; file++) {
    const char *path = url->files[file];
    if (path[0] &&
        (check_place(names[file], path, folders, e) < 0 || check_file(file, path, e) < 0))
      return -1;
  }
  return 0;
}

int postgres_ca_file(const char *pem, char *path, size_t size, struct err *e) {
  size_t len = strlen(pem);
  int fd = memfd_create("migd-ca", MFD_CLOEXEC);
  if (fd < 0)
    return err_errno(e, ERR_INTERNAL, errno, "keep the target's CA");
  for (size_t at = 0; at < len;) {
    ssize_t n = write(fd, pem + at, len - at);
    if (n < 0 && errno != EINTR) {
      err_errno(e, ERR_INTERNAL, errno, "keep the target's CA");
      close(fd);
      return -1;
    }
    at += n > 0 ? (size_t)n : 0;
  }
  snprintf(path, size, "/proc/self/fd/%d", fd);
  return fd;
}
