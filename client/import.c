/* See import.h. Problems are collected, so that all are told at once; remarks are guesses, made
 * line by line, at what will be refused later: the server looks properly.
 */
#include "client/import.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/base/buf.h"
#include "proto/base/utf8.h"

enum {
  FILE_MAX = 64 * 1024 * 1024, /* as the server has it */
  ID_MAX = 64,
  SLUG_MAX = 60,
  LISTED = 4,
};

static void *grown(struct arena *a, void *items, size_t count, size_t *capacity, size_t size) {
  if (count < *capacity)
    return items;
  *capacity = *capacity ? *capacity * 2 : 64;
  void *more = arena_alloc(a, *capacity * size);
  if (count)
    memcpy(more, items, count * size);
  return more;
}

void import_problem(struct import *im, const char *path, unsigned line, const char *format, ...) {
  va_list args;
  im->problems = grown(im->arena, im->problems, im->problem_count, &im->problem_capacity,
                       sizeof *im->problems);
  struct err *e = &im->problems[im->problem_count++];
  va_start(args, format);
  err_set(e, ERR_INPUT, "%s", arena_vprintf(im->arena, format, args));
  va_end(args);
  err_copy(e->file, sizeof e->file, path, strlen(path));
  e->line = line;
}

static void __attribute__((format(printf, 2, 3)))
remark(struct import *im, const char *format, ...) {
  va_list args;
  im->remarks =
      grown(im->arena, im->remarks, im->remark_count, &im->remark_capacity, sizeof *im->remarks);
  va_start(args, format);
  im->remarks[im->remark_count++] = arena_vprintf(im->arena, format, args);
  va_end(args);
}

/* ---- reading ---- */

static int visible(const struct dirent *d) {
  return d->d_name[0] != '.';
}

int import_list(struct import *im, const char *folder, const char *const **names, size_t *count,
                struct err *e) {
  struct dirent **entries;
  int n = scandir(folder, &entries, visible, NULL);
  if (n < 0) {
    err_errno(e, errno == ENOENT ? ERR_NOT_FOUND : ERR_INPUT, errno, "cannot read the folder %s",
              folder);
    return -1;
  }
  const char **list = ARENA_ARRAY(im->arena, const char *, (size_t)n + 1);
  for (int i = 0; i < n; i++) {
    list[i] = arena_strdup(im->arena, entries[i]->d_name);
    free(entries[i]);
  }
  free(entries);
  *names = list;
  *count = (size_t)n;
  return 0;
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

const char *import_id(struct import *im, const char *version, size_t len) {
  char *id = arena_alloc(im->arena, len + 1);
  size_t n = 0;
  for (size_t i = 0; i < len; i++)
    if (isalnum((unsigned char)version[i]) || version[i] == '_' || version[i] == '.')
      id[n++] = version[i];
  return id;
}

static const char *slug_of(struct import *im, const char *name) {
  char *slug = arena_strndup(im->arena, name, strnlen(name, SLUG_MAX));
  for (char *p = slug; *p; p++)
    if (!isalnum((unsigned char)*p) && *p != '_' && *p != '-' && *p != '.')
      *p = '_';
  return slug;
}

/* ---- what the scripts say ---- */

struct line {
  const char *s;
  size_t len;
  unsigned number;
};

static bool next_line(const struct import_script *script, struct line *line) {
  const char *end = script->body + script->len;
  const char *s = line->number ? line->s + line->len + 1 : script->body;
  if (s >= end)
    return false;
  const char *stop = memchr(s, '\n', (size_t)(end - s));
  *line = (struct line){s, (size_t)((stop ? stop : end) - s), line->number + 1};
  return true;
}

static const char *skip_blanks(const char *s, const char *end) {
  while (s < end && (*s == ' ' || *s == '\t'))
    s++;
  return s;
}

/* What follows a text that the line has here, letters' case ignored; NULL when it has another. */
static const char *after(const char *s, const char *end, const char *text) {
  size_t len = strlen(text);
  if (!s)
    return NULL;
  s = skip_blanks(s, end);
  return (size_t)(end - s) >= len && strncasecmp(s, text, len) == 0 ? s + len : NULL;
}

/* The server takes such a line for a directive, or for a mistyped one. */
static bool reads_like_directive(const struct line *l) {
  const char *end = l->s + l->len;
  return after(after(after(l->s, end, "--"), end, "migd"), end, ":") != NULL;
}

/* A word, then a blank, `;` or the line's end. */
static const char *after_word(const struct line *l, const char *word) {
  const char *end = l->s + l->len, *s = after(l->s, end, word);
  return s && (s == end || strchr(" \t\r;", *s)) ? s : NULL;
}

static bool controls_transaction(const struct line *l) {
  static const char *const words[] = {
      "BEGIN", "COMMIT", "ROLLBACK", "START TRANSACTION", "END TRANSACTION", "SAVEPOINT"};
  for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
    const char *s = after_word(l, words[i]);
    if (s && memchr(s, ';', (size_t)(l->s + l->len - s))) /* a body's BEGIN has none */
      return true;
  }
  return false;
}

/* Counts the dollar quotes that a line opens and closes; `tag` holds the open one. */
static void track_quotes(const struct line *l, char tag[ID_MAX]) {
  const char *end = l->s + l->len;
  for (const char *s = memchr(l->s, '$', l->len); s; s = memchr(s, '$', (size_t)(end - s))) {
    const char *p = s + 1;
    while (p < end && (isalnum((unsigned char)*p) || *p == '_'))
      p++;
    size_t len = (size_t)(p - s) + 1;
    if (p == end || *p != '$' || len >= ID_MAX) {
      s++;
    } else if (!tag[0]) {
      memcpy(tag, s, len);
      tag[len] = '\0';
      s = p + 1;
    } else if (strncmp(tag, s, len) == 0 && tag[len] == '\0') {
      tag[0] = '\0';
      s = p + 1;
    } else {
      s = p;
    }
  }
}

static bool has(const struct line *l, const char *text) {
  for (const char *s = l->s, *end = l->s + l->len; s < end; s++)
    if (after(s, end, text))
      return true;
  return false;
}

static void look_at_line(struct import *im, const struct import_script *script,
                         const struct line *l) {
  int len = (int)(l->len < 60 ? l->len : 60);
  if (reads_like_directive(l))
    import_problem(im, script->path, l->number,
                   "this comment reads like a directive of a revision file; change its wording");
  else if (script->transaction && controls_transaction(l))
    remark(im,
           "%s:%u: `%.*s`: the server begins and commits itself; remove it, or give the section "
           "transaction=off",
           script->path, l->number, len, l->s);
  else if (script->transaction && has(l, "INDEX CONCURRENTLY"))
    remark(im, "%s:%u: CONCURRENTLY cannot run in a transaction; give the section transaction=off",
           script->path, l->number);
  else if (l->len > 1 && l->s[0] == '\\')
    remark(im, "%s:%u: `%.*s`: a command of psql, which the server does not run", script->path,
           l->number, len, l->s);
}

static void look_at(struct import *im, const struct import_script *script) {
  struct line line = {0};
  char tag[ID_MAX] = "";
  while (next_line(script, &line)) {
    if (!tag[0] || reads_like_directive(&line))
      look_at_line(im, script, &line);
    track_quotes(&line, tag);
  }
}

static bool is_text(struct import *im, const struct import_script *script) {
  if (memchr(script->body, '\0', script->len))
    import_problem(im, script->path, 0, "holds a NUL byte; is it a script?");
  else if (!utf8_valid(script->body, script->len))
    import_problem(im, script->path, 0, "is not UTF-8; convert it first");
  else
    return true;
  return false;
}

void import_add(struct import *im, struct import_script script) {
  if (script.id[0] == '\0' || strlen(script.id) > ID_MAX || !script.slug[0]) {
    import_problem(im, script.path, 0, "its name gives no id and name for a revision");
    return;
  }
  script.slug = slug_of(im, script.slug);
  script.body = import_read_file(im, script.path, &script.len);
  if (!script.body) {
    import_problem(im, script.path, 0, "cannot be read: %s", strerror(errno));
    return;
  }
  if (script.len >= 3 && memcmp(script.body, "\xEF\xBB\xBF", 3) == 0) {
    script.body += 3;
    script.len -= 3;
  }
  if (!is_text(im, &script))
    return;
  look_at(im, &script);
  im->scripts =
      grown(im->arena, im->scripts, im->script_count, &im->script_capacity, sizeof script);
  im->scripts[im->script_count++] = script;
}

/* ---- revisions ---- */

static int compare_scripts(const void *a, const void *b, void *ctx) {
  const struct import *im = ctx;
  const struct import_script *x = a, *y = b;
  int order = im->layout->compare(x->id, y->id);
  if (order == 0)
    order = strcmp(x->id, y->id);
  if (order == 0)
    order = (int)x->source - (int)y->source;
  if (order == 0)
    order = (int)x->down - (int)y->down;
  return order ? order : strcmp(x->path, y->path);
}

/* The scripts of one revision: by source and direction. */
struct group {
  const struct import_script *of[IMPORT_SOURCES][2], *first;
};

static void take(struct import *im, struct group *g, const struct import_script *s) {
  const struct import_script **place = &g->of[s->source][s->down];
  if (*place)
    import_problem(im, s->path, 0, "revision %s has this script already: %s", s->id,
                   (*place)->path);
  else
    *place = s;
}

static void add_section(struct buf *b, const struct import_script *s, const char *dialect) {
  buf_addf(b, "-- migd:%s%s%s%s\n", s->down ? "down" : "up", dialect[0] ? " on=" : "", dialect,
           s->transaction ? "" : " transaction=off");
  buf_add(b, s->body, s->len);
  if (s->len && s->body[s->len - 1] != '\n')
    buf_addc(b, '\n');
}

static bool equal(const struct import_script *a, const struct import_script *b) {
  return a && b && a->len == b->len && a->transaction == b->transaction &&
         memcmp(a->body, b->body, a->len) == 0;
}

static void add_sections(struct import *im, struct buf *b, const struct group *g, int down) {
  if (im->source_count == 2 && equal(g->of[0][down], g->of[1][down])) {
    add_section(b, g->of[0][down], "");
    return;
  }
  for (unsigned i = 0; i < im->source_count; i++)
    if (g->of[i][down])
      add_section(b, g->of[i][down], im->sources[i].dialect);
}

static void add_message(struct buf *b, const char *slug) {
  buf_adds(b, "-- migd:message ");
  for (const char *p = slug; *p; p++)
    buf_add(b, *p == '_' || *p == '-' ? " " : p, 1);
  buf_adds(b, "\n\n");
}

static void count(struct import *im, const struct group *g) {
  bool all = true, down = true;
  unsigned last = 0;
  for (unsigned i = 0; i < im->source_count; i++) {
    all &= g->of[i][0] != NULL;
    last = g->of[i][0] ? i : last;
    if (g->of[i][0] && !g->of[i][1])
      down = false;
  }
  im->without_down += !down;
  if (all)
    im->shared++;
  else
    im->own[last]++;
}

static void make_file(struct import *im, const struct group *g, const char *parent) {
  struct buf b BUF_SCOPED = BUF_INIT;
  const struct import_script *first = g->first;
  for (unsigned i = 0; i < im->source_count; i++)
    if (g->of[i][1] && !g->of[i][0])
      import_problem(im, g->of[i][1]->path, 0, "goes down from what has no script up");
  buf_addf(&b, "-- migd:revision %s\n-- migd:parent %s\n", first->id, parent);
  add_message(&b, first->slug);
  add_sections(im, &b, g, 0);
  add_sections(im, &b, g, 1);
  im->files[im->file_count++] =
      (struct import_file){.name = arena_printf(im->arena, "%s_%s.sql", first->id, first->slug),
                           .text = arena_strndup(im->arena, buf_str(&b), b.len),
                           .len = b.len};
  count(im, g);
}

static void make_files(struct import *im) {
  const char *parent = "base";
  im->files = ARENA_ARRAY(im->arena, struct import_file, im->script_count + 1);
  for (size_t i = 0; i < im->script_count;) {
    struct group g = {.first = &im->scripts[i]};
    if (i > 0 && im->layout->compare(g.first[-1].id, g.first->id) == 0)
      import_problem(im, g.first->path, 0, "%s and %s are one version; name both alike",
                     g.first[-1].id, g.first->id);
    for (; i < im->script_count && strcmp(im->scripts[i].id, g.first->id) == 0; i++)
      take(im, &g, &im->scripts[i]);
    make_file(im, &g, parent);
    parent = g.first->id;
  }
}

int import_make(struct import *im, struct err *e) {
  for (unsigned i = 0; i < im->source_count; i++) {
    size_t before = im->script_count + im->problem_count;
    if (im->layout->read(im, i, e))
      return -1;
    if (im->script_count + im->problem_count == before) {
      err_set(e, ERR_INPUT, "no migrations in %s", im->sources[i].path);
      return err_hint(e, "%s looks like this: %s", im->layout->name, im->layout->looks);
    }
  }
  if (im->script_count)
    qsort_r(im->scripts, im->script_count, sizeof *im->scripts, compare_scripts, im);
  make_files(im);
  if (im->problem_count == 0)
    return 0;
  err_set(e, ERR_INPUT, "%zu problem%s in the sources: nothing is written", im->problem_count,
          im->problem_count == 1 ? "" : "s");
  return -1;
}

/* ---- writing ---- */

static int check_absent(struct import *im, const char *folder, struct err *e) {
  struct buf names BUF_SCOPED = BUF_INIT;
  size_t n = 0;
  for (size_t i = 0; i < im->file_count; i++) {
    struct stat st;
    const char *path = arena_printf(im->arena, "%s/%s", folder, im->files[i].name);
    if (lstat(path, &st) != 0)
      continue;
    if (n++ < LISTED)
      buf_addf(&names, "%s%s", n > 1 ? ", " : "", im->files[i].name);
  }
  if (n == 0)
    return 0;
  err_set(e, ERR_EXISTS, "%s has %zu of the files already: %s%s", folder, n, buf_str(&names),
          n > LISTED ? ", ..." : "");
  return err_hint(e, "nothing is overwritten: name an empty or a new folder");
}

static int write_all(int fd, const char *bytes, size_t len) {
  for (size_t done = 0; done < len;) {
    ssize_t n = write(fd, bytes + done, len - done);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return -1;
    done += (size_t)n;
  }
  return 0;
}

static int write_file(struct import *im, const char *folder, const struct import_file *f,
                      struct err *e) {
  const char *path = arena_printf(im->arena, "%s/%s", folder, f->name);
  int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666);
  if (fd < 0) {
    err_errno(e, errno == EEXIST ? ERR_EXISTS : ERR_INPUT, errno, "cannot make %s", path);
    return -1;
  }
  int rc = write_all(fd, f->text, f->len), error = errno;
  if (close(fd) != 0 && rc == 0) {
    rc = -1;
    error = errno;
  }
  if (rc == 0)
    return 0;
  unlink(path);
  err_errno(e, ERR_INPUT, error, "cannot write %s", path);
  return -1;
}

static void remove_written(struct import *im, const char *folder, size_t count, bool made) {
  for (size_t i = 0; i < count; i++)
    unlink(arena_printf(im->arena, "%s/%s", folder, im->files[i].name));
  if (made)
    rmdir(folder);
}

int import_write(struct import *im, const char *folder, struct err *e) {
  if (check_absent(im, folder, e))
    return -1;
  bool made = mkdir(folder, 0777) == 0;
  if (!made && errno != EEXIST) {
    err_errno(e, ERR_INPUT, errno, "cannot make the folder %s", folder);
    return -1;
  }
  for (size_t i = 0; i < im->file_count; i++) {
    if (write_file(im, folder, &im->files[i], e)) {
      remove_written(im, folder, i, made);
      return -1;
    }
  }
  return 0;
}
