/* Connecting to PostgreSQL: only the options that migd chose, within a time limit, cancellable;
 * then the refusals: a pooler in between, a standby, a role that could leave the database; then the
 * schema that is the target.
 */
#include "server/db/postgres.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/base/clock.h"
#include "server/base/digest.h"

#define NOTICES_MAX 65536

extern char **environ;

/* OpenSSL would ask for the password of a client's key at the terminal. */
static int no_key_password(char *buf, int size, PGconn *conn) {
  (void)size;
  (void)conn;
  buf[0] = '\0';
  return 0;
}

/* libpq takes defaults from PG* variables and from files in the home folder. */
void postgres_process_init(void) {
  for (char **v = environ; v && *v;) {
    char name[128];
    size_t len = strcspn(*v, "=");
    if (strncmp(*v, "PG", 2) != 0 || len >= sizeof name) {
      v++;
      continue;
    }
    memcpy(name, *v, len);
    name[len] = '\0';
    unsetenv(name); /* moves the rest up */
  }
  setenv("HOME", "/nonexistent", 1);
  PQsetSSLKeyPassHook_OpenSSL(no_key_password);
}

/* libpq 15 knows no "the system's": it wants a file. */
static const char *trusted_certificates(void) {
  static const char *const files[] = {"/etc/ssl/certs/ca-certificates.crt",
                                      "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"};
  const char *chosen = getenv("SSL_CERT_FILE");
  for (size_t i = 0; !chosen && i < sizeof files / sizeof *files; i++)
    if (access(files[i], R_OK) == 0)
      chosen = files[i];
  return chosen ? chosen : files[0];
}

static const char *file_of(const struct db_url *url, enum db_file file, const char *otherwise) {
  return url->files[file][0] ? url->files[file] : otherwise;
}

static PGconn *start(const struct db_url *url, const char *password, const char *address) {
  bool verify = strncmp(url->sslmode, "verify", 6) == 0;
  /* For a passfile /dev/null libpq writes a warning to stderr. */
  /* clang-format off */
  const char *const pairs[][2] = {
      {"host", url->host},
      {"hostaddr", address && *address ? address : NULL},
      {"port", url->port},
      {"user", url->user},
      {"dbname", url->database},
      {"password", password},
      {"sslmode", url->sslmode},
      {"sslrootcert", file_of(url, DB_SSLROOTCERT, verify ? trusted_certificates() : NULL)},
      {"sslcrl", file_of(url, DB_SSLCRL, NULL)},
      {"sslcert", file_of(url, DB_SSLCERT, NULL)},
      {"sslkey", file_of(url, DB_SSLKEY, NULL)},
      {"passfile", file_of(url, DB_PASSFILE, "/nonexistent/passfile")},
      {"gssencmode", "disable"},
      {"application_name", "migd"},
      {"client_encoding", "UTF8"},
      {"keepalives", "1"},
      {"keepalives_idle", "30"},
      {"keepalives_interval", "10"},
      {"keepalives_count", "3"},
      {"tcp_user_timeout", "30000"},
  };
  /* clang-format on */
  const char *names[sizeof pairs / sizeof *pairs + 1] = {0};
  const char *values[sizeof pairs / sizeof *pairs + 1] = {0};
  size_t n = 0;
  for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
    if (pairs[i][1]) {
      names[n] = pairs[i][0];
      values[n++] = pairs[i][1];
    }
  return PQconnectStartParams(names, values, 0);
}

/* The socket may be another one after each step: libpq goes through a name's addresses. */
static int finish(PGconn *conn, int64_t ends_ns, const struct job *job, struct err *e) {
  PostgresPollingStatusType state = PGRES_POLLING_WRITING;
  if (PQstatus(conn) == CONNECTION_BAD)
    return postgres_connect_fail(conn, e);
  while (state != PGRES_POLLING_OK) {
    short events = state == PGRES_POLLING_READING ? POLLIN : POLLOUT;
    int rc = postgres_poll(conn, events, ends_ns, job, e);
    if (rc < 0)
      return -1;
    if (rc == 0)
      return err_set(e, ERR_TARGET, "the server does not answer");
    state = PQconnectPoll(conn);
    if (state == PGRES_POLLING_FAILED)
      return postgres_connect_fail(conn, e);
  }
  return PQsetnonblocking(conn, 1) == 0 ? 0 : postgres_connect_fail(conn, e);
}

/* Instead of libpq's own, which writes to stderr. */
static void no_notice(void *ctx, const PGresult *res) {
  (void)ctx;
  (void)res;
}

int postgres_connect(PGconn **out, const struct db_url *url, const char *password,
                     const char *address, int64_t ends_ns, const struct job *job, struct err *e) {
  PGconn *conn = start(url, password, address);
  if (!conn)
    return err_set(e, ERR_BUSY, "out of memory");
  PQsetNoticeReceiver(conn, no_notice, NULL);
  if (finish(conn, ends_ns, job, e) < 0) {
    PQfinish(conn);
    return -1;
  }
  *out = conn;
  return 0;
}

/* What the server says about itself and us. */
struct facts {
  int64_t pid, standby, read_only, superuser;
  char powers[160];
};

static int on_facts(void *ctx, const struct db_value *v, int count, struct err *e) {
  struct facts *f = ctx;
  if (count != 5)
    return err_set(e, ERR_TARGET, "the server answers nonsense");
  f->pid = v[0].i;
  f->standby = v[1].i;
  f->read_only = v[2].i;
  f->superuser = v[3].i;
  if (v[4].type == DB_TEXT)
    err_copy(f->powers, sizeof f->powers, v[4].s, v[4].len);
  return 0;
}

static const char facts_sql[] =
    "SELECT pg_catalog.pg_backend_pid(), pg_catalog.pg_is_in_recovery(),"
    " pg_catalog.current_setting('default_transaction_read_only')::pg_catalog.bool, r.rolsuper,"
    " (SELECT pg_catalog.string_agg(p.rolname::pg_catalog.text, ', ') FROM pg_catalog.pg_roles p"
    "  WHERE p.rolname IN ('pg_execute_server_program', 'pg_read_server_files',"
    "   'pg_write_server_files') AND pg_catalog.pg_has_role(r.oid, p.oid, 'MEMBER'))"
    " FROM pg_catalog.pg_roles r WHERE r.rolname = current_user";

static int check_role(const struct postgres *p, const struct facts *f, struct err *e) {
  if (!f->superuser && !f->powers[0])
    return 0;
  if (f->superuser)
    err_set(e, ERR_REFUSED, "the role %s is a superuser", p->url.user);
  else
    err_set(e, ERR_REFUSED, "the role %s is a member of %s", p->url.user, f->powers);
  return err_hint(e, "a migration could leave the database: use a role that owns the schema and no "
                     "more, or allow this one with --allow-superuser");
}

int postgres_refuse_pooler(struct err *e) {
  err_set(e, ERR_REFUSED, "there is a connection pooler between migd and the database");
  return err_hint(e, "name the database server itself: a lock does not survive a pooler");
}

static int check_facts(const struct postgres *p, const struct facts *f,
                       const struct db_options *options, struct err *e) {
  if (f->pid != PQbackendPID(p->conn))
    return postgres_refuse_pooler(e);
  bool any = strcmp(p->url.session, "any") == 0;
  bool writes = strcmp(p->url.session, "read-write") == 0;
  if ((f->standby && !any) || (f->read_only && writes))
    return err_set(e, ERR_TARGET, "the server is read-only%s", f->standby ? " (a standby)" : "");
  return options->allow_superuser ? 0 : check_role(p, f, e);
}

/* How the session behaves, whatever the role's defaults are. The interval lets the server notice
 * that migd is gone while a statement runs; not every server can. */
static int settle(struct postgres *p, const struct db_options *options, const struct job *job,
                  struct err *e) {
  char lock[24], statement[24], idle[24];
  struct err ignored;
  p->lock_wait_ms = options->lock_timeout_ms > 0 ? options->lock_timeout_ms : 1;
  snprintf(lock, sizeof lock, "%lld", (long long)p->lock_wait_ms);
  snprintf(statement, sizeof statement, "%lld", (long long)options->statement_timeout_ms);
  snprintf(idle, sizeof idle, "%lld", (long long)options->idle_timeout_ms);
  struct db_value params[] = {db_text(lock), db_text(statement), db_text(idle)};
  if (postgres_query(p,
                     "SELECT pg_catalog.set_config('lock_timeout', $1, false),"
                     " pg_catalog.set_config('statement_timeout', $2, false),"
                     " pg_catalog.set_config('idle_in_transaction_session_timeout', $3, false),"
                     " pg_catalog.set_config('standard_conforming_strings', 'on', false),"
                     " pg_catalog.set_config('bytea_output', 'hex', false)",
                     params, 3, NULL, NULL, job, e) < 0)
    return -1;
  if (postgres_query(p, "SET client_connection_check_interval = 2000", NULL, 0, NULL, NULL, job,
                     &ignored) < 0 &&
      p->broken) {
    *e = ignored;
    return -1;
  }
  return 0;
}

static void on_notice(void *ctx, const PGresult *res) {
  struct postgres *p = ctx;
  const char *severity = PQresultErrorField(res, PG_DIAG_SEVERITY_NONLOCALIZED);
  const char *text = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);
  if (severity && (!strcmp(severity, "FATAL") || !strcmp(severity, "PANIC")))
    (void)postgres_fail(res, "", 0, &p->farewell);
  if (!p->notice || !p->busy || !text || p->noticed >= NOTICES_MAX)
    return;
  size_t len = strlen(text);
  bool fits = len <= NOTICES_MAX - p->noticed;
  p->noticed = fits ? p->noticed + len : NOTICES_MAX;
  p->notice(p->notice_ctx, severity ? severity : "NOTICE",
            fits ? text : "further messages of this statement are left out");
}

static int open_checked(struct postgres *p, const struct db_options *options, const struct job *job,
                        struct err *e) {
  struct facts facts = {0};
  p->ends_ns = clock_mono_ns() + (int64_t)p->url.connect_timeout_s * NS_PER_S;
  if (postgres_connect(&p->conn, &p->url, p->password, NULL, p->ends_ns, job, e) < 0)
    return -1;
  PQsetNoticeReceiver(p->conn, on_notice, p);
  if (postgres_query(p, facts_sql, NULL, 0, on_facts, &facts, job, e) < 0 ||
      check_facts(p, &facts, options, e) < 0 || settle(p, options, job, e) < 0 ||
      postgres_schema(p, options, job, e) < 0)
    return -1;
  p->ends_ns = 0;
  return 0;
}

/* What this machine has that the URL would use. */
static int check_local(const struct db_options *options, struct err *e) {
  const char *host = options->url->host;
  if ((host[0] == '/' || host[0] == '@') && !options->allow_socket) {
    err_set(e, ERR_REFUSED, "a socket's folder is not allowed as a host");
    return err_hint(e, "the server's configuration may allow it");
  }
  return postgres_files_check(options->url, options->postgres_files, e);
}

int postgres_open(struct db **out, const struct db_options *options, const struct job *job,
                  struct err *e) {
  if (check_local(options, e) < 0)
    return -1;
  struct postgres *p = xcalloc(1, sizeof *p);
  p->db.driver = &db_postgres;
  p->url = *options->url;
  p->db.schema = p->url.schema_count ? p->url.schemas[0] : NULL;
  p->ca_fd = -1;
  p->password = options->password ? xstrdup(options->password) : NULL;
  p->notice = options->notice;
  p->notice_ctx = options->notice_ctx;
  if (options->ca_certificate) {
    char *path = p->url.files[DB_SSLROOTCERT];
    p->ca_fd = postgres_ca_file(options->ca_certificate, path, sizeof p->url.files[0], e);
  }
  if ((options->ca_certificate && p->ca_fd < 0) || open_checked(p, options, job, e) < 0) {
    postgres_close(&p->db);
    return -1;
  }
  *out = &p->db;
  return 0;
}

void postgres_close(struct db *db) {
  struct postgres *p = (struct postgres *)db;
  PQfinish(p->conn);
  postgres_aside_close(p);
  if (p->ca_fd >= 0)
    close(p->ca_fd);
  if (p->password)
    wipe(p->password, strlen(p->password));
  free(p->password);
  free(p);
}
