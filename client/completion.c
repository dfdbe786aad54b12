/* Completion for bash, zsh and fish, generated from the rows. Names of targets, catalogs and runs
 * are asked from the server by the hidden `migctl help --names KIND` at the moment they are needed.
 */
#include <string.h>

#include "client/commands.h"
#include "client/help.h"

/* What the shell asks for to complete a value, by what the value is called. */
static const struct kind {
  const char *value, *action;
} kinds[] = {
    {"NAME", "targets"}, {"CATALOG", "catalogs"}, {"ID", "runs"},
    {"DIR", "folders"},  {"FILE", "files"},
};

static const char *action_of(const char *value) {
  for (size_t i = 0; value && i < sizeof kinds / sizeof kinds[0]; i++)
    if (strncmp(value, kinds[i].value, strlen(kinds[i].value)) == 0)
      return kinds[i].action;
  return "";
}

/* The words before a value of this row, as a case pattern. */
static void flag_pattern(struct buf *out, const struct option *row) {
  if (row->letter)
    buf_addf(out, "-%c|", row->letter);
  buf_addf(out, "--%s", row->name);
}

static void value_words(struct buf *out, const char *choices) {
  for (; *choices; choices++)
    buf_addc(out, *choices == '|' ? ' ' : *choices);
}

static void bash_options(struct buf *out, const struct option *rows) {
  for (; rows && rows->name; rows++) {
    if (rows->kind == OPTION_FLAG)
      continue;
    buf_adds(out, "      ");
    flag_pattern(out, rows);
    if (rows->choices) {
      buf_adds(out, ") words=\"");
      value_words(out, rows->choices);
      buf_adds(out, "\" ;;\n");
    } else {
      buf_addf(out, ") kind=%s ;;\n", *action_of(rows->value) ? action_of(rows->value) : "none");
    }
  }
}

static void flag_names(struct buf *out, const struct option *rows) {
  for (; rows && rows->name; rows++)
    buf_addf(out, " --%s", rows->name);
}

static void bash_command(struct buf *out, const struct command *c) {
  bool two = strchr(c->name, ' ') != NULL;
  buf_addf(out, two ? "    '%s')\n" : "    '%s'*)\n", c->name);
  buf_addf(out, "      kind=%s\n      words=\"",
           *action_of(c->arguments) ? action_of(c->arguments) : "none");
  if (strstr(c->arguments, "bash|"))
    buf_adds(out, "bash zsh fish");
  buf_adds(out, "\"\n      flags=\"");
  flag_names(out, c->options);
  flag_names(out, command_common(c));
  buf_adds(out, "\"\n      case $before in\n");
  bash_options(out, c->options);
  bash_options(out, command_common(c));
  buf_adds(out, "      esac ;;\n");
}

/* The first words, and of those that are groups their second ones. */
static void bash_words(struct buf *out) {
  buf_adds(out, "    '')\n      words=\"");
  const char *last = "";
  for (const struct command *const *c = commands; *c; c++) {
    size_t len = strcspn((*c)->name, " ");
    bool again = strlen(last) >= len && strncmp(last, (*c)->name, len) == 0 &&
                 (last[len] == ' ' || last[len] == 0);
    if (!(*c)->hidden && !again)
      buf_addf(out, " %.*s", (int)len, (*c)->name);
    last = (*c)->name;
  }
  buf_adds(out, "\" ;;\n");
  for (const struct command *const *c = commands; *c; c++) {
    size_t len = strcspn((*c)->name, " ");
    const char *before = c == commands ? "" : c[-1]->name;
    if ((*c)->name[len] == 0 || strncmp(before, (*c)->name, len + 1) == 0)
      continue;
    buf_addf(out, "    '%.*s')\n      words=\"", (int)len, (*c)->name);
    for (const struct command *const *d = c; *d && !strncmp((*d)->name, (*c)->name, len + 1); d++)
      buf_addf(out, " %s", (*d)->name + len + 1);
    buf_adds(out, "\" ;;\n");
  }
}

static void bash_script(struct buf *out) {
  buf_adds(out, "# bash completion for migctl: source it, or put it where bash-completion looks\n"
                "_migctl() {\n"
                "  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}\n"
                "  local name='' kind='' words='' flags='' i n=0\n"
                "  for ((i = 1; i < COMP_CWORD && n < 2; i++)); do\n"
                "    case ${COMP_WORDS[i]} in -*) [ $n -eq 0 ] && continue || break ;; esac\n"
                "    name=\"${name:+$name }${COMP_WORDS[i]}\"\n"
                "    case $name in ");
  const char *separator = "";
  for (const struct command *const *c = commands; *c; c++) {
    size_t len = strcspn((*c)->name, " ");
    const char *before = c == commands ? "" : c[-1]->name;
    if ((*c)->name[len] && strncmp(before, (*c)->name, len + 1) != 0) {
      buf_addf(out, "%s%.*s", separator, (int)len, (*c)->name);
      separator = "|";
    }
  }
  buf_adds(out, ") n=1 ;; *) n=2 ;; esac\n  done\n  case $name in\n");
  bash_words(out);
  for (const struct command *const *c = commands; *c; c++)
    if (!(*c)->hidden)
      bash_command(out, *c);
  buf_adds(out, "  esac\n"
                "  case $word in -*) words=$flags kind=none ;; esac\n"
                "  case $kind in\n"
                "    folders) COMPREPLY=($(compgen -d -- \"$word\")) ; return ;;\n"
                "    files) COMPREPLY=($(compgen -f -- \"$word\")) ; return ;;\n"
                "    targets|catalogs|runs)\n"
                "      words=\"$words $(migctl help --names $kind 2>/dev/null)\" ;;\n"
                "  esac\n"
                "  COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n"
                "}\n"
                "complete -F _migctl migctl\n");
}

/* A text in single quotes; the shells here agree that '\'' is a quote. */
static void quoted(struct buf *out, const char *text) {
  buf_addc(out, '\'');
  for (; *text; text++)
    if (*text == '\'')
      buf_adds(out, "'\\''");
    else
      buf_addc(out, *text);
  buf_addc(out, '\'');
}

static void fish_condition(struct buf *out, const struct command *c) {
  const char *second = strchr(c->name, ' ');
  if (second)
    buf_addf(out, "__fish_seen_subcommand_from %.*s; and __fish_seen_subcommand_from%s",
             (int)(second - c->name), c->name, second);
  else
    buf_addf(out, "__fish_seen_subcommand_from %s", c->name);
}

static void fish_values(struct buf *out, const char *value, const char *choices) {
  const char *action = action_of(value);
  if (choices) {
    buf_adds(out, " -x -a '");
    value_words(out, choices);
    buf_addc(out, '\'');
  } else if (strcmp(action, "folders") == 0) {
    buf_adds(out, " -x -a '(__fish_complete_directories)'");
  } else if (strcmp(action, "files") == 0) {
    buf_adds(out, " -r -F");
  } else if (*action) {
    buf_addf(out, " -x -a '(migctl help --names %s 2>/dev/null)'", action);
  } else {
    buf_adds(out, " -x");
  }
}

static void fish_options(struct buf *out, const struct command *c, const struct option *rows) {
  for (; rows && rows->name; rows++) {
    buf_adds(out, "complete -c migctl -n '");
    fish_condition(out, c);
    buf_addf(out, "' -l %s", rows->name);
    if (rows->letter)
      buf_addf(out, " -s %c", rows->letter);
    if (rows->kind != OPTION_FLAG)
      fish_values(out, rows->value, rows->choices);
    buf_adds(out, " -d ");
    quoted(out, rows->help);
    buf_addc(out, '\n');
  }
}

static void fish_name(struct buf *out, const struct command *c) {
  const char *second = strchr(c->name, ' ');
  if (second) {
    int len = (int)(second - c->name);
    buf_addf(out, "complete -c migctl -n __fish_use_subcommand -a %.*s\n", len, c->name);
    buf_addf(out, "complete -c migctl -n '__fish_seen_subcommand_from %.*s' -a %s -d ", len,
             c->name, second + 1);
  } else {
    buf_addf(out, "complete -c migctl -n __fish_use_subcommand -a %s -d ", c->name);
  }
  quoted(out, c->summary);
  buf_addc(out, '\n');
}

static void fish_script(struct buf *out) {
  buf_adds(out, "# fish completion for migctl\ncomplete -c migctl -f\n");
  for (const struct command *const *c = commands; *c; c++) {
    if ((*c)->hidden)
      continue;
    fish_name(out, *c);
    if (*action_of((*c)->arguments)) {
      buf_adds(out, "complete -c migctl -n '");
      fish_condition(out, *c);
      buf_addc(out, '\'');
      fish_values(out, (*c)->arguments, NULL);
      buf_addc(out, '\n');
    }
    fish_options(out, *c, (*c)->options);
    fish_options(out, *c, command_common(*c));
  }
}

int completion_script(struct buf *out, const char *shell) {
  if (strcmp(shell, "fish") == 0) {
    fish_script(out);
    return 0;
  }
  if (strcmp(shell, "zsh") == 0)
    /* zsh runs bash's function as it is. */
    buf_adds(out, "#compdef migctl\nautoload -U +X bashcompinit && bashcompinit\n");
  else if (strcmp(shell, "bash") != 0)
    return -1;
  bash_script(out);
  return 0;
}
