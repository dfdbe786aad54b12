/* `migctl import`: the migrations of another tool become a catalog's folder. Local: asks no server.
 */
#include <string.h>

#include "client/command.h"
#include "client/import.h"
#include "client/session.h"

enum { SHOWN = 50 };

/* `sqlite=PATH`, `postgresql=PATH`, or a path for both. */
static struct import_source parse_source(const char *text) {
  for (int d = IMPORT_SQLITE; d < IMPORT_DIALECTS; d++) {
    size_t len = strlen(import_dialect_names[d]);
    if (strncmp(text, import_dialect_names[d], len) == 0 && text[len] == '=')
      return (struct import_source){(enum import_dialect)d, text + len + 1};
  }
  return (struct import_source){IMPORT_BOTH, text};
}

static int parse_sources(struct session *s, struct import *im, struct err *e) {
  size_t count = s->options.argument_count - 1;
  if (count > IMPORT_SOURCES)
    return session_usage(s, e, "at most %d sources, and then the folder", IMPORT_SOURCES);
  for (size_t i = 0; i < count; i++)
    im->sources[im->source_count++] = parse_source(session_argument(s, i));
  return 0;
}

static void report_problems(const struct session *s, const struct import *im) {
  for (size_t i = 0; i < im->problem_count && i < SHOWN; i++)
    session_report(s, &im->problems[i]);
}

static void report_notes(struct session *s, const struct import *im) {
  for (size_t i = 0; i < im->note_count && i < SHOWN; i++) {
    const struct import_note *n = &im->notes[i];
    struct buf place BUF_SCOPED = BUF_INIT;
    buf_adds(&place, n->path);
    if (n->line)
      buf_addf(&place, ":%u", n->line);
    if (n->column)
      buf_addf(&place, ":%u", n->column);
    say(s, "%s: %s", buf_str(&place), n->text);
  }
  if (im->note_count > SHOWN)
    say(s, "and %zu more like these", im->note_count - SHOWN);
}

static void summarize(struct session *s, const struct import *im, const char *folder) {
  struct buf text BUF_SCOPED = BUF_INIT;
  const size_t *own = im->own;
  buf_addf(&text, "%s in %s", counted(s, im->file_count, "revision", "revisions"), folder);
  if (own[IMPORT_SQLITE] + own[IMPORT_POSTGRESQL])
    buf_addf(&text, ": %zu for both dialects, %zu for sqlite only, %zu for postgresql only",
             own[IMPORT_BOTH], own[IMPORT_SQLITE], own[IMPORT_POSTGRESQL]);
  if (im->without_down)
    buf_addf(&text, "; %zu cannot go down", im->without_down);
  buf_addc(&text, '\n');
  session_print(s, &text);
  if (im->note_count)
    say(s, "%s to look at before the push", counted(s, im->note_count, "place", "places"));
  say(s, "next: migctl catalog push %s -c NAME", folder);
}

static int run_import(struct session *s, struct err *e) {
  struct import im = {.arena = &s->arena, .importer = importer_find(session_text(s, "from"))};
  const char *folder = session_argument(s, s->options.argument_count - 1);
  if (!im.importer)
    return session_usage(s, e,
                         "--from TOOL says whose migrations these are; `migctl help import` "
                         "has the tools");
  if (parse_sources(s, &im, e))
    return -1;
  bool failed = import_make(&im, e) != 0;
  if (failed)
    report_problems(s, &im);
  report_notes(s, &im);
  if (failed)
    return -1;
  if (session_flag(s, "strict") && im.note_count) {
    err_set(e, ERR_REFUSED, "%s not carried as it is: nothing is written (--strict)",
            counted(s, im.note_count, "thing is", "things are"));
    return -1;
  }
  if (import_write(&im, folder, e))
    return -1;
  summarize(s, &im, folder);
  return EXIT_DONE;
}

/* A paragraph a tool. */
static void list_tools(struct buf *out) {
  for (const struct importer *const *i = importers; *i; i++)
    buf_addf(out, "%s%s: %s%s%s.", i == importers ? "" : "\n\n", (*i)->name, (*i)->looks,
             (*i)->carries ? "; " : "", (*i)->carries ? (*i)->carries : "");
}

static const struct option import_options[] = {
    {"from", 0, OPTION_VALUE, "TOOL", "whose migrations the sources are", IMPORTER_NAMES},
    {"strict", 0, OPTION_FLAG, NULL, "write nothing when something cannot be carried as it is",
     NULL},
    {NULL},
};

const struct command cmd_import = {
    .name = "import",
    .group = GROUP_CATALOGS,
    .arguments = "SOURCE... DIR",
    .min_arguments = 2,
    .max_arguments = IMPORT_SOURCES + 1,
    .options = import_options,
    .summary = "make revision files of another tool's migrations",
    .help =
        "A SOURCE is the folder of the migrations, after sqlite= or postgresql= when they are for "
        "that dialect only. The histories of several sources become one catalog: scripts of one "
        "version become one revision, equal scripts one section. DIR gets a file a revision; "
        "nothing in it is overwritten, and after a mistake in a source nothing is written.\n\n"
        "What cannot be carried, such as migrations that are code, and what the server will "
        "probably refuse is listed with its place; with --strict nothing is written then. A BEGIN "
        "and COMMIT around a whole script are taken away: the server begins and commits. A script "
        "of nothing but statements that cannot run in a transaction gets transaction=off. The "
        "server checks all of it when the folder is pushed.\n\n"
        "The revisions' ids are the tool's own versions, without the characters that ids cannot "
        "have; of names (Sqitch, Liquibase, Alembic) each such character becomes _, and one that "
        "is "
        "longer than 64 keeps its first 55, followed by _ and the 32-bit FNV-1a of the whole.",
    .more = list_tools,
    .example = "migctl import --from diesel sqlite=migrations/sqlite "
               "postgresql=migrations/postgresql catalog\n"
               "migctl import --from alembic upgrade.sql downgrade.sql alembic/versions catalog",
    .local = true,
    .run = run_import,
};
