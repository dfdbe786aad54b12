#!/bin/bash
# backends: sqlite postgresql
# What is dangerous is said before it runs: of a folder, at a push, and in a plan that knows the tables.
. "$(dirname "$0")/lib.sh"
init_server
start_server
new_database small
new_database large
if [ "$backend" = postgresql ]; then
  rows() { query "$1" "INSERT INTO item SELECT i, 'x', 'y' FROM generate_series(1, $2) i; ANALYZE item" >/dev/null; }
else
  rows() { query "$1" "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $2) INSERT INTO item SELECT i, 'x', 'y' FROM n" >/dev/null; }
fi

cd "$work" || exit 1
revision shop 0001 item base <<'SQL'
-- migd:up
CREATE TABLE item (id BIGINT PRIMARY KEY, note TEXT, old TEXT);
SQL
expect 0 migctl catalog push shop -c shop
for name in small large; do
  add_target $name shop
  expect 0 migctl upgrade -t $name
done
rows small 40
rows large 20000

chapter "the rules and their pages"
expect 0 migctl lint --rules
says ban-drop-column
expect 0 migctl lint --explain ban-drop-column
says 'Why it matters' '-- migd:up'
expect 7 migctl lint --explain ban-drop-colum
says 'did you mean ban-drop-column?'
expect 2 migctl lint

chapter "a folder"
revision shop 0002 drop 0001 <<'SQL'
-- migd:up on=postgresql
ALTER TABLE item DROP COLUMN old;
SQL
expect 0 migctl lint shop --dialect postgresql --fail-on never
says 'shop/0002_drop.sql:6:' '[ban-drop-column]' 'ALTER TABLE item DROP COLUMN old;'
expect 7 migctl lint shop --dialect postgresql --fail-on note
expect 0 migctl lint shop --dialect postgresql --fail-on never --sarif
same "the log's version" "$(field 'd["version"]')" 2.1.0
same "its rule" "$(field '[r["ruleId"] for r in d["runs"][0]["results"] if r["ruleId"] == "ban-drop-column"]')" '["ban-drop-column"]'
expect 0 migctl lint shop --dialect postgresql --fail-on never -o json
says '"rule":"ban-drop-column"'
expect 2 migctl lint shop --sarif -o json
expect 2 migctl lint --rules --sarif

chapter "what the policy blocks is not pushed, unless somebody says why"
expect 7 migctl catalog set shop --lint-rule ban-drop-colum=block
says 'did you mean ban-drop-column?'
expect 0 migctl catalog set shop --lint-rule ban-drop-column=block
expect 0 migctl catalog show shop
says 'no finding blocks it; ban-drop-column blocks it'
if [ "$backend" = postgresql ]; then
  expect 7 migctl catalog check shop -c shop
  expect 7 migctl catalog push shop -c shop
  says 'blocks 1 finding' '(blocks)' 'migd:ignore'
  sed -i 's/^ALTER TABLE/-- migd:ignore ban-drop-column nobody reads it since May\n&/' shop/0002_drop.sql
else # this catalog's only databases are SQLite's: what PostgreSQL would do is not its matter
  expect 0 migctl catalog check shop -c shop
fi
expect 0 migctl catalog push shop -c shop
expect 0 migctl upgrade --all

if [ "$backend" = postgresql ]; then
  chapter "a plan knows how large the table is"
  revision shop 0003 type 0002 <<'SQL'
-- migd:up
ALTER TABLE item ALTER COLUMN note TYPE BIGINT USING length(note);
SQL
  expect 0 migctl catalog push shop -c shop
  says '[changing-column-type]'
  expect 0 migctl upgrade -t large --dry-run
  says 'warning' '[changing-column-type]' 'item has about 20,000 rows here'
  expect 0 migctl upgrade -t small --dry-run
  says_not '[changing-column-type]'
  expect 0 migctl upgrade -t small --dry-run -v
  says 'note' 'item has about 40 rows here: no danger'
  expect 0 migctl catalog set shop --lint-small-table 30
  expect 0 migctl upgrade -t small --dry-run
  says 'item has about 40 rows here)'
  expect 0 migctl upgrade --all --dry-run
  says 'item has about 20,000 rows here' # of the two that are alike the larger speaks
fi

chapter "SQL that the parser does not know is no reason to refuse it"
revision shop 0004 new 0002 <<'SQL'
-- migd:up on=postgresql
SELECT newer SYNTAX OF (a later) PostgreSQL;
SQL
rm -f shop/0003_type.sql
expect 0 migctl lint shop --fail-on never
says 'not understood' 'the statement at 0004_new.sql:6'
expect 0 migctl catalog push shop -c shop --replace
if [ "$backend" = postgresql ]; then
  says 'added: 0004' 'not understood' 'the statement at 0004_new.sql:6'
else
  says_not 'not understood'
fi
expect 0 migctl lint shop -c shop
says 'all of it is stored in shop already' '0 revisions'

chapter "more findings than the server holds for a client"
{
  echo "-- migd:up on=sqlite"
  yes "VACUUM /* $(printf "%0300d" 0) */;" | head -n 16000
} | revision many 0001 many base
expect 0 migctl catalog push many -c many
expect 0 migctl lint many --dialect sqlite --fail-on never -o json
same "all of them are told" "$(grep -o '"rule":"vacuum-in-transaction"' <<<"$out" | wc -l)" 16000

chapter "who reads no further ends the command in silence"
migctl lint shop -o json 2>"$work/err" | true
same "what it says" "$(grep 'cannot write' "$work/err")" ''
stop_server
