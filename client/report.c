/* See report.h. All texts may be an attacker's: they go through text_clean(). */
#include "client/report.h"

#include <stdio.h>
#include <string.h>

#include "client/text.h"
#include "migd/v1/catalogs.pb-c.h"

#define RED "\033[31m"
#define BOLD "\033[1m"
#define DIM "\033[2m"
#define PLAIN "\033[0m"

static void add(struct buf *out, const char *text) {
  text_clean(out, text, strlen(text), false);
}

/* "file:14:9", as far as it is known. */
static void place(struct buf *out, const char *file, unsigned line, unsigned column) {
  add(out, file);
  if (line)
    buf_addf(out, ":%u", line);
  if (line && column)
    buf_addf(out, ":%u", column);
}

/* Without the line's indentation, which only pushes the interesting part to the right. */
void report_quote(struct buf *out, const char *source, unsigned line, unsigned column,
                  unsigned length, bool color) {
  size_t len = strlen(source), skipped = strspn(source, " \t");
  if (!*source || skipped == len)
    return;
  if (column && skipped > column - 1)
    skipped = column - 1;
  char number[16];
  int width = line ? snprintf(number, sizeof number, "%u", line) : 0;
  buf_addf(out, "  %s%*s | %s", color ? DIM : "", width, line ? number : "", color ? PLAIN : "");
  text_clean(out, source + skipped, len - skipped, false);
  buf_addc(out, '\n');
  if (!column || column - 1 > len)
    return;
  struct buf before BUF_SCOPED = BUF_INIT;
  text_clean(&before, source + skipped, column - 1 - skipped, false);
  buf_addf(out, "  %s%*s |%s %*s%s^", color ? DIM : "", width, "", color ? PLAIN : "",
           (int)text_width(buf_str(&before), before.len), "", color ? RED : "");
  size_t left = len - (column - 1) < length ? len - (column - 1) : length;
  buf_clear(&before);
  text_clean(&before, source + column - 1, left, false);
  for (size_t i = 1; i < text_width(buf_str(&before), before.len); i++)
    buf_addc(out, '~');
  buf_addf(out, "%s\n", color ? PLAIN : "");
}

static bool begins_with_name(const char *text, const char *name) {
  size_t len = strlen(name);
  return strncmp(text, name, len) == 0 && (text[len] == ':' || text[len] == ' ');
}

static void headline(struct buf *out, const struct err *e) {
  struct buf where BUF_SCOPED = BUF_INIT;
  const char *text = e->text[0] ? e->text : err_row(e->kind)->name;
  size_t len = strlen(e->target);
  bool named = begins_with_name(text, e->target);
  if (len && (!named || text[len] == ':')) {
    add(out, e->target);
    buf_adds(out, ": ");
    text += named ? len + 1 + strspn(text + len + 1, " ") : 0;
  }
  place(&where, e->file, e->line, e->column);
  if (e->file[0] && !strstr(e->text, buf_str(&where)))
    buf_addf(out, "%s: ", buf_str(&where));
  if (e->sqlstate[0] && !strstr(e->text, e->sqlstate)) {
    buf_adds(out, "ERROR ");
    add(out, e->sqlstate);
    buf_adds(out, ": ");
  }
  add(out, text);
}

static void note(struct buf *out, const char *word, const char *text, bool color) {
  if (!text[0])
    return;
  buf_addf(out, "%s%s:%s ", color ? BOLD : "", word, color ? PLAIN : "");
  for (const char *line = text; *line;) {
    size_t len = strcspn(line, "\n");
    if (line != text)
      buf_addf(out, "%*s", (int)strlen(word) + 2, "");
    text_clean(out, line, len, false);
    buf_addc(out, '\n');
    line += len + (line[len] == '\n');
  }
}

void report_error(struct buf *out, const struct err *e, bool color) {
  headline(out, e);
  buf_addc(out, '\n');
  report_quote(out, e->source, e->line, e->column, 0, color);
  note(out, "DETAIL", e->detail, color);
  note(out, "HINT", e->hint, color);
}

void report_problem(struct buf *out, const char *folder, const struct Migd__V1__Problem *p,
                    bool color) {
  size_t len = strlen(folder);
  buf_adds(out, color ? BOLD : "");
  if (p->file[0]) {
    buf_addf(out, "%s%s", folder, len && folder[len - 1] == '/' ? "" : "/");
    place(out, p->file, p->line, p->column);
  } else {
    buf_adds(out, folder);
  }
  buf_addf(out, ":%s ", color ? PLAIN : "");
  add(out, p->message);
  buf_addc(out, '\n');
  report_quote(out, p->source_line, p->line, p->column, 0, color);
}
