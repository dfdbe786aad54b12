/* See variables.h. */
#include "client/variables.h"

#include <string.h>

#include "client/password.h"
#include "client/words.h"

enum { VALUE_MOST = 4096 };

bool variables_given(const struct session *s) {
  return session_flag(s, "var") || session_flag(s, "secret-var") || session_flag(s, "remove-var");
}

/* NAME=REST; NULL where it is not. */
static Migd__V1__Variable *read_one(struct session *s, const char *option, size_t i,
                                    struct err *e) {
  const char *text = options_nth(&s->options, option, i), *equals = strchr(text, '=');
  if (!equals || equals == text) {
    session_usage(s, e, "--%s is NAME=%s, not `%s`", option,
                  strcmp(option, "var") == 0 ? "VALUE" : "FILE", text);
    return NULL;
  }
  Migd__V1__Variable *v = ARENA_NEW(&s->arena, Migd__V1__Variable);
  migd__v1__variable__init(v);
  v->name = arena_strndup(&s->arena, text, (size_t)(equals - text));
  v->value = arena_strdup(&s->arena, equals + 1);
  return v;
}

static int read_secret(struct session *s, Migd__V1__Variable *v, struct err *e) {
  const struct secret_kind kind = {.what = "value", .prompt = v->name, .most = VALUE_MOST};
  v->secret = true;
  v->value = secret_read(s, v->value, &kind, e);
  return v->value ? 0 : -1;
}

Migd__V1__Variable **variables_read(struct session *s, size_t *count, struct err *e) {
  size_t plain = options_count(&s->options, "var");
  size_t all = plain + options_count(&s->options, "secret-var");
  Migd__V1__Variable **out = ARENA_ARRAY(&s->arena, Migd__V1__Variable *, all + 1);
  for (size_t i = 0; i < all; i++) {
    bool secret = i >= plain;
    out[i] = read_one(s, secret ? "secret-var" : "var", secret ? i - plain : i, e);
    if (!out[i] || (secret && read_secret(s, out[i], e) != 0))
      return NULL;
  }
  *count = all;
  return out;
}

char **variables_removed(struct session *s, size_t *count) {
  *count = options_count(&s->options, "remove-var");
  char **names = ARENA_ARRAY(&s->arena, char *, *count + 1);
  for (size_t i = 0; i < *count; i++)
    names[i] = arena_strdup(&s->arena, options_nth(&s->options, "remove-var", i));
  return names;
}

void variables_print(struct session *s, struct buf *out, Migd__V1__Variable *const *items,
                     size_t count) {
  for (size_t i = 0; i < count; i++)
    words_field(out, i ? "" : "variables",
                arena_printf(&s->arena, "%s=%s", items[i]->name,
                             items[i]->secret ? "(secret)" : items[i]->value));
}
