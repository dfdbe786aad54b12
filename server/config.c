/* The table of keys, and what reads it; see config.h. Adding a key is a row and a field. */
#include "server/config.h"

#include <ctype.h>
#include <errno.h>
#include <ini.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/base/nearest.h"

enum value_type {
  VALUE_TEXT,
  VALUE_ADDRESS, /* ADDR:PORT */
  VALUE_PATH,    /* made absolute: from DIR in the file, from where migd was started in a flag */
  VALUE_PATHS,   /* several: given again, it adds */
  VALUE_NUMBER,
  VALUE_SIZE,    /* bytes: 1048576, 512 KiB, 64M */
  VALUE_SECONDS, /* kept in milliseconds: 30, 30s, 500ms, 2m */
  VALUE_BOOL,
  VALUE_CHOICE, /* one of the words of `choices` */
};

struct config_row {
  const char *key;
  enum value_type type;
  size_t field;
  const char *fallback; /* NULL: none */
  uint64_t min, max;    /* of numbers */
  const char *choices;
  const char *help;
};

#define FIELD(name) offsetof(struct config, name)

static const struct config_row rows[] = {
    {
        .key = "listen",
        .type = VALUE_ADDRESS,
        .field = FIELD(listen),
        .fallback = "127.0.0.1:7433",
        .help = "Address and port to listen on, ADDR:PORT or [ADDR]:PORT; port 0 takes any.",
    },
    {
        .key = "sqlite-root",
        .type = VALUE_PATHS,
        .field = FIELD(sqlite_roots),
        .fallback = "databases",
        .help = "A folder under which SQLite targets may live. May be given several times.",
    },
    {
        .key = "parallel",
        .type = VALUE_NUMBER,
        .field = FIELD(parallel),
        .fallback = "8",
        .min = 1,
        .max = 256,
        .help = "Targets that are migrated at the same time.",
    },
    {
        .key = "workers",
        .type = VALUE_NUMBER,
        .field = FIELD(workers),
        .fallback = "4",
        .min = 1,
        .max = 64,
        .help = "Threads that answer requests.",
    },
    {
        .key = "log-level",
        .type = VALUE_CHOICE,
        .field = FIELD(log_level),
        .fallback = "info",
        .choices = "debug info warn error",
        .help = "The least that is logged: debug, info, warn or error. Read again on SIGHUP.",
    },
    {
        .key = "log-format",
        .type = VALUE_CHOICE,
        .field = FIELD(log_format),
        .fallback = "text",
        .choices = "text json",
        .help = "How a line of the log looks: text or json.",
    },
    {
        .key = "tls-cert",
        .type = VALUE_PATH,
        .field = FIELD(tls_cert),
        .fallback = "pki/server.crt",
        .help = "The server's certificate, PEM, with its chain. Read again on SIGHUP.",
    },
    {
        .key = "tls-key",
        .type = VALUE_PATH,
        .field = FIELD(tls_key),
        .fallback = "pki/server.key",
        .help = "The server's private key, PEM. Read again on SIGHUP.",
    },
    {
        .key = "tls-ca",
        .type = VALUE_PATH,
        .field = FIELD(tls_ca),
        .fallback = "pki/ca.crt",
        .help = "The CAs whose client certificates are accepted, PEM; two while one replaces\n"
                "the other. Read again on SIGHUP.",
    },
    {
        .key = "key-file",
        .type = VALUE_PATH,
        .field = FIELD(key_file),
        .fallback = "store.key",
        .help = "The key that stored passwords are encrypted with, mode 0400. Where systemd hands\n"
                "over a credential named store.key, that is the default.",
    },
    {
        .key = "key-file-2",
        .type = VALUE_PATH,
        .field = FIELD(key_file_2),
        .help = "An older key that still opens stored passwords, while keys are changed.",
    },
    {
        .key = "allow-socket",
        .type = VALUE_BOOL,
        .field = FIELD(allow_socket),
        .fallback = "no",
        .help = "Allow PostgreSQL targets by the folder of a Unix socket: yes or no.",
    },
    {
        .key = "postgresql-files",
        .type = VALUE_PATHS,
        .field = FIELD(postgres_files),
        .help = "A folder of files that the URL of a PostgreSQL target may name: sslcert, sslkey,\n"
                "sslrootcert, sslcrl, passfile; its pg_service.conf holds the services of\n"
                "postgresql:///?service=NAME. May be given several times. Without it URLs name no\n"
                "file: who may register targets would use keys and passwords of this host, which\n"
                "nobody gave to them.",
    },
    {
        .key = "catalog-max",
        .type = VALUE_SIZE,
        .field = FIELD(catalog_max),
        .fallback = "256 MiB",
        .min = 1024,
        .max = UINT64_C(4) << 30,
        .help = "The size of a pushed catalog, all files together.",
    },
    {
        .key = "min-free",
        .type = VALUE_SIZE,
        .field = FIELD(min_free),
        .fallback = "64 MiB",
        .max = UINT64_C(1) << 40,
        .help = "No run is begun with less room than this on the store's disk.",
    },
    {
        .key = "connections-per-address",
        .type = VALUE_NUMBER,
        .field = FIELD(connections_per_address),
        .fallback = "64",
        .min = 0,
        .max = 1000000,
        .help = "Connections that one address may have open; 0: as many as it likes.",
    },
    {
        .key = "shutdown-grace",
        .type = VALUE_SECONDS,
        .field = FIELD(shutdown_grace_ms),
        .fallback = "30s",
        .min = 0,
        .max = 86400000,
        .help = "How long running steps may go on after SIGTERM before they are rolled back.",
    },
    {
        .key = "address-file",
        .type = VALUE_PATH,
        .field = FIELD(address_file),
        .help = "A file to write the listening address to, once migd is ready.",
    },
};

#define ROW_COUNT (sizeof rows / sizeof rows[0])
_Static_assert(ROW_COUNT <= CONFIG_KEYS, "config.origin has room for every key");

static const struct config_row *row_of(const char *key) {
  for (size_t i = 0; i < ROW_COUNT; i++)
    if (strcmp(rows[i].key, key) == 0)
      return &rows[i];
  return NULL;
}

static void *field_of(struct config *c, const struct config_row *row) {
  return (char *)c + row->field;
}

/* Digits and a unit: *unit is what follows them, without spaces. */
static bool number_read(const char *text, uint64_t *out, const char **unit) {
  char *end;
  if (!isdigit((unsigned char)text[0]))
    return false;
  errno = 0;
  unsigned long long n = strtoull(text, &end, 10);
  if (errno != 0)
    return false;
  while (*end == ' ')
    end++;
  *out = n;
  *unit = end;
  return true;
}

struct unit {
  const char *name;
  uint64_t factor;
};

static const struct unit units_none[] = {{"", 1}, {0}};
static const struct unit units_size[] = {
    {"", 1},          {"B", 1},          {"K", 1 << 10},
    {"KiB", 1 << 10}, {"M", 1 << 20},    {"MiB", 1 << 20},
    {"G", 1u << 30},  {"GiB", 1u << 30}, {0},
};
static const struct unit units_time[] = {{"", 1000},   {"ms", 1},      {"s", 1000},
                                         {"m", 60000}, {"h", 3600000}, {0}};

static const struct unit *units_of(enum value_type type) {
  return type == VALUE_SIZE ? units_size : type == VALUE_SECONDS ? units_time : units_none;
}

static int set_number(const struct config_row *row, const char *text, uint64_t *out,
                      struct err *e) {
  uint64_t n, scaled;
  const char *unit;
  if (number_read(text, &n, &unit))
    for (const struct unit *u = units_of(row->type); u->name != NULL; u++)
      if (strcmp(u->name, unit) == 0 && !__builtin_mul_overflow(n, u->factor, &scaled)) {
        if (scaled < row->min || scaled > row->max)
          return err_set(e, ERR_INPUT, "%s: %s is not between %llu and %llu", row->key, text,
                         (unsigned long long)row->min, (unsigned long long)row->max);
        *out = scaled;
        return 0;
      }
  return err_set(e, ERR_INPUT, "%s: \"%.60s\" is no %s", row->key, text,
                 row->type == VALUE_SIZE      ? "size such as 64 MiB"
                 : row->type == VALUE_SECONDS ? "time such as 30s"
                                              : "number");
}

static int set_bool(const struct config_row *row, const char *text, bool *out, struct err *e) {
  bool yes = strcmp(text, "yes") == 0 || strcmp(text, "true") == 0 || strcmp(text, "1") == 0;
  bool no = strcmp(text, "no") == 0 || strcmp(text, "false") == 0 || strcmp(text, "0") == 0;
  if (!yes && !no)
    return err_set(e, ERR_INPUT, "%s: \"%.60s\" is neither yes nor no", row->key, text);
  *out = yes;
  return 0;
}

static int check_choice(const struct config_row *row, const char *text, struct err *e) {
  size_t len = strlen(text);
  for (const char *at = row->choices; len > 0 && at != NULL; at = strchr(at, ' ')) {
    at += *at == ' ';
    if (strncmp(at, text, len) == 0 && (at[len] == ' ' || at[len] == '\0'))
      return 0;
  }
  return err_set(e, ERR_INPUT, "%s: \"%.60s\" is none of: %s", row->key, text, row->choices);
}

/* What the network says of the address itself comes when it is bound. */
static int check_address(const struct config_row *row, const char *text, struct err *e) {
  const char *colon = strrchr(text, ':');
  const char *rest;
  uint64_t port;
  if (colon == NULL || colon == text || !number_read(colon + 1, &port, &rest) || *rest != '\0' ||
      port > 65535)
    return err_set(e, ERR_INPUT, "%s: \"%.100s\" is no ADDR:PORT", row->key, text);
  return 0;
}

static const char *absolute(struct config *c, const char *base, const char *path) {
  return path[0] == '/' ? arena_strdup(&c->arena, path)
                        : arena_printf(&c->arena, "%s/%s", base, path);
}

/* A list from another origin is replaced, one from the same origin grows. */
static void add_path(struct config *c, struct config_list *list, bool same, const char *path) {
  size_t count = same ? list->count : 0;
  const char **items = ARENA_ARRAY(&c->arena, const char *, count + 2);
  if (count > 0)
    memcpy(items, list->items, count * sizeof *items);
  items[count] = path;
  *list = (struct config_list){items, count + 1};
}

/* `source` is what the origins of values from one place begin with. */
struct source {
  const char *name;
  const char *base; /* of relative paths */
};

static int set_value(struct config *c, const struct config_row *row, const char *text,
                     const struct source *source, const char *origin, struct err *e) {
  void *field = field_of(c, row);
  const char **old = &c->origin[row - rows];
  size_t len = strlen(source->name);
  bool same = *old != NULL && strncmp(*old, source->name, len) == 0;
  int rc = 0;
  if (text[0] == '\0')
    return err_set(e, ERR_INPUT, "%s has no value", row->key);
  switch (row->type) {
  case VALUE_ADDRESS:
  case VALUE_CHOICE:
    rc = row->type == VALUE_CHOICE ? check_choice(row, text, e) : check_address(row, text, e);
    __attribute__((fallthrough));
  case VALUE_TEXT:
    *(const char **)field = arena_strdup(&c->arena, text);
    break;
  case VALUE_PATH:
    *(const char **)field = absolute(c, source->base, text);
    break;
  case VALUE_PATHS:
    add_path(c, field, same, absolute(c, source->base, text));
    break;
  case VALUE_BOOL:
    rc = set_bool(row, text, field, e);
    break;
  case VALUE_NUMBER:
  case VALUE_SIZE:
  case VALUE_SECONDS:
    rc = set_number(row, text, field, e);
    break;
  }
  *old = arena_strdup(&c->arena, origin);
  return rc;
}

static int set_defaults(struct config *c, struct err *e) {
  const struct source source = {"default", c->dir};
  for (size_t i = 0; i < ROW_COUNT; i++)
    if (rows[i].fallback != NULL &&
        set_value(c, &rows[i], rows[i].fallback, &source, "default", e) != 0)
      return -1;
  const char *credentials = getenv("CREDENTIALS_DIRECTORY");
  if (credentials == NULL)
    return 0;
  char *path = arena_printf(&c->arena, "%s/store.key", credentials);
  if (access(path, F_OK) == 0)
    return set_value(c, row_of("key-file"), path, &source, "systemd credential", e);
  return 0;
}

/* An INI file being read, line by line, so that what is wrong has a line number. */
struct ini_reading {
  FILE *file;
  const char *path;
  unsigned line;
  bool failed;
  struct err *e;
  int (*set)(struct ini_reading *r, const char *section, const char *key, const char *value);
  void *ctx;
};

static int ini_fail(struct ini_reading *r) {
  if (!r->failed) {
    r->failed = true;
    err_in(r->e, "%s:%u", r->path, r->line);
    err_copy(r->e->file, sizeof r->e->file, r->path, strlen(r->path));
    r->e->line = r->line;
  }
  return 0;
}

/* Indented lines are lines like others: to inih they would continue the value before. */
static char *ini_line(char *out, int size, void *stream) {
  struct ini_reading *r = stream;
  if (r->failed || fgets(out, size, r->file) == NULL)
    return NULL;
  r->line++;
  size_t len = strlen(out);
  if (len + 1 == (size_t)size && out[len - 1] != '\n') {
    err_set(r->e, ERR_INPUT, "the line is longer than %d characters", size - 2);
    ini_fail(r);
    return NULL;
  }
  size_t indent = strspn(out, " \t");
  memmove(out, out + indent, len - indent + 1);
  return out;
}

static int ini_set(void *ctx, const char *section, const char *key, const char *value) {
  struct ini_reading *r = ctx;
  if (r->failed)
    return 0;
  return r->set(r, section, key, value) == 0 ? 1 : ini_fail(r);
}

/* 0 also when there is no such file. */
static int ini_read(struct ini_reading *r) {
  r->file = fopen(r->path, "re");
  if (r->file == NULL)
    return errno == ENOENT ? 0 : err_errno(r->e, ERR_INPUT, errno, "%s cannot be read", r->path);
  int line = ini_parse_stream(ini_line, r, ini_set, r);
  fclose(r->file);
  if (r->failed)
    return -1;
  if (line == 0)
    return 0;
  r->line = (unsigned)(line > 0 ? line : 0);
  err_set(r->e, ERR_INPUT, "this is no KEY = VALUE");
  ini_fail(r);
  return -1;
}

static int unknown_key(const char *key, const char *dashes, const struct option_row *options,
                       struct err *e) {
  const char *names[ROW_COUNT + 32];
  size_t count = 0;
  for (size_t i = 0; i < ROW_COUNT; i++)
    names[count++] = rows[i].key;
  for (; options != NULL && options->name != NULL && count < ROW_COUNT + 32; options++)
    names[count++] = options->name;
  const char *near = nearest(key, names, count);
  if (near == NULL)
    return err_set(e, ERR_INPUT, "there is no %s %s%.60s", *dashes ? "option" : "key", dashes, key);
  return err_set(e, ERR_INPUT, "there is no %s %s%.60s: did you mean %s%s?",
                 *dashes ? "option" : "key", dashes, key, dashes, near);
}

static int config_line(struct ini_reading *r, const char *section, const char *key,
                       const char *value) {
  struct config *c = r->ctx;
  const struct config_row *row = row_of(key);
  char origin[PATH_MAX + 16];
  if (section[0] != '\0')
    return err_set(r->e, ERR_INPUT, "there are no sections here: [%.60s]", section);
  if (row == NULL)
    return unknown_key(key, "", NULL, r->e);
  snprintf(origin, sizeof origin, "%s:%u", r->path, r->line);
  const struct source source = {r->path, c->dir};
  return set_value(c, row, value, &source, origin, r->e);
}

static int set_flags(struct config *c, const struct args *flags, struct err *e) {
  char here[PATH_MAX], origin[80];
  if (getcwd(here, sizeof here) == NULL)
    return err_errno(e, ERR_INPUT, errno, "the current folder is not known");
  const struct source source = {"--", here};
  for (size_t i = 0; i < flags->option_count; i++) {
    const struct config_row *row = row_of(flags->options[i].name);
    snprintf(origin, sizeof origin, "--%s", flags->options[i].name);
    if (row != NULL && set_value(c, row, flags->options[i].value, &source, origin, e) != 0)
      return err_in(e, "flag --%s", row->key);
  }
  return 0;
}

int config_load(struct config *config, const char *dir, const struct args *flags, struct err *e) {
  *config = (struct config){0};
  arena_init(&config->arena, 0);
  config->dir = arena_strdup(&config->arena, dir);
  struct ini_reading r = {.e = e, .set = config_line, .ctx = config};
  r.path = arena_printf(&config->arena, "%s/migd.conf", dir);
  return set_defaults(config, e) != 0 || ini_read(&r) != 0 || set_flags(config, flags, e) != 0 ? -1
                                                                                               : 0;
}

void config_release(struct config *config) {
  arena_release(&config->arena);
}

static void show_line(FILE *out, const char *key, const char *value, const char *origin) {
  fprintf(out, "%-24s = %-36s # %s\n", key, value, origin);
}

void config_show(const struct config *config, FILE *out) {
  char number[40];
  for (size_t i = 0; i < ROW_COUNT; i++) {
    const struct config_row *row = &rows[i];
    const void *field = (const char *)config + row->field;
    const char *origin = config->origin[i] != NULL ? config->origin[i] : "not set";
    const struct config_list *list = field;
    switch (row->type) {
    case VALUE_PATHS:
      if (list->count == 0)
        show_line(out, row->key, "", origin);
      for (size_t k = 0; k < list->count; k++)
        show_line(out, row->key, list->items[k], origin);
      break;
    case VALUE_NUMBER:
    case VALUE_SIZE:
    case VALUE_SECONDS:
      snprintf(number, sizeof number, "%llu%s", (unsigned long long)*(const uint64_t *)field,
               row->type == VALUE_SECONDS ? "ms" : "");
      show_line(out, row->key, number, origin);
      break;
    case VALUE_BOOL:
      show_line(out, row->key, *(const bool *)field ? "yes" : "no", origin);
      break;
    default: {
      const char *text = *(const char *const *)field;
      show_line(out, row->key, text != NULL ? text : "", origin);
    }
    }
  }
}

/* Each line of a text behind a prefix. */
static void print_lines(FILE *out, const char *prefix, const char *text) {
  for (const char *end; *text != '\0'; text = *end != '\0' ? end + 1 : end) {
    end = strchrnul(text, '\n');
    fprintf(out, "%s%.*s\n", prefix, (int)(end - text), text);
  }
}

void config_template(FILE *out, const char *listen) {
  fprintf(out, "# migd's configuration. Every key is also a flag of `migd serve`: --KEY VALUE.\n"
               "# What is commented out says the default. Paths are relative to this folder.\n"
               "# `migd serve --dir DIR --show-config` prints what is in effect, and why.\n");
  for (size_t i = 0; i < ROW_COUNT; i++) {
    const char *value = rows[i].fallback != NULL ? rows[i].fallback : "";
    bool given = listen != NULL && strcmp(rows[i].key, "listen") == 0;
    fputc('\n', out);
    print_lines(out, "# ", rows[i].help);
    fprintf(out, "%s%s = %s\n", given ? "" : "#", rows[i].key, given ? listen : value);
  }
}

static const char *value_name(enum value_type type) {
  static const char *const names[] = {
      [VALUE_TEXT] = "TEXT",    [VALUE_ADDRESS] = "ADDR:PORT", [VALUE_PATH] = "FILE",
      [VALUE_PATHS] = "DIR",    [VALUE_NUMBER] = "N",          [VALUE_SIZE] = "SIZE",
      [VALUE_SECONDS] = "TIME", [VALUE_BOOL] = NULL,           [VALUE_CHOICE] = "WORD",
  };
  return names[type];
}

static void help_line(FILE *out, const char *name, const char *value, const char *help) {
  char left[64];
  snprintf(left, sizeof left, "--%s%s%s", name, value != NULL ? " " : "",
           value != NULL ? value : "");
  const char *end = strchrnul(help, '\n');
  if (strlen(left) > 28)
    fprintf(out, "  %s\n  %-28s  %.*s", left, "", (int)(end - help), help);
  else
    fprintf(out, "  %-28s  %.*s", left, (int)(end - help), help);
  fputc('\n', out);
  print_lines(out, "                                ", *end != '\0' ? end + 1 : end);
}

void options_help(FILE *out, const struct option_row *options) {
  for (; options != NULL && options->name != NULL; options++)
    help_line(out, options->name, options->value, options->help);
}

void config_help(FILE *out) {
  for (size_t i = 0; i < ROW_COUNT; i++) {
    help_line(out, rows[i].key, value_name(rows[i].type), rows[i].help);
    if (rows[i].fallback != NULL)
      fprintf(out, "                                Default: %s\n", rows[i].fallback);
  }
}

/* An option of the command or, with `keys`, a key. `value` tells whether it takes one. */
static const char *option_find(const char *name, size_t len, const struct option_row *options,
                               bool keys, bool *value) {
  for (; options != NULL && options->name != NULL; options++)
    if (strlen(options->name) == len && memcmp(options->name, name, len) == 0) {
      *value = options->value != NULL;
      return options->name;
    }
  for (size_t i = 0; keys && i < ROW_COUNT; i++)
    if (strlen(rows[i].key) == len && memcmp(rows[i].key, name, len) == 0) {
      *value = rows[i].type != VALUE_BOOL;
      return rows[i].key;
    }
  return NULL;
}

static int unknown_option(const char *name, size_t len, const struct option_row *options, bool keys,
                          struct err *e) {
  char text[64];
  snprintf(text, sizeof text, "%.*s", (int)(len < 60 ? len : 60), name);
  if (keys)
    return unknown_key(text, "--", options, e);
  const char *names[32];
  size_t count = 0;
  for (; options != NULL && options->name != NULL && count < 32; options++)
    names[count++] = options->name;
  const char *near = nearest(text, names, count);
  return err_set(e, ERR_INPUT, "there is no option --%s%s%s%s", text,
                 near != NULL ? ": did you mean --" : "", near != NULL ? near : "",
                 near != NULL ? "?" : "");
}

/* Reads the option at argv[*at]; leaves *at at the last word that belongs to it. */
static int args_option(struct args *out, int argc, char **argv, int *at,
                       const struct option_row *options, bool keys, struct err *e) {
  const char *name = argv[*at] + 2;
  const char *equals = strchrnul(name, '=');
  bool takes_value;
  const char *found = option_find(name, (size_t)(equals - name), options, keys, &takes_value);
  if (found == NULL)
    return unknown_option(name, (size_t)(equals - name), options, keys, e);
  if (out->option_count == ARGS_MAX)
    return err_set(e, ERR_INPUT, "there are more than %d options", ARGS_MAX);
  const char *value = *equals == '=' ? equals + 1 : takes_value ? argv[++*at] : "yes";
  if (*at >= argc || value == NULL)
    return err_set(e, ERR_INPUT, "--%s needs a value", found);
  out->options[out->option_count].name = found;
  out->options[out->option_count++].value = value;
  return 0;
}

int args_parse(struct args *out, int argc, char **argv, const struct option_row *options, bool keys,
               struct err *e) {
  *out = (struct args){0};
  bool words_only = false;
  for (int i = 0; i < argc; i++) {
    if (!words_only && strcmp(argv[i], "--") == 0)
      words_only = true;
    else if (!words_only && strncmp(argv[i], "--", 2) == 0) {
      if (args_option(out, argc, argv, &i, options, keys, e) != 0)
        return -1;
    } else if (!words_only && argv[i][0] == '-' && argv[i][1] != '\0')
      return err_set(e, ERR_INPUT, "there is no option %.60s: options are long, --NAME", argv[i]);
    else if (out->word_count == ARGS_MAX)
      return err_set(e, ERR_INPUT, "there are more than %d words", ARGS_MAX);
    else
      out->words[out->word_count++] = argv[i];
  }
  return 0;
}

const char *args_get(const struct args *args, const char *name) {
  for (size_t i = args->option_count; i-- > 0;)
    if (strcmp(args->options[i].name, name) == 0)
      return args->options[i].value;
  return NULL;
}

struct wanted {
  const char *section, *key;
  struct arena *arena;
  const char *found;
};

static int wanted_line(struct ini_reading *r, const char *section, const char *key,
                       const char *value) {
  struct wanted *w = r->ctx;
  if (strcmp(section, w->section) == 0 && strcmp(key, w->key) == 0)
    w->found = arena_strdup(w->arena, value);
  return 0;
}

const char *ini_value(const char *path, const char *section, const char *key, struct arena *arena) {
  struct err ignored;
  struct wanted w = {section, key, arena, NULL};
  struct ini_reading r = {.e = &ignored, .path = path, .set = wanted_line, .ctx = &w};
  return ini_read(&r) == 0 ? w.found : NULL;
}
