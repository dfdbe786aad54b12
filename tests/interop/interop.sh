#!/bin/bash
# Makes a server with a run that is over and one that does not end, and lets a client that this project did not
# write speak to it: grpcio (Debian's python3-grpcio) or grpcjs (npm, by install.sh).
#
# usage: interop.sh grpcio|grpcjs MODULES
client=$1 modules=$2
set -- sqlite
. "$(dirname "$0")/../scenario/lib.sh"

case $client in
  grpcio) /usr/bin/python3 -c 'import grpc, google.protobuf' 2>/dev/null || skip "python3-grpcio is not installed" ;;
  grpcjs) [ -d "$modules/@grpc/grpc-js" ] || skip "grpc-js is not installed in $modules: tests/interop/install.sh puts it there" ;;
esac
init_server
start_server
revision short 0001 first base <<<'-- migd:up
CREATE TABLE t (id INTEGER);'
revision endless 0001 endless base <<'SQL'
-- migd:up
CREATE TABLE t (id INTEGER);
INSERT INTO t WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT 100000000000) SELECT max(x) FROM c;
SQL
for name in short endless; do push $name && new_database $name && add_target $name $name; done
expect 0 migctl upgrade -t short
expect 0 migctl run list -o json
finished=$(field "d['runs'][0]['id']")
expect 0 migctl upgrade -t endless --detach -o json
endless=$(field "d['id']")
stepping "$endless" 0001

mapfile -t protos < <(cd "$source_dir/proto" && find . -name '*.proto' | sort)
protoc -I "$source_dir/proto" --include_imports --descriptor_set_out="$work/api.pb" "${protos[@]#./}" || fail "protoc failed"
chapter "$client"
case $client in
  grpcio) /usr/bin/python3 "$(dirname "$0")/grpcio.py" "localhost:${address##*:}" "$data" "$work/api.pb" "$finished" "$endless" ;;
  grpcjs) NODE_PATH=$modules node "$(dirname "$0")/grpcjs.js" "localhost:${address##*:}" "$data" "$source_dir/proto" "$finished" "$endless" ;;
esac || fail "$client failed"
expect 0 migctl run cancel "$endless"
stop_server
