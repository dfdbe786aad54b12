#!/usr/bin/env bash
# A private PostgreSQL cluster for tests, on 127.0.0.1 and a socket, as an unprivileged user.
#
#   pg_cluster.sh start DIR        makes it in DIR and prints `export` lines for the shell
#   pg_cluster.sh stop DIR         stops it and removes what it made in DIR
#   pg_cluster.sh run -- CMD...    starts one, runs CMD with the variables set, stops it always
#
# Variables: MIGD_TEST_PG_HOST, _PORT, _USER (may create databases, no superuser), _PASSWORD, _ADMIN (a superuser
# with the same password), _SOCKET (the socket's folder), _CA (the certificate of its TLS; empty without openssl). Both users have a database `migd`.
# MIGD_PG_BIN names the folder of initdb where it is not found; MIGD_PG_FSYNC=on makes the cluster durable.
# Exit 77: there is no PostgreSQL server here.
set -euo pipefail

die() {
  echo "pg_cluster.sh: $*" >&2
  exit 1
}

find_bin() {
  local bin found=""
  for bin in "$(dirname "$(command -v initdb || echo /x)")" /usr/pgsql-*/bin \
    $(printf '%s\n' /usr/lib/postgresql/*/bin | sort -V) "${MIGD_PG_BIN:-}"; do
    if [[ -n $bin && -x $bin/initdb && -x $bin/pg_ctl ]]; then
      found=$bin # the last one counts
    fi
  done
  if [[ -z $found ]]; then
    echo "pg_cluster.sh: no PostgreSQL server (initdb) found: skipped" >&2
    exit 77
  fi
  echo "$found"
}

# PostgreSQL refuses to run as root.
unprivileged() {
  if [[ $(id -u) != 0 ]]; then
    id -un
  elif id -u postgres >/dev/null 2>&1; then
    echo postgres
  else
    echo nobody
  fi
}

as_user() {
  if [[ $(id -u) == 0 ]]; then
    (cd / && runuser -u "$(unprivileged)" -- "$@")
  else
    (cd / && "$@")
  fi
}

password_of() { cat "$1/password"; }

make_cluster() {
  local dir=$1 bin=$2 user
  user=$(unprivileged)
  mkdir -p "$dir"
  [[ ! -e $dir/pgdata ]] || die "$dir holds a cluster already"
  od -An -N12 -tx1 /dev/urandom | tr -d ' \n' >"$dir/password"
  if [[ $(id -u) == 0 ]]; then
    chown "$user" "$dir" "$dir/password"
  fi
  chmod 700 "$dir"
  as_user "$bin/initdb" -D "$dir/pgdata" -U postgres --pwfile="$dir/password" --auth-host=scram-sha-256 \
    --auth-local=trust --encoding=UTF8 --locale=C --no-sync >"$dir/initdb.log" 2>&1 || die "initdb failed: $(tail -3 "$dir/initdb.log")"
  as_user tee -a "$dir/pgdata/postgresql.conf" >/dev/null <<CONF
listen_addresses = '127.0.0.1'
unix_socket_directories = '$dir'
max_connections = 200
shared_buffers = 32MB
fsync = ${MIGD_PG_FSYNC:-off}
jit = off
autovacuum = off
CONF
}

# TLS with a certificate of its own for 127.0.0.1, where openssl is installed.
make_certificate() {
  local dir=$1
  command -v openssl >/dev/null || return 0
  as_user openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=migd-test \
    -addext subjectAltName=IP:127.0.0.1 -keyout "$dir/pgdata/server.key" -out "$dir/pgdata/server.crt" >/dev/null 2>&1
  as_user chmod 600 "$dir/pgdata/server.key"
  cp "$dir/pgdata/server.crt" "$dir/ca.crt"
  echo "ssl = on" | as_user tee -a "$dir/pgdata/postgresql.conf" >/dev/null
}

# A port that is taken makes the server end at once; then another is tried.
start_server() {
  local dir=$1 bin=$2 try port
  for try in $(seq 20); do
    port=$((20000 + (RANDOM * 32768 + RANDOM) % 12000))
    if as_user "$bin/pg_ctl" -D "$dir/pgdata" -w -t 60 -s -l "$dir/log" -o "-p $port" start >/dev/null 2>&1; then
      echo "$port" >"$dir/port"
      return
    fi
    grep -qs "could not bind\|could not create any TCP" "$dir/log" || die "the server does not start: $(tail -3 "$dir/log" 2>&1)"
  done
  die "no free port after $try tries"
}

make_roles() {
  local dir=$1 bin=$2 port
  port=$(cat "$dir/port")
  as_user "$bin/psql" -X -q -v ON_ERROR_STOP=1 -h "$dir" -p "$port" -U postgres postgres <<SQL
CREATE ROLE migd LOGIN CREATEDB PASSWORD '$(password_of "$dir")';
CREATE DATABASE migd OWNER migd;
SQL
}

print_variables() {
  local dir=$1
  echo "export MIGD_TEST_PG_HOST=127.0.0.1"
  echo "export MIGD_TEST_PG_PORT=$(cat "$dir/port")"
  echo "export MIGD_TEST_PG_USER=migd"
  echo "export MIGD_TEST_PG_ADMIN=postgres"
  echo "export MIGD_TEST_PG_PASSWORD=$(password_of "$dir")"
  echo "export MIGD_TEST_PG_SOCKET=$dir"
  echo "export MIGD_TEST_PG_CA=$([[ ! -e $dir/ca.crt ]] || echo "$dir/ca.crt")"
}

start() {
  local dir bin
  bin=$(find_bin)
  mkdir -p "$1"
  dir=$(realpath "$1")
  make_cluster "$dir" "$bin"
  make_certificate "$dir"
  start_server "$dir" "$bin"
  make_roles "$dir" "$bin"
  print_variables "$dir"
}

stop() {
  local dir=$1 bin
  [[ -d $dir/pgdata ]] || return 0
  bin=$(find_bin)
  as_user "$bin/pg_ctl" -D "$dir/pgdata" -s -m immediate stop >/dev/null 2>&1 || true
  rm -rf "$dir/pgdata" "$dir/log" "$dir/initdb.log" "$dir/password" "$dir/port" "$dir/ca.crt"
  rm -f "$dir"/.s.PGSQL.*
}

# Outlives `run` when that is killed, so that no server stays behind.
watch() {
  tail --pid="$1" -f /dev/null
  stop "$2"
  rmdir "$2" 2>/dev/null || true
}

run() {
  local variables
  find_bin >/dev/null
  run_dir=$(mktemp -d "${TMPDIR:-/tmp}/migd-pg.XX""XX""XX")
  trap 'stop "$run_dir"; rmdir "$run_dir" 2>/dev/null || true' EXIT
  trap 'exit 130' INT TERM HUP
  setsid -f "$0" watch $$ "$run_dir" </dev/null >/dev/null 2>&1
  variables=$(start "$run_dir")
  eval "$variables"
  "$@"
}

case "${1:-}" in
start) [[ $# == 2 ]] || die "start DIR" && start "$2" ;;
stop) [[ $# == 2 ]] || die "stop DIR" && stop "$(realpath -m "$2")" ;;
run)
  shift
  [[ ${1:-} != -- ]] || shift
  [[ $# -gt 0 ]] || die "run -- CMD..."
  run "$@"
  ;;
watch) watch "$2" "$3" ;;
*)
  sed -n '2,11s/^# \{0,1\}//p' "$0" >&2
  exit 64
  ;;
esac
