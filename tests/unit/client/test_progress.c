/* The progress line: figures that are right, never wider than the terminal. */
#include "client/progress.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "client/duration.h"
#include "client/text.h"

static struct progress half(void) {
  return (struct progress){.verb = "upgrade", .unit = "targets", .total = 100, .done = 50};
}

static void figures_are_right(void **state) {
  (void)state;
  struct buf b BUF_SCOPED = BUF_INIT;
  struct progress p = half();
  p.failed = 2;
  progress_line(&b, &p, 10 * NS_PER_S, 100);
  assert_non_null(strstr(buf_str(&b), " 50/100 targets  5.0/s  0:10  0:10 left  2 failed"));
  strcpy(p.note, "35,000 rows");
  buf_clear(&b);
  progress_line(&b, &p, 10 * NS_PER_S, 100);
  assert_non_null(strstr(buf_str(&b), " 2 failed  35,000 rows"));
}

static void it_fits_the_terminal(void **state) {
  (void)state;
  for (unsigned width = 60; width < 200; width++) {
    struct buf b BUF_SCOPED = BUF_INIT;
    struct progress p = half();
    if (width % 2)
      memset(p.note, 'n', width / 4);
    progress_line(&b, &p, 10 * NS_PER_S, width);
    assert_true(text_width(buf_str(&b), b.len) < width);
  }
}

static void the_ends_do_not_divide_by_zero(void **state) {
  (void)state;
  struct buf b BUF_SCOPED = BUF_INIT;
  struct progress p = half();
  p.done = 0;
  progress_line(&b, &p, 0, 80);
  assert_null(strstr(buf_str(&b), "left"));
  p.done = p.total = 0;
  progress_line(&b, &p, 0, 80);
  p.done = 200; /* a resumed run may have done more than was planned */
  p.total = 100;
  progress_line(&b, &p, NS_PER_S, 80);
  assert_non_null(strstr(buf_str(&b), "200/100"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(figures_are_right),
      cmocka_unit_test(it_fits_the_terminal),
      cmocka_unit_test(the_ends_do_not_divide_by_zero),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
