/* See script.h. */
#include "client/script.h"

#include <string.h>

#include "client/variables.h"

#define SERVICE (&migd__v1__runs__descriptor)

/* What asks for a run goes with no script. */
static int check_options(struct session *s, struct err *e) {
  static const char *const others[] = {"dry-run", "detach",       "wait",
                                       "purge",   "lock-timeout", "statement-timeout"};
  for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
    if (options_has(&s->options, others[i]))
      return session_usage(s, e, "--sql prints a script and runs nothing: leave --%s out",
                           others[i]);
  if (session_flag(s, "selector") || session_flag(s, "all") ||
      options_count(&s->options, "target") > 1)
    return session_usage(s, e, "a script is for one target (-t) or for a --dialect");
  if (!session_flag(s, "target") && !session_flag(s, "dialect"))
    return session_usage(s, e,
                         "--sql needs --dialect sqlite or --dialect postgresql, or a target (-t)");
  return 0;
}

/* `FROM:TO`, `FROM:`, `:TO` or `TO`; a stamp may name further revisions after the first. */
static int read_range(struct session *s, Migd__V1__GenerateScriptRequest *request, struct err *e) {
  const struct options *o = &s->options;
  request->to = ARENA_ARRAY(&s->arena, char *, o->argument_count + 1);
  for (size_t i = 0; i < o->argument_count; i++) {
    char *text = arena_strdup(&s->arena, o->arguments[i]), *colon = strchr(text, ':');
    if (colon && i > 0)
      return session_usage(s, e, "a script begins at one place: `%s`", text);
    if (colon) {
      *colon = '\0';
      request->from = text;
      text = colon + 1;
    }
    if (strchr(text, ':'))
      return session_usage(s, e, "`%s` is no range: FROM:TO", o->arguments[i]);
    if (*text)
      request->to[request->n_to++] = text;
  }
  if (request->operation == MIGD__V1__OPERATION__OPERATION_DOWNGRADE &&
      (!request->from[0] || !request->n_to))
    return session_usage(s, e, "`downgrade --sql` needs both ends: FROM:TO");
  if (request->operation == MIGD__V1__OPERATION__OPERATION_STAMP && !request->n_to)
    return session_usage(s, e, "`stamp --sql` needs the revision it leads to: [FROM:]TO");
  return 0;
}

static int on_text(void *ctx, const ProtobufCMessage *m, struct err *e) {
  const Migd__V1__GenerateScriptResponse *reply = (const void *)m;
  struct buf text BUF_SCOPED = BUF_INIT;
  (void)e;
  buf_add(&text, reply->text.data, reply->text.len);
  session_print(ctx, &text);
  return 0;
}

int script_print(struct session *s, Migd__V1__Operation operation, struct err *e) {
  Migd__V1__GenerateScriptRequest request = MIGD__V1__GENERATE_SCRIPT_REQUEST__INIT;
  request.operation = operation;
  if (check_options(s, e) < 0 || read_range(s, &request, e) < 0 ||
      !(request.variables = variables_read(s, &request.n_variables, e)))
    return -1;
  request.target = session_text(s, "target");
  /* A target has a catalog; the profile's does not replace it. */
  request.catalog = request.target[0] ? session_text(s, "catalog") : session_catalog(s);
  if (session_flag(s, "dialect"))
    request.dialect = strcmp(session_text(s, "dialect"), "sqlite") == 0
                          ? MIGD__V1__DIALECT__DIALECT_SQLITE
                          : MIGD__V1__DIALECT__DIALECT_POSTGRESQL;
  request.single_transaction =
      session_flag(s, "transaction") && strcmp(session_text(s, "transaction"), "run") == 0;
  return session_stream(s, SERVICE, "GenerateScript", &request, on_text, s, e) ? -1 : EXIT_DONE;
}
