# The words that the scenarios are told in: servers, databases, catalogs and expectations. Sourced by each
# scenario, which is called with its backend, sqlite or postgresql, as its argument.
#
# MIGD and MIGCTL name the programs, MIGD_TEST_PG_* a PostgreSQL server; without one a private one is started.
# Every scenario works in a folder of its own, $work, and stops what it started however it ends.
# shellcheck shell=bash
set -u -o pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
source_dir=$(cd "$here/../.." && pwd)
backend=${1:-sqlite}
: "${MIGD:?names the server program}" "${MIGCTL:?names the client program}"
export NO_COLOR=1 LC_ALL=C.UTF-8

if [ "$backend" = postgresql ] && [ -z "${MIGD_TEST_PG_HOST:-}" ]; then
  exec "$source_dir/tests/support/pg_cluster.sh" run -- "$0" "$@"
fi

work=$(mktemp -d "${TMPDIR:-/tmp}/migd-scenario.XX""XX""XX") || exit 1
work=$(realpath "$work")
data=$work/data
started=()   # processes to be stopped
databases=() # PostgreSQL databases to be dropped
server=
story=

fail() {
  echo "FAILED after: $story" >&2
  printf '%s\n' "$@" >&2
  [ ! -s "$work/server.log" ] || { echo "--- the server's log, its end:" >&2; tail -n 40 "$work/server.log" >&2; }
  exit 1
}

skip() {
  echo "skipped: $*"
  exit 77
}

# chapter TEXT: says where the story is.
chapter() {
  story=$*
  echo "- $*"
}

finish() {
  local code=$? pid
  trap - EXIT
  for pid in ${started[@]+"${started[@]}"}; do
    kill -KILL "$pid" 2>/dev/null && wait "$pid" 2>/dev/null
  done
  for db in ${databases[@]+"${databases[@]}"}; do
    pg postgres "DROP DATABASE IF EXISTS \"$db\" WITH (FORCE)" >/dev/null 2>&1
  done
  [ -z "${tmpfs:-}" ] || umount "$tmpfs"
  if [ "$code" != 0 ] && [ "$code" != 77 ] && [ -n "${MIGD_TEST_KEEP:-}" ]; then
    echo "kept: $work" >&2
  else
    rm -rf "$work"
  fi
  exit "$code"
}
trap finish EXIT
trap 'exit 130' INT TERM

# until_true SECONDS COMMAND…: tries until it succeeds.
until_true() {
  local end=$((SECONDS + $1))
  shift
  until "$@" >/dev/null 2>&1; do
    [ $SECONDS -lt $end ] || return 1
  done
}

# --- servers

# init_server [ARGS…]: makes the data directory.
init_server() {
  "$MIGD" init "$data" "$@" >"$work/init.out" 2>&1 || fail "migd init failed:" "$(cat "$work/init.out")"
}

# start_server [ARGS…]: serves the data directory on a port that is free, and waits until it answers.
start_server() {
  rm -f "$work/address"
  "$MIGD" serve --dir "$data" --listen "${listen:-127.0.0.1:0}" --address-file "$work/address" "$@" >>"$work/server.log" 2>&1 &
  server=$!
  started+=("$server")
  until_true 30 server_up || fail "the server did not come up"
  address=$(cat "$work/address")
  export MIGCTL_CONFIG=$data/admin.conf MIGCTL_SERVER=$address
  until_true 30 "$MIGCTL" ping || fail "the server does not answer: $("$MIGCTL" ping 2>&1)"
}

server_up() { [ -s "$work/address" ] || { ! kill -0 "$server" 2>/dev/null && fail "the server ended at its start"; }; }

# stop_server: asks it to end, and it must end well.
stop_server() {
  kill -TERM "$server" && wait "$server" || fail "the server ended with $? after SIGTERM"
  forget "$server"
}

# kill_server: as a power cut would.
kill_server() {
  kill -KILL "$server"
  wait "$server" 2>/dev/null
  forget "$server"
}

forget() {
  local pid rest=()
  for pid in "${started[@]}"; do [ "$pid" = "$1" ] || rest+=("$pid"); done
  started=(${rest[@]+"${rest[@]}"})
}

migctl() { "$MIGCTL" "$@"; }

# --- expectations

# expect CODES COMMAND…: runs it, to end with one of CODES (`0`, `1,4`); $out and $err are what it said, and
# so are the files $work/out and $work/err.
expect() {
  local want=$1 code
  shift
  "$@" >"$work/out" 2>"$work/err" </dev/null
  code=$?
  out=$(cat "$work/out") err=$(cat "$work/err")
  [[ ,$want, == *,$code,* ]] || fail "exit $code and not $want: $*" "--- stdout" "$out" "--- stderr" "$err"
}

# says TEXT…: the last command's output has each TEXT in it, wherever (fixed strings).
says() {
  local text
  for text; do
    case $out$'\n'$err in
      *"$text"*) ;;
      *) fail "nothing says: $text" "--- stdout" "$out" "--- stderr" "$err" ;;
    esac
  done
}

# says_not TEXT…
says_not() {
  local text
  for text; do
    case $out$'\n'$err in *"$text"*) fail "it says: $text" "--- stdout" "$out" "--- stderr" "$err" ;; esac
  done
}

# same WHAT ACTUAL EXPECTED
same() {
  [ "$2" = "$3" ] || fail "$1 is not what it must be; it is" "$2" "--- and not" "$3"
}

# field EXPRESSION: of the last command's JSON output, `d`, as Python says it.
field() {
  /usr/bin/python3 -c 'import json,sys; d=json.load(open(sys.argv[1])); v=eval(sys.argv[2]); print(v if isinstance(v,str) else json.dumps(v))' "$work/out" "$1" ||
    fail "no $1 in:" "$out"
}

# --- databases: NAME is a name in this scenario

pg() {
  PGHOST=$MIGD_TEST_PG_HOST PGPORT=$MIGD_TEST_PG_PORT PGUSER=$MIGD_TEST_PG_USER PGPASSWORD=${MIGD_TEST_PG_PASSWORD:-} PGSSLMODE=disable \
    psql -X -q -A -t -v ON_ERROR_STOP=1 -d "$1" -c "$2"
}

pg_name() { echo "s_$$_${1//[^a-z0-9]/_}"; }

# new_database NAME
new_database() {
  if [ "$backend" = sqlite ]; then
    mkdir -p "$data/databases" && sqlite3 "$data/databases/$1.db" 'VACUUM' || fail "no database $1"
  else
    pg postgres "CREATE DATABASE \"$(pg_name "$1")\"" || fail "no database $1"
    databases+=("$(pg_name "$1")")
  fi
}

# url_of NAME
url_of() {
  if [ "$backend" = sqlite ]; then
    echo "sqlite:$data/databases/$1.db"
  else
    echo "postgresql://$MIGD_TEST_PG_USER@$MIGD_TEST_PG_HOST:$MIGD_TEST_PG_PORT/$(pg_name "$1")?sslmode=disable"
  fi
}

# add_target NAME CATALOG [ARGS…]: registers the database of that name.
add_target() {
  local name=$1 catalog=$2 password=()
  shift 2
  if [ "$backend" = postgresql ]; then
    printf '%s' "${MIGD_TEST_PG_PASSWORD:-}" >"$work/password"
    [ ! -s "$work/password" ] || password=(--password-file "$work/password")
  fi
  expect 0 migctl target add "$name" --url "$(url_of "$name")" -c "$catalog" ${password[@]+"${password[@]}"} "$@"
}

# query NAME SQL: asks the database itself, past migd.
query() {
  if [ "$backend" = sqlite ]; then
    sqlite3 -cmd '.timeout 5000' "$data/databases/$1.db" "$2"
  else
    pg "$(pg_name "$1")" "$2"
  fi
}

# tables NAME: those of the application.
tables() {
  if [ "$backend" = sqlite ]; then
    query "$1" "SELECT name FROM sqlite_schema WHERE type='table' AND name NOT LIKE 'migd_%' AND name NOT LIKE 'sqlite_%' ORDER BY 1" | paste -sd' '
  else
    query "$1" "SELECT tablename FROM pg_tables WHERE schemaname='public' AND tablename NOT LIKE 'migd_%' ORDER BY 1" | paste -sd' '
  fi
}

ledger() { query "$1" 'SELECT revision FROM migd_revision ORDER BY 1' | paste -sd' '; }

# hold NAME: somebody else's transaction keeps the database, until `release`.
hold() {
  rm -f "$work/holder.out"
  mkfifo "$work/holder.in"
  if [ "$backend" = sqlite ]; then
    sqlite3 "$data/databases/$1.db" <"$work/holder.in" >"$work/holder.out" &
  else
    PGHOST=$MIGD_TEST_PG_HOST PGPORT=$MIGD_TEST_PG_PORT PGUSER=$MIGD_TEST_PG_USER PGPASSWORD=${MIGD_TEST_PG_PASSWORD:-} PGSSLMODE=disable \
      psql -X -q -A -t -d "$(pg_name "$1")" <"$work/holder.in" >"$work/holder.out" &
  fi
  holder=$!
  started+=("$holder")
  exec 9>"$work/holder.in"
  if [ "$backend" = sqlite ]; then
    echo "BEGIN IMMEDIATE; SELECT 'held';" >&9
  else
    echo "BEGIN; LOCK TABLE ${2:-migd_revision}; SELECT 'held';" >&9
  fi
  until_true 20 grep -q held "$work/holder.out" || fail "cannot hold $1"
}

release() {
  echo 'ROLLBACK;' >&9
  exec 9>&-
  wait "$holder"
  forget "$holder"
  rm -f "$work/holder.in"
}

# --- catalogs: folders under $work

# revision FOLDER ID SLUG PARENT: the sections come on stdin.
revision() {
  mkdir -p "$work/$1"
  { printf -- '-- migd:revision %s\n-- migd:parent %s\n-- migd:message %s\n\n' "$2" "$4" "${3//_/ }" && cat; } >"$work/$1/$2_$3.sql"
}

# shop_catalog FOLDER: three revisions, each a table, that can be taken back.
shop_catalog() {
  revision "$1" 0001 customers base <<'SQL'
-- migd:up
CREATE TABLE customer (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
INSERT INTO customer (id, name) VALUES (1, 'Ada');
-- migd:down
DROP TABLE customer;
SQL
  revision "$1" 0002 orders 0001 <<'SQL'
-- migd:up
CREATE TABLE orders (id INTEGER PRIMARY KEY, customer_id INTEGER NOT NULL REFERENCES customer (id));
-- migd:up on=sqlite
CREATE INDEX orders_customer ON orders (customer_id);
-- migd:up on=postgresql
CREATE INDEX orders_customer ON orders USING btree (customer_id);
-- migd:down
DROP TABLE orders;
SQL
  revision "$1" 0003 invoices 0002 <<'SQL'
-- migd:up
CREATE TABLE invoice (id INTEGER PRIMARY KEY, orders_id INTEGER NOT NULL REFERENCES orders (id));
-- migd:down
DROP TABLE invoice;
SQL
}

# push FOLDER [ARGS…]: as the catalog of the same name.
push() { expect 0 migctl catalog push "$work/$1" -c "$1" "${@:2}"; }

# --- people and runs

# as NAME: who asks from here on; made by `migd identity add`, whose files are kept for when the name is removed.
as() {
  local file
  if [ "$1" = admin ]; then
    export MIGCTL_CONFIG=$data/admin.conf
    return
  fi
  mkdir -p "$work/people"
  for file in "$data/identities/$1".{conf,crt,key}; do
    [ ! -e "$file" ] || cp -p "$file" "$work/people/"
  done
  sed -i "s,$data/identities/,$work/people/," "$work/people/$1.conf"
  export MIGCTL_CONFIG=$work/people/$1.conf
}

run_state() { migctl run show "$1" -o json >"$work/run.json" && /usr/bin/python3 -c "import json,sys; d=json.load(open('$work/run.json')); sys.exit(0 if any(t.get('state')==sys.argv[1] for t in d['tasks']) else 1)" "$2"; }
waiting() { run_state "$1" TASK_STATE_WAITING; }

# watch RUN: follows it in the background, its events on $work/watch; `unwatch` leaves it.
watch() {
  rm -f "$work/watch"
  "$MIGCTL" run watch "$1" -o json >"$work/watch" 2>"$work/watch.err" &
  watcher=$!
  started+=("$watcher")
}

unwatch() {
  kill -KILL "$watcher" 2>/dev/null
  wait "$watcher" 2>/dev/null
  forget "$watcher"
}

# stepping RUN REVISION: waits for the step of RUN that changes to REVISION to begin.
stepping() {
  watch "$1"
  until_true 20 grep -q "\"stepStarted\".*\"$2\"" "$work/watch" || fail "run $1 does not come to $2:" "$(cat "$work/watch" "$work/watch.err")"
  unwatch
}

# unfinished: there is a run that is not finished; `field` sees the list.
unfinished() { migctl run list --unfinished -o json >"$work/out" && [ "$(field "len(d.get('runs', []))")" != 0 ]; }
