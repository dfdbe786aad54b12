#!/bin/bash
# backends: sqlite postgresql
# A newcomer makes a server, pushes a catalog, registers two databases, takes them to head and one of them back.
. "$(dirname "$0")/lib.sh"

chapter "a server is made and answers"
init_server
start_server
expect 0 migctl whoami
says admin
expect 0 migctl server
says "$(basename "$data" | sed 's/.*//')"

chapter "nothing is there yet"
expect 0 migctl status
expect 0 migctl target list

chapter "a catalog is pushed"
shop_catalog shop
push shop
says 3
expect 0 migctl heads -c shop
says 0003
expect 0 migctl history -c shop
says 0001 0002 0003 customers orders invoices
expect 0 migctl show 0002 -c shop
says "CREATE TABLE orders"

chapter "two databases are registered, and are behind"
new_database eu && add_target eu shop --label region=eu
new_database us && add_target us shop --label region=us
expect 0 migctl target list
says eu us
expect 3 migctl status --check
says eu us

chapter "a dry run changes nothing"
expect 0 migctl upgrade --all --dry-run
says 0001 0003 eu us
same "the tables of eu" "$(tables eu)" ""

chapter "one is taken two steps, the selector finds it"
expect 0 migctl upgrade +2 -l region=eu
same "the ledger of eu" "$(ledger eu)" 0002
same "the tables of eu" "$(tables eu)" "customer orders"
same "the tables of us" "$(tables us)" ""
expect 3 migctl status --check
expect 0 migctl current -t eu
says 0002

chapter "all go to head"
expect 0 migctl upgrade --all
same "the ledger of eu" "$(ledger eu)" 0003
same "the ledger of us" "$(ledger us)" 0003
same "the tables of us" "$(tables us)" "customer invoice orders"
same "a row of us" "$(query us 'SELECT name FROM customer')" Ada
expect 0 migctl status --check
expect 0 migctl current --all
says 0003 eu us

chapter "again: nothing to do, and that is success"
expect 0 migctl upgrade --all

chapter "one goes back"
expect 0 migctl downgrade -t us -- -1
same "the ledger of us" "$(ledger us)" 0002
same "the tables of us" "$(tables us)" "customer orders"
expect 0 migctl downgrade base -t us
same "the ledger of us" "$(ledger us)" ""
same "the tables of us" "$(tables us)" ""
expect 0 migctl upgrade head -t us

chapter "the runs are remembered"
expect 0 migctl run list -o json
same "the number of runs" "$(field "len(d['runs'])")" 6
expect 0 migctl run show 1
says eu 0002

chapter "a database is forgotten, and is left alone"
expect 0 migctl target remove us
same "the ledger of us" "$(ledger us)" 0003
expect 7 migctl target show us
says us

stop_server
