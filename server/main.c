/* migd: the table of commands, and `serve`, which wires the parts together. The order in which they
 * come up is the order in which each may fail without the next having been touched; they go down
 * the other way.
 */
#include "server/admin.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "proto/rpc/unpack.h"
#include "server/base/clock.h"
#include "server/base/log.h"
#include "server/base/nearest.h"
#include "server/db/db.h"
#include "server/engine/engine.h"
#include "server/engine/selfstore.h"
#include "server/net/net.h"
#include "server/store/secret.h"

#ifdef __SANITIZE_ADDRESS__
#define LEAKS_ARE_CHECKED true
#elif defined(__has_feature)
#define LEAKS_ARE_CHECKED __has_feature(address_sanitizer)
#else
#define LEAKS_ARE_CHECKED false
#endif
#define RPC_QUEUE 1024 /* requests waiting for a worker */
#define LINT_PROCESSES 2 /* at the same time */

/* Everything of a running server, in the order in which it comes up. */
struct app {
  const struct args *args;
  struct arena arena;
  const char *dir;
  struct config config;
  struct log *log;
  int lock_fd;
  char store_revision[65];
  struct keyring *keys;
  struct mailbox *mailbox;
  struct store *store;
  struct engine *engine;
  struct pool *workers;
  atomic_uint pushes;
  struct lint_gate lint_gate;
  struct server server;
  struct net *net;
  bool ready;
};

static enum log_level level_of(const char *name) {
  return strcmp(name, "debug") == 0   ? LOG_DEBUG
         : strcmp(name, "warn") == 0  ? LOG_WARN
         : strcmp(name, "error") == 0 ? LOG_ERROR
                                      : LOG_INFO;
}

/* Tells systemd, when it asked to be told; sd_notify(3) describes the protocol. */
static void notify(const char *state) {
  const char *path = getenv("NOTIFY_SOCKET");
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (path == NULL || (path[0] != '/' && path[0] != '@') || strlen(path) >= sizeof address.sun_path)
    return;
  size_t len = strlen(path);
  memcpy(address.sun_path, path, len);
  if (path[0] == '@')
    address.sun_path[0] = '\0';
  int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0)
    return;
  (void)!sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&address,
                (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len));
  close(fd);
}

/* Secrets do not go into core files. A sanitizer's leak check traces its process. */
static void harden(void) {
  struct rlimit none = {0, 0}, files;
  umask(077);
  signal(SIGPIPE, SIG_IGN);
  setrlimit(RLIMIT_CORE, &none);
  if (!LEAKS_ARE_CHECKED)
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
  }
}

static void published(void *ctx, int64_t run, uint64_t last_seq) {
  board_publish(ctx, run, last_seq);
}

static unsigned connections(void *ctx) {
  const struct app *app = ctx;
  return app->net != NULL ? net_connections(app->net) : 0;
}

static int start_store(struct app *app, struct err *e) {
  const char *path = arena_printf(&app->arena, "%s/store.db", app->dir);
  struct store_options options = {
      .path = path,
      .readers = (unsigned)app->config.workers + 4,
      .log = app->log,
      .published = published,
  };
  app->lock_fd = data_lock(app->dir, e);
  if (app->lock_fd < 0 || selfstore_migrate(path, 0, app->store_revision, app->log, e) != 0 ||
      keyring_load(&app->keys, app->config.key_file, app->config.key_file_2, e) != 0 ||
      mailbox_new(&app->mailbox, e) != 0)
    return -1;
  options.published_ctx = app->mailbox;
  return store_open(&app->store, &options, e);
}

static int start_engine(struct app *app, struct err *e) {
  struct engine_options options = {
      .store = app->store,
      .keys = app->keys,
      .mailbox = app->mailbox,
      .log = app->log,
      .parallel = (unsigned)app->config.parallel,
      .min_free = app->config.min_free,
      .sqlite_roots = app->config.sqlite_roots.items,
      .allow_socket = app->config.allow_socket,
      .postgres_files = app->config.postgres_files.items,
  };
  if (engine_new(&app->engine, &options, e) != 0 || engine_recover(app->engine, e) != 0)
    return -1;
  if (lint_gate_init(&app->lint_gate, LINT_PROCESSES, e) != 0)
    return -1;
  return pool_new(&app->workers, "rpc", (unsigned)app->config.workers, RPC_QUEUE, e);
}

static void describe_server(struct app *app) {
  app->server = (struct server){
      .store = app->store,
      .engine = app->engine,
      .keys = app->keys,
      .log = app->log,
      .version = MIGD_VERSION,
      .store_revision = app->store_revision,
      .sqlite_roots = app->config.sqlite_roots.items,
      .allow_socket = app->config.allow_socket,
      .postgres_files = app->config.postgres_files.items,
      .parallel = (unsigned)app->config.parallel,
      .catalog_max = app->config.catalog_max,
      .started_at = clock_wall_us(),
      .connections = connections,
      .connections_ctx = app,
      .tmp_dir = arena_printf(&app->arena, "%s/tmp", app->dir),
      .pushes = &app->pushes,
      .lint = {.program = lint_program_beside(&app->arena), .gate = &app->lint_gate},
  };
}

static int start_net(struct app *app, struct err *e) {
  const struct config *c = &app->config;
  describe_server(app);
  struct net_options options = {
      .listen = c->listen,
      .cert_file = c->tls_cert,
      .key_file = c->tls_key,
      .ca_file = c->tls_ca,
      .mailbox = app->mailbox,
      .workers = app->workers,
      .server = &app->server,
      .log = app->log,
  };
  net_limits_default(&options.limits);
  options.limits.connections_per_address = (unsigned)c->connections_per_address;
  options.limits.grace_ms = (int)c->shutdown_grace_ms;
  return net_new(&app->net, &options, e);
}

/* The file appears with all of its line: who waits for it never reads half. */
static int write_address(const struct app *app, struct err *e) {
  const char *path = app->config.address_file;
  if (path == NULL)
    return 0;
  char temporary[4096];
  int n = snprintf(temporary, sizeof temporary, "%s.new", path);
  FILE *f = n > 0 && (size_t)n < sizeof temporary ? fopen(temporary, "we") : NULL;
  if (f == NULL)
    return err_errno(e, ERR_STORAGE, errno, "address-file %s cannot be made", path);
  bool ok = fprintf(f, "%s\n", net_address(app->net)) > 0;
  if (fclose(f) != 0 || !ok || rename(temporary, path) != 0) {
    err_errno(e, ERR_STORAGE, errno, "address-file %s cannot be written", path);
    unlink(temporary);
    return -1;
  }
  return 0;
}

static int announce(struct app *app, struct err *e) {
  if (write_address(app, e) != 0)
    return -1;
  app->ready = true;
  log_line(app->log, LOG_INFO, "main", "migd %s listens on %s, store %s at revision %s, %s",
           MIGD_VERSION, net_address(app->net), store_id(app->store), app->store_revision,
           app->dir);
  notify("READY=1");
  return 0;
}

/* SIGHUP. What cannot be read leaves everything as it was. */
static void reload(void *ctx) {
  struct app *app = ctx;
  struct config fresh;
  struct err e;
  err_clear(&e);
  if (config_load(&fresh, app->dir, app->args, &e) == 0)
    log_set_level(app->log, level_of(fresh.log_level));
  else
    log_line(app->log, LOG_ERROR, "main", "the configuration stays as it was: %s", e.text);
  config_release(&fresh);
  if (net_reload(app->net, &e) == 0)
    log_line(app->log, LOG_INFO, "main", "read again: configuration and certificates");
  else
    log_line(app->log, LOG_ERROR, "main", "the certificates stay as they were: %s", e.text);
}

static void stop(struct app *app) {
  if (app->ready && app->config.address_file != NULL)
    unlink(app->config.address_file);
  if (app->workers != NULL)
    pool_stop(app->workers);
  if (app->engine != NULL)
    engine_stop(app->engine, (int)app->config.shutdown_grace_ms);
  net_free(app->net);
  pool_free(app->workers);
  engine_free(app->engine);
  store_close(app->store);
  if (app->mailbox != NULL)
    mailbox_free(app->mailbox);
  keyring_free(app->keys);
  lint_gate_release(&app->lint_gate);
  if (app->lock_fd >= 0)
    close(app->lock_fd);
  if (app->ready)
    log_line(app->log, LOG_INFO, "main", "stopped");
  log_free(app->log);
}

/* Before threads exist: signals are the loop's, which main's thread becomes. */
static void hold_signals(int how) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGHUP);
  pthread_sigmask(how, &set, NULL);
}

static int serve(struct app *app, struct err *e) {
  if (!rpc_protobuf_is_sound())
    return err_set(e, ERR_INTERNAL, "libprotobuf-c is older than 1.4.1, which has a known hole");
  hold_signals(SIG_BLOCK);
  db_process_init();
  if (start_store(app, e) != 0 || start_engine(app, e) != 0 || start_net(app, e) != 0 ||
      announce(app, e) != 0)
    return -1;
  hold_signals(SIG_UNBLOCK);
  int rc = net_run(app->net, reload, app, e);
  notify("STOPPING=1");
  return rc;
}

static int serve_configured(struct app *app, struct err *e) {
  const struct config *c = &app->config;
  if (args_get(app->args, "show-config") != NULL) {
    config_show(c, stdout);
    return 0;
  }
  app->log =
      log_new(level_of(c->log_level), strcmp(c->log_format, "json") == 0 ? LOG_JSON : LOG_TEXT);
  int rc = serve(app, e);
  stop(app);
  return rc;
}

static int serve_run(const struct args *args, struct err *e) {
  struct app app = {.args = args, .lock_fd = -1, .lint_gate.fd = -1};
  if (args->word_count > 0)
    return err_set(e, ERR_INPUT, "migd serve takes no words: the directory is --dir DIR");
  arena_init(&app.arena, 0);
  app.dir = data_dir(args, &app.arena, e);
  int rc = -1;
  if (app.dir != NULL) {
    rc = config_load(&app.config, app.dir, args, e);
    if (rc == 0)
      rc = serve_configured(&app, e);
    config_release(&app.config);
  }
  arena_release(&app.arena);
  return rc;
}

static const struct option_row serve_options[] = {
    {"dir", "DIR", "The data directory. Default: the current one."},
    {"show-config", NULL, "Print the values in effect with their origin, and end."},
    {0},
};

static const struct command command_serve = {
    .name = "serve",
    .synopsis = "[--dir DIR] [--KEY VALUE]...",
    .about = "Serve a data directory until SIGTERM.",
    .help =
        "Keys come from the defaults, then from DIR/migd.conf, then from flags. SIGHUP reads\n"
        "certificates and the log's level again. SIGTERM lets running steps end, then leaves.\n\n"
        "Examples:\n"
        "  migd serve --dir /var/lib/migd\n"
        "  migd serve --dir /var/lib/migd --listen 0.0.0.0:7433 --log-format json\n",
    .options = serve_options,
    .keys = true,
    .run = serve_run,
};

/* --- the table */

static const struct command *const commands[] = {
    &command_init,
    &command_serve,
    &command_identity,
    &command_check,
};

#define COMMAND_COUNT (sizeof commands / sizeof commands[0])

static void usage(FILE *out) {
  fprintf(out, "migd serves migrations: it holds the revisions and knows the databases.\n\n"
               "Usage: migd COMMAND [OPTIONS]\n\n");
  for (size_t i = 0; i < COMMAND_COUNT; i++)
    fprintf(out, "  %-10s %s\n", commands[i]->name, commands[i]->about);
  fprintf(out, "\n`migd COMMAND --help` says more; `migd --version` says which this is.\n\n"
               "To begin:\n"
               "  migd init /var/lib/migd\n"
               "  migd serve --dir /var/lib/migd\n"
               "  MIGCTL_CONFIG=/var/lib/migd/admin.conf migctl whoami\n");
}

static void command_usage(const struct command *c) {
  printf("%s\n\nUsage: migd %s %s\n\n%s\nOptions:\n", c->about, c->name, c->synopsis, c->help);
  options_help(stdout, c->options);
  if (c->keys)
    config_help(stdout);
}

static const struct command *command_find(const char *name) {
  for (size_t i = 0; i < COMMAND_COUNT; i++)
    if (strcmp(commands[i]->name, name) == 0)
      return commands[i];
  return NULL;
}

static int unknown_command(const char *name) {
  const char *names[COMMAND_COUNT];
  for (size_t i = 0; i < COMMAND_COUNT; i++)
    names[i] = commands[i]->name;
  const char *near = nearest(name, names, COMMAND_COUNT);
  fprintf(stderr, "migd: there is no command \"%.60s\"", name);
  if (near != NULL)
    fprintf(stderr, ": did you mean %s?", near);
  fprintf(stderr, "\n`migd --help` lists them.\n");
  return 2;
}

static int tell_failure(const struct err *e) {
  fprintf(stderr, "migd: %s\n", e->text);
  if (e->hint[0] != '\0')
    fprintf(stderr, "      %s\n", e->hint);
  return err_row(e->kind)->exit_code;
}

static bool asks_help(int argc, char **argv) {
  for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++)
    if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
      return true;
  return false;
}

static int command_run(const struct command *c, int argc, char **argv) {
  struct args args;
  struct err e;
  err_clear(&e);
  if (asks_help(argc, argv)) {
    command_usage(c);
    return 0;
  }
  if (args_parse(&args, argc, argv, c->options, c->keys, &e) != 0) {
    tell_failure(&e);
    fprintf(stderr, "`migd %s --help` lists the options.\n", c->name);
    return 2;
  }
  harden();
  int code = c->run(&args, &e);
  return code < 0 ? tell_failure(&e) : code;
}

int main(int argc, char **argv) {
  if (argc < 2) {
    usage(stderr);
    return 2;
  }
  if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "version") == 0) {
    printf("migd %s\n", MIGD_VERSION);
    return 0;
  }
  if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
      strcmp(argv[1], "help") == 0) {
    const struct command *c = argc > 2 ? command_find(argv[2]) : NULL;
    if (c != NULL)
      command_usage(c);
    else
      usage(stdout);
    return 0;
  }
  const struct command *c = command_find(argv[1]);
  return c != NULL ? command_run(c, argc - 2, argv + 2) : unknown_command(argv[1]);
}
