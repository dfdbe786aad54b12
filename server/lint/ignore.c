/* Reads the ignores of a revision. They stand on the lines directly above their statement, among
 * other line comments if need be; an empty line ends that. Linear in the text.
 */
#include "server/lint/ignore.h"

#include <string.h>

#include "server/catalog/text.h"

static const char prefix[] = "-- migd:ignore";
enum { PREFIX = sizeof prefix - 1 };

static bool blank(char c) {
  return c == ' ' || c == '\t';
}

static bool is_comment(const char *s, size_t len) {
  while (len > 0 && blank(*s)) {
    s++;
    len--;
  }
  return len >= 2 && s[0] == '-' && s[1] == '-';
}

static bool is_ignore(const char *s, size_t len) {
  return len >= PREFIX && memcmp(s, prefix, PREFIX) == 0 && (len == PREFIX || blank(s[PREFIX]));
}

/* A copy of a text that is told with every finding: not longer than is of use. */
static const char *shortened(const char *s, size_t len, struct arena *arena) {
  char text[LINT_MESSAGE_MAX];
  err_copy(text, sizeof text, s, len);
  return arena_strdup(arena, text);
}

static struct ignore read(const char *s, size_t len, unsigned line, struct arena *arena) {
  size_t from = PREFIX;
  while (from < len && blank(s[from]))
    from++;
  size_t to = from;
  while (to < len && !blank(s[to]))
    to++;
  size_t reason = to, end = len;
  while (reason < end && blank(s[reason]))
    reason++;
  while (end > reason && blank(s[end - 1]))
    end--;
  return (struct ignore){.line = line,
                         .column = (unsigned)from + 1,
                         .len = (unsigned)(to - from),
                         .name = shortened(s + from, to - from, arena),
                         .rule = to > from ? rule_find(s + from, to - from) : NULL,
                         .reason = shortened(s + reason, end - reason, arena)};
}

/* The ones from `first` on stand above this line. */
static void aim(struct ignores *g, size_t first, unsigned line) {
  for (; first < g->count; first++)
    g->items[first].target = line;
}

void ignores_read(const struct revision *r, struct arena *arena, struct ignores *out) {
  struct ignores g = {0};
  struct text_line line = {0};
  size_t open = 0; /* the first one whose line is not known yet */
  while (text_next_line(r->content, r->content_len, &line)) {
    const char *s = r->content + line.start;
    if (!is_comment(s, line.len)) {
      aim(&g, open, line.number);
      open = g.count;
    } else if (is_ignore(s, line.len)) {
      if (!g.items)
        g.items = ARENA_ARRAY(arena, struct ignore, IGNORES_MAX);
      if (g.count < IGNORES_MAX)
        g.items[g.count++] = read(s, line.len, line.number, arena);
      else
        g.more = true;
    }
  }
  aim(&g, open, line.number + 1);
  *out = g;
}

const char *ignores_reason(struct ignores *g, unsigned line, const struct rule *rule) {
  size_t low = 0, high = g->count;
  while (low < high) {
    size_t mid = low + (high - low) / 2;
    if (g->items[mid].target < line)
      low = mid + 1;
    else
      high = mid;
  }
  for (; low < g->count && g->items[low].target == line; low++) {
    struct ignore *i = &g->items[low];
    if (i->rule == rule && i->reason[0]) {
      i->used = true;
      return i->reason;
    }
  }
  return NULL;
}
