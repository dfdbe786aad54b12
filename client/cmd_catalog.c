/* catalog list, show, pull. Push is in cmd_push.c. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "client/duration.h"
#include "client/folder.h"
#include "client/selection.h"
#include "client/session.h"
#include "client/variables.h"
#include "client/words.h"
#include "migd/v1/catalogs.pb-c.h"

extern const struct command cmd_catalog_list, cmd_catalog_show, cmd_catalog_pull;

#define SERVICE (&migd__v1__catalogs__descriptor)

static void print_catalogs(struct session *s, const Migd__V1__ListCatalogsResponse *reply) {
  static const char *const headings[] = {"CATALOG", ">REVISIONS", "HEADS",  ">TARGETS",
                                         "PUSHED",  "BY",         "DIGEST", NULL};
  struct table t;
  struct buf text BUF_SCOPED = BUF_INIT;
  table_init(&t, &s->arena, headings);
  for (size_t i = 0; i < reply->n_catalogs; i++) {
    const Migd__V1__Catalog *c = reply->catalogs[i];
    table_add(&t, PAINT_NONE, "%s", c->name);
    table_add(&t, PAINT_NONE, "%u", c->revisions);
    table_add(&t, PAINT_NONE, "%s", words_list(s, c->n_heads, c->heads, ""));
    table_add(&t, PAINT_NONE, "%u", c->targets);
    table_add(&t, PAINT_NONE, "%s", time_relative(&s->arena, c->pushed_at, now_ns()));
    table_add(&t, PAINT_NONE, "%s", c->pushed_by);
    table_add(&t, PAINT_DIM, "%.19s", c->digest);
  }
  table_print(&t, &text, s->color_out, words_width(s));
  session_print(s, &text);
}

static int run_list(struct session *s, struct err *e) {
  Migd__V1__ListCatalogsRequest request = MIGD__V1__LIST_CATALOGS_REQUEST__INIT;
  const Migd__V1__ListCatalogsResponse *reply =
      session_ask_print(s, SERVICE, "ListCatalogs", &request, e);
  if (!reply)
    return -1;
  if (!s->json)
    print_catalogs(s, reply);
  if (reply->n_catalogs == 0)
    say(s, "no catalogs yet: `migctl catalog push DIR -c NAME` makes one");
  return EXIT_DONE;
}

const struct command cmd_catalog_list = {
    .name = "catalog list",
    .group = GROUP_CATALOGS,
    .arguments = "",
    .summary = "list the catalogs",
    .example = "migctl catalog list",
    .run = run_list,
};

/* The catalog that an argument, -c or the profile names; the server knows the only one. */
static char *catalog_name(struct session *s) {
  const char *named = session_argument(s, 0);
  return named ? arena_strdup(&s->arena, named) : session_catalog(s);
}

static int run_show(struct session *s, struct err *e) {
  Migd__V1__GetCatalogRequest request = MIGD__V1__GET_CATALOG_REQUEST__INIT;
  request.name = catalog_name(s);
  const Migd__V1__Catalog *c = session_ask_print(s, SERVICE, "GetCatalog", &request, e);
  if (!c || s->json)
    return c ? EXIT_DONE : -1;
  struct buf text BUF_SCOPED = BUF_INIT;
  words_field(&text, "catalog", c->name);
  words_field(&text, "digest", c->digest);
  words_field(&text, "revisions", arena_printf(&s->arena, "%u", c->revisions));
  words_field(&text, "heads", words_list(s, c->n_heads, c->heads, "none"));
  words_field(&text, "targets", arena_printf(&s->arena, "%u", c->targets));
  words_field(&text, "pushed",
              arena_printf(&s->arena, "%s by %s", time_relative(&s->arena, c->pushed_at, now_ns()),
                           c->pushed_by));
  if (c->adopt_rule)
    words_field(&text, "adopted",
                arena_printf(&s->arena, "at %s, if it has a table %s", c->adopt_rule->revision,
                             c->adopt_rule->table));
  if (c->lint_policy)
    words_field(&text, "a push", words_policy(s, c->lint_policy));
  variables_print(s, &text, c->variables, c->n_variables);
  session_print(s, &text);
  return EXIT_DONE;
}

static const struct option show_options[] = {CATALOG_OPTION, {NULL}};

const struct command cmd_catalog_show = {
    .name = "catalog show",
    .group = GROUP_CATALOGS,
    .arguments = "[CATALOG]",
    .max_arguments = 1,
    .options = show_options,
    .summary = "show one catalog",
    .help = "The digest is what `catalog push --expect` compares.",
    .example = "migctl catalog show shop",
    .run = run_show,
};

struct pull {
  struct session *s;
  const char *folder;
  bool force;
  struct folder_file file; /* being received */
  size_t written, unchanged;
};

static int take_part(struct pull *p, const Migd__V1__FilePart *part, struct err *e) {
  struct folder_file *file = &p->file;
  if (!file->partial && folder_create(file, &p->s->arena, p->folder, part->name, e) < 0)
    return -1;
  if (strcmp(strrchr(file->path, '/') + 1, part->name) != 0)
    return err_set(e, ERR_INTERNAL, "the server sent %s in the middle of another file", part->name);
  if (folder_write(file, part->data.data, part->data.len, e) < 0)
    return -1;
  if (part->more)
    return 0;
  int rc = folder_keep(file, p->force, e);
  folder_drop(file);
  p->written += rc == 1;
  p->unchanged += rc == 0;
  return rc < 0 ? -1 : 0;
}

static int on_files(void *ctx, const ProtobufCMessage *m, struct err *e) {
  const Migd__V1__PullCatalogResponse *reply = (const void *)m;
  for (size_t i = 0; i < reply->n_parts; i++)
    if (take_part(ctx, reply->parts[i], e) < 0)
      return -1;
  return 0;
}

static int run_pull(struct session *s, struct err *e) {
  Migd__V1__PullCatalogRequest request = MIGD__V1__PULL_CATALOG_REQUEST__INIT;
  struct pull p = {.s = s, .folder = session_argument(s, 0), .force = session_flag(s, "force")};
  request.catalog = session_catalog(s);
  request.digest = session_text(s, "digest");
  if (mkdir(p.folder, 0777) != 0 && errno != EEXIST)
    return err_errno(e, ERR_INPUT, errno, "cannot make the folder %s", p.folder);
  int rc = session_stream(s, SERVICE, "PullCatalog", &request, on_files, &p, e);
  bool cut = p.file.partial != NULL;
  folder_drop(&p.file);
  if (rc == 0 && cut)
    rc = err_set(e, ERR_INTERNAL, "the server ended in the middle of a file");
  if (rc != 0)
    return -1;
  say(s, "%s written to %s, %s there already", counted(s, p.written, "file", "files"), p.folder,
      counted(s, p.unchanged, "was", "were"));
  return EXIT_DONE;
}

static const struct option pull_options[] = {
    CATALOG_OPTION,
    {"digest", 0, OPTION_VALUE, "DIGEST", "an earlier content of it: `sha256:...`", NULL},
    {"force", 0, OPTION_FLAG, NULL, "overwrite files that differ", NULL},
    {NULL},
};

const struct command cmd_catalog_pull = {
    .name = "catalog pull",
    .group = GROUP_CATALOGS,
    .arguments = "DIR",
    .min_arguments = 1,
    .max_arguments = 1,
    .options = pull_options,
    .summary = "write the files of a catalog into a folder, byte by byte as they were pushed",
    .example = "migctl catalog pull -c shop ./migrations",
    .run = run_pull,
};
