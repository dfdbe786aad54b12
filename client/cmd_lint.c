/* lint: what is known to be dangerous about the revisions of a folder, before they are pushed; and
 * what is known about a rule. The server has the rules.
 */
#include <stdlib.h>
#include <string.h>

#include "client/findings.h"
#include "client/suggest.h"
#include "client/table.h"
#include "client/text.h"
#include "client/upload.h"
#include "client/words.h"
#include "proto/rpc/frame.h"
#include "proto/rpc/unpack.h"

extern const struct command cmd_lint;

#define SERVICE (&migd__v1__lint__descriptor)

struct linting {
  struct session *s;
  struct upload upload;
  Migd__V1__LintFilesHeader header;
  bool sarif;
  Migd__V1__Severity fail_on;   /* findings at least this bad fail the command */
  Migd__V1__Finding **findings; /* in the session's arena; for SARIF */
  size_t count, room;
  size_t problems, told[4], failing, ignored;
  bool done; /* the summary has come */
};

static void fill_message(void *ctx, bool first, Migd__V1__FilePart **parts, size_t count,
                         struct buf *out) {
  struct linting *l = ctx;
  Migd__V1__LintFilesRequest message = MIGD__V1__LINT_FILES_REQUEST__INIT;
  message.header = first ? &l->header : NULL;
  message.parts = parts;
  message.n_parts = count;
  rpc_frame(out, &message.base);
}

static void print_problem(struct linting *l, const Migd__V1__Problem *problem) {
  l->problems++;
  if (!l->s->json)
    upload_problem(&l->upload, problem);
}

/* A finding is borrowed for the callback: the copy stays. */
static int keep(struct linting *l, const Migd__V1__Finding *f, struct err *e) {
  size_t len = protobuf_c_message_get_packed_size(&f->base);
  uint8_t *bytes = arena_alloc(&l->s->arena, len + 1);
  protobuf_c_message_pack(&f->base, bytes);
  if (l->count == l->room) {
    l->room = l->room ? 2 * l->room : 64;
    l->findings = xrealloc(l->findings, l->room * sizeof *l->findings);
  }
  l->findings[l->count] = (void *)rpc_unpack(f->base.descriptor, bytes, len, &l->s->arena, e);
  return l->findings[l->count] && ++l->count ? 0 : -1;
}

/* Findings are this command's data: they go to stdout. */
static int take_finding(struct linting *l, const Migd__V1__Finding *f, struct err *e) {
  struct buf text BUF_SCOPED = BUF_INIT;
  bool known = (unsigned)f->severity < sizeof l->told / sizeof l->told[0];
  if (f->ignored[0])
    l->ignored++;
  else
    l->told[known ? f->severity : 0]++;
  if (f->blocks || (!f->ignored[0] && f->severity >= l->fail_on))
    l->failing++;
  if (l->sarif)
    return keep(l, f, e);
  if (l->s->json || (f->ignored[0] && !l->s->verbose))
    return 0;
  finding_add(&text, l->upload.folder.path, f, l->s->color_out);
  session_print(l->s, &text);
  return 0;
}

static void take_summary(struct linting *l, const Migd__V1__LintSummary *summary) {
  struct session *s = l->s;
  l->done = true;
  if (summary->unavailable[0])
    say(s, "not all was looked at: %s", summary->unavailable);
  findings_not_understood(s, summary->not_understood, summary->first_not_understood);
  if (summary->revisions == 0 && l->header.catalog[0])
    say(s, "all of it is stored in %s already; --every looks at that too", l->header.catalog);
  say(s, "%s, %s: %s, %s, %s%s", counted(s, summary->revisions, "revision", "revisions"),
      counted(s, summary->statements, "statement", "statements"),
      counted(s, l->told[MIGD__V1__SEVERITY__SEVERITY_ERROR], "error", "errors"),
      counted(s, l->told[MIGD__V1__SEVERITY__SEVERITY_WARNING], "warning", "warnings"),
      counted(s, l->told[MIGD__V1__SEVERITY__SEVERITY_NOTE], "note", "notes"),
      l->ignored ? arena_printf(&s->arena, ", %zu ignored", l->ignored) : "");
}

static int on_answer(void *ctx, const ProtobufCMessage *m, struct err *e) {
  struct linting *l = ctx;
  const Migd__V1__LintFilesResponse *answer = (const void *)m;
  if (l->s->json)
    session_json(l->s, answer, true);
  switch ((int)answer->answer_case) {
  case MIGD__V1__LINT_FILES_RESPONSE__ANSWER_PROBLEM:
    print_problem(l, answer->problem);
    return 0;
  case MIGD__V1__LINT_FILES_RESPONSE__ANSWER_FINDING:
    return take_finding(l, answer->finding, e);
  case MIGD__V1__LINT_FILES_RESPONSE__ANSWER_SUMMARY:
    take_summary(l, answer->summary);
    return 0;
  default:
    return 0;
  }
}

static const Migd__V1__ListLintRulesResponse *ask_rules(struct session *s, bool print,
                                                        struct err *e) {
  Migd__V1__ListLintRulesRequest request = MIGD__V1__LIST_LINT_RULES_REQUEST__INIT;
  return print ? session_ask_print(s, SERVICE, "ListLintRules", &request, e)
               : session_ask(s, SERVICE, "ListLintRules", &request, e);
}

static int print_sarif(struct linting *l, struct err *e) {
  struct buf text BUF_SCOPED = BUF_INIT;
  const Migd__V1__ListLintRulesResponse *rules = ask_rules(l->s, false, e);
  if (!rules)
    return -1;
  findings_sarif(&text, l->upload.folder.path, l->findings, l->count, rules);
  session_print(l->s, &text);
  return 0;
}

static const struct {
  const char *name;
  Migd__V1__Severity severity;
} levels[] = {
    {"error", MIGD__V1__SEVERITY__SEVERITY_ERROR},
    {"warning", MIGD__V1__SEVERITY__SEVERITY_WARNING},
    {"note", MIGD__V1__SEVERITY__SEVERITY_NOTE},
    {"never", (Migd__V1__Severity)100},
};

static void read_options(struct linting *l) {
  struct session *s = l->s;
  const char *fail_on = session_text(s, "fail-on"), *dialect = session_text(s, "dialect");
  migd__v1__lint_files_header__init(&l->header);
  l->header.catalog = session_flag(s, "catalog") ? session_text(s, "catalog") : l->header.catalog;
  l->header.all = session_flag(s, "every");
  l->header.dialect = strcmp(dialect, "sqlite") == 0       ? MIGD__V1__DIALECT__DIALECT_SQLITE
                      : strcmp(dialect, "postgresql") == 0 ? MIGD__V1__DIALECT__DIALECT_POSTGRESQL
                                                           : l->header.dialect;
  l->sarif = session_flag(s, "sarif");
  l->fail_on = levels[0].severity;
  for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++)
    if (strcmp(fail_on, levels[i].name) == 0)
      l->fail_on = levels[i].severity;
}

static int lint_folder(struct linting *l, struct err *e) {
  struct session *s = l->s;
  read_options(l);
  l->upload = (struct upload){.session = s,
                              .service = SERVICE,
                              .method = "LintFiles",
                              .message = fill_message,
                              .answer = on_answer,
                              .ctx = l};
  if (folder_list(&l->upload.folder, &s->arena, session_argument(s, 0), e) < 0)
    return -1;
  if (l->upload.folder.file_count == 0)
    return err_set(e, ERR_INPUT, "%s holds no *.sql file", l->upload.folder.path);
  if (upload_run(&l->upload, e) < 0) {
    if (l->problems)
      err_hint(e, "mend %s first", l->problems == 1 ? "it" : "them");
    return -1;
  }
  if (!l->done)
    return err_set(e, ERR_INTERNAL, "the server did not say what it looked at");
  if (l->sarif && print_sarif(l, e) != 0)
    return -1;
  return l->failing ? EXIT_REFUSED : EXIT_DONE;
}

/* --- rules */

static void add_text(struct buf *out, const char *heading, const char *text) {
  if (text[0])
    buf_addf(out, "\n%s\n  ", heading);
  for (; *text; text++) {
    buf_addc(out, *text);
    if (*text == '\n' && text[1] && text[1] != '\n')
      buf_adds(out, "  ");
  }
  if (out->len && out->s[out->len - 1] != '\n')
    buf_addc(out, '\n');
}

static void print_rule(struct session *s, const Migd__V1__LintRule *r) {
  struct buf text BUF_SCOPED = BUF_INIT, clean BUF_SCOPED = BUF_INIT;
  buf_addf(&text, "%s (%s", r->name, words_severity(r->severity).text);
  for (size_t i = 0; i < r->n_dialects; i++)
    buf_addf(&text, ", %s", words_dialect(r->dialects[i]));
  buf_addf(&text, ")\n  %s\n", r->summary);
  add_text(&text, "Lock", r->lock);
  add_text(&text, "For how long", r->duration);
  add_text(&text, "Why it matters", r->why);
  add_text(&text, "Instead", r->instead);
  add_text(&text, "Bad", r->bad);
  add_text(&text, "Good", r->good);
  text_clean(&clean, buf_str(&text), text.len, true);
  session_print(s, &clean);
}

static int explain(struct session *s, const char *name, struct err *e) {
  struct suggestion near = {.word = name};
  const Migd__V1__ListLintRulesResponse *reply = ask_rules(s, false, e);
  if (!reply)
    return -1;
  for (size_t i = 0; i < reply->n_rules; i++) {
    suggest_offer(&near, reply->rules[i]->name);
    if (strcmp(reply->rules[i]->name, name) != 0)
      continue;
    if (s->json)
      session_json(s, reply->rules[i], false);
    else
      print_rule(s, reply->rules[i]);
    return EXIT_DONE;
  }
  err_set(e, ERR_NOT_FOUND, "there is no rule `%s`", name);
  return near.best ? err_hint(e, "did you mean %s?", near.best)
                   : err_hint(e, "`migctl lint --rules` lists them");
}

static int list_rules(struct session *s, struct err *e) {
  static const char *const headings[] = {"RULE", "SEVERITY", "DIALECT", "WHAT IT FINDS", NULL};
  const Migd__V1__ListLintRulesResponse *reply = ask_rules(s, true, e);
  struct table t;
  struct buf text BUF_SCOPED = BUF_INIT;
  if (!reply || s->json)
    return reply ? EXIT_DONE : -1;
  table_init(&t, &s->arena, headings);
  for (size_t i = 0; i < reply->n_rules; i++) {
    const Migd__V1__LintRule *r = reply->rules[i];
    struct words severity = words_severity(r->severity);
    table_add(&t, PAINT_NONE, "%s", r->name);
    table_add(&t, severity.paint, "%s", severity.text);
    table_add(&t, PAINT_NONE, "%s", r->n_dialects == 1 ? words_dialect(r->dialects[0]) : "both");
    table_add(&t, PAINT_NONE, "%s", r->summary);
  }
  table_print(&t, &text, s->color_out, words_width(s));
  session_print(s, &text);
  return EXIT_DONE;
}

static int run_lint(struct session *s, struct err *e) {
  struct linting l = {.s = s};
  bool folder = session_argument(s, 0) != NULL;
  if (folder + session_flag(s, "rules") + session_flag(s, "explain") != 1)
    return session_usage(s, e, "say one: a folder, --rules or --explain RULE");
  if (session_flag(s, "sarif") && (s->json || !folder))
    return session_usage(s, e, "--sarif is a format of its own, for the findings in a folder");
  if (session_flag(s, "rules"))
    return list_rules(s, e);
  if (session_flag(s, "explain"))
    return explain(s, session_text(s, "explain"), e);
  int rc = lint_folder(&l, e);
  free(l.findings);
  return rc;
}

static const struct option lint_options[] = {
    {"catalog", 'c', OPTION_VALUE, "CATALOG",
     "only what is not stored in it yet, under its policy and for its targets' dialects", NULL},
    {"every", 0, OPTION_FLAG, NULL, "with -c: also the revisions that are stored", NULL},
    {"dialect", 0, OPTION_VALUE, "DIALECT", "only what is the matter there", "sqlite|postgresql"},
    {"fail-on", 0, OPTION_VALUE, "SEVERITY",
     "fail for findings at least this bad; what a policy blocks always fails (default: error)",
     "error|warning|note|never"},
    {"sarif", 0, OPTION_FLAG, NULL, "print a SARIF 2.1.0 log", NULL},
    {"rules", 0, OPTION_FLAG, NULL, "list the rules", NULL},
    {"explain", 0, OPTION_VALUE, "RULE", "print all that is known about a rule", NULL},
    {NULL},
};

const struct command cmd_lint = {
    .name = "lint",
    .group = GROUP_CATALOGS,
    .arguments = "[DIR]",
    .max_arguments = 1,
    .options = lint_options,
    .summary = "say what is dangerous about revisions before they run anywhere",
    .help =
        "Nothing is stored and no database is asked. Each finding has its place, the rule's name "
        "and what to write instead. `-- migd:ignore RULE why` on the line above a statement "
        "accepts one there. What a catalog's policy blocks (`catalog set --lint-block`), and what "
        "is as bad as --fail-on says, ends the command with 7.\n\n"
        "SQL that the parser does not know is never refused for that: the databases decide.",
    .example = "migctl lint ./migrations -c shop\n"
               "migctl lint --explain adding-foreign-key-constraint",
    .run = run_lint,
};
