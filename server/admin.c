/* init, identity and check; see admin.h. `init` makes things in an order in which a crash leaves
 * something that a second init completes: the first principal is written last, and with it the
 * directory is made.
 */
#include "server/admin.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "proto/base/buf.h"
#include "server/base/clock.h"
#include "server/base/embedded.h"
#include "server/engine/ledger.h"
#include "server/engine/selfstore.h"
#include "server/net/newfile.h"
#include "server/net/pki.h"
#include "server/store/principal.h"
#include "server/store/secret.h"
#include "server/store/store.h"

#define ADMIN_DAYS 1825
#define IDENTITY_DAYS 365
#define DEFAULT_PORT "7433"

#define ARENA_SCOPED __attribute__((cleanup(arena_release)))
static void store_scoped(struct store **s) {
  store_close(*s);
}

const char *data_dir(const struct args *args, struct arena *arena, struct err *e) {
  const char *given = args_get(args, "dir");
  char path[PATH_MAX];
  if (realpath(given != NULL ? given : ".", path) == NULL) {
    err_errno(e, ERR_NOT_FOUND, errno, "%s", given != NULL ? given : ".");
    return NULL;
  }
  if (access(arena_printf(arena, "%s/store.db", path), F_OK) == 0)
    return arena_strdup(arena, path);
  err_set(e, ERR_NOT_FOUND, "%s is no data directory of migd: it has no store.db", path);
  err_hint(e, given != NULL ? "make one with `migd init DIR`" : "say which one with --dir DIR");
  return NULL;
}

int data_lock(const char *dir, struct err *e) {
  char path[PATH_MAX];
  snprintf(path, sizeof path, "%s/lock", dir);
  int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0)
    return err_errno(e, ERR_STORAGE, errno, "%s", path);
  if (flock(fd, LOCK_EX | LOCK_NB) == 0)
    return fd;
  if (errno == EWOULDBLOCK)
    err_set(e, ERR_REFUSED, "%s is in use: another migd holds %s", dir, path);
  else
    err_errno(e, ERR_STORAGE, errno, "%s cannot be locked", path);
  close(fd);
  return -1;
}

static int store_open_in(const char *dir, struct store **out, struct err *e) {
  char path[PATH_MAX];
  snprintf(path, sizeof path, "%s/store.db", dir);
  struct store_options options = {.path = path, .readers = 1};
  return store_open(out, &options, e);
}

/* --- the address that clients are told */

/* A host that listens everywhere is reached by a name of its certificate. */
static const char *client_address(const char *listen, const char *name, struct arena *arena) {
  const char *colon = strrchr(listen, ':');
  if (colon == NULL)
    return listen;
  size_t len = (size_t)(colon - listen);
  bool everywhere = (len == 7 && memcmp(listen, "0.0.0.0", 7) == 0) ||
                    (len == 4 && memcmp(listen, "[::]", 4) == 0);
  if (everywhere)
    return arena_printf(arena, "%s%s", name, colon);
  return arena_strdup(arena, listen);
}

static int write_profile(const char *dir, const char *path, const char *server, const char *name,
                         struct err *e) {
  struct buf text BUF_SCOPED = BUF_INIT;
  buf_addf(&text, "# A profile of migctl: MIGCTL_CONFIG=%s migctl status\n", path);
  buf_addf(&text, "[default]\nserver = %s\nca = %s/pki/ca.crt\n", server, dir);
  buf_addf(&text, "cert = %s/identities/%s.crt\nkey = %s/identities/%s.key\n", dir, name, dir,
           name);
  return newfile_make(path, 0600, buf_str(&text), text.len, e);
}

/* --- init */

struct init {
  const char *dir;    /* absolute */
  const char *listen; /* NULL: not given */
  const char **names; /* of the certificate */
  size_t name_count;
  const char *store_id;
  struct arena arena;
};

static int make_folder(const char *path, struct err *e) {
  if (mkdir(path, 0700) == 0 || errno == EEXIST)
    return 0;
  return err_errno(e, ERR_STORAGE, errno, "%s cannot be made", path);
}

/* Something that is there is kept: it is what an earlier init made, or was put there on purpose. */
static int kept(int rc, const struct err *e) {
  return rc != 0 && e->kind == ERR_EXISTS ? 0 : rc;
}

/* A folder with other people's files in it is not made ours. */
static int check_folder(const char *dir, struct err *e) {
  static const char *const ours[] = {".", "..", "lock", "migd.conf", "lost+found"};
  char lock[PATH_MAX + sizeof "/lock"];
  snprintf(lock, sizeof lock, "%s/lock", dir);
  DIR *d = opendir(dir);
  if (d == NULL)
    return err_errno(e, ERR_STORAGE, errno, "%s", dir);
  bool other = false;
  for (struct dirent *entry; (entry = readdir(d)) != NULL && !other;) {
    other = true;
    for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++)
      other = other && strcmp(entry->d_name, ours[i]) != 0;
  }
  closedir(d);
  if (!other || access(lock, F_OK) == 0)
    return 0;
  return err_set(e, ERR_REFUSED, "%s is not empty and no data directory: nothing is made in it",
                 dir);
}

static int count_principal(void *ctx, const struct principal *p) {
  (void)p;
  ++*(unsigned *)ctx;
  return 0;
}

/* Looks without changing: an older store is not migrated by an init that has nothing to do. */
static bool initialised(const char *dir) {
  struct err ignored;
  struct db_url url = {.dialect = DIALECT_SQLITE};
  struct db_options options = {.url = &url, .read_only = true, .lock_timeout_ms = 5000};
  struct db *db DB_SCOPED = NULL;
  unsigned count = 0;
  snprintf(url.path, sizeof url.path, "%s/store.db", dir);
  return access(url.path, F_OK) == 0 && db_open(&db, &options, NULL, &ignored) == 0 &&
         principal_each(db, count_principal, &count, &ignored) == 0 && count > 0;
}

static void add_name(struct init *init, const char *name) {
  for (size_t i = 0; i < init->name_count; i++)
    if (strcmp(init->names[i], name) == 0)
      return;
  init->names[init->name_count++] = name;
}

/* Given names replace the default ones, but the server can always be reached on its own host. */
static int choose_names(struct init *init, const struct args *args, struct err *e) {
  char host[256] = "";
  init->names = ARENA_ARRAY(&init->arena, const char *, args->option_count + 4);
  for (size_t i = 0; i < args->option_count; i++)
    if (strcmp(args->options[i].name, "name") == 0) {
      if (pki_name_check(args->options[i].value, e) != 0)
        return -1;
      add_name(init, args->options[i].value);
    }
  bool given = init->name_count > 0;
  add_name(init, "localhost");
  add_name(init, "127.0.0.1");
  add_name(init, "::1");
  struct err ignored;
  if (!given && gethostname(host, sizeof host - 1) == 0 && pki_name_check(host, &ignored) == 0)
    add_name(init, arena_strdup(&init->arena, host));
  return 0;
}

static int check_listen(struct init *init, const struct args *args, struct err *e) {
  init->listen = args_get(args, "listen");
  if (init->listen == NULL)
    return 0;
  struct args flags = {.option_count = 1};
  flags.options[0].name = "listen";
  flags.options[0].value = init->listen;
  struct config config;
  int rc = config_load(&config, "/nonexistent", &flags, e);
  config_release(&config);
  return rc;
}

static char *inside(struct init *init, const char *name) {
  return arena_printf(&init->arena, "%s/%s", init->dir, name);
}

static int make_folders(struct init *init, struct err *e) {
  static const char *const folders[] = {"pki", "identities", "databases", "tmp"};
  for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++)
    if (make_folder(inside(init, folders[i]), e) != 0)
      return -1;
  return 0;
}

static int make_certificates(struct init *init, struct err *e) {
  const char *pki = inside(init, "pki");
  if (kept(pki_make_ca(pki, init->store_id, e), e) != 0 ||
      kept(pki_make_server(pki, init->names, init->name_count, e), e) != 0)
    return -1;
  return kept(pki_make_identity(pki, init->store_id, "admin", ADMIN_DAYS,
                                inside(init, "identities/admin.crt"),
                                inside(init, "identities/admin.key"), e),
              e);
}

static int make_files(struct init *init, struct err *e) {
  const char *server = init->listen == NULL
                           ? "localhost:" DEFAULT_PORT
                           : client_address(init->listen, init->names[0], &init->arena);
  char *text = NULL;
  size_t len = 0;
  FILE *f = open_memstream(&text, &len);
  if (f == NULL)
    return err_errno(e, ERR_INTERNAL, errno, "no memory stream");
  config_template(f, init->listen);
  fclose(f);
  int rc = kept(newfile_make(inside(init, "migd.conf"), 0600, text, len, e), e);
  free(text);
  if (rc != 0)
    return -1;
  return kept(write_profile(init->dir, inside(init, "admin.conf"), server, "admin", e), e);
}

struct new_principal {
  const char *name;
  enum role role;
};

static int add_principal(struct db *db, void *ctx, struct err *e) {
  const struct new_principal *p = ctx;
  return principal_add(db, p->name, p->role, e);
}

static int init_with_store(struct init *init, struct store *store, struct err *e) {
  struct new_principal admin = {"admin", ROLE_ADMIN};
  init->store_id = store_id(store);
  if (make_certificates(init, e) != 0 || make_files(init, e) != 0)
    return -1;
  return kept(store_write(store, add_principal, &admin, e), e);
}

static int init_locked(struct init *init, struct err *e) {
  struct store *store __attribute__((cleanup(store_scoped))) = NULL;
  if (initialised(init->dir)) {
    err_set(e, ERR_EXISTS, "%s is a data directory already: nothing was changed", init->dir);
    return err_hint(e, "`migd check --dir %s` says how it is", init->dir);
  }
  if (make_folders(init, e) != 0 || kept(keyring_create(inside(init, "store.key"), e), e) != 0 ||
      selfstore_migrate(inside(init, "store.db"), 1, NULL, NULL, e) != 0 ||
      store_open_in(init->dir, &store, e) != 0)
    return -1;
  return init_with_store(init, store, e);
}

static void init_tell(const struct init *init) {
  printf("%s is a data directory of migd now.\n\n", init->dir);
  printf("The server's certificate says:");
  for (size_t i = 0; i < init->name_count; i++)
    printf("%s %s", i > 0 ? "," : "", init->names[i]);
  printf("\nThe first admin's profile for migctl: %s/admin.conf\n\n", init->dir);
  printf("Start the server:   migd serve --dir %s\n", init->dir);
  printf("Then ask it:        MIGCTL_CONFIG=%s/admin.conf migctl whoami\n", init->dir);
}

static int init_in(struct init *init, const char *dir, struct err *e) {
  char path[PATH_MAX];
  if (make_folder(dir, e) != 0)
    return -1;
  if (realpath(dir, path) == NULL)
    return err_errno(e, ERR_STORAGE, errno, "%s", dir);
  init->dir = path;
  if (check_folder(path, e) != 0)
    return -1;
  int lock = data_lock(path, e);
  if (lock < 0)
    return -1;
  int rc = init_locked(init, e);
  close(lock);
  if (rc == 0)
    init_tell(init);
  return rc;
}

static int init_run(const struct args *args, struct err *e) {
  if (args->word_count != 1)
    return err_set(e, ERR_INPUT, "say the one directory to make: migd init DIR");
  struct init init = {0};
  arena_init(&init.arena, 0);
  int rc = choose_names(&init, args, e) != 0 || check_listen(&init, args, e) != 0
               ? -1
               : init_in(&init, args->words[0], e);
  arena_release(&init.arena);
  return rc;
}

static const struct option_row init_options[] = {
    {"name", "NAME",
     "A DNS name or address that clients reach the server by; may be given several\n"
     "times. Default: localhost, 127.0.0.1, ::1 and the host's name."},
    {"listen", "ADDR:PORT", "Where the server will listen. Default: 127.0.0.1:" DEFAULT_PORT "."},
    {0},
};

const struct command command_init = {
    .name = "init",
    .synopsis = "DIR [--name NAME]... [--listen ADDR:PORT]",
    .about = "Make a data directory: CA, certificates, keys, store, the first admin.",
    .help =
        "Nothing that exists is overwritten. An init that was cut short is completed by the same\n"
        "command. The files are ordinary PEM: an organisation's own CA can replace them.\n\n"
        "Examples:\n"
        "  migd init /var/lib/migd\n"
        "  migd init /var/lib/migd --name migd.example.org --listen 0.0.0.0:7433\n",
    .options = init_options,
    .run = init_run,
};

/* --- identity */

static int parse_days(const struct args *args, int *days, struct err *e) {
  const char *text = args_get(args, "days");
  char *end;
  *days = IDENTITY_DAYS;
  if (text == NULL)
    return 0;
  long n = strtol(text, &end, 10);
  if (*end != '\0' || n < 1 || n > 7300)
    return err_set(e, ERR_INPUT, "--days: \"%.40s\" is no number from 1 to 7300", text);
  *days = (int)n;
  return 0;
}

static int parse_role(const struct args *args, enum role *role, struct err *e) {
  const char *text = args_get(args, "role");
  if (text == NULL)
    return err_set(e, ERR_INPUT, "say what the identity may do: --role viewer or --role admin");
  *role = role_parse(text);
  if (*role == ROLE_NONE)
    return err_set(e, ERR_INPUT, "there is no role \"%.40s\": there are viewer and admin", text);
  return 0;
}

struct principal_wanted {
  const char *name;
  bool found;
};

static int match_principal(void *ctx, const struct principal *p) {
  struct principal_wanted *w = ctx;
  w->found = w->found || strcmp(p->name, w->name) == 0;
  return 0;
}

static int principal_exists(struct store *store, const char *name, bool *found, struct err *e) {
  struct principal_wanted w = {name, false};
  struct db *db = store_reader(store, e);
  if (db == NULL)
    return -1;
  int rc = principal_each(db, match_principal, &w, e);
  store_reader_done(store, db);
  *found = w.found;
  return rc;
}

static const char *profile_server(const char *dir, struct arena *arena) {
  const char *found =
      ini_value(arena_printf(arena, "%s/admin.conf", dir), "default", "server", arena);
  return found != NULL ? found : "localhost:" DEFAULT_PORT;
}

static int identity_files(const char *dir, struct store *store, const char *name, int days,
                          struct arena *arena, struct err *e) {
  const char *conf = arena_printf(arena, "%s/identities/%s.conf", dir, name);
  int rc = pki_make_identity(arena_printf(arena, "%s/pki", dir), store_id(store), name, days,
                             arena_printf(arena, "%s/identities/%s.crt", dir, name),
                             arena_printf(arena, "%s/identities/%s.key", dir, name), e);
  if (rc != 0 && e->kind == ERR_NOT_FOUND)
    err_hint(e,
             "let your own CA make a client certificate with the URI migd://%s/user/%s, and run "
             "this with --no-certificate",
             store_id(store), name);
  if (kept(rc, e) != 0)
    return -1;
  return kept(write_profile(dir, conf, profile_server(dir, arena), name, e), e);
}

/* The principal is written last: what a crash leaves behind is a certificate that is nobody's. */
static int identity_add(const char *dir, struct store *store, const char *name,
                        const struct args *args, struct arena *arena, struct err *e) {
  struct new_principal p = {.name = name};
  bool exists, certificate = args_get(args, "no-certificate") == NULL;
  int days;
  if (parse_role(args, &p.role, e) != 0 || parse_days(args, &days, e) != 0 ||
      principal_exists(store, name, &exists, e) != 0)
    return -1;
  if (exists)
    return err_set(e, ERR_EXISTS, "there is an identity of the name %s already", name);
  if (certificate && identity_files(dir, store, name, days, arena, e) != 0)
    return -1;
  if (store_write(store, add_principal, &p, e) != 0)
    return -1;
  printf("%s may ask as %s: migd://%s/user/%s\n", name, role_name(p.role), store_id(store), name);
  if (certificate)
    printf("Its profile for migctl: %s/identities/%s.conf\n", dir, name);
  return 0;
}

static int remove_principal(struct db *db, void *ctx, struct err *e) {
  return principal_remove(db, ctx, e);
}

static int identity_remove(const char *dir, struct store *store, const char *name,
                           const struct args *args, struct arena *arena, struct err *e) {
  static const char *const suffixes[] = {"key", "crt", "conf"};
  (void)args;
  if (store_write(store, remove_principal, arena_strdup(arena, name), e) != 0)
    return -1;
  for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++)
    unlink(arena_printf(arena, "%s/identities/%s.%s", dir, name, suffixes[i]));
  printf("%s is nobody here from now on.\n", name);
  printf("Should the name be added again, certificates that were made for it count again.\n");
  return 0;
}

static int print_principal(void *ctx, const struct principal *p) {
  (void)ctx;
  printf("%-24s %s\n", p->name, role_name(p->role));
  return 0;
}

static int identity_list(struct store *store, struct err *e) {
  struct db *db = store_reader(store, e);
  if (db == NULL)
    return -1;
  printf("%-24s %s\n", "NAME", "ROLE");
  int rc = principal_each(db, print_principal, NULL, e);
  store_reader_done(store, db);
  return rc;
}

static int identity_run(const struct args *args, struct err *e) {
  struct arena arena ARENA_SCOPED;
  struct store *store __attribute__((cleanup(store_scoped))) = NULL;
  arena_init(&arena, 0);
  const char *verb = args->word_count > 0 ? args->words[0] : "";
  bool list = strcmp(verb, "list") == 0, add = strcmp(verb, "add") == 0;
  if ((!list && !add && strcmp(verb, "remove") != 0) || args->word_count != (list ? 1 : 2))
    return err_set(e, ERR_INPUT, "say what to do: migd identity add NAME, remove NAME, or list");
  if (!list && !principal_name_valid(args->words[1]))
    return err_set(e, ERR_INPUT,
                   "\"%.80s\" is no name of an identity: 1 to 63 of a-z, 0-9, '.', '_', '-', "
                   "beginning with a letter or digit",
                   args->words[1]);
  const char *dir = data_dir(args, &arena, e);
  if (dir == NULL || store_open_in(dir, &store, e) != 0)
    return -1;
  if (list)
    return identity_list(store, e);
  return (add ? identity_add : identity_remove)(dir, store, args->words[1], args, &arena, e);
}

static const struct option_row identity_options[] = {
    {"dir", "DIR", "The data directory. Default: the current one."},
    {"role", "ROLE", "viewer (looks) or admin (changes)."},
    {"days", "N", "How long the certificate is valid. Default: 365."},
    {"no-certificate", NULL, "Add the name only: another CA makes its certificate."},
    {0},
};

const struct command command_identity = {
    .name = "identity",
    .synopsis = "add NAME --role ROLE [--days N] | remove NAME | list  [--dir DIR]",
    .about = "Say who may ask: make a client certificate, remove a name, list them.",
    .help =
        "`add` makes DIR/identities/NAME.crt, NAME.key and NAME.conf, a profile for migctl. Names\n"
        "count from the next call on, also on a server that is running.\n\n"
        "Examples:\n"
        "  migd identity add alice --role viewer --dir /var/lib/migd\n"
        "  migd identity add ci --role admin --days 30 --dir /var/lib/migd\n"
        "  migd identity remove alice --dir /var/lib/migd\n",
    .options = identity_options,
    .run = identity_run,
};

/* --- check */

/* The first failure decides the exit code. */
struct checking {
  int exit_code;
};

static void tell(struct checking *k, const char *what, int rc, const struct err *e,
                 const char *good) {
  if (rc == 0)
    printf("ok    %-16s %s\n", what, good);
  else
    printf("FAIL  %-16s %s\n", what, e->text);
  if (rc != 0 && k->exit_code == 0)
    k->exit_code = err_row(e->kind)->exit_code;
}

static char *until_text(struct arena *arena, const char *file, int64_t expires) {
  char date[32];
  time_t t = (time_t)(expires / 1000000);
  struct tm tm;
  strftime(date, sizeof date, "%Y-%m-%d", gmtime_r(&t, &tm));
  bool soon = expires - clock_wall_us() < INT64_C(30) * 86400 * 1000000;
  return arena_printf(arena, "%s, valid until %s%s", file, date, soon ? ": SOON" : "");
}

static void check_certificates(struct checking *k, const struct config *c, struct arena *arena) {
  struct err e;
  int64_t expires = 0;
  int rc = pki_check_pair(c->tls_cert, c->tls_key, &expires, &e);
  tell(k, "certificate", rc, &e, until_text(arena, c->tls_cert, expires));
  rc = pki_check_ca(c->tls_ca, &expires, &e);
  tell(k, "client CA", rc, &e, until_text(arena, c->tls_ca, expires));
}

static void check_keys(struct checking *k, const struct config *c) {
  struct err e;
  struct keyring *keys = NULL;
  int rc = keyring_load(&keys, c->key_file, c->key_file_2, &e);
  tell(k, "key", rc, &e, c->key_file);
  keyring_free(keys);
}

static int integrity_row(void *ctx, const struct db_value *values, int count, struct err *e) {
  (void)ctx;
  if (count == 1 && values[0].type == DB_TEXT && strcmp(values[0].s, "ok") == 0)
    return 0;
  return err_set(e, ERR_STORAGE, "the store is damaged: %.300s",
                 count > 0 && values[0].type == DB_TEXT ? values[0].s : "no answer");
}

static int embedded_build(struct catalog *out, struct arena *arena, struct err *e) {
  size_t count = 0;
  while (store_catalog_files[count].name != NULL)
    count++;
  struct catalog_file *files = ARENA_ARRAY(arena, struct catalog_file, count + 1);
  for (size_t i = 0; i < count; i++)
    files[i] = (struct catalog_file){store_catalog_files[i].name, store_catalog_files[i].bytes,
                                     store_catalog_files[i].len};
  struct problems problems = {.arena = arena};
  if (catalog_build(out, files, count, arena, &problems) != 0)
    return err_set(e, ERR_INTERNAL, "the embedded schema of the store is broken");
  return 0;
}

/* What its schema is at, compared with what this program brings. */
static int check_schema(struct db *db, struct arena *arena, const char **good, struct err *e) {
  struct ledger_state ledger;
  struct catalog catalog;
  if (embedded_build(&catalog, arena, e) != 0 || ledger_read(db, arena, &ledger, NULL, e) != 0)
    return -1;
  size_t unknown;
  size_t behind = plan_behind(&catalog, ledger.rows, ledger.row_count, &unknown);
  if (!ledger.exists)
    return err_set(e, ERR_REFUSED, "the store has no ledger");
  if (unknown > 0)
    return err_set(e, ERR_REFUSED, "its schema is newer than this program: %s", ledger.rows[0]);
  *good = arena_printf(arena, "revision %s%s", ledger.row_count > 0 ? ledger.rows[0] : "none",
                       behind > 0 ? ", upgraded when migd starts" : "");
  return 0;
}

static void check_store(struct checking *k, const char *dir, struct arena *arena) {
  struct err e;
  struct db_url url = {.dialect = DIALECT_SQLITE};
  struct db_options options = {.url = &url, .read_only = true, .lock_timeout_ms = 5000};
  struct db *db DB_SCOPED = NULL;
  const char *good = "";
  snprintf(url.path, sizeof url.path, "%s/store.db", dir);
  int rc = db_open(&db, &options, NULL, &e);
  if (rc == 0)
    rc = db_exec(db, "PRAGMA integrity_check(1)", NULL, 0, integrity_row, NULL, NULL, NULL, &e);
  tell(k, "store", rc, &e, url.path);
  if (rc != 0)
    return;
  rc = check_schema(db, arena, &good, &e);
  tell(k, "store's schema", rc, &e, good);
}

static int check_root(const char *path, bool write, struct err *e) {
  struct stat st;
  if (stat(path, &st) != 0)
    return err_errno(e, ERR_NOT_FOUND, errno, "%s", path);
  if (!S_ISDIR(st.st_mode) || access(path, R_OK | X_OK | (write ? W_OK : 0)) != 0)
    return err_set(e, ERR_REFUSED, "%s is no folder that migd may %s", path,
                   write ? "write to" : "read");
  return 0;
}

static void check_roots(struct checking *k, const struct config *c) {
  struct err e;
  for (size_t i = 0; i < c->sqlite_roots.count; i++)
    tell(k, "sqlite-root", check_root(c->sqlite_roots.items[i], true, &e), &e,
         c->sqlite_roots.items[i]);
  for (size_t i = 0; i < c->postgres_files.count; i++)
    tell(k, "postgresql-files", check_root(c->postgres_files.items[i], false, &e), &e,
         c->postgres_files.items[i]);
}

static int check_run(const struct args *args, struct err *e) {
  struct arena arena ARENA_SCOPED;
  arena_init(&arena, 0);
  if (args->word_count > 0)
    return err_set(e, ERR_INPUT, "migd check takes no words: the directory is --dir DIR");
  const char *dir = data_dir(args, &arena, e);
  if (dir == NULL)
    return -1;
  struct checking k = {0};
  struct config config;
  int rc = config_load(&config, dir, args, e);
  tell(&k, "configuration", rc, e, arena_printf(&arena, "%s/migd.conf", dir));
  if (rc == 0) {
    check_certificates(&k, &config, &arena);
    check_keys(&k, &config);
    check_roots(&k, &config);
  }
  check_store(&k, dir, &arena);
  config_release(&config);
  return k.exit_code;
}

static const struct option_row check_options[] = {
    {"dir", "DIR", "The data directory. Default: the current one."},
    {0},
};

const struct command command_check = {
    .name = "check",
    .synopsis = "[--dir DIR] [--KEY VALUE]...",
    .about = "Check a data directory: configuration, certificates, keys, store.",
    .help =
        "Prints a line a check and changes nothing; a server may be running. Takes the options of\n"
        "`migd serve`. Ends with 0 when all is well.\n\n"
        "Example:\n"
        "  migd check --dir /var/lib/migd\n",
    .options = check_options,
    .keys = true,
    .run = check_run,
};
