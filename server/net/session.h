/* A connection's HTTP/2 session over nghttp2: options, callbacks, the limits that nghttp2 does not
 * have. Loop thread only.
 */
#ifndef MIGD_NET_SESSION_H
#define MIGD_NET_SESSION_H

#include "server/net/conn.h"

/* Made once for all connections: n->callbacks, n->options. */
void session_setup(struct net *n);
/* Makes c->session and queues our SETTINGS. */
int session_open(struct conn *c, struct err *e);
/* Feeds what came; misbehaviour fails the connection. */
void session_feed(struct conn *c, const uint8_t *bytes, size_t len);
/* Moves frames into the connection's output until there is enough of it. */
void session_send(struct conn *c);

#endif
