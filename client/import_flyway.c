/* Flyway's files, in a folder and those below: `V1.2__name.sql`, its undo `U1.2__name.sql`, the
 * baseline `B2__name.sql`, and the repeatable `R__name.sql`. As Flyway does for a new database, the
 * last baseline stands for the versions up to its own. A repeatable script becomes a revision at
 * the end: it runs once, and a later text of it is a revision of its own.
 */
#include "client/import_text.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

static const struct import_pattern pattern = {
    .prefixes = "VUB", .version = "0123456789._", .separators = "_", .separator = 2};

struct file {
  struct import_name name;
  const char *path;
  unsigned source;
};

struct files {
  struct file *items;
  size_t count, capacity;
  const char *baseline[IMPORT_DIALECTS]; /* the last one's version; NULL: none */
};

/* Flyway stores `1_2` as `1.2`. */
static const char *version_of(struct import *im, const char *version) {
  char *dotted = arena_strdup(im->arena, version);
  for (char *p = dotted; *p; p++)
    if (*p == '_')
      *p = '.';
  return dotted;
}

static void note_placeholders(struct import *im, const struct import_text *text) {
  unsigned line, column;
  const char *end = text->s + text->len;
  for (const char *s = text->s; (s = memmem(s, (size_t)(end - s), "${", 2)) != NULL; s += 2) {
    size_t n = 2;
    while (s + n < end && (isalnum((unsigned char)s[n]) || strchr("_.:-", s[n])))
      n++;
    if (n == 2 || s + n == end || s[n] != '}')
      continue;
    import_position(text, s, &line, &column);
    import_note(im, text->path, line, column,
                "the placeholder %.*s stays as it is: in quotes write its value; outside of them "
                "write ${name:raw}, a variable of the target or the catalog",
                (int)n + 1, s);
    return; /* one says it for the file */
  }
}

/* `V1__name.sql.conf` may say that it runs without a transaction. */
static bool in_transaction(struct import *im, const char *path) {
  const char *conf = arena_printf(im->arena, "%s.conf", path);
  struct import_text text;
  struct import_line line = {0};
  if (!import_exists(conf) || !import_load(im, conf, &text))
    return true;
  while (import_next(&text, &line)) {
    const char *end = import_line_end(&line);
    const char *s = import_after(line.s, end, "executeInTransaction");
    if (import_after(import_after(s, end, "="), end, "false"))
      return false;
  }
  return true;
}

static void add(struct import *im, const struct file *f, struct import_script script) {
  struct import_text text;
  script.down = f->name.prefix == 'U';
  script.transaction = in_transaction(im, f->path);
  if (!import_load(im, f->path, &text))
    return;
  note_placeholders(im, &text);
  import_add_whole(im, script, &text);
}

/* The highest order there is, then the repeatable ones by name. */
static void add_repeatable(struct import *im, const struct file *f) {
  const char *slug = f->name.slug;
  struct import_script script = import_script_of(im, f->source, &f->name);
  script.id = import_name(im, arena_printf(im->arena, "R_%s", slug), strlen(slug) + 2);
  script.order = arena_printf(im->arena, "R%s", slug);
  import_note(im, f->path, 0, 0,
              "repeatable: it runs once, as the last revision; a later text of it is a revision of "
              "its own");
  add(im, f, script);
}

static int compare(const char *a, const char *b) {
  if (a[0] == 'R' && b[0] == 'R')
    return strcmp(a, b);
  if (a[0] == 'R' || b[0] == 'R')
    return a[0] == 'R' ? 1 : -1;
  return import_by_dotted(a, b);
}

static bool is_callback(const char *name) {
  return strncmp(name, "before", 6) == 0 || strncmp(name, "after", 5) == 0 ||
         strncmp(name, "create", 6) == 0;
}

static void keep(struct import *im, unsigned source, const char *path,
                 const struct import_name *name) {
  struct files *all = im->state;
  all->items = import_grown(im->arena, all->items, all->count, &all->capacity, sizeof *all->items);
  struct file *f = &all->items[all->count++];
  *f = (struct file){*name, path, source};
  f->name.part = IMPORT_WHOLE;
  if (name->version)
    f->name.version = version_of(im, name->version);
  const char **baseline = &all->baseline[im->sources[source].dialect];
  if (name->prefix == 'B' && (!*baseline || compare(f->name.version, *baseline) > 0))
    *baseline = f->name.version;
}

static void take(struct import *im, unsigned source, const char *path, const char *name) {
  struct import_name parsed = {0};
  const char *base = import_base(name);
  size_t len = strlen(base);
  if (strncmp(base, "R__", 3) == 0 && import_ends_with(base, ".sql") && len > 7) {
    parsed = (struct import_name){'R', "", arena_strndup(im->arena, base + 3, len - 7), 0};
    keep(im, source, path, &parsed);
  } else if (import_parse(im, &pattern, name, &parsed)) {
    keep(im, source, path, &parsed);
  } else if (is_callback(base) && import_ends_with(base, ".sql")) {
    import_note(im, path, 0, 0, "not carried: a callback, which Flyway runs at each migration");
  } else {
    import_other(im, &pattern, path, name);
  }
}

static bool replaced(struct import *im, const struct file *f, const char *baseline) {
  if (!baseline || f->name.prefix == 'R' ||
      (f->name.prefix == 'B' && compare(f->name.version, baseline) == 0))
    return false;
  /* The undo of the baseline's own version takes back more than one script made. */
  if (compare(f->name.version, baseline) > 0)
    return false;
  import_note(im, f->path, 0, 0, "not carried: the baseline of version %s stands for it", baseline);
  return true;
}

static int read_flyway(struct import *im, unsigned source, struct err *e) {
  struct files all = {0};
  im->state = &all;
  int rc = import_each(im, source, true, take, e);
  const char *baseline = all.baseline[im->sources[source].dialect];
  for (size_t i = 0; rc == 0 && i < all.count; i++) {
    const struct file *f = &all.items[i];
    if (f->name.prefix == 'R')
      add_repeatable(im, f);
    else if (!replaced(im, f, baseline))
      add(im, f, import_script_of(im, f->source, &f->name));
  }
  im->state = NULL;
  return rc;
}

const struct importer import_flyway = {
    .name = "flyway",
    .looks = "V1.2__create_users.sql, U1.2__create_users.sql, R__views.sql",
    .carries = "U files are the way down; a baseline (B) stands for the versions before it; a "
               "repeatable script (R) becomes a revision at the end, named R_ and its name; "
               "callbacks are left out, placeholders stay as they are",
    .read = read_flyway,
    .order = IMPORT_SORTED,
    .compare = compare,
};
