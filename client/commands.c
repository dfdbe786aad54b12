/* The commands of migctl: a new one is a file (or a row in one) and a word here. */
#include "client/commands.h"

#include <string.h>

#include "client/suggest.h"

extern const struct command cmd_upgrade, cmd_downgrade, cmd_stamp, cmd_adopt, cmd_status,
    cmd_current, cmd_target_add, cmd_target_set, cmd_target_list, cmd_target_show,
    cmd_target_remove, cmd_run_list, cmd_run_show, cmd_run_watch, cmd_run_cancel, cmd_run_resume,
    cmd_lock, cmd_unlock, cmd_locks, cmd_catalog_push, cmd_catalog_check, cmd_catalog_diff,
    cmd_catalog_pull, cmd_catalog_list, cmd_catalog_show, cmd_catalog_set, cmd_heads, cmd_branches,
    cmd_history, cmd_show, cmd_init, cmd_revision, cmd_merge, cmd_edit, cmd_lint, cmd_import,
    cmd_whoami, cmd_server, cmd_ping, cmd_help, cmd_completion, cmd_man;

const struct command *const commands[] = {
    &cmd_status,
    &cmd_current,
    &cmd_target_add,
    &cmd_target_set,
    &cmd_target_list,
    &cmd_target_show,
    &cmd_target_remove,
    &cmd_upgrade,
    &cmd_downgrade,
    &cmd_stamp,
    &cmd_adopt,
    &cmd_run_list,
    &cmd_run_show,
    &cmd_run_watch,
    &cmd_run_cancel,
    &cmd_run_resume,
    &cmd_lock,
    &cmd_unlock,
    &cmd_locks,
    &cmd_catalog_push,
    &cmd_catalog_check,
    &cmd_catalog_diff,
    &cmd_catalog_pull,
    &cmd_catalog_list,
    &cmd_catalog_show,
    &cmd_catalog_set,
    &cmd_heads,
    &cmd_branches,
    &cmd_history,
    &cmd_show,
    &cmd_init,
    &cmd_revision,
    &cmd_merge,
    &cmd_edit,
    &cmd_lint,
    &cmd_import,
    &cmd_whoami,
    &cmd_server,
    &cmd_ping,
    &cmd_help,
    &cmd_completion,
    &cmd_man,
    NULL,
};

const char *const command_groups[] = {GROUP_FLEET, GROUP_RUNS, GROUP_CATALOGS, GROUP_OTHER, NULL};

#define LOCAL_ROWS                                                                                 \
  {"quiet", 'q', OPTION_FLAG, NULL, "print data and errors only", NULL},                           \
      {"verbose", 'v', OPTION_FLAG, NULL, "print more", NULL},                                     \
      {"no-color", 0, OPTION_FLAG, NULL, "print without colours, as with NO_COLOR", NULL}, {       \
    "help", 'h', OPTION_FLAG, NULL, "explain the command", NULL                                    \
  }

const struct option local_options[] = {LOCAL_ROWS, {NULL}};

const struct option common_options[] = {
    {"output", 'o', OPTION_VALUE, "FORMAT", "print a table or JSON", "table|json"},
    LOCAL_ROWS,
    {"timeout", 0, OPTION_VALUE, "DURATION", "give up after this time (a question: 30s)", NULL},
    {"profile", 0, OPTION_VALUE, "NAME", "use another section of the configuration file", NULL},
    {"server", 0, OPTION_VALUE, "HOST:PORT", "where migd is", NULL},
    {"ca", 0, OPTION_VALUE, "FILE", "the CA certificate that migd's is checked by", NULL},
    {"cert", 0, OPTION_VALUE, "FILE", "your certificate", NULL},
    {"key", 0, OPTION_VALUE, "FILE", "your certificate's key", NULL},
    {NULL},
};

const struct option *command_common(const struct command *c) {
  return c->local ? local_options : common_options;
}

/* How many of the words the name has when they begin with it, else 0. */
static size_t name_matches(const char *name, const char *const *argv, size_t count) {
  size_t words = 0;
  while (*name) {
    size_t len = strcspn(name, " ");
    if (words == count || strlen(argv[words]) != len || memcmp(argv[words], name, len) != 0)
      return 0;
    words++;
    name += len + (name[len] == ' ');
  }
  return words;
}

/* The second words of the commands whose first word is `group`; "" when it is no group. */
static void list_group(char *names, size_t size, const char *group, size_t len,
                       struct suggestion *s) {
  names[0] = 0;
  for (const struct command *const *c = commands; *c; c++) {
    const char *name = (*c)->name;
    if (strncmp(name, group, len) != 0 || name[len] != ' ')
      continue;
    strncat(names, names[0] ? ", " : "", size - strlen(names) - 1);
    strncat(names, name + len + 1, size - strlen(names) - 1);
    if (s)
      suggest_offer(s, name + len + 1);
  }
}

/* "catalog" alone, or with a word that is no command of it: names what there is. */
static bool unknown_in_group(const char *const *argv, size_t count, struct err *e) {
  char names[160];
  bool worded = count > 1 && argv[1][0] != '-';
  struct suggestion s = {.word = worded ? argv[1] : ""};
  list_group(names, sizeof names, argv[0], strlen(argv[0]), &s);
  if (!names[0])
    return false;
  if (!worded)
    err_set(e, ERR_INPUT, "`migctl %s` needs one of: %s", argv[0], names);
  else
    err_set(e, ERR_INPUT, "unknown command `%s %s`", argv[0], argv[1]);
  if (s.best)
    err_hint(e, "did you mean `migctl %s %s`?", argv[0], s.best);
  else if (worded)
    err_hint(e, "it is one of: %s", names);
  return true;
}

/* Those of the commands that have two. */
static const char *const first_words[] = {"target", "run", "catalog"};

/* Whole names first, then the first words of those that have two. */
static void unknown(const char *word, struct err *e) {
  struct suggestion whole = {.word = word}, first = {.word = word};
  char names[160];
  for (const struct command *const *c = commands; *c; c++) {
    const char *space = strchr((*c)->name, ' ');
    if ((*c)->hidden)
      continue;
    if (!space)
      suggest_offer(&whole, (*c)->name);
  }
  for (size_t i = 0; i < sizeof first_words / sizeof first_words[0]; i++)
    suggest_offer(&first, first_words[i]);
  err_set(e, ERR_INPUT, "unknown command `%s`", word);
  if (whole.best && (!first.best || whole.distance <= first.distance)) {
    err_hint(e, "did you mean `migctl %s`?", whole.best);
  } else if (first.best) {
    list_group(names, sizeof names, first.best, strlen(first.best), NULL);
    err_hint(e, "`migctl %s` has: %s", first.best, names);
  } else {
    err_hint(e, "`migctl help` lists the commands");
  }
}

const struct command *command_find(const char *const *argv, size_t count, size_t *words,
                                   struct err *e) {
  const struct command *best = NULL;
  *words = 0;
  for (const struct command *const *c = commands; *c; c++) {
    size_t n = name_matches((*c)->name, argv, count);
    if (n > *words) {
      best = *c;
      *words = n;
    }
  }
  if (!best && !unknown_in_group(argv, count, e))
    unknown(argv[0], e);
  return best;
}
