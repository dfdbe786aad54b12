/* A relay on loopback in front of PostgreSQL, for what a good network never shows: a connection
 * that is cut or freezes at a chosen byte, a pooler, a listener that is silent or speaks another
 * language. It runs on threads of its own, one a connection.
 */
#ifndef MIGD_TESTS_PROXY_H
#define MIGD_TESTS_PROXY_H

#include <pthread.h>
#include <stddef.h>

enum proxy_mode {
  PROXY_POOLER, /* shows the client another process id than the server's */
  PROXY_CUT,    /* closes both sides once the client sent `marker` */
  PROXY_FREEZE, /* passes nothing more on of the connection that sent `marker` */
  PROXY_SWITCH, /* after `marker` another session of the server answers: a pooler that hands on the
                   server's own key. `folder`, `user` and `database` name that session. */
  PROXY_SILENT, /* accepts and says nothing */
  PROXY_STRANGER, /* answers with HTTP */
  PROXY_NO_TLS    /* answers as PostgreSQL does that was asked for TLS and has none */
};

struct proxy {
  enum proxy_mode mode;
  const char *marker;
  const char *folder, *user, *database; /* PROXY_SWITCH: of a socket that trusts the user */
  int server_port, port;                /* where to, and where it listens */
  int listener, stop[2];
  pthread_t thread;
};

void proxy_start(struct proxy *p);
void proxy_stop(struct proxy *p);

#endif
