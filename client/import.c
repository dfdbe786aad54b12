/* See import.h. Problems are collected, so that all are told at once. */
#include "client/import.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/import_sql.h"
#include "proto/base/utf8.h"

enum {
  FILE_MAX = 64 * 1024 * 1024, /* as the server has it */
  ID_MAX = 64,
  SLUG_MAX = 60,
  DEPTH_MAX = 16,
  NOTES_MAX = 20, /* of one script */
};

const char *const import_dialect_names[IMPORT_DIALECTS] = {"", "sqlite", "postgresql"};

void *import_grown(struct arena *a, void *items, size_t count, size_t *capacity, size_t size) {
  if (count < *capacity)
    return items;
  *capacity = *capacity ? *capacity * 2 : 16;
  void *more = arena_alloc(a, *capacity * size);
  if (count)
    memcpy(more, items, count * size);
  return more;
}

void import_push(struct import *im, struct import_list *list, const char *item) {
  list->items =
      import_grown(im->arena, list->items, list->count, &list->capacity, sizeof *list->items);
  list->items[list->count++] = item;
}

void import_push_once(struct import *im, struct import_list *list, const char *item) {
  for (size_t i = 0; i < list->count; i++)
    if (strcmp(list->items[i], item) == 0)
      return;
  import_push(im, list, item);
}

void import_problem(struct import *im, const char *path, unsigned line, unsigned column,
                    const char *format, ...) {
  va_list args;
  im->problems = import_grown(im->arena, im->problems, im->problem_count, &im->problem_capacity,
                              sizeof *im->problems);
  struct err *e = &im->problems[im->problem_count++];
  va_start(args, format);
  err_set(e, ERR_INPUT, "%s", arena_vprintf(im->arena, format, args));
  va_end(args);
  err_copy(e->file, sizeof e->file, path, strlen(path));
  e->line = line;
  e->column = column;
}

void import_note(struct import *im, const char *path, unsigned line, unsigned column,
                 const char *format, ...) {
  va_list args;
  im->notes =
      import_grown(im->arena, im->notes, im->note_count, &im->note_capacity, sizeof *im->notes);
  va_start(args, format);
  im->notes[im->note_count++] =
      (struct import_note){path, arena_vprintf(im->arena, format, args), line, column};
  va_end(args);
}

void import_position(const struct import_text *text, const char *at, unsigned *line,
                     unsigned *column) {
  import_count(text->s, (size_t)(at - text->s), line, column);
}

/* ---- files ---- */

static int visible(const struct dirent *d) {
  return d->d_name[0] != '.';
}

static int is_folder(const char *path) {
  struct stat st;
  return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

bool import_exists(const char *path) {
  return access(path, F_OK) == 0;
}

const char *import_path(struct import *im, const char *folder, const char *name) {
  struct stat st;
  if (stat(folder, &st) == 0 && !S_ISDIR(st.st_mode))
    return folder;
  return arena_printf(im->arena, "%s/%s", folder, name);
}

static int list_below(struct import *im, const char *root, const char *sub, unsigned depth,
                      struct import_list *names, struct err *e) {
  struct dirent **entries;
  const char *folder = sub[0] ? arena_printf(im->arena, "%s/%s", root, sub) : root;
  int rc = 0, n = scandir(folder, &entries, visible, alphasort);
  if (n < 0) {
    err_errno(e, errno == ENOENT ? ERR_NOT_FOUND : ERR_INPUT, errno, "cannot read the folder %s",
              folder);
    return -1;
  }
  for (int i = 0; i < n; i++) {
    const char *name = entries[i]->d_name;
    name = sub[0] ? arena_printf(im->arena, "%s/%s", sub, name) : arena_strdup(im->arena, name);
    if (depth > 0 && is_folder(arena_printf(im->arena, "%s/%s", root, name)))
      rc = rc ? rc : list_below(im, root, name, depth - 1, names, e);
    else
      import_push(im, names, name);
    free(entries[i]);
  }
  free(entries);
  return rc;
}

static int list(struct import *im, const char *folder, unsigned depth, struct import_list *names,
                struct err *e) {
  struct stat st;
  *names = (struct import_list){0};
  if (stat(folder, &st) == 0 && S_ISREG(st.st_mode)) {
    const char *slash = strrchr(folder, '/');
    import_push(im, names, slash ? slash + 1 : folder);
    return 0;
  }
  return list_below(im, folder, "", depth, names, e);
}

int import_list(struct import *im, const char *folder, struct import_list *names, struct err *e) {
  return list(im, folder, 0, names, e);
}

int import_walk(struct import *im, const char *folder, struct import_list *names, struct err *e) {
  return list(im, folder, DEPTH_MAX, names, e);
}

static int read_all(int fd, char *bytes, size_t len) {
  for (size_t done = 0; done < len;) {
    ssize_t n = read(fd, bytes + done, len - done);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return -1;
    if (n == 0) {
      errno = EIO; /* it shrank meanwhile */
      return -1;
    }
    done += (size_t)n;
  }
  return 0;
}

const char *import_read_file(struct import *im, const char *path, size_t *len) {
  struct stat st;
  char *bytes = NULL;
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO must not hang us */
  if (fd < 0)
    return NULL;
  if (fstat(fd, &st) == 0) {
    errno = S_ISREG(st.st_mode) ? EFBIG : EINVAL;
    if (S_ISREG(st.st_mode) && st.st_size <= FILE_MAX) {
      bytes = arena_alloc(im->arena, (size_t)st.st_size + 1);
      if (read_all(fd, bytes, (size_t)st.st_size))
        bytes = NULL;
      *len = (size_t)st.st_size;
    }
  }
  int error = errno;
  close(fd);
  errno = error;
  return bytes;
}

bool import_load(struct import *im, const char *path, struct import_text *text) {
  *text = (struct import_text){.path = path};
  text->s = import_read_file(im, path, &text->len);
  if (!text->s) {
    import_problem(im, path, 0, 0, "cannot be read: %s", strerror(errno));
    return false;
  }
  if (text->len >= 3 && memcmp(text->s, "\xEF\xBB\xBF", 3) == 0) {
    text->s += 3;
    text->len -= 3;
  }
  if (memchr(text->s, '\0', text->len))
    import_problem(im, path, 0, 0, "holds a NUL byte; is it a script?");
  else if (!utf8_valid(text->s, text->len))
    import_problem(im, path, 0, 0, "is not UTF-8; convert it first");
  else
    return true;
  return false;
}

/* ---- ids ---- */

static bool id_char(char c) {
  return isalnum((unsigned char)c) || c == '_' || c == '.';
}

/* FNV-1a, which any language has in three lines: adopting computes the ids again. */
static uint32_t checksum(const char *s, size_t len) {
  uint32_t hash = 2166136261U;
  for (size_t i = 0; i < len; i++)
    hash = (hash ^ (unsigned char)s[i]) * 16777619U;
  return hash;
}

/* What has a meaning of its own where a revision is asked for. */
static bool reserved(const char *id) {
  static const char *const words[] = {"base", "head", "heads", "current"};
  for (size_t i = 0; i < sizeof words / sizeof *words; i++)
    if (strcmp(id, words[i]) == 0)
      return true;
  return false;
}

const char *import_id(struct import *im, const char *version, size_t len) {
  char *id = arena_alloc(im->arena, len + 1);
  size_t n = 0;
  for (size_t i = 0; i < len; i++)
    if (id_char(version[i]))
      id[n++] = version[i];
  return id;
}

const char *import_name(struct import *im, const char *name, size_t len) {
  char *id = arena_strndup(im->arena, name, len);
  for (size_t i = 0; i < len; i++)
    if (!id_char(id[i]))
      id[i] = '_';
  if (len > ID_MAX)
    return arena_printf(im->arena, "%.*s_%08x", ID_MAX - 9, id, checksum(name, len));
  return reserved(id) ? arena_printf(im->arena, "%s_", id) : id;
}

static const char *slug_of(struct import *im, const char *name) {
  char *slug = arena_strndup(im->arena, name, strnlen(name, SLUG_MAX));
  for (char *p = slug; *p; p++)
    if (!isalnum((unsigned char)*p) && *p != '_' && *p != '-' && *p != '.')
      *p = '_';
  return slug;
}

/* ---- orders ---- */

static int compare_digits(const char *a, size_t n, const char *b, size_t m) {
  while (n > 0 && *a == '0') {
    a++;
    n--;
  }
  while (m > 0 && *b == '0') {
    b++;
    m--;
  }
  return n != m ? (n > m) - (n < m) : memcmp(a, b, n);
}

static const char *digits(const char *id) {
  return id + (id[0] == 'V' || id[0] == 'v');
}

int import_by_number(const char *a, const char *b) {
  a = digits(a);
  b = digits(b);
  return compare_digits(a, strlen(a), b, strlen(b));
}

int import_by_dotted(const char *a, const char *b) {
  while (*a || *b) {
    size_t n = strcspn(a, "."), m = strcspn(b, ".");
    int order = compare_digits(a, n, b, m);
    if (order)
      return order;
    a += n + (a[n] == '.');
    b += m + (b[m] == '.');
  }
  return 0;
}

/* ---- scripts ---- */

/* The place of `at` in the body, as one in the script's file. */
static void place(const struct import_script *script, size_t at, unsigned *line, unsigned *column) {
  import_count(script->body, at, line, column);
  *line += script->line ? script->line - 1 : 0;
}

static void __attribute__((format(printf, 4, 5)))
note_at(struct import *im, const struct import_script *script, size_t at, const char *format, ...) {
  va_list args;
  unsigned line, column;
  place(script, at, &line, &column);
  va_start(args, format);
  import_note(im, script->path, line, column, "%s", arena_vprintf(im->arena, format, args));
  va_end(args);
}

static const char *skip(const char *s, const char *end, const char *text) {
  size_t len = strlen(text);
  while (s && s < end && (*s == ' ' || *s == '\t'))
    s++;
  return s && (size_t)(end - s) >= len && strncasecmp(s, text, len) == 0 ? s + len : NULL;
}

/* The server takes such a line for a directive, or for a mistyped one. */
static void look_for_directives(struct import *im, const struct import_script *script) {
  const char *end = script->body + script->len;
  for (const char *s = script->body; s < end;) {
    const char *stop = memchr(s, '\n', (size_t)(end - s));
    stop = stop ? stop : end;
    if (skip(skip(skip(s, stop, "--"), stop, "migd"), stop, ":")) {
      unsigned line, column;
      place(script, (size_t)(s - script->body), &line, &column);
      import_problem(im, script->path, line, column,
                     "this comment reads like a directive of a revision file; change its wording");
    }
    s = stop + 1;
  }
}

/* Where the line that `at` stands in ends, behind its newline; `at` when more than blanks follow.
 */
static size_t line_behind(const struct import_script *script, size_t at) {
  size_t n = at;
  while (n < script->len && strchr(" \t\r", script->body[n]))
    n++;
  return n < script->len && script->body[n] == '\n' ? n + 1 : at;
}

/* Takes the statement out, with its line when nothing else stands there, and a blank line behind
 * one before. */
static void take_out(struct import_script *script, const struct import_statement *st) {
  char *body = (char *)(uintptr_t)script->body; /* a copy of ours */
  size_t from = st->start, to = st->end;
  if (from == 0 || body[from - 1] == '\n')
    to = line_behind(script, to);
  if (to > st->end && (from < 2 || body[from - 2] == '\n'))
    to = line_behind(script, to);
  memmove(body + from, body + to, script->len - to + 1);
  script->len -= to - from;
}

/* Whether the script is one transaction of its own and nothing beside it. */
static bool wrapped(const struct import_statements *list) {
  size_t n = list->count;
  if (n < 2 || list->items[0].class != IMPORT_BEGIN || list->items[n - 1].class != IMPORT_COMMIT)
    return false;
  for (size_t i = 1; i < n - 1; i++)
    if (list->items[i].class == IMPORT_BEGIN || list->items[i].class == IMPORT_COMMIT ||
        list->items[i].class == IMPORT_CONTROL)
      return false;
  return true;
}

static void unwrap(struct import *im, struct import_script *script,
                   struct import_statements *list) {
  script->body = arena_strndup(im->arena, script->body, script->len);
  take_out(script, &list->items[list->count - 1]);
  take_out(script, &list->items[0]);
  script->transaction = true;
}

static bool all_alone(const struct import_statements *list) {
  for (size_t i = 0; i < list->count; i++)
    if (list->items[i].class != IMPORT_ALONE)
      return false;
  return list->count > 0;
}

static void look_at_statement(struct import *im, const struct import_script *script,
                              const struct import_statement *st) {
  const char *text = script->body + st->start;
  int len = (int)(st->len < 60 ? strcspn(text, "\r\n") : 60);
  len = (size_t)len > st->len ? (int)st->len : len;
  switch (st->class) {
  case IMPORT_BEGIN:
  case IMPORT_COMMIT:
  case IMPORT_CONTROL:
    note_at(im, script, st->start,
            script->transaction
                ? "`%.*s`: the server begins and commits itself; remove it, or give the section "
                  "transaction=off"
                : "`%.*s` in a script that runs without a transaction: each statement is recorded "
                  "on its own; remove it",
            len, text);
    break;
  case IMPORT_ALONE:
    if (script->transaction)
      note_at(im, script, st->start,
              "`%.*s` cannot run in a transaction; give the section transaction=off, or move it "
              "into a revision of its own",
              len, text);
    break;
  case IMPORT_COPY:
    note_at(im, script, st->start, "COPY FROM STDIN: the server does not run it; write INSERT");
    break;
  case IMPORT_META:
    note_at(im, script, st->start, "`%.*s`: a command of psql, which the server does not run", len,
            text);
    break;
  case IMPORT_OTHER:
    break;
  }
}

static void look_at(struct import *im, struct import_script *script) {
  struct import_statements list;
  look_for_directives(im, script);
  import_split(im->arena, script->dialect, script->body, script->len, &list);
  if (list.unclosed < script->len)
    note_at(im, script, list.unclosed, "the quoted text or comment that begins here has no end");
  if (wrapped(&list)) {
    list.items[0].class = list.items[list.count - 1].class = IMPORT_OTHER;
    for (size_t i = 0; i < list.count; i++)
      look_at_statement(im, script, &list.items[i]);
    unwrap(im, script, &list);
    return;
  }
  if (all_alone(&list))
    script->transaction = false;
  size_t before = im->note_count;
  for (size_t i = 0; i < list.count && im->note_count - before < NOTES_MAX; i++)
    look_at_statement(im, script, &list.items[i]);
}

void import_add(struct import *im, struct import_script script) {
  if (script.id[0] == '\0' || strlen(script.id) > ID_MAX || !script.slug[0]) {
    import_problem(im, script.path, script.line, 0, "%s gives no id and name for a revision",
                   script.description ? script.description : "its name");
    return;
  }
  if (reserved(script.id)) {
    import_problem(im, script.path, script.line, 0,
                   "'%s' has a meaning of its own and cannot be an id", script.id);
    return;
  }
  script.slug = slug_of(im, script.slug);
  script.order = script.order ? script.order : script.id;
  look_at(im, &script);
  im->scripts =
      import_grown(im->arena, im->scripts, im->script_count, &im->script_capacity, sizeof script);
  im->scripts[im->script_count++] = script;
}

void import_add_whole(struct import *im, struct import_script script,
                      const struct import_text *text) {
  script.path = text->path;
  script.body = text->s;
  script.len = text->len;
  import_add(im, script);
}
