#!/bin/bash
# backends: sqlite
# Disks that are full or may only be read: a clean error, nothing half done, and work goes on when there is room.
. "$(dirname "$0")/lib.sh"
tmpfs=$work/small
mkdir "$tmpfs"
mount -t tmpfs -o size=3m tmpfs "$tmpfs" 2>/dev/null || { tmpfs=; skip "no tmpfs may be mounted here"; }
init_server
start_server --sqlite-root "$tmpfs" --sqlite-root "$data/databases"
revision shop 0001 first base <<<'-- migd:up
CREATE TABLE t (b BLOB);'
revision shop 0002 large 0001 <<'SQL'
-- migd:up
CREATE TABLE u (b BLOB);
INSERT INTO u WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT 200) SELECT randomblob(20000) FROM c;
SQL
push shop

chapter "the target's disk is full: the step leaves nothing"
expect 0 migctl target add small --url "sqlite:$tmpfs/small.db" -c shop --create
expect 1 migctl upgrade -t small
says 0002 full
same "its ledger" "$(sqlite3 "$tmpfs/small.db" 'SELECT revision FROM migd_revision')" 0001
same "its tables" "$(sqlite3 "$tmpfs/small.db" "SELECT count(*) FROM sqlite_schema WHERE name = 'u'")" 0

chapter "there is room again, and it goes on"
mount -o remount,size=20m "$tmpfs"
expect 0 migctl upgrade -t small
same "its ledger" "$(sqlite3 "$tmpfs/small.db" 'SELECT revision FROM migd_revision')" 0002

chapter "a disk that may only be read"
expect 0 migctl target add ro --url "sqlite:$tmpfs/ro.db" -c shop --create
expect 0 migctl upgrade 0001 -t ro
mount -o remount,ro "$tmpfs" || fail "cannot remount"
expect 1 migctl upgrade -t ro
says read
mount -o remount,rw "$tmpfs"
expect 0 migctl upgrade -t ro
stop_server

chapter "the server's own disk is full: refused in words, what is stored stays"
umount "$tmpfs"
mount -t tmpfs -o size=12m tmpfs "$tmpfs"
data=$tmpfs/data
init_server
start_server
new_database shop
push shop
add_target shop shop

chapter "with little room left no run is begun"
expect 9 migctl upgrade --all
says 'nearly full' min-free
stop_server
start_server --min-free 0
dd if=/dev/zero of="$tmpfs/ballast" bs=64k 2>/dev/null
dd if=/dev/zero of="$tmpfs/ballast2" bs=512 2>/dev/null
expect 9 migctl upgrade --all
says full
expect 0 migctl status
rm "$tmpfs/ballast" "$tmpfs/ballast2"
expect 0 migctl ping
stop_server
start_server --min-free 0
expect 0 migctl upgrade 0001 --all
same "the ledger" "$(ledger shop)" 0001
stop_server
