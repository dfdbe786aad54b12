/* catalog set: what a catalog says of its databases, the variables of all of them, and which lint
 * findings it accepts. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "client/selection.h"
#include "client/session.h"
#include "client/variables.h"
#include "client/words.h"
#include "migd/v1/catalogs.pb-c.h"

extern const struct command cmd_catalog_set;

#define SERVICE (&migd__v1__catalogs__descriptor)

/* `NAME=VALUE` cut in two, in the arena; NULL for anything else. */
static char *cut(struct session *s, const char *text, char **value) {
  const char *equals = strchr(text, '=');
  if (!equals || equals == text || !equals[1])
    return NULL;
  *value = arena_strdup(&s->arena, equals + 1);
  return arena_strndup(&s->arena, text, (size_t)(equals - text));
}

static int read_adopt_rule(struct session *s, Migd__V1__UpdateCatalogRequest *request,
                           struct err *e) {
  char *text = session_text(s, "adopt-if-table");
  request->clear_adopt_rule = session_flag(s, "no-adopt-if-table");
  if (!session_flag(s, "adopt-if-table"))
    return 0;
  if (request->clear_adopt_rule)
    return session_usage(s, e, "--adopt-if-table and --no-adopt-if-table: say one");
  Migd__V1__AdoptRule *rule = ARENA_NEW(&s->arena, Migd__V1__AdoptRule);
  migd__v1__adopt_rule__init(rule);
  rule->table = cut(s, text, &rule->revision);
  if (!rule->table)
    return session_usage(s, e, "--adopt-if-table is TABLE=REV, not `%s`", text);
  request->adopt_rule = rule;
  return 0;
}

static const char *const levels[] = {
    [MIGD__V1__RULE_LEVEL__RULE_LEVEL_UNSPECIFIED] = "default",
    [MIGD__V1__RULE_LEVEL__RULE_LEVEL_OFF] = "off",
    [MIGD__V1__RULE_LEVEL__RULE_LEVEL_WARN] = "warn",
    [MIGD__V1__RULE_LEVEL__RULE_LEVEL_BLOCK] = "block",
};
#define LEVELS (sizeof levels / sizeof levels[0])

/* What is said of a rule takes the place of what was said before; `default` is to say nothing. */
static int set_rule(struct session *s, Migd__V1__LintPolicy *policy, const char *text,
                    struct err *e) {
  char *value = NULL, *name = cut(s, text, &value);
  size_t level = 0, at = 0;
  while (name && level < LEVELS && strcmp(levels[level], value) != 0)
    level++;
  if (!name || level == LEVELS)
    return session_usage(s, e, "--lint-rule is RULE=off|warn|block|default, not `%s`", text);
  while (at < policy->n_rules && strcmp(policy->rules[at]->rule, name) != 0)
    at++;
  if (at == policy->n_rules) {
    policy->rules[at] = ARENA_NEW(&s->arena, Migd__V1__RulePolicy);
    migd__v1__rule_policy__init(policy->rules[at]);
    policy->n_rules++;
  }
  policy->rules[at]->rule = name;
  policy->rules[at]->level = (Migd__V1__RuleLevel)level;
  if (level == 0)
    policy->rules[at] = policy->rules[--policy->n_rules];
  return 0;
}

static int set_block(struct session *s, Migd__V1__LintPolicy *policy) {
  static const char *const names[] = {"never", "note", "warning", "error"};
  const char *text = session_text(s, "lint-block");
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
    if (strcmp(text, names[i]) == 0)
      policy->block = (Migd__V1__Severity)i;
  return 0;
}

static int set_small(struct session *s, Migd__V1__LintPolicy *policy, struct err *e) {
  const char *text = session_text(s, "lint-small-table");
  char *end;
  if (!session_flag(s, "lint-small-table"))
    return 0;
  errno = 0;
  policy->small_table_rows = strtoull(text, &end, 10);
  if (*text < '0' || *text > '9' || *end || errno)
    return session_usage(s, e, "--lint-small-table is a number of rows, not `%s`", text);
  return 0;
}

/* The policy is sent as a whole: what is there, with what is said here. */
static int read_policy(struct session *s, Migd__V1__UpdateCatalogRequest *request, struct err *e) {
  Migd__V1__GetCatalogRequest get = MIGD__V1__GET_CATALOG_REQUEST__INIT;
  Migd__V1__LintPolicy *policy = ARENA_NEW(&s->arena, Migd__V1__LintPolicy);
  size_t count = options_count(&s->options, "lint-rule");
  if (!count && !session_flag(s, "lint-block") && !session_flag(s, "lint-small-table"))
    return 0;
  get.name = request->name;
  const Migd__V1__Catalog *c = session_ask(s, SERVICE, "GetCatalog", &get, e);
  if (!c)
    return -1;
  migd__v1__lint_policy__init(policy);
  if (c->lint_policy)
    *policy = *c->lint_policy;
  Migd__V1__RulePolicy **rules =
      ARENA_ARRAY(&s->arena, Migd__V1__RulePolicy *, policy->n_rules + count + 1);
  if (policy->n_rules)
    memcpy(rules, policy->rules, policy->n_rules * sizeof *rules);
  policy->rules = rules;
  for (size_t i = 0; i < count; i++)
    if (set_rule(s, policy, options_nth(&s->options, "lint-rule", i), e) != 0)
      return -1;
  request->lint_policy = policy;
  return set_block(s, policy) != 0 ? -1 : set_small(s, policy, e);
}

static void say_rule(struct session *s, const Migd__V1__Catalog *c) {
  if (c->adopt_rule)
    say(s,
        "a database of %s without a ledger that has a table %s is at %s: its first upgrade goes "
        "on from there",
        c->name, c->adopt_rule->table, c->adopt_rule->revision);
  else
    say(s, "a database of %s without a ledger is never upgraded unless it is empty", c->name);
}

static int run_set(struct session *s, struct err *e) {
  Migd__V1__UpdateCatalogRequest request = MIGD__V1__UPDATE_CATALOG_REQUEST__INIT;
  request.name = arena_strdup(&s->arena, session_argument(s, 0));
  if (read_adopt_rule(s, &request, e) != 0 || read_policy(s, &request, e) != 0)
    return -1;
  request.remove_variables = variables_removed(s, &request.n_remove_variables);
  if (!(request.set_variables = variables_read(s, &request.n_set_variables, e)))
    return -1;
  bool rule = request.adopt_rule || request.clear_adopt_rule;
  if (!rule && !request.lint_policy && !variables_given(s))
    return session_usage(s, e, "say what is to change; `migctl catalog set --help` lists it");
  const Migd__V1__Catalog *c = session_ask_print(s, SERVICE, "UpdateCatalog", &request, e);
  if (!c)
    return -1;
  if (rule)
    say_rule(s, c);
  if (request.lint_policy)
    say(s, "a push to %s: %s", c->name, words_policy(s, c->lint_policy));
  if (variables_given(s))
    say(s, "variables of %s changed", c->name);
  return EXIT_DONE;
}

static const struct option set_options[] = {
    {"adopt-if-table", 0, OPTION_VALUE, "TABLE=REV",
     "an upgrade without a ledger, where TABLE is, stamps REV first", NULL},
    {"no-adopt-if-table", 0, OPTION_FLAG, NULL, "take that back", NULL},
    VARIABLE_OPTIONS,
    REMOVE_VARIABLE_OPTION,
    {"lint-block", 0, OPTION_VALUE, "SEVERITY",
     "a push with findings at least this bad is refused (default: never)",
     "error|warning|note|never"},
    {"lint-rule", 0, OPTION_LIST, "RULE=LEVEL",
     "of one rule: off, warn, block, or default again; may be repeated", NULL},
    {"lint-small-table", 0, OPTION_VALUE, "ROWS",
     "a table with fewer rows is no danger to a plan (0: the default, 10,000)", NULL},
    {NULL},
};

const struct command cmd_catalog_set = {
    .name = "catalog set",
    .group = GROUP_CATALOGS,
    .arguments = "CATALOG",
    .min_arguments = 1,
    .max_arguments = 1,
    .options = set_options,
    .summary = "change the variables of a catalog, how it takes over databases, what blocks a push",
    .help = "A variable is a value that revisions name as ${NAME}; a target's own goes before the "
            "catalog's.\n\n"
            "A database that has tables and no ledger is never upgraded: `adopt` or `stamp` come "
            "first. With --adopt-if-table having the table means to be at the revision, as an "
            "application knows of its own installations.\n\n"
            "What the lint rules find is told at every push; it blocks one only where the catalog "
            "says so. `migctl lint --rules` lists the rules.",
    .example = "migctl catalog set shop --adopt-if-table jobs=0003\n"
               "migctl catalog set shop --var currency=EUR --secret-var api_key=key.txt\n"
               "migctl catalog set shop --lint-block error --lint-rule ban-drop-column=block",
    .run = run_set,
};
