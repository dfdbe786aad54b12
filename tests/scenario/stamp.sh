#!/bin/bash
# backends: sqlite postgresql
# Databases that were there before migd: stamped, never upgraded blindly; and a ledger that names what nobody knows.
. "$(dirname "$0")/lib.sh"
init_server
start_server
shop_catalog shop
push shop
new_database shop && add_target shop shop
query shop 'CREATE TABLE customer (id INTEGER PRIMARY KEY, name TEXT NOT NULL)' >/dev/null

chapter "tables and no ledger: refused, and the way out is named"
expect 7 migctl upgrade -t shop
says stamp
same "its tables" "$(tables shop)" customer

chapter "stamped at what it has, it goes on from there"
expect 0 migctl stamp 0001 -t shop
same "the ledger" "$(ledger shop)" 0001
same "its tables" "$(tables shop)" customer
expect 0 migctl upgrade -t shop
same "the ledger" "$(ledger shop)" 0003

chapter "a ledger that names an unknown revision: refused, named, purged"
query shop "UPDATE migd_revision SET revision='beef'" >/dev/null
expect 7 migctl upgrade -t shop
says beef
expect 0 migctl current -t shop
says beef
expect 0 migctl status
says beef
expect 0,7 migctl stamp 0003 -t shop
expect 0 migctl stamp 0003 --purge -t shop
same "the ledger" "$(ledger shop)" 0003
expect 0 migctl status --check
stop_server
