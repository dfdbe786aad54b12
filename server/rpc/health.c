/* grpc.health.v1.Health, for probes that know nothing of migd. Answers on the loop: as long as the
 * loop turns, the server serves. Source: gRPC's health checking protocol.
 */
#include "server/rpc/services.h"

#include <string.h>

#include "grpc/health/v1/health.pb-c.h"

static bool serves(const char *service) {
  if (service[0] == '\0')
    return true;
  for (size_t i = 0; rpc_services[i] != NULL; i++)
    if (strcmp(rpc_services[i]->name, service) == 0)
      return true;
  return false;
}

static void answer(struct call *call, Grpc__Health__V1__HealthCheckResponse__ServingStatus status) {
  Grpc__Health__V1__HealthCheckResponse reply = GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__INIT;
  reply.status = status;
  call_reply(call, &reply.base);
}

static enum call_next check(struct call *call, const ProtobufCMessage *in, struct err *e) {
  const Grpc__Health__V1__HealthCheckRequest *request = (const void *)in;
  if (!serves(request->service)) {
    err_set(e, ERR_NOT_FOUND, "there is no service \"%s\" here", request->service);
    return CALL_FAIL;
  }
  answer(call, GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVING);
  return CALL_DONE;
}

/* The state never changes while the server runs; the stream ends with the connection. */
static enum call_next watch(struct call *call, const ProtobufCMessage *in, struct err *e) {
  (void)e;
  const Grpc__Health__V1__HealthCheckRequest *request = (const void *)in;
  if (request != NULL)
    answer(call, serves(request->service)
                     ? GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVING
                     : GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVICE_UNKNOWN);
  call->wait_run = 0;
  return CALL_WAIT;
}

static const struct method methods[] = {
    {
        .name = "Check",
        .in = &grpc__health__v1__health_check_request__descriptor,
        .out = &grpc__health__v1__health_check_response__descriptor,
        .role = ROLE_NONE,
        .lane = LANE_LOOP,
        .step = check,
    },
    {
        .name = "Watch",
        .in = &grpc__health__v1__health_check_request__descriptor,
        .out = &grpc__health__v1__health_check_response__descriptor,
        .role = ROLE_NONE,
        .lane = LANE_LOOP,
        .server_streams = true,
        .step = watch,
    },
};

const struct service rpc_health = {.name = "grpc.health.v1.Health", SERVICE_METHODS(methods)};
