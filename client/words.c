/* See words.h. */
#include "client/words.h"

#include <string.h>
#include <unistd.h>

#include "client/duration.h"
#include "client/progress.h"
#include "client/text.h"

struct words words_target_state(Migd__V1__TargetState state) {
  static const struct words rows[] = {
      [MIGD__V1__TARGET_STATE__TARGET_STATE_UNSPECIFIED] = {"unknown", PAINT_YELLOW},
      [MIGD__V1__TARGET_STATE__TARGET_STATE_NEVER_SEEN] = {"never seen", PAINT_DIM},
      [MIGD__V1__TARGET_STATE__TARGET_STATE_AT_HEAD] = {"at head", PAINT_GREEN},
      [MIGD__V1__TARGET_STATE__TARGET_STATE_BEHIND] = {"behind", PAINT_YELLOW},
      [MIGD__V1__TARGET_STATE__TARGET_STATE_FAILING] = {"failing", PAINT_RED},
      [MIGD__V1__TARGET_STATE__TARGET_STATE_UNKNOWN_REVISION] = {"unknown revision", PAINT_RED},
      [MIGD__V1__TARGET_STATE__TARGET_STATE_INTERRUPTED] = {"interrupted", PAINT_RED},
  };
  return (unsigned)state < sizeof rows / sizeof rows[0] ? rows[state] : WORDS_UNKNOWN;
}

struct words words_run_state(Migd__V1__RunState state) {
  static const struct words rows[] = {
      [MIGD__V1__RUN_STATE__RUN_STATE_UNSPECIFIED] = {"unknown", PAINT_YELLOW},
      [MIGD__V1__RUN_STATE__RUN_STATE_RUNNING] = {"running", PAINT_YELLOW},
      [MIGD__V1__RUN_STATE__RUN_STATE_SUCCEEDED] = {"succeeded", PAINT_GREEN},
      [MIGD__V1__RUN_STATE__RUN_STATE_FAILED] = {"failed", PAINT_RED},
      [MIGD__V1__RUN_STATE__RUN_STATE_CANCELLED] = {"cancelled", PAINT_YELLOW},
      [MIGD__V1__RUN_STATE__RUN_STATE_INTERRUPTED] = {"interrupted", PAINT_RED},
  };
  return (unsigned)state < sizeof rows / sizeof rows[0] ? rows[state] : WORDS_UNKNOWN;
}

struct words words_task_state(Migd__V1__TaskState state) {
  static const struct words rows[] = {
      [MIGD__V1__TASK_STATE__TASK_STATE_UNSPECIFIED] = {"unknown", PAINT_YELLOW},
      [MIGD__V1__TASK_STATE__TASK_STATE_QUEUED] = {"queued", PAINT_DIM},
      [MIGD__V1__TASK_STATE__TASK_STATE_WAITING] = {"waiting", PAINT_YELLOW},
      [MIGD__V1__TASK_STATE__TASK_STATE_RUNNING] = {"running", PAINT_YELLOW},
      [MIGD__V1__TASK_STATE__TASK_STATE_SUCCEEDED] = {"succeeded", PAINT_GREEN},
      [MIGD__V1__TASK_STATE__TASK_STATE_FAILED] = {"failed", PAINT_RED},
      [MIGD__V1__TASK_STATE__TASK_STATE_CANCELLED] = {"cancelled", PAINT_YELLOW},
      [MIGD__V1__TASK_STATE__TASK_STATE_INTERRUPTED] = {"interrupted", PAINT_RED},
      [MIGD__V1__TASK_STATE__TASK_STATE_IN_DOUBT] = {"in doubt", PAINT_RED},
  };
  return (unsigned)state < sizeof rows / sizeof rows[0] ? rows[state] : WORDS_UNKNOWN;
}

struct words words_severity(Migd__V1__Severity severity) {
  static const struct words rows[] = {
      [MIGD__V1__SEVERITY__SEVERITY_UNSPECIFIED] = {"unknown", PAINT_YELLOW},
      [MIGD__V1__SEVERITY__SEVERITY_NOTE] = {"note", PAINT_DIM},
      [MIGD__V1__SEVERITY__SEVERITY_WARNING] = {"warning", PAINT_YELLOW},
      [MIGD__V1__SEVERITY__SEVERITY_ERROR] = {"error", PAINT_RED},
  };
  return (unsigned)severity < sizeof rows / sizeof rows[0] ? rows[severity] : WORDS_UNKNOWN;
}

const char *words_operation(Migd__V1__Operation operation) {
  switch ((int)operation) {
  case MIGD__V1__OPERATION__OPERATION_UPGRADE:
    return "upgrade";
  case MIGD__V1__OPERATION__OPERATION_DOWNGRADE:
    return "downgrade";
  case MIGD__V1__OPERATION__OPERATION_STAMP:
    return "stamp";
  case MIGD__V1__OPERATION__OPERATION_ADOPT:
    return "adopt";
  default:
    return "?";
  }
}

const char *words_dialect(Migd__V1__Dialect dialect) {
  switch ((int)dialect) {
  case MIGD__V1__DIALECT__DIALECT_SQLITE:
    return "sqlite";
  case MIGD__V1__DIALECT__DIALECT_POSTGRESQL:
    return "postgresql";
  default:
    return "?";
  }
}

const char *words_list(struct session *s, size_t count, char *const *items, const char *none) {
  struct buf b BUF_SCOPED = BUF_INIT;
  for (size_t i = 0; i < count; i++)
    buf_addf(&b, "%s%s", i ? ", " : "", items[i]);
  return count ? arena_strdup(&s->arena, buf_str(&b)) : none;
}

const char *words_labels(struct session *s, size_t count, Migd__V1__Label *const *labels) {
  struct buf b BUF_SCOPED = BUF_INIT;
  for (size_t i = 0; i < count; i++)
    buf_addf(&b, "%s%s%s%s", i ? ", " : "", labels[i]->key, labels[i]->value[0] ? "=" : "",
             labels[i]->value);
  return arena_strdup(&s->arena, buf_str(&b));
}

const char *words_duration(struct session *s, int64_t ns) {
  struct buf b BUF_SCOPED = BUF_INIT;
  duration_format(&b, ns);
  return arena_strdup(&s->arena, buf_str(&b));
}

const char *words_lock(struct session *s, const Migd__V1__Lock *lock) {
  if (lock->run[0])
    return arena_printf(&s->arena, "locked by run %s of %s", lock->run, lock->holder);
  return arena_printf(&s->arena, "locked by %s: %s", lock->holder, lock->reason);
}

const char *words_request(struct session *s, const Migd__V1__Run *run) {
  const char *revisions = words_list(s, run->n_revisions, run->revisions, "");
  bool stamp = run->operation == MIGD__V1__OPERATION__OPERATION_STAMP;
  return arena_printf(&s->arena, "%s%s%s", words_operation(run->operation),
                      *revisions ? stamp ? " " : " to " : "", revisions);
}

void words_step(struct buf *out, Migd__V1__Direction direction, const char *from, const char *to,
                const char *message) {
  const char *verb = "upgrade";
  if (direction == MIGD__V1__DIRECTION__DIRECTION_DOWN)
    verb = "downgrade";
  if (direction == MIGD__V1__DIRECTION__DIRECTION_STAMP)
    verb = "stamp_revision";
  buf_addf(out, "Running %s %s -> %s", verb, from, to);
  if (*message)
    buf_addf(out, ", %s", message);
}

void words_field(struct buf *out, const char *label, const char *value) {
  if (!*value)
    return;
  buf_addf(out, "%-14s ", label);
  text_clean(out, value, strlen(value), false);
  buf_addc(out, '\n');
}

size_t words_width(const struct session *s) {
  return s->tty_out ? terminal_width(STDOUT_FILENO) : 0;
}

const char *words_policy(struct session *s, const Migd__V1__LintPolicy *policy) {
  static const char *const levels[] = {"", "is off", "is only told", "blocks it"};
  static const char *const blocking[] = {"no finding blocks", "every finding blocks",
                                         "an error or warning blocks", "an error blocks"};
  size_t block = policy ? (size_t)policy->block : 0;
  struct buf b BUF_SCOPED = BUF_INIT;
  buf_addf(&b, "%s it", blocking[block < sizeof blocking / sizeof blocking[0] ? block : 0]);
  for (size_t i = 0; policy && i < policy->n_rules; i++)
    if ((unsigned)policy->rules[i]->level < sizeof levels / sizeof levels[0])
      buf_addf(&b, "; %s %s", policy->rules[i]->rule, levels[policy->rules[i]->level]);
  if (policy && policy->small_table_rows)
    buf_addf(&b, "; tables under %s are small",
             counted(s, policy->small_table_rows, "row", "rows"));
  return arena_strdup(&s->arena, buf_str(&b));
}
