#!/bin/bash
# backends: sqlite postgresql
# A migration that fails: nothing of its step remains, the message says where, the other databases go on.
. "$(dirname "$0")/lib.sh"
init_server
start_server
shop_catalog shop
revision shop 0004 broken 0003 <<'SQL'
-- migd:up
CREATE TABLE half (id INTEGER);
INSERT INTO half VALUES (1);
-- the next line is wrong
UPDATE ordrs SET id = 2;
SQL
push shop
for name in eu us; do new_database $name && add_target $name shop; done

chapter "it fails at a line and a column; the three before are applied, nothing of the fourth"
expect 1 migctl upgrade --all
says eu 0004_broken.sql:9:8 ordrs 'UPDATE ordrs SET id = 2;' '^'
[ $backend = sqlite ] || says 42P01
for name in eu us; do
  same "the ledger of $name" "$(ledger $name)" 0003
  same "the tables of $name" "$(tables $name)" "customer invoice orders"
done
expect 3 migctl status --check
says failing
expect 0 migctl run list
says failed

chapter "as JSON the error has its parts"
expect 1 migctl upgrade -t eu -o json
says '"file"' 0004_broken.sql '"line"' 9 '"column"' 8

chapter "mended, it runs"
sed -i 's/UPDATE ordrs.*/UPDATE half SET id = 2;/' "$work/shop/0004_broken.sql"
push shop --replace
expect 0 migctl upgrade --all
same "the ledger of eu" "$(ledger eu)" 0004
expect 0 migctl status --check

chapter "without a down section there is no way back, and nothing is touched"
expect 7 migctl downgrade 0001 --all
says 0004
same "the ledger of eu" "$(ledger eu)" 0004

chapter "migrations may not touch migd's own tables, leave their transaction, nor reach out of their database"
evil=("DELETE FROM migd_ledger" "DROP TABLE IF EXISTS migd_revision")
[ $backend = postgresql ] || evil+=("ATTACH '/tmp/x.db' AS x" "PRAGMA writable_schema=1" "VACUUM INTO '/tmp/y.db'" "SELECT load_extension('x')")
new_database evil
for sql in "${evil[@]}"; do
  rm -rf "$work/evil"
  revision evil 0001 evil base <<<"-- migd:up
CREATE TABLE half (id INTEGER);
$sql;"
  expect 0 migctl catalog push "$work/evil" -c evil --replace
  migctl target show evil >/dev/null 2>&1 || add_target evil evil
  expect 1 migctl upgrade -t evil
  says 0001_evil.sql:7
  same "what is left of it" "$(tables evil)" ""
done
stop_server
