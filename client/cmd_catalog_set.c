/* catalog set: what a catalog says of its databases. */
#include <string.h>

#include "client/selection.h"
#include "client/session.h"
#include "migd/v1/catalogs.pb-c.h"

extern const struct command cmd_catalog_set;

static int run_set(struct session *s, struct err *e) {
  Migd__V1__UpdateCatalogRequest request = MIGD__V1__UPDATE_CATALOG_REQUEST__INIT;
  Migd__V1__AdoptRule rule = MIGD__V1__ADOPT_RULE__INIT;
  char *text = session_text(s, "adopt-if-table");
  char *equals = strchr(text, '=');
  request.name = arena_strdup(&s->arena, session_argument(s, 0));
  request.clear_adopt_rule = session_flag(s, "no-adopt-if-table");
  if (session_flag(s, "adopt-if-table") == (bool)request.clear_adopt_rule)
    return session_usage(s, e, "say one: --adopt-if-table TABLE=REV or --no-adopt-if-table");
  if (!request.clear_adopt_rule) {
    if (!equals || equals == text || !equals[1])
      return session_usage(s, e, "--adopt-if-table is TABLE=REV, not `%s`", text);
    rule.table = arena_strndup(&s->arena, text, (size_t)(equals - text));
    rule.revision = equals + 1;
    request.adopt_rule = &rule;
  }
  const Migd__V1__Catalog *c =
      session_ask_print(s, &migd__v1__catalogs__descriptor, "UpdateCatalog", &request, e);
  if (!c)
    return -1;
  if (c->adopt_rule)
    say(s,
        "a database of %s without a ledger that has a table %s is at %s: its first upgrade goes "
        "on from there",
        c->name, c->adopt_rule->table, c->adopt_rule->revision);
  else
    say(s, "a database of %s without a ledger is never upgraded unless it is empty", c->name);
  return EXIT_DONE;
}

static const struct option set_options[] = {
    {"adopt-if-table", 0, OPTION_VALUE, "TABLE=REV",
     "an upgrade without a ledger, where TABLE is, stamps REV first", NULL},
    {"no-adopt-if-table", 0, OPTION_FLAG, NULL, "no such rule", NULL},
    {NULL},
};

const struct command cmd_catalog_set = {
    .name = "catalog set",
    .group = GROUP_CATALOGS,
    .arguments = "CATALOG",
    .min_arguments = 1,
    .max_arguments = 1,
    .options = set_options,
    .summary = "say how databases that were there before migd are taken over",
    .help = "Without a rule a database that has tables and no ledger is never upgraded: `adopt` or "
            "`stamp` come first. With one, having the table means to be at the revision, as an "
            "application knows of its own installations.",
    .example = "migctl catalog set shop --adopt-if-table jobs=0003",
    .run = run_set,
};
