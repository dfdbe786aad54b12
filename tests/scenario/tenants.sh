#!/bin/bash
# backends: postgresql
# A schema for each tenant: twenty targets in one database, each with a ledger, a lock and a plan of its own,
# and the whole database as a target beside them.
. "$(dirname "$0")/lib.sh"
init_server
start_server --parallel 8
shop_catalog shop
push shop
new_database app
url=$(url_of app)
printf '%s' "${MIGD_TEST_PG_PASSWORD:-}" >"$work/password"
password=(--password-file "$work/password")
tenant() { printf 'tenant %02d' "$1"; }
# in_schema SCHEMA SQL
in_schema() { query app "SET search_path = \"$1\"; $2"; }
# tables_in SCHEMA
tables_in() { query app "SELECT tablename FROM pg_tables WHERE schemaname='$1' AND tablename NOT LIKE 'migd_%' ORDER BY 1" | paste -sd' '; }

chapter "the whole database is a target, with its ledger in public"
revision whole 0001 rates base <<'SQL'
-- migd:up
CREATE TABLE rate (currency TEXT PRIMARY KEY, value NUMERIC NOT NULL);
-- migd:down
DROP TABLE rate;
SQL
push whole
add_target app whole
expect 0 migctl upgrade -t app
same "its ledger" "$(ledger app)" 0001

chapter "a schema must be there, or be made"
expect 7 migctl target add t01 --url "$url" --schema "$(tenant 1)" -c shop "${password[@]}"
says "no schema tenant 01" --create
query app "CREATE SCHEMA \"$(tenant 1)\""
expect 0 migctl target add t01 --url "$url" --schema "$(tenant 1)" -c shop "${password[@]}"
says 'schema=tenant%2001'
for i in $(seq 2 20); do
  expect 0 migctl target add "$(printf 't%02d' "$i")" --url "$url" --schema "$(tenant "$i")" --create -c shop \
    --label tenant=yes "${password[@]}"
done
expect 0 migctl target set t01 --label tenant=yes
expect 7 migctl target add again --url "$url" --schema "$(tenant 1)" -c shop "${password[@]}"
says 'registered already, as "t01"'
expect 2 migctl target add again --url "$url" --schema '' -c shop "${password[@]}"
says '--schema is empty'
expect 7 migctl target add again --url "$url" --schema pg_toast -c shop "${password[@]}"
says "PostgreSQL's own"
expect 7 migctl target add again --url "$url" --schema "$(tenant 2),nowhere" -c shop "${password[@]}"
says 'no schema nowhere'
expect 0 migctl target show t01
says 'schema         tenant 01'
expect 0 migctl target show t01 -o json
same "the schema" "$(field "d['schema']")" 'tenant 01'

chapter "one run upgrades them side by side; one fails, and the others go on"
query app "CREATE TABLE \"$(tenant 8)\".stranger (mine int)"
expect 7 migctl upgrade -t t08
says 'no ledger'
query app "DROP TABLE \"$(tenant 8)\".stranger"
expect 0 migctl upgrade 0001 -t t07
query app "CREATE TABLE \"$(tenant 7)\".orders (mine int)"
expect 1 migctl upgrade -l tenant=yes
says 'relation "orders" already exists' '1 of 20 targets failed, 19 succeeded'
expect 0 migctl status -o json
for i in $(seq 1 20); do
  want='customer invoice orders' at=0003
  [ "$i" != 7 ] || want='customer orders' at=0001
  same "tables of $(tenant "$i")" "$(tables_in "$(tenant "$i")")" "$want"
  same "ledger of $(tenant "$i")" "$(in_schema "$(tenant "$i")" 'SELECT revision FROM migd_revision')" "$at"
done
same "public" "$(tables app)" rate
same "the whole database's ledger" "$(ledger app)" 0001

chapter "each says for itself where it is"
expect 0 migctl current -t t01
says 0003
expect 0 migctl current -t app
says 0001
expect 3 migctl status --check
says '1 failing, 20 at head'
expect 0 migctl upgrade -t app
says 'nothing to do'
expect 0 migctl downgrade base -t t02
same "tables" "$(tables_in "$(tenant 2)")" ''
same "its neighbour" "$(tables_in "$(tenant 3)")" 'customer invoice orders'

chapter "what is only searched is seen, and not changed"
revision priced 0001 prices base <<'SQL'
-- migd:up
CREATE TABLE price AS SELECT currency, value FROM rate;
-- migd:down
DROP TABLE price;
SQL
push priced
expect 0 migctl target add p1 --url "$url" --schema priced,public --create -c priced "${password[@]}"
expect 0 migctl upgrade -t p1
same "tables" "$(tables_in priced)" price
same "public" "$(tables app)" rate
same "its ledger" "$(in_schema priced 'SELECT revision FROM migd_revision')" 0001
same "public's ledger" "$(query app 'SELECT count(*) FROM migd_ledger')" 1

chapter "two schemas are locked apart, one schema is not open to two"
mkfifo "$work/holder.in"
PGHOST=$MIGD_TEST_PG_HOST PGPORT=$MIGD_TEST_PG_PORT PGUSER=$MIGD_TEST_PG_USER PGPASSWORD=${MIGD_TEST_PG_PASSWORD:-} PGSSLMODE=disable \
  psql -X -q -A -t -d "$(pg_name app)" <"$work/holder.in" >"$work/holder.out" &
holder=$!
started+=("$holder")
exec 9>"$work/holder.in"
echo "SELECT 'held', pg_advisory_lock(('x' || left(encode(sha256('migd schema tenant 02'), 'hex'), 16))::bit(64)::bigint);" >&9
until_true 20 grep -q held "$work/holder.out" || fail "nobody holds the lock"
expect 4 migctl upgrade -t t02
says "another session holds the target's lock" psql
expect 0 migctl upgrade -t t03
expect 0 migctl downgrade 0002 -t t03
expect 0 migctl upgrade -t app

chapter "a script takes the schema's lock and stays in it"
expect 0 migctl downgrade --sql 0003:0002 -t t04
says 'SET search_path = "tenant 04";' 'schema tenant 04'
cp "$work/out" "$work/script.sql"
PGHOST=$MIGD_TEST_PG_HOST PGPORT=$MIGD_TEST_PG_PORT PGUSER=$MIGD_TEST_PG_USER PGPASSWORD=${MIGD_TEST_PG_PASSWORD:-} PGSSLMODE=disable \
  expect 0 psql -X -q -v ON_ERROR_STOP=1 -d "$(pg_name app)" -f "$work/script.sql"
same "tables" "$(tables_in "$(tenant 4)")" 'customer orders'
expect 0 migctl upgrade --sql -t t02
cp "$work/out" "$work/script.sql"
PGHOST=$MIGD_TEST_PG_HOST PGPORT=$MIGD_TEST_PG_PORT PGUSER=$MIGD_TEST_PG_USER PGPASSWORD=${MIGD_TEST_PG_PASSWORD:-} PGSSLMODE=disable \
  expect 3 psql -X -q -v ON_ERROR_STOP=1 -d "$(pg_name app)" -f "$work/script.sql"
says "holds the target's lock"
exec 9>&-
wait "$holder"
forget "$holder"
expect 0 migctl upgrade -t t02
PGHOST=$MIGD_TEST_PG_HOST PGPORT=$MIGD_TEST_PG_PORT PGUSER=$MIGD_TEST_PG_USER PGPASSWORD=${MIGD_TEST_PG_PASSWORD:-} PGSSLMODE=disable \
  expect 3 psql -X -q -v ON_ERROR_STOP=1 -d "$(pg_name app)" -f "$work/script.sql"
says "not where this script starts"

chapter "a target keeps its schema when its URL changes, and its password when its schema does"
expect 0 migctl target set t05 --url "$url&connect_timeout=5"
expect 0 migctl target show t05
says 'connect_timeout=5&schema=tenant%2005'
query app 'CREATE SCHEMA other'
expect 0 migctl target set t05 --schema other
expect 0 migctl status
expect 0 migctl upgrade -t t05
same "tables" "$(tables_in other)" 'customer invoice orders'
expect 0 migctl target remove t05
same "tables" "$(tables_in other)" 'customer invoice orders'

chapter "a target with a secret is its schema all the same"
query app 'CREATE SCHEMA closed'
printf 'hush\n' >"$work/secret"
expect 0 migctl target add closed --url "$url" --schema closed -c shop "${password[@]}" --secret-var key="$work/secret"
expect 0 migctl upgrade -t closed
same "tables" "$(tables_in closed)" 'customer invoice orders'

chapter "another tool's table in a schema that is searched is not the target's"
query app 'CREATE TABLE public.alembic_version (version_num varchar(32)); INSERT INTO public.alembic_version VALUES ('"'0001'"'); CREATE SCHEMA fresh; CREATE TABLE fresh.customer (id int)'
expect 0 migctl target add fresh --url "$url" --schema fresh,public -c shop "${password[@]}"
expect 7 migctl adopt -t fresh
says 'no version table'
expect 0 migctl catalog set shop --adopt-if-table rate=0001
expect 7 migctl upgrade -t fresh
says 'no ledger'
expect 0 migctl catalog set shop --adopt-if-table customer=0001
query app 'ALTER TABLE fresh.customer ADD PRIMARY KEY (id)'
expect 0 migctl upgrade -t fresh
same "tables" "$(tables_in fresh)" 'customer invoice orders'
stop_server
