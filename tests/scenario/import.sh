#!/bin/bash
# backends: sqlite postgresql
# Coming from another tool: where the tool itself is installed, it migrates a database, migd applies the imported
# catalog to another, and both are the same; then migd goes back to nothing. Without the tools: --strict, and what
# a mistake leaves behind.
. "$(dirname "$0")/lib.sh"
init_server
start_server

connection() {
  export PGHOST=$MIGD_TEST_PG_HOST PGPORT=$MIGD_TEST_PG_PORT PGUSER=$MIGD_TEST_PG_USER PGPASSWORD=${MIGD_TEST_PG_PASSWORD:-} PGSSLMODE=disable
}

# schema NAME: what the database says that it is, without the tables of migd and of the tools.
schema() {
  if [ "$backend" = sqlite ]; then
    query "$1" "SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE tbl_name NOT LIKE 'migd_%'
      AND tbl_name NOT IN ('alembic_version', 'sqlite_sequence') AND name NOT LIKE 'sqlite_%' ORDER BY type, name"
  else
    connection
    pg_dump --schema-only --no-owner --exclude-table='migd_*' --exclude-table=alembic_version --exclude-schema=sqitch \
      -d "$(pg_name "$1")" | grep -vE '^(--|\\(un)?restrict|$)'
  fi
}

# compare NAME: the catalog $work/NAME applied to the database NAME gives what the tool made of NAMEtool.
compare() {
  push "$1"
  new_database "$1" && add_target "$1" "$1"
  expect 0 migctl upgrade heads -t "$1"
  schema "$1" >"$work/migd.schema"
  schema "$1tool" >"$work/tool.schema"
  [ -s "$work/tool.schema" ] || fail "no schema to compare"
  diff "$work/tool.schema" "$work/migd.schema" >"$work/diff" || fail "the schemas differ:" "$(head -40 "$work/diff")"
  expect 0 migctl downgrade base -t "$1"
  same "the tables" "$(tables "$1")" ""
}

chapter "what cannot be carried is listed; --strict writes nothing, and neither does a mistake"
mkdir "$work/goose"
printf -- '-- +goose Up\nCREATE TABLE a (x int);\n-- +goose Down\nDROP TABLE a;\n' >"$work/goose/1_a.sql"
echo 'package m' >"$work/goose/2_b.go"
expect 7 migctl import --strict --from goose "$work/goose" "$work/strict"
says 2_b.go 'it is code'
[ ! -e "$work/strict" ] || fail "there is a folder"
expect 0 migctl import --from goose "$work/goose" "$work/lax"
says 2_b.go '1 revision'
printf -- '-- +goose Up\n-- +goose StatementBegin\nSELECT 1;\n' >"$work/goose/3_c.sql"
expect 7 migctl import --from goose "$work/goose" "$work/mistake"
says '3_c.sql:2:1'
[ ! -e "$work/mistake" ] || fail "there is a folder"
expect 2 migctl import --from nothing "$work/goose" "$work/mistake"

# alembic_here: Alembic with a driver for the backend.
alembic_here() {
  command -v alembic >/dev/null || return
  [ "$backend" = sqlite ] || /usr/bin/python3 -c 'import psycopg2' 2>/dev/null
}

if alembic_here; then
  chapter "Alembic: branches, a merge, labels, a dependency"
  new_database alembictool
  if [ "$backend" = sqlite ]; then
    url=sqlite:///$data/databases/alembictool.db
  else
    connection
    url="postgresql://$PGUSER:$PGPASSWORD@$PGHOST:$PGPORT/$(pg_name alembictool)"
  fi
  (cd "$work" && alembic init al) >/dev/null 2>&1 || fail "alembic init fails"
  sed -i "s#^sqlalchemy.url.*#sqlalchemy.url = $url#" "$work/alembic.ini"
  # revision ID PARENTS LABELS DEPENDENCIES UP DOWN
  alembic_revision() {
    cat >"$work/al/versions/$1.py" <<PY
"""revision $1"""
from alembic import op
revision = '$1'
down_revision = $2
branch_labels = $3
depends_on = $4
def upgrade():
    $5
def downgrade():
    $6
PY
  }
  alembic_revision a1 None "('main',)" None 'op.execute("CREATE TABLE a (x int)")' 'op.execute("DROP TABLE a")'
  alembic_revision r1 None "'other'" None 'op.execute("CREATE TABLE r (x int)")' 'op.execute("DROP TABLE r")'
  alembic_revision r2 "'r1'" None None 'op.execute("CREATE TABLE r2 (x int)")' 'op.execute("DROP TABLE r2")'
  alembic_revision b1 "'a1'" None None 'op.execute("CREATE INDEX b1 ON a (x)")' 'op.execute("DROP INDEX b1")'
  alembic_revision b2 "'a1'" None "'r1'" 'op.execute("CREATE INDEX b2 ON r (x)")' 'op.execute("DROP INDEX b2")'
  alembic_revision m1 "('b1', 'b2')" None None 'op.execute("CREATE TABLE m (x int)")' 'op.execute("DROP TABLE m")'
  alembic_revision f1 "('m1', 'r2')" None None pass pass
  (
    cd "$work" && alembic upgrade --sql base:heads >upgrade.sql && alembic downgrade --sql heads:base >downgrade.sql &&
      alembic upgrade heads
  ) >"$work/alembic.log" 2>&1 || fail "alembic fails" "$(tail -5 "$work/alembic.log")"
  expect 0 migctl import --strict --from alembic "$backend=$work/upgrade.sql" "$backend=$work/downgrade.sql" "$work/al/versions" "$work/alembic"
  compare alembic
else
  echo "  no alembic here"
fi

# sqitch_here: Sqitch with a driver for the backend.
sqitch_here() {
  local driver=SQLite
  [ "$backend" = sqlite ] || driver=Pg
  command -v sqitch >/dev/null && perl -MDBD::$driver -e 1 2>/dev/null
}

if sqitch_here; then
  chapter "Sqitch: requirements, a tag, a change that is reworked"
  new_database changestool
  if [ "$backend" = sqlite ]; then
    engine=sqlite url=db:sqlite:$data/databases/changestool.db
  else
    connection
    engine=pg url=db:pg://$PGUSER:$PGPASSWORD@$PGHOST:$PGPORT/$(pg_name changestool)
  fi
  export SQITCH_FULLNAME=Tester SQITCH_EMAIL=tester@example.org
  mkdir "$work/app"
  # change NAME UP DOWN
  change() {
    printf 'BEGIN;\n%s;\nCOMMIT;\n' "$2" >"deploy/$1.sql"
    printf 'BEGIN;\n%s;\nCOMMIT;\n' "$3" >"revert/$1.sql"
    rm -rf verify
  }
  (
    cd "$work/app" && sqitch init app --engine $engine && sqitch add app/users -n 'Adds users' && change app/users 'CREATE TABLE users (x int)' 'DROP TABLE users' &&
      sqitch add lists --requires app/users -n 'Adds lists' && change lists 'CREATE TABLE lists (x int)' 'DROP TABLE lists' && sqitch tag v1 -n 'One' &&
      mkdir -p verify/app && touch verify/app/users.sql &&
      sqitch rework app/users -n 'Again' && change app/users 'ALTER TABLE users ADD COLUMN y int' 'ALTER TABLE users DROP COLUMN y' &&
      sqitch deploy --no-verify "$url"
  ) >"$work/sqitch.log" 2>&1 || fail "sqitch fails" "$(tail -5 "$work/sqitch.log")"
  expect 0 migctl import --strict --from sqitch "$backend=$work/app" "$work/changes"
  compare changes
else
  echo "  no sqitch here"
fi
stop_server
