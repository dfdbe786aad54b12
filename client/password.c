/* See password.h. */
#include "client/password.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

enum { PASSWORD_MOST = 1024 };

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

static ssize_t read_password(int fd, char *to, size_t size) {
  struct termios before;
  bool asked = echo_off(fd, &before);
  if (asked)
    fputs("Password: ", stderr);
  ssize_t n = read_all(fd, to, size, asked);
  if (asked) {
    tcsetattr(fd, TCSAFLUSH, &before);
    fputc('\n', stderr);
  }
  return n;
}

char *password_read(struct session *s, const char *file, struct err *e) {
  char text[PASSWORD_MOST + 2];
  bool input = strcmp(file, "-") == 0;
  int fd = input ? STDIN_FILENO : open(file, O_RDONLY | O_CLOEXEC);
  ssize_t n = fd < 0 ? -1 : read_password(fd, text, sizeof text);
  if (n < 0)
    err_errno(e, ERR_INPUT, errno, "cannot read the password from %s", file);
  if (fd >= 0 && !input)
    close(fd);
  if (n < 0)
    return NULL;
  size_t len = (size_t)n;
  if (len && text[len - 1] == '\n')
    len--;
  if (len && text[len - 1] == '\r')
    len--;
  if (len == 0 || len > PASSWORD_MOST || memchr(text, 0, len)) {
    err_set(e, ERR_INPUT, "%s holds no password of 1 to %d bytes", input ? "the input" : file,
            PASSWORD_MOST);
    return NULL;
  }
  return arena_strndup(&s->arena, text, len);
}
