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
#include "proto/base/buf.h"
#include "proto/base/err.h"
#include <protobuf-c/protobuf-c.h>

struct channel;

struct session {
  const struct command *command;
  struct options options;
  struct config config;
  struct arena arena;
  struct channel *channel; /* NULL until the first call */
  int64_t deadline;        /* --timeout: CLOCK_MONOTONIC ns for the whole command; 0: none */
  int64_t patience;        /* ns that one question may take; 0: any */
  bool json;               /* -o json */
  bool quiet;              /* -q: nothing but data and errors */
  bool verbose;            /* -v */
  bool color_out, color_err;
  bool tty_out, tty_err;
  bool usage;       /* the error is about how the command was typed: exit code 2 */
  bool json_failed; /* the failure is in the JSON on stdout already */
};

/* What the options say about output; so that a failure before session_open() is told as asked for.
 */
void session_look(struct session *s);
/* Reads the settings and what the common options say. */
int session_open(struct session *s, struct err *e);
void session_release(struct session *s);

/* Talk: one line on stderr, nothing with --quiet. The text is cleaned of control characters. */
void say(const struct session *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Data: bytes on stdout. */
void session_print(const struct session *s, const struct buf *bytes);
/* An error on stderr, in full. */
void session_report(const struct session *s, const struct err *e);
/* Answers -1 for an error in how the command was typed: exit code 2. */
int session_usage(struct session *s, struct err *e, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The n-th argument from 0, or NULL. */
const char *session_argument(const struct session *s, size_t n);
bool session_flag(const struct session *s, const char *option);
/* An option's value, or "". The messages of protobuf-c want char *, and do not write to it. */
char *session_text(const struct session *s, const char *option);
/* The value of a duration option in ns; answers 0 when it is absent (`*ns` is left alone), 1 when
 * given, -1 on a bad one. */
int session_duration(struct session *s, const char *option, int64_t *ns, struct err *e);
/* --catalog, or the profile's, or "". */
char *session_catalog(const struct session *s);

/* A unary call over the session's connection, which is made where there is none: the reply, in the
 * session's arena, or NULL. */
const void *session_ask(struct session *s, const ProtobufCServiceDescriptor *service,
                        const char *method, const void *request, struct err *e);
/* Like session_ask, and prints the reply when JSON is wanted. */
const void *session_ask_print(struct session *s, const ProtobufCServiceDescriptor *service,
                              const char *method, const void *request, struct err *e);
/* A call with a stream of replies, without a time limit but --timeout: `message` gets each,
 * borrowed for the call; a non-zero answer ends the call and is answered. */
int session_stream(struct session *s, const ProtobufCServiceDescriptor *service, const char *method,
                   const void *request,
                   int (*message)(void *ctx, const ProtobufCMessage *m, struct err *e), void *ctx,
                   struct err *e);
/* The connection for calls of other forms; made where there is none or it is lost. */
struct channel *session_channel(struct session *s, struct err *e);

/* Prints a message as JSON on stdout: indented, or compact on one line (for streams). */
void session_json(const struct session *s, const void *message, bool compact);

/* "1 target", "3 targets"; with thousands separated. In the arena. */
const char *counted(struct session *s, uint64_t n, const char *one, const char *many);

#endif
