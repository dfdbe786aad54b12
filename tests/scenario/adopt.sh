#!/bin/bash
# backends: sqlite postgresql
# Databases that another tool has migrated so far: adopted, many at once, and taken on to head.
. "$(dirname "$0")/lib.sh"
init_server
start_server
shop_catalog shop
push shop

# migrated NAME LABEL IDS…: a target that dbmate has brought there.
migrated() {
  local name=$1 label=$2 id
  shift 2
  new_database "$name"
  add_target "$name" shop --label "ring=$label"
  query "$name" 'CREATE TABLE schema_migrations (version VARCHAR(128) PRIMARY KEY)' >/dev/null
  for id; do
    query "$name" "INSERT INTO schema_migrations VALUES ('$id')" >/dev/null
    case $id in
      0001) query "$name" "CREATE TABLE customer (id INTEGER PRIMARY KEY, name TEXT NOT NULL)" >/dev/null ;;
      0002) query "$name" "CREATE TABLE orders (id INTEGER PRIMARY KEY, customer_id INTEGER NOT NULL REFERENCES customer (id)); CREATE INDEX orders_customer ON orders (customer_id)" >/dev/null ;;
    esac
  done
}

migrated eu live 0001 0002
migrated us live 0001
migrated fresh live
migrated holes other 0001 0003
migrated ahead other 0001 0002 0009

chapter "an upgrade is refused, and names the ways out"
expect 7 migctl upgrade -t eu
says 'migctl adopt' 'migctl stamp'

chapter "the mapping is shown, nothing is changed"
expect 0 migctl adopt -l ring=live --dry-run
says 'from dbmate (schema_migrations), 2 versions' '0001 is 0001' 'adopted at 0002' 'adopted at 0001' 'adopted at base'
same "no ledger" "$(query eu "SELECT 1 FROM schema_migrations WHERE version = '0002'")" 1
expect 7 migctl adopt -t holes --dry-run
says 'has 0003 but not 0002'
! query eu 'SELECT * FROM migd_revision' >/dev/null 2>&1 || fail "a dry run has made a ledger"

chapter "a fleet is adopted in one command"
expect 0 migctl adopt -l ring=live
same "eu" "$(ledger eu)" 0002
same "us" "$(ledger us)" 0001
same "fresh" "$(ledger fresh)" ""
same "its table stays" "$(query eu 'SELECT version FROM schema_migrations ORDER BY 1' | paste -sd' ')" "0001 0002"
expect 0 migctl adopt -l ring=live
says 'nothing to do'
expect 0 migctl upgrade -l ring=live
for name in eu us fresh; do same "$name" "$(ledger $name)" 0003; done
expect 0 migctl adopt -l ring=live
expect 0 migctl run list
says adopt

chapter "what does not fit is refused"
expect 7 migctl adopt -t holes
says 'has 0003 but not 0002'
expect 7 migctl adopt -t ahead
says 'names 0009' 'no revision of the catalog'
expect 7 migctl adopt -t ahead --from goose
says 'no version table of goose'
expect 2,7 migctl adopt -t ahead --from nothing
says 'no tool' alembic
same "the others of a run go on" "$(query eu "SELECT count(*) FROM migd_ledger WHERE direction = 'stamp'")" 1
query ahead "DELETE FROM schema_migrations WHERE version = '0009'" >/dev/null
expect 7 migctl adopt -l ring=other
same "ahead" "$(ledger ahead)" 0002

chapter "a catalog that knows its databases from before by a table"
new_database old
add_target old shop
query old "CREATE TABLE customer (id INTEGER PRIMARY KEY, name TEXT NOT NULL)" >/dev/null
query old "CREATE TABLE jobs (id INTEGER)" >/dev/null
expect 7 migctl upgrade -t old
expect 7 migctl catalog set shop --adopt-if-table jobs=0009
expect 2 migctl catalog set shop --adopt-if-table jobs
expect 0 migctl catalog set shop --adopt-if-table nothere=0001
expect 7 migctl upgrade -t old
expect 0 migctl catalog set shop --adopt-if-table jobs=0001
expect 0 migctl catalog show shop
says 'at 0001, if it has a table jobs'
expect 0 migctl upgrade -t old --dry-run
says 'Running upgrade 0001 -> 0002'
expect 0 migctl upgrade +1 -t old
same "the ledger" "$(ledger old)" 0002
same "how it came there" "$(query old 'SELECT direction, revision FROM migd_ledger ORDER BY seq' | paste -sd' ')" "stamp|0001 up|0002"
new_database new
add_target new shop
expect 0 migctl upgrade -t new
same "an empty one is begun at the beginning" "$(query new 'SELECT count(*) FROM migd_ledger')" 3
expect 0 migctl catalog set shop --no-adopt-if-table
query old 'DROP TABLE migd_revision' >/dev/null
query old 'DROP TABLE migd_ledger' >/dev/null
expect 7 migctl upgrade -t old

if command -v alembic >/dev/null && { [ "$backend" = sqlite ] || /usr/bin/python3 -c 'import psycopg2' 2>/dev/null; }; then
  chapter "Alembic itself has been here"
  new_database by-alembic
  add_target by-alembic shop
  mkdir -p "$work/alembic" && cd "$work/alembic" || exit 1
  alembic init env >"$work/alembic.out" 2>&1 || fail "$(cat "$work/alembic.out")"
  if [ "$backend" = sqlite ]; then
    uri="sqlite:///$data/databases/by-alembic.db"
  else
    uri="postgresql://$MIGD_TEST_PG_USER:${MIGD_TEST_PG_PASSWORD:-}@$MIGD_TEST_PG_HOST:$MIGD_TEST_PG_PORT/$(pg_name by-alembic)"
  fi
  sed -i "s,^sqlalchemy.url.*,sqlalchemy.url = $uri," alembic.ini
  cat >env/versions/one.py <<'PY'
from alembic import op
revision, down_revision = "0001", None
def upgrade():
    op.execute("CREATE TABLE customer (id INTEGER PRIMARY KEY, name TEXT NOT NULL)")
PY
  cat >env/versions/two.py <<'PY'
from alembic import op
revision, down_revision = "0002", "0001"
def upgrade():
    op.execute("CREATE TABLE orders (id INTEGER PRIMARY KEY, customer_id INTEGER NOT NULL REFERENCES customer (id))")
PY
  alembic upgrade head >"$work/alembic.out" 2>&1 || fail "$(cat "$work/alembic.out")"
  cd "$work" || exit 1
  expect 0 migctl adopt -t by-alembic
  same "the ledger" "$(ledger by-alembic)" 0002
  expect 0 migctl upgrade -t by-alembic
  same "the ledger" "$(ledger by-alembic)" 0003
fi

if command -v sqitch >/dev/null; then
  chapter "Sqitch itself has been here"
  new_database by-sqitch
  revision plan users users base <<'SQL'
-- migd:up
CREATE TABLE users (id INTEGER);
SQL
  revision plan more more users <<'SQL'
-- migd:up
CREATE TABLE more (id INTEGER);
SQL
  push plan
  add_target by-sqitch plan
  mkdir -p "$work/sqitch" && cd "$work/sqitch" || exit 1
  if [ "$backend" = sqlite ]; then
    engine=sqlite uri="db:sqlite:$data/databases/by-sqitch.db"
  else
    engine=pg uri="db:pg://$MIGD_TEST_PG_USER:${MIGD_TEST_PG_PASSWORD:-}@$MIGD_TEST_PG_HOST:$MIGD_TEST_PG_PORT/$(pg_name by-sqitch)"
  fi
  export SQITCH_FULLNAME=Tester SQITCH_EMAIL=tester@example.org SQITCH_USER_CONFIG=/dev/null
  {
    sqitch init shop --engine "$engine" &&
      sqitch add users -n users && printf 'BEGIN; CREATE TABLE users (id INTEGER); COMMIT;\n' >deploy/users.sql &&
      sqitch deploy --no-verify "$uri"
  } >"$work/sqitch.out" 2>&1 || fail "$(cat "$work/sqitch.out")"
  cd "$work" || exit 1
  expect 0 migctl adopt -t by-sqitch
  same "the ledger" "$(ledger by-sqitch)" users
  expect 0 migctl upgrade -t by-sqitch
  same "the ledger" "$(ledger by-sqitch)" more
fi

# What npm has put there; without it those chapters are skipped.
node_modules=${MIGD_NODE_MODULES:-$source_dir/build/interop/node_modules}
dbmate=$node_modules/@dbmate/linux-x64/bin/dbmate
node_pg_migrate=$node_modules/.bin/node-pg-migrate
runs() { [ -x "$1" ] && "$1" --version >/dev/null 2>&1; }

# taken_over TOOL: what TOOL applied two of three migrations to is adopted, and goes on to head.
taken_over() {
  expect 0 migctl import --from "$1" "$work/$1/migrations" "$work/by-$1-catalog"
  expect 0 migctl catalog push "$work/by-$1-catalog" -c "by-$1"
  add_target "by-$1" "by-$1"
  expect 7 migctl upgrade -t "by-$1"
  says 'migctl adopt'
  expect 0 migctl adopt -t "by-$1" --dry-run
  says "from $1" '2 versions'
  expect 0 migctl adopt -t "by-$1"
  same "the rows" "$(query "by-$1" 'SELECT count(*) FROM migd_revision')" 1
  expect 0 migctl upgrade -t "by-$1"
  same "the tables" "$(tables "by-$1")" "$2"
  same "one step each" "$(query "by-$1" 'SELECT direction FROM migd_ledger ORDER BY seq' | paste -sd' ')" "$3"
  expect 0 migctl current -t "by-$1" --check-heads
  expect 0 migctl downgrade base -t "by-$1"
  same "its own table stays" "$(tables "by-$1")" "$4"
}

# pg_address NAME: the database of that name as tools that read URLs want it.
pg_address() {
  echo "postgres://$MIGD_TEST_PG_USER:${MIGD_TEST_PG_PASSWORD:-}@$MIGD_TEST_PG_HOST:$MIGD_TEST_PG_PORT/$(pg_name "$1")?sslmode=disable"
}

if runs "$dbmate"; then
  chapter "dbmate itself has been here"
  new_database by-dbmate
  mkdir -p "$work/dbmate/migrations" && cd "$work/dbmate" || exit 1
  uri=sqlite:$data/databases/by-dbmate.db
  [ "$backend" = sqlite ] || uri=$(pg_address by-dbmate)
  migration() { printf -- '-- migrate:up\nCREATE TABLE %s (id INTEGER PRIMARY KEY);\n\n-- migrate:down\nDROP TABLE %s;\n' "$2" "$2" >"migrations/$1_$2.sql"; }
  migration 20260101000001 one && migration 20260101000002 two
  "$dbmate" --url "$uri" --migrations-dir migrations --no-dump-schema migrate >"$work/dbmate.out" 2>&1 || fail "$(cat "$work/dbmate.out")"
  migration 20260101000003 three
  cd "$work" || exit 1
  taken_over dbmate "one schema_migrations three two" "stamp up" schema_migrations
else
  echo "dbmate is not there: skipped"
fi

if [ "$backend" = postgresql ] && runs "$node_pg_migrate"; then
  chapter "node-pg-migrate itself has been here"
  new_database by-node-pg-migrate
  mkdir -p "$work/node-pg-migrate/migrations" && cd "$work/node-pg-migrate" || exit 1
  migration() { printf -- '-- Up Migration\nCREATE TABLE %s (id INTEGER PRIMARY KEY);\n\n-- Down Migration\nDROP TABLE %s;\n' "$2" "$2" >"migrations/$1_$2.sql"; }
  migration 1700000000001 one && migration 1700000000002 two
  DATABASE_URL=$(pg_address by-node-pg-migrate) "$node_pg_migrate" up -m migrations >"$work/node-pg-migrate.out" 2>&1 ||
    fail "$(cat "$work/node-pg-migrate.out")"
  migration 1700000000003 three
  cd "$work" || exit 1
  taken_over node-pg-migrate "one pgmigrations three two" "stamp up" pgmigrations
elif [ "$backend" = postgresql ]; then
  echo "node-pg-migrate is not there: skipped"
fi
stop_server
