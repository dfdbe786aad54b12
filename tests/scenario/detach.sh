#!/bin/bash
# backends: sqlite postgresql
# A run outlives the client that asked for it: detached, killed, watched again, cancelled, resumed.
. "$(dirname "$0")/lib.sh"
init_server
start_server
shop_catalog shop
revision shop 0004 endless 0003 <<'SQL'
-- migd:up
CREATE TABLE almost (id INTEGER);
-- migd:up on=sqlite
INSERT INTO almost WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT 100000000000) SELECT max(x) FROM c;
-- migd:up on=postgresql
SELECT pg_sleep(3600);
-- migd:down
DROP TABLE almost;
SQL
push shop
new_database shop && add_target shop shop
expect 0 migctl upgrade 0001 -t shop
expect 0 migctl target set shop --lock-timeout 60s

chapter "detached: the id comes at once, and can be watched to its end"
hold shop
expect 0 migctl upgrade 0003 -t shop --detach -o json
run=$(field "d['id']")
expect 0 migctl run list
says "$run"

chapter "a watcher that is killed changes nothing"
watch "$run"
until_true 20 test -s "$work/watch" || fail "nothing to watch"
unwatch
release
expect 0 migctl run watch "$run"
says 0002 0003
same "the ledger" "$(ledger shop)" 0003

chapter "what is over can be watched again"
expect 0 migctl run watch "$run"
says 0002 0003

chapter "a client that is killed while it follows: the run goes on"
expect 0 migctl downgrade 0001 -t shop
hold shop
migctl upgrade 0003 -t shop >"$work/client" 2>&1 &
client=$!
until_true 20 unfinished || fail "no run began"
run=$(field "d['runs'][0]['id']")
kill -KILL $client; wait $client 2>/dev/null
release
expect 0 migctl run watch "$run"
same "the ledger" "$(ledger shop)" 0003

chapter "one that takes too long is cancelled; its step leaves nothing"
expect 0 migctl upgrade head -t shop --detach -o json
run=$(field "d['id']")
stepping "$run" 0004
expect 4 migctl upgrade -t shop
says "$run"
expect 0 migctl run cancel "$run"
expect 8 migctl run watch "$run"
same "the ledger" "$(ledger shop)" 0003
same "the tables" "$(tables shop)" "customer invoice orders"
expect 0 migctl run show "$run"
says cancelled

chapter "control-C cancels nothing by itself: the client's deadline does not either"
expect 8 migctl upgrade head -t shop --timeout 2s
expect 0 migctl run list --unfinished -o json
run=$(field "d['runs'][0]['id']")
expect 0 migctl run cancel "$run"
expect 8 migctl run watch "$run"

chapter "mended and resumed, it is finished"
revision shop 0004 endless 0003 <<'SQL'
-- migd:up
CREATE TABLE almost (id INTEGER);
-- migd:down
DROP TABLE almost;
SQL
push shop --replace
expect 0 migctl upgrade head -t shop
same "the ledger" "$(ledger shop)" 0004

chapter "a run that was cancelled goes on when it is resumed"
expect 0 migctl downgrade 0001 -t shop
hold shop
expect 0 migctl upgrade 0003 -t shop --detach -o json
run=$(field "d['id']")
expect 0 migctl run cancel "$run"
expect 8 migctl run watch "$run"
says "migctl run resume $run"
release
same "the ledger" "$(ledger shop)" 0001
expect 0 migctl run resume "$run"
says 'goes on'
expect 7 migctl run resume "$run"
says 'no task to go on with' 'it succeeded'
same "the ledger" "$(ledger shop)" 0003
stop_server
