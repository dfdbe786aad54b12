/* Tests which statements are taken for a change of a table that is named in them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "server/sql/changes.h"

static const char *const tables[] = {"ledger", "heads", NULL};

/* The name stands where the statement first says it. */
static void test_changed(void **state) {
  (void)state;
  static const char *const samples[] = {
      "DELETE FROM ledger",
      "/* why */ delete from only public.Ledger where true",
      "UPDATE ledger SET a = 1",
      "UPDATE ONLY \"public\".\"ledger\" AS l SET a = 1",
      "INSERT INTO ledger VALUES (1)",
      "WITH gone AS (DELETE FROM ledger RETURNING *) INSERT INTO mine SELECT * FROM gone",
      "MERGE INTO ledger USING x ON true WHEN MATCHED THEN DELETE",
      "COPY ledger FROM '/tmp/x'",
      "SELECT 1 AS a INTO ledger",
      "TRUNCATE TABLE a, ledger",
      "TRUNCATE ledger",
      "DROP TABLE IF EXISTS a, b.ledger CASCADE",
      "ALTER TABLE IF EXISTS ONLY ledger ADD COLUMN a int",
      "ALTER TABLE a RENAME TO ledger",
      "CREATE TABLE IF NOT EXISTS ledger (a int)",
      "CREATE UNIQUE INDEX i ON ledger (a)",
      "CREATE TRIGGER r BEFORE DELETE ON public.ledger EXECUTE FUNCTION f()",
      "CREATE RULE r AS ON DELETE TO a DO ALSO DELETE FROM ledger",
  };
  for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
    size_t offset = 0;
    const char *name = sql_changes(samples[i], strlen(samples[i]), tables, &offset);
    if (!name)
      fail_msg("%s: nothing is changed", samples[i]);
    assert_string_equal(name, "ledger");
    assert_ptr_equal(samples[i] + offset + (samples[i][offset] == '"'),
                     strcasestr(samples[i], "ledger"));
  }
}

static void test_unchanged(void **state) {
  (void)state;
  static const char *const samples[] = {
      "",
      "SELECT * FROM ledger",
      "INSERT INTO a SELECT * FROM ledger, heads",
      "DELETE FROM a USING ledger",
      "UPDATE a SET b = 1 FROM ledger",
      "CREATE VIEW v AS SELECT * FROM ledger",
      "CREATE VIEW v AS SELECT a FROM runs JOIN ledger ON ledger.run = runs.id",
      "GRANT SELECT ON ledger TO monitor",
      "GRANT SELECT ON TABLE ledger TO monitor",
      "COMMENT ON TABLE ledger IS 'UPDATE ledger'",
      "SELECT 1 FROM a FOR UPDATE OF ledger",
      "INSERT INTO a (b) VALUES (1) ON CONFLICT DO UPDATE SET ledger = 1",
      "UPDATE \"Ledger\" SET a = 1",
      "DELETE FROM ledgers",
      "INSERT INTO a VALUES ('DROP TABLE ledger') -- DROP TABLE ledger",
      "DO $$ BEGIN DELETE FROM ledger; END $$",
      "LOCK TABLE ledger",
  };
  for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
    size_t offset = 0;
    if (sql_changes(samples[i], strlen(samples[i]), tables, &offset))
      fail_msg("%s: a change", samples[i]);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_changed),
                                     cmocka_unit_test(test_unchanged)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
