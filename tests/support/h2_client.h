/* A small gRPC client for tests, also a rude one: it can send any frame it likes. One thread;
 * everything that waits, waits for the socket, with a limit that only a failing test reaches.
 */
#ifndef MIGD_TESTS_H2_CLIENT_H
#define MIGD_TESTS_H2_CLIENT_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/base/buf.h"

#define H2_WAIT_MS 20000

struct h2_options {
  const char *address;         /* ADDR:PORT */
  const char *ca, *cert, *key; /* files; cert NULL: present none */
  const char *alpn;            /* NULL: "h2"; "": offer nothing */
  bool tls12;                  /* speak TLS 1.2 at most */
  bool no_window;              /* SETTINGS_INITIAL_WINDOW_SIZE 0: never take a byte of DATA */
  bool raw;                    /* no nghttp2: h2_raw and h2_drain alone */
};

/* What became of a call. */
struct h2_stream {
  struct h2_stream *next;
  int32_t id;
  int http_status;    /* 0: no headers yet */
  int grpc_status;    /* -1: none yet */
  bool trailers_only; /* the status came with the first headers */
  bool closed;
  uint32_t error; /* HTTP/2's, of RST_STREAM; 0: none */
  char accept_encoding[32];
  struct buf message; /* decoded grpc-message */
  struct buf details; /* decoded grpc-status-details-bin */
  struct buf body;    /* bytes of DATA */
  struct buf request; /* bytes to send */
  size_t request_at;
  bool request_ended, deferred;
};

struct h2;

/* The ends of a connection that a test waits for. */
enum h2_end { H2_ALIVE, H2_EOF, H2_RESET, H2_TLS_ALERT };

/* Connects and does the handshake. Never NULL; see h2_state. */
struct h2 *h2_open(const struct h2_options *options);
void h2_close(struct h2 *h);
enum h2_end h2_state(const struct h2 *h);
/* The alert that ended it, as OpenSSL words it; "" where there was none. */
const char *h2_alert(const struct h2 *h);
/* The error code of the GOAWAY that came; -1: none. */
int64_t h2_goaway(const struct h2 *h);
unsigned h2_goaways(const struct h2 *h);

/* PINGs of the server's own. */
unsigned h2_pings_seen(const struct h2 *h);
/* Bytes of DATA that a raw client has seen. */
size_t h2_data_seen(const struct h2 *h);
/* RST_STREAMs that a raw client has seen, and the last one's error. */
unsigned h2_resets(const struct h2 *h, uint32_t *error);

/* Starts a call: extra headers are pairs of name and value, NULL-terminated, may be NULL. No
 * message yet. */
struct h2_stream *h2_start(struct h2 *h, const char *path, const char *const *headers);
/* As h2_start with all headers given by the caller, `:method` first. */
struct h2_stream *h2_start_headers(struct h2 *h, const char *const *headers, bool end);
/* Adds a length-prefixed message, or raw bytes, to the request. */
void h2_send(struct h2 *h, struct h2_stream *s, const void *bytes, size_t len);
void h2_send_raw(struct h2 *h, struct h2_stream *s, const void *bytes, size_t len);
void h2_end(struct h2 *h, struct h2_stream *s);
void h2_reset(struct h2 *h, struct h2_stream *s, uint32_t error);
/* Start, send, end, wait: the stream when it is closed. */
struct h2_stream *h2_call(struct h2 *h, const char *path, const void *bytes, size_t len);

/* Moves bytes until `done` says so, or the connection ends (false). */
bool h2_wait(struct h2 *h, bool (*done)(void *ctx), void *ctx);
bool h2_wait_closed(struct h2 *h, struct h2_stream *s);
bool h2_wait_body(struct h2 *h, struct h2_stream *s, size_t len);
/* Until the server closes; what it still says is read. */
enum h2_end h2_wait_end(struct h2 *h);
/* Until the socket says that the server has closed, whatever TLS thinks of it. False: it was a
 * reset, which eats what was said before it. */
bool h2_wait_fin(struct h2 *h);
/* A round trip: what was sent before has been read by the server, or the connection has ended
 * (false). */
bool h2_ping(struct h2 *h);
/* Bytes of a request that have left for TLS. */
size_t h2_sent(const struct h2_stream *s);

/* Rudeness: bytes, or a frame, as they are. False: the connection has ended. */
bool h2_raw(struct h2 *h, const void *bytes, size_t len);
bool h2_frame(struct h2 *h, uint8_t type, uint8_t flags, int32_t stream, const void *payload,
              size_t len);
/* Sends what is queued, without reading. */
bool h2_flush(struct h2 *h);
int h2_fd(const struct h2 *h);
/* A plain TCP connection to ADDR:PORT; ends the test when there is none. */
int h2_tcp(const char *address);

#endif
