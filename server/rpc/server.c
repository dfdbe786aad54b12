/* migd.v1.Server: who asks and who answers. */
#include "server/rpc/services.h"

#include "server/base/clock.h"
#include "server/engine/engine.h"
#include "server/rpc/convert.h"

static enum call_next ping(struct call *call, const ProtobufCMessage *in, struct err *e) {
  (void)in, (void)e;
  Migd__V1__PingResponse reply = MIGD__V1__PING_RESPONSE__INIT;
  reply.time = proto_time(&call->arena, clock_wall_us());
  call_reply(call, &reply.base);
  return CALL_DONE;
}

static enum call_next who_am_i(struct call *call, const ProtobufCMessage *in, struct err *e) {
  (void)in, (void)e;
  Migd__V1__WhoAmIResponse reply = MIGD__V1__WHO_AM_IRESPONSE__INIT;
  reply.name = call->principal.name;
  reply.role = proto_text(&call->arena, role_name(call->principal.role));
  reply.uri = call->uri;
  reply.certificate_expires = proto_time(&call->arena, call->certificate_expires);
  call_reply(call, &reply.base);
  return CALL_DONE;
}

/* What the store holds, counted in one reading. */
struct server_counts {
  size_t catalogs, targets, runs;
};

static int count_catalogs(struct db *db, struct arena *arena, struct server_counts *n,
                          struct err *e) {
  struct bundle_info *catalogs;
  if (bundle_list(db, arena, &catalogs, &n->catalogs, e) != 0)
    return -1;
  for (size_t i = 0; i < n->catalogs; i++)
    n->targets += catalogs[i].targets;
  return 0;
}

static int count_runs(struct db *db, struct arena *arena, struct server_counts *n, struct err *e) {
  struct run *runs;
  return run_list(db, "", true, 1000000, arena, &runs, &n->runs, e);
}

static int count_all(struct call *call, struct server_counts *n, struct err *e) {
  struct db *db = store_reader(call->server->store, e);
  if (db == NULL)
    return -1;
  int rc = count_catalogs(db, &call->arena, n, e) != 0 || count_runs(db, &call->arena, n, e) != 0;
  store_reader_done(call->server->store, db);
  return rc ? -1 : 0;
}

static enum call_next get_server(struct call *call, const ProtobufCMessage *in, struct err *e) {
  (void)in;
  const struct server *s = call->server;
  struct server_counts n = {0};
  if (count_all(call, &n, e) != 0)
    return CALL_FAIL;
  Migd__V1__GetServerResponse reply = MIGD__V1__GET_SERVER_RESPONSE__INIT;
  reply.version = proto_text(&call->arena, s->version);
  reply.store_id = proto_text(&call->arena, store_id(s->store));
  reply.started_at = proto_time(&call->arena, s->started_at);
  reply.catalogs = (uint32_t)n.catalogs;
  reply.targets = (uint32_t)n.targets;
  reply.unfinished_runs = (uint32_t)n.runs;
  reply.connections = s->connections != NULL ? s->connections(s->connections_ctx) : 0;
  reply.parallel = s->parallel;
  while (s->sqlite_roots[reply.n_sqlite_roots] != NULL)
    reply.n_sqlite_roots++;
  reply.sqlite_roots = proto_texts(&call->arena, s->sqlite_roots, reply.n_sqlite_roots);
  reply.store_revision = proto_text(&call->arena, s->store_revision);
  call_reply(call, &reply.base);
  return CALL_DONE;
}

static const struct method methods[] = {
    {
        .name = "Ping",
        METHOD_TYPES(ping_request, ping_response),
        .role = ROLE_NONE,
        .lane = LANE_WORKER,
        .step = ping,
    },
    {
        .name = "WhoAmI",
        METHOD_TYPES(who_am_irequest, who_am_iresponse),
        .role = ROLE_NONE,
        .lane = LANE_WORKER,
        .step = who_am_i,
    },
    {
        .name = "GetServer",
        METHOD_TYPES(get_server_request, get_server_response),
        .role = ROLE_VIEWER,
        .lane = LANE_WORKER,
        .step = get_server,
    },
};

const struct service rpc_server = {.name = "migd.v1.Server", SERVICE_METHODS(methods)};
