/* See session.h. */
#include "client/session.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/call.h"
#include "client/duration.h"
#include "client/json.h"
#include "client/report.h"
#include "client/table.h"
#include "client/text.h"

#define PATIENCE (30 * NS_PER_S)

void session_release(struct session *s) {
  channel_close(s->channel);
  s->channel = NULL;
  arena_release(&s->arena);
}

void session_look(struct session *s) {
  const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
  const char *output = options_value(&s->options, "output"), *wish = getenv("MIGCTL_OUTPUT");
  bool color = !session_flag(s, "no-color") && !(no_color && *no_color) &&
               !(term && strcmp(term, "dumb") == 0);
  s->tty_out = isatty(STDOUT_FILENO) == 1;
  s->tty_err = isatty(STDERR_FILENO) == 1;
  s->color_out = color && s->tty_out;
  s->color_err = color && s->tty_err;
  s->quiet = session_flag(s, "quiet");
  s->verbose = session_flag(s, "verbose");
  if (!output)
    output = wish;
  s->json = output && strcmp(output, "json") == 0;
}

static int read_output(struct session *s, struct err *e) {
  const char *output = s->config.value[SETTING_OUTPUT];
  if (!output)
    return 0;
  if (strcmp(output, "json") != 0 && strcmp(output, "table") != 0)
    return session_usage(s, e, "the setting `output` is `table` or `json`, not `%s`", output);
  s->json = strcmp(output, "json") == 0;
  return 0;
}

static int read_times(struct session *s, struct err *e) {
  const char *timeout = s->config.value[SETTING_TIMEOUT];
  int64_t limit = 0;
  s->patience = PATIENCE;
  if (timeout && duration_parse(timeout, &s->patience, e) < 0) {
    s->usage = true;
    return err_in(e, "timeout");
  }
  if (session_duration(s, "timeout", &limit, e) == 1 && limit > 0)
    s->deadline = monotonic_ns() + limit;
  return 0;
}

int session_open(struct session *s, struct err *e) {
  if (s->command->local)
    return 0;
  if (config_load(&s->config, &s->arena, &s->options, e) < 0) {
    s->usage = true;
    return -1;
  }
  return read_output(s, e) < 0 || read_times(s, e) < 0 ? -1 : 0;
}

void say(const struct session *s, const char *format, ...) {
  if (s->quiet)
    return;
  struct buf text BUF_SCOPED = BUF_INIT, line BUF_SCOPED = BUF_INIT;
  va_list args;
  va_start(args, format);
  buf_vaddf(&text, format, args);
  va_end(args);
  text_clean(&line, buf_str(&text), text.len, false);
  buf_addc(&line, '\n');
  fflush(stdout); /* data and talk keep their order where both go to one place */
  fwrite(line.s, 1, line.len, stderr);
}

void session_print(const struct session *s, const struct buf *bytes) {
  (void)s;
  fwrite(buf_str(bytes), 1, bytes->len, stdout);
}

void session_report(const struct session *s, const struct err *e) {
  struct buf text BUF_SCOPED = BUF_INIT;
  paint_text(&text, PAINT_RED, "migctl:", s->color_err);
  buf_addc(&text, ' ');
  report_error(&text, e, s->color_err);
  fflush(stdout);
  fwrite(text.s, 1, text.len, stderr);
}

int session_usage(struct session *s, struct err *e, const char *format, ...) {
  struct buf text BUF_SCOPED = BUF_INIT;
  va_list args;
  va_start(args, format);
  buf_vaddf(&text, format, args);
  va_end(args);
  s->usage = true;
  return err_set(e, ERR_INPUT, "%s", buf_str(&text));
}

const char *session_argument(const struct session *s, size_t n) {
  return n < s->options.argument_count ? s->options.arguments[n] : NULL;
}

bool session_flag(const struct session *s, const char *option) {
  return options_has(&s->options, option);
}

/* What protobuf-c declares as char * it only reads. */
static char *unconst(const char *text) {
  return (char *)(uintptr_t)text;
}

char *session_text(const struct session *s, const char *option) {
  const char *value = options_value(&s->options, option);
  return unconst(value ? value : "");
}

char *session_catalog(const struct session *s) {
  const char *value = s->config.value[SETTING_CATALOG];
  return unconst(value ? value : "");
}

int session_duration(struct session *s, const char *option, int64_t *ns, struct err *e) {
  const char *value = options_value(&s->options, option);
  if (!value)
    return 0;
  if (duration_parse(value, ns, e) == 0)
    return 1;
  s->usage = true;
  return err_in(e, "--%s", option);
}

struct channel *session_channel(struct session *s, struct err *e) {
  if (s->channel && channel_usable(s->channel))
    return s->channel;
  channel_close(s->channel);
  s->channel = NULL;
  struct wire_settings settings = {
      .server = config_need(&s->config, SETTING_SERVER, e),
  };
  if (!settings.server || !(settings.ca = config_need(&s->config, SETTING_CA, e)) ||
      !(settings.cert = config_need(&s->config, SETTING_CERT, e)) ||
      !(settings.key = config_need(&s->config, SETTING_KEY, e))) {
    s->usage = true;
    return NULL;
  }
  s->channel = channel_open(&settings, s->deadline, e);
  return s->channel;
}

static int64_t question_deadline(const struct session *s) {
  int64_t own = s->patience ? monotonic_ns() + s->patience : 0;
  if (s->deadline)
    return s->deadline;
  return own;
}

const void *session_ask(struct session *s, const ProtobufCServiceDescriptor *service,
                        const char *method, const void *request, struct err *e) {
  struct channel *ch = session_channel(s, e);
  return ch ? call_unary(ch, service, method, request, question_deadline(s), &s->arena, e) : NULL;
}

const void *session_ask_print(struct session *s, const ProtobufCServiceDescriptor *service,
                              const char *method, const void *request, struct err *e) {
  const void *reply = session_ask(s, service, method, request, e);
  if (reply && s->json)
    session_json(s, reply, false);
  return reply;
}

int session_stream(struct session *s, const ProtobufCServiceDescriptor *service, const char *method,
                   const void *request,
                   int (*message)(void *ctx, const ProtobufCMessage *m, struct err *e), void *ctx,
                   struct err *e) {
  struct channel *ch = session_channel(s, e);
  struct call call = {.service = service,
                      .method = method,
                      .request = request,
                      .message = message,
                      .ctx = ctx,
                      .deadline = s->deadline};
  return ch ? call_run(ch, &call, e) : -1;
}

void session_json(const struct session *s, const void *message, bool compact) {
  struct buf text BUF_SCOPED = BUF_INIT;
  json_message(&text, message, compact, s->tty_out);
  session_print(s, &text);
  if (compact)
    fflush(stdout);
}

const char *counted(struct session *s, uint64_t n, const char *one, const char *many) {
  struct buf b BUF_SCOPED = BUF_INIT;
  text_count(&b, n, one, many);
  return arena_strdup(&s->arena, buf_str(&b));
}
