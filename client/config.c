/* See config.h. */
#include "client/config.h"

#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/suggest.h"
#include "proto/base/buf.h"

enum { LINE_MAX_BYTES = 199 }; /* inih's own limit, which it does not report */

const char *const setting_names[SETTINGS] = {
    [SETTING_SERVER] = "server", [SETTING_CA] = "ca",           [SETTING_CERT] = "cert",
    [SETTING_KEY] = "key",       [SETTING_CATALOG] = "catalog", [SETTING_TIMEOUT] = "timeout",
    [SETTING_OUTPUT] = "output",
};

static const char *const variables[SETTINGS] = {
    [SETTING_SERVER] = "MIGCTL_SERVER",   [SETTING_CA] = "MIGCTL_CA",
    [SETTING_CERT] = "MIGCTL_CERT",       [SETTING_KEY] = "MIGCTL_KEY",
    [SETTING_CATALOG] = "MIGCTL_CATALOG", [SETTING_TIMEOUT] = "MIGCTL_TIMEOUT",
    [SETTING_OUTPUT] = "MIGCTL_OUTPUT",
};

struct loading {
  struct config *c;
  struct arena *arena;
  struct err *e;
  bool found;  /* the profile's section is there */
  bool failed; /* `e` is filled */
};

static const char *environment(const char *name) {
  const char *value = getenv(name);
  return value && *value ? value : NULL;
}

static bool is_path(enum setting s) {
  return s == SETTING_CA || s == SETTING_CERT || s == SETTING_KEY;
}

/* `~/x` is under HOME, a relative path under the folder of the configuration file. */
static const char *place(struct arena *arena, const char *file, const char *path) {
  const char *home = environment("HOME"), *slash = strrchr(file, '/');
  if (strncmp(path, "~/", 2) == 0 && home)
    return arena_printf(arena, "%s/%s", home, path + 2);
  if (path[0] == '/' || !slash)
    return arena_strdup(arena, path);
  return arena_printf(arena, "%.*s/%s", (int)(slash - file), file, path);
}

static int unknown_key(struct loading *l, const char *key) {
  struct suggestion s = {.word = key};
  for (size_t i = 0; i < SETTINGS; i++)
    suggest_offer(&s, setting_names[i]);
  err_set(l->e, ERR_INPUT, "%s: [%s]: unknown setting `%s`", l->c->file, l->c->profile, key);
  if (s.best)
    err_hint(l->e, "did you mean `%s`?", s.best);
  l->failed = true;
  return 0;
}

static int take_line(void *ctx, const char *section, const char *key, const char *value) {
  struct loading *l = ctx;
  if (l->failed || strcmp(section, l->c->profile) != 0)
    return 1;
  l->found = true;
  for (size_t i = 0; i < SETTINGS; i++)
    if (strcmp(setting_names[i], key) == 0) {
      l->c->value[i] =
          is_path(i) ? place(l->arena, l->c->file, value) : arena_strdup(l->arena, value);
      return 1;
    }
  return unknown_key(l, key);
}

/* inih cuts long lines in two without a word: look before. */
static int check_lines(FILE *f, const char *name, struct err *e) {
  unsigned line = 1;
  size_t len = 0;
  for (int c; (c = getc(f)) != EOF;) {
    len = c == '\n' ? 0 : len + 1;
    if (len >= LINE_MAX_BYTES)
      return err_set(e, ERR_INPUT, "%s:%u: this line is longer than %d bytes", name, line,
                     LINE_MAX_BYTES);
    line += c == '\n';
  }
  if (ferror(f))
    return err_errno(e, ERR_INPUT, errno, "cannot read %s", name);
  rewind(f);
  return 0;
}

static int parse_file(struct loading *l, FILE *f) {
  if (check_lines(f, l->c->file, l->e) < 0)
    return -1;
  int line = ini_parse_file(f, take_line, l);
  if (l->failed)
    return -1;
  if (line > 0)
    return err_set(l->e, ERR_INPUT, "%s:%d: neither `[profile]` nor `setting = value`", l->c->file,
                   line);
  if (line < 0)
    return err_set(l->e, ERR_INPUT, "cannot read %s", l->c->file);
  return 0;
}

static int load_file(struct loading *l, bool needed) {
  FILE *f = fopen(l->c->file, "re");
  if (!f && errno == ENOENT && !needed)
    return 0;
  if (!f)
    return err_errno(l->e, ERR_INPUT, errno, "cannot read the settings in %s", l->c->file);
  int rc = parse_file(l, f);
  fclose(f);
  if (rc == 0 && !l->found && needed)
    return err_set(l->e, ERR_INPUT, "%s has no profile [%s]", l->c->file, l->c->profile);
  return rc;
}

static const char *usual_file(struct arena *arena) {
  const char *base = environment("XDG_CONFIG_HOME"), *home = environment("HOME");
  if (base)
    return arena_printf(arena, "%s/migctl/config", base);
  return arena_printf(arena, "%s/.config/migctl/config", home ? home : "");
}

int config_load(struct config *c, struct arena *arena, const struct options *given, struct err *e) {
  struct config loaded = {.profile = options_value(given, "profile")};
  struct loading l = {.c = &loaded, .arena = arena, .e = e};
  bool named = loaded.profile || environment("MIGCTL_PROFILE");
  if (!loaded.profile)
    loaded.profile = named ? environment("MIGCTL_PROFILE") : "default";
  loaded.file = environment("MIGCTL_CONFIG");
  named = named || loaded.file;
  if (!loaded.file)
    loaded.file = usual_file(arena);
  if (load_file(&l, named) < 0)
    return -1;
  for (size_t i = 0; i < SETTINGS; i++) {
    const char *variable = environment(variables[i]);
    const char *flag = options_value(given, setting_names[i]);
    if (flag || variable)
      loaded.value[i] = flag ? flag : arena_strdup(arena, variable);
  }
  *c = loaded;
  return 0;
}

const char *config_need(const struct config *c, enum setting setting, struct err *e) {
  if (c->value[setting] && c->value[setting][0])
    return c->value[setting];
  err_set(e, ERR_INPUT, "migctl does not know its %s yet", setting_names[setting]);
  err_hint(e,
           "set MIGCTL_CONFIG to a profile (`migd init` writes DIR/admin.conf), or `%s =` in %s, "
           "or %s, or --%s",
           setting_names[setting], c->file, variables[setting], setting_names[setting]);
  return NULL;
}
