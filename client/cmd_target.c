/* target add, set, list, show, remove: the databases that the server knows. */
#include <stddef.h>
#include <string.h>

#include "client/authority.h"
#include "client/duration.h"
#include "client/password.h"
#include "client/report.h"
#include "client/selection.h"
#include "client/session.h"
#include "client/variables.h"
#include "client/words.h"
#include "migd/v1/targets.pb-c.h"
#include "proto/rpc/frame.h"

extern const struct command cmd_target_add, cmd_target_set, cmd_target_list, cmd_target_show,
    cmd_target_remove;

#define SERVICE (&migd__v1__targets__descriptor)

#define POLICY_OPTIONS                                                                             \
  {"lock-timeout",                                                                                 \
   0,                                                                                              \
   OPTION_VALUE,                                                                                   \
   "DURATION",                                                                                     \
   "how long a statement may wait for a lock in the database (5s)",                                \
   NULL},                                                                                          \
      {"lock-retry",                                                                               \
       0,                                                                                          \
       OPTION_VALUE,                                                                               \
       "DURATION",                                                                                 \
       "how long to go on trying for a lock in the database (30s; 1ms: a single try)",             \
       NULL},                                                                                      \
      {"statement-timeout",                                                                        \
       0,                                                                                          \
       OPTION_VALUE,                                                                               \
       "DURATION",                                                                                 \
       "how long a statement may run (0: no limit)",                                               \
       NULL},                                                                                      \
      {"idle-in-transaction-timeout",                                                              \
       0,                                                                                          \
       OPTION_VALUE,                                                                               \
       "DURATION",                                                                                 \
       "PostgreSQL: how long a transaction stays open when migd hangs (60s)",                      \
       NULL},                                                                                      \
      {"ca-file",                                                                                  \
       0,                                                                                          \
       OPTION_VALUE,                                                                               \
       "FILE",                                                                                     \
       "PostgreSQL: the CA (PEM) that the server's certificate must come from",                    \
       NULL},                                                                                      \
      {"schema",                                                                                   \
       0,                                                                                          \
       OPTION_VALUE,                                                                               \
       "NAME",                                                                                     \
       "PostgreSQL: this schema is the target; further ones, behind commas, are only searched",    \
       NULL},                                                                                      \
  {                                                                                                \
    "password-file", 0, OPTION_VALUE, "FILE", "the password is in this file; `-`: on the input",   \
        NULL                                                                                       \
  }

static char *own_copy(struct session *s, const char *text) {
  return arena_strdup(&s->arena, text);
}

/* A password in a URL is visible to everyone on this host already: at least it goes no further. */
static int check_url(struct session *s, const char *url, struct err *e) {
  const char *rest = strstr(url, "://");
  size_t authority = rest ? strcspn(rest + 3, "/?#") : 0;
  const char *at = rest ? memchr(rest + 3, '@', authority) : NULL;
  if (!at || !memchr(rest + 3, ':', (size_t)(at - rest - 3)))
    return 0;
  session_usage(s, e,
                "a password does not belong into a URL: it is shown by `ps` and kept by shells");
  return err_hint(e, "change it, and give it with --password-file FILE (`-`: asks for it)");
}

static Migd__V1__Label **read_labels(struct session *s, const char *option, size_t *count) {
  *count = options_count(&s->options, option);
  Migd__V1__Label **labels = ARENA_ARRAY(&s->arena, Migd__V1__Label *, *count + 1);
  for (size_t i = 0; i < *count; i++) {
    const char *text = options_nth(&s->options, option, i);
    size_t key = strcspn(text, "=");
    labels[i] = ARENA_NEW(&s->arena, Migd__V1__Label);
    migd__v1__label__init(labels[i]);
    labels[i]->key = arena_strndup(&s->arena, text, key);
    labels[i]->value = own_copy(s, text + key + (text[key] == '='));
  }
  return labels;
}

/* An empty one would be the whole database: a variable of a shell that is not set must not mean it.
 */
static int read_schema(struct session *s, char **schema, struct err *e) {
  *schema = session_text(s, "schema");
  if (!session_flag(s, "schema") || **schema)
    return 0;
  session_usage(s, e, "--schema is empty");
  return err_hint(e, "the whole database is a target without --schema");
}

static int read_ca(struct session *s, Migd__V1__TargetPolicy *policy, struct err *e) {
  const char *file = options_value(&s->options, "ca-file");
  bool clear = session_flag(s, "clear-ca");
  if (file && clear)
    return session_usage(s, e, "another CA, or none: not both");
  if (clear)
    policy->ca_certificate = own_copy(s, "");
  else if (file && !(policy->ca_certificate = authority_read(s, file, e)))
    return -1;
  return file || clear;
}

/* The durations of a policy, by their options. */
static const struct policy_duration {
  const char *option;
  size_t field; /* where its Google__Protobuf__Duration * is */
} policy_durations[] = {
    {"lock-timeout", offsetof(Migd__V1__TargetPolicy, lock_timeout)},
    {"lock-retry", offsetof(Migd__V1__TargetPolicy, lock_retry)},
    {"statement-timeout", offsetof(Migd__V1__TargetPolicy, statement_timeout)},
    {"idle-in-transaction-timeout", offsetof(Migd__V1__TargetPolicy, idle_in_transaction_timeout)},
};
#define POLICY_DURATIONS (sizeof policy_durations / sizeof policy_durations[0])

/* Lays the options over a policy; answers how many were given, or -1. */
static int read_policy(struct session *s, Migd__V1__TargetPolicy *policy, struct err *e) {
  int count = 0;
  for (size_t i = 0; i < POLICY_DURATIONS; i++) {
    int64_t ns = 0;
    int given = session_duration(s, policy_durations[i].option, &ns, e);
    if (given < 0)
      return -1;
    Google__Protobuf__Duration *d = given ? duration_message(&s->arena, ns) : NULL;
    if (given)
      memcpy((char *)policy + policy_durations[i].field, &d, sizeof d);
    count += given;
  }
  int with_ca = read_ca(s, policy, e);
  if (with_ca < 0)
    return -1;
  if (session_flag(s, "allow-superuser"))
    policy->allow_superuser = true;
  if (session_flag(s, "no-allow-superuser"))
    policy->allow_superuser = false;
  return count + with_ca + session_flag(s, "allow-superuser") +
         session_flag(s, "no-allow-superuser");
}

/* "" without --password-file; NULL on failure. */
static char *read_password(struct session *s, struct err *e) {
  const char *file = options_value(&s->options, "password-file");
  return file ? password_read(s, file, e) : session_text(s, "password-file");
}

static int run_add(struct session *s, struct err *e) {
  Migd__V1__AddTargetRequest request = MIGD__V1__ADD_TARGET_REQUEST__INIT;
  Migd__V1__TargetPolicy policy = MIGD__V1__TARGET_POLICY__INIT;
  request.name = own_copy(s, session_argument(s, 0));
  request.url = session_text(s, "url");
  request.catalog = session_catalog(s);
  request.create = session_flag(s, "create");
  if (!request.url[0])
    return session_usage(s, e,
                         "where is the database? --url sqlite:/path/app.db or "
                         "--url postgresql://user@host/db");
  if (check_url(s, request.url, e) < 0 || read_schema(s, &request.schema, e) < 0)
    return -1;
  request.labels = read_labels(s, "label", &request.n_labels);
  int given = read_policy(s, &policy, e);
  if (given < 0 || !(request.password = read_password(s, e)) ||
      !(request.variables = variables_read(s, &request.n_variables, e)))
    return -1;
  if (given > 0)
    request.policy = &policy;
  const Migd__V1__Target *target = session_ask_print(s, SERVICE, "AddTarget", &request, e);
  if (!target) {
    if (e->kind == ERR_TARGET && !e->hint[0] && !request.create &&
        strncmp(request.url, "sqlite:", 7) == 0)
      err_hint(e, "--create makes the file, on the server's host");
    return -1;
  }
  say(s, "target %s added: %s, catalog %s", target->name, target->url, target->catalog);
  return EXIT_DONE;
}

static const struct option add_options[] = {
    {"url", 0, OPTION_VALUE, "URL", "where it is, without a password", NULL},
    {"catalog", 'c', OPTION_VALUE, "CATALOG", "the catalog it follows", NULL},
    {"label", 0, OPTION_LIST, "KEY=VALUE", "a label to select it by; may be repeated", NULL},
    {"create", 0, OPTION_FLAG, NULL, "make the file, or the schema, where there is none", NULL},
    {"allow-superuser", 0, OPTION_FLAG, NULL,
     "PostgreSQL: the role may be a superuser or read and write the server's files", NULL},
    POLICY_OPTIONS,
    VARIABLE_OPTIONS,
    {NULL},
};

const struct command cmd_target_add = {
    .name = "target add",
    .group = GROUP_FLEET,
    .arguments = "NAME",
    .min_arguments = 1,
    .max_arguments = 1,
    .options = add_options,
    .summary = "register a database",
    .help =
        "URLs are `sqlite:/path/app.db`, a file on the server's host under one of its sqlite "
        "roots (`migctl server` lists them), and `postgresql://user@host:port/db`. A password "
        "comes apart from the URL, is kept encrypted and never shown again. With --schema one "
        "schema of the database is the target, with a ledger, a lock and a plan of its own: a "
        "target for each tenant. A variable is a value that revisions name as ${NAME}; a secret "
        "one is kept like the password.",
    .example = "migctl target add shop-eu --url postgresql://migd@db1.eu/shop -c shop "
               "--label env=prod --password-file -",
    .run = run_add,
};

/* A new policy replaces the old one as a whole: the rest of the old one is kept here. */
static Migd__V1__TargetPolicy *changed_policy(struct session *s, char *name, struct err *e) {
  Migd__V1__GetTargetRequest request = MIGD__V1__GET_TARGET_REQUEST__INIT;
  request.name = name;
  const Migd__V1__Target *target = session_ask(s, SERVICE, "GetTarget", &request, e);
  if (!target)
    return NULL;
  Migd__V1__TargetPolicy *policy = ARENA_NEW(&s->arena, Migd__V1__TargetPolicy);
  migd__v1__target_policy__init(policy);
  if (target->policy)
    *policy = *target->policy;
  return read_policy(s, policy, e) < 0 ? NULL : policy;
}

static bool gives_policy(const struct session *s) {
  for (size_t i = 0; i < POLICY_DURATIONS; i++)
    if (session_flag(s, policy_durations[i].option))
      return true;
  return session_flag(s, "ca-file") || session_flag(s, "clear-ca") ||
         session_flag(s, "allow-superuser") || session_flag(s, "no-allow-superuser");
}

static void read_removed_labels(struct session *s, Migd__V1__UpdateTargetRequest *request) {
  request->n_remove_labels = options_count(&s->options, "remove-label");
  request->remove_labels = ARENA_ARRAY(&s->arena, char *, request->n_remove_labels + 1);
  for (size_t i = 0; i < request->n_remove_labels; i++)
    request->remove_labels[i] = own_copy(s, options_nth(&s->options, "remove-label", i));
}

static int run_set(struct session *s, struct err *e) {
  Migd__V1__UpdateTargetRequest request = MIGD__V1__UPDATE_TARGET_REQUEST__INIT;
  request.name = own_copy(s, session_argument(s, 0));
  request.url = session_text(s, "url");
  request.catalog = session_text(s, "catalog"); /* not the profile's: that would move it */
  request.clear_password = session_flag(s, "clear-password");
  request.set_labels = read_labels(s, "label", &request.n_set_labels);
  read_removed_labels(s, &request);
  request.remove_variables = variables_removed(s, &request.n_remove_variables);
  if (check_url(s, request.url, e) < 0 || read_schema(s, &request.schema, e) < 0 ||
      !(request.password = read_password(s, e)) ||
      !(request.set_variables = variables_read(s, &request.n_set_variables, e)))
    return -1;
  if (gives_policy(s) && !(request.policy = changed_policy(s, request.name, e)))
    return -1;
  if (!request.url[0] && !request.schema[0] && !request.catalog[0] && !request.clear_password &&
      !request.n_set_labels && !request.n_remove_labels && !request.password[0] &&
      !request.policy && !variables_given(s))
    return session_usage(s, e, "what is to be changed? `migctl help target set` lists the options");
  const Migd__V1__Target *target = session_ask_print(s, SERVICE, "UpdateTarget", &request, e);
  if (!target)
    return -1;
  say(s, "target %s changed", target->name);
  return EXIT_DONE;
}

static const struct option set_options[] = {
    {"url", 0, OPTION_VALUE, "URL", "another place", NULL},
    {"catalog", 'c', OPTION_VALUE, "CATALOG", "another catalog", NULL},
    {"label", 0, OPTION_LIST, "KEY=VALUE", "set a label; may be repeated", NULL},
    {"remove-label", 0, OPTION_LIST, "KEY", "remove a label; may be repeated", NULL},
    {"clear-password", 0, OPTION_FLAG, NULL, "forget the password", NULL},
    {"clear-ca", 0, OPTION_FLAG, NULL, "trust the CAs of the server's host again", NULL},
    {"allow-superuser", 0, OPTION_FLAG, NULL,
     "PostgreSQL: the role may be a superuser or read and write the server's files", NULL},
    {"no-allow-superuser", 0, OPTION_FLAG, NULL, "take that back", NULL},
    POLICY_OPTIONS,
    VARIABLE_OPTIONS,
    REMOVE_VARIABLE_OPTION,
    {NULL},
};

const struct command cmd_target_set = {
    .name = "target set",
    .group = GROUP_FLEET,
    .arguments = "NAME",
    .min_arguments = 1,
    .max_arguments = 1,
    .options = set_options,
    .summary = "change what is registered of a database",
    .help = "What is not given stays as it is.",
    .example = "migctl target set shop-eu --label ring=canary --lock-timeout 2s",
    .run = run_set,
};

static void add_row(struct session *s, struct table *t, const Migd__V1__Target *target) {
  struct words state = words_target_state(target->state);
  table_add(t, PAINT_NONE, "%s", target->name);
  table_add(t, PAINT_NONE, "%s", target->catalog);
  table_add(t, target->lock ? PAINT_YELLOW : state.paint, "%s%s", state.text,
            target->lock ? ", locked" : "");
  table_add(t, PAINT_NONE, "%s", words_labels(s, target->n_labels, target->labels));
  table_add(t, PAINT_NONE, "%s", target->url);
}

static int run_list(struct session *s, struct err *e) {
  static const char *const headings[] = {"TARGET", "CATALOG", "STATE", "LABELS", "URL", NULL};
  struct table t;
  struct buf text BUF_SCOPED = BUF_INIT;
  Migd__V1__TargetSelection *selection = selection_read(s, false, e);
  if (!selection)
    return -1;
  const Migd__V1__ListTargetsResponse *reply = selection_targets(s, selection, true, e);
  if (!reply)
    return -1;
  if (reply->n_targets == 0)
    say(s, "no targets; `migctl target add` registers one");
  if (s->json)
    return EXIT_DONE;
  table_init(&t, &s->arena, headings);
  for (size_t i = 0; i < reply->n_targets; i++)
    add_row(s, &t, reply->targets[i]);
  table_print(&t, &text, s->color_out, words_width(s));
  session_print(s, &text);
  return EXIT_DONE;
}

static const struct option list_options[] = {SELECTION_OPTIONS, {NULL}};

const struct command cmd_target_list = {
    .name = "target list",
    .group = GROUP_FLEET,
    .arguments = "",
    .options = list_options,
    .summary = "list the registered databases",
    .example = "migctl target list -l env=prod",
    .run = run_list,
};

static const char *timeout_words(struct session *s, const Google__Protobuf__Duration *d,
                                 const char *none) {
  return d && duration_ns(d) > 0 ? words_duration(s, duration_ns(d)) : none;
}

static void print_policy(struct session *s, struct buf *text, const Migd__V1__Target *target) {
  const Migd__V1__TargetPolicy *p = target->policy;
  words_field(text, "lock timeout", timeout_words(s, p ? p->lock_timeout : NULL, "5 s (default)"));
  words_field(text, "lock retry", timeout_words(s, p ? p->lock_retry : NULL, "30 s (default)"));
  words_field(text, "statements", timeout_words(s, p ? p->statement_timeout : NULL, "no limit"));
  if (target->dialect == MIGD__V1__DIALECT__DIALECT_POSTGRESQL)
    words_field(text, "idle in txn",
                timeout_words(s, p ? p->idle_in_transaction_timeout : NULL, "60 s (default)"));
  if (p && p->allow_superuser)
    words_field(text, "superuser", "allowed");
  if (p && p->ca_certificate[0])
    words_field(text, "CA", authority_words(s, p->ca_certificate));
  words_field(text, "password", target->has_password ? "stored, encrypted" : "none");
}

static void print_target(struct session *s, const Migd__V1__Target *t) {
  struct buf text BUF_SCOPED = BUF_INIT;
  int64_t now = now_ns();
  words_field(&text, "target", t->name);
  words_field(&text, "url", t->url);
  words_field(&text, "schema", t->schema);
  words_field(&text, "dialect", words_dialect(t->dialect));
  words_field(&text, "catalog", t->catalog);
  words_field(&text, "labels", words_labels(s, t->n_labels, t->labels));
  words_field(&text, "state",
              t->behind ? arena_printf(&s->arena, "%s (%s)", words_target_state(t->state).text,
                                       counted(s, t->behind, "revision behind", "revisions behind"))
                        : words_target_state(t->state).text);
  words_field(&text, "current", words_list(s, t->n_current, t->current, t->seen_at ? "base" : ""));
  words_field(&text, "seen", time_relative(&s->arena, t->seen_at, now));
  words_field(&text, "last run", t->last_run);
  if (t->lock)
    words_field(&text, "lock", words_lock(s, t->lock));
  print_policy(s, &text, t);
  variables_print(s, &text, t->variables, t->n_variables);
  words_field(&text, "added", time_relative(&s->arena, t->added_at, now));
  session_print(s, &text);
}

static int run_show(struct session *s, struct err *e) {
  Migd__V1__GetTargetRequest request = MIGD__V1__GET_TARGET_REQUEST__INIT;
  request.name = own_copy(s, session_argument(s, 0));
  const Migd__V1__Target *target = session_ask_print(s, SERVICE, "GetTarget", &request, e);
  if (!target || s->json)
    return target ? EXIT_DONE : -1;
  print_target(s, target);
  if (target->last_error) {
    struct err last;
    struct buf text BUF_SCOPED = BUF_INIT;
    rpc_error_read(&last, target->last_error);
    buf_addc(&text, '\n');
    report_error(&text, &last, s->color_out);
    session_print(s, &text);
  }
  return EXIT_DONE;
}

const struct command cmd_target_show = {
    .name = "target show",
    .group = GROUP_FLEET,
    .arguments = "NAME",
    .min_arguments = 1,
    .max_arguments = 1,
    .summary = "show one registered database",
    .example = "migctl target show shop-eu",
    .run = run_show,
};

static int run_remove(struct session *s, struct err *e) {
  Migd__V1__RemoveTargetRequest request = MIGD__V1__REMOVE_TARGET_REQUEST__INIT;
  request.name = own_copy(s, session_argument(s, 0));
  if (!session_ask_print(s, SERVICE, "RemoveTarget", &request, e))
    return -1;
  say(s, "target %s is forgotten; its database was not touched", request.name);
  return EXIT_DONE;
}

const struct command cmd_target_remove = {
    .name = "target remove",
    .group = GROUP_FLEET,
    .arguments = "NAME",
    .min_arguments = 1,
    .max_arguments = 1,
    .summary = "forget a database; the database itself is not touched",
    .example = "migctl target remove shop-eu",
    .run = run_remove,
};
