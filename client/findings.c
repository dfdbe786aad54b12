/* Findings for people: a headline, the line with its carets, what to do. All texts may be an
 * attacker's. SARIF is in sarif.c.
 */
#include "client/findings.h"

#include <stdio.h>
#include <string.h>

#include "client/report.h"
#include "client/text.h"
#include "client/words.h"

static void add(struct buf *out, const char *text) {
  text_clean(out, text, strlen(text), false);
}

static void add_rows(struct buf *out, const Migd__V1__Finding *f) {
  if (!f->table[0] || f->rows < 0)
    return;
  buf_adds(out, " (");
  add(out, f->table);
  buf_adds(out, " has about ");
  text_count(out, (uint64_t)f->rows, "row", "rows");
  buf_addf(out, " here%s)", f->severity == MIGD__V1__SEVERITY__SEVERITY_NOTE ? ": no danger" : "");
}

static void add_note(struct buf *out, const char *word, const char *text) {
  if (!text[0])
    return;
  buf_addf(out, "  %s: ", word);
  add(out, text);
  buf_addc(out, '\n');
}

void finding_add(struct buf *out, const char *folder, const Migd__V1__Finding *f, bool color) {
  size_t len = strlen(folder);
  struct words severity = words_severity(f->severity);
  if (len)
    buf_addf(out, "%s%s", folder, folder[len - 1] == '/' ? "" : "/");
  add(out, f->file);
  buf_addf(out, ":%u:%u: ", f->line, f->column);
  paint_text(out, severity.paint, severity.text, color);
  buf_adds(out, ": ");
  add(out, f->message);
  add_rows(out, f);
  buf_adds(out, " [");
  add(out, f->rule);
  buf_addf(out, "]%s\n", f->blocks ? " (blocks)" : "");
  report_quote(out, f->source_line, f->line, f->column, f->length, color);
  if (f->ignored[0])
    add_note(out, "ignored", f->ignored);
  else
    add_note(out, "instead", f->help);
}

void findings_say(const struct session *s, const char *folder, const Migd__V1__Finding *f) {
  struct buf text BUF_SCOPED = BUF_INIT;
  if (s->quiet && !f->blocks)
    return;
  if (f->ignored[0] && !s->verbose)
    return;
  finding_add(&text, folder, f, s->color_err);
  fwrite(buf_str(&text), 1, text.len, stderr);
}

void findings_not_understood(const struct session *s, unsigned count, const char *first) {
  if (count == 0)
    return;
  if (count == 1)
    say(s, "not understood by PostgreSQL's parser, nor looked at by its rules: the statement at %s",
        first);
  else
    say(s,
        "not understood by PostgreSQL's parser, nor looked at by its rules: %u statements, the "
        "first at %s",
        count, first);
}
