/* The dispatcher: what happens to every call on its worker, whatever the method: who asks, may
 * they, what do they say, the step, and one line in the log when it fails. Nothing is kept between
 * calls. Thread: the worker that the call was handed to (the loop for LANE_LOOP methods).
 */
#include "server/rpc/call.h"

#include "proto/rpc/frame.h"
#include "server/base/log.h"
#include "server/store/store.h"

#define STEP_BYTES (1u << 20) /* of replies handed over at once, unless one message is longer */

void call_reply(struct call *call, const ProtobufCMessage *message) {
  if (protobuf_c_message_get_packed_size(message) > RPC_MESSAGE_MAX)
    call->too_large = true;
  else
    rpc_frame(&call->replies, message);
}

/* On every step, so that a principal that was removed is gone from its open streams too. */
static int call_identify(struct call *call, struct err *e) {
  struct store *store = call->server->store;
  struct db *db = store_reader(store, e);
  if (db == NULL)
    return -1;
  struct principal found;
  int rc = principal_of_uri(db, store_id(store), call->uri, &found, e);
  store_reader_done(store, db);
  if (rc == 0)
    call->principal = found;
  return rc;
}

static int call_admit(struct call *call, struct err *e) {
  const struct method *m = call->method;
  if (job_check(&call->job, e) != 0)
    return -1;
  if (m->lane == LANE_LOOP)
    return 0;
  if (call_identify(call, e) != 0)
    return -1;
  if (call->principal.role < m->role)
    return err_set(e, ERR_DENIED, "%s needs the role %s; %s has the role %s", m->name,
                   role_name(m->role), call->principal.name, role_name(call->principal.role));
  return 0;
}

static int call_unpack(struct call *call, const void *bytes, size_t len, struct arena *arena,
                       const ProtobufCMessage **in, struct err *e) {
  bool begun = call->begun;
  call->begun = true;
  if (bytes == NULL && !begun && !call->method->client_streams)
    return err_set(e, ERR_INPUT, "%s was called without a request message", call->method->name);
  if (bytes == NULL)
    return 0;
  *in = rpc_unpack(call->method->in, bytes, len, arena, e);
  return *in == NULL ? -1 : 0;
}

static int call_check_size(struct call *call, struct err *e) {
  if (!call->too_large)
    return 0;
  err_set(e, ERR_BUSY, "the answer of %s is over the %u MiB that one message holds",
          call->method->name, RPC_MESSAGE_MAX >> 20);
  return err_hint(e, "ask for less at a time");
}

static void call_log(const struct call *call, struct err *e) {
  if (e->kind == ERR_NONE)
    err_set(e, ERR_INTERNAL, "%s failed without saying why", call->method->name);
  bool ours = e->kind == ERR_INTERNAL || e->kind == ERR_STORAGE;
  log_line(call->server->log, ours ? LOG_ERROR : LOG_INFO, "rpc", "%s by %s: %s: %s",
           call->method->name, call->principal.name[0] != '\0' ? call->principal.name : call->uri,
           err_row(e->kind)->name, e->text);
}

static size_t frame_len(const char *frame) {
  const uint8_t *p = (const uint8_t *)frame;
  return 5 + ((size_t)p[1] << 24 | (size_t)p[2] << 16 | (size_t)p[3] << 8 | p[4]);
}

/* Hands over whole messages of what was kept, and what the step answered behind the last one. */
static enum call_next hand_on(struct call *call, struct err *e) {
  size_t end = call->kept_at;
  do
    end += frame_len(call->kept.s + end);
  while (end < call->kept.len && end - call->kept_at + frame_len(call->kept.s + end) <= STEP_BYTES);
  buf_add(&call->replies, call->kept.s + call->kept_at, end - call->kept_at);
  call->kept_at = end;
  if (end < call->kept.len)
    return CALL_MORE;
  buf_release(&call->kept);
  *e = call->kept_err;
  return call->kept_next;
}

/* The network's side holds little for a client, and gives up one for whom it would be more: what a
 * step makes in one go is no reason for that. */
static enum call_next keep_back(struct call *call, enum call_next next, struct err *e) {
  if (call->replies.len <= STEP_BYTES)
    return next;
  call->kept = call->replies;
  call->replies = BUF_INIT;
  call->kept_at = 0;
  call->kept_next = next;
  call->kept_err = *e;
  return hand_on(call, e);
}

static enum call_next run_step(struct call *call, const void *bytes, size_t len, struct err *e) {
  /* The messages of a client's stream are many: each is gone after its step. */
  struct arena scratch;
  arena_init(&scratch, 0);
  struct arena *arena = call->method->client_streams ? &scratch : &call->arena;
  const ProtobufCMessage *in = NULL;
  enum call_next next = CALL_FAIL;
  if (call_unpack(call, bytes, len, arena, &in, e) == 0)
    next = call->method->step(call, in, e);
  arena_release(&scratch);
  if (next != CALL_FAIL && call_check_size(call, e) != 0)
    next = CALL_FAIL;
  return next;
}

enum call_next call_step(struct call *call, const void *bytes, size_t len, struct err *e) {
  err_clear(e);
  bool admitted = call_admit(call, e) == 0;
  if (admitted && call->kept.len > 0)
    return hand_on(call, e);
  enum call_next next = admitted ? run_step(call, bytes, len, e) : CALL_FAIL;
  if (next == CALL_FAIL)
    call_log(call, e);
  return keep_back(call, next, e);
}
