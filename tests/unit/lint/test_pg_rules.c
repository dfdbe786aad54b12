/* Near misses of PostgreSQL's rules: what each must find besides its bad example, and what it must
 * leave alone besides its good one.
 */
#include "probe.h"

#define PG "up on=postgresql"
#define OFF "up on=postgresql transaction=off"
/* A section may only go down where another goes up. */
#define DOWNWARDS(sql) "-- migd:up on=postgresql\nSELECT 1;\n-- migd:down on=postgresql\n" sql "\n"

static const struct {
  const char *rule, *section, *sql;
} found[] = {
    {"adding-exclusion-constraint", PG,
     "ALTER TABLE a ADD COLUMN x int, ADD EXCLUDE USING gist (p WITH &&)"},
    {"adding-field-with-default", PG, "ALTER TABLE a ADD COLUMN x float DEFAULT 1 + random() * 2"},
    {"adding-field-with-default", PG,
     "ALTER TABLE a ADD x timestamptz DEFAULT CASE WHEN true THEN clock_timestamp() END"},
    {"adding-field-with-default", PG, "ALTER TABLE a ADD COLUMN x bigserial"},
    {"adding-field-with-default", PG,
     "ALTER TABLE a ADD COLUMN x bigint GENERATED ALWAYS AS IDENTITY"},
    {"adding-field-with-default", PG, "ALTER TABLE a ADD COLUMN x text DEFAULT our_function()"},
    {"adding-foreign-key-constraint", PG, "ALTER TABLE a ADD FOREIGN KEY (b) REFERENCES b"},
    {"adding-foreign-key-constraint", PG, "ALTER TABLE a ADD COLUMN b int DEFAULT 1 REFERENCES b"},
    {"adding-foreign-key-constraint", PG, "ALTER TABLE a ADD COLUMN b int REFERENCES b"},
    {"adding-not-nullable-field", PG,
     "ALTER TABLE b VALIDATE CONSTRAINT c; ALTER TABLE a ALTER x SET NOT NULL"},
    {"adding-required-field", PG, "ALTER TABLE a ADD COLUMN x int NOT NULL CHECK (x > 0)"},
    {"adding-required-field", PG, "DELETE FROM a WHERE x; ALTER TABLE a ADD COLUMN y int NOT NULL"},
    {"adding-serial-primary-key-field", PG, "ALTER TABLE a ADD COLUMN x bigserial PRIMARY KEY"},
    {"attaching-partition", PG, "ALTER TABLE a ATTACH PARTITION b DEFAULT"},
    {"backfill-with-ddl", PG, "ALTER TABLE a ADD x int; INSERT INTO b (y) SELECT x FROM a"},
    {"backfill-with-ddl", PG, "ALTER TABLE a ADD x int; DELETE FROM b WHERE c < now()"},
    {"ban-alter-domain-with-add-constraint", PG, "ALTER DOMAIN d SET NOT NULL"},
    {"ban-char-field", PG, "ALTER TABLE a ADD COLUMN x character"},
    {"ban-concurrent-index-creation-in-transaction", PG, "DROP INDEX CONCURRENTLY a"},
    {"ban-concurrent-index-creation-in-transaction", PG, "REINDEX INDEX CONCURRENTLY a"},
    {"ban-concurrent-index-creation-in-transaction", PG, "REINDEX (CONCURRENTLY) TABLE a"},
    {"ban-create-domain-with-constraint", PG, "CREATE DOMAIN d AS int NOT NULL"},
    {"ban-disable-trigger", PG, "SET LOCAL session_replication_role = replica"},
    {"ban-disable-trigger", PG, "ALTER TABLE a DISABLE TRIGGER t"},
    {"ban-drop-cascade", PG, "DROP VIEW v CASCADE"},
    {"ban-drop-cascade", PG, "ALTER TABLE a DROP COLUMN x CASCADE"},
    {"ban-drop-cascade", PG, "DROP OWNED BY r"},
    {"ban-drop-column", PG, "ALTER TABLE a ADD x int, DROP COLUMN IF EXISTS y"},
    {"ban-drop-table", PG, "CREATE TABLE a (x int); DROP TABLE a, b"},
    {"ban-drop-table", PG, "CREATE TABLE s.a (x int); DROP TABLE s.b"},
    {"ban-duplicate-column-assignments", PG, "UPDATE a SET x = 1, y = 2, x = 3 WHERE id = 1"},
    {"ban-duplicate-column-assignments", PG, "INSERT INTO a (x, x) VALUES (1, 2)"},
    {"ban-duplicate-column-assignments", PG, "CREATE VIEW v (x, x) AS SELECT 1, 2"},
    {"ban-grant-to-public", PG, "GRANT SELECT ON a TO r, public"},
    {"ban-grant-to-public", PG, "ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC"},
    {"ban-set-search-path", PG, "SELECT pg_catalog.set_config('search_path', '', false)"},
    {"ban-truncate-cascade", PG, "TRUNCATE a RESTART IDENTITY CASCADE"},
    {"changing-column-type", PG, "ALTER TABLE a ALTER x TYPE text USING x::text || 'y'"},
    {"changing-column-type", PG, "ALTER TABLE a ALTER x TYPE timestamptz"},
    {"changing-column-type", PG, "ALTER TABLE a ALTER x TYPE varchar(20)"},
    {"constraint-missing-not-valid", PG, "ALTER TABLE a ADD COLUMN x int CHECK (x > 0)"},
    {"disallowed-unique-constraint", PG, "ALTER TABLE a ADD COLUMN x int UNIQUE"},
    {"enum-value-used-at-once", PG,
     "ALTER TYPE t ADD VALUE 'v'; ALTER TABLE a ALTER x SET DEFAULT 'v'::t"},
    {"identifier-too-long", PG,
     "CREATE TABLE \"a234567890123456789012345678901234567890123456789012345678901234\" (x int)"},
    {"index-many-columns", OFF, "CREATE INDEX CONCURRENTLY i ON a (b, c, d, (e + 1))"},
    {"lock-table", PG, "LOCK TABLE a, ONLY b IN SHARE MODE"},
    {"missing-foreign-key-index", PG,
     "CREATE TABLE a (x int, y int, FOREIGN KEY (x) REFERENCES b); CREATE INDEX ON a (y, x)"},
    {"missing-foreign-key-index", PG,
     "CREATE TABLE a (x int REFERENCES b (c) ON DELETE CASCADE, y int, PRIMARY KEY (y, x))"},
    {"missing-foreign-key-index", PG, "ALTER TABLE a ADD y int, ADD COLUMN x int REFERENCES b"},
    {"needs-transaction-off", PG, "ALTER TABLE a DETACH PARTITION b CONCURRENTLY"},
    {"needs-transaction-off", PG, "REINDEX DATABASE d"},
    {"needs-transaction-off", PG, "ALTER SYSTEM SET work_mem = '1GB'"},
    {"prefer-batched-update", PG, "UPDATE a SET x = 1 WHERE y"},
    {"prefer-batched-update", PG, "UPDATE a SET x = b.y FROM b WHERE a.id = b.id"},
    {"prefer-batched-update", PG, "DELETE FROM a WHERE at < now()"},
    {"prefer-bigint-over-int", PG, "CREATE TABLE a (x serial)"},
    {"prefer-bigint-over-int", PG, "CREATE TABLE a (x int REFERENCES b)"},
    {"prefer-bigint-over-smallint", PG, "CREATE TABLE a (x smallserial)"},
    {"prefer-repack", OFF, "VACUUM FULL"},
    {"prefer-repack", OFF, "CLUSTER a USING i"},
    {"prefer-robust-stmts", OFF, "ALTER TYPE t ADD VALUE 'v' AFTER 'u'"},
    {"prefer-robust-stmts", OFF, "DROP INDEX CONCURRENTLY i"},
    {"prefer-set-local", PG, "SET ROLE app"},
    {"prefer-set-local", PG, "SET SESSION statement_timeout = '1h'"},
    {"prefer-text-field", PG, "CREATE TABLE a (x character varying(10))"},
    {"prefer-timestamptz", PG, "ALTER TABLE a ADD x timestamp(3) without time zone"},
    {"renaming-column", PG, "ALTER VIEW v RENAME COLUMN x TO y"},
    {"renaming-object", PG, "ALTER SCHEMA a RENAME TO b"},
    {"renaming-object", PG, "ALTER TABLE a SET SCHEMA b"},
    {"renaming-object", PG, "ALTER VIEW a RENAME TO b"},
    {"require-concurrent-index-creation", PG,
     "CREATE TABLE b (x int); CREATE UNIQUE INDEX i ON a (x)"},
    {"require-concurrent-index-creation", OFF, "CREATE INDEX i ON a (x)"},
    {"require-concurrent-reindex", PG, "REINDEX INDEX i"},
    {"require-timeout-settings", PG, "SET lock_timeout TO '2min'"},
    {"require-timeout-settings", PG, "RESET lock_timeout"},
    {"require-timeout-settings", PG, "SELECT set_config('lock_timeout', '0', true)"},
    {"require-timeout-settings", PG, "SET LOCAL statement_timeout = 0"},
    {"rewriting-table", PG, "ALTER TABLE a SET TABLESPACE fast"},
    {"several-without-transaction", OFF,
     "DROP INDEX CONCURRENTLY i; VACUUM a; DROP INDEX CONCURRENTLY j"},
    {"validate-in-same-transaction", PG,
     "ALTER TABLE a ADD FOREIGN KEY (x) REFERENCES b NOT VALID, ADD y int; "
     "ALTER TABLE a VALIDATE CONSTRAINT f"},
};

static const struct {
  const char *rule, *section, *sql;
} left_alone[] = {
    {"adding-exclusion-constraint", PG,
     "CREATE TABLE a (p int4range); ALTER TABLE a ADD EXCLUDE USING gist (p WITH &&)"},
    {"adding-field-with-default", PG, "ALTER TABLE a ADD COLUMN x timestamptz DEFAULT now()"},
    {"adding-field-with-default", PG,
     "ALTER TABLE a ADD COLUMN x date DEFAULT current_date + interval '1 day'"},
    {"adding-field-with-default", PG, "ALTER TABLE a ALTER COLUMN x SET DEFAULT random()"},
    {"adding-field-with-default", PG,
     "CREATE TABLE a (x int); ALTER TABLE a ADD COLUMN y float DEFAULT random()"},
    {"adding-foreign-key-constraint", PG, "CREATE TABLE a (x int REFERENCES b)"},
    {"adding-not-nullable-field", PG, "ALTER TABLE a ADD COLUMN x int NOT NULL DEFAULT 0"},
    {"adding-not-nullable-field", PG, "CREATE TABLE a (x int); ALTER TABLE a ALTER x SET NOT NULL"},
    {"adding-required-field", PG, "ALTER TABLE a ADD COLUMN x bigserial NOT NULL"},
    {"adding-required-field", PG,
     "ALTER TABLE a ADD COLUMN x int NOT NULL GENERATED ALWAYS AS (y + 1) STORED"},
    {"adding-required-field", PG, "TRUNCATE b, a; ALTER TABLE a ADD COLUMN y int NOT NULL"},
    {"attaching-partition", PG,
     "CREATE TABLE b (LIKE a); ALTER TABLE a ATTACH PARTITION b FOR VALUES IN (1)"},
    {"backfill-with-ddl", PG, "UPDATE a SET x = 1 WHERE y; ALTER TABLE a ADD z int"},
    {"backfill-with-ddl", PG, "ALTER TABLE a ADD z int; INSERT INTO b VALUES (1), (2)"},
    {"backfill-with-ddl", PG, "ALTER TABLE a ADD z int; UPDATE a SET z = 1 WHERE id IN (1, 2)"},
    {"backfill-with-ddl", OFF, "ALTER TABLE a ADD IF NOT EXISTS z int; UPDATE a SET z = 1"},
    {"backfill-with-ddl", PG,
     "CREATE TABLE a (x int); ALTER TABLE a ADD z int; UPDATE b SET x = 1"},
    {"ban-alter-domain-with-add-constraint", PG, "ALTER DOMAIN d DROP CONSTRAINT c"},
    {"ban-char-field", PG, "CREATE TABLE a (x \"char\", y bpchar, z varchar)"},
    {"ban-concurrent-index-creation-in-transaction", OFF, "DROP INDEX CONCURRENTLY IF EXISTS a"},
    {"ban-disable-trigger", PG, "ALTER TABLE a ENABLE TRIGGER t"},
    {"ban-disable-trigger", PG, "SET LOCAL session_replication_role = origin"},
    {"ban-drop-cascade", PG, "CREATE TABLE a (x int REFERENCES b ON DELETE CASCADE)"},
    {"ban-drop-table", PG, "CREATE TABLE a (x int); DROP TABLE a"},
    {"ban-duplicate-column-assignments", PG, "UPDATE a SET x[1] = 1, x[2] = 2 WHERE id = 1"},
    {"ban-duplicate-column-assignments", PG, "CREATE TABLE a (x int, LIKE b, LIKE c, \"X\" int)"},
    {"ban-grant-to-public", PG, "REVOKE ALL ON a FROM PUBLIC"},
    {"ban-set-search-path", PG,
     "CREATE FUNCTION f() RETURNS int LANGUAGE sql SET search_path = s "
     "AS 'SELECT 1'"},
    {"changing-column-type", PG, "CREATE TABLE a (x int); ALTER TABLE a ALTER x TYPE bigint"},
    {"constraint-missing-not-valid", PG, "CREATE TABLE a (x int CHECK (x > 0))"},
    {"creating-partition", PG,
     "CREATE TABLE a (x int) PARTITION BY LIST (x); "
     "CREATE TABLE b PARTITION OF a DEFAULT"},
    {"creating-partition", PG, "CREATE TABLE b () INHERITS (a)"},
    {"delete-without-where", PG, "CREATE TABLE a (x int); DELETE FROM a"},
    {"delete-without-where", PG, "DELETE FROM a USING b WHERE a.x = b.x"},
    {"disallowed-unique-constraint", PG, "CREATE TABLE a (x int UNIQUE)"},
    {"enum-value-used-at-once", PG,
     "CREATE TYPE t AS ENUM ('u'); ALTER TYPE t ADD VALUE 'v'; INSERT INTO a VALUES ('v')"},
    {"enum-value-used-at-once", PG, "ALTER TYPE t ADD VALUE 'v'; INSERT INTO a VALUES ('w')"},
    {"enum-value-used-at-once", OFF, "ALTER TYPE t ADD VALUE 'v'; INSERT INTO a VALUES ('v')"},
    {"identifier-too-long", PG,
     "CREATE TABLE \"a23456789012345678901234567890123456789012345678901234567890\"\"2\" (x int)"},
    {"index-many-columns", OFF, "CREATE UNIQUE INDEX CONCURRENTLY i ON a (b, c, d, e)"},
    {"index-many-columns", OFF, "CREATE INDEX CONCURRENTLY i ON a USING gin (b, c, d, e)"},
    {"lock-table", PG, "LOCK TABLE a IN ROW EXCLUSIVE MODE"},
    {"locking-several-tables", PG, "ALTER TABLE a ADD x int; ALTER TABLE a ADD y int"},
    {"locking-several-tables", PG,
     "CREATE TABLE a (x int); ALTER TABLE a ADD y int; ALTER TABLE b ADD y int"},
    {"locking-several-tables", PG,
     "ALTER TABLE a VALIDATE CONSTRAINT c; ALTER TABLE b ADD COLUMN y int"},
    {"missing-foreign-key-index", PG,
     "CREATE TABLE a (x int REFERENCES b, y int, UNIQUE (x, y), CHECK (x > y))"},
    {"missing-foreign-key-index", PG, "CREATE TABLE a (x int PRIMARY KEY REFERENCES b)"},
    {"missing-foreign-key-index", PG,
     "CREATE TABLE s.a (x int REFERENCES b); SELECT 1; CREATE INDEX i ON s.a USING btree (x DESC)"},
    {"missing-foreign-key-index", PG, "ALTER TABLE a ADD FOREIGN KEY (x) REFERENCES b NOT VALID"},
    {"needs-transaction-off", PG, "ANALYZE a"},
    {"needs-transaction-off", PG, "REINDEX TABLE a"},
    {"prefer-batched-update", PG, "UPDATE a SET x = 1 WHERE id = 7 AND y"},
    {"prefer-batched-update", PG, "CREATE TABLE a (x int); UPDATE a SET x = 1"},
    {"prefer-batched-update", PG, "CREATE TEMP TABLE a (x int); UPDATE a SET x = 1"},
    {"prefer-bigint-over-int", PG, "CREATE TABLE a (id bigint PRIMARY KEY, pages integer)"},
    {"prefer-repack", OFF, "VACUUM (FULL false) a"},
    {"prefer-robust-stmts", OFF, "CREATE INDEX CONCURRENTLY i ON a (x)"},
    {"prefer-robust-stmts", OFF, "ALTER TYPE t ADD VALUE IF NOT EXISTS 'v' AFTER 'u'"},
    {"prefer-set-local", OFF, "SET statement_timeout = '1h'"},
    {"prefer-set-local", PG, "RESET work_mem"},
    {"prefer-text-field", PG, "CREATE TABLE a (x varchar, y text)"},
    {"renaming-column", PG, "CREATE TABLE a (x int); ALTER TABLE a RENAME x TO y"},
    {"renaming-object", PG, "ALTER INDEX i RENAME TO j"},
    {"renaming-object", PG, "ALTER TABLE a RENAME CONSTRAINT c TO d"},
    {"renaming-table", PG, "CREATE TABLE a (x int); ALTER TABLE a RENAME TO b"},
    {"require-concurrent-index-creation", PG,
     "CREATE TABLE s.a (x int); CREATE INDEX i ON s.a (x)"},
    {"require-concurrent-index-deletion", PG,
     "CREATE TABLE a (x int); CREATE INDEX i ON a (x); DROP INDEX i"},
    {"require-concurrent-partition-detach", PG, "ALTER TABLE a DETACH PARTITION b FINALIZE"},
    {"require-concurrent-refresh", PG, "REFRESH MATERIALIZED VIEW v WITH NO DATA"},
    {"require-timeout-settings", PG, "SET LOCAL lock_timeout = 2000"},
    {"require-timeout-settings", PG, "SET LOCAL lock_timeout = '0.5min'"},
    {"require-timeout-settings", PG, "SET LOCAL statement_timeout = '2h'"},
    {"rewriting-table", PG, "ALTER TABLE a SET (fillfactor = 70)"},
    {"several-without-transaction", PG, "DROP VIEW v; DROP VIEW w"},
    {"validate-in-same-transaction", PG,
     "ALTER TABLE a ADD CONSTRAINT c CHECK (x) NOT VALID; ALTER TABLE b VALIDATE CONSTRAINT d"},
    {"validate-in-same-transaction", OFF,
     "ALTER TABLE a ADD CONSTRAINT c CHECK (x) NOT VALID; ALTER TABLE a VALIDATE CONSTRAINT c"},
};

static void test_near_misses(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof found / sizeof *found; i++)
    finds(found[i].rule, found[i].section, found[i].sql);
  for (size_t i = 0; i < sizeof left_alone / sizeof *left_alone; i++)
    silent(left_alone[i].rule, left_alone[i].section, left_alone[i].sql);
}

static void says(const char *body, const char *expected) {
  struct probe p;
  probe_begin(&p, body);
  assert_string_equal(probe_text(&p), expected);
  probe_end(&p);
}

/* The command of several that it is about, whatever stands between. */
static void test_places(void **state) {
  (void)state;
  says("-- migd:up on=postgresql\n"
       "ALTER TABLE \"My, Table\" /* , */\n"
       "  ADD COLUMN n numeric(10, 2) DEFAULT coalesce(1, 2),\n"
       "  DROP COLUMN x,\n"
       "  ALTER y TYPE bigint USING (ARRAY[1, 2])[1], ALTER z SET NOT NULL;\n"
       "-- migd:down on=postgresql\n",
       "ban-drop-column@4:3 changing-column-type@5:3 adding-not-nullable-field@5:47");
  says("-- migd:up on=postgresql\nALTER TABLE IF EXISTS s.\"t\" * DROP x;\n"
       "-- migd:down on=postgresql\n",
       "ban-drop-column@2:31");
}

/* What a down undoes is nobody's loss of compatibility; its locks are as long as any. */
static void test_down(void **state) {
  (void)state;
  says(DOWNWARDS("ALTER TABLE a RENAME COLUMN x TO y;\nALTER TABLE a ALTER y DROP NOT NULL;"), "");
  says(DOWNWARDS("CREATE INDEX i ON a (x);"), "require-concurrent-index-creation@4:1");
}

static struct lint_finding first(struct probe *p, const char *sql) {
  probe_section(p, PG, sql);
  assert_int_equal(p->result.count, 1);
  return p->result.items[0];
}

/* The table whose size decides is told as it is written; a guess is a note. */
static void test_tables_and_severities(void **state) {
  (void)state;
  static const struct {
    const char *sql, *table;
    enum severity severity;
  } rows[] = {
      {"CREATE INDEX i ON s.\"A b\" (x)", "s.A b", SEVERITY_WARNING},
      {"ALTER TABLE a ALTER x TYPE text", "a", SEVERITY_NOTE},
      {"ALTER TABLE a ALTER x TYPE text USING f(x)", "a", SEVERITY_WARNING},
      {"UPDATE a SET x = 1", "a", SEVERITY_WARNING},
      {"UPDATE a SET x = 1 WHERE y", "a", SEVERITY_NOTE},
      {"ALTER TABLE a ADD x text DEFAULT ours()", "a", SEVERITY_NOTE},
      {"ALTER TABLE a ADD x text DEFAULT random()", "a", SEVERITY_WARNING},
      {"ALTER TABLE p ATTACH PARTITION c DEFAULT", "c", SEVERITY_WARNING},
      {"VACUUM FULL s.a", "s.a", SEVERITY_WARNING},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct probe p;
    bool vacuum = strncmp(rows[i].sql, "VACUUM", 6) == 0;
    struct lint_finding f = {0};
    if (vacuum) {
      probe_section(&p, OFF, rows[i].sql);
      f = p.result.items[0];
    } else {
      f = first(&p, rows[i].sql);
    }
    assert_string_equal(f.table, rows[i].table);
    assert_int_equal(f.severity, rows[i].severity);
    probe_end(&p);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_near_misses),
      cmocka_unit_test(test_places),
      cmocka_unit_test(test_down),
      cmocka_unit_test(test_tables_and_severities),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
