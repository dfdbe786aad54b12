/* What the server makes of a migd-lint that hangs, dies, floods or lies. This program is that
 * migd-lint too: started with its two arguments it misbehaves as the first one, the seconds of
 * processor time, says.
 */
#include "probe.h"

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "server/base/clock.h"
#include "server/lint/frame.h"
#include "server/lint/wire.h"

/* ---- the one that misbehaves ---- */

enum fault {
  HONEST = 1001,
  HANGS_AT_ONCE,
  ENDS_AT_ONCE,
  OTHER_VERSION,
  TALKS_TOO_MUCH_AT_ONCE,
  DIES_OF_KILL, /* of a statement that has this word in it */
  HANGS_OF_KILL,
  DIES_EACH_TIME,
  CLOSES_AND_STAYS,
  NEVER_READS,
  FRAME_TOO_LONG,
  FLOODS_FINDINGS,
  FLOODS_BYTES,
  UNKNOWN_RULE,
  TEXT_RULE,
  PLACE_OUTSIDE,
  LENGTH_OUTSIDE,
  NOT_UTF8,
  CONTROL_CHARACTER,
  NO_MESSAGE,
  LONG_MESSAGE,
  NO_SUCH_SEVERITY,
  MORE_FIELDS,
  FEWER_FIELDS,
  DONE_TOO_OFTEN,
  DONE_TWO,
  UNKNOWN_KIND,
  FAULTS
};

static void say(struct buf *b) {
  for (size_t at = 0; at < b->len;) {
    ssize_t n = write(0, b->s + at, b->len - at);
    if (n <= 0)
      _exit(1);
    at += (size_t)n;
  }
  buf_clear(b);
}

static const char *tree_rule(void) {
  for (size_t i = 0; rules[i]; i++)
    if (!rules[i]->text && rules[i]->check)
      return rules[i]->page.name;
  return "bad-ignore";
}

static void found(struct buf *b, const char *rule, unsigned severity, unsigned offset, unsigned len,
                  const char *message) {
  size_t frame = wire_begin(b, WIRE_FOUND);
  wire_text(b, rule, strlen(rule));
  wire_u32(b, severity);
  wire_u32(b, offset);
  wire_u32(b, len);
  wire_text(b, message, strlen(message));
  wire_text(b, "t", 1);
  wire_end(b, frame);
}

static void done(struct buf *b, unsigned understood) {
  size_t frame = wire_begin(b, WIRE_DONE);
  wire_u32(b, understood);
  wire_end(b, frame);
}

static void more_fields(struct buf *b) {
  size_t frame = wire_begin(b, WIRE_DONE);
  wire_u32(b, 1);
  wire_u32(b, 1);
  wire_end(b, frame);
}

static void fewer_fields(struct buf *b) {
  size_t frame = wire_begin(b, WIRE_FOUND);
  wire_u32(b, 1000);
  wire_end(b, frame);
}

/* What it says of a statement before DONE. */
static void lie(enum fault fault, struct buf *b) {
  char text[LINT_MESSAGE_MAX + 1];
  memset(text, 'x', sizeof text - 1);
  text[sizeof text - 1] = '\0';
  switch (fault) {
  case FLOODS_FINDINGS:
    for (size_t i = 0; i < LINT_REPORTS_MAX + 1; i++)
      found(b, tree_rule(), 1, 0, 1, "x");
    break;
  case FLOODS_BYTES:
    for (size_t i = 0; i < 1000; i++)
      buf_addf(b, "%s", text);
    break;
  case UNKNOWN_RULE:
    return found(b, "no-such-rule", 1, 0, 1, "x");
  case TEXT_RULE:
    return found(b, "bad-ignore", 1, 0, 1, "x");
  case PLACE_OUTSIDE:
    return found(b, tree_rule(), 1, 100000, 0, "x");
  case LENGTH_OUTSIDE:
    return found(b, tree_rule(), 1, 0, 100000, "x");
  case NOT_UTF8:
    return found(b, tree_rule(), 1, 0, 1, "\xff");
  case CONTROL_CHARACTER:
    return found(b, tree_rule(), 1, 0, 1, "a\x1b[31m");
  case NO_MESSAGE:
    return found(b, tree_rule(), 1, 0, 1, "");
  case LONG_MESSAGE:
    return found(b, tree_rule(), 1, 0, 1, text);
  case NO_SUCH_SEVERITY:
    return found(b, tree_rule(), 4, 0, 1, "x");
  case MORE_FIELDS:
    return more_fields(b);
  case FEWER_FIELDS:
    return fewer_fields(b);
  case DONE_TOO_OFTEN:
    for (int i = 0; i < 100; i++)
      done(b, 1);
    break;
  case DONE_TWO:
    return done(b, 2);
  case UNKNOWN_KIND: {
    size_t frame = wire_begin(b, (enum wire_kind)'?');
    wire_end(b, frame);
    break;
  }
  case FRAME_TOO_LONG:
    wire_u32(b, 0x7fffffff);
    break;
  default:
    break;
  }
}

static void answer(enum fault fault, struct wire_frame *f, struct buf *out) {
  size_t len;
  bool skip = wire_get_u32(f) & WIRE_SKIP;
  for (int i = 0; i < 2; i++)
    (void)wire_get_u32(f);
  const char *sql = wire_get_text(f, &len);
  bool kill_word = !skip && memmem(sql, len, "kill", 4) != NULL;
  if ((fault == DIES_EACH_TIME && !skip) || (fault == DIES_OF_KILL && kill_word)) {
    (void)signal(SIGSEGV, SIG_DFL); /* not for a sanitizer to explain */
    (void)raise(SIGSEGV);
  }
  if (fault == HANGS_OF_KILL && kill_word)
    (void)pause();
  if (fault == CLOSES_AND_STAYS) {
    (void)close(0);
    (void)pause();
  }
  lie(fault, out);
  done(out, 1);
  say(out);
}

static void greet(enum fault fault, struct buf *out) {
  size_t frame = wire_begin(out, WIRE_HELLO);
  wire_u32(out, wire_version() + (fault == OTHER_VERSION));
  wire_end(out, frame);
  if (fault == TALKS_TOO_MUCH_AT_ONCE)
    done(out, 1);
  say(out);
}

static int misbehave(enum fault fault) {
  struct buf in = BUF_INIT, out = BUF_INIT;
  if (fault == HANGS_AT_ONCE)
    (void)pause();
  if (fault == ENDS_AT_ONCE)
    return 7;
  greet(fault, &out);
  if (fault == NEVER_READS)
    (void)pause();
  for (;;) {
    struct wire_frame f;
    buf_reserve(&in, 65536);
    ssize_t n = read(0, in.s + in.len, 65536);
    if (n <= 0)
      return 0;
    in.len += (size_t)n;
    long taken;
    while ((taken = wire_frame(in.s, in.len, WIRE_ASK_MAX, &f)) > 0) {
      if (f.kind == WIRE_STATEMENT)
        answer(fault, &f, &out);
      in.len -= (size_t)taken;
      memmove(in.s, in.s + taken, in.len);
    }
  }
}

/* ---- the tests ---- */

#define BODY                                                                                       \
  "-- migd:up on=postgresql\nSELECT 1;\nSELECT 'kill';\nSELECT 3;\n-- migd:down on=postgresql\n"   \
  "SELECT 4;\n"

static size_t descriptors(void) {
  size_t n = 0;
  DIR *d = opendir("/proc/self/fd");
  assert_non_null(d);
  while (readdir(d) != NULL)
    n++;
  (void)closedir(d);
  return n;
}

static void probe_fault(struct probe *p, enum fault fault, const char *body) {
  struct lint_options o = {
      .program = "/proc/self/exe", .cpu_ms = fault * INT64_C(1000), .silence_ms = 300};
  if (fault == HONEST)
    o.silence_ms = 0;
  size_t before = descriptors();
  memset(p, 0, sizeof *p);
  probe_catalog(p, &body, 1);
  probe_run(p, &o);
  assert_int_equal(descriptors(), before);
  errno = 0;
  assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
  assert_int_equal(errno, ECHILD);
}

/* Words that the sentence holds, each behind a blank but the first. */
static void says(enum fault fault, const char *text) {
  struct probe p;
  probe_fault(&p, fault, BODY);
  if (!strstr(p.result.unavailable, text))
    fail_msg("fault %d: '%s' does not say '%s'", fault, p.result.unavailable, text);
  assert_int_equal(p.result.count, 0);
  probe_end(&p);
}

static void test_honest(void **state) {
  (void)state;
  struct probe p;
  probe_fault(&p, HONEST, BODY);
  assert_string_equal(p.result.unavailable, "");
  assert_int_equal(p.result.statements, 4);
  assert_int_equal(p.result.not_understood, 0);
  probe_end(&p);
}

static void test_never_starts(void **state) {
  (void)state;
  says(HANGS_AT_ONCE, "have not seen 4 statements, the first in r1_x.sql:4: migd-lint did not "
                      "answer in time");
  says(ENDS_AT_ONCE, "migd-lint ended with status 7");
  says(OTHER_VERSION, "of another version");
  says(TALKS_TOO_MUCH_AT_ONCE, "of another version");
}

/* Only the statement that it dies of is not seen. */
static void test_dies_of_one(void **state) {
  (void)state;
  says(DIES_OF_KILL, "have not seen 1 statement, the first in r1_x.sql:5: migd-lint died of "
                     "signal 11");
  says(HANGS_OF_KILL, "have not seen 1 statement, the first in r1_x.sql:5: migd-lint did not "
                      "answer in time");
}

static void test_dies_each_time(void **state) {
  (void)state;
  says(DIES_EACH_TIME, "have not seen 4 statements, the first in r1_x.sql:4");
  struct buf b BUF_SCOPED = BUF_INIT;
  buf_adds(&b, "-- migd:up on=postgresql\n");
  for (int i = 0; i < 1000; i++)
    buf_adds(&b, "SELECT 1;\n");
  struct probe p;
  probe_fault(&p, DIES_EACH_TIME, b.s);
  assert_non_null(strstr(p.result.unavailable, "have not seen 1000 statements"));
  probe_end(&p);
}

static void test_lies(void **state) {
  (void)state;
  says(CLOSES_AND_STAYS, "migd-lint died of signal 9");
  for (enum fault f = FRAME_TOO_LONG; f < FAULTS; f++)
    says(f, "answered nonsense");
}

/* It is told megabytes and reads none. */
static void test_never_reads(void **state) {
  (void)state;
  struct buf b BUF_SCOPED = BUF_INIT;
  buf_adds(&b, "-- migd:up on=postgresql\nSELECT '");
  for (int i = 0; i < 1024 * 1024; i++)
    buf_adds(&b, "xxxxxxxx");
  buf_adds(&b, "';\n");
  struct probe p;
  probe_fault(&p, NEVER_READS, b.s);
  assert_non_null(strstr(p.result.unavailable, "did not answer in time"));
  probe_end(&p);
}

static void missing(const char *program, const char *text) {
  struct lint_options o = {.program = program};
  struct probe p = {0};
  const char *body = BODY;
  probe_catalog(&p, &body, 1);
  probe_run(&p, &o);
  if (!strstr(p.result.unavailable, text))
    fail_msg("'%s' does not say '%s'", p.result.unavailable, text);
  probe_end(&p);
}

static void test_missing(void **state) {
  (void)state;
  missing(NULL, "its path is not known");
  missing("/nonexistent/migd-lint", "/nonexistent/migd-lint cannot be started: No such file");
  missing("/etc/passwd", "cannot be started: Permission denied");
  missing("/bin/true", "ended with status 0");
}

static void *cancel(void *job) {
  job_cancel(job);
  return NULL;
}

static int run_hanging(struct job *job, struct err *e) {
  struct lint_options o = {.program = "/proc/self/exe", .cpu_ms = HANGS_AT_ONCE * INT64_C(1000)};
  struct probe p = {0};
  const char *body = BODY;
  unsigned zero = 0;
  probe_catalog(&p, &body, 1);
  int rc = lint_run(&o, &p.catalog, &zero, 1, job, &p.arena, &p.result, e);
  probe_end(&p);
  assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
  return rc;
}

static void test_cancelled(void **state) {
  (void)state;
  struct job job;
  struct err e;
  pthread_t thread;
  assert_int_equal(job_init(&job, 0, &e), 0);
  assert_int_equal(pthread_create(&thread, NULL, cancel, &job), 0);
  assert_int_equal(run_hanging(&job, &e), -1);
  assert_int_equal(e.kind, ERR_CANCELLED);
  assert_int_equal(pthread_join(thread, NULL), 0);
  job_release(&job);
}

static void test_deadline(void **state) {
  (void)state;
  struct job job;
  struct err e;
  assert_int_equal(job_init(&job, clock_mono_ns() + 100 * NS_PER_MS, &e), 0);
  assert_int_equal(run_hanging(&job, &e), -1);
  assert_int_equal(e.kind, ERR_DEADLINE);
  job_release(&job);
}

/* A closed gate is waited for, and only as long as the job lasts. */
static void test_gate(void **state) {
  (void)state;
  struct lint_gate gate;
  struct job job;
  struct err e;
  struct probe p = {0};
  const char *body = BODY;
  unsigned zero = 0;
  assert_int_equal(lint_gate_init(&gate, 0, &e), 0);
  assert_int_equal(job_init(&job, clock_mono_ns() + 50 * NS_PER_MS, &e), 0);
  struct lint_options o = {
      .program = "/proc/self/exe", .cpu_ms = HONEST * INT64_C(1000), .gate = &gate};
  probe_catalog(&p, &body, 1);
  assert_int_equal(lint_run(&o, &p.catalog, &zero, 1, &job, &p.arena, &p.result, &e), -1);
  assert_int_equal(e.kind, ERR_DEADLINE);
  lint_gate_release(&gate);
  assert_int_equal(lint_gate_init(&gate, 1, &e), 0);
  for (int i = 0; i < 3; i++) /* what is taken is given back */
    assert_int_equal(lint_run(&o, &p.catalog, &zero, 1, NULL, &p.arena, &p.result, &e), 0);
  assert_string_equal(p.result.unavailable, "");
  lint_gate_release(&gate);
  job_release(&job);
  probe_end(&p);
}

static void *many_runs(void *gate) {
  struct lint_options o = {.program = MIGD_LINT, .gate = gate};
  for (int i = 0; i < 10; i++) {
    struct probe p = {0};
    const char *body = BODY;
    probe_catalog(&p, &body, 1);
    probe_run(&p, &o);
    assert_string_equal(p.result.unavailable, "");
    assert_int_equal(p.result.statements, 4);
    probe_end(&p);
  }
  return NULL;
}

static void test_threads(void **state) {
  (void)state;
  enum { THREADS = 8 };
  pthread_t threads[THREADS];
  struct lint_gate gate;
  struct err e;
  size_t before = descriptors();
  assert_int_equal(lint_gate_init(&gate, 2, &e), 0);
  for (int i = 0; i < THREADS; i++)
    assert_int_equal(pthread_create(&threads[i], NULL, many_runs, &gate), 0);
  for (int i = 0; i < THREADS; i++)
    assert_int_equal(pthread_join(threads[i], NULL), 0);
  lint_gate_release(&gate);
  assert_int_equal(descriptors(), before);
  assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

int main(int argc, char **argv) {
  if (argc == 3 && atoi(argv[1]) >= HONEST)
    return misbehave((enum fault)atoi(argv[1]));
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_honest),      cmocka_unit_test(test_never_starts),
      cmocka_unit_test(test_dies_of_one), cmocka_unit_test(test_dies_each_time),
      cmocka_unit_test(test_lies),        cmocka_unit_test(test_never_reads),
      cmocka_unit_test(test_missing),     cmocka_unit_test(test_cancelled),
      cmocka_unit_test(test_deadline),    cmocka_unit_test(test_gate),
      cmocka_unit_test(test_threads),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
