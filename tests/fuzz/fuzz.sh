#!/bin/bash
# fuzz.sh PROGRAM CORPUS WORK: runs a fuzz target for MIGD_TEST_FUZZ_SECONDS from the kept inputs; new ones go to WORK.
set -eu
program=$1 corpus=$2 work=$3
mkdir -p "$work/new" "$corpus"
cd "$work"
exec "$program" -max_total_time="${MIGD_TEST_FUZZ_SECONDS:-60}" -max_len=4096 -timeout=20 -rss_limit_mb=4096 -print_final_stats=1 new "$corpus"
