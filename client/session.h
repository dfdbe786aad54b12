/* What a command works with: its options, its settings, a memory arena that lives as long as the
 * process's one command, the connection to the server, and where output goes. One thread.
 */
#ifndef MIGD_CLIENT_SESSION_H
#define MIGD_CLIENT_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "client/command.h"
#include "client/config.h"
#include "client/options.h"
#include "proto/base/arena.h"
#include "proto/base/err.h"
#include <protobuf-c/protobuf-c.h>

struct channel;

struct session {
  const struct command *command;
  struct options options;
  struct config config;
  struct arena arena;
  struct channel *channel; /* NULL until the first call */
  int64_t deadline;        /* CLOCK_MONOTONIC ns for the whole command; 0: none */
  bool json;               /* -o json */
  bool quiet;              /* -q: nothing but data and errors */
  bool verbose;            /* -v */
  bool color_out, color_err;
  bool json_error_done; /* the error is on stdout already */
};

void session_release(struct session *s);

/* Talk: one line on stderr, nothing with --quiet. The text is cleaned of control characters. */
void say(const struct session *s, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The first argument, or NULL. */
const char *session_argument(const struct session *s, size_t n);
/* The value of a duration option in ns; answers 0 when it is absent (`*ns` is left alone), 1 when
 * given, -1 on a bad one. */
int session_duration(const struct session *s, const char *option, int64_t *ns, struct err *e);

#define RPC_SERVICE(name) (&migd__v1__##name##__descriptor)

/* A unary call over the session's connection, which is made where there is none. The reply lives in
 * the session's arena. */
int session_ask(struct session *s, const ProtobufCServiceDescriptor *service, const char *method,
                const void *request, const void **reply, struct err *e);
/* A call with a stream of replies: `message` gets each, borrowed for the call; a non-zero answer
 * ends the call and is answered (with `e` as it left it when negative). */
int session_stream(struct session *s, const ProtobufCServiceDescriptor *service, const char *method,
                   const void *request,
                   int (*message)(void *ctx, const ProtobufCMessage *m, struct err *e), void *ctx,
                   struct err *e);

/* Prints a message as JSON on stdout: indented, or compact on one line (for streams). */
void session_json(const struct session *s, const void *message, bool compact);

#endif
