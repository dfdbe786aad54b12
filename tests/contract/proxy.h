/* A relay on loopback in front of one connection to PostgreSQL, for what a good network never
 * shows: a connection that is cut at a chosen byte, a pooler, a listener that is silent or speaks
 * another language. It runs on a thread of its own and serves one connection.
 */
#ifndef MIGD_TESTS_PROXY_H
#define MIGD_TESTS_PROXY_H

#include <pthread.h>
#include <stddef.h>

enum proxy_mode {
  PROXY_POOLER,   /* shows the client another process id than the server's */
  PROXY_CUT,      /* closes both sides once the client sent `marker` */
  PROXY_SILENT,   /* accepts and says nothing */
  PROXY_STRANGER, /* answers with HTTP */
  PROXY_NO_TLS    /* answers as PostgreSQL does that was asked for TLS and has none */
};

struct proxy {
  enum proxy_mode mode;
  const char *marker;
  int server_port, port; /* where to, and where it listens */
  int listener, stop[2];
  pthread_t thread;
};

void proxy_start(struct proxy *p);
void proxy_stop(struct proxy *p);

#endif
