/* Sealing, opening, key files: and every way in which they must refuse. */
#include "fixture.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "server/base/digest.h"
#include "server/store/secret.h"

static char *key_path(struct fixture *f, const char *name) {
  return arena_printf(&f->arena, "%s/%s", f->dir, name);
}

static void write_file(const char *path, const char *text, mode_t mode) {
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  assert_true(fd >= 0);
  assert_int_equal(write(fd, text, strlen(text)), strlen(text));
  fchmod(fd, mode);
  close(fd);
}

static struct keyring *new_key(struct fixture *f, const char *name) {
  struct keyring *k = NULL;
  assert_ok(keyring_create(key_path(f, name), &f->e));
  assert_ok(keyring_load(&k, key_path(f, name), NULL, &f->e));
  return k;
}

static void what_is_sealed_opens(void **state) {
  struct fixture *f = *state;
  struct keyring *k = new_key(f, "key");
  static const char *const plains[] = {"", "x", "correct horse battery staple"};
  for (size_t i = 0; i < 3; i++) {
    struct buf sealed BUF_SCOPED = BUF_INIT, plain BUF_SCOPED = BUF_INIT,
                      again BUF_SCOPED = BUF_INIT;
    size_t len = strlen(plains[i]);
    assert_ok(secret_seal(k, "target/1/password", plains[i], len, &sealed, &f->e));
    assert_int_equal(sealed.len, 1 + 8 + 12 + len + 16);
    assert_true(len < 2 || !memmem(sealed.s, sealed.len, plains[i], len));
    assert_ok(secret_open(k, "target/1/password", sealed.s, sealed.len, &plain, &f->e));
    assert_string_equal(buf_str(&plain), plains[i]);
    assert_ok(secret_seal(k, "target/1/password", plains[i], len, &again, &f->e));
    assert_memory_not_equal(sealed.s, again.s, sealed.len);
  }
  keyring_free(k);
}

static void every_changed_bit_is_noticed(void **state) {
  struct fixture *f = *state;
  struct keyring *k = new_key(f, "key");
  struct buf sealed BUF_SCOPED = BUF_INIT, plain BUF_SCOPED = BUF_INIT;
  assert_ok(secret_seal(k, "target/1/password", "hunter2", 7, &sealed, &f->e));
  for (size_t bit = 0; bit < sealed.len * 8; bit++) {
    sealed.s[bit / 8] ^= (char)(1 << bit % 8);
    assert_true(secret_open(k, "target/1/password", sealed.s, sealed.len, &plain, &f->e));
    assert_int_equal(plain.len, 0);
    sealed.s[bit / 8] ^= (char)(1 << bit % 8);
  }
  for (size_t len = 0; len < sealed.len; len++)
    assert_true(secret_open(k, "target/1/password", sealed.s, len, &plain, &f->e));
  assert_ok(secret_open(k, "target/1/password", sealed.s, sealed.len, &plain, &f->e));
  keyring_free(k);
}

static void another_context_does_not_open(void **state) {
  struct fixture *f = *state;
  struct keyring *k = new_key(f, "key");
  struct buf sealed BUF_SCOPED = BUF_INIT, plain BUF_SCOPED = BUF_INIT;
  assert_ok(secret_seal(k, "target/1/password", "hunter2", 7, &sealed, &f->e));
  assert_err(secret_open(k, "target/11/password", sealed.s, sealed.len, &plain, &f->e),
             ERR_STORAGE);
  assert_err(secret_open(k, "", sealed.s, sealed.len, &plain, &f->e), ERR_STORAGE);
  keyring_free(k);
}

static void another_key_does_not_open(void **state) {
  struct fixture *f = *state;
  struct keyring *a = new_key(f, "a"), *b = new_key(f, "b");
  struct buf sealed BUF_SCOPED = BUF_INIT, plain BUF_SCOPED = BUF_INIT;
  assert_ok(secret_seal(a, "c", "hunter2", 7, &sealed, &f->e));
  assert_err(secret_open(b, "c", sealed.s, sealed.len, &plain, &f->e), ERR_REFUSED);
  assert_in(f->e.hint, "second key");
  keyring_free(a);
  keyring_free(b);
}

/* old alone, then new with old beside it, then new alone. */
static void keys_can_be_changed_one_after_the_other(void **state) {
  struct fixture *f = *state;
  struct keyring *old = new_key(f, "old"), *both = NULL, *new = NULL;
  struct buf before BUF_SCOPED = BUF_INIT, after BUF_SCOPED = BUF_INIT, plain BUF_SCOPED = BUF_INIT;
  assert_ok(keyring_create(key_path(f, "new"), &f->e));
  assert_ok(keyring_load(&both, key_path(f, "new"), key_path(f, "old"), &f->e));
  assert_ok(keyring_load(&new, key_path(f, "new"), NULL, &f->e));
  assert_ok(secret_seal(old, "c", "one", 3, &before, &f->e));
  assert_ok(secret_open(both, "c", before.s, before.len, &plain, &f->e));
  assert_ok(secret_seal(both, "c", "two", 3, &after, &f->e));
  assert_err(secret_open(old, "c", after.s, after.len, &plain, &f->e), ERR_REFUSED);
  buf_clear(&plain);
  assert_ok(secret_open(new, "c", after.s, after.len, &plain, &f->e));
  assert_string_equal(buf_str(&plain), "two");
  assert_err(secret_open(new, "c", before.s, before.len, &plain, &f->e), ERR_REFUSED);
  keyring_free(old);
  keyring_free(both);
  keyring_free(new);
}

static void a_key_file_is_made_once_and_closed_to_others(void **state) {
  struct fixture *f = *state;
  struct stat st;
  char *path = key_path(f, "key");
  assert_ok(keyring_create(path, &f->e));
  assert_int_equal(stat(path, &st), 0);
  assert_int_equal(st.st_mode & 07777, 0400);
  assert_int_equal(st.st_size, 65);
  assert_err(keyring_create(path, &f->e), ERR_EXISTS);
  assert_err(keyring_create(key_path(f, "no/such/folder"), &f->e), ERR_STORAGE);
}

#define HEX "00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF"

static void key_files_are_checked(void **state) {
  struct fixture *f = *state;
  struct keyring *k = NULL;
  char *path = key_path(f, "key");
  static const char *const contents[] = {
      "",         "\n",      "00",
      HEX "\n\n", HEX "0",   HEX "\nx",
      HEX " ",    ("g" HEX), "zz112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF\n"};
  for (size_t i = 0; i < sizeof contents / sizeof *contents; i++) {
    write_file(path, contents[i], 0400);
    assert_err(keyring_load(&k, path, NULL, &f->e), ERR_INPUT);
    unlink(path);
  }
  static const mode_t modes[] = {0404, 0440, 0420, 0401, 0644, 0660};
  for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
    write_file(path, HEX "\n", modes[i]);
    assert_err(keyring_load(&k, path, NULL, &f->e), ERR_REFUSED);
    unlink(path);
  }
  assert_err(keyring_load(&k, path, NULL, &f->e), ERR_NOT_FOUND);
  assert_err(keyring_load(&k, f->dir, NULL, &f->e), ERR_REFUSED);
  write_file(path, HEX "\n", 0600);
  assert_err(keyring_load(&k, path, key_path(f, "none"), &f->e), ERR_NOT_FOUND);
  assert_null(k);
  assert_ok(keyring_load(&k, path, NULL, &f->e));
  keyring_free(k);
  keyring_free(NULL);
}

static void a_strangers_key_is_refused(void **state) {
  struct fixture *f = *state;
  struct keyring *k = NULL;
  char *path = key_path(f, "key");
  write_file(path, HEX "\n", 0400);
  if (geteuid() != 0 || chown(path, 65534, 65534) != 0)
    skip();
  assert_err(keyring_load(&k, path, NULL, &f->e), ERR_REFUSED);
}

static void a_systemd_credential_may_be_readable_by_its_group(void **state) {
  struct fixture *f = *state;
  struct keyring *k = NULL;
  char *path = key_path(f, "key");
  write_file(path, HEX "\n", 0440);
  setenv("CREDENTIALS_DIRECTORY", f->dir, 1);
  assert_ok(keyring_load(&k, path, NULL, &f->e));
  keyring_free(k);
  chmod(path, 0444);
  assert_err(keyring_load(&k, path, NULL, &f->e), ERR_REFUSED);
  chmod(path, 0440);
  setenv("CREDENTIALS_DIRECTORY", "/run/credentials/other", 1);
  assert_err(keyring_load(&k, path, NULL, &f->e), ERR_REFUSED);
  unsetenv("CREDENTIALS_DIRECTORY");
}

/* The password of one target moved to another's row by somebody who can write the store. */
static void a_password_belongs_to_its_target(void **state) {
  struct fixture *f = *state;
  struct keyring *k = new_key(f, "key");
  char *password = NULL;
  put_catalog(f, "app", "a");
  int64_t one = add_target(f, "one", ""), two = add_target(f, "two", "");
  assert_ok(target_set_password(f->db, k, one, "hunter2", &f->e));
  assert_ok(target_password(f->db, k, one, &password, &f->e));
  assert_string_equal(password, "hunter2");
  wipe(password, strlen(password));
  free(password);
  assert_ok(target_password(f->db, k, two, &password, &f->e));
  assert_null(password);
  change(f, "UPDATE target SET password = (SELECT password FROM target WHERE name = 'one')"
            " WHERE name = 'two'");
  assert_err(target_password(f->db, k, two, &password, &f->e), ERR_STORAGE);
  assert_null(password);
  assert_ok(target_set_password(f->db, k, one, NULL, &f->e));
  assert_ok(target_password(f->db, k, one, &password, &f->e));
  assert_null(password);
  assert_err(target_set_password(f->db, k, 99, "x", &f->e), ERR_NOT_FOUND);
  assert_err(target_password(f->db, k, 99, &password, &f->e), ERR_NOT_FOUND);
  keyring_free(k);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(what_is_sealed_opens),
      TEST(every_changed_bit_is_noticed),
      TEST(another_context_does_not_open),
      TEST(another_key_does_not_open),
      TEST(keys_can_be_changed_one_after_the_other),
      TEST(a_key_file_is_made_once_and_closed_to_others),
      TEST(key_files_are_checked),
      TEST(a_strangers_key_is_refused),
      TEST(a_systemd_credential_may_be_readable_by_its_group),
      TEST(a_password_belongs_to_its_target),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
