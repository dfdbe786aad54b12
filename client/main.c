/* migctl: finds the command, parses its options by its row, runs it, and does errors and exit codes
 * for all commands in one place.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/commands.h"
#include "client/help.h"
#include "client/json.h"
#include "client/session.h"
#include "client/suggest.h"

enum { OUTPUT_BUFFER = 1 << 16 };

/* Options may come before the command: how many words they are. -1 when one is not a common one. */
static int leading_options(const char *const *words, size_t count, struct err *e) {
  size_t i = 0;
  while (i < count && words[i][0] == '-') {
    const struct option *row = options_find(NULL, common_options, words[i]);
    if (!row)
      return err_set(e, ERR_INPUT, "unknown option %s before the command", words[i]);
    bool letter = words[i][1] != '-';
    bool apart = letter ? words[i][2] == 0 : strchr(words[i], '=') == NULL;
    i += row->kind != OPTION_FLAG && apart ? 2 : 1;
  }
  return i > count ? (int)count : (int)i;
}

static int check_arguments(struct session *s, struct err *e) {
  const struct command *c = s->command;
  struct buf synopsis BUF_SCOPED = BUF_INIT;
  help_synopsis(&synopsis, c);
  if (s->options.argument_count < c->min_arguments)
    err_set(e, ERR_INPUT, "`migctl %s` needs %s", c->name, c->arguments);
  else if (s->options.argument_count > c->max_arguments)
    err_set(e, ERR_INPUT, "`migctl %s` does not take `%s`", c->name,
            s->options.arguments[c->max_arguments]);
  else
    return 0;
  return err_hint(e, "%s", buf_str(&synopsis));
}

/* The words without the command's name, which stands after `lead` options. */
static int parse_words(struct session *s, const char *const *words, size_t count, size_t lead,
                       size_t named, struct err *e) {
  const char **rest = ARENA_ARRAY(&s->arena, const char *, count + 1);
  memcpy(rest, words, lead * sizeof *rest);
  memcpy(rest + lead, words + lead + named, (count - lead - named) * sizeof *rest);
  return options_parse(&s->options, &s->arena, s->command->options, command_common(s->command),
                       rest, count - named, e);
}

static int print_help(const struct session *s) {
  struct buf text BUF_SCOPED = BUF_INIT;
  if (s->command)
    help_command(&text, s->command, isatty(STDOUT_FILENO) == 1);
  else
    help_overview(&text, isatty(STDOUT_FILENO) == 1);
  session_print(s, &text);
  return EXIT_DONE;
}

static bool asks(const char *const *words, size_t count, const char *name, const char *letter) {
  for (size_t i = 0; i < count; i++)
    if (strcmp(words[i], name) == 0 || (letter && strcmp(words[i], letter) == 0))
      return true;
  return false;
}

/* Before a command is known. EXIT_DONE when that was all, -1 with `e`, or 1 to go on. */
static int find_command(struct session *s, const char *const *words, size_t count, size_t *lead,
                        size_t *named, struct err *e) {
  if (count == 0 || asks(words, 1, "--help", "-h"))
    return print_help(s);
  if (asks(words, 1, "--version", "-V")) {
    printf("migctl %s\n", MIGD_VERSION);
    return EXIT_DONE;
  }
  int leading = leading_options(words, count, e);
  if (leading < 0)
    return -1;
  *lead = (size_t)leading;
  if (*lead == count)
    return err_set(e, ERR_INPUT, "a command is missing: `migctl help` lists them");
  s->command = command_find(words + *lead, count - *lead, named, e);
  return s->command ? 1 : -1;
}

static int run(struct session *s, const char *const *words, size_t count, struct err *e) {
  size_t lead = 0, named = 0;
  s->usage = true;
  int rc = find_command(s, words, count, &lead, &named, e);
  if (rc != 1)
    return rc;
  rc = parse_words(s, words, count, lead, named, e);
  session_look(s);
  if (rc < 0)
    return -1;
  if (options_has(&s->options, "help"))
    return print_help(s);
  if (check_arguments(s, e) < 0)
    return -1;
  s->usage = false;
  return session_open(s, e) < 0 ? -1 : s->command->run(s, e);
}

static int fail(struct session *s, const struct err *e) {
  fflush(stdout);
  session_report(s, e);
  if (s->json && !s->json_failed) {
    struct buf text BUF_SCOPED = BUF_INIT;
    json_error(&text, e, false, s->tty_out);
    session_print(s, &text);
  }
  return s->usage ? EXIT_USAGE : err_row(e->kind)->exit_code;
}

/* What was printed must have arrived. A reader that has seen enough (`| head`) ends us as it ends
 * every program. */
static int close_output(int code) {
  struct pollfd reader = {.fd = STDOUT_FILENO};
  errno = 0; /* a write that failed long ago does not say why any more */
  if (fflush(stdout) == 0 && !ferror(stdout))
    return code;
  if (errno == EPIPE || (poll(&reader, 1, 0) == 1 && (reader.revents & POLLERR))) {
    signal(SIGPIPE, SIG_DFL);
    raise(SIGPIPE);
  }
  fprintf(stderr, "migctl: cannot write the output%s%s\n", errno ? ": " : "",
          errno ? strerror(errno) : "");
  return code == EXIT_DONE ? EXIT_REFUSED : code;
}

int main(int argc, char **argv) {
  struct session s = {0};
  struct err e;
  /* A lost connection is an error to be told, not a signal. */
  signal(SIGPIPE, SIG_IGN);
  setvbuf(stdout, NULL, _IOFBF, OUTPUT_BUFFER);
  err_clear(&e);
  arena_init(&s.arena, 0);
  size_t count = argc > 1 ? (size_t)argc - 1 : 0;
  int code = run(&s, (const char *const *)argv + 1, count, &e);
  if (code < 0)
    code = fail(&s, &e);
  session_release(&s);
  return close_output(code);
}
