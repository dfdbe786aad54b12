/* A run of lint: unit by unit, the rules of the text here, those of the tree in migd-lint, which
 * may die of a statement: then that one is left out, a new process begins the unit again, and what
 * is missing is said at the end. What a unit needs is in an arena of its own, what is found in the
 * caller's.
 */
#include "server/lint/lint.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "server/base/clock.h"
#include "server/lint/child.h"
#include "server/lint/findings.h"
#include "server/lint/gate.h"
#include "server/lint/schema.h"

enum {
  DEATHS_MAX = 5,                /* processes that may end before their time, in a run */
  CHILD_BYTES = 4 * 1024 * 1024, /* that one process is asked about; then a new one is started */
  UNITS = 4,                     /* of a revision: two directions, two dialects */
  TEXT_MS = 60000,               /* of the rules that are asked here */
  WHY = 200
};

struct run {
  const struct lint_options *options;
  const struct job *job;
  const struct catalog *catalog;
  struct arena *arena;
  struct history history;
  struct findings findings;
  struct lint_result result;
  struct child child;
  bool in_gate;
  unsigned deaths;
  bool gone;     /* no further process is tried */
  char why[WHY]; /* the first failure */
  size_t missed; /* statements that the rules of the tree could not be asked about */
  const char *first_missed;
  int64_t text_ns; /* that the rules of the text have left */
  size_t late;     /* statements that these have not seen */
};

static const char *place(const struct run *r, const struct lint_unit *u, size_t statement) {
  return arena_printf(r->arena, "%s:%u", u->catalog->revisions[u->revision].file,
                      u->items[statement].line);
}

static void miss(struct run *r, const struct lint_unit *u, size_t statement) {
  if (r->missed++ == 0)
    r->first_missed = place(r, u, statement);
}

static void fail(struct run *r, const char *why) {
  if (!r->why[0])
    memcpy(r->why, why, strlen(why) + 1);
}

/* Keeps what was answered. */
static void take(struct run *r, struct lint_unit *u, const struct answers *a, const bool *skip,
                 struct ignores *ignores) {
  for (size_t i = 0; i < u->count; i++) {
    if (i >= a->done || skip[i]) {
      miss(r, u, i);
      continue;
    }
    u->items[i].asked = a->understood[i];
    if (!a->understood[i] && r->result.not_understood++ == 0)
      r->result.first_not_understood = place(r, u, i);
  }
  for (size_t i = 0; i < a->count && a->items[i].statement < a->done; i++)
    findings_add(&r->findings, u, a->items[i].statement, &a->items[i].found, ignores);
}

/* A process that runs: the one there is, or a new one. CHILD_FAILED: there will be none. */
static enum child_end ready(struct run *r, struct err *e) {
  char why[WHY];
  if (r->child.pid > 0 && r->child.fed > CHILD_BYTES)
    child_stop(&r->child);
  if (r->child.pid > 0)
    return CHILD_ANSWERED;
  if (r->gone)
    return CHILD_FAILED;
  if (!r->in_gate && gate_enter(r->options->gate, r->job, e) != 0)
    return CHILD_CANCELLED;
  r->in_gate = true;
  enum child_end end = child_start(&r->child, r->options, r->job, why, e);
  if (end == CHILD_FAILED) {
    fail(r, why);
    r->gone = true;
  }
  return end;
}

/* Asks until the unit is answered, without the statements that the parser died of. */
static int ask_child(struct run *r, struct lint_unit *u, struct ignores *ignores,
                     struct arena *scratch, struct err *e) {
  bool *skip = ARENA_ARRAY(scratch, bool, u->count);
  struct answers a;
  for (enum child_end end = CHILD_FAILED; end != CHILD_ANSWERED;) {
    char why[WHY];
    answers_begin(&a, u, scratch);
    end = ready(r, e);
    if (end == CHILD_FAILED)
      break; /* nothing is answered */
    if (end == CHILD_ANSWERED)
      end = child_ask(&r->child, r->options, skip, &a, r->job, why, e);
    if (end == CHILD_CANCELLED)
      return -1;
    if (end == CHILD_ANSWERED)
      break;
    fail(r, why);
    skip[a.done < u->count ? a.done : u->count - 1] = true; /* it may say too much at the end */
    r->gone = ++r->deaths >= DEATHS_MAX;
    if (r->gone)
      break; /* what it said before it died is kept */
  }
  take(r, u, &a, skip, ignores);
  return 0;
}

/* Some rules compare statements with each other: what is nothing for a hundred of them can take
 * hours for a hundred thousand, which a small file may hold. */
static int ask_here(struct run *r, const struct lint_unit *u, struct ignores *ignores,
                    struct arena *scratch, struct err *e) {
  struct frame f;
  frame_begin(&f, u->dialect, u->direction, true, scratch);
  for (size_t i = 0; i < u->count; i++) {
    const struct unit_statement *st = &u->items[i];
    int64_t began = clock_mono_ns();
    if (job_check(r->job, e) != 0)
      return -1;
    if (r->text_ns < 0) {
      r->late += u->count - i;
      break;
    }
    frame_statement(&f, st->sql, st->len, &st->step, NULL, u, i);
    for (size_t n = 0; n < f.report.count; n++)
      findings_add(&r->findings, u, i, &f.report.items[n], ignores);
    r->text_ns -= clock_mono_ns() - began;
  }
  return 0;
}

static void count_statements(struct run *r, const struct revision *revision) {
  for (size_t i = 0; i < revision->section_count; i++) {
    const struct section *s = &revision->sections[i];
    enum dialect d = s->dialects & DIALECT_POSTGRESQL ? DIALECT_POSTGRESQL : DIALECT_SQLITE;
    r->result.statements += (unsigned)s->statements[d].count;
  }
}

static int look_at(struct run *r, unsigned revision, struct arena *scratch, struct err *e) {
  static const enum direction directions[] = {DIR_UP, DIR_DOWN};
  static const enum dialect dialects[] = {DIALECT_SQLITE, DIALECT_POSTGRESQL};
  struct lint_unit units[UNITS];
  struct ignores ignores;
  size_t before = r->findings.count;
  ignores_read(&r->catalog->revisions[revision], scratch, &ignores);
  for (size_t i = 0; i < UNITS; i++) {
    struct lint_unit *u = &units[i];
    unit_build(r->catalog, revision, directions[i / 2], dialects[i % 2], scratch, u);
    u->history = &r->history;
    if (u->count == 0)
      continue;
    if (ask_here(r, u, &ignores, scratch, e) != 0 ||
        (u->dialect == DIALECT_POSTGRESQL && ask_child(r, u, &ignores, scratch, e) != 0))
      return -1;
  }
  if (r->late == 0) /* or what is of use would be said to be of none */
    findings_add_ignores(&r->findings, r->catalog, revision, &ignores, units, UNITS);
  findings_order(&r->findings, before);
  count_statements(r, &r->catalog->revisions[revision]);
  return 0;
}

static const char *unavailable(const struct run *r) {
  const char *text = "";
  if (r->missed)
    text = arena_printf(r->arena,
                        "PostgreSQL's rules have not seen %zu statement%s, the first in %s: %s",
                        r->missed, r->missed == 1 ? "" : "s", r->first_missed, r->why);
  if (r->late)
    text = arena_printf(r->arena, "%s%s%zu statements were not looked at: the others took too long",
                        text, text[0] ? "; " : "", r->late);
  if (r->findings.more)
    text = arena_printf(r->arena, "%s%sthere are more findings than %d, the rest is not told", text,
                        text[0] ? "; " : "", FINDINGS_MAX);
  return text;
}

static int run_all(struct run *r, const unsigned *revisions, size_t count, struct err *e) {
  struct arena scratch, history;
  int rc = 0;
  arena_init(&history, 0);
  r->history = (struct history){.catalog = r->catalog, .arena = &history};
  for (size_t i = 0; i < count && rc == 0; i++) {
    arena_init(&scratch, 0);
    rc = job_check(r->job, e) == 0 ? look_at(r, revisions[i], &scratch, e) : -1;
    arena_release(&scratch);
  }
  arena_release(&history);
  child_stop(&r->child);
  if (r->in_gate)
    gate_leave(r->options->gate);
  return rc;
}

int lint_run(const struct lint_options *options, const struct catalog *catalog,
             const unsigned *revisions, size_t count, const struct job *job, struct arena *arena,
             struct lint_result *out, struct err *e) {
  struct run r = {.options = options,
                  .job = job,
                  .catalog = catalog,
                  .arena = arena,
                  .findings = {.arena = arena},
                  .text_ns = (options->text_ms ? options->text_ms : TEXT_MS) * NS_PER_MS,
                  .result = {.first_not_understood = ""},
                  .child = {.fd = -1}};
  if (run_all(&r, revisions, count, e) != 0)
    return -1;
  r.result.items = r.findings.items;
  r.result.count = r.findings.count;
  r.result.unavailable = unavailable(&r);
  r.result.more = r.findings.more;
  *out = r.result;
  return 0;
}

const char *lint_program_beside(struct arena *arena) {
  char path[PATH_MAX];
  ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
  if (n <= 0 || n == (ssize_t)sizeof path - 1)
    return NULL;
  path[n] = '\0';
  const char *slash = strrchr(path, '/');
  return arena_printf(arena, "%.*s/migd-lint", slash ? (int)(slash - path) : 0, path);
}
