/* Findings as a SARIF log, which code hosts show beside the lines of a change. Only what the format
 * has a place for: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
 */
#include "client/findings.h"

#include <jansson.h>
#include <string.h>

#define SCHEMA                                                                                     \
  "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"

static const char *level(Migd__V1__Severity severity) {
  switch ((int)severity) {
  case MIGD__V1__SEVERITY__SEVERITY_ERROR:
    return "error";
  case MIGD__V1__SEVERITY__SEVERITY_WARNING:
    return "warning";
  default:
    return "note";
  }
}

/* Columns there count code points, ours bytes. */
static json_int_t characters(const char *line, size_t bytes) {
  json_int_t n = 0;
  for (size_t i = 0; i < bytes && line[i]; i++)
    n += ((unsigned char)line[i] & 0xc0) != 0x80;
  return n;
}

/* A relative reference: a folder's name may have what a URI may not. */
static json_t *uri(const char *folder, const char *file) {
  struct buf out BUF_SCOPED = BUF_INIT;
  size_t len = strlen(folder);
  struct buf path BUF_SCOPED = BUF_INIT;
  buf_addf(&path, "%s%s%s", folder, len && folder[len - 1] != '/' ? "/" : "", file);
  const char *s = buf_str(&path);
  while (strncmp(s, "./", 2) == 0)
    s += 2;
  for (; *s; s++)
    if (strchr("/-._~", *s) || (*s >= '0' && *s <= '9') || ((*s | 32) >= 'a' && (*s | 32) <= 'z'))
      buf_addc(&out, *s);
    else
      buf_addf(&out, "%%%02X", (unsigned char)*s);
  return json_string(buf_str(&out));
}

static json_t *region(const Migd__V1__Finding *f) {
  size_t start = f->column ? f->column - 1 : 0, len = strlen(f->source_line);
  json_int_t from = characters(f->source_line, start < len ? start : len);
  json_int_t to = characters(f->source_line, start + f->length < len ? start + f->length : len);
  return json_pack("{s:i, s:I, s:I, s:{s:s}}", "startLine", (int)f->line, "startColumn", from + 1,
                   "endColumn", (to > from ? to : from) + 1, "snippet", "text", f->source_line);
}

static json_t *result(const char *folder, const Migd__V1__Finding *f) {
  json_t *r =
      json_pack("{s:s, s:s, s:{s:s}, s:[{s:{s:{s:o}, s:o}}]}", "ruleId", f->rule, "level",
                level(f->severity), "message", "text", f->message, "locations", "physicalLocation",
                "artifactLocation", "uri", uri(folder, f->file), "region", region(f));
  if (r && f->ignored[0])
    json_object_set_new(r, "suppressions",
                        json_pack("[{s:s, s:s}]", "kind", "inSource", "justification", f->ignored));
  return r;
}

static bool used(const char *rule, Migd__V1__Finding *const *findings, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (strcmp(findings[i]->rule, rule) == 0)
      return true;
  return false;
}

static json_t *rule(const Migd__V1__LintRule *r) {
  return json_pack("{s:s, s:{s:s}, s:{s:s}, s:{s:s}, s:{s:s}}", "id", r->name, "shortDescription",
                   "text", r->summary, "fullDescription", "text", r->why, "help", "text",
                   r->instead, "defaultConfiguration", "level", level(r->severity));
}

void findings_sarif(struct buf *out, const char *folder, Migd__V1__Finding *const *findings,
                    size_t count, const Migd__V1__ListLintRulesResponse *rules) {
  json_t *rows = json_array(), *results = json_array();
  for (size_t i = 0; i < rules->n_rules; i++)
    if (used(rules->rules[i]->name, findings, count))
      json_array_append_new(rows, rule(rules->rules[i]));
  for (size_t i = 0; i < count; i++)
    json_array_append_new(results, result(folder, findings[i]));
  json_t *log =
      json_pack("{s:s, s:s, s:[{s:{s:{s:s, s:s, s:o}}, s:s, s:o}]}", "$schema", SCHEMA, "version",
                "2.1.0", "runs", "tool", "driver", "name", "migd", "version", MIGD_VERSION, "rules",
                rows, "columnKind", "unicodeCodePoints", "results", results);
  char *text = log ? json_dumps(log, JSON_INDENT(2)) : NULL;
  if (text)
    buf_addf(out, "%s\n", text);
  free(text);
  json_decref(log);
}
