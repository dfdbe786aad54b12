#!/bin/bash
# Looks into the programs of BUILD: libpg_query is in migd-lint and nowhere else, and there protobuf-c is the system's
# library and not the older copy that libpg_query brings along.
set -u
build=$1 bad=0
fail() { echo "$*"; bad=1; }
for program in migd migctl; do
  ! nm "$build/$program" | grep -E ' [TtDdRrBb] (pg_query_|raw_parser|base_yyparse)' || fail "$program has libpg_query in it"
done
nm "$build/migd-lint" | grep -q ' T pg_query_parse_protobuf$' || fail "migd-lint has no libpg_query in it"
nm "$build/migd-lint" | grep -q ' U protobuf_c_message_unpack' || fail "migd-lint has protobuf-c of its own"
ldd "$build/migd-lint" | grep -q 'libprotobuf-c\.so' || fail "migd-lint does not use the system's protobuf-c"
! ldd "$build/migd-lint" | grep -E 'libpq|sqlite|libssl|libevent' || fail "migd-lint is linked with more than it needs"
exit $bad
