/* whoami, server, ping: who asks and who answers. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/call.h"
#include "client/duration.h"
#include "client/interrupt.h"
#include "client/session.h"
#include "client/words.h"
#include "migd/v1/server.pb-c.h"

extern const struct command cmd_whoami, cmd_server, cmd_ping;

#define SERVICE (&migd__v1__server__descriptor)

static int run_whoami(struct session *s, struct err *e) {
  Migd__V1__WhoAmIRequest request = MIGD__V1__WHO_AM_IREQUEST__INIT;
  const Migd__V1__WhoAmIResponse *reply = session_ask_print(s, SERVICE, "WhoAmI", &request, e);
  if (!reply || s->json)
    return reply ? EXIT_DONE : -1;
  struct buf text BUF_SCOPED = BUF_INIT;
  words_field(&text, "name", reply->name);
  words_field(&text, "role", reply->role);
  words_field(&text, "uri", reply->uri);
  if (reply->certificate_expires)
    words_field(&text, "certificate",
                arena_printf(&s->arena, "ends %s",
                             time_relative(&s->arena, reply->certificate_expires, now_ns())));
  session_print(s, &text);
  return EXIT_DONE;
}

const struct command cmd_whoami = {
    .name = "whoami",
    .group = GROUP_OTHER,
    .arguments = "",
    .summary = "say who you are to this server, and what you may do",
    .example = "migctl whoami",
    .run = run_whoami,
};

static const char *number(struct session *s, uint32_t n) {
  return arena_printf(&s->arena, "%u", n);
}

static void print_server(struct session *s, const Migd__V1__GetServerResponse *reply) {
  struct buf text BUF_SCOPED = BUF_INIT;
  words_field(&text, "server", channel_name(s->channel));
  words_field(&text, "version", reply->version);
  words_field(&text, "store id", reply->store_id);
  words_field(&text, "store schema", reply->store_revision);
  words_field(&text, "started", time_relative(&s->arena, reply->started_at, now_ns()));
  words_field(&text, "catalogs", number(s, reply->catalogs));
  words_field(&text, "targets", number(s, reply->targets));
  words_field(&text, "open runs", number(s, reply->unfinished_runs));
  words_field(&text, "connections", number(s, reply->connections));
  words_field(&text, "parallel", number(s, reply->parallel));
  for (size_t i = 0; i < reply->n_sqlite_roots; i++)
    words_field(&text, i ? "" : "sqlite roots", reply->sqlite_roots[i]);
  session_print(s, &text);
}

static int run_server(struct session *s, struct err *e) {
  Migd__V1__GetServerRequest request = MIGD__V1__GET_SERVER_REQUEST__INIT;
  const Migd__V1__GetServerResponse *reply =
      session_ask_print(s, SERVICE, "GetServer", &request, e);
  if (!reply)
    return -1;
  if (!s->json)
    print_server(s, reply);
  return EXIT_DONE;
}

const struct command cmd_server = {
    .name = "server",
    .group = GROUP_OTHER,
    .arguments = "",
    .summary = "say what this server is and how much it holds",
    .example = "migctl server -o json",
    .run = run_server,
};

static int ping_once(struct session *s, bool first, struct err *e) {
  Migd__V1__PingRequest request = MIGD__V1__PING_REQUEST__INIT;
  struct buf text BUF_SCOPED = BUF_INIT;
  int64_t began = monotonic_ns(), sent;
  /* The connection is made apart, so that the figure is that of a call. */
  if (!session_channel(s, e))
    return -1;
  sent = monotonic_ns();
  if (!session_ask_print(s, SERVICE, "Ping", &request, e))
    return -1;
  if (s->json)
    return EXIT_DONE;
  buf_addf(&text, "%s answers in %.2f ms", channel_name(s->channel),
           (double)(monotonic_ns() - sent) / NS_PER_MS);
  if (first)
    buf_addf(&text, " (connected in %.1f ms)", (double)(sent - began) / NS_PER_MS);
  buf_addc(&text, '\n');
  session_print(s, &text);
  fflush(stdout);
  return EXIT_DONE;
}

static int run_ping(struct session *s, struct err *e) {
  const char *text = options_value(&s->options, "count");
  char *end = NULL;
  long count = text ? strtol(text, &end, 10) : 1;
  if (text && (*end || end == text || count < 1 || count > 1000000))
    return session_usage(s, e, "--count is a number from 1, not `%s`", text);
  for (long i = 0; i < count; i++) {
    if (i > 0 && interrupts_sleep(NS_PER_S))
      return EXIT_CANCELLED;
    if (ping_once(s, i == 0, e) < 0)
      return -1;
  }
  return EXIT_DONE;
}

static const struct option ping_options[] = {
    {"count", 'n', OPTION_VALUE, "N", "ask so many times, once a second", NULL},
    {NULL},
};

const struct command cmd_ping = {
    .name = "ping",
    .group = GROUP_OTHER,
    .arguments = "",
    .options = ping_options,
    .summary = "ask the server for a sign of life",
    .example = "migctl ping -n 3",
    .run = run_ping,
};
