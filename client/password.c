/* See password.h. */
#include "client/password.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

enum { PASSWORD_MOST = 1024, SECRET_MOST = 4096 };

/* Echo is off from here until echo_restore(). False when it is no terminal. */
static bool echo_off(int fd, struct termios *before) {
  if (tcgetattr(fd, before) != 0)
    return false;
  struct termios silent = *before;
  silent.c_lflag &= ~(tcflag_t)ECHO;
  return tcsetattr(fd, TCSAFLUSH, &silent) == 0;
}

static ssize_t read_all(int fd, char *to, size_t size, bool line) {
  size_t len = 0;
  while (len < size) {
    ssize_t n = read(fd, to + len, size - len);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return -1;
    len += (size_t)n;
    if (n == 0 || (line && memchr(to, '\n', len)))
      break;
  }
  return (ssize_t)len;
}

static ssize_t read_secret(int fd, const char *prompt, char *to, size_t size) {
  struct termios before;
  bool asked = echo_off(fd, &before);
  if (asked)
    fprintf(stderr, "%s: ", prompt);
  ssize_t n = read_all(fd, to, size, asked);
  if (asked) {
    tcsetattr(fd, TCSAFLUSH, &before);
    fputc('\n', stderr);
  }
  return n;
}

char *secret_read(struct session *s, const char *file, const struct secret_kind *kind,
                  struct err *e) {
  char text[SECRET_MOST + 2];
  size_t most = kind->most < SECRET_MOST ? kind->most : SECRET_MOST;
  bool input = strcmp(file, "-") == 0;
  int fd = input ? STDIN_FILENO : open(file, O_RDONLY | O_CLOEXEC);
  ssize_t n = fd < 0 ? -1 : read_secret(fd, kind->prompt, text, most + 2);
  if (n < 0)
    err_errno(e, ERR_INPUT, errno, "cannot read the %s from %s", kind->what, file);
  if (fd >= 0 && !input)
    close(fd);
  if (n < 0)
    return NULL;
  size_t len = (size_t)n;
  if (len && text[len - 1] == '\n')
    len--;
  if (len && text[len - 1] == '\r')
    len--;
  if (len == 0 || len > most || memchr(text, 0, len)) {
    err_set(e, ERR_INPUT, "%s holds no %s of 1 to %zu bytes", input ? "the input" : file,
            kind->what, most);
    return NULL;
  }
  return arena_strndup(&s->arena, text, len);
}

char *password_read(struct session *s, const char *file, struct err *e) {
  static const struct secret_kind kind = {"password", "Password", PASSWORD_MOST};
  return secret_read(s, file, &kind, e);
}
