/* upgrade, downgrade, stamp: start a run and follow it. */
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "client/duration.h"
#include "client/follow.h"
#include "client/plan.h"
#include "client/script.h"
#include "client/selection.h"
#include "client/session.h"
#include "client/variables.h"
#include "client/words.h"
#include "migd/v1/runs.pb-c.h"

extern const struct command cmd_upgrade, cmd_downgrade, cmd_stamp, cmd_adopt;

#define SERVICE (&migd__v1__runs__descriptor)

/* Random, so that the same request sent twice is known for the same. */
static char *request_id(struct session *s, struct err *e) {
  unsigned char bytes[16];
  struct buf id BUF_SCOPED = BUF_INIT;
  if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes) {
    err_set(e, ERR_INTERNAL, "this system gives no random bytes");
    return NULL;
  }
  for (size_t i = 0; i < sizeof bytes; i++)
    buf_addf(&id, "%02x", bytes[i]);
  return arena_strdup(&s->arena, buf_str(&id));
}

static int read_duration(struct session *s, const char *option, Google__Protobuf__Duration **d,
                         struct err *e) {
  int64_t ns = 0;
  int given = session_duration(s, option, &ns, e);
  if (given == 1)
    *d = duration_message(&s->arena, ns);
  return given < 0 ? -1 : 0;
}

static void read_revisions(struct session *s, Migd__V1__StartRunRequest *request) {
  static const char *const head[] = {"head"};
  bool given = s->options.argument_count > 0;
  const char *const *from = given ? s->options.arguments : head;
  request->n_revisions = given ? s->options.argument_count : 1;
  request->revisions = ARENA_ARRAY(&s->arena, char *, request->n_revisions);
  for (size_t i = 0; i < request->n_revisions; i++)
    request->revisions[i] = arena_strdup(&s->arena, from[i]);
}

static int read_request(struct session *s, Migd__V1__StartRunRequest *request, struct err *e) {
  if (!(request->selection = selection_read(s, !session_flag(s, "dry-run"), e)) ||
      !(request->request_id = request_id(s, e)))
    return -1;
  read_revisions(s, request);
  if (request->operation == MIGD__V1__OPERATION__OPERATION_ADOPT) {
    request->n_revisions = 0;
    request->from_tool = session_text(s, "from");
  }
  request->purge = session_flag(s, "purge");
  request->single_transaction =
      session_flag(s, "transaction") && strcmp(session_text(s, "transaction"), "run") == 0;
  if (read_duration(s, "wait", &request->wait, e) < 0 ||
      read_duration(s, "lock-timeout", &request->lock_timeout, e) < 0 ||
      read_duration(s, "lock-retry", &request->lock_retry, e) < 0 ||
      read_duration(s, "statement-timeout", &request->statement_timeout, e) < 0 ||
      read_duration(s, "idle-in-transaction-timeout", &request->idle_in_transaction_timeout, e) < 0)
    return -1;
  return 0;
}

/* Whether a request whose answer was lost has arrived cannot be known; the same request_id makes
 * asking again harmless. */
static const Migd__V1__Run *start(struct session *s, const Migd__V1__StartRunRequest *request,
                                  struct err *e) {
  const Migd__V1__Run *run = session_ask(s, SERVICE, "StartRun", request, e);
  if (!run && e->kind == ERR_UNREACHABLE && s->channel)
    run = session_ask(s, SERVICE, "StartRun", request, e);
  return run;
}

static int detach(struct session *s, const Migd__V1__Run *run) {
  struct buf text BUF_SCOPED = BUF_INIT;
  if (s->json) {
    session_json(s, run, false);
    return EXIT_DONE;
  }
  say(s, "run %s started; `migctl run watch %s` follows it", run->id, run->id);
  buf_addf(&text, "%s\n", run->id);
  session_print(s, &text);
  return EXIT_DONE;
}

static int start_and_follow(struct session *s, Migd__V1__Operation operation, struct err *e) {
  Migd__V1__StartRunRequest request = MIGD__V1__START_RUN_REQUEST__INIT;
  request.operation = operation;
  if (session_flag(s, "sql"))
    return script_print(s, operation, e);
  if (session_flag(s, "dialect"))
    return session_usage(s, e, "--dialect is for --sql: a target has its own");
  if (variables_given(s))
    return session_usage(s, e,
                         "variables are the target's (`migctl target set`) or the catalog's "
                         "(`migctl catalog set`); --var is for --sql");
  if (read_request(s, &request, e) < 0)
    return -1;
  if (session_flag(s, "dry-run"))
    return plan_print(s, &request, e);
  const Migd__V1__Run *run = start(s, &request, e);
  if (!run)
    return -1;
  if (session_flag(s, "detach"))
    return detach(s, run);
  if (s->json)
    session_json(s, run, true);
  else if (run->counts && run->counts->total > 1)
    say(s, "run %s: %s, %s", run->id, words_request(s, run),
        counted(s, run->counts->total, "target", "targets"));
  else
    say(s, "run %s: %s", run->id, words_request(s, run));
  struct following what = {.run = run->id, .verb = words_operation(operation), .from_seq = 1};
  return follow_run(s, &what, e);
}

static int run_upgrade(struct session *s, struct err *e) {
  return start_and_follow(s, MIGD__V1__OPERATION__OPERATION_UPGRADE, e);
}

static int run_downgrade(struct session *s, struct err *e) {
  return start_and_follow(s, MIGD__V1__OPERATION__OPERATION_DOWNGRADE, e);
}

static int run_stamp(struct session *s, struct err *e) {
  return start_and_follow(s, MIGD__V1__OPERATION__OPERATION_STAMP, e);
}

#define RUN_OPTIONS                                                                                \
  {                                                                                                \
      "dry-run",                                                                                   \
      'n',                                                                                         \
      OPTION_FLAG,                                                                                 \
      NULL,                                                                                        \
      "print the plan of each target, change nothing (-v: the SQL)",                               \
      NULL},                                                                                       \
      {"detach", 'd', OPTION_FLAG, NULL, "print the run's id and leave", NULL}, {                  \
    "wait", 'w', OPTION_VALUE, "DURATION", "how long to queue for a target's lock (not at all)",   \
        NULL                                                                                       \
  }

#define TIMEOUT_OPTIONS                                                                            \
  {                                                                                                \
      "transaction",                                                                               \
      0,                                                                                           \
      OPTION_VALUE,                                                                                \
      "SCOPE",                                                                                     \
      "`run`: the whole plan of a target in one transaction",                                      \
      "run|revision"},                                                                             \
      {"lock-timeout",                                                                             \
       0,                                                                                          \
       OPTION_VALUE,                                                                               \
       "DURATION",                                                                                 \
       "how long a statement may wait for a lock in the database (the target's)",                  \
       NULL},                                                                                      \
      {"lock-retry",                                                                               \
       0,                                                                                          \
       OPTION_VALUE,                                                                               \
       "DURATION",                                                                                 \
       "how long to go on trying for a lock in the database (the target's)",                       \
       NULL},                                                                                      \
      {"statement-timeout",                                                                        \
       0,                                                                                          \
       OPTION_VALUE,                                                                               \
       "DURATION",                                                                                 \
       "how long a statement may run (the target's)",                                              \
       NULL},                                                                                      \
  {                                                                                                \
    "idle-in-transaction-timeout", 0, OPTION_VALUE, "DURATION",                                    \
        "PostgreSQL: how long a transaction stays open when migd hangs (the target's)", NULL       \
  }

#define FOLLOWING                                                                                  \
  "The run outlives this command: Ctrl-C, a lost connection or --detach leave it running, "        \
  "`migctl run watch ID` follows it again and `migctl run cancel ID` stops it. The exit code is "  \
  "0 "                                                                                             \
  "when all targets succeeded, 4 when all that failed were locked, 1 when a migration failed.\n\n" \
  "With -o json the run comes first, then its events, an object a line."

#define SCRIPTS                                                                                    \
  "\n\nWith --sql no database is asked: REV is [FROM:]TO, FROM is base where it is left out, and " \
  "the script on stdout does what migd would, its ledger included. It stops at once at a "         \
  "database "                                                                                      \
  "that is not at FROM. Run it with `psql -X -v ON_ERROR_STOP=1` or `sqlite3 -bail`. --var and "   \
  "--secret-var give a script its values; a run has those of the target and its catalog."

static const struct option change_options[] = {SELECTION_OPTIONS, RUN_OPTIONS,     SCRIPT_OPTIONS,
                                               VARIABLE_OPTIONS,  TIMEOUT_OPTIONS, {NULL}};

const struct command cmd_upgrade = {
    .name = "upgrade",
    .group = GROUP_RUNS,
    .arguments = "[REV]",
    .max_arguments = 1,
    .options = change_options,
    .summary = "apply revisions to targets, up to REV or head",
    .help = "REV is an id, a label, a unique prefix, `head`, `heads`, `+2`, `LABEL@head`, "
            "`LABEL@+1` and so on.\n\n" FOLLOWING SCRIPTS,
    .example = "migctl upgrade -t shop-eu --dry-run\n"
               "migctl upgrade --all\n"
               "migctl upgrade +1 -l ring=canary --wait 5m\n"
               "migctl upgrade --sql 0003:head -c shop --dialect postgresql > next.sql",
    .run = run_upgrade,
};

const struct command cmd_downgrade = {
    .name = "downgrade",
    .group = GROUP_RUNS,
    .arguments = "REV",
    .min_arguments = 1,
    .max_arguments = 1,
    .options = change_options,
    .summary = "take revisions back from targets, down to REV",
    .help = "REV is an id, a label, a unique prefix, `-1`, `base`, `LABEL@base`, `LABEL@-1` and so "
            "on. What depends on a revision goes with it. A revision without a down section is "
            "never crossed: the run is refused before anything is touched.\n\n" FOLLOWING SCRIPTS,
    .example = "migctl downgrade -1 -t shop-eu",
    .run = run_downgrade,
};

static const struct option stamp_options[] = {
    SELECTION_OPTIONS,
    RUN_OPTIONS,
    SCRIPT_OPTIONS,
    {"purge", 0, OPTION_FLAG, NULL, "empty the ledger first, whatever it holds", NULL},
    {NULL},
};

const struct command cmd_stamp = {
    .name = "stamp",
    .group = GROUP_RUNS,
    .arguments = "REV...",
    .min_arguments = 1,
    .max_arguments = ANY_NUMBER,
    .options = stamp_options,
    .summary = "write into the ledger that targets are at REV, without running anything",
    .help = FOLLOWING SCRIPTS,
    .example = "migctl stamp 20260129050441 -t shop-eu",
    .run = run_stamp,
};

static int run_adopt(struct session *s, struct err *e) {
  return start_and_follow(s, MIGD__V1__OPERATION__OPERATION_ADOPT, e);
}

static const struct option adopt_options[] = {
    SELECTION_OPTIONS,
    {"from", 0, OPTION_VALUE, "TOOL", "the tool, where several have been there", NULL},
    RUN_OPTIONS,
    {NULL},
};

const struct command cmd_adopt = {
    .name = "adopt",
    .group = GROUP_RUNS,
    .arguments = "",
    .options = adopt_options,
    .summary = "stamp targets at what another migration tool has applied there",
    .help =
        "Reads the table that the tool left in each target, maps its versions to the catalog's "
        "revisions by the rules of `migctl import`, and writes the ledger. The table stays as it "
        "is. What failed, is no revision, or lacks what it stands on is refused; a target whose "
        "ledger knows all of it already has nothing to do.\n\n"
        "Known are alembic, atlas, dbmate, diesel, flyway, golang-migrate, goose, liquibase, "
        "node-pg-migrate, refinery, sqitch and sqlx. Sqitch writes down what it did to a SQLite "
        "file in `sqitch.db` beside it, and not to which file: where several lie in one folder, "
        "look with --dry-run first and name the right ones.\n\n" FOLLOWING,
    .example = "migctl adopt --all --dry-run\n"
               "migctl adopt -t shop-eu --from dbmate",
    .run = run_adopt,
};
