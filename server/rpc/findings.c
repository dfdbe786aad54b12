/* From what the rules find to what a catalog's policy makes of it. */
#include "server/rpc/findings.h"

#include <string.h>

#include "server/base/nearest.h"
#include "server/engine/engine.h"
#include "server/lint/lint.h"
#include "server/rpc/convert.h"

#define RULES_MAX 500   /* of a policy */
#define SOURCE_MAX 1000 /* bytes of a line that is quoted */
#define NAMES_MAX 500   /* rules that a mistyped one is compared with */

static int check_rule(const Migd__V1__LintPolicy *policy, size_t i, struct err *e) {
  const char *name = policy->rules[i]->rule;
  for (size_t k = 0; k < i; k++)
    if (strcmp(policy->rules[k]->rule, name) == 0)
      return err_set(e, ERR_INPUT, "the policy speaks of %s twice", name);
  if (lint_rule_find(name) != NULL)
    return 0;
  const char *names[NAMES_MAX];
  size_t count = 0;
  while (lint_rules[count] != NULL && count < NAMES_MAX) {
    names[count] = lint_rules[count]->name;
    count++;
  }
  const char *near = nearest(name, names, count);
  err_set(e, ERR_INPUT, "there is no rule \"%.80s\"", name);
  return near != NULL ? err_hint(e, "did you mean %s?", near)
                      : err_hint(e, "`migctl lint --rules` lists them");
}

int findings_check_policy(const Migd__V1__LintPolicy *policy, struct err *e) {
  if (policy->n_rules > RULES_MAX)
    return err_set(e, ERR_INPUT, "a policy speaks of at most %d rules", RULES_MAX);
  for (size_t i = 0; i < policy->n_rules; i++)
    if (check_rule(policy, i, e) != 0)
      return -1;
  return 0;
}

static Migd__V1__RuleLevel level_of(const Migd__V1__LintPolicy *policy, const char *rule) {
  for (size_t i = 0; policy != NULL && i < policy->n_rules; i++)
    if (strcmp(policy->rules[i]->rule, rule) == 0)
      return policy->rules[i]->level;
  return MIGD__V1__RULE_LEVEL__RULE_LEVEL_UNSPECIFIED;
}

static bool blocks(const Migd__V1__LintPolicy *policy, const struct lint_finding *f) {
  if (policy == NULL || f->ignored[0] != '\0')
    return false;
  switch (level_of(policy, f->rule->name)) {
  case MIGD__V1__RULE_LEVEL__RULE_LEVEL_BLOCK:
    return true;
  case MIGD__V1__RULE_LEVEL__RULE_LEVEL_UNSPECIFIED:
    return policy->block != MIGD__V1__SEVERITY__SEVERITY_UNSPECIFIED &&
           (int)f->severity >= (int)policy->block;
  default:
    return false;
  }
}

/* Where a line begins: findings come in order, so a file is gone through once. */
struct place {
  const struct revision *revision;
  unsigned line;
  const char *at;
};

static void go_to(struct place *p, const struct revision *r, unsigned line) {
  if (p->revision != r || line < p->line)
    *p = (struct place){r, 1, r->content};
  for (const char *end; p->line < line && (end = strchr(p->at, '\n')) != NULL; p->line++)
    p->at = end + 1;
}

/* The text of the finding's line, unless that begins too far behind to be shown: a line may be as
 * long as a catalog. */
static char *line_text(const struct place *p, unsigned column, struct arena *arena) {
  size_t len = 0;
  while (len < SOURCE_MAX && p->at[len] != '\0' && p->at[len] != '\n')
    len++;
  if (len == SOURCE_MAX) /* not in the middle of a character */
    while (len > 0 && ((unsigned char)p->at[len] & 0xc0) == 0x80)
      len--;
  return arena_strndup(arena, p->at, column <= SOURCE_MAX ? len : 0);
}

Migd__V1__Dialect *findings_dialects(unsigned set, struct arena *arena, size_t *count) {
  Migd__V1__Dialect *list = ARENA_ARRAY(arena, Migd__V1__Dialect, 2);
  *count = 0;
  for (unsigned d = DIALECT_SQLITE; d <= DIALECT_POSTGRESQL; d <<= 1)
    if (set & d)
      list[(*count)++] = (Migd__V1__Dialect)d;
  return list;
}

static Migd__V1__Finding *proto_finding(const struct catalog *c, const struct lint_finding *f,
                                        const Migd__V1__LintPolicy *policy, struct place *place,
                                        struct arena *arena) {
  const struct revision *r = &c->revisions[f->revision];
  go_to(place, r, f->line);
  PROTO_NEW(m, Finding, finding, arena);
  m->rule = proto_text(arena, f->rule->name);
  m->severity = (Migd__V1__Severity)f->severity;
  m->revision = proto_text(arena, r->id);
  m->file = proto_text(arena, r->file);
  m->line = f->line;
  m->column = f->column;
  m->length = f->len;
  m->message = proto_text(arena, f->message);
  m->help = proto_text(arena, f->rule->instead);
  m->source_line = line_text(place, f->column, arena);
  m->dialects = findings_dialects(f->dialects, arena, &m->n_dialects);
  m->direction = f->direction;
  m->table = proto_text(arena, f->table);
  m->ignored = proto_text(arena, f->ignored);
  m->blocks = blocks(policy, f);
  m->rows = -1;
  return m;
}

/* Whether it blocks anything. */
static bool is_strict(const Migd__V1__LintPolicy *policy) {
  bool strict = policy != NULL && policy->block != MIGD__V1__SEVERITY__SEVERITY_UNSPECIFIED;
  for (size_t i = 0; policy != NULL && i < policy->n_rules; i++)
    strict = strict || policy->rules[i]->level == MIGD__V1__RULE_LEVEL__RULE_LEVEL_BLOCK;
  return strict;
}

void findings_judge(const struct findings_request *q, const struct lint_result *found,
                    struct arena *arena, struct findings *out) {
  struct place place = {0};
  *out = (struct findings){.items = ARENA_ARRAY(arena, Migd__V1__Finding *, found->count + 1),
                           .revisions = (unsigned)q->count,
                           .statements = found->statements,
                           .more = found->more && is_strict(q->policy),
                           .first_not_understood = "",
                           .unavailable = found->unavailable};
  /* Where nothing is PostgreSQL, what its parser knows is of no interest. */
  if (q->dialects == 0 || (q->dialects & DIALECT_POSTGRESQL) != 0) {
    out->not_understood = found->not_understood;
    out->first_not_understood = found->first_not_understood;
  }
  for (size_t i = 0; i < found->count; i++) {
    const struct lint_finding *f = &found->items[i];
    if (q->dialects != 0 && (f->dialects & q->dialects) == 0)
      continue;
    if (level_of(q->policy, f->rule->name) == MIGD__V1__RULE_LEVEL__RULE_LEVEL_OFF)
      continue;
    Migd__V1__Finding *m = proto_finding(q->catalog, f, q->policy, &place, arena);
    out->items[out->count++] = m;
    out->blocking += m->blocks != 0;
  }
}

int findings_ask(const struct server *server, const struct findings_request *q,
                 const struct job *job, struct arena *arena, struct findings *out, struct err *e) {
  struct lint_result found;
  if (lint_run(&server->lint, q->catalog, q->revisions, q->count, job, arena, &found, e) != 0)
    return -1;
  findings_judge(q, &found, arena, out);
  return 0;
}

size_t findings_news(const struct catalog *next, const struct catalog *old, struct arena *arena,
                     unsigned **out) {
  size_t count = 0;
  *out = ARENA_ARRAY(arena, unsigned, next->count + 1);
  for (size_t i = 0; i < next->count; i++) {
    long was = old != NULL ? catalog_find(old, next->revisions[i].id) : -1;
    if (was < 0 || strcmp(old->revisions[was].checksum, next->revisions[i].checksum) != 0)
      (*out)[count++] = (unsigned)i;
  }
  return count;
}
