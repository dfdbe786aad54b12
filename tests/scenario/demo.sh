#!/bin/bash
# backends: postgresql
# The demo, with the programs that are built already: started, started again, stopped; nothing stays behind.
. "$(dirname "$0")/lib.sh"
demo=$work/demo
export MIGD_DEMO_PROGRAMS="$work/programs" TMPDIR=$work
mkdir "$MIGD_DEMO_PROGRAMS" && ln -s "$MIGD" "$MIGCTL" "$MIGD_DEMO_PROGRAMS"
demo() { "$source_dir/deploy/demo.sh" "$@"; }
trap 'demo stop "$work/demo" >/dev/null 2>&1; finish' EXIT

chapter "it starts, and everything is at head"
expect 0 demo "$demo"
says "16 at head" "deploy/demo.sh stop $demo"
cp "$work/out" "$work/said"
expect 0 "$demo/migctl" status --check
first=$(cat "$demo/migd.pid")

chapter "what it says to type next works"
mapfile -t next < <(sed -n "s,^  \\($demo/migctl .*\\),\\1,p" "$work/said" | sed 's/   .*//')
[ ${#next[@]} -ge 6 ] || fail "it says too little to type:" "$out"
for line in "${next[@]}"; do
  # shellcheck disable=SC2086
  expect 0,3 $line
done

chapter "again: clean"
expect 0 "$demo/migctl" target remove store-01
expect 0 demo "$demo"
says "16 at head"
! kill -0 "$first" 2>/dev/null || fail "the first server still runs"

chapter "a folder of somebody else's is left alone"
mkdir "$work/mine" && touch "$work/mine/precious"
expect 1 demo "$work/mine"
[ -e "$work/mine/precious" ] || fail "it is gone"

chapter "stopped: no process, no folder of its own elsewhere"
second=$(cat "$demo/migd.pid") cluster=$(cat "$demo/postgresql.dir")
expect 0 demo stop "$demo"
! kill -0 "$second" 2>/dev/null || fail "the server still runs"
[ ! -e "$cluster/pgdata" ] || fail "the cluster is still there"
expect 0 demo stop "$demo"
