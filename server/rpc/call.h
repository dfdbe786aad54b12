/* A call, as a worker sees it, and the table of methods.
 *
 * A call is handed over whole, never shared: the loop gives it to a worker with one request message
 * (or none), the worker runs the method's `step`, and gives it back through the mailbox with the
 * replies it made. Only `job` is touched by both (cancel is a flag). A streaming answer is a step
 * that is called again: that one rule is back-pressure, resume and watching.
 */
#ifndef MIGD_RPC_CALL_H
#define MIGD_RPC_CALL_H

#include <protobuf-c/protobuf-c.h>
#include <stdatomic.h>

#include "proto/base/arena.h"
#include "proto/base/buf.h"
#include "proto/base/err.h"
#include "server/base/job.h"
#include "server/lint/lint.h"
#include "server/store/principal.h"

struct engine;
struct keyring;
struct log;
struct store;

/* What the handlers work with; made by main, the same for all calls, read-only. */
struct server {
  struct store *store;
  struct engine *engine;
  const struct keyring *keys;
  struct log *log;
  const char *version;
  const char *store_revision;
  const char *const *sqlite_roots; /* NULL-terminated */
  bool allow_socket;
  const char *const *postgres_files; /* folders; NULL-terminated, or NULL */
  unsigned parallel;
  uint64_t catalog_max;               /* bytes of a pushed catalog */
  int64_t started_at;                 /* wall, microseconds */
  unsigned (*connections)(void *ctx); /* any thread */
  void *connections_ctx;
  const char *tmp_dir; /* for spooled uploads */
  struct lint_options lint;
  atomic_uint *pushes; /* uploads being received, all calls together */
};

/* Where a method's steps run. */
enum lane {
  LANE_WORKER, /* may block */
  LANE_LOOP,   /* must not: no store, no file; needs no principal */
};

/* What a step answers. */
enum call_next {
  CALL_FAIL, /* ends with `e` (after the replies made so far) */
  CALL_DONE, /* ends with OK */
  CALL_MORE, /* call again, without a message, when the replies are sent */
  CALL_WAIT, /* call again, without a message, when call->wait_run has an event >= call->wait_seq;
                wait_run 0: only when the call ends (it is freed then) */
};

struct call {
  const struct server *server;
  const struct method *method;
  struct arena arena; /* lives as long as the call; a request message is in it, but not those of a
                       stream, which live for a step */
  struct job job;
  char uri[256];               /* of the client's certificate */
  int64_t certificate_expires; /* wall, microseconds */
  struct principal principal;  /* set before the first step of a LANE_WORKER method */
  bool ended;                  /* the client has sent its last message */
  bool begun;                  /* call_step's: it was stepped before */
  bool too_large;              /* call_reply's: a reply did not fit into one message */
  int64_t wait_run;
  uint64_t wait_seq;
  struct buf replies; /* framed messages of this step */
  struct buf kept;    /* call_step's: those that a step made too many of, from kept_at on */
  size_t kept_at;
  enum call_next kept_next; /* what the step answered, with kept_err */
  struct err kept_err;
  void *state; /* the method's own, made by its first step */
  void (*state_free)(void *state);
};

/* One row a method. `step` gets a message that `in` describes or NULL: a unary or server-streaming
 * method is stepped once with its message, then (after CALL_MORE, CALL_WAIT) with NULL; a
 * client-streaming one with each message as it comes (answering CALL_MORE for the next) and then
 * with NULL, call->ended set. */
struct method {
  const char *name; /* "StartRun" */
  const ProtobufCMessageDescriptor *in, *out;
  enum role role; /* the least that may call it; ROLE_NONE: any known principal */
  enum lane lane;
  bool client_streams, server_streams;
  enum call_next (*step)(struct call *call, const ProtobufCMessage *in, struct err *e);
};

struct service {
  const char *name; /* "migd.v1.Runs" */
  const struct method *methods;
  size_t count;
};

/* The table: every service of this server, NULL-terminated; one word a service in methods.c. */
extern const struct service *const rpc_services[];
/* By `/migd.v1.Runs/StartRun`; NULL when there is none. */
const struct method *method_find(const char *path, size_t len);

/* Appends a reply message (already of type method->out). One that is over RPC_MESSAGE_MAX is not
 * sent: the call fails with ERR_BUSY when the step returns. */
void call_reply(struct call *call, const ProtobufCMessage *message);
/* What a worker does with a call it was handed: the principal is looked up, the role checked, the
 * message unpacked, the step run, failures logged once. Of more than about a MiB of replies a part
 * is answered with CALL_MORE, and the rest is what the next steps are. `bytes` NULL: no message.
 * Runs on a worker; for LANE_LOOP methods on the loop. */
enum call_next call_step(struct call *call, const void *bytes, size_t len, struct err *e);

#endif
