/* See fleet.h. */
#include "client/fleet.h"

#include <stdlib.h>
#include <string.h>

#include "client/duration.h"
#include "client/words.h"

enum {
  SMALL = 20,      /* a fleet up to this size is shown whole */
  ALIKE = 4,       /* from so many on, targets that are alike share a line */
  NAMES_SHOWN = 3, /* of those */
};

/* Most urgent first; the summary and the table have this order. */
static const Migd__V1__TargetState order[] = {
    MIGD__V1__TARGET_STATE__TARGET_STATE_FAILING,
    MIGD__V1__TARGET_STATE__TARGET_STATE_INTERRUPTED,
    MIGD__V1__TARGET_STATE__TARGET_STATE_UNKNOWN_REVISION,
    MIGD__V1__TARGET_STATE__TARGET_STATE_UNSPECIFIED,
    MIGD__V1__TARGET_STATE__TARGET_STATE_BEHIND,
    MIGD__V1__TARGET_STATE__TARGET_STATE_NEVER_SEEN,
    MIGD__V1__TARGET_STATE__TARGET_STATE_AT_HEAD,
};
enum { STATES = sizeof order / sizeof order[0] };

static size_t urgency(const Migd__V1__Target *t) {
  for (size_t i = 0; i < STATES; i++)
    if (order[i] == t->state)
      return i;
  return 3;
}

static bool is_at_head(const Migd__V1__Target *t) {
  return t->state == MIGD__V1__TARGET_STATE__TARGET_STATE_AT_HEAD;
}

bool fleet_at_head(const Migd__V1__ListTargetsResponse *fleet) {
  for (size_t i = 0; i < fleet->n_targets; i++)
    if (!is_at_head(fleet->targets[i]))
      return false;
  return true;
}

void fleet_summary(struct session *s, struct buf *out, const Migd__V1__ListTargetsResponse *fleet) {
  size_t count[STATES] = {0}, locked = 0;
  const char *separator = ": ";
  for (size_t i = 0; i < fleet->n_targets; i++) {
    count[urgency(fleet->targets[i])]++;
    locked += fleet->targets[i]->lock != NULL;
  }
  buf_adds(out, counted(s, fleet->n_targets, "target", "targets"));
  for (size_t i = 0; i < STATES; i++) {
    struct words w = words_target_state(order[i]);
    if (count[i] == 0)
      continue;
    buf_adds(out, separator);
    paint_text(out, w.paint, counted(s, count[i], w.text, w.text), s->color_out);
    separator = ", ";
  }
  if (locked) {
    buf_adds(out, "; ");
    paint_text(out, PAINT_YELLOW, counted(s, locked, "locked", "locked"), s->color_out);
  }
  buf_addc(out, '\n');
}

static int compare_lists(size_t na, char *const *a, size_t nb, char *const *b) {
  for (size_t i = 0; i < na && i < nb; i++) {
    int c = strcmp(a[i], b[i]);
    if (c)
      return c;
  }
  return na < nb ? -1 : na > nb;
}

/* Alike: nothing but the name tells them apart. What has an error or a lock is like no other. */
static int compare_kind(const Migd__V1__Target *a, const Migd__V1__Target *b) {
  size_t ua = urgency(a), ub = urgency(b);
  if (ua != ub)
    return ua < ub ? -1 : 1;
  bool locked_a = a->lock != NULL, locked_b = b->lock != NULL;
  if (locked_a != locked_b)
    return locked_a ? -1 : 1;
  int c = strcmp(a->catalog, b->catalog);
  if (c)
    return c;
  if (a->behind != b->behind)
    return a->behind > b->behind ? -1 : 1;
  return compare_lists(a->n_current, a->current, b->n_current, b->current);
}

static int compare(const void *x, const void *y) {
  const Migd__V1__Target *a = *(const Migd__V1__Target *const *)x;
  const Migd__V1__Target *b = *(const Migd__V1__Target *const *)y;
  int c = compare_kind(a, b);
  return c ? c : strcmp(a->name, b->name);
}

static bool stands_alone(const Migd__V1__Target *t) {
  return t->lock || (t->last_error && t->last_error->message[0] && !is_at_head(t));
}

/* How many from `first` on share a line. */
static size_t alike(const Migd__V1__Target *const *targets, size_t count, bool all) {
  size_t n = 1;
  if (all || stands_alone(targets[0]))
    return 1;
  while (n < count && !stands_alone(targets[n]) && compare_kind(targets[0], targets[n]) == 0)
    n++;
  return n >= ALIKE ? n : 1;
}

static const char *names(struct session *s, const Migd__V1__Target *const *targets, size_t count) {
  if (count == 1)
    return targets[0]->name;
  struct buf b BUF_SCOPED = BUF_INIT;
  for (size_t i = 0; i < NAMES_SHOWN; i++)
    buf_addf(&b, "%s, ", targets[i]->name);
  buf_addf(&b, "%s", counted(s, count - NAMES_SHOWN, "more", "more"));
  return arena_strdup(&s->arena, buf_str(&b));
}

/* A file and a line tell more than the first words of a message. */
static const char *error_words(struct session *s, const Migd__V1__Error *e) {
  const char *text = e->message;
  size_t len = strlen(e->target);
  if (len && strncmp(text, e->target, len) == 0 && strncmp(text + len, ": ", 2) == 0)
    text += len + 2; /* the line begins with it */
  if (!e->file[0] || strstr(text, e->file))
    return text;
  return arena_printf(&s->arena, "%s:%u:%u: %s", e->file, e->line, e->column, text);
}

static const char *note(struct session *s, const Migd__V1__Target *t) {
  if (t->lock)
    return words_lock(s, t->lock);
  if (t->last_error && !is_at_head(t))
    return error_words(s, t->last_error);
  if (t->state == MIGD__V1__TARGET_STATE__TARGET_STATE_INTERRUPTED && t->last_run[0])
    return arena_printf(&s->arena, "migctl run resume %s", t->last_run);
  return "";
}

static void add_row(struct session *s, struct table *t, const Migd__V1__Target *const *targets,
                    size_t count, int64_t now) {
  const Migd__V1__Target *first = targets[0];
  struct words state = words_target_state(first->state);
  table_add(t, PAINT_NONE, "%s", names(s, targets, count));
  table_add(t, PAINT_NONE, "%s", first->catalog);
  table_add(t, state.paint, "%s", state.text);
  table_add(t, PAINT_NONE, "%s",
            words_list(s, first->n_current, first->current, first->seen_at ? "base" : ""));
  table_add(t, PAINT_NONE, "%s", first->behind ? arena_printf(&s->arena, "%u", first->behind) : "");
  table_add(t, PAINT_DIM, "%s", count == 1 ? time_relative(&s->arena, first->seen_at, now) : "");
  table_add(t, first->lock ? PAINT_YELLOW : PAINT_NONE, "%s", note(s, first));
}

/* The targets to be shown, in order. */
static size_t choose(const Migd__V1__ListTargetsResponse *fleet, bool whole,
                     const Migd__V1__Target **chosen) {
  size_t count = 0;
  for (size_t i = 0; i < fleet->n_targets; i++)
    if (whole || !is_at_head(fleet->targets[i]) || fleet->targets[i]->lock)
      chosen[count++] = fleet->targets[i];
  qsort(chosen, count, sizeof *chosen, compare);
  return count;
}

void fleet_table(struct session *s, struct buf *out, const Migd__V1__ListTargetsResponse *fleet,
                 const struct fleet_view *view) {
  static const char *const headings[] = {"TARGET",  "CATALOG", "STATE", "CURRENT",
                                         ">BEHIND", "SEEN",    "NOTE",  NULL};
  const Migd__V1__Target **chosen =
      ARENA_ARRAY(&s->arena, const Migd__V1__Target *, fleet->n_targets + 1);
  bool whole = view->all || fleet->n_targets <= SMALL;
  size_t count = choose(fleet, whole, chosen), lines = 0, shown = 0;
  struct table t;
  table_init(&t, &s->arena, headings);
  while (shown < count && (view->lines == 0 || lines < view->lines)) {
    size_t n = alike(chosen + shown, count - shown, whole);
    add_row(s, &t, chosen + shown, n, view->now);
    shown += n;
    lines++;
  }
  table_print(&t, out, s->color_out, view->width);
  if (shown < count)
    buf_addf(out, "and %s: `migctl status --all` lists every one\n",
             counted(s, count - shown, "more", "more"));
}
