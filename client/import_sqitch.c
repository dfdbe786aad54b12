/* A project of Sqitch: the changes of sqitch.plan in its order, each with deploy/NAME.sql and
 * perhaps revert/NAME.sql. The folder of the scripts and the plan's name may stand in sqitch.conf.
 * What a change requires becomes depends-on, tags become labels; verify scripts are left out.
 */
#include "client/import_text.h"

#include <string.h>

struct change {
  const char *name; /* as in the plan */
  const char *file; /* of its scripts: `name`, or `name@tag` when it is reworked later */
  const char *id, *message;
  unsigned line;
  struct import_list tags;
  size_t *requires; /* places in the plan */
  size_t require_count, require_capacity;
};

struct plan {
  struct import *im;
  const char *root, *deploy, *revert, *verify;
  struct import_text text;
  struct import_line line;
  struct change *changes;
  size_t count, capacity;
  const char *project;
};

/* ---- sqitch.conf ---- */

static const char *value_of(struct import *im, const struct import_line *line, const char *key) {
  const char *end = import_line_end(line);
  const char *s = import_after(import_after(line->s, end, key), end, "=");
  return s ? import_word(im, &s, end) : NULL;
}

/* A path of the configuration is one from the project's folder. */
static const char *under(struct import *im, const char *folder, const char *path) {
  if (path[0] == '/' || strcmp(folder, ".") == 0)
    return path;
  return strcmp(path, ".") == 0 ? folder : arena_printf(im->arena, "%s/%s", folder, path);
}

static const char *configured(struct import *im, const char *root, const char *key,
                              const char *otherwise) {
  const char *path = arena_printf(im->arena, "%s/sqitch.conf", root), *value = NULL;
  struct import_text text;
  struct import_line line = {0};
  bool core = false;
  if (!import_exists(path) || !import_load(im, path, &text))
    return otherwise;
  while (import_next(&text, &line)) {
    const char *s = import_after(line.s, import_line_end(&line), "[");
    if (s)
      core = import_after(s, import_line_end(&line), "core]") != NULL;
    else if (core && !value)
      value = value_of(im, &line, key);
  }
  return value ? value : otherwise;
}

static void configure(struct plan *p) {
  struct import *im = p->im;
  const char *top = under(im, p->root, configured(im, p->root, "top_dir", "."));
  const char *deploy = configured(im, p->root, "deploy_dir", NULL);
  const char *revert = configured(im, p->root, "revert_dir", NULL);
  p->deploy = deploy ? under(im, p->root, deploy) : under(im, top, "deploy");
  p->revert = revert ? under(im, p->root, revert) : under(im, top, "revert");
  p->verify = under(im, top, "verify");
  const char *file = configured(im, p->root, "plan_file", NULL);
  p->text.path = file ? under(im, p->root, file) : under(im, top, "sqitch.plan");
  if (!file && !import_exists(p->text.path))
    p->text.path = under(im, p->root, "sqitch.plan");
}

/* ---- the plan ---- */

static void wrong(struct plan *p, const char *what) {
  import_problem(p->im, p->text.path, p->line.number, 1, "%s", what);
}

/* The place behind the change that has the tag; 0: none. */
static size_t find_tag(const struct plan *p, const char *tag) {
  for (size_t i = 0; i < p->count; i++)
    for (size_t j = 0; j < p->changes[i].tags.count; j++)
      if (strcmp(p->changes[i].tags.items[j], tag) == 0)
        return i + 1;
  return 0;
}

/* The change that a name means at this place of the plan: `name`, `@tag`, `name@tag`; NULL: none.
 */
static const struct change *find(const struct plan *p, const char *name) {
  const char *tag = strchr(name, '@');
  size_t len = tag ? (size_t)(tag - name) : strlen(name);
  size_t limit = tag ? find_tag(p, tag + 1) : p->count;
  if (len == 0 && limit > 0)
    return &p->changes[limit - 1];
  for (size_t i = limit; i-- > 0;)
    if (strlen(p->changes[i].name) == len && strncmp(p->changes[i].name, name, len) == 0)
      return &p->changes[i];
  return NULL;
}

static void add_requirement(struct plan *p, struct change *c, const struct change *of) {
  c->requires = import_grown(p->im->arena, c->requires, c->require_count, &c->require_capacity,
                             sizeof *c->requires);
  c->requires[c->require_count++] = (size_t)(of - p->changes);
}

static void require(struct plan *p, struct change *c, const char *name) {
  const char *colon = strchr(name, ':');
  if (name[0] == '!') {
    import_note(p->im, p->text.path, p->line.number, 1, "the conflict %s of %s is not carried",
                name, c->name);
    return;
  }
  if (colon && !(p->project && strlen(p->project) == (size_t)(colon - name) &&
                 strncmp(p->project, name, (size_t)(colon - name)) == 0)) {
    import_note(p->im, p->text.path, p->line.number, 1,
                "the dependency %s of %s on another project is not carried", name, c->name);
    return;
  }
  const struct change *of = find(p, colon ? colon + 1 : name);
  if (of)
    add_requirement(p, c, of);
  else
    import_problem(p->im, p->text.path, p->line.number, 1,
                   "%s requires %s, which the plan does not hold before it", c->name, name);
}

static void read_requires(struct plan *p, struct change *c, const char *s, const char *end) {
  const char *close = memchr(s, ']', (size_t)(end - s));
  if (!close) {
    wrong(p, "the list of what it requires has no `]`");
    return;
  }
  for (const char *word; (word = import_word(p->im, &s, close)) != NULL;)
    require(p, c, word);
}

/* Behind ` #` stands a note; the end of the rest. */
static const char *read_note(struct plan *p, const char *s, const char **message) {
  const char *end = import_line_end(&p->line);
  *message = "";
  for (const char *at = s; at + 1 < end; at++) {
    if ((*at == ' ' || *at == '\t') && at[1] == '#') {
      const char *from = at + 2, *stop = memmem(from, (size_t)(end - from), "\\n", 2);
      *message = arena_strndup(p->im->arena, from, (size_t)((stop ? stop : end) - from));
      return at;
    }
  }
  return end;
}

/* A change again: the scripts of the one before are kept under the tag that follows it. */
static void rework(struct plan *p, struct change *c) {
  for (size_t i = p->count - 1; i-- > 0;) {
    struct change *before = &p->changes[i];
    if (strcmp(before->name, c->name) != 0)
      continue;
    for (size_t j = i; j < p->count - 1; j++) {
      if (p->changes[j].tags.count) {
        before->file = arena_printf(p->im->arena, "%s@%s", c->name, p->changes[j].tags.items[0]);
        return;
      }
    }
    wrong(p, "this change stands in the plan already, without a tag between");
    return;
  }
}

static void read_change(struct plan *p, const char *name, const char *s) {
  p->changes = import_grown(p->im->arena, p->changes, p->count, &p->capacity, sizeof *p->changes);
  struct change *c = &p->changes[p->count];
  const char *end = read_note(p, s, &c->message);
  c->name = c->file = name;
  c->line = p->line.number;
  s = import_after(s, end, "[");
  if (s)
    read_requires(p, c, s, end);
  p->count++;
  rework(p, c);
}

static void read_tag(struct plan *p, const char *name) {
  if (p->count == 0)
    wrong(p, "a tag before the first change");
  else
    import_push(p->im, &p->changes[p->count - 1].tags, name);
}

static void read_plan_line(struct plan *p) {
  const char *s = p->line.s, *end = import_line_end(&p->line);
  const char *pragma = import_after(s, end, "%project=");
  if (pragma)
    p->project = import_word(p->im, &pragma, end);
  const char *word = import_word(p->im, &s, end);
  if (!word || word[0] == '#' || word[0] == '%')
    return;
  if (word[0] == '-')
    wrong(p, "a change that is reverted in the plan");
  else if (word[0] == '@')
    read_tag(p, word + 1);
  else
    read_change(p, word + (word[0] == '+'), s);
}

/* ---- scripts ---- */

static void identify(struct plan *p) {
  for (size_t i = 0; i < p->count; i++)
    p->changes[i].id = import_name(p->im, p->changes[i].file, strlen(p->changes[i].file));
}

static struct import_script script_of(struct plan *p, const struct change *c, unsigned source) {
  struct import_script script = {.id = c->id,
                                 .slug = import_base(c->file),
                                 .message = c->message,
                                 .description = c->file,
                                 .dialect = p->im->sources[source].dialect,
                                 .transaction = true};
  for (size_t i = 0; i < c->require_count; i++)
    import_push_once(p->im, &script.depends, p->changes[c->requires[i]].id);
  for (size_t i = 0; i < c->tags.count; i++)
    import_push_once(p->im, &script.labels,
                     import_name(p->im, c->tags.items[i], strlen(c->tags.items[i])));
  return script;
}

static void add(struct plan *p, struct import_script script, const char *path) {
  struct import_text text;
  if (import_load(p->im, path, &text))
    import_add_whole(p->im, script, &text);
}

static void add_change(struct plan *p, const struct change *c, unsigned source) {
  struct import *im = p->im;
  struct import_script script = script_of(p, c, source);
  const char *deploy = arena_printf(im->arena, "%s/%s.sql", p->deploy, c->file);
  const char *revert = arena_printf(im->arena, "%s/%s.sql", p->revert, c->file);
  if (!import_exists(deploy)) {
    import_problem(im, p->text.path, c->line, 1, "%s has no script %s", c->name, deploy);
    return;
  }
  add(p, script, deploy);
  script.down = true;
  if (import_exists(revert))
    add(p, script, revert);
}

static void note_verify(struct plan *p) {
  size_t n = 0;
  for (size_t i = 0; i < p->count; i++)
    n += import_exists(arena_printf(p->im->arena, "%s/%s.sql", p->verify, p->changes[i].file));
  if (n > 0)
    import_note(p->im, p->verify, 0, 0, "not carried: %zu verify script%s", n, n == 1 ? "" : "s");
}

static int read_sqitch(struct import *im, unsigned source, struct err *e) {
  struct plan p = {.im = im, .root = im->sources[source].path};
  configure(&p);
  const char *path = p.text.path;
  if (!import_exists(path)) {
    err_set(e, ERR_NOT_FOUND, "no sqitch.plan in %s", p.root);
    return err_hint(e, "name the project's folder, the one that sqitch.conf lies in");
  }
  if (!import_load(im, path, &p.text))
    return 0;
  size_t before = im->problem_count;
  while (import_next(&p.text, &p.line))
    read_plan_line(&p);
  if (im->problem_count > before)
    return 0;
  identify(&p);
  for (size_t i = 0; i < p.count; i++)
    add_change(&p, &p.changes[i], source);
  note_verify(&p);
  return 0;
}

const struct importer import_sqitch = {
    .name = "sqitch",
    .looks = "the project's folder: sqitch.plan, deploy/users.sql, revert/users.sql",
    .carries = "requires becomes depends-on, a tag a label, `name@tag` of a reworked change the "
               "revision name_tag; verify scripts and conflicts are left out",
    .read = read_sqitch,
    .order = IMPORT_READ,
};
