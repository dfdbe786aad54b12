/* Identifiers: from what a user types to revisions, with Alembic's rules. Pure.
 *
 * One parser cuts the text into its parts, one function finds the symbol, one walks the offset;
 * whoever extends the grammar adds a part.
 */
#include "server/catalog/ident.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "proto/base/buf.h"
#include "server/catalog/names.h"

enum { PREFIX_MIN = 4, TEXT_MAX = 200, SHOWN = 5, DIGITS_MAX = 6 };

/* Where a walk stands: a revision, or below the first ones. */
#define BELOW_BASES (-1L)

static int malformed(const char *text, struct err *e) {
  err_set(e, ERR_INPUT, "'%.100s' names no revision", text);
  return err_hint(e, "write an id, the first characters of one, head, heads, base, +2, -1, ID+1 "
                     "or ID-1");
}

static int parse_offset(const char *s, long *out) {
  long n = 0;
  size_t digits = 0;
  for (const char *p = s + 1; isdigit((unsigned char)*p); p++, digits++)
    n = digits < DIGITS_MAX ? n * 10 + (*p - '0') : n;
  if (digits == 0 || digits > DIGITS_MAX || s[1 + digits] != '\0' || n == 0)
    return -1;
  *out = *s == '-' ? -n : n;
  return 0;
}

int ident_parse(const char *text, struct ident *out, struct err *e) {
  size_t len = strcspn(text, "+-");
  struct ident id = {.symbol = text, .symbol_len = len};
  if (strlen(text) > TEXT_MAX)
    return malformed(text, e);
  if (strchr(text, '@')) {
    err_set(e, ERR_UNIMPLEMENTED, "'%s': identifiers with a branch are not supported", text);
    return err_hint(e, "name the revision by its id");
  }
  if (strchr(text, ':')) {
    err_set(e, ERR_INPUT, "'%s' is a range; one revision is asked for here", text);
    return -1;
  }
  if ((len == 0 && text[len] == '\0') || (len > 0 && !revision_id_valid(text, len)) ||
      (text[len] != '\0' && parse_offset(text + len, &id.offset)))
    return malformed(text, e);
  *out = id;
  return 0;
}

/* ---- symbols ---- */

static void list_ids(const struct catalog *c, const struct revision_set *s, struct buf *out) {
  for (size_t i = 0; i < s->count && i < SHOWN; i++)
    buf_addf(out, "%s%s", i ? ", " : "", c->revisions[s->items[i]].id);
  if (s->count > SHOWN)
    buf_addf(out, " and %zu more", s->count - SHOWN);
}

static bool symbol_is(const struct ident *id, const char *word) {
  return id->symbol_len == strlen(word) && memcmp(id->symbol, word, id->symbol_len) == 0;
}

static struct revision_set one(struct arena *arena, unsigned revision) {
  struct revision_set s = {.items = ARENA_NEW(arena, unsigned), .count = 1};
  s.items[0] = revision;
  return s;
}

static struct revision_set copy(struct arena *arena, const struct revision_set *from) {
  struct revision_set s = {.items = ARENA_ARRAY(arena, unsigned, from->count), from->count};
  if (from->count)
    memcpy(s.items, from->items, from->count * sizeof *s.items);
  return s;
}

static int several_heads(const struct catalog *c, const char *text, struct err *e) {
  struct buf ids BUF_SCOPED = BUF_INIT;
  list_ids(c, &c->heads, &ids);
  err_set(e, ERR_INPUT, "'%s' is ambiguous: there are %zu heads: %s", text, c->heads.count,
          buf_str(&ids));
  return err_hint(e, "name one of them, or `heads` for all");
}

static int not_found(const struct catalog *c, const struct ident *id, struct err *e) {
  char text[REVISION_ID_MAX + 1];
  memcpy(text, id->symbol, id->symbol_len);
  text[id->symbol_len] = '\0';
  const char *near = names_nearest(c->ids, text);
  err_set(e, ERR_NOT_FOUND, "no revision '%s' in the catalog", text);
  if (near)
    return err_hint(e, "did you mean %s?", near);
  if (id->symbol_len < PREFIX_MIN)
    return err_hint(e, "the first characters of an id must be %d at least", PREFIX_MIN);
  return err_hint(e, "`migctl history` lists the revisions");
}

static int several_names(const struct ident *id, const struct name *names, size_t count,
                         struct err *e) {
  struct buf text BUF_SCOPED = BUF_INIT;
  for (size_t i = 0; i < count && i < SHOWN; i++)
    buf_addf(&text, "%s%s", i ? ", " : "", names[i].text);
  if (count > SHOWN)
    buf_addf(&text, " and %zu more", count - SHOWN);
  err_set(e, ERR_INPUT, "'%.*s' is ambiguous: it begins %s", (int)id->symbol_len, id->symbol,
          buf_str(&text));
  return err_hint(e, "write more of it");
}

static int find_name(const struct catalog *c, const struct ident *id, struct arena *arena,
                     struct revision_set *out, struct err *e) {
  size_t count = 0;
  const struct name *n = names_find(c->ids, id->symbol, id->symbol_len);
  if (!n && id->symbol_len >= PREFIX_MIN) {
    n = names_prefix(c->ids, id->symbol, id->symbol_len, &count);
    for (size_t i = 1; i < count; i++)
      if (n[i].revision != n[0].revision)
        return several_names(id, n, count, e);
    if (count == 0)
      n = NULL;
  }
  if (!n)
    return not_found(c, id, e);
  *out = one(arena, n->revision);
  return 0;
}

static int find_symbol(const struct catalog *c, const struct ident *id, const char *text,
                       struct arena *arena, struct revision_set *out, struct err *e) {
  if (symbol_is(id, "base")) {
    *out = (struct revision_set){0};
    return 0;
  }
  if (symbol_is(id, "heads")) {
    *out = copy(arena, &c->heads);
    return 0;
  }
  if (!symbol_is(id, "head"))
    return find_name(c, id, arena, out, e);
  if (c->heads.count != 1)
    return several_heads(c, text, e);
  *out = one(arena, c->heads.items[0]);
  return 0;
}

/* ---- offsets ---- */

static int ambiguous_walk(const struct catalog *c, const char *text, long at,
                          const struct revision_set *ways, struct err *e) {
  struct buf ids BUF_SCOPED = BUF_INIT;
  list_ids(c, ways, &ids);
  err_set(e, ERR_INPUT, "'%s' is ambiguous: %s %s %s", text,
          at == BELOW_BASES ? "base" : c->revisions[at].id,
          at != BELOW_BASES && ways == &c->nodes[at].parents ? "stands on" : "is followed by",
          buf_str(&ids));
  return err_hint(e, "name the revision by its id");
}

static int walk(const struct catalog *c, const char *text, long from, long offset,
                struct arena *arena, struct revision_set *out, struct err *e) {
  static const struct revision_set none = {0};
  long at = from, wanted = offset < 0 ? -offset : offset;
  for (long i = 0; i < wanted; i++) {
    const struct revision_set *ways;
    if (offset > 0)
      ways = at == BELOW_BASES ? &c->bases : &c->nodes[at].children;
    else
      ways = at == BELOW_BASES ? &none : &c->nodes[at].parents;
    if (ways->count > 1)
      return ambiguous_walk(c, text, at, ways, e);
    if (ways->count == 0 && (offset > 0 || at == BELOW_BASES)) {
      err_set(e, ERR_INPUT, "'%s' goes too far: there %s %ld revision%s that way", text,
              i == 1 ? "is only" : "are only", i, i == 1 ? "" : "s");
      return -1;
    }
    at = ways->count ? (long)ways->items[0] : BELOW_BASES;
  }
  *out = at == BELOW_BASES ? (struct revision_set){0} : one(arena, (unsigned)at);
  return 0;
}

/* `+n` and `-n` alone: from the current rows, up for an upgrade, down for a downgrade. */
static int start_from_rows(const struct catalog *c, const char *text, long offset,
                           enum ident_use use, const struct revision_set *current, long *from,
                           struct err *e) {
  if (use != (offset > 0 ? IDENT_UPGRADE : IDENT_DOWNGRADE)) {
    err_set(e, ERR_INPUT, "'%s' counts from what is applied, %s", text,
            use == IDENT_UPGRADE     ? "downwards: an upgrade goes up"
            : use == IDENT_DOWNGRADE ? "upwards: a downgrade goes down"
                                     : "which has no meaning here");
    return err_hint(e, "name a revision, or count from one: ID%s", text);
  }
  if (current->count > 1) {
    struct buf ids BUF_SCOPED = BUF_INIT;
    list_ids(c, current, &ids);
    err_set(e, ERR_INPUT, "'%s' is ambiguous: %zu revisions are current: %s", text, current->count,
            buf_str(&ids));
    return err_hint(e, "count from one of them: ID%s", text);
  }
  *from = current->count ? (long)current->items[0] : BELOW_BASES;
  return 0;
}

static int start_from_symbol(const struct catalog *c, const struct ident *id, const char *text,
                             struct arena *arena, long *from, struct err *e) {
  struct revision_set s = {0};
  if (symbol_is(id, "heads") && c->heads.count != 1)
    return several_heads(c, text, e);
  if (find_symbol(c, id, text, arena, &s, e))
    return -1;
  *from = s.count ? (long)s.items[0] : BELOW_BASES;
  return 0;
}

int ident_resolve(const struct catalog *c, const char *text, enum ident_use use,
                  const struct revision_set *current, struct arena *arena, struct revision_set *out,
                  struct err *e) {
  struct ident id = {0};
  long from = BELOW_BASES;
  if (ident_parse(text, &id, e))
    return -1;
  if (id.offset == 0)
    return find_symbol(c, &id, text, arena, out, e);
  if (id.symbol_len == 0 ? start_from_rows(c, text, id.offset, use, current, &from, e)
                         : start_from_symbol(c, &id, text, arena, &from, e))
    return -1;
  return walk(c, text, from, id.offset, arena, out, e);
}

/* ---- ranges ---- */

static int resolve_end(const struct catalog *c, const char *text, size_t len, const char *otherwise,
                       struct arena *arena, struct revision_set *out, struct err *e) {
  const char *end = len ? arena_strndup(arena, text, len) : otherwise;
  static const struct revision_set none = {0};
  return ident_resolve(c, end, IDENT_SHOW, &none, arena, out, e);
}

/* Whether each of `low` is `high` or below it. */
static bool all_marked(const struct revision_set *low, const unsigned char *marks) {
  for (size_t i = 0; i < low->count; i++)
    if (!marks[low->items[i]])
      return false;
  return true;
}

/* From all below `high`, those above `low`, and `low` itself; all where `low` is base. */
static void collect_between(const struct catalog *c, const struct revision_set *low,
                            const unsigned char *below, struct arena *arena,
                            struct revision_set *out) {
  unsigned char *above = arena_alloc(arena, c->count);
  catalog_mark_descendants(c, low->count ? low : &c->bases, false, above);
  *out = (struct revision_set){.items = ARENA_ARRAY(arena, unsigned, c->count)};
  for (size_t i = c->count; i-- > 0;)
    if (below[i] && above[i])
      out->items[out->count++] = (unsigned)i;
}

int ident_range(const struct catalog *c, const char *text, struct arena *arena,
                struct revision_set *out, struct err *e) {
  const char *colon = strchr(text, ':');
  struct revision_set low = {0}, high = {0};
  if (!colon || strchr(colon + 1, ':')) {
    err_set(e, ERR_INPUT, "'%.100s' is no range", text);
    return err_hint(e, "write FROM:TO, FROM: or :TO");
  }
  if (resolve_end(c, text, (size_t)(colon - text), "base", arena, &low, e) ||
      resolve_end(c, colon + 1, strlen(colon + 1), "heads", arena, &high, e))
    return -1;
  unsigned char *below = arena_alloc(arena, c->count);
  catalog_mark_ancestors(c, &high, true, below);
  if (!all_marked(&low, below)) {
    err_set(e, ERR_INPUT, "'%.100s': the first revision does not stand below the second", text);
    return err_hint(e, "the older one comes first");
  }
  collect_between(c, &low, below, arena, out);
  return 0;
}
