#!/bin/bash
# Installs what migd needs on Debian 12, by apt, and only what is missing.
#
#   deploy/install-deps.sh build              what it takes to build migd and migctl
#   deploy/install-deps.sh build demo         ... and for the demo's SQLite targets
#   deploy/install-deps.sh build test         ... and for every test
#   deploy/install-deps.sh postgresql         a PostgreSQL server (no cluster of the system is touched)
#
# Shared by deploy/demo.sh and tests/run.sh. Runs apt-get itself when it is root, else through sudo, and
# says what it does. Exit 0: everything asked for is there.
set -u -o pipefail

missing=()

# package NAME: is installed, else it is missing.
package() {
  dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null | grep -qx installed || missing+=("$1")
}

# program NAME PACKAGE: the program counts, whichever package or person brought it.
program() {
  PATH="$PATH:/usr/sbin:/sbin" command -v "$1" >/dev/null || missing+=("$2")
}

want_build() {
  program gcc gcc
  package libc6-dev
  package libpg-query-dev
  program cmake cmake
  program ninja ninja-build
  program pkg-config pkg-config
  program protoc protobuf-compiler
  program protoc-c protobuf-c-compiler
  local name
  for name in libpq libsqlite3 libevent libnghttp2 libssl libjansson libinih libprotobuf libprotobuf-c; do
    package "$name-dev"
  done
}

# What the server's PostgreSQL connections check certificates with.
want_demo() {
  package ca-certificates
  program sqlite3 sqlite3
}

want_postgresql() {
  compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || missing+=(postgresql)
}

want_test() {
  want_demo
  want_postgresql
  package libcmocka-dev
  program pgbouncer pgbouncer
  program clang clang
  package libclang-rt-dev
  program llvm-symbolizer llvm
  program h2load nghttp2-client
  program nghttpd nghttp2-server
  program curl curl
  program openssl openssl
  program git git
  program setpriv util-linux
  package python3
  package python3-grpcio
  package python3-protobuf
  program alembic alembic
  program node nodejs
  program npm npm
}

as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    echo "not root and no sudo here: as root, run  $*" >&2
    return 1
  fi
}

install_missing() {
  local apt=(env DEBIAN_FRONTEND=noninteractive apt-get -qq -y)
  echo "installing by apt: ${missing[*]}" >&2
  as_root "${apt[@]}" install --no-install-recommends "${missing[@]}" >/dev/null 2>&1 && return
  echo "apt's lists may be old: apt-get update, then again" >&2
  as_root "${apt[@]}" update >/dev/null && as_root "${apt[@]}" install --no-install-recommends "${missing[@]}" >/dev/null
}

[ $# -gt 0 ] || set -- build
for set in "$@"; do
  case $set in
    build | demo | test | postgresql) "want_$set" ;;
    *) echo "usage: $0 [build] [demo] [test] [postgresql]" >&2; exit 2 ;;
  esac
done
[ ${#missing[@]} -gt 0 ] || exit 0
if ! command -v apt-get >/dev/null; then
  echo "missing, and there is no apt-get here: ${missing[*]} (Debian's names)" >&2
  exit 1
fi
if ! install_missing; then
  echo "could not install: ${missing[*]}" >&2
  exit 1
fi
