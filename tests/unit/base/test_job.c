/* Tests jobs: cancelling wakes whoever polls, and stays; deadlines; running out of descriptors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

#include "server/base/clock.h"
#include "server/base/job.h"

static int poll_job(const struct job *job, int ms) {
  struct pollfd p = {.fd = job->wake_fd, .events = POLLIN};
  return poll(&p, 1, ms);
}

static void test_cancel_is_sticky(void **state) {
  (void)state;
  struct job job;
  struct err e;
  assert_int_equal(job_init(&job, 0, &e), 0);
  assert_int_equal(job_check(&job, &e), 0);
  assert_int_equal(poll_job(&job, 0), 0);
  job_cancel(&job);
  job_cancel(&job);
  for (int i = 0; i < 3; i++) {
    assert_int_equal(poll_job(&job, 0), 1);
    assert_int_equal(job_check(&job, &e), -1);
    assert_int_equal(e.kind, ERR_CANCELLED);
  }
  job_release(&job);
  assert_int_equal(job.wake_fd, -1);
  job_release(&job);
}

static void *cancel(void *job) {
  job_cancel(job);
  return NULL;
}

static void test_cancel_wakes_another_thread(void **state) {
  (void)state;
  struct job job;
  struct err e;
  assert_int_equal(job_init(&job, 0, &e), 0);
  pthread_t thread;
  assert_int_equal(pthread_create(&thread, NULL, cancel, &job), 0);
  assert_int_equal(poll_job(&job, 60000), 1);
  /* The flag is set before the descriptor is readable. */
  assert_int_equal(job_check(&job, &e), -1);
  assert_int_equal(pthread_join(thread, NULL), 0);
  job_release(&job);
}

static void test_deadlines(void **state) {
  (void)state;
  struct job job;
  struct err e;
  assert_int_equal(job_init(&job, clock_mono_ns() - 1, &e), 0);
  assert_int_equal(job_check(&job, &e), -1);
  assert_int_equal(e.kind, ERR_DEADLINE);
  assert_int_equal(job_poll_ms(&job, 1000), 0);
  assert_int_equal(job_poll_ms(&job, -1), 0);
  job.deadline_ns = clock_mono_ns() + 3600 * NS_PER_S;
  assert_int_equal(job_check(&job, &e), 0);
  assert_int_equal(job_poll_ms(&job, 1000), 1000);
  assert_in_range(job_poll_ms(&job, -1), 3500000, 3600001);
  job.deadline_ns = INT64_MAX;
  assert_int_equal(job_poll_ms(&job, -1), INT_MAX);
  job.deadline_ns = 0;
  assert_int_equal(job_poll_ms(&job, -1), -1);
  assert_int_equal(job_poll_ms(&job, 5), 5);
  /* Cancelled comes first: it is what somebody asked for. */
  job.deadline_ns = 1;
  job_cancel(&job);
  assert_int_equal(job_check(&job, &e), -1);
  assert_int_equal(e.kind, ERR_CANCELLED);
  job_release(&job);
}

/* Never 0 before the deadline: a caller that polls again and again must not spin. */
static void test_poll_rounds_up(void **state) {
  (void)state;
  struct job job = {.wake_fd = -1};
  for (int i = 0; i < 1000; i++) {
    job.deadline_ns = clock_mono_ns() + 500 * 1000;
    int ms = job_poll_ms(&job, -1);
    struct err e;
    if (job_check(&job, &e) == 0)
      assert_int_equal(ms, 1);
  }
}

static void test_no_job_is_never_cancelled(void **state) {
  (void)state;
  struct err e;
  assert_int_equal(job_check(NULL, &e), 0);
  assert_int_equal(job_poll_ms(NULL, 7), 7);
  assert_int_equal(job_poll_ms(NULL, -1), -1);
}

static void test_without_descriptors(void **state) {
  (void)state;
  struct rlimit before, none;
  assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
  none = before;
  none.rlim_cur = 0;
  assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
  struct job job;
  struct err e;
  int answer = job_init(&job, 0, &e);
  assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
  assert_int_equal(answer, -1);
  assert_int_equal(e.kind, ERR_BUSY);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_cancel_is_sticky),
      cmocka_unit_test(test_cancel_wakes_another_thread),
      cmocka_unit_test(test_deadlines),
      cmocka_unit_test(test_poll_rounds_up),
      cmocka_unit_test(test_no_job_is_never_cancelled),
      cmocka_unit_test(test_without_descriptors),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
