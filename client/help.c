/* `migctl help`, `migctl help COMMAND`, `migctl COMMAND --help`. */
#include "client/help.h"

#include <string.h>

#include "client/commands.h"
#include "client/table.h"
#include "client/text.h"

enum { WIDTH = 79, COLUMN = 30, NAMES = 18 };

const struct help_row help_exit_codes[] = {
    {"0", "done"},
    {"1", "a migration failed"},
    {"2", "usage: the command was typed wrongly"},
    {"3", "not at head (status --check)"},
    {"4", "a target is locked"},
    {"5", "not permitted"},
    {"6", "the server cannot be reached"},
    {"7", "refused: bad input, unknown name, conflict"},
    {"8", "cancelled or timed out"},
    {"9", "a fault of the server"},
    {NULL, NULL},
};

const struct help_row help_settings[] = {
    {"server", "where migd is: HOST:PORT (MIGCTL_SERVER, --server)"},
    {"ca", "the CA certificate that migd's is checked by (MIGCTL_CA, --ca)"},
    {"cert", "your certificate (MIGCTL_CERT, --cert)"},
    {"key", "its key (MIGCTL_KEY, --key)"},
    {"catalog", "the catalog where a command names none (MIGCTL_CATALOG, -c)"},
    {"timeout", "how long a question may take, default 30s (MIGCTL_TIMEOUT); the flag --timeout "
                "limits the whole command, also the following of a run"},
    {"output", "table or json (MIGCTL_OUTPUT, -o)"},
    {NULL, NULL},
};

static void title(struct buf *out, const char *text, bool color) {
  buf_addc(out, '\n');
  paint_text(out, PAINT_BOLD, text, color);
  buf_adds(out, ":\n");
}

static void spaces(struct buf *out, size_t n) {
  for (size_t i = 0; i < n; i++)
    buf_addc(out, ' ');
}

/* Words of `text` in lines of WIDTH, each indented. The first line has `used` columns already. */
static void wrap(struct buf *out, const char *text, size_t indent, size_t used) {
  size_t column = used;
  spaces(out, used < indent ? indent - used : 0);
  column = used < indent ? indent : used;
  for (size_t at = column; *text;) {
    size_t len = strcspn(text, " \n");
    size_t width = text_width(text, len);
    if (column > indent && column + 1 + width > WIDTH) {
      buf_addc(out, '\n');
      spaces(out, indent);
      column = indent;
    } else if (column > at) {
      buf_addc(out, ' ');
      column++;
    }
    buf_add(out, text, len);
    column += width;
    at = indent;
    text += len;
    text += strspn(text, " \n");
  }
  buf_addc(out, '\n');
}

/* Paragraphs apart by blank lines; what begins with spaces stays as it is. */
static void paragraphs(struct buf *out, const char *text) {
  while (*text) {
    const char *end = strstr(text, "\n\n");
    size_t len = end ? (size_t)(end - text) : strlen(text);
    struct buf one BUF_SCOPED = BUF_INIT;
    buf_add(&one, text, len);
    buf_addc(out, '\n');
    if (text[0] == ' ')
      buf_addf(out, "%s\n", buf_str(&one));
    else
      wrap(out, buf_str(&one), 0, 0);
    text += len + (end ? 2 : 0);
  }
}

static void print_rows(struct buf *out, const struct help_row *rows, size_t indent) {
  for (; rows->term; rows++) {
    buf_addf(out, "  %s", rows->term);
    wrap(out, rows->text, indent, strlen(rows->term) + 2);
  }
}

static void print_options(struct buf *out, const struct option *rows) {
  for (; rows && rows->name; rows++) {
    struct buf left BUF_SCOPED = BUF_INIT;
    if (rows->letter)
      buf_addf(&left, "  -%c, --%s", rows->letter, rows->name);
    else
      buf_addf(&left, "      --%s", rows->name);
    if (rows->value)
      buf_addf(&left, " %s", rows->choices ? rows->choices : rows->value);
    buf_adds(out, buf_str(&left));
    if (left.len + 2 > COLUMN)
      buf_addc(out, '\n');
    wrap(out, rows->help, COLUMN, left.len + 2 > COLUMN ? 0 : left.len);
  }
}

void help_synopsis(struct buf *out, const struct command *c) {
  buf_addf(out, "migctl %s%s%s", c->name, c->options ? " [OPTION]..." : "",
           c->arguments[0] ? " " : "");
  buf_adds(out, c->arguments);
}

static void indented(struct buf *out, const char *lines) {
  while (*lines) {
    size_t len = strcspn(lines, "\n");
    buf_addf(out, "  %.*s\n", (int)len, lines);
    lines += len + (lines[len] == '\n');
  }
}

void help_command(struct buf *out, const struct command *c, bool color) {
  struct buf synopsis BUF_SCOPED = BUF_INIT;
  help_synopsis(&synopsis, c);
  paint_text(out, PAINT_BOLD, buf_str(&synopsis), color);
  buf_adds(out, "\n\n");
  struct buf summary BUF_SCOPED = BUF_INIT;
  buf_adds(&summary, c->summary);
  if (summary.s[0] >= 'a' && summary.s[0] <= 'z')
    summary.s[0] = (char)(summary.s[0] - 'a' + 'A');
  buf_addf(out, "%s.\n", buf_str(&summary));
  if (c->help)
    paragraphs(out, c->help);
  if (c->more) {
    struct buf more BUF_SCOPED = BUF_INIT;
    c->more(&more);
    paragraphs(out, buf_str(&more));
  }
  if (c->options) {
    title(out, "Options", color);
    print_options(out, c->options);
  }
  title(out, "Common options", color);
  print_options(out, command_common(c));
  if (c->example) {
    title(out, "Example", color);
    indented(out, c->example);
  }
}

static void print_group(struct buf *out, const char *group) {
  for (const struct command *const *c = commands; *c; c++) {
    if ((*c)->hidden || strcmp((*c)->group, group) != 0)
      continue;
    buf_addf(out, "  %-*s", NAMES, (*c)->name);
    wrap(out, (*c)->summary, NAMES + 2, NAMES + 2);
  }
}

void help_overview(struct buf *out, bool color) {
  buf_adds(out, "migctl asks migd, which holds every migration and knows every database.\n\n");
  paint_text(out, PAINT_BOLD, "migctl COMMAND [OPTION]... [ARGUMENT]...", color);
  buf_addc(out, '\n');
  for (const char *const *group = command_groups; *group; group++) {
    title(out, *group, color);
    print_group(out, *group);
  }
  title(out, "Settings, from flags, MIGCTL_* variables, or the file MIGCTL_CONFIG", color);
  print_rows(out, help_settings, 12);
  title(out, "Exit codes", color);
  print_rows(out, help_exit_codes, 6);
  buf_adds(out, "\n`migctl help COMMAND` explains one command, with an example.\n");
}
