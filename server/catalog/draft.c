/* Drafts: a new revision for a catalog, as Alembic's `revision` and `merge` make one. Pure. */
#include "server/catalog/draft.h"

#include <ctype.h>
#include <string.h>

#include "proto/base/buf.h"
#include "server/catalog/ident.h"
#include "server/catalog/names.h"

enum { SLUG_MAX = 40, SHOWN = 8 };

struct drafter {
  const struct catalog *c; /* NULL: empty */
  const struct draft_request *request;
  struct arena *arena;
  unsigned char *is_parent; /* by revision */
  struct revision_set parents;
};

/* ---- what it stands on ---- */

static int no_revisions(const char *text, struct err *e) {
  return err_set(e, ERR_NOT_FOUND, "no revision '%.100s': there are no revisions yet", text);
}

static int several_heads(const struct drafter *d, struct err *e) {
  struct buf ids BUF_SCOPED = BUF_INIT;
  for (size_t i = 0; i < d->c->heads.count && i < SHOWN; i++)
    buf_addf(&ids, "%s%s", i ? ", " : "", d->c->revisions[d->c->heads.items[i]].id);
  err_set(e, ERR_INPUT, "there are %zu heads: %s%s", d->c->heads.count, buf_str(&ids),
          d->c->heads.count > SHOWN ? ", ..." : "");
  return err_hint(e, "say which one the new revision follows with --head, or join them with "
                     "`migctl merge`");
}

static int add_parent(struct drafter *d, unsigned revision, struct err *e) {
  const struct revision *r = &d->c->revisions[revision];
  if (d->is_parent[revision])
    return err_set(e, ERR_INPUT, "%s is named twice", r->id);
  if (d->c->nodes[revision].children.count > 0 && !d->request->splice) {
    err_set(e, ERR_INPUT, "%s is no head: %s follows it", r->id,
            d->c->revisions[d->c->nodes[revision].children.items[0]].id);
    return err_hint(e, "--splice makes a new branch from it");
  }
  d->is_parent[revision] = 1;
  d->parents.items[d->parents.count++] = revision;
  return 0;
}

static int add_named(struct drafter *d, const char *text, struct err *e) {
  struct revision_set found = {0};
  if (!d->c)
    return strcmp(text, "base") == 0 ? 0 : no_revisions(text, e);
  if (strcmp(text, "heads") == 0)
    found = d->c->heads; /* those that are depended on as well */
  else if (ident_resolve(d->c, text, IDENT_SHOW, NULL, d->arena, &found, e))
    return -1;
  if (found.count == 0 && d->request->head_count > 1)
    return err_set(e, ERR_INPUT, "'%.100s' is no revision and goes with no other", text);
  for (size_t i = 0; i < found.count; i++)
    if (add_parent(d, found.items[i], e))
      return -1;
  return 0;
}

static int find_parents(struct drafter *d, struct err *e) {
  const struct draft_request *q = d->request;
  size_t max = d->c ? d->c->count : 0;
  d->is_parent = arena_alloc(d->arena, max);
  d->parents.items = ARENA_ARRAY(d->arena, unsigned, max);
  if (q->head_count == 0 && !q->merge && d->c) {
    if (d->c->heads.count > 1)
      return several_heads(d, e);
    return add_parent(d, d->c->heads.items[0], e);
  }
  for (size_t i = 0; i < q->head_count; i++)
    if (add_named(d, q->heads[i], e))
      return -1;
  if (q->merge && d->parents.count < 2) {
    err_set(e, ERR_INPUT, "a merge joins two revisions at least, not %zu", d->parents.count);
    return err_hint(e, "name them, or `heads` for all");
  }
  return 0;
}

/* ---- names ---- */

static int check_new(const struct drafter *d, const char *name, const char *what, struct err *e) {
  if (!revision_id_valid(name, strlen(name)))
    return err_set(e, ERR_INPUT, "'%.100s' is no %s: 1 to %d letters, digits, '_' or '.'", name,
                   what, REVISION_ID_MAX);
  const struct name *n = d->c ? names_find(d->c->ids, name, strlen(name)) : NULL;
  if (n)
    return err_set(e, ERR_EXISTS, "%s '%s' is %s of revision %s already", what, name,
                   n->label ? "a label" : "the id", d->c->revisions[n->revision].id);
  return 0;
}

static int check_names(const struct drafter *d, struct err *e) {
  const struct draft_request *q = d->request;
  if (q->head_count > REVISION_LIST_MAX || q->label_count > REVISION_LIST_MAX ||
      q->depends_on_count > REVISION_LIST_MAX)
    return err_set(e, ERR_INPUT, "more than %d names in one list", REVISION_LIST_MAX);
  if (check_new(d, q->id, "revision id", e))
    return -1;
  for (size_t i = 0; i < q->label_count; i++)
    if (check_new(d, q->labels[i], "label", e))
      return -1;
  if (strlen(q->message) > REVISION_MESSAGE_MAX || strpbrk(q->message, "\r\n"))
    return err_set(e, ERR_INPUT, "the message must be one line of at most %d bytes",
                   REVISION_MESSAGE_MAX);
  return 0;
}

/* A label stays one; the beginning of an id is completed. */
static int dependency(const struct drafter *d, const char *text, const char **out, struct err *e) {
  struct revision_set found;
  const struct name *n = d->c ? names_find(d->c->ids, text, strlen(text)) : NULL;
  *out = n ? n->text : NULL;
  if (n)
    return 0;
  if (!d->c)
    return no_revisions(text, e);
  if (ident_resolve(d->c, text, IDENT_SHOW, NULL, d->arena, &found, e))
    return -1;
  if (found.count != 1)
    return err_set(e, ERR_INPUT, "'%.100s' are %zu revisions; a dependency is one", text,
                   found.count);
  *out = d->c->revisions[found.items[0]].id;
  return 0;
}

/* ---- the file ---- */

/* "<id>_<slug>.sql": what of the message can be in a file's name. */
static const char *file_name(const struct drafter *d) {
  const char *otherwise = d->request->merge ? "merge" : "revision";
  char slug[SLUG_MAX + 1];
  size_t n = 0;
  for (const char *p = d->request->message; *p && n < SLUG_MAX; p++) {
    if (isalnum((unsigned char)*p))
      slug[n++] = (char)tolower((unsigned char)*p);
    else if (n > 0 && slug[n - 1] != '_')
      slug[n++] = '_';
  }
  while (n > 0 && slug[n - 1] == '_')
    n--;
  slug[n] = '\0';
  return arena_printf(d->arena, "%s_%s.sql", d->request->id, n ? slug : otherwise);
}

static void write_parents(const struct drafter *d, struct buf *b) {
  buf_adds(b, "-- migd:parent ");
  for (size_t i = 0; i < d->parents.count; i++)
    buf_addf(b, "%s%s", i ? ", " : "", d->c->revisions[d->parents.items[i]].id);
  buf_adds(b, d->parents.count ? "\n" : "base\n");
}

static int write_head(const struct drafter *d, struct buf *b, struct err *e) {
  const struct draft_request *q = d->request;
  buf_addf(b, "-- migd:revision %s\n", q->id);
  write_parents(d, b);
  for (size_t i = 0; i < q->depends_on_count; i++) {
    const char *name;
    if (dependency(d, q->depends_on[i], &name, e))
      return -1;
    buf_addf(b, "%s%s", i ? ", " : "-- migd:depends-on ", name);
  }
  buf_adds(b, q->depends_on_count ? "\n" : "");
  for (size_t i = 0; i < q->label_count; i++)
    buf_addf(b, "%s%s", i ? ", " : "-- migd:label ", q->labels[i]);
  buf_adds(b, q->label_count ? "\n" : "");
  if (q->message[0])
    buf_addf(b, "-- migd:message %s\n", q->message);
  return 0;
}

/* SQL that is given comes without the way back: nobody has said that there is nothing to undo. */
static void write_sections(const struct drafter *d, struct buf *b) {
  const struct draft_request *q = d->request;
  buf_adds(b, "\n-- migd:up\n");
  buf_add(b, q->up, q->up_len);
  if (q->up_len && q->up[q->up_len - 1] != '\n')
    buf_addc(b, '\n');
  if (q->up_len == 0)
    buf_adds(b, "\n-- migd:down\n");
}

static int check_file(const struct drafter *d, struct draft *out, struct err *e) {
  struct problems problems = {.arena = d->arena};
  if (revision_parse(out->file, out->content, out->content_len, d->arena, &problems,
                     &out->revision) == 0)
    return 0;
  const struct problem *p = &problems.items[0];
  err_set(e, ERR_INPUT, "%s", p->message);
  err_copy(e->file, sizeof e->file, p->file, strlen(p->file));
  err_copy(e->source, sizeof e->source, p->source, strlen(p->source));
  e->line = p->line;
  e->column = p->column;
  return -1;
}

int draft_make(const struct catalog *c, const struct draft_request *request, struct arena *arena,
               struct draft *out, struct err *e) {
  struct drafter d = {.c = c, .request = request, .arena = arena};
  struct buf text BUF_SCOPED = BUF_INIT;
  struct draft draft = {0};
  if (check_names(&d, e) || find_parents(&d, e) || write_head(&d, &text, e))
    return -1;
  write_sections(&d, &text);
  draft.file = file_name(&d);
  draft.content = arena_strndup(arena, text.s, text.len);
  draft.content_len = text.len;
  if (check_file(&d, &draft, e))
    return -1;
  *out = draft;
  return 0;
}
