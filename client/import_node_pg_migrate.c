/* node-pg-migrate's SQL: `1706700000000_create-users.sql` with `-- Up Migration` and
 * `-- Down Migration`, or one a direction with `.up.sql` and `.down.sql`. They run in the order of
 * their numbers, of which 17 digits are a date and others milliseconds.
 */
#include "client/import_text.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

static const struct import_pattern pattern = {
    .version = "0123456789", .separators = "_-", .separator = 0, .nameless = true};

static unsigned number(const char *s, size_t len) {
  unsigned n = 0;
  for (size_t i = 0; i < len; i++)
    n = n * 10 + (unsigned)(s[i] - '0');
  return n;
}

/* What node-pg-migrate compares. */
static const char *order_of(struct import *im, const char *version) {
  if (strlen(version) != 17)
    return version;
  struct tm tm = {.tm_year = (int)number(version, 4) - 1900,
                  .tm_mon = (int)number(version + 4, 2) - 1,
                  .tm_mday = (int)number(version + 6, 2),
                  .tm_hour = (int)number(version + 8, 2),
                  .tm_min = (int)number(version + 10, 2),
                  .tm_sec = (int)number(version + 12, 2)};
  long long ms = (long long)timegm(&tm) * 1000 + number(version + 14, 3);
  return ms < 0 ? version : arena_printf(im->arena, "%lld", ms);
}

/* Where the marker's line begins: the first comment `Up Migration`, or `Down Migration`. */
static const char *find_marker(const struct import_text *text, const char *direction) {
  struct import_line line = {0};
  while (import_next(text, &line)) {
    const char *end = import_line_end(&line), *s = import_comment(&line);
    while (s && s < end && (*s == '-' || *s == ' ' || *s == '\t'))
      s++;
    if (import_after(import_after(s, end, direction), end, "migration"))
      return line.s;
  }
  return NULL;
}

static const char *next_line(const struct import_text *text, const char *s) {
  const char *end = text->s + text->len, *stop = memchr(s, '\n', (size_t)(end - s));
  return stop ? stop + 1 : end;
}

static void read_both(struct import *im, const struct import_text *text,
                      struct import_script script) {
  const char *end = text->s + text->len;
  const char *up = find_marker(text, "up"), *down = find_marker(text, "down");
  import_slice(&script, text, up ? next_line(text, up) : text->s,
               down && (!up || down > up) ? down : end);
  import_add(im, script);
  if (!down)
    return;
  script.down = true;
  import_slice(&script, text, next_line(text, down), up && up > down ? up : end);
  import_add(im, script);
}

static void take(struct import *im, unsigned source, const char *path, const char *name) {
  struct import_text text;
  struct import_name parsed;
  if (!import_parse(im, &pattern, name, &parsed)) {
    import_other(im, &pattern, path, name);
    return;
  }
  struct import_script script = import_script_of(im, source, &parsed);
  script.order = order_of(im, parsed.version);
  if (!import_load(im, path, &text))
    return;
  if (parsed.part == IMPORT_WHOLE)
    read_both(im, &text, script);
  else
    import_add_whole(im, script, &text);
}

static int read_node_pg_migrate(struct import *im, unsigned source, struct err *e) {
  return import_each(im, source, false, take, e);
}

const struct importer import_node_pg_migrate = {
    .name = "node-pg-migrate",
    .looks = "1706700000000_create-users.sql with -- Up Migration and -- Down Migration",
    .carries = "files in JavaScript and TypeScript are left out",
    .read = read_node_pg_migrate,
    .order = IMPORT_SORTED,
    .compare = import_by_number,
};
