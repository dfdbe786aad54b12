/* What migd-lint can no longer do once it has closed its sandbox, tried in a process that closes it
 * the same way; and that the real migd-lint has closed it.
 */
#include "probe.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "server/lint/child.h"
#include "server/lint/worker/sandbox.h"

enum { CPU_S = 5, MEMORY = 1 << 30, NOT_CLOSED = 100 };

/* The wait status of a process that closes the sandbox and then tries something. */
static int in_sandbox(int (*attempt)(void)) {
  int status = 0;
  pid_t pid = fork();
  assert_true(pid >= 0);
  if (pid == 0) {
    if (sandbox_limits(CPU_S, MEMORY) != 0 || sandbox_close() != 0)
      _exit(NOT_CLOSED);
    _exit(attempt());
  }
  assert_int_equal(waitpid(pid, &status, 0), pid);
  return status;
}

/* In a container migd is process 1, which is the parent of orphans too. */
static int limits_an_orphan(void) {
  int answer[2];
  char rc = 1;
  if (pipe2(answer, O_CLOEXEC) != 0)
    return NOT_CLOSED;
  pid_t between = fork();
  if (between == 0) {
    pid_t parent = getpid();
    if (fork() != 0)
      _exit(0);
    while (getppid() == parent)
      sched_yield();
    rc = (char)sandbox_limits(CPU_S, MEMORY);
    _exit(write(answer[1], &rc, 1) != 1);
  }
  (void)close(answer[1]);
  (void)waitpid(between, NULL, 0);
  return read(answer[0], &rc, 1) == 1 ? rc : NOT_CLOSED;
}

static void test_orphan(void **state) {
  (void)state;
  assert_int_equal(limits_an_orphan(), 0);
}

static int opens(void) {
  return open("/etc/passwd", O_RDONLY | O_CLOEXEC) < 0 ? errno : 0;
}

static int forks(void) {
  pid_t pid = fork();
  if (pid == 0)
    _exit(0);
  return pid < 0 ? errno : 0;
}

static int kills(void) {
  return kill(getppid(), 0) < 0 ? errno : 0;
}

static int limits_another(void) {
  struct rlimit r;
  return prlimit(getppid(), RLIMIT_NOFILE, NULL, &r) < 0 ? errno : 0;
}

static int duplicates(void) {
  return dup(0) < 0 ? errno : 0;
}

static void test_refused(void **state) {
  (void)state;
  if (SANITIZED)
    skip();
  int (*const attempts[])(void) = {opens, forks, kills, limits_another, duplicates};
  for (size_t i = 0; i < sizeof attempts / sizeof *attempts; i++) {
    int status = in_sandbox(attempts[i]);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), EPERM);
  }
}

static int runs(void) {
  char name[] = "true", *argv[] = {name, NULL}, *environment[] = {NULL};
  return execve("/bin/true", argv, environment);
}

static int connects(void) {
  return socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

static void test_deadly(void **state) {
  (void)state;
  if (SANITIZED)
    skip();
  int (*const attempts[])(void) = {runs, connects};
  for (size_t i = 0; i < sizeof attempts / sizeof *attempts; i++) {
    int status = in_sandbox(attempts[i]);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGSYS);
  }
}

static int spends(void) {
  volatile bool more = true;
  sandbox_spend(1);
  while (more)
    continue;
  return 0;
}

static void test_time(void **state) {
  (void)state;
  int status = in_sandbox(spends);
  assert_true(WIFSIGNALED(status));
  assert_int_equal(WTERMSIG(status), SIGXCPU);
}

static int allocates(void) {
  return malloc((size_t)2 << 30) == NULL ? ENOMEM : 0;
}

static void test_memory(void **state) {
  (void)state;
  if (SANITIZED)
    skip();
  int status = in_sandbox(allocates);
  assert_int_equal(WEXITSTATUS(status), ENOMEM);
}

static void says(pid_t pid, const char *line) {
  char path[64], text[8192];
  (void)snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
  FILE *f = fopen(path, "r");
  assert_non_null(f);
  text[fread(text, 1, sizeof text - 1, f)] = '\0';
  (void)fclose(f);
  if (!strstr(text, line))
    fail_msg("migd-lint's status has no '%s'", line);
}

static void test_real(void **state) {
  (void)state;
  struct child c;
  struct err e;
  char why[200], path[64];
  assert_int_equal(child_start(&c, &probe_options, NULL, why, &e), CHILD_ANSWERED);
  says(c.pid, "NoNewPrivs:\t1\n");
  if (!SANITIZED)
    says(c.pid, "Seccomp:\t2\n");
  assert_int_equal(getpgid(c.pid), c.pid);
  (void)snprintf(path, sizeof path, "/proc/%d/fd/3", (int)c.pid);
  assert_int_equal(access(path, F_OK), -1);
  child_stop(&c);
  assert_int_equal(c.pid, 0);
}

/* By hand it says what it is, and does nothing. */
static void test_by_hand(void **state) {
  (void)state;
  FILE *f = popen(MIGD_LINT " 2>&1 < /dev/null", "r");
  char line[200] = "";
  assert_non_null(f);
  assert_non_null(fgets(line, sizeof line, f));
  assert_non_null(strstr(line, "migd-lint is a part of migd"));
  assert_int_equal(WEXITSTATUS(pclose(f)), 2);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_orphan),  cmocka_unit_test(test_refused), cmocka_unit_test(test_deadly),
      cmocka_unit_test(test_time),    cmocka_unit_test(test_memory),  cmocka_unit_test(test_real),
      cmocka_unit_test(test_by_hand),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
