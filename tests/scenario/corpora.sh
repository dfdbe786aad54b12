#!/bin/bash
# backends: sqlite postgresql
# Real histories of two public applications, where they are at hand (MIGD_SHARED): imported, pushed, applied to a
# fresh database by migd, and compared with what the plain files give through sqlite3 and psql.
. "$(dirname "$0")/lib.sh"
corpora=${MIGD_SHARED:-$source_dir/../shared}/corpora
[ -d "$corpora/vaultwarden" ] && [ -d "$corpora/authelia" ] || skip "no corpora in ${corpora%/corpora}; MIGD_SHARED names the folder that has them"
init_server
start_server

# schema NAME: what the database says that it is, without migd's own tables.
schema() {
  if [ "$backend" = sqlite ]; then
    query "$1" "SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE tbl_name NOT LIKE 'migd_%' ORDER BY type, name"
  else
    PGHOST=$MIGD_TEST_PG_HOST PGPORT=$MIGD_TEST_PG_PORT PGUSER=$MIGD_TEST_PG_USER PGPASSWORD=${MIGD_TEST_PG_PASSWORD:-} PGSSLMODE=disable \
      pg_dump --schema-only --no-owner --exclude-table='migd_*' -d "$(pg_name "$1")" | grep -vE '^(--|\\(un)?restrict|$)'
  fi
}

# plain NAME FILES…: runs the files in order by the database's own shell, each in a transaction.
plain() {
  local name=$1 file
  shift
  for file; do
    if [ "$backend" = sqlite ]; then
      { echo 'PRAGMA foreign_keys=OFF; BEGIN;'; cat "$file"; printf '\n;COMMIT;\n'; } | sqlite3 -bail "$data/databases/$name.db" || fail "sqlite3 fails on $file"
    else
      PGHOST=$MIGD_TEST_PG_HOST PGPORT=$MIGD_TEST_PG_PORT PGUSER=$MIGD_TEST_PG_USER PGPASSWORD=${MIGD_TEST_PG_PASSWORD:-} PGSSLMODE=disable \
        PGOPTIONS='-c client_min_messages=warning' psql -X -q -1 -v ON_ERROR_STOP=1 -d "$(pg_name "$name")" -f "$file" >/dev/null || fail "psql fails on $file"
    fi
  done
}

compare() {
  schema "$1" >"$work/migd.schema"
  schema "$2" >"$work/plain.schema"
  [ -s "$work/plain.schema" ] || fail "no schema to compare"
  diff "$work/plain.schema" "$work/migd.schema" >"$work/diff" || fail "the schemas differ:" "$(head -40 "$work/diff")"
}

chapter "vaultwarden: the histories of both dialects become one catalog"
expect 0 migctl import --from diesel sqlite="$corpora/vaultwarden/sqlite" postgresql="$corpora/vaultwarden/postgresql" "$work/vaultwarden"
push vaultwarden
new_database vault && add_target vault vaultwarden
expect 0 migctl upgrade -t vault
expect 0 migctl status --check
new_database vaultplain
mapfile -t files < <(find "$corpora/vaultwarden/$backend" -name up.sql | LC_ALL=C sort)
plain vaultplain "${files[@]}"
compare vault vaultplain

chapter "authelia"
expect 0 migctl import --from updown sqlite="$corpora/authelia/sqlite" postgresql="$corpora/authelia/postgresql" "$work/authelia"
push authelia
new_database auth && add_target auth authelia
mapfile -t files < <(find "$corpora/authelia/$backend" -name '*.up.sql' | LC_ALL=C sort)
new_database authplain
if [ "$backend" = postgresql ]; then
  expect 0 migctl upgrade -t auth
  plain authplain "${files[@]}"
  compare auth authplain
  chapter "and back to nothing"
  expect 0 migctl downgrade base -t auth
  same "the tables" "$(tables auth)" ""
else
  chapter "its second revision needs functions of its application: a clean failure, the others go on"
  expect 1 migctl upgrade --all
  says auth 'no such function' BIN2B64
  grep -qE 'V?0*2[^ ]*\.sql:[0-9]+:[0-9]+' <<<"$out$err" || fail "no file, line and column in:" "$err"
  same "the ledger has one row" "$(query auth 'SELECT count(*) FROM migd_revision')" 1
  plain authplain "${files[0]}"
  compare auth authplain
  expect 0 migctl current -t vault
  says head
fi
stop_server
