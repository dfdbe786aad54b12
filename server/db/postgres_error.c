/* PostgreSQL's errors in migd's terms. A failed connection is told as a category, since the address
 * may have been chosen to find out what listens there; the server's words go into the detail.
 */
#include "server/db/postgres.h"

#include <stdlib.h>
#include <string.h>

#include "proto/base/utf8.h"

struct connect_row {
  const char *words; /* in libpq's or the server's message */
  const char *text;
  const char *hint; /* may be NULL */
};

#define REJECTED "TLS: the server does not accept the client certificate"
#define CLIENT_HINT "sslcert and sslkey in the URL name one, where migd's configuration allows it"

static const struct connect_row connect_rows[] = {
    {"password authentication failed", "password authentication failed",
     "check the user and the password of the target"},
    {"no password supplied", "the server asks for a password, and the target has none",
     "set it with --password-file FILE"},
    {"could not translate host name", "the host's name is not known", NULL},
    {"pg_hba.conf", "the server's pg_hba.conf does not admit this connection", NULL},
    {"too many c", "the server has too many connections", NULL},
    {"connection slots", "the server has too many connections", NULL},
    {"is starting up", "the server is starting up", NULL},
    {"is shutting down", "the server is shutting down", NULL},
    {"in recovery mode", "the server is in recovery", NULL},
    {"does not match host name", "TLS: the server's certificate is another host's",
     "name the host as its certificate does; sslmode=verify-ca does not compare names"},
    {"root certificate file", "TLS: there are no trusted certificates to check the server with",
     "give the target its CA (--ca-file FILE), or install that on migd's host"},
    {"valid client certificate", "TLS: the server asks for a client certificate", CLIENT_HINT},
    {"alert certificate required", "TLS: the server asks for a client certificate", CLIENT_HINT},
    {"certificate authentication failed", "the client certificate is not the role's",
     "its common name must be the role, unless the server maps it"},
    {"private key file", "TLS: the key of the client certificate cannot be used",
     "it must belong to migd's user, be readable by nobody else, and need no password"},
    {"load certificate revocation list", "TLS: the list of revoked certificates cannot be read",
     NULL},
    {"certificate file", "TLS: the client certificate cannot be read", NULL},
    {"alert unknown ca", REJECTED, CLIENT_HINT},
    {"alert bad certificate", REJECTED, CLIENT_HINT},
    {"alert certificate", REJECTED, CLIENT_HINT},
    {"certificate", "TLS: the server's certificate is not trusted",
     "give the target its CA (--ca-file FILE), or install that on migd's host"},
    {"does not support SSL", "the server does not offer TLS, and the URL requires it",
     "a server without TLS needs ?sslmode=disable in the URL"},
    {"SSL", "TLS with the server failed", NULL},
    /* After what a server said: of a name with two addresses the other may have refused. */
    {"Connection refused", "the server refused the connection",
     "is PostgreSQL running there, on that port?"},
    {"permission denied for database", "the role may not connect to the database", NULL},
    {"not currently accepting connections", "the database does not accept connections", NULL},
    {"not permitted to log in", "the role may not log in", NULL},
    {"No such file or directory", "there is no server at the socket", NULL},
    {"No route to host", "the network does not lead to the server", NULL},
    {"Network is unreachable", "the network does not lead to the server", NULL},
    {"timed out", "the server does not answer", NULL},
    {"timeout", "the server does not answer", NULL},
    {"expected authentication request", "what listens there is not PostgreSQL", NULL},
    {"invalid response to SSL", "what listens there is not PostgreSQL", NULL},
    {"server closed the connection", "the server closed the connection", NULL},
};

/* `database "x" does not exist`, `role "x" does not exist`: the name may hold anything. */
static const char *missing(const char *words) {
  const char *fatal = strstr(words, "FATAL:");
  if (!fatal || !strstr(fatal, "does not exist"))
    return NULL;
  fatal += strspn(fatal + 6, " ") + 6;
  return strncmp(fatal, "database ", 9) == 0 ? "the database does not exist"
         : strncmp(fatal, "role ", 5) == 0   ? "the role does not exist"
                                             : NULL;
}

int postgres_connect_fail(PGconn *conn, struct err *e) {
  const char *words = PQerrorMessage(conn);
  const char *text = missing(words), *hint = NULL;
  for (size_t i = 0; !text && i < sizeof connect_rows / sizeof *connect_rows; i++)
    if (strstr(words, connect_rows[i].words)) {
      text = connect_rows[i].text;
      hint = connect_rows[i].hint;
    }
  err_set(e, ERR_TARGET, "%s", text ? text : "cannot connect to the server");
  err_copy(e->detail, sizeof e->detail, words, strlen(words));
  if (hint)
    err_hint(e, "%s", hint);
  return -1;
}

int postgres_lost(struct postgres *p, struct err *e) {
  /* What the server said before it hung up, between two statements, is not read yet. */
  if (p->conn)
    (void)PQisBusy(p->conn);
  p->broken = true;
  if (p->farewell.kind != ERR_NONE) {
    *e = p->farewell;
    return -1;
  }
  const char *words = p->conn ? PQerrorMessage(p->conn) : "";
  err_set(e, ERR_TARGET, "the connection to the database is lost");
  err_copy(e->detail, sizeof e->detail, words, strlen(words));
  return -1;
}

/* An SQLSTATE, or the class that its first two characters are. The first row that fits counts. */
static const struct state_row {
  const char *state;
  enum err_kind kind;
} states[] = {
    {"08P01", ERR_MIGRATION}, /* wrong number of parameters, not a lost connection */
    {"08", ERR_TARGET},       {"25006", ERR_TARGET}, /* read-only */
    {"40P01", ERR_LOCKED},                           /* deadlock: we were the one to go */
    {"55P03", ERR_LOCKED},    {"57P01", ERR_TARGET}, /* shutdown, crash, starting up, database
                                                        dropped, idle session */
    {"57P02", ERR_TARGET},    {"57P03", ERR_TARGET}, {"57P04", ERR_TARGET},
    {"57P05", ERR_TARGET},    {"25P03", ERR_TARGET}, /* idle in transaction for too long: the server
                                                        hung up */
};

static enum err_kind kind_of(const char *state) {
  for (size_t i = 0; i < sizeof states / sizeof *states; i++)
    if (strncmp(state, states[i].state, strlen(states[i].state)) == 0)
      return states[i].kind;
  return ERR_MIGRATION;
}

/* The server counts characters from 1; we count bytes from 0. */
static long offset_of(const char *position, const char *sql, size_t len) {
  long characters = position ? strtol(position, NULL, 10) : 0;
  size_t at = 0;
  if (characters < 1)
    return -1;
  for (long i = 1; i < characters && at < len; i++) {
    size_t n = utf8_char(sql + at, len - at);
    at += n ? n : 1;
  }
  return (long)at;
}

static void copy_field(const PGresult *r, int code, char *field, size_t size) {
  const char *s = PQresultErrorField(r, code);
  if (s)
    err_copy_lines(field, size, s, strlen(s));
}

/* The server refuses several commands in one message with a syntax error that has no place. */
static bool is_several(const PGresult *r, const char *state) {
  return strcmp(state, "42601") == 0 && !PQresultErrorField(r, PG_DIAG_STATEMENT_POSITION) &&
         !PQresultErrorField(r, PG_DIAG_INTERNAL_POSITION) &&
         !PQresultErrorField(r, PG_DIAG_CONTEXT);
}

int postgres_fail(const PGresult *r, const char *sql, size_t len, struct err *e) {
  const char *state = PQresultErrorField(r, PG_DIAG_SQLSTATE);
  const char *text = PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY);
  if (!state) { /* libpq's own: the connection broke, or there is no memory for the result */
    const char *words = PQresultErrorMessage(r);
    err_set(e, ERR_TARGET, "the connection to the database is lost");
    err_copy(e->detail, sizeof e->detail, words, strlen(words));
    return -1;
  }
  err_set(e, is_several(r, state) ? ERR_INPUT : kind_of(state), "%s", text ? text : "failed");
  err_copy(e->sqlstate, sizeof e->sqlstate, state, strlen(state));
  copy_field(r, PG_DIAG_CONTEXT, e->detail, sizeof e->detail);
  copy_field(r, PG_DIAG_MESSAGE_DETAIL, e->detail, sizeof e->detail);
  const char *hint = PQresultErrorField(r, PG_DIAG_MESSAGE_HINT);
  if (hint)
    err_copy(e->hint, sizeof e->hint, hint, strlen(hint));
  e->offset = offset_of(PQresultErrorField(r, PG_DIAG_STATEMENT_POSITION), sql, len);
  return -1;
}
