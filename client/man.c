/* Man pages in roff's man macros, from the rows of commands. */
#include <ctype.h>
#include <string.h>

#include "client/commands.h"
#include "client/help.h"

/* Backslashes and hyphens as roff wants them, a dot or quote at a line's start made harmless. */
static void escape(struct buf *out, const char *text, size_t len) {
  for (size_t i = 0; i < len; i++) {
    bool first = i == 0 || text[i - 1] == '\n';
    if (first && (text[i] == '.' || text[i] == '\''))
      buf_adds(out, "\\&");
    if (text[i] == '\\')
      buf_adds(out, "\\e");
    else if (text[i] == '-')
      buf_adds(out, "\\-");
    else
      buf_addc(out, text[i]);
  }
}

static void escapes(struct buf *out, const char *text) {
  escape(out, text, strlen(text));
}

static void put_paragraphs(struct buf *out, const char *text) {
  while (*text) {
    const char *end = strstr(text, "\n\n");
    size_t len = end ? (size_t)(end - text) : strlen(text);
    bool literal = text[0] == ' ';
    buf_adds(out, literal ? ".PP\n.nf\n" : ".PP\n");
    escape(out, text, len);
    buf_adds(out, literal ? "\n.fi\n" : "\n");
    text += len + (end ? 2 : 0);
  }
}

static void put_options(struct buf *out, const struct option *rows) {
  for (; rows && rows->name; rows++) {
    buf_adds(out, ".TP\n");
    if (rows->letter)
      buf_addf(out, "\\fB\\-%c\\fR, ", rows->letter);
    buf_adds(out, "\\fB\\-\\-");
    escapes(out, rows->name);
    buf_adds(out, "\\fR");
    if (rows->value) {
      buf_adds(out, " \\fI");
      escapes(out, rows->choices ? rows->choices : rows->value);
      buf_adds(out, "\\fR");
    }
    buf_addc(out, '\n');
    escapes(out, rows->help);
    buf_addc(out, '\n');
  }
}

static void put_rows(struct buf *out, const struct help_row *rows) {
  for (; rows->term; rows++) {
    buf_addf(out, ".TP\n\\fB%s\\fR\n", rows->term);
    escapes(out, rows->text);
    buf_addc(out, '\n');
  }
}

/* "migctl-run-show" */
static void page_name(struct buf *out, const struct command *c) {
  buf_adds(out, "migctl");
  for (const char *at = c ? c->name : ""; *at; at++) {
    if (at == c->name)
      buf_addc(out, '-');
    buf_addc(out, *at == ' ' ? '-' : *at);
  }
}

static void head(struct buf *out, const struct command *c) {
  struct buf name BUF_SCOPED = BUF_INIT;
  page_name(&name, c);
  buf_adds(out, ".TH ");
  for (const char *at = buf_str(&name); *at; at++)
    buf_addc(out, (char)toupper((unsigned char)*at));
  buf_addf(out, " 1 \"\" \"migd %s\" \"migd manual\"\n.SH NAME\n", MIGD_VERSION);
  escapes(out, buf_str(&name));
  buf_adds(out, " \\- ");
  escapes(out, c ? c->summary : "ask migd, the migration server");
  buf_addc(out, '\n');
}

static void whole_program(struct buf *out) {
  buf_adds(out, ".SH SYNOPSIS\n\\fBmigctl\\fR \\fICOMMAND\\fR [\\fIOPTION\\fR]... "
                "[\\fIARGUMENT\\fR]...\n.SH DESCRIPTION\n");
  buf_adds(out, "migctl holds no migration logic and no database driver: it sends a request to "
                "migd, shows what comes back, and turns the outcome into an exit code.\n"
                "Data goes to standard output, talk to standard error.\n");
  for (const char *const *group = command_groups; *group; group++) {
    buf_addf(out, ".SH \"%s\"\n", *group);
    for (const struct command *const *c = commands; *c; c++) {
      if ((*c)->hidden || strcmp((*c)->group, *group) != 0)
        continue;
      buf_addf(out, ".TP\n\\fBmigctl %s\\fR ", (*c)->name);
      escapes(out, (*c)->arguments);
      buf_addc(out, '\n');
      escapes(out, (*c)->summary);
      buf_adds(out, "; see ");
      struct buf name BUF_SCOPED = BUF_INIT;
      page_name(&name, *c);
      escapes(out, buf_str(&name));
      buf_adds(out, "(1)\n");
    }
  }
  buf_adds(out, ".SH OPTIONS\nThese every command has.\n");
  put_options(out, common_options);
}

static void one_command(struct buf *out, const struct command *c) {
  struct buf synopsis BUF_SCOPED = BUF_INIT;
  help_synopsis(&synopsis, c);
  buf_adds(out, ".SH SYNOPSIS\n");
  escapes(out, buf_str(&synopsis));
  buf_adds(out, "\n.SH DESCRIPTION\n");
  escapes(out, c->summary);
  buf_adds(out, ".\n");
  if (c->help)
    put_paragraphs(out, c->help);
  if (c->more) {
    struct buf more BUF_SCOPED = BUF_INIT;
    c->more(&more);
    put_paragraphs(out, buf_str(&more));
  }
  buf_adds(out, ".SH OPTIONS\n");
  put_options(out, c->options);
  put_options(out, command_common(c));
  if (c->example) {
    buf_adds(out, ".SH EXAMPLE\n.nf\n");
    escapes(out, c->example);
    buf_adds(out, "\n.fi\n");
  }
}

void man_page(struct buf *out, const struct command *c) {
  head(out, c);
  if (c)
    one_command(out, c);
  else
    whole_program(out);
  buf_adds(out, ".SH SETTINGS\nFlags go before MIGCTL_* variables, those before a section of the "
                "file that MIGCTL_CONFIG names, or of \\fI~/.config/migctl/config\\fR: [default], "
                "or the one that \\-\\-profile or MIGCTL_PROFILE names.\n");
  put_rows(out, help_settings);
  buf_adds(out, ".SH \"EXIT STATUS\"\n");
  put_rows(out, help_exit_codes);
  buf_adds(out, ".SH \"SEE ALSO\"\n");
  buf_adds(out, c ? "migctl(1), migd(1)\n" : "migd(1)\n");
}
