#!/bin/bash
# Runs every test there is, through ctest: installs what is missing, builds, starts a PostgreSQL of its own,
# stops what it started. Ends with what ctest said last, for each way of building.
#
#   tests/run.sh             gcc; then clang with AddressSanitizer and UndefinedBehaviorSanitizer; then with ThreadSanitizer;
#                            then the fuzz targets, 60 seconds each
#   tests/run.sh --quick     gcc only
#   tests/run.sh --long      as without, with the large counts: 200 kills of the server, long fuzzing
#   tests/run.sh --no-install  takes the machine as it is
#   tests/run.sh -- ARGS     gives ARGS to ctest: `-- -R scenario/locks`
#
# The output of each part stays in build/logs/.
set -u -o pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root" || exit 1
logs=$root/build/logs
presets=(release asan tsan fuzz)
install=yes

while [ $# -gt 0 ]; do
  case $1 in
    --quick) presets=(release) ;;
    --long) export MIGD_TEST_LONG=1 MIGD_TEST_FUZZ_SECONDS=600 ;;
    --no-install) install=no ;;
    --inside) inside=yes ;; # PostgreSQL runs already
    --) shift; break ;;
    *) sed -n '2,11s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
  esac
  shift
done

# Tests wait for the disk to keep what they throw away: memory keeps it too, where there is enough (2 GiB).
room=$(df --output=avail -k /dev/shm 2>/dev/null | tail -n 1)
if [ -z "${TMPDIR:-}" ] && [ -w /dev/shm ] && [ "${room:-0}" -gt $((2 << 20)) ]; then
  export TMPDIR=/dev/shm
fi

say() { printf '== %s (%d:%02d)\n' "$*" $((SECONDS / 60)) $((SECONDS % 60)); }

# What a sanitizer finds ends the program with a code that no test expects.
export ASAN_OPTIONS=detect_leaks=1:strict_string_checks=1:detect_stack_use_after_return=1:exitcode=99
export UBSAN_OPTIONS=print_stacktrace=1:exitcode=99
export TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1:exitcode=99

build() {
  say "$1: build"
  { cmake --preset "$1" && cmake --build --preset "$1"; } >"$logs/$1-build.log" 2>&1 && return
  grep -E -A5 'error|FAILED|Missing' "$logs/$1-build.log" | head -60 >&2 || tail -30 "$logs/$1-build.log" >&2
  echo "the build failed; all of it: $logs/$1-build.log" >&2
  return 1
}

# test_preset PRESET: under the sanitizers, which are many times slower, with small counts.
test_preset() {
  say "$1: test"
  (
    [ "$1" = release ] || export MIGD_TEST_CRASHES=${MIGD_TEST_CRASHES:-4} MIGD_TEST_SLOW=1
    # A kernel that spreads mappings wider than ThreadSanitizer of clang 14 can bear: without randomization.
    plain=()
    [ "$1" != tsan ] || ! setarch -R true 2>/dev/null || plain=(setarch -R)
    "${plain[@]}" ctest --test-dir "build/$1" --output-on-failure --no-tests=error -j "$(nproc)" "${ctest_args[@]}" 2>&1 | tee "$logs/$1-test.log"
  )
}

run_all() {
  local preset failed=0
  for preset in ${presets[@]}; do
    build "$preset" && test_preset "$preset" || failed=1
  done
  for preset in ${presets[@]}; do
    say "$preset"
    if [ -s "$logs/$preset-test.log" ]; then
      sed -n '/^[0-9]*% tests passed/,$p' "$logs/$preset-test.log" | grep -v '^$'
    else
      echo "not run: the build failed"
    fi
  done
  return $failed
}

ctest_args=("$@")
[ $# = 0 ] || presets=("${presets[@]/fuzz/}") # a choice of tests is not one of fuzz targets
if [ -n "${inside:-}" ]; then
  run_all
  exit
fi
rm -rf "$logs" && mkdir -p "$logs" || exit 1
if [ $install = yes ]; then
  say "install what is missing"
  deploy/install-deps.sh build test || exit 1
  say "grpc-js, dbmate and node-pg-migrate, for the tests against them"
  tests/interop/install.sh "$root/build/interop" >"$logs/npm.log" 2>&1 || echo "npm could not install it; those tests will skip ($logs/npm.log)"
fi
again=("$0" --inside)
[ ${#presets[@]} != 1 ] || again+=(--quick)
exec tests/support/pg_cluster.sh run -- "${again[@]}" -- "$@"
