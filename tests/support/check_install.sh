#!/bin/bash
# Installs BUILD into a folder of its own and looks whether all is there: programs, a man page for each command,
# completions, the unit. Then runs the programs from there.
set -u
build=$1 work=$(mktemp -d "${TMPDIR:-/tmp}/migd-install.XX""XX""XX") || exit 2
trap 'rm -rf "$work"' EXIT
fail() { echo "$*"; exit 1; }
DESTDIR=$work cmake --install "$build" >"$work/log" 2>&1 || fail "$(cat "$work/log")"
find_one() { find "$work" -path "*/$1" -type f -size +0 | grep -q . || fail "not installed, or empty: $1"; }

for file in bin/migd bin/migd-lint bin/migctl man8/migd.8 man1/migctl.1 systemd/system/migd.service sysusers.d/migd.conf \
  bash-completion/completions/migctl site-functions/_migctl vendor_completions.d/migctl.fish proto/migd/v1/runs.proto; do
  find_one "$file"
done
migctl=$(find "$work" -path '*/bin/migctl') migd=$(find "$work" -path '*/bin/migd')
"$migctl" help >/dev/null && "$migd" --help >/dev/null || fail "the programs do not run"
pages=0
while read -r page; do
  pages=$((pages + 1))
  head -1 "$page" | grep -q '^\.TH' || fail "no man page: $page"
done < <(find "$work" -name 'migctl-*.1')
[ $pages -ge 25 ] || fail "only $pages man pages of commands"
bash -n "$(find "$work" -path '*/completions/migctl')" || fail "the completion for bash does not parse"
! ldd "$migctl" | grep -E 'libpq|sqlite' || fail "migctl is linked with a database driver"
