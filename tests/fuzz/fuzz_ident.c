/* Feeds any text as an identifier or a range to a fixed catalog with branches, merges, labels,
 * dependencies and several roots, and checks what holds for every answer: it lies in the catalog
 * and in the branch that was named, a count leads the way its sign says, what is absolute means the
 * same for every use and every ledger, a refusal says why and leaves the answer alone, a range is
 * between its ends. The first byte chooses the use and whether the rows are known, the next two the
 * rows of the ledger; the rest is the text. A libFuzzer target; no main of its own.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proto/base/utf8.h"
#include "server/catalog/ident.h"
#include "tests/unit/catalog/spec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { TEXT_MAX = 400, ROWS_MAX = 16, UNTOUCHED = 99 };

/* A fork that is merged, a fork that is not, a branch of another root that is depended on, names
 * that begin alike, names too short to be completed. */
static const char revisions[] =
    "root0001 left0002<root0001#leftish left0003<left0002 right002<root0001#rightly "
    "merge001<left0003,right002 after001<merge001 open0001<after001#open open0002<after001 "
    "other001#other other002<other001 user0001<open0001|other002 lone#lonely x<lone "
    "xy<x|open0002 abcdef1<xy abcdef2<abcdef1";

static struct spec fixed;

struct asked {
  const struct catalog *c;
  const char *text;
  enum ident_use use;
  struct revision_set rows;
  const struct revision_set *current; /* NULL: not known */
  struct arena arena;
};

static void must(int holds) {
  if (!holds)
    abort();
}

static void check_refusal(const struct err *e) {
  must(e->kind == ERR_INPUT || e->kind == ERR_NOT_FOUND || e->kind == ERR_REFUSED);
  must(e->text[0] != '\0' && utf8_valid(e->text, strlen(e->text)));
}

static void check_set(struct asked *a, const struct revision_set *set) {
  unsigned char *seen = arena_alloc(&a->arena, a->c->count);
  for (size_t i = 0; i < set->count; i++) {
    must(set->items[i] < a->c->count && !seen[set->items[i]]);
    seen[set->items[i]] = 1;
  }
}

static bool same_set(const struct revision_set *a, const struct revision_set *b) {
  return a->count == b->count &&
         (a->count == 0 || memcmp(a->items, b->items, a->count * sizeof *a->items) == 0);
}

/* By parents; a revision stands on itself. */
static bool stands_on(struct asked *a, long upper, long lower) {
  unsigned item = (unsigned)upper;
  struct revision_set from = {.items = &item, .count = 1};
  unsigned char *marks = arena_alloc(&a->arena, a->c->count);
  catalog_mark_ancestors(a->c, &from, false, marks);
  return lower == IDENT_NONE || (upper != IDENT_NONE && marks[lower]);
}

static void check_parts(const struct asked *a) {
  struct ident id;
  struct err e;
  if (ident_parse(a->text, &id, &e)) {
    check_refusal(&e);
    must(!ident_is_relative(a->text));
    return;
  }
  const char *end = a->text + strlen(a->text);
  must(id.branch_len == 0 || (id.branch == a->text && id.branch[id.branch_len] == '@'));
  must(id.symbol == a->text + id.branch_len + (id.branch_len > 0));
  must(id.symbol + id.symbol_len <= end && (id.symbol_len > 0 || id.offset != 0));
  must((id.offset == 0) == (id.symbol + id.symbol_len == end));
  must(ident_is_relative(a->text) == (id.symbol_len == 0));
}

static void check_branch(struct asked *a, const struct ident_answer *answer) {
  if (answer->branch == IDENT_NONE)
    return;
  must(answer->branch >= 0 && (size_t)answer->branch < a->c->count);
  for (size_t i = 0; i < answer->found.count; i++)
    must(stands_on(a, answer->found.items[i], answer->branch) ||
         stands_on(a, answer->branch, answer->found.items[i]));
}

static void check_count(struct asked *a, const struct ident *id,
                        const struct ident_answer *answer) {
  must(answer->found.count <= 1);
  must(answer->counted == (id->symbol_len == 0));
  if (!answer->counted)
    return;
  must(a->use != IDENT_STAMP && (a->use != IDENT_UPGRADE || id->offset > 0) &&
       (a->use != IDENT_DOWNGRADE || id->offset < 0));
  long found = answer->found.count ? (long)answer->found.items[0] : IDENT_NONE;
  long upper = id->offset > 0 ? found : answer->start;
  long lower = id->offset > 0 ? answer->start : found;
  must(upper != IDENT_NONE && upper != lower && stands_on(a, upper, lower));
}

/* An answer that does not count from the rows is the same without them, for all that may ask. */
static void check_absolute(struct asked *a, const struct ident *id,
                           const struct ident_answer *answer) {
  if (id->symbol_len == 0 || (id->symbol_len == 7 && memcmp(id->symbol, "current", 7) == 0))
    return;
  for (enum ident_use use = IDENT_SHOW; use <= IDENT_STAMP; use++) {
    struct revision_set found;
    struct err e;
    must(ident_resolve(a->c, a->text, use, NULL, &a->arena, &found, &e) == 0);
    must(same_set(&found, &answer->found));
  }
}

/* What was found is found again by its id, alone and in its own branch. */
static void check_again(struct asked *a, const struct revision_set *found) {
  for (size_t i = 0; i < found->count; i++) {
    const char *id = a->c->revisions[found->items[i]].id;
    struct revision_set one = {.items = &found->items[i], .count = 1}, again;
    struct err e;
    must(ident_resolve(a->c, id, a->use, a->current, &a->arena, &again, &e) == 0);
    must(same_set(&one, &again));
    id = arena_printf(&a->arena, "%s@%s", id, id);
    must(ident_resolve(a->c, id, a->use, a->current, &a->arena, &again, &e) == 0);
    must(same_set(&one, &again));
  }
}

static void check_identifier(struct asked *a) {
  struct ident_answer answer = {.start = UNTOUCHED};
  struct ident id;
  struct err e;
  if (ident_answer(a->c, a->text, a->use, a->current, &a->arena, &answer, &e)) {
    check_refusal(&e);
    must(answer.start == UNTOUCHED && answer.found.count == 0);
    return;
  }
  must(ident_parse(a->text, &id, &e) == 0);
  must((answer.branch == IDENT_NONE) == (id.branch_len == 0));
  check_set(a, &answer.found);
  check_branch(a, &answer);
  if (id.offset != 0)
    check_count(a, &id, &answer);
  check_absolute(a, &id, &answer);
  check_again(a, &answer.found);
}

/* All of a range stand on the lower end and below the upper one; both ends are of it. */
static void check_between(struct asked *a, const struct ident_ends *ends,
                          const struct revision_set *range) {
  unsigned char *below = arena_alloc(&a->arena, a->c->count);
  unsigned char *above = arena_alloc(&a->arena, a->c->count);
  unsigned char *inside = arena_alloc(&a->arena, a->c->count);
  catalog_mark_ancestors(a->c, &ends->high, true, below);
  catalog_mark_descendants(a->c, ends->low.count ? &ends->low : &a->c->bases, false, above);
  for (size_t i = 0; i < range->count; i++) {
    must(i == 0 || range->items[i] < range->items[i - 1]);
    inside[range->items[i]] = 1;
  }
  for (size_t i = 0; i < a->c->count; i++)
    must(inside[i] == (below[i] && above[i]));
  for (size_t i = 0; i < ends->low.count; i++)
    must(inside[ends->low.items[i]]);
  for (size_t i = 0; i < ends->high.count; i++)
    must(inside[ends->high.items[i]] || !above[ends->high.items[i]]);
}

static void check_range(struct asked *a) {
  struct revision_set range = {.count = UNTOUCHED};
  struct ident_ends ends;
  struct err e;
  if (ident_range(a->c, a->text, a->current, &a->arena, &range, &e)) {
    check_refusal(&e);
    must(range.count == UNTOUCHED);
    return;
  }
  must(strchr(a->text, ':') != NULL);
  must(ident_range_ends(a->c, a->text, a->current, &a->arena, &ends, &e) == 0);
  check_set(a, &ends.low);
  check_set(a, &ends.high);
  check_set(a, &range);
  check_between(a, &ends, &range);
}

static void choose_rows(struct asked *a, unsigned mask, unsigned *items) {
  a->rows.items = items;
  for (unsigned i = 0; i < ROWS_MAX && i < a->c->count; i++)
    if (mask & 1u << i)
      items[a->rows.count++] = i;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  unsigned items[ROWS_MAX];
  char text[TEXT_MAX + 1] = "";
  if (size < 3 || size - 3 > TEXT_MAX)
    return -1;
  if (fixed.catalog.count == 0) {
    spec_build(&fixed, revisions);
    must(fixed.rc == 0 && fixed.catalog.count == ROWS_MAX);
  }
  struct asked a = {.c = &fixed.catalog, .text = text, .use = (enum ident_use)(data[0] % 4)};
  memcpy(text, data + 3, size - 3);
  choose_rows(&a, data[1] | (unsigned)data[2] << 8, items);
  a.current = data[0] & 4 ? NULL : &a.rows;
  arena_init(&a.arena, 0);
  check_parts(&a);
  check_identifier(&a);
  check_range(&a);
  arena_release(&a.arena);
  return 0;
}
