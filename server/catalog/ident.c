/* Identifiers: from what a user types to revisions, with Alembic's rules. Pure.
 *
 * One parser cuts the text into its parts. Resolving goes the same way for every form: the branch
 * before @ gives a lineage (what it stands on and what stands on it, by parents), the symbol gives
 * revisions of that lineage, the offset walks from the one of them. Where no symbol is written the
 * rows of the ledger take its place. Whoever extends the grammar adds a row to `symbols`.
 */
#include "server/catalog/ident.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "proto/base/buf.h"
#include "server/catalog/names.h"

enum { SHORTEST_COMPLETED = 4, TEXT_MAX = 200, SHOWN = 5, DIGITS_MAX = 6 };

struct resolver {
  const struct catalog *c;
  const char *text; /* as typed */
  struct ident id;
  enum ident_use use;
  const struct revision_set *current; /* NULL: not known */
  const unsigned char *lineage;       /* of the branch, by revision; NULL: there is none */
  bool clamp;                         /* a walk that goes too far stays at the end */
  struct arena *arena;
  struct ident_answer *out;
};

/* ---- the text ---- */

static int malformed(const char *text, struct err *e) {
  err_set(e, ERR_INPUT, "'%.100s' names no revision", text);
  return err_hint(e, "write an id, a label, the first characters of one, head, heads, base, +2, "
                     "-1, ID+1, LABEL@head or LABEL@-1");
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
  if (strnlen(text, TEXT_MAX + 1) > TEXT_MAX)
    return malformed(text, e);
  const char *at = strchr(text, '@'), *rest = at ? at + 1 : text;
  size_t len = strcspn(rest, "+-");
  struct ident id = {.branch = text,
                     .branch_len = at ? (size_t)(at - text) : 0,
                     .symbol = rest,
                     .symbol_len = len};
  if (strchr(text, ':')) {
    err_set(e, ERR_INPUT, "'%s' is a range; one revision is asked for here", text);
    return -1;
  }
  if ((at && !revision_id_valid(text, id.branch_len)) || rest[0] == '\0' ||
      (len > 0 && !revision_id_valid(rest, len)) ||
      (rest[len] != '\0' && parse_offset(rest + len, &id.offset)))
    return malformed(text, e);
  *out = id;
  return 0;
}

bool ident_is_relative(const char *text) {
  struct ident id;
  struct err ignored;
  return ident_parse(text, &id, &ignored) == 0 && id.symbol_len == 0;
}

/* ---- sets ---- */

static struct revision_set one(struct arena *arena, long revision) {
  struct revision_set s = {0};
  if (revision == IDENT_NONE)
    return s;
  s = (struct revision_set){.items = ARENA_NEW(arena, unsigned), .count = 1};
  s.items[0] = (unsigned)revision;
  return s;
}

/* Those of a set that are of the lineage. */
static struct revision_set within(const struct resolver *r, const struct revision_set *set) {
  struct revision_set s = {.items = ARENA_ARRAY(r->arena, unsigned, set->count)};
  for (size_t i = 0; i < set->count; i++)
    if (!r->lineage || r->lineage[set->items[i]])
      s.items[s.count++] = set->items[i];
  return s;
}

static struct revision_set marked(const struct resolver *r, const unsigned char *marks) {
  struct revision_set s = {.items = ARENA_ARRAY(r->arena, unsigned, r->c->count)};
  for (size_t i = 0; i < r->c->count; i++)
    if (marks[i] && (!r->lineage || r->lineage[i]))
      s.items[s.count++] = (unsigned)i;
  return s;
}

static void list_ids(const struct catalog *c, const struct revision_set *s, struct buf *out) {
  for (size_t i = 0; i < s->count && i < SHOWN; i++)
    buf_addf(out, "%s%s", i ? ", " : "", c->revisions[s->items[i]].id);
  if (s->count > SHOWN)
    buf_addf(out, " and %zu more", s->count - SHOWN);
}

/* ---- names ---- */

static int not_found(const struct resolver *r, const char *name, size_t len, struct err *e) {
  char text[REVISION_ID_MAX + 1];
  memcpy(text, name, len);
  text[len] = '\0';
  const char *near = names_nearest(r->c->ids, text);
  if (r->lineage)
    err_set(e, ERR_NOT_FOUND, "no revision '%s' in the branch of '%.*s'", text,
            (int)r->id.branch_len, r->id.branch);
  else
    err_set(e, ERR_NOT_FOUND, "no revision '%s' in the catalog", text);
  if (near)
    return err_hint(e, "did you mean %s?", near);
  return err_hint(e, "`migctl history` lists the revisions");
}

static int several_names(const char *name, size_t len, const struct name *const *names,
                         size_t count, struct err *e) {
  struct buf text BUF_SCOPED = BUF_INIT;
  for (size_t i = 0; i < count && i < SHOWN; i++)
    buf_addf(&text, "%s%s", i ? ", " : "", names[i]->text);
  if (count > SHOWN)
    buf_addf(&text, " and %zu more", count - SHOWN);
  err_set(e, ERR_INPUT, "'%.*s' is ambiguous: it begins %s", (int)len, name, buf_str(&text));
  return err_hint(e, "write more of it");
}

/* The names that the text begins, of the lineage: one revision, or none (IDENT_NONE), or several,
 * which is an error. Short names are never completed. */
static int complete_name(const struct resolver *r, const char *name, size_t len, long *out,
                         struct err *e) {
  const struct name *shown[SHOWN];
  size_t count = 0, kept = 0;
  const struct name *n = names_prefix(r->c->ids, name, len, &count);
  bool several = false;
  *out = IDENT_NONE;
  for (size_t i = 0; i < count; i++) {
    if (strlen(n[i].text) < SHORTEST_COMPLETED || (r->lineage && !r->lineage[n[i].revision]))
      continue;
    if (kept < SHOWN)
      shown[kept] = &n[i];
    kept++;
    several |= *out != IDENT_NONE && *out != (long)n[i].revision;
    *out = n[i].revision;
  }
  return several ? several_names(name, len, shown, kept, e) : 0;
}

static int find_name(const struct resolver *r, const char *name, size_t len, long *out,
                     struct err *e) {
  const struct name *exact = names_find(r->c->ids, name, len);
  *out = exact ? (long)exact->revision : IDENT_NONE;
  if (!exact && complete_name(r, name, len, out, e))
    return -1;
  return *out == IDENT_NONE ? not_found(r, name, len, e) : 0;
}

/* ---- the branch ---- */

static int find_branch(struct resolver *r, struct err *e) {
  r->out->branch = IDENT_NONE;
  if (r->id.branch_len == 0)
    return 0;
  if (find_name(r, r->id.branch, r->id.branch_len, &r->out->branch, e))
    return -1;
  struct revision_set from = one(r->arena, r->out->branch);
  unsigned char *marks = arena_alloc(r->arena, r->c->count);
  catalog_mark_ancestors(r->c, &from, false, marks);
  catalog_mark_descendants(r->c, &from, false, marks);
  r->lineage = marks;
  return 0;
}

static int not_of_branch(const struct resolver *r, long revision, struct err *e) {
  err_set(e, ERR_INPUT, "'%s': %s is not of the branch of '%.*s'", r->text,
          r->c->revisions[revision].id, (int)r->id.branch_len, r->id.branch);
  return err_hint(e, "a branch is what its revision stands on and what stands on it");
}

/* ---- symbols ---- */

static int symbol_base(const struct resolver *r, struct revision_set *out, struct err *e) {
  (void)r;
  (void)e;
  *out = (struct revision_set){0};
  return 0;
}

/* All heads; without a branch those that another depends on are reached by that one. */
static int symbol_heads(const struct resolver *r, struct revision_set *out, struct err *e) {
  (void)e;
  *out = within(r, r->lineage ? &r->c->heads : &r->c->ends);
  return 0;
}

static int several_heads(const struct resolver *r, const struct revision_set *heads,
                         struct err *e) {
  struct buf ids BUF_SCOPED = BUF_INIT;
  list_ids(r->c, heads, &ids);
  err_set(e, ERR_INPUT, "'%s' is ambiguous: there are %zu heads: %s", r->text, heads->count,
          buf_str(&ids));
  if (r->lineage)
    return err_hint(e, "name one of them, or `%.*s@heads` for all", (int)r->id.branch_len,
                    r->id.branch);
  return err_hint(e, "name one of them, `LABEL@head`, or `heads` for all");
}

static int symbol_head(const struct resolver *r, struct revision_set *out, struct err *e) {
  *out = within(r, &r->c->heads);
  return out->count == 1 ? 0 : several_heads(r, out, e);
}

static int symbol_current(const struct resolver *r, struct revision_set *out, struct err *e) {
  if (r->current) {
    *out = within(r, r->current);
    return 0;
  }
  err_set(e, ERR_INPUT, "'%s': what is current is known of a target only", r->text);
  return err_hint(e, "name one: -t TARGET");
}

/* The words that are no names; no revision may be called so. */
static const struct symbol {
  const char *word;
  int (*find)(const struct resolver *r, struct revision_set *out, struct err *e);
  bool show_only;
} symbols[] = {
    {"base", symbol_base, false},
    {"head", symbol_head, false},
    {"heads", symbol_heads, false},
    {"current", symbol_current, true},
};

static bool symbol_is(const struct resolver *r, const char *word) {
  return r->id.symbol_len == strlen(word) && memcmp(r->id.symbol, word, r->id.symbol_len) == 0;
}

static int find_symbol(const struct resolver *r, struct revision_set *out, struct err *e) {
  long revision;
  for (size_t i = 0; i < sizeof symbols / sizeof *symbols; i++)
    if (symbol_is(r, symbols[i].word) && (r->use == IDENT_SHOW || !symbols[i].show_only))
      return symbols[i].find(r, out, e);
  if (find_name(r, r->id.symbol, r->id.symbol_len, &revision, e))
    return -1;
  if (r->lineage && !r->lineage[revision])
    return not_of_branch(r, revision, e);
  *out = one(r->arena, revision);
  return 0;
}

/* ---- counting ---- */

static int ambiguous_walk(const struct resolver *r, long at, const struct revision_set *ways,
                          struct err *e) {
  struct buf ids BUF_SCOPED = BUF_INIT;
  list_ids(r->c, ways, &ids);
  err_set(e, ERR_INPUT, "'%s' is ambiguous: %s %s %s", r->text,
          at == IDENT_NONE ? "base" : r->c->revisions[at].id,
          r->id.offset < 0 ? "stands on" : "is followed by", buf_str(&ids));
  return err_hint(e, "name the revision by its id");
}

/* Up, a branch tells which way; down, the way is the revision's own. */
static struct revision_set ways_from(const struct resolver *r, long at) {
  static const struct revision_set none = {0};
  if (r->id.offset < 0)
    return at == IDENT_NONE ? none : r->c->nodes[at].parents;
  return within(r, at == IDENT_NONE ? &r->c->bases : &r->c->nodes[at].children);
}

static int walk(const struct resolver *r, long at, long *out, struct err *e) {
  long wanted = r->id.offset < 0 ? -r->id.offset : r->id.offset;
  for (long i = 0; i < wanted; i++) {
    struct revision_set ways = ways_from(r, at);
    if (ways.count > 1)
      return ambiguous_walk(r, at, &ways, e);
    bool over = ways.count == 0 && (r->id.offset > 0 || at == IDENT_NONE);
    if (over && r->clamp)
      break;
    if (over) {
      err_set(e, ERR_INPUT, "'%s' goes too far: there %s %ld revision%s that way", r->text,
              i == 1 ? "is only" : "are only", i, i == 1 ? "" : "s");
      return -1;
    }
    at = ways.count ? (long)ways.items[0] : IDENT_NONE;
  }
  *out = at;
  return 0;
}

/* The revisions of a set that no other one of it stands on. */
static void keep_tips(const struct resolver *r, unsigned char *marks, bool dependencies) {
  unsigned char *below = arena_alloc(r->arena, r->c->count);
  for (size_t i = 0; i < r->c->count; i++) {
    const struct node *n = &r->c->nodes[i];
    for (size_t k = 0; marks[i] && k < n->parents.count; k++)
      below[n->parents.items[k]] = 1;
    for (size_t k = 0; dependencies && marks[i] && k < n->depends_on.count; k++)
      below[n->depends_on.items[k]] = 1;
  }
  for (size_t i = 0; i < r->c->count; i++)
    marks[i] &= !below[i];
}

/* Where a count begins: the rows, of the branch where one is named. A branch without a row of its
 * own may be applied as far as other rows stand on it. */
static struct revision_set starts(const struct resolver *r) {
  struct revision_set rows = within(r, r->current);
  if (rows.count || !r->lineage)
    return rows;
  unsigned char *applied = arena_alloc(r->arena, r->c->count);
  catalog_mark_ancestors(r->c, r->current, true, applied);
  if (r->id.offset > 0)
    for (size_t i = 0; i < r->c->count; i++)
      applied[i] &= r->lineage[i];
  keep_tips(r, applied, r->id.offset > 0);
  return marked(r, applied);
}

static int wrong_way(const struct resolver *r, struct err *e) {
  err_set(e, ERR_INPUT, "'%s' counts from what is applied, %s", r->text,
          r->use == IDENT_UPGRADE     ? "downwards: an upgrade goes up"
          : r->use == IDENT_DOWNGRADE ? "upwards: a downgrade goes down"
                                      : "which has no meaning here");
  return err_hint(e, "name a revision, or count from one: ID%+ld", r->id.offset);
}

static int several_starts(const struct resolver *r, const struct revision_set *set, struct err *e) {
  struct buf ids BUF_SCOPED = BUF_INIT;
  list_ids(r->c, set, &ids);
  err_set(e, ERR_INPUT, "'%s' is ambiguous: %zu revisions are %s: %s", r->text, set->count,
          r->use == IDENT_SHOW ? "there to count from" : "current", buf_str(&ids));
  return err_hint(e, "count from one of them: ID%+ld", r->id.offset);
}

static int start_from_rows(const struct resolver *r, long *from, struct err *e) {
  bool allowed = r->use == IDENT_SHOW        ? r->current != NULL
                 : r->use == IDENT_UPGRADE   ? r->id.offset > 0
                 : r->use == IDENT_DOWNGRADE ? r->id.offset < 0
                                             : false;
  if (!allowed)
    return wrong_way(r, e);
  struct revision_set set = starts(r);
  if (set.count > 1)
    return several_starts(r, &set, e);
  if (set.count == 0 && r->lineage && r->id.offset < 0)
    return err_set(e, ERR_REFUSED, "'%s': nothing of the branch of '%.*s' is applied", r->text,
                   (int)r->id.branch_len, r->id.branch);
  *from = set.count ? (long)set.items[0] : IDENT_NONE;
  r->out->counted = true;
  r->out->start = *from;
  return 0;
}

static int start_from_symbol(const struct resolver *r, long *from, struct err *e) {
  struct revision_set s = {0};
  if (find_symbol(r, &s, e))
    return -1;
  if (s.count > 1)
    return symbol_is(r, "current") ? several_starts(r, &s, e) : several_heads(r, &s, e);
  *from = s.count ? (long)s.items[0] : IDENT_NONE;
  return 0;
}

static int resolve(struct resolver *r, struct err *e) {
  long from = IDENT_NONE;
  if (find_branch(r, e))
    return -1;
  if (r->id.offset == 0)
    return find_symbol(r, &r->out->found, e);
  if ((r->id.symbol_len == 0 ? start_from_rows(r, &from, e) : start_from_symbol(r, &from, e)) ||
      walk(r, from, &from, e))
    return -1;
  r->out->found = one(r->arena, from);
  return 0;
}

int ident_answer(const struct catalog *c, const char *text, enum ident_use use,
                 const struct revision_set *current, struct arena *arena, struct ident_answer *out,
                 struct err *e) {
  static const struct revision_set none = {0};
  struct ident_answer answer = {.branch = IDENT_NONE, .start = IDENT_NONE};
  struct resolver r = {
      .c = c, .text = text, .use = use, .current = current, .arena = arena, .out = &answer};
  if (!current && use != IDENT_SHOW)
    r.current = &none;
  if (ident_parse(text, &r.id, e) || resolve(&r, e))
    return -1;
  *out = answer;
  return 0;
}

int ident_resolve(const struct catalog *c, const char *text, enum ident_use use,
                  const struct revision_set *current, struct arena *arena, struct revision_set *out,
                  struct err *e) {
  struct ident_answer answer;
  if (ident_answer(c, text, use, current, arena, &answer, e))
    return -1;
  *out = answer.found;
  return 0;
}

/* ---- ranges ---- */

struct range {
  const struct catalog *c;
  const char *low, *high; /* the ends as identifiers */
  const struct revision_set *current;
  struct arena *arena;
  struct ident_answer at_low, at_high;
};

static int resolve_end(const struct range *g, const char *text, const struct revision_set *from,
                       struct ident_answer *out, struct err *e) {
  *out = (struct ident_answer){.branch = IDENT_NONE, .start = IDENT_NONE};
  struct resolver r = {.c = g->c,
                       .text = text,
                       .use = IDENT_SHOW,
                       .current = from,
                       .clamp = true,
                       .arena = g->arena,
                       .out = out};
  return ident_parse(text, &r.id, e) || resolve(&r, e) ? -1 : 0;
}

/* `label@x:` shows what of the other end belongs to the branch. */
static void narrow(const struct range *g, struct revision_set *high) {
  if (g->at_low.branch == IDENT_NONE)
    return;
  struct revision_set branch = one(g->arena, g->at_low.branch);
  unsigned char *lineage = arena_alloc(g->arena, g->c->count);
  catalog_mark_ancestors(g->c, &branch, false, lineage);
  catalog_mark_descendants(g->c, &branch, false, lineage);
  size_t kept = 0;
  struct revision_set all = *high;
  high->items = ARENA_ARRAY(g->arena, unsigned, all.count);
  for (size_t i = 0; i < all.count; i++)
    if (lineage[all.items[i]])
      high->items[kept++] = all.items[i];
  high->count = kept;
}

static bool counts(const char *end, char sign) {
  const char *at = strchr(end, '@');
  return ident_is_relative(end) && (at ? at[1] : end[0]) == sign;
}

static int resolve_ends(struct range *g, struct err *e) {
  bool from_high = counts(g->low, '-') && !ident_is_relative(g->high);
  bool from_low = !from_high && counts(g->high, '+') && !ident_is_relative(g->low);
  if (from_high)
    return resolve_end(g, g->high, g->current, &g->at_high, e) ||
                   resolve_end(g, g->low, &g->at_high.found, &g->at_low, e)
               ? -1
               : 0;
  return resolve_end(g, g->low, g->current, &g->at_low, e) ||
                 resolve_end(g, g->high, from_low ? &g->at_low.found : g->current, &g->at_high, e)
             ? -1
             : 0;
}

int ident_range_ends(const struct catalog *c, const char *text, const struct revision_set *current,
                     struct arena *arena, struct ident_ends *out, struct err *e) {
  const char *colon = strchr(text, ':');
  if (!colon || strchr(colon + 1, ':')) {
    err_set(e, ERR_INPUT, "'%.100s' is no range", text);
    return err_hint(e, "write FROM:TO, FROM: or :TO");
  }
  struct range g = {.c = c,
                    .low =
                        colon > text ? arena_strndup(arena, text, (size_t)(colon - text)) : "base",
                    .current = current,
                    .arena = arena};
  const char *at = strchr(g.low, '@');
  g.high = colon[1] ? colon + 1
           : at     ? arena_printf(arena, "%.*s@heads", (int)(at - g.low), g.low)
                    : "heads";
  if (resolve_ends(&g, e))
    return -1;
  *out = (struct ident_ends){.low = g.at_low.found, .high = g.at_high.found};
  narrow(&g, &out->high);
  return 0;
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

int ident_range(const struct catalog *c, const char *text, const struct revision_set *current,
                struct arena *arena, struct revision_set *out, struct err *e) {
  struct ident_ends ends;
  if (ident_range_ends(c, text, current, arena, &ends, e))
    return -1;
  unsigned char *below = arena_alloc(arena, c->count);
  catalog_mark_ancestors(c, &ends.high, true, below);
  if (!all_marked(&ends.low, below)) {
    err_set(e, ERR_INPUT, "'%.100s': the first revision does not stand below the second", text);
    return err_hint(e, "the older one comes first, and both are of one branch");
  }
  collect_between(c, &ends.low, below, arena, out);
  return 0;
}
