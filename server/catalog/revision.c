/* Revision files: one migration as text, and what it says. Pure.
 *
 * Read line by line: the directives (one row each in a table) and, between them, the bodies of the
 * sections. A line that only resembles a directive is a problem, never a comment: a misspelt
 * `-- migd:down` must not run as a part of `up`.
 */
#include "server/catalog/revision.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "server/base/nearest.h"
#include "server/catalog/batch.h"
#include "server/catalog/cut.h"
#include "server/catalog/text.h"

static const char prefix[] = "-- migd:";
enum { PREFIX = sizeof prefix - 1, SOURCE_MAX = 200 };

/* A part of a line. */
struct word {
  const char *s;
  size_t len;
};

struct reader {
  struct arena *arena;
  struct problems *problems;
  struct revision *out;
  const char *file;
  struct text_line line;
  unsigned comment; /* the line where a header's block comment began; 0 outside of one */
  unsigned seen[5]; /* the line of each header directive, by enum header */
  bool parents_read;
  size_t section_capacity;
};

enum header { H_REVISION, H_PARENT, H_DEPENDS_ON, H_LABEL, H_MESSAGE };

struct directive {
  const char *name;
  void (*read)(struct reader *r, struct word rest);
  int header; /* enum header, or one of enum place */
};

/* Where a directive stands that is none of the header. */
enum place { BEGINS_SECTION = -1, IN_SECTION = -2 };

void problem_add(struct problems *p, const char *file, unsigned line, unsigned column,
                 const char *source, const char *format, ...) {
  if (p->count > PROBLEMS_MAX)
    return;
  if (p->count == p->capacity) {
    size_t capacity = p->capacity ? p->capacity * 2 : 8;
    struct problem *items = ARENA_ARRAY(p->arena, struct problem, capacity);
    if (p->count)
      memcpy(items, p->items, p->count * sizeof *items);
    p->items = items;
    p->capacity = capacity;
  }
  struct problem *next = &p->items[p->count++];
  if (p->count > PROBLEMS_MAX) {
    *next = (struct problem){
        .file = "", .source = "", .message = "there are more problems than these; mend them first"};
    return;
  }
  va_list args;
  va_start(args, format);
  *next = (struct problem){.file = arena_strdup(p->arena, file),
                           .line = line,
                           .column = column,
                           .message = arena_vprintf(p->arena, format, args),
                           .source = source[0] ? arena_strdup(p->arena, source) : ""};
  va_end(args);
}

bool revision_id_valid(const char *id, size_t len) {
  if (len == 0 || len > REVISION_ID_MAX)
    return false;
  for (size_t i = 0; i < len; i++)
    if (!isalnum((unsigned char)id[i]) && id[i] != '_' && id[i] != '.')
      return false;
  return true;
}

static const char *line_text(const struct reader *r) {
  size_t len = r->line.len < SOURCE_MAX ? r->line.len : SOURCE_MAX;
  return arena_strndup(r->arena, r->out->content + r->line.start, len);
}

/* A problem in the current line, at a place in it. */
static void __attribute__((format(printf, 3, 4)))
wrong(struct reader *r, const char *where, const char *format, ...) {
  va_list args;
  va_start(args, format);
  const char *message = arena_vprintf(r->arena, format, args);
  va_end(args);
  const char *start = r->out->content + r->line.start;
  problem_add(r->problems, r->file, r->line.number, (unsigned)(where - start) + 1, line_text(r),
              "%s", message);
}

/* A problem of the file as a whole. */
static void __attribute__((format(printf, 2, 3)))
wrong_file(struct reader *r, const char *format, ...) {
  va_list args;
  va_start(args, format);
  const char *message = arena_vprintf(r->arena, format, args);
  va_end(args);
  problem_add(r->problems, r->file, 0, 0, "", "%s", message);
}

static bool blank(char c) {
  return c == ' ' || c == '\t';
}

static struct word trim(struct word w) {
  while (w.len > 0 && blank(w.s[0])) {
    w.s++;
    w.len--;
  }
  while (w.len > 0 && blank(w.s[w.len - 1]))
    w.len--;
  return w;
}

static bool word_is(struct word w, const char *text) {
  return w.len == strlen(text) && memcmp(w.s, text, w.len) == 0;
}

static const char *shown(struct reader *r, struct word w) {
  return arena_strndup(r->arena, w.s, w.len < 80 ? w.len : 80);
}

/* Names that mean something else where a revision is asked for. */
static bool reserved(struct word w) {
  return word_is(w, "base") || word_is(w, "head") || word_is(w, "heads") || word_is(w, "current");
}

static bool id_ok(struct reader *r, struct word w, const char *what) {
  if (w.len == 0)
    wrong(r, w.s, "a %s is missing here", what);
  else if (!revision_id_valid(w.s, w.len))
    wrong(r, w.s, "'%s' is no %s: 1 to %d of the characters A-Z a-z 0-9 _ .", shown(r, w), what,
          REVISION_ID_MAX);
  else if (reserved(w))
    wrong(r, w.s, "'%s' has a meaning of its own and cannot be a %s", shown(r, w), what);
  else
    return true;
  return false;
}

/* ---- directives of the header ---- */

static void read_revision(struct reader *r, struct word rest) {
  r->out->id_line = r->line.number;
  if (id_ok(r, rest, "revision id"))
    r->out->id = arena_strndup(r->arena, rest.s, rest.len);
}

/* Takes the next part of a comma separated list. */
static struct word next_item(struct word *rest) {
  const char *comma = memchr(rest->s, ',', rest->len);
  struct word item = {rest->s, comma ? (size_t)(comma - rest->s) : rest->len};
  rest->s += item.len + (comma ? 1 : 0);
  rest->len -= item.len + (comma ? 1 : 0);
  return trim(item);
}

static bool listed(const char **list, size_t count, struct word w) {
  for (size_t i = 0; i < count; i++)
    if (word_is(w, list[i]))
      return true;
  return false;
}

static size_t count_items(struct word rest) {
  size_t n = 1;
  for (size_t i = 0; i < rest.len; i++)
    n += rest.s[i] == ',';
  return n;
}

/* Reads ids or labels into a list; `base_allowed`: alone it is the empty list. */
static void read_list(struct reader *r, struct word rest, const char *what, bool base_allowed,
                      const char ***out, size_t *out_count) {
  size_t max = count_items(rest), count = 0;
  if (max > REVISION_LIST_MAX) {
    wrong(r, rest.s, "more than %d in a list", REVISION_LIST_MAX);
    return;
  }
  const char **list = ARENA_ARRAY(r->arena, const char *, max);
  for (size_t i = 0; i < max; i++) {
    struct word item = next_item(&rest);
    if (base_allowed && word_is(item, "base")) {
      if (max > 1)
        wrong(r, item.s, "`base` is for a revision without parents: it stands alone");
    } else if (!id_ok(r, item, what)) {
      continue;
    } else if (listed(list, count, item)) {
      wrong(r, item.s, "'%s' is in the list twice", shown(r, item));
    } else {
      list[count++] = arena_strndup(r->arena, item.s, item.len);
    }
  }
  *out = list;
  *out_count = count;
}

static void read_parent(struct reader *r, struct word rest) {
  r->out->parents_line = r->line.number;
  read_list(r, rest, "revision id", true, &r->out->parents, &r->out->parent_count);
}

static void read_depends_on(struct reader *r, struct word rest) {
  r->out->depends_on_line = r->line.number;
  read_list(r, rest, "revision id", false, &r->out->depends_on, &r->out->depends_on_count);
}

static void read_label(struct reader *r, struct word rest) {
  r->out->labels_line = r->line.number;
  read_list(r, rest, "label", false, &r->out->labels, &r->out->label_count);
}

static void read_message(struct reader *r, struct word rest) {
  if (rest.len > REVISION_MESSAGE_MAX) {
    wrong(r, rest.s, "the message is longer than %d bytes; put the rest in a comment",
          REVISION_MESSAGE_MAX);
    return;
  }
  for (size_t i = 0; i < rest.len; i++) {
    if (iscntrl((unsigned char)rest.s[i])) {
      wrong(r, rest.s + i, "a control character in the message");
      return;
    }
  }
  r->out->message = arena_strndup(r->arena, rest.s, rest.len);
}

/* ---- sections ---- */

static struct word next_option(struct word *rest) {
  struct word w = trim(*rest);
  size_t n = 0;
  while (n < w.len && !blank(w.s[n]))
    n++;
  *rest = (struct word){w.s + n, w.len - n};
  return (struct word){w.s, n};
}

static void read_on(struct reader *r, struct section *s, struct word value) {
  enum dialect d = dialect_parse(value.s, value.len);
  if (d)
    s->dialects = d;
  else
    wrong(r, value.s, "'%s' is no dialect; write on=sqlite or on=postgresql, or leave it out",
          shown(r, value));
}

static void read_transaction(struct reader *r, struct section *s, struct word value) {
  if (word_is(value, "off"))
    s->transaction = false;
  else if (!word_is(value, "on"))
    wrong(r, value.s, "'%s' is neither on nor off; write transaction=off or leave it out",
          shown(r, value));
}

static void read_batch(struct reader *r, struct section *s, struct word value) {
  s->transaction = false;
  s->batch = 1; /* also where it is wrong: what follows is read as such a section's */
  if (!batch_read_size(value.s, value.len, &s->batch))
    wrong(r, value.s, "'%s' is no number of rows; write batch=5000, from 1 to %d", shown(r, value),
          BATCH_MAX);
}

static void read_pause(struct reader *r, struct section *s, struct word value) {
  if (!batch_read_pause(value.s, value.len, &s->pause_ms))
    wrong(r, value.s, "'%s' is no pause; write pause=50ms or pause=1s, at most %ds",
          shown(r, value), BATCH_PAUSE_MAX / 1000);
}

enum { O_ON, O_TRANSACTION, O_BATCH, O_PAUSE, OPTIONS };

static const struct {
  const char *name;
  void (*read)(struct reader *r, struct section *s, struct word value);
} options[] = {[O_ON] = {"on", read_on},
               [O_TRANSACTION] = {"transaction", read_transaction},
               [O_BATCH] = {"batch", read_batch},
               [O_PAUSE] = {"pause", read_pause}};

/* `given`: where each option stands. */
static void read_option(struct reader *r, struct section *s, struct word option,
                        const char *given[OPTIONS]) {
  const char *equals = memchr(option.s, '=', option.len);
  struct word name = {option.s, equals ? (size_t)(equals - option.s) : option.len};
  for (unsigned i = 0; equals && i < OPTIONS; i++) {
    if (!word_is(name, options[i].name))
      continue;
    if (given[i])
      wrong(r, option.s, "%s= is given twice", options[i].name);
    given[i] = option.s;
    options[i].read(r, s, (struct word){equals + 1, option.len - name.len - 1});
    return;
  }
  wrong(r, option.s,
        "'%s' is no option of a section; there are on=sqlite, on=postgresql, transaction=off, "
        "batch=ROWS and pause=TIME",
        shown(r, option));
}

static void check_options(struct reader *r, const char *const given[OPTIONS]) {
  if (given[O_BATCH] && given[O_TRANSACTION])
    wrong(r, given[O_TRANSACTION],
          "a section with batch= has a transaction for each batch; leave transaction= out");
  if (given[O_PAUSE] && !given[O_BATCH])
    wrong(r, given[O_PAUSE], "pause= is for a section with batch=ROWS, between two batches");
}

static struct section *add_section(struct reader *r) {
  struct revision *out = r->out;
  if (out->section_count == r->section_capacity) {
    size_t capacity = r->section_capacity ? r->section_capacity * 2 : 4;
    struct section *items = ARENA_ARRAY(r->arena, struct section, capacity);
    if (out->section_count)
      memcpy(items, out->sections, out->section_count * sizeof *items);
    out->sections = items;
    r->section_capacity = capacity;
  }
  return &out->sections[out->section_count++];
}

static void read_section(struct reader *r, struct word rest, enum direction direction) {
  if (r->out->section_count == REVISION_SECTIONS_MAX) {
    wrong(r, rest.s, "more than %d sections; divide the revision", REVISION_SECTIONS_MAX);
    return;
  }
  struct section *s = add_section(r);
  size_t next = r->line.start + r->line.len + 1;
  *s = (struct section){.direction = direction,
                        .dialects = DIALECT_ANY,
                        .transaction = true,
                        .pause_ms = BATCH_PAUSE,
                        .line = r->line.number,
                        .start = next < r->out->content_len ? next : r->out->content_len};
  const char *given[OPTIONS] = {NULL};
  for (struct word option = next_option(&rest); option.len > 0; option = next_option(&rest))
    read_option(r, s, option, given);
  check_options(r, given);
}

static void read_up(struct reader *r, struct word rest) {
  read_section(r, rest, DIR_UP);
}

static void read_down(struct reader *r, struct word rest) {
  read_section(r, rest, DIR_DOWN);
}

/* What the lint rules are not to say of the statement below (server/lint/ignore.c reads it): here
 * only its shape counts, because a rule may be newer than the server. */
static void read_ignore(struct reader *r, struct word rest) {
  struct word name = next_option(&rest);
  if (name.len == 0)
    wrong(r, name.s, "the name of a lint rule is missing here, and then the reason");
  for (size_t i = 0; i < name.len; i++) {
    if (islower((unsigned char)name.s[i]) || isdigit((unsigned char)name.s[i]) || name.s[i] == '-')
      continue;
    wrong(r, name.s, "'%s' is no name of a lint rule: small letters and -", shown(r, name));
    return;
  }
}

/* ---- lines ---- */

static const struct directive directives[] = {
    {"revision", read_revision, H_REVISION},       {"parent", read_parent, H_PARENT},
    {"depends-on", read_depends_on, H_DEPENDS_ON}, {"label", read_label, H_LABEL},
    {"message", read_message, H_MESSAGE},          {"up", read_up, BEGINS_SECTION},
    {"down", read_down, BEGINS_SECTION},           {"ignore", read_ignore, IN_SECTION},
};
enum { DIRECTIVES = sizeof directives / sizeof *directives };

static void unknown_directive(struct reader *r, struct word name) {
  const char *names[DIRECTIVES];
  for (size_t i = 0; i < DIRECTIVES; i++)
    names[i] = directives[i].name;
  const char *near = nearest(shown(r, name), names, DIRECTIVES);
  if (near)
    wrong(r, name.s, "unknown directive '%s'; did you mean `%s%s`?", shown(r, name), prefix, near);
  else
    wrong(
        r, name.s,
        "unknown directive '%s'; there are revision, parent, depends-on, label, message, up, down "
        "and ignore",
        shown(r, name));
}

/* A header directive stands once, before the first section. */
static bool in_place(struct reader *r, const struct directive *d) {
  const char *start = r->out->content + r->line.start;
  if (d->header == IN_SECTION && r->out->section_count == 0) {
    wrong(r, start, "`%s%s` must stand above a statement, within a section", prefix, d->name);
    return false;
  }
  if (d->header < 0)
    return true;
  if (r->out->section_count > 0) {
    wrong(r, start, "`%s%s` must stand before the first section", prefix, d->name);
    return false;
  }
  if (r->seen[d->header]) {
    wrong(r, start, "`%s%s` stands in line %u already; remove one", prefix, d->name,
          r->seen[d->header]);
    return false;
  }
  r->seen[d->header] = r->line.number;
  return true;
}

static void close_section(struct reader *r) {
  if (r->out->section_count == 0)
    return;
  struct section *s = &r->out->sections[r->out->section_count - 1];
  s->len = r->line.start - s->start;
}

static void unclosed_comment(struct reader *r) {
  if (r->comment)
    problem_add(r->problems, r->file, r->comment, 0, "",
                "the comment that begins here is not closed before line %u", r->line.number);
  r->comment = 0;
}

static void read_directive(struct reader *r) {
  const char *s = r->out->content + r->line.start;
  struct word rest = {s + PREFIX, r->line.len - PREFIX}, name = {s + PREFIX, 0};
  while (name.len < rest.len && !blank(rest.s[name.len]))
    name.len++;
  rest = trim((struct word){rest.s + name.len, rest.len - name.len});
  unclosed_comment(r);
  for (size_t i = 0; i < DIRECTIVES; i++) {
    if (!word_is(name, directives[i].name))
      continue;
    if (directives[i].header == BEGINS_SECTION)
      close_section(r);
    if (in_place(r, &directives[i]))
      directives[i].read(r, rest);
    return;
  }
  unknown_directive(r, name);
}

/* Skips blanks, or a text with letters' case ignored. */
static const char *skip(const char *s, const char *end, const char *text) {
  while (s && s < end && blank(*s))
    s++;
  size_t n = strlen(text);
  return s && (size_t)(end - s) >= n && strncasecmp(s, text, n) == 0 ? s + n : NULL;
}

static bool resembles_directive(const char *s, size_t len) {
  const char *end = s + len;
  s = skip(s, end, "--");
  s = skip(s, end, "migd");
  return skip(s, end, ":") != NULL;
}

/* A line before the first section: blank or a comment; true when it is neither. */
static bool read_header_text(struct reader *r) {
  const char *s = r->out->content + r->line.start, *end = s + r->line.len;
  while (s < end) {
    if (r->comment) {
      const char *close = memmem(s, (size_t)(end - s), "*/", 2);
      r->comment = close ? 0 : r->comment;
      s = close ? close + 2 : end;
    } else if (blank(*s) || *s == '\r') {
      s++;
    } else if (end - s >= 2 && s[0] == '-' && s[1] == '-') {
      return false;
    } else if (end - s >= 2 && s[0] == '/' && s[1] == '*') {
      r->comment = r->line.number;
      s += 2;
    } else {
      wrong(r, s, "text before the first section; write `%sup` above it", prefix);
      return true;
    }
  }
  return false;
}

static void read_line(struct reader *r, bool *said) {
  const char *s = r->out->content + r->line.start;
  if (r->line.len >= PREFIX && memcmp(s, prefix, PREFIX) == 0) {
    read_directive(r);
  } else if (resembles_directive(s, r->line.len)) {
    wrong(r, s, "this resembles a directive; one is written `%sNAME` at the start of its line",
          prefix);
  } else if (r->out->section_count == 0 && !*said) {
    *said = read_header_text(r); /* once is enough for a whole script */
  }
}

/* ---- the whole ---- */

static void check_name(struct reader *r) {
  size_t len = strlen(r->file), id = r->out->id ? strlen(r->out->id) : 0;
  if (len > REVISION_NAME_MAX) {
    wrong_file(r, "the file's name is longer than %d bytes", REVISION_NAME_MAX);
    return;
  }
  for (const char *s = r->file; *s; s++) {
    if (*s == '/' || *s == '\\' || iscntrl((unsigned char)*s)) {
      wrong_file(r, "the file's name has a character that it cannot have");
      return;
    }
  }
  if (text_bad_byte(r->file, len) != len)
    wrong_file(r, "the file's name is not UTF-8");
  else if (len < 4 || strcmp(r->file + len - 4, ".sql") != 0)
    wrong_file(r, "not a revision file: its name does not end in .sql; keep it out of the folder");
  else if (id && (strncmp(r->file, r->out->id, id) != 0 || r->file[id] != '_' || len <= id + 5))
    problem_add(r->problems, r->file, r->seen[H_REVISION], 0, "",
                "the name of the file and the id disagree: revision %s belongs in %s_<slug>.sql",
                r->out->id, r->out->id);
}

static void check_complete(struct reader *r) {
  const struct revision *out = r->out;
  if (!r->seen[H_REVISION])
    wrong_file(r, "no `%srevision ID`; every file begins with one", prefix);
  if (!r->seen[H_PARENT])
    wrong_file(r,
               "no `%sparent`; name the revision that this one follows, or `base` for a first one",
               prefix);
  for (size_t i = 0; out->id && i < out->parent_count; i++)
    if (strcmp(out->parents[i], out->id) == 0)
      problem_add(r->problems, r->file, out->parents_line, 0, "", "revision %s is its own parent",
                  out->id);
  for (size_t i = 0; out->id && i < out->depends_on_count; i++)
    if (strcmp(out->depends_on[i], out->id) == 0)
      problem_add(r->problems, r->file, out->depends_on_line, 0, "",
                  "revision %s depends on itself", out->id);
}

static bool covers_downs(const struct revision *r) {
  static const enum dialect all[] = {DIALECT_SQLITE, DIALECT_POSTGRESQL};
  bool any = false;
  for (size_t i = 0; i < 2; i++) {
    if (revision_has(r, all[i], DIR_UP) && !revision_has(r, all[i], DIR_DOWN))
      return false;
    any |= revision_has(r, all[i], DIR_DOWN);
  }
  return any;
}

/* 0 when the bytes are text that can be read on. */
static int take_bytes(struct reader *r, const char *bytes, size_t len) {
  if (len > REVISION_MAX) {
    wrong_file(r, "larger than %d MiB", REVISION_MAX / 1024 / 1024);
    return -1;
  }
  r->out->content = text_canonical(bytes, len, r->arena, &r->out->content_len);
  if (!r->out->content) {
    wrong_file(r, "the catalog is larger than the server takes");
    return -1;
  }
  size_t bad = text_bad_byte(r->out->content, r->out->content_len);
  if (bad == r->out->content_len)
    return 0;
  while (text_next_line(r->out->content, r->out->content_len, &r->line))
    if (bad <= r->line.start + r->line.len)
      break;
  problem_add(r->problems, r->file, r->line.number, (unsigned)(bad - r->line.start) + 1, "",
              r->out->content[bad] ? "not UTF-8; save the file as UTF-8" : "a NUL byte");
  return -1;
}

static void read_lines(struct reader *r) {
  bool said = false;
  const struct revision *out = r->out;
  while (text_next_line(out->content, out->content_len, &r->line))
    read_line(r, &said);
  r->line = (struct text_line){.start = out->content_len, .number = r->line.number + 1};
  unclosed_comment(r);
  close_section(r);
}

int revision_parse(const char *file, const void *bytes, size_t len, struct arena *arena,
                   struct problems *problems, struct revision *out) {
  size_t before = problems->count;
  *out = (struct revision){.file = arena_strdup(arena, file), .message = "", .content = ""};
  struct reader r = {.arena = arena, .problems = problems, .out = out, .file = out->file};
  if (take_bytes(&r, bytes, len) == 0) {
    digest_of(out->content, out->content_len, out->checksum);
    read_lines(&r);
    check_complete(&r);
    cut_sections(out, arena, problems);
    out->has_down = covers_downs(out);
  }
  check_name(&r);
  return problems->count == before && before <= PROBLEMS_MAX ? 0 : -1;
}

bool revision_has(const struct revision *r, enum dialect dialect, enum direction direction) {
  for (size_t i = 0; i < r->section_count; i++)
    if (r->sections[i].direction == direction && (r->sections[i].dialects & dialect))
      return true;
  return false;
}

bool revision_reversible(const struct revision *r, enum dialect dialect) {
  if (revision_has(r, dialect, DIR_DOWN))
    return true;
  for (size_t i = 0; i < r->section_count; i++)
    if (r->sections[i].direction == DIR_UP && (r->sections[i].dialects & dialect) &&
        r->sections[i].statements[dialect].count > 0)
      return false;
  return true;
}
