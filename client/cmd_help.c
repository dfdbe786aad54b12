/* help, completion, and the hidden man: they print what is generated from the rows. */
#include <string.h>

#include "client/commands.h"
#include "client/help.h"
#include "client/selection.h"
#include "client/session.h"
#include "migd/v1/catalogs.pb-c.h"
#include "migd/v1/runs.pb-c.h"
#include "migd/v1/targets.pb-c.h"

extern const struct command cmd_help, cmd_completion, cmd_man;

/* For completion: one name a line, nothing at all when the server cannot be asked. */
static void list_targets(struct session *s, struct buf *out, struct err *e) {
  const Migd__V1__ListTargetsResponse *reply = selection_targets(s, NULL, false, e);
  for (size_t i = 0; reply && i < reply->n_targets; i++)
    buf_addf(out, "%s\n", reply->targets[i]->name);
}

static void list_catalogs(struct session *s, struct buf *out, struct err *e) {
  Migd__V1__ListCatalogsRequest request = MIGD__V1__LIST_CATALOGS_REQUEST__INIT;
  const Migd__V1__ListCatalogsResponse *reply =
      session_ask(s, &migd__v1__catalogs__descriptor, "ListCatalogs", &request, e);
  for (size_t i = 0; reply && i < reply->n_catalogs; i++)
    buf_addf(out, "%s\n", reply->catalogs[i]->name);
}

static void list_runs(struct session *s, struct buf *out, struct err *e) {
  Migd__V1__ListRunsRequest request = MIGD__V1__LIST_RUNS_REQUEST__INIT;
  const Migd__V1__ListRunsResponse *reply =
      session_ask(s, &migd__v1__runs__descriptor, "ListRuns", &request, e);
  for (size_t i = 0; reply && i < reply->n_runs; i++)
    buf_addf(out, "%s\n", reply->runs[i]->id);
}

static int print_names(struct session *s, const char *kind, struct err *e) {
  struct buf names BUF_SCOPED = BUF_INIT;
  if (config_load(&s->config, &s->arena, &s->options, e) < 0)
    return -1;
  if (strcmp(kind, "targets") == 0)
    list_targets(s, &names, e);
  else if (strcmp(kind, "catalogs") == 0)
    list_catalogs(s, &names, e);
  else
    list_runs(s, &names, e);
  session_print(s, &names);
  return EXIT_DONE;
}

static const struct command *named_command(struct session *s, struct err *e) {
  size_t words;
  const struct command *c =
      command_find(s->options.arguments, s->options.argument_count, &words, e);
  if (!c)
    s->usage = true;
  return c;
}

static int run_help(struct session *s, struct err *e) {
  struct buf text BUF_SCOPED = BUF_INIT;
  const char *kind = options_value(&s->options, "names");
  if (kind)
    return print_names(s, kind, e);
  if (s->options.argument_count == 0) {
    help_overview(&text, s->color_out);
  } else {
    const struct command *c = named_command(s, e);
    if (!c)
      return -1;
    help_command(&text, c, s->color_out);
  }
  session_print(s, &text);
  return EXIT_DONE;
}

static const struct option help_options[] = {
    {"names", 0, OPTION_VALUE, "KIND", "for completion: print the names that the server knows",
     "targets|catalogs|runs"},
    {NULL},
};

const struct command cmd_help = {
    .name = "help",
    .group = GROUP_OTHER,
    .arguments = "[COMMAND]",
    .max_arguments = 2,
    .options = help_options,
    .summary = "explain migctl, or one command",
    .example = "migctl help run resume",
    .local = true,
    .run = run_help,
};

static int run_completion(struct session *s, struct err *e) {
  struct buf text BUF_SCOPED = BUF_INIT;
  const char *shell = session_argument(s, 0);
  if (completion_script(&text, shell) < 0)
    return session_usage(s, e, "completion is there for bash, zsh and fish, not for `%s`", shell);
  session_print(s, &text);
  return EXIT_DONE;
}

const struct command cmd_completion = {
    .name = "completion",
    .group = GROUP_OTHER,
    .arguments = "bash|zsh|fish",
    .min_arguments = 1,
    .max_arguments = 1,
    .summary = "print a completion script for a shell",
    .example = "migctl completion bash > ~/.local/share/bash-completion/completions/migctl\n"
               "migctl completion fish > ~/.config/fish/completions/migctl.fish",
    .local = true,
    .run = run_completion,
};

static int run_man(struct session *s, struct err *e) {
  struct buf text BUF_SCOPED = BUF_INIT;
  const struct command *c = NULL;
  if (s->options.argument_count > 0 && !(c = named_command(s, e)))
    return -1;
  man_page(&text, c);
  session_print(s, &text);
  return EXIT_DONE;
}

const struct command cmd_man = {
    .name = "man",
    .group = GROUP_OTHER,
    .arguments = "[COMMAND]",
    .max_arguments = 2,
    .summary = "print a man page in roff",
    .example = "migctl man run resume | man -l -",
    .hidden = true,
    .local = true,
    .run = run_man,
};
