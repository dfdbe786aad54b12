#!/bin/bash
# backends: sqlite postgresql
# Scripts instead of runs: what `--sql` prints is run by psql or the sqlite3 shell, and the database is then as
# migd itself would have left it, its ledger included; migd goes on with it as if it had been there.
. "$(dirname "$0")/lib.sh"
corpora=${MIGD_SHARED:-$source_dir/../shared}/corpora
init_server
start_server

# play NAME FILE: runs a script as the help says.
play() {
  if [ "$backend" = sqlite ]; then
    sqlite3 -bail "$data/databases/$1.db" <"$2" >"$work/play" 2>&1
  else
    PGHOST=$MIGD_TEST_PG_HOST PGPORT=$MIGD_TEST_PG_PORT PGUSER=$MIGD_TEST_PG_USER PGPASSWORD=${MIGD_TEST_PG_PASSWORD:-} PGSSLMODE=disable \
      PGOPTIONS='-c client_min_messages=warning' psql -X -q -v ON_ERROR_STOP=1 -d "$(pg_name "$1")" -f "$2" >"$work/play" 2>&1
  fi
}

plays() { play "$1" "$2" || fail "the script fails:" "$(tail -5 "$work/play")"; }

# stops NAME FILE TEXT: the script must fail, saying TEXT.
stops() {
  ! play "$1" "$2" || fail "the script ran, and must not have"
  grep -qF "$3" "$work/play" || fail "the script does not say: $3" "$(cat "$work/play")"
}

# script FILE ARGS…: asks for one.
script() {
  local file=$1
  shift
  expect 0 migctl "$@"
  cp "$work/out" "$file"
}

# image NAME: the schema as the database says it, and the ledger without what differs from run to run.
image() {
  if [ "$backend" = sqlite ]; then
    query "$1" "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name"
  else
    PGHOST=$MIGD_TEST_PG_HOST PGPORT=$MIGD_TEST_PG_PORT PGUSER=$MIGD_TEST_PG_USER PGPASSWORD=${MIGD_TEST_PG_PASSWORD:-} PGSSLMODE=disable \
      pg_dump --schema-only --no-owner -d "$(pg_name "$1")" | grep -vE '^(--|\\(un)?restrict|$)'
  fi
  query "$1" "SELECT revision FROM migd_revision ORDER BY revision"
  query "$1" "SELECT seq, revision, direction, statement, state, checksum, principal, store_id, length(started_at), substr(started_at, 11, 1) FROM migd_ledger ORDER BY seq"
  query "$1" "SELECT count(*) FROM migd_ledger WHERE started_at NOT LIKE '____-__-__T__:__:__.______Z'"
}

same_image() {
  image "$1" >"$work/one"
  image "$2" >"$work/other"
  [ "$(wc -l <"$work/one")" -gt 5 ] || fail "no image of $1"
  diff "$work/one" "$work/other" >"$work/diff" || fail "$1 (<, by migd) and $2 (>, by its script) differ:" "$(head -40 "$work/diff")"
}

# twins CATALOG: the head of a catalog by migd and by script, and on from there.
twins() {
  chapter "$1: by migd, by script, and on"
  new_database "$1-run" && add_target "$1-run" "$1"
  new_database "$1-sql"
  expect 0 migctl upgrade -t "$1-run"
  script "$work/$1.sql" upgrade --sql -c "$1" --dialect "$backend"
  plays "$1-sql" "$work/$1.sql"
  same_image "$1-run" "$1-sql"
  stops "$1-sql" "$work/$1.sql" "the database is not where this script starts"
  add_target "$1-sql" "$1"
  expect 0 migctl upgrade -t "$1-sql"
  says 'nothing to do'
}

shop_catalog shop
push shop
expect 0 migctl catalog push "$source_dir/migrations/demo" -c demo
cp -r "$work/shop" "$work/odd"
revision odd 0004 odd_things 0003 <<'SQL'
-- migd:up on=postgresql
SELECT set_config('search_path', '', false);
CREATE TABLE public.quote ("it's" text DEFAULT 'a;''b' CHECK ("it's" <> $x$;'$x$));
-- migd:up on=sqlite
CREATE TABLE quote ("it's" text DEFAULT 'a;''b');
CREATE TRIGGER noted AFTER INSERT ON quote BEGIN SELECT 1; UPDATE quote SET "it's" = 'x;'; END;
-- migd:up on=postgresql transaction=off
CREATE INDEX CONCURRENTLY quote_it ON public.quote ("it's");
-- migd:up on=sqlite transaction=off
CREATE INDEX quote_it ON quote ("it's");
-- migd:up
INSERT INTO customer (id, name) VALUES (7, 'O''Neill; -- \ $1');
-- migd:down
DELETE FROM customer WHERE id = 7;
DROP TABLE quote;
SQL
push odd
# One ALTER TABLE for both dialects: on SQLite a rebuild of the table.
revision alters 0001 tables base <<'SQL'
-- migd:up
CREATE TABLE customer (id INTEGER PRIMARY KEY, name TEXT, age INTEGER, note TEXT /* kept */);
CREATE TABLE orders (id INTEGER PRIMARY KEY, customer_id INTEGER NOT NULL REFERENCES customer (id) ON DELETE CASCADE, amount INTEGER);
CREATE INDEX customer_age ON customer (age) WHERE age > 3;
CREATE VIEW named AS SELECT name FROM customer;
INSERT INTO customer (id, name, age) VALUES (1, 'Ada', 36), (5, 'Kurt', NULL);
INSERT INTO orders (id, customer_id, amount) VALUES (1, 5, 10), (2, 1, 20);
-- migd:down
DROP VIEW named;
DROP TABLE orders;
DROP TABLE customer;
SQL
revision alters 0002 alters 0001 <<'SQL'
-- migd:up
ALTER TABLE customer ALTER COLUMN name SET NOT NULL, ADD CONSTRAINT grown CHECK (age >= 0);
ALTER TABLE customer ALTER age SET DEFAULT 18;
ALTER TABLE customer ADD COLUMN mail TEXT NOT NULL DEFAULT 'none', DROP COLUMN note;
INSERT INTO customer (id, name) VALUES (6, 'Emmy');
ALTER TABLE customer RENAME CONSTRAINT grown TO adult;
-- migd:up transaction=off
ALTER TABLE orders ALTER COLUMN amount TYPE TEXT USING CAST(amount AS TEXT);
ALTER TABLE orders ADD UNIQUE (customer_id, amount);
-- migd:down
ALTER TABLE orders DROP COLUMN amount;
ALTER TABLE orders ADD COLUMN amount INTEGER;
ALTER TABLE customer DROP CONSTRAINT adult, ALTER name DROP NOT NULL, ALTER age DROP DEFAULT, DROP mail;
ALTER TABLE customer ADD COLUMN note TEXT;
SQL
push alters

for catalog in shop demo odd alters; do twins "$catalog"; done
same "its rows" "$(query alters-sql "SELECT id, name, age, mail FROM customer ORDER BY id" | paste -sd' ')" "1|Ada|36|none 5|Kurt||none 6|Emmy|18|none"
same "and theirs" "$(query alters-sql "SELECT id, customer_id, amount FROM orders ORDER BY id" | paste -sd' ')" "1|5|10 2|1|20"
script "$work/down.sql" downgrade --sql head:0001 -t alters-sql
plays alters-sql "$work/down.sql"
expect 0 migctl downgrade 0001 -t alters-run
same_image alters-run alters-sql
query alters-sql "INSERT INTO customer (id) VALUES (9)" >/dev/null
expect 1 migctl upgrade -t alters-sql
says 0002_alters.sql:6: name
[ "$backend" = postgresql ] || says 0002_alters.sql:6:22 'the row with id = 9: column name is NULL'
script "$work/up.sql" upgrade --sql 0001: -t alters-sql
if [ "$backend" = sqlite ]; then
  stops alters-sql "$work/up.sql" "NOT NULL constraint failed"
  query alters-sql "UPDATE customer SET name = 'x'" >/dev/null
  sed '/^INSERT OR ABORT INTO "migd_new_customer"/s/;$/ WHERE id <> 5;/' "$work/up.sql" >"$work/cut.sql"
  stops alters-sql "$work/cut.sql" "rows of a rebuilt table were lost"
fi
same "a text with everything in it" "$(query odd-sql "SELECT name FROM customer WHERE id = 7")" "O'Neill; -- \\ \$1"

chapter "a script a range: down, up again, and a stamp"
script "$work/down.sql" downgrade --sql head:0001 -t shop-sql
says 'Running downgrade 0003 -> 0002, invoices' 'Running downgrade 0002 -> 0001'
plays shop-sql "$work/down.sql"
expect 0 migctl downgrade 0001 -t shop-run
same_image shop-run shop-sql
script "$work/up.sql" upgrade --sql 0001:+1 -t shop-sql
says 'Running upgrade 0001 -> 0002, orders'
says_not 'CREATE TABLE IF NOT EXISTS migd_revision'
plays shop-sql "$work/up.sql"
expect 0 migctl upgrade 0002 -t shop-run
same_image shop-run shop-sql
script "$work/stamp.sql" stamp --sql 0002:0001 -t shop-sql
says 'Running stamp_revision 0002 -> 0001'
plays shop-sql "$work/stamp.sql"
expect 0 migctl stamp 0001 -t shop-run
same_image shop-run shop-sql
expect 0 migctl stamp 0002 -t shop-run -t shop-sql

chapter "migd goes on with it: back, and up"
for catalog in shop demo odd; do
  expect 0 migctl downgrade -1 -t "$catalog-sql"
  expect 0 migctl upgrade -t "$catalog-sql"
done
expect 0 migctl status --check -t shop-sql

chapter "a script leaves what it fails at, and stops where it must"
query shop-sql 'DELETE FROM migd_revision' >/dev/null
script "$work/up.sql" upgrade --sql 0001:0002 -t shop-sql
stops shop-sql "$work/up.sql" "the database is not where this script starts"
query shop-sql "INSERT INTO migd_revision VALUES ('0001')" >/dev/null
awk '/^BEGIN/ && n++ == 1 { print "UPDATE migd_revision SET revision = '"'0001'"';" } 1' <(migctl upgrade --sql 0001: -t shop-sql) >"$work/cut.sql"
query shop-sql 'DROP TABLE IF EXISTS invoice' >/dev/null
query shop-sql 'DROP TABLE IF EXISTS orders' >/dev/null
stops shop-sql "$work/cut.sql" "the ledger was changed by somebody else"
same "the first step is whole, the second is not there" "$(tables shop-sql)" "customer orders"
query shop-sql 'DROP TABLE orders' >/dev/null
columns="revision, direction, %s, state, checksum, run_id, epoch, step, principal, %s, started_at, duration_us FROM migd_ledger WHERE seq = (SELECT max(seq) FROM migd_ledger)"
# shellcheck disable=SC2059
query shop-sql "INSERT INTO migd_ledger SELECT seq + 1, $(printf "$columns" 1 store_id)" >/dev/null
stops shop-sql "$work/up.sql" "the database is not where this script starts"
query shop-sql 'DELETE FROM migd_ledger WHERE statement = 1' >/dev/null
# shellcheck disable=SC2059
query shop-sql "INSERT INTO migd_ledger SELECT seq + 1, $(printf "$columns" 0 "'another'")" >/dev/null
stops shop-sql "$work/up.sql" "the database is not where this script starts"
query shop-sql "DELETE FROM migd_ledger WHERE store_id = 'another'" >/dev/null
plays shop-sql "$work/up.sql"
new_database strange
query strange 'CREATE TABLE somebody (id INTEGER)' >/dev/null
script "$work/up.sql" upgrade --sql 0001 -c shop --dialect "$backend"
stops strange "$work/up.sql" "the database is not where this script starts"
same "its tables" "$(tables strange)" somebody
query strange 'CREATE TABLE customer (id INTEGER PRIMARY KEY, name TEXT NOT NULL)' >/dev/null
script "$work/stamp.sql" stamp --sql 0001 -c shop --dialect "$backend"
plays strange "$work/stamp.sql"
query strange 'CREATE TABLE invoice (id INTEGER)' >/dev/null
script "$work/up.sql" upgrade --sql 0001: -c shop --dialect "$backend"
stops strange "$work/up.sql" invoice
same "what was whole stays" "$(ledger strange)" 0002
add_target strange shop
query strange 'DROP TABLE invoice' >/dev/null
expect 0 migctl upgrade -t strange
if [ "$backend" = sqlite ]; then
  revision odd 0005 orphan 0004 <<'SQL'
-- migd:up
INSERT INTO orders (id, customer_id) VALUES (1, 99);
SQL
  push odd
  script "$work/up.sql" upgrade --sql 0004: -t odd-sql
  stops odd-sql "$work/up.sql" "a foreign key is violated"
  same "nothing of it" "$(query odd-sql 'SELECT count(*) FROM orders')" 0
else
  script "$work/down.sql" downgrade --sql head:0002 -t strange
  hold strange customer
  echo 'SELECT pg_advisory_lock(x'"'"'6d69676400000001'"'"'::bigint), '"'locked'"';' >&9
  until_true 20 grep -q locked "$work/holder.out" || fail "cannot take the lock"
  stops strange "$work/down.sql" "another session holds the target's lock"
  release
  plays strange "$work/down.sql"
fi

chapter "what a script cannot be asked for"
expect 2 migctl downgrade --sql 0001 -c shop --dialect sqlite
says FROM:TO
expect 2 migctl upgrade --sql -c shop
says --dialect
expect 2 migctl stamp --sql --purge 0001 -t shop-sql
says --purge
expect 2 migctl upgrade --sql --all -c shop
expect 2 migctl stamp --sql 0001 0002:0003 -t shop-sql
expect 7 migctl downgrade --sql 0001:0002 -t shop-sql
expect 2,7 migctl upgrade --sql nonsense -t shop-sql
migd_version=$(migctl ping 2>&1) || fail "the server is gone: $migd_version"

if [ ! -d "$corpora/vaultwarden" ] || [ ! -d "$corpora/authelia" ]; then
  echo "without the corpora: MIGD_SHARED names the folder that has them"
  stop_server
  exit 0
fi
expect 0 migctl import --from diesel sqlite="$corpora/vaultwarden/sqlite" postgresql="$corpora/vaultwarden/postgresql" "$work/vaultwarden"
push vaultwarden
twins vaultwarden
expect 0 migctl import --from updown sqlite="$corpora/authelia/sqlite" postgresql="$corpora/authelia/postgresql" "$work/authelia"
push authelia
if [ "$backend" = postgresql ]; then
  twins authelia
  expect 0 migctl downgrade -1 -t authelia-sql
else
  chapter "authelia: functions that only its application has: the script stops where migd does"
  new_database auth-run && add_target auth-run authelia
  new_database auth-sql
  expect 1 migctl upgrade -t auth-run
  script "$work/authelia.sql" upgrade --sql -c authelia --dialect sqlite
  stops auth-sql "$work/authelia.sql" BIN2B64
  same_image auth-run auth-sql
fi
if [ "$backend" = postgresql ] && [ -d "$corpora/lemmy/postgresql" ]; then
  expect 0 migctl import --from diesel postgresql="$corpora/lemmy/postgresql" "$work/lemmy"
  push lemmy
  twins lemmy
  expect 0,7 migctl downgrade -1 -t lemmy-sql
fi
stop_server
