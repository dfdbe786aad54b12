/* `migctl import`: the migrations of another tool become a catalog's folder. Local: asks no server.
 */
#include <string.h>

#include "client/command.h"
#include "client/import.h"
#include "client/session.h"

enum { SHOWN = 50 };

static const struct import_layout *const layouts[] = {&import_diesel, &import_updown, NULL};

static const struct import_layout *find_layout(const char *name) {
  for (const struct import_layout *const *l = layouts; *l; l++)
    if (strcmp((*l)->name, name) == 0)
      return *l;
  return NULL;
}

/* `sqlite=PATH`, `postgresql=PATH`, or a path for both. */
static struct import_source parse_source(const char *text) {
  static const char *const dialects[] = {"sqlite", "postgresql"};
  for (size_t i = 0; i < 2; i++) {
    size_t len = strlen(dialects[i]);
    if (strncmp(text, dialects[i], len) == 0 && text[len] == '=')
      return (struct import_source){dialects[i], text + len + 1};
  }
  return (struct import_source){"", text};
}

static int parse_sources(struct session *s, struct import *im, struct err *e) {
  size_t count = s->options.argument_count - 1;
  if (count > IMPORT_SOURCES)
    return session_usage(s, e, "there are two dialects: at most two sources, and then the folder");
  for (size_t i = 0; i < count; i++)
    im->sources[im->source_count++] = parse_source(session_argument(s, i));
  if (count == 2 && (!im->sources[0].dialect[0] || !im->sources[1].dialect[0] ||
                     im->sources[0].dialect == im->sources[1].dialect))
    return session_usage(s, e, "two sources: one is sqlite=PATH, the other postgresql=PATH");
  return 0;
}

static void report_problems(const struct session *s, const struct import *im) {
  for (size_t i = 0; i < im->problem_count && i < SHOWN; i++)
    session_report(s, &im->problems[i]);
}

static void report_remarks(const struct session *s, const struct import *im) {
  for (size_t i = 0; i < im->remark_count && i < SHOWN; i++)
    say(s, "%s", im->remarks[i]);
  if (im->remark_count > SHOWN)
    say(s, "and %zu more like these", im->remark_count - SHOWN);
}

static void summarize(struct session *s, const struct import *im, const char *folder) {
  struct buf text BUF_SCOPED = BUF_INIT;
  buf_addf(&text, "%s in %s", counted(s, im->file_count, "revision", "revisions"), folder);
  if (im->source_count == 2)
    buf_addf(&text, ": %zu for both dialects, %zu for %s only, %zu for %s only", im->shared,
             im->own[0], im->sources[0].dialect, im->own[1], im->sources[1].dialect);
  if (im->without_down)
    buf_addf(&text, "; %zu cannot go down", im->without_down);
  buf_addc(&text, '\n');
  session_print(s, &text);
  if (im->remark_count)
    say(s, "%s to look at before the push", counted(s, im->remark_count, "line", "lines"));
  say(s, "next: migctl catalog push %s -c NAME", folder);
}

static int run_import(struct session *s, struct err *e) {
  struct import im = {.arena = &s->arena};
  const char *from = session_text(s, "from");
  const char *folder = session_argument(s, s->options.argument_count - 1);
  im.layout = find_layout(from);
  if (!im.layout)
    return session_usage(s, e, "--from diesel or --from updown says what the sources look like");
  if (parse_sources(s, &im, e))
    return -1;
  if (import_make(&im, e)) {
    report_problems(s, &im);
    return -1;
  }
  if (import_write(&im, folder, e))
    return -1;
  report_remarks(s, &im);
  summarize(s, &im, folder);
  return EXIT_DONE;
}

static const struct option import_options[] = {
    {"from", 0, OPTION_VALUE, "LAYOUT", "what the sources look like", "diesel|updown"},
    {NULL},
};

const struct command cmd_import = {
    .name = "import",
    .group = GROUP_CATALOGS,
    .arguments = "SOURCE... DIR",
    .min_arguments = 2,
    .max_arguments = 3,
    .options = import_options,
    .summary = "make revision files of another tool's migrations",
    .help = "A SOURCE is the folder of the migrations, after sqlite= or postgresql= when they are "
            "for that dialect only. The histories of two dialects become one catalog: scripts of "
            "one version become one revision, equal scripts one section. DIR gets a file a "
            "revision, each following the one before; nothing in it is overwritten.\n\n"
            "diesel: 2018-01-14-171611_create_tables/up.sql and down.sql; metadata.toml is "
            "heeded.\n\n"
            "updown: V0001.Name.up.sql, V0001.Name.down.sql, or 0001_name.up.sql.\n\n"
            "Lines that the server will probably refuse are listed; the server checks all of it "
            "when the folder is pushed.",
    .example = "migctl import --from diesel sqlite=migrations/sqlite "
               "postgresql=migrations/postgresql catalog",
    .local = true,
    .run = run_import,
};
