/* Tests the arena: zeroed, aligned, apart from each other, limited where a peer decides, freed
 * whole. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proto/base/arena.h"

static void test_pieces_are_zeroed_aligned_and_apart(void **state) {
  (void)state;
  struct arena a;
  arena_init(&a, 0);
  unsigned char *pieces[600];
  size_t sizes[600], sum = 0;
  for (size_t i = 0; i < 600; i++) {
    sizes[i] = i % 100 == 99 ? 100000 : i * 7 % 300;
    pieces[i] = arena_alloc(&a, sizes[i]);
    assert_int_equal((uintptr_t)pieces[i] % alignof(max_align_t), 0);
    for (size_t k = 0; k < sizes[i]; k++)
      assert_int_equal(pieces[i][k], 0);
    memset(pieces[i], (int)(i % 251) + 1, sizes[i]);
    sum += sizes[i];
  }
  for (size_t i = 0; i < 600; i++) {
    for (size_t k = 0; k < sizes[i]; k++)
      assert_int_equal(pieces[i][k], i % 251 + 1);
  }
  assert_true(a.used >= sum);
  arena_release(&a);
  assert_int_equal(a.used, 0);
  /* It may be used again. */
  assert_int_equal(*(char *)arena_alloc(&a, 1), 0);
  arena_release(&a);
  arena_release(&a);
}

static void test_empty_pieces_have_addresses_of_their_own(void **state) {
  (void)state;
  struct arena a;
  arena_init(&a, 0);
  void *p = arena_alloc(&a, 0), *q = arena_alloc(&a, 0);
  assert_non_null(p);
  assert_ptr_not_equal(p, q);
  arena_release(&a);
}

static void test_limit(void **state) {
  (void)state;
  struct arena a;
  arena_init(&a, 1024);
  assert_non_null(arena_try(&a, 8, 64));
  assert_null(arena_try(&a, 9, 64));
  assert_non_null(arena_try(&a, 8, 64));
  assert_null(arena_try(&a, 1, 1));
  /* What we ask for ourselves is not limited, and counts. */
  assert_non_null(arena_alloc(&a, 4096));
  assert_null(arena_try(&a, 1, 1));
  arena_release(&a);
  assert_non_null(arena_try(&a, 1, 1024));
  arena_release(&a);
}

static void test_sizes_that_overflow(void **state) {
  (void)state;
  struct arena a;
  arena_init(&a, 0);
  assert_null(arena_try(&a, SIZE_MAX / 2, 3));
  assert_null(arena_try(&a, 1, SIZE_MAX));
  assert_null(arena_try(&a, 1, SIZE_MAX / 2 + 1));
  assert_int_equal(a.used, 0);
  arena_release(&a);
}

static void test_strings(void **state) {
  (void)state;
  struct arena a;
  arena_init(&a, 0);
  assert_string_equal(arena_strdup(&a, "abc"), "abc");
  assert_string_equal(arena_strndup(&a, "abcdef", 3), "abc");
  assert_string_equal(arena_strndup(&a, NULL, 0), "");
  assert_string_equal(arena_printf(&a, "%d-%s", 7, "x"), "7-x");
  char *wide = arena_printf(&a, "%5000d", 1);
  assert_int_equal(strlen(wide), 5000);
  arena_release(&a);
}

/* Runs `body` in a child that can have little memory, and answers how it ended. */
static int status_of_child(void (*body)(void)) {
  pid_t pid = fork();
  assert_true(pid >= 0);
  if (pid == 0) {
    struct rlimit none = {0, 0};
    (void)setrlimit(RLIMIT_CORE, &none);
    (void)close(STDERR_FILENO);
    (void)signal(SIGABRT, SIG_DFL);
    body();
    _exit(0);
  }
  int status = 0;
  assert_int_equal(waitpid(pid, &status, 0), pid);
  return status;
}

static void ask_arena(void) {
  struct arena a;
  arena_init(&a, 0);
  (void)arena_alloc(&a, SIZE_MAX - 100);
}

static void ask_xcalloc(void) {
  void *volatile p = xcalloc(SIZE_MAX / 2, 4);
  (void)p;
}

static void test_no_memory_ends_the_process(void **state) {
  (void)state;
  int status = status_of_child(ask_arena);
  assert_true(WIFSIGNALED(status) || WEXITSTATUS(status) != 0);
  status = status_of_child(ask_xcalloc);
  assert_true(WIFSIGNALED(status) || WEXITSTATUS(status) != 0);
}

static void test_allocators(void **state) {
  (void)state;
  char *p = xmalloc(0);
  assert_non_null(p);
  p = xrealloc(p, 4);
  memcpy(p, "abc", 4);
  char *q = xstrdup(p);
  assert_string_equal(q, "abc");
  int *r = xcalloc(3, sizeof *r);
  assert_int_equal(r[0] | r[1] | r[2], 0);
  free(p);
  free(q);
  free(r);
  r = xcalloc(0, 8);
  assert_non_null(r);
  free(r);
}

static void test_wiping(void **state) {
  (void)state;
  struct arena a;
  arena_init(&a, 0);
  char *small = arena_strdup(&a, "secret"), *large = arena_alloc(&a, 1 << 20);
  memset(large, 'x', 1 << 20);
  arena_wipe(&a);
  assert_int_equal(small[0] | small[5] | large[0] | large[(1 << 20) - 1], 0);
  arena_release(&a);
  arena_wipe(&a);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_pieces_are_zeroed_aligned_and_apart),
      cmocka_unit_test(test_empty_pieces_have_addresses_of_their_own),
      cmocka_unit_test(test_limit),
      cmocka_unit_test(test_sizes_that_overflow),
      cmocka_unit_test(test_strings),
      cmocka_unit_test(test_no_memory_ends_the_process),
      cmocka_unit_test(test_allocators),
      cmocka_unit_test(test_wiping),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
