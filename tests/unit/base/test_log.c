/* Tests the log: its two formats, its levels, that hostile text stays one line, one write a line.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "proto/base/buf.h"
#include "server/base/log.h"

/* Standard error goes to a pipe of packets while a test runs: one read is one write. */
struct capture {
  int saved, pipe[2];
};

static void capture_begin(struct capture *c) {
  assert_int_equal(pipe2(c->pipe, O_DIRECT | O_NONBLOCK), 0);
  c->saved = dup(STDERR_FILENO);
  assert_true(c->saved >= 0);
  assert_int_equal(dup2(c->pipe[1], STDERR_FILENO), STDERR_FILENO);
}

static void capture_end(struct capture *c) {
  assert_int_equal(dup2(c->saved, STDERR_FILENO), STDERR_FILENO);
  (void)close(c->saved);
  (void)close(c->pipe[0]);
  (void)close(c->pipe[1]);
}

static size_t capture_read(struct capture *c, char *out, size_t size) {
  ssize_t n = read(c->pipe[0], out, size - 1);
  out[n > 0 ? n : 0] = '\0';
  return n > 0 ? (size_t)n : 0;
}

#define STAMP 24 /* 2026-01-02T03:04:05.678Z */

static void assert_stamp(const char *s) {
  static const char shape[] = "0000-00-00T00:00:00.000Z";
  for (size_t i = 0; i < STAMP; i++) {
    if (shape[i] == '0')
      assert_in_range(s[i], '0', '9');
    else
      assert_int_equal(s[i], shape[i]);
  }
}

static void test_text(void **state) {
  (void)state;
  struct capture c;
  char line[8192];
  struct log *log = log_new(LOG_INFO, LOG_TEXT);
  capture_begin(&c);
  log_line(log, LOG_WARN, "net", "peer %d \"a\\b\"", 7);
  size_t n = capture_read(&c, line, sizeof line);
  size_t more = capture_read(&c, line + n + 1, sizeof line - n - 1);
  capture_end(&c);
  assert_int_equal(more, 0);
  assert_stamp(line);
  assert_string_equal(line + STAMP, " warn net: peer 7 \"a\\b\"\n");
  log_free(log);
}

static void test_json(void **state) {
  (void)state;
  struct capture c;
  char line[8192];
  struct log *log = log_new(LOG_DEBUG, LOG_JSON);
  capture_begin(&c);
  log_line(log, LOG_ERROR, "engine", "a \"b\" \\ \x01\n\xc3\xa4\xff\xc2\x9b");
  capture_read(&c, line, sizeof line);
  capture_end(&c);
  assert_memory_equal(line, "{\"time\":\"", 9);
  assert_stamp(line + 9);
  assert_string_equal(line + 9 + STAMP, "\",\"level\":\"error\",\"room\":\"engine\",\"text\":"
                                        "\"a \\\"b\\\" \\\\ \\u0001\\n\xc3\xa4\\ufffd\\u009b\"}\n");
  log_free(log);
}

static void test_levels(void **state) {
  (void)state;
  struct capture c;
  char line[8192];
  struct log *log = log_new(LOG_WARN, LOG_TEXT);
  assert_false(log_on(log, LOG_INFO));
  assert_true(log_on(log, LOG_WARN));
  assert_false(log_on(NULL, LOG_ERROR));
  capture_begin(&c);
  log_line(log, LOG_INFO, "net", "quiet");
  log_line(NULL, LOG_ERROR, "net", "quiet");
  size_t before = capture_read(&c, line, sizeof line);
  log_set_level(log, LOG_DEBUG);
  log_line(log, LOG_DEBUG, "net", "loud");
  size_t after = capture_read(&c, line, sizeof line);
  capture_end(&c);
  assert_int_equal(before, 0);
  assert_true(after > 0);
  assert_non_null(strstr(line, " debug net: loud\n"));
  log_free(log);
  log_free(NULL);
}

static void test_hostile_text(void **state) {
  (void)state;
  struct capture c;
  char line[8192];
  struct log *log = log_new(LOG_INFO, LOG_TEXT);
  capture_begin(&c);
  log_line(log, LOG_INFO, "net", "%s", "a\n2026-01-01 fake\r\x1b[2J\t\x7f\xfe\xc2\x85");
  capture_read(&c, line, sizeof line);
  capture_end(&c);
  assert_string_equal(line + STAMP, " info net: a\\n2026-01-01 fake\\u000d\\u001b[2J\\t\\u007f\\xfe"
                                    "\\u0085\n");
  log_free(log);
}

/* A pipe takes PIPE_BUF bytes at once; lines of several threads must not mix. */
static void check_long_line(enum log_format format, const char *with, const char *end) {
  struct buf text BUF_SCOPED = BUF_INIT;
  for (int i = 0; i < 20000; i++)
    buf_adds(&text, with);
  struct capture c;
  char line[8192], rest[8192];
  struct log *log = log_new(LOG_INFO, format);
  capture_begin(&c);
  log_line(log, LOG_INFO, "net", "%s", text.s);
  size_t n = capture_read(&c, line, sizeof line);
  size_t more = capture_read(&c, rest, sizeof rest);
  capture_end(&c);
  assert_true(n <= PIPE_BUF && n > PIPE_BUF - 64);
  assert_int_equal(more, 0);
  assert_string_equal(line + n - strlen(end), end);
  log_free(log);
}

static void test_long_lines(void **state) {
  (void)state;
  check_long_line(LOG_TEXT, "y", "yyy...\n");
  check_long_line(LOG_TEXT, "\x01", "\\u0001...\n");
  check_long_line(LOG_JSON, "\"", "\\\"...\"}\n");
  check_long_line(LOG_JSON, "\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80...\"}\n");
}

#define THREADS 4
#define LINES 200

static void *chatter(void *log) {
  for (int i = 0; i < LINES; i++)
    log_line(log, LOG_INFO, "net", "0123456789012345678901234567890123456789");
  return NULL;
}

static void test_threads(void **state) {
  (void)state;
  int fd = memfd_create("log", 0), saved = dup(STDERR_FILENO);
  assert_true(fd >= 0 && saved >= 0);
  assert_int_equal(fcntl(fd, F_SETFL, O_APPEND), 0);
  assert_int_equal(dup2(fd, STDERR_FILENO), STDERR_FILENO);
  struct log *log = log_new(LOG_INFO, LOG_TEXT);
  pthread_t threads[THREADS];
  for (int i = 0; i < THREADS; i++)
    assert_int_equal(pthread_create(&threads[i], NULL, chatter, log), 0);
  for (int i = 0; i < THREADS; i++)
    assert_int_equal(pthread_join(threads[i], NULL), 0);
  assert_int_equal(dup2(saved, STDERR_FILENO), STDERR_FILENO);
  (void)close(saved);
  FILE *f = fdopen(fd, "r");
  assert_non_null(f);
  rewind(f);
  char line[256];
  int count = 0;
  for (; fgets(line, sizeof line, f) != NULL; count++)
    assert_string_equal(line + STAMP, " info net: 0123456789012345678901234567890123456789\n");
  assert_int_equal(count, THREADS * LINES);
  (void)fclose(f);
  log_free(log);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_text),       cmocka_unit_test(test_json),
      cmocka_unit_test(test_levels),     cmocka_unit_test(test_hostile_text),
      cmocka_unit_test(test_long_lines), cmocka_unit_test(test_threads),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
