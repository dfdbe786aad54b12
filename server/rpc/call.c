/* The dispatcher: what happens to every call on its worker, whatever the method: who asks, may
 * they, what do they say, the step, and one line in the log when it fails. Nothing is kept between
 * calls. Thread: the worker that the call was handed to (the loop for LANE_LOOP methods).
 */
#include "server/rpc/call.h"

#include "proto/rpc/frame.h"
#include "server/base/log.h"
#include "server/store/store.h"

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

enum call_next call_step(struct call *call, const void *bytes, size_t len, struct err *e) {
  err_clear(e);
  /* The messages of a client's stream are many: each is gone after its step. */
  struct arena scratch;
  arena_init(&scratch, 0);
  struct arena *arena = call->method->client_streams ? &scratch : &call->arena;
  const ProtobufCMessage *in = NULL;
  enum call_next next = CALL_FAIL;
  if (call_admit(call, e) == 0 && call_unpack(call, bytes, len, arena, &in, e) == 0)
    next = call->method->step(call, in, e);
  arena_release(&scratch);
  if (next != CALL_FAIL && call_check_size(call, e) != 0)
    next = CALL_FAIL;
  if (next == CALL_FAIL)
    call_log(call, e);
  return next;
}
