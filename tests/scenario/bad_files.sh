#!/bin/bash
# backends: sqlite
# Malformed revision files: every thing that is wrong is said at once, with file, line and column, and nothing is stored.
. "$(dirname "$0")/lib.sh"
init_server
start_server

chapter "many mistakes, one answer"
revision bad 0001 good base <<<'-- migd:up
CREATE TABLE t (id INTEGER);'
revision bad 0002 no_parent 0099 <<<'-- migd:up
SELECT 1;'
printf -- '-- migd:revision 0003\n-- migd:parent 0001\n-- migd:message x\n-- migd:colour blue\n\n-- migd:up\nSELECT 1;\n' >"$work/bad/0003_directive.sql"
printf -- '-- migd:revision 0004\n-- migd:parent 0001\n-- migd:message x\n\n-- migd:up on=oracle\nSELECT 1;\n' >"$work/bad/0004_option.sql"
printf -- '-- migd:revision 0005\n-- migd:parent 0001\n-- migd:message x\nSELECT 1;\n-- migd:up\nSELECT 1;\n' >"$work/bad/0005_early.sql"
printf -- '-- migd:revision 0007\n-- migd:parent 0001\n-- migd:message x\n\n-- migd:up\nSELECT 1;\n' >"$work/bad/0006_name.sql"
revision bad 0008 commits 0001 <<<'-- migd:up
CREATE TABLE u (id INTEGER);
COMMIT;'
revision bad 0009 psql 0001 <<<'-- migd:up
\d customer'
revision bad 0010 cycle_a 0011 <<<'-- migd:up
SELECT 1;'
revision bad 0011 cycle_b 0010 <<<'-- migd:up
SELECT 1;'
cp "$work/bad/0001_good.sql" "$work/bad/0001_twice.sql"
printf -- '-- migd:revision 0012\n-- migd:parent 0001\n-- migd:message \xff\xfe\n\n-- migd:up\nSELECT 1;\n' >"$work/bad/0012_utf8.sql"
expect 7 migctl catalog push "$work/bad" -c shop
says 0002_no_parent.sql 0099 \
  0003_directive.sql:4: colour \
  0004_option.sql:5: oracle \
  0005_early.sql:4: \
  0006_name.sql: 0007 \
  0008_commits.sql:7:1: COMMIT \
  0009_psql.sql:6:1: \
  0010 0011 cycle \
  0001_twice.sql \
  0012_utf8.sql:3: UTF-8
expect 0 migctl catalog list -o json
same "the catalogs" "$(field "d.get('catalogs', [])")" "[]"

chapter "bodies are no transaction control"
revision fine 0001 trigger base <<'SQL'
-- migd:up on=sqlite
CREATE TABLE t (id INTEGER);
CREATE TRIGGER tr AFTER INSERT ON t BEGIN SELECT 1; END;
-- migd:up on=postgresql
CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $$ BEGIN RETURN 1; END $$;
CREATE FUNCTION g() RETURNS int BEGIN ATOMIC SELECT 1; END;
SQL
push fine

chapter "an empty folder, a missing one, a file in its place"
mkdir "$work/empty"
expect 7 migctl catalog push "$work/empty" -c shop
expect 7 migctl catalog push "$work/nowhere" -c shop
says nowhere
expect 7 migctl catalog push "$work/fine/0001_trigger.sql" -c shop

stop_server
