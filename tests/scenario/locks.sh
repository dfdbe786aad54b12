#!/bin/bash
# backends: sqlite postgresql
# One at a time: a maintenance lock, a task that waits its turn, a database that somebody else keeps.
. "$(dirname "$0")/lib.sh"
init_server
start_server
shop_catalog shop
push shop
new_database shop && add_target shop shop

chapter "a person locks a database; everybody else is told who, since when and why"
expect 0 migctl lock shop --reason 'moving disks'
expect 4 migctl upgrade -t shop
says admin 'moving disks' since
expect 0 migctl locks
says shop admin 'moving disks'
expect 0 migctl status
says shop
expect 4 migctl lock shop --reason 'me too'
says 'moving disks'
same "its tables" "$(tables shop)" ""

chapter "reading needs no lock"
expect 0 migctl current -t shop
expect 0 migctl upgrade -t shop --dry-run

chapter "another principal cannot take it away without force"
"$MIGD" identity add second --role admin --dir "$data" >/dev/null || fail "no second identity"
as second
expect 7 migctl unlock shop
says --force
expect 0 migctl unlock shop --force
as admin

chapter "one who waits gets the turn when the lock goes"
expect 0 migctl lock shop --reason 'a moment'
expect 0 migctl upgrade -t shop --wait 60s --detach -o json
run=$(field "d['id']")
until_true 20 waiting "$run" || fail "run $run does not wait" "$(migctl run show "$run")"
expect 0 migctl unlock shop
expect 0 migctl run watch "$run"
same "the ledger" "$(ledger shop)" 0003

chapter "waiting ends when the time is over"
expect 0 migctl lock shop --reason 'for long'
expect 4 migctl downgrade base -t shop --wait 1s
says 'for long'
expect 0 migctl unlock shop
same "the ledger" "$(ledger shop)" 0003

chapter "a lock for a time ends by itself"
expect 0 migctl lock shop --reason 'a blink' --for 1s
expect 0 migctl downgrade 0002 -t shop --wait 30s
same "the ledger" "$(ledger shop)" 0002

chapter "somebody else's transaction keeps the database: migd waits a little, then says so"
expect 0 migctl target set shop --lock-timeout 500ms --lock-retry 1s --idle-in-transaction-timeout 90s
expect 0 migctl target show shop -o json
same "its policy" "$(field "[d['policy'][k] for k in ('lockTimeout', 'lockRetry', 'idleInTransactionTimeout')]")" '["0.5s", "1s", "90s"]'
hold shop orders
expect 4 migctl upgrade -t shop
says 'try 2 for a lock' 'given up after'
if [ "$backend" = postgresql ]; then
  says 'holds AccessExclusiveLock on public.orders' "role $MIGD_TEST_PG_USER"
else
  says 'locked by another program'
fi
release
same "the ledger" "$(ledger shop)" 0002
expect 0 migctl upgrade -t shop
same "the ledger" "$(ledger shop)" 0003
stop_server
