#!/bin/bash
# A small fleet to play with: builds migd, starts it, and migrates SQLite and PostgreSQL databases.
#
#   deploy/demo.sh [DIR]        builds and starts everything; run again, it starts clean
#   deploy/demo.sh stop [DIR]   stops what it started
#
# Everything is in DIR (default: demo, beside this project's README): the build, the server's data, the databases.
# Only what apt installs lies outside of it. To be rid of it: stop, then remove the folder.
# MIGD_DEMO_PROGRAMS names a folder with migd and migctl, where they are built already.
set -eu -o pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"

verb=start
case ${1:-} in
  stop) verb=stop; shift ;;
  -h | --help | -*) sed -n '2,9s/^# \{0,1\}//p' "$0"; exit 2 ;;
esac
dir=$(realpath -m "${1:-$root/demo}")
programs=${MIGD_DEMO_PROGRAMS:-$dir/build}
sqlite_targets=12
postgresql_targets=4

say() { printf '\n\033[1m== %s\033[0m\n' "$*"; }

stop_server() {
  local pid
  [ -s "$dir/migd.pid" ] || return 0
  pid=$(cat "$dir/migd.pid")
  # Only when it is still ours: the number may be another's by now.
  if tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -qF -- "$dir/data"; then
    kill -TERM "$pid" && timeout 60 tail --pid="$pid" -f /dev/null || kill -KILL "$pid" || true
  fi
  rm -f "$dir/migd.pid"
}

stop_all() {
  stop_server
  if [ -s "$dir/postgresql.dir" ]; then
    local cluster
    cluster=$(cat "$dir/postgresql.dir")
    tests/support/pg_cluster.sh stop "$cluster"
    rm -rf "$cluster"
    case $cluster in /tmp/migd-demo.*/postgresql) rmdir "${cluster%/postgresql}" ;; esac
    rm -f "$dir/postgresql.dir"
  fi
}

build() {
  [ -z "${MIGD_DEMO_PROGRAMS:-}" ] || return 0
  say "build (into $dir/build; its log: build.log)"
  {
    cmake -S "$root" -B "$dir/build" -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo -DMIGD_TESTS=OFF &&
      cmake --build "$dir/build" --target migd migctl
  } >"$dir/build.log" 2>&1 || { tail -n 30 "$dir/build.log" >&2; exit 1; }
}

# demo/migctl, which knows where the server is.
write_client() {
  cat >"$dir/migctl" <<EOF
#!/bin/sh
# migctl as the demo's admin.
MIGCTL_CONFIG='$dir/data/admin.conf' MIGCTL_SERVER=\$(cat '$dir/address') exec '$programs/migctl' "\$@"
EOF
  chmod +x "$dir/migctl"
}

start_server() {
  say "make the data directory and its certificate authority, start migd"
  "$programs/migd" init "$dir/data" >"$dir/init.log"
  setsid "$programs/migd" serve --dir "$dir/data" --listen 127.0.0.1:0 --address-file "$dir/address" \
    </dev/null >"$dir/migd.log" 2>&1 &
  echo $! >"$dir/migd.pid"
  write_client
  local tries=0
  until [ -s "$dir/address" ] && "$dir/migctl" ping >/dev/null 2>&1; do
    tries=$((tries + 1))
    if [ $tries -gt 300 ] || ! kill -0 "$(cat "$dir/migd.pid")" 2>/dev/null; then
      echo "migd does not answer; its log, $dir/migd.log, ends:" >&2
      tail -n 20 "$dir/migd.log" >&2
      exit 1
    fi
    sleep 0.1
  done
  "$dir/migctl" whoami
}

# The cluster lies in DIR, but where its user may not enter DIR (somebody's home), in a folder of /tmp.
start_postgresql() {
  local cluster=$dir/postgresql variables
  compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || return 1
  if [ "$(id -u)" = 0 ]; then
    local user=nobody
    id -u postgres >/dev/null 2>&1 && user=postgres
    if ! runuser -u $user -- test -x "$dir" || [ ${#cluster} -gt 80 ]; then
      cluster=$(mktemp -d /tmp/migd-demo.XX""XX""XX)
      chmod 711 "$cluster"
      cluster=$cluster/postgresql
      echo "user $user may not enter $dir: the cluster is in $cluster until it is stopped"
    fi
  fi
  mkdir -p "$cluster"
  echo "$cluster" >"$dir/postgresql.dir"
  variables=$(tests/support/pg_cluster.sh start "$cluster") || return 1
  eval "$variables"
}

add_targets() {
  local n region name url
  local regions=(eu us asia)
  for n in $(seq -w $sqlite_targets); do
    region=${regions[10#$n % 3]}
    "$dir/migctl" --quiet target add "store-$n" --url "sqlite:$dir/data/databases/store-$n.db" --create -c shop --label "region=$region" --label kind=store
  done
  [ -n "${MIGD_TEST_PG_HOST:-}" ] || return 0
  for n in $(seq $postgresql_targets); do
    region=${regions[n % 3]} name=warehouse-$n
    PGPASSWORD=$MIGD_TEST_PG_PASSWORD psql -X -q -h "$MIGD_TEST_PG_HOST" -p "$MIGD_TEST_PG_PORT" -U "$MIGD_TEST_PG_USER" -d postgres \
      -c "CREATE DATABASE warehouse_$n"
    url="postgresql://$MIGD_TEST_PG_USER@$MIGD_TEST_PG_HOST:$MIGD_TEST_PG_PORT/warehouse_$n?sslmode=disable"
    printf %s "$MIGD_TEST_PG_PASSWORD" |
      "$dir/migctl" --quiet target add "$name" --url "$url" --password-file - -c shop --label "region=$region" --label kind=warehouse
  done
}

if [ $verb = stop ]; then
  stop_all
  echo "stopped; what it made is in $dir"
  exit
fi

if [ -e "$dir" ] && [ ! -e "$dir/.migd-demo" ] && [ -n "$(ls -A "$dir")" ]; then
  echo "$dir is not empty and not a demo of migd: name another folder" >&2
  exit 1
fi
mkdir -p "$dir"
touch "$dir/.migd-demo"
stop_all
rm -rf "$dir/data" "$dir/address" "$dir/migd.log"

say "install what is missing"
deploy/install-deps.sh build demo
deploy/install-deps.sh postgresql || echo "without a PostgreSQL server: SQLite only"
build
trap stop_all ERR
trap 'stop_all; exit 130' INT TERM
start_server
say "start a private PostgreSQL"
start_postgresql || echo "there is none here that can be started: SQLite only"
say "push the catalog shop from migrations/demo"
"$dir/migctl" catalog push migrations/demo -c shop
say "register the databases"
add_targets
"$dir/migctl" target list
say "upgrade them all"
"$dir/migctl" upgrade --all
say "the fleet"
"$dir/migctl" status

here=${dir#"$PWD/"}
cat <<EOF

It runs. Next, type

  $here/migctl history -c shop            what there is to apply
  $here/migctl current -l kind=store      what the databases themselves say
  $here/migctl downgrade -1 -l region=eu
  $here/migctl status --check             exit code 3: not all are at head
  $here/migctl upgrade --all --dry-run
  $here/migctl upgrade --all
  $here/migctl run list
  $here/migctl --help

and to stop it

  deploy/demo.sh stop${1:+ $1}
EOF
