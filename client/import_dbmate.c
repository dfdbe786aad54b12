/* dbmate's files: `20240131120000_create_users.sql` with `-- migrate:up` and `-- migrate:down`,
 * behind which `transaction:false` may stand. They run in the order of their names.
 */
#include "client/import_text.h"

#include <string.h>

static const struct import_pattern pattern = {
    .version = "0123456789", .separators = "_-.", .separator = 0, .nameless = true};

struct block {
  const char *start; /* behind its line; NULL: none */
  const char *line;  /* where its line begins */
  unsigned number;   /* of the line */
  bool transaction;
};

/* What follows `-- migrate:`; dbmate wants it where a line begins. */
static const char *directive(const struct import_line *line) {
  const char *end = import_line_end(line), *s = line->len && line->s[0] == '-' ? line->s : NULL;
  return import_after(import_after(s, end, "--"), end, "migrate:");
}

static void read_options(struct import *im, const struct import_text *text,
                         const struct import_line *line, const char *s, struct block *b) {
  for (const char *word; (word = import_word(im, &s, import_line_end(line))) != NULL;) {
    if (strcmp(word, "transaction:false") == 0)
      b->transaction = false;
    else if (strcmp(word, "transaction:true") != 0)
      import_note(im, text->path, line->number, (unsigned)(s - strlen(word) - line->s) + 1,
                  "the option '%s' is not carried", word);
  }
}

static void begin(struct import *im, const struct import_text *text, const struct import_line *line,
                  const char *rest, struct block *b) {
  const char *end = text->s + text->len;
  if (b->start) {
    import_problem(im, text->path, line->number, 1, "stands in line %u already", b->number);
    return;
  }
  const char *stop = memchr(line->s, '\n', (size_t)(end - line->s));
  *b = (struct block){stop ? stop + 1 : end, line->s, line->number, true};
  read_options(im, text, line, rest, b);
}

/* False when something is wrong. */
static bool read_blocks(struct import *im, const struct import_text *text, struct block b[2]) {
  struct import_line line = {0};
  size_t before = im->problem_count;
  while (import_next(text, &line)) {
    const char *s = directive(&line), *end = import_line_end(&line);
    const char *word = s ? import_word(im, &s, end) : NULL;
    if (word && strcmp(word, "up") == 0)
      begin(im, text, &line, s, &b[0]);
    else if (word && strcmp(word, "down") == 0)
      begin(im, text, &line, s, &b[1]);
    else if (directive(&line))
      import_problem(im, text->path, line.number, 1,
                     "unknown annotation; there are `-- migrate:up` and `-- migrate:down`");
    else if (!b[0].start && !b[1].start && !import_idle(&line))
      import_problem(im, text->path, line.number, 1, "text before `-- migrate:up`");
  }
  if (!b[0].start)
    import_problem(im, text->path, 0, 0, "has no `-- migrate:up`");
  else if (b[1].start && b[1].start < b[0].start)
    import_problem(im, text->path, b[1].number, 1,
                   "`-- migrate:down` stands before `-- migrate:up`");
  return im->problem_count == before;
}

static void take(struct import *im, unsigned source, const char *path, const char *name) {
  struct import_text text;
  struct import_name parsed;
  struct block b[2] = {{0}};
  if (!import_parse(im, &pattern, name, &parsed)) {
    import_other(im, &pattern, path, name);
    return;
  }
  if (!import_load(im, path, &text) || !read_blocks(im, &text, b))
    return;
  struct import_script script = import_script_of(im, source, &parsed);
  script.order = import_base(name);
  script.down = false;
  script.transaction = b[0].transaction;
  import_slice(&script, &text, b[0].start, b[1].start ? b[1].line : text.s + text.len);
  import_add(im, script);
  if (!b[1].start)
    return;
  script.down = true;
  script.transaction = b[1].transaction;
  import_slice(&script, &text, b[1].start, text.s + text.len);
  import_add(im, script);
}

static int read_dbmate(struct import *im, unsigned source, struct err *e) {
  return import_each(im, source, false, take, e);
}

const struct importer import_dbmate = {
    .name = "dbmate",
    .looks = "20240131120000_create_users.sql with -- migrate:up and -- migrate:down",
    .carries = "transaction:false becomes transaction=off",
    .read = read_dbmate,
    .order = IMPORT_SORTED,
    .compare = strcmp,
};
