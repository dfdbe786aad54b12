/* goose's files: `00001_create_users.sql` with `-- +goose Up`, `Down`, `StatementBegin`,
 * `StatementEnd` and `NO TRANSACTION`. They run in the order of their numbers.
 */
#include "client/import_text.h"

#include <ctype.h>
#include <stdarg.h>
#include <string.h>
#include <strings.h>

#include "proto/base/buf.h"

static const struct import_pattern pattern = {
    .version = "0123456789", .separators = "_", .separator = 1};

struct goose {
  struct import *im;
  const struct import_text *text;
  struct import_line line;
  struct buf bodies[2]; /* of up and down, annotations made empty lines */
  unsigned lines[2];    /* of their annotations; 0: none */
  int part;             /* -1: before Up */
  unsigned block;       /* the line of an open StatementBegin; 0: none */
  unsigned open;        /* the line where a statement without its `;` ends; 0: none */
  bool transaction, environment;
};

static void __attribute__((format(printf, 2, 3))) wrong(struct goose *g, const char *format, ...) {
  va_list args;
  va_start(args, format);
  import_problem(g->im, g->text->path, g->line.number, 1, "%s",
                 arena_vprintf(g->im->arena, format, args));
  va_end(args);
}

static void check_closed(struct goose *g) {
  if (g->block)
    import_problem(g->im, g->text->path, g->block, 1,
                   "`-- +goose StatementBegin` has no `-- +goose StatementEnd`");
  if (g->open)
    import_problem(g->im, g->text->path, g->open, 1, "the statement that ends here lacks its `;`");
  g->block = g->open = 0;
}

static void begin(struct goose *g, int part) {
  check_closed(g);
  if (part < g->part || (part == g->part && g->lines[part]))
    wrong(g, "stands here again, or too late");
  else if (part == 1 && g->part < 0)
    wrong(g, "`-- +goose Down` without `-- +goose Up` above it");
  g->part = part;
  g->lines[part] = g->line.number;
}

static void up(struct goose *g) {
  begin(g, 0);
}

static void down(struct goose *g) {
  begin(g, 1);
}

static void statement_begin(struct goose *g) {
  if (g->part < 0)
    wrong(g, "`-- +goose StatementBegin` before `-- +goose Up`");
  else if (g->block)
    wrong(g, "the block that begins in line %u is not ended", g->block);
  g->block = g->line.number;
}

static void statement_end(struct goose *g) {
  if (!g->block)
    wrong(g, "`-- +goose StatementEnd` without `-- +goose StatementBegin`");
  g->block = 0;
}

static void no_transaction(struct goose *g) {
  g->transaction = false;
}

static void environment_on(struct goose *g) {
  if (!g->environment)
    import_note(g->im, g->text->path, g->line.number, 1,
                "not carried: it takes values from the environment (ENVSUB); write them out");
  g->environment = true;
}

static void nothing(struct goose *g) {
  (void)g;
}

static const struct {
  const char *name;
  void (*read)(struct goose *g);
} annotations[] = {
    {"Up", up},
    {"Down", down},
    {"StatementBegin", statement_begin},
    {"StatementEnd", statement_end},
    {"NO TRANSACTION", no_transaction},
    {"ENVSUB ON", environment_on},
    {"ENVSUB OFF", nothing},
    {"ENVSUBST ON", environment_on},
    {"ENVSUBST OFF", nothing},
};

static void read_annotation(struct goose *g, const char *s) {
  const char *end = import_line_end(&g->line);
  while (s < end && isspace((unsigned char)*s))
    s++;
  while (end > s && isspace((unsigned char)end[-1]))
    end--;
  if (g->line.s[0] != '-')
    wrong(g, "an annotation begins where its line begins");
  for (size_t i = 0; i < sizeof annotations / sizeof *annotations; i++) {
    size_t len = strlen(annotations[i].name);
    if (len == (size_t)(end - s) && strncasecmp(s, annotations[i].name, len) == 0) {
      annotations[i].read(g);
      return;
    }
  }
  wrong(g, "unknown annotation '%.*s'", (int)(end - s < 60 ? end - s : 60), s);
}

/* goose ends a statement where a line ends in `;`, a comment behind it left out. */
static bool ends_statement(const struct import_line *line) {
  char last = '\0';
  for (const char *p = line->s, *end = import_line_end(line); p < end; p++) {
    bool word_begins = p == line->s || isspace((unsigned char)p[-1]);
    if (word_begins && end - p >= 2 && p[0] == '-' && p[1] == '-')
      break;
    if (!isspace((unsigned char)*p))
      last = *p;
  }
  return last == ';';
}

static void read_text(struct goose *g) {
  if (import_idle(&g->line))
    return;
  if (g->part < 0)
    wrong(g, "text before `-- +goose Up`");
  else if (!g->block)
    g->open = ends_statement(&g->line) ? 0 : g->line.number;
}

static void add(struct goose *g, struct import_script script, int part) {
  struct import_text text = {.path = g->text->path, .len = g->bodies[part].len};
  text.s = arena_strndup(g->im->arena, buf_str(&g->bodies[part]), text.len);
  script.down = part == 1;
  script.transaction = g->transaction;
  import_slice(&script, &text, text.s, text.s + text.len);
  script.line += g->lines[part] - 1;
  import_add(g->im, script);
}

static void read_line(struct goose *g) {
  const char *comment = import_comment(&g->line);
  const char *s = comment ? import_after(comment, import_line_end(&g->line), "+goose") : NULL;
  if (s)
    read_annotation(g, s);
  else
    read_text(g);
  if (g->part < 0)
    return;
  if (!s)
    buf_add(&g->bodies[g->part], g->line.s, g->line.len);
  buf_addc(&g->bodies[g->part], '\n');
}

static void read_file(struct import *im, const struct import_text *text,
                      struct import_script script) {
  struct goose g = {.im = im, .text = text, .part = -1, .transaction = true};
  size_t before = im->problem_count;
  while (import_next(text, &g.line))
    read_line(&g);
  check_closed(&g);
  if (!g.lines[0] && im->problem_count == before)
    import_problem(im, text->path, 0, 0, "has no `-- +goose Up`");
  bool whole = im->problem_count == before && !g.environment;
  for (int part = 0; part < 2; part++) {
    if (whole && g.lines[part])
      add(&g, script, part);
    buf_release(&g.bodies[part]);
  }
}

static void take(struct import *im, unsigned source, const char *path, const char *name) {
  struct import_text text;
  struct import_name parsed;
  if (!import_parse(im, &pattern, name, &parsed))
    import_other(im, &pattern, path, name);
  else if (import_load(im, path, &text))
    read_file(im, &text, import_script_of(im, source, &parsed));
}

static int read_goose(struct import *im, unsigned source, struct err *e) {
  return import_each(im, source, false, take, e);
}

const struct importer import_goose = {
    .name = "goose",
    .looks = "00001_create_users.sql with -- +goose Up and -- +goose Down",
    .carries = "NO TRANSACTION becomes transaction=off; files in Go, and with ENVSUB ON, are left "
               "out",
    .read = read_goose,
    .order = IMPORT_SORTED,
    .compare = import_by_number,
};
