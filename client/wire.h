/* The byte stream to the server: TCP and TLS 1.3 with the client's certificate, never blocking.
 * Loads nothing but the three files it is given: no CA store, no openssl.cnf. One thread.
 */
#ifndef MIGD_CLIENT_WIRE_H
#define MIGD_CLIENT_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "client/interrupt.h"
#include "proto/base/err.h"

struct wire;

struct wire_settings {
  const char *server;          /* host, host:port, [v6]:port */
  const char *ca, *cert, *key; /* PEM files */
};

#define WIRE_DEFAULT_PORT "7433"

/* Tries each address of the server in turn until `deadline` (CLOCK_MONOTONIC ns, 0: none).
 * ERR_UNREACHABLE, ERR_UNAUTHENTICATED when the certificates do not fit, ERR_CANCELLED by a signal.
 */
struct wire *wire_open(const struct wire_settings *settings, int64_t deadline,
                       struct interrupts *interrupts, struct err *e);
void wire_close(struct wire *w); /* Takes NULL. */

/* Bytes done; 0: not now, wait; -1: the connection is of no more use. */
ssize_t wire_read(struct wire *w, uint8_t *bytes, size_t size, struct err *e);
ssize_t wire_write(struct wire *w, const uint8_t *bytes, size_t len, struct err *e);

enum wire_event { WIRE_READY, WIRE_TIME, WIRE_INTERRUPT };
/* Waits for bytes (or, with `write`, for room), for the time, or for a signal. */
enum wire_event wire_wait(struct wire *w, bool write, int64_t until, struct interrupts *interrupts);

/* "localhost:7433", for messages and :authority. */
const char *wire_name(const struct wire *w);

/* Splits `host:port`; exported for its test. ERR_INPUT for what is no address. */
int wire_address(const char *server, char *host, size_t host_size, char *port, size_t port_size,
                 struct err *e);

#endif
