#!/bin/bash
# backends: sqlite postgresql
# A hundred thousand rows changed batch by batch: seen while it goes, killed and resumed, cancelled and resumed,
# out of the way of others; each row is changed once, and the ledger has counted them all.
. "$(dirname "$0")/lib.sh"
init_server
start_server
revision shop 0001 rows base <<'SQL'
-- migd:up on=sqlite
CREATE TABLE item (id INTEGER PRIMARY KEY, price INTEGER NOT NULL, cents INTEGER);
INSERT INTO item WITH RECURSIVE g(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM g WHERE i < 100000) SELECT i, i % 1000, NULL FROM g;
-- migd:up on=postgresql
CREATE TABLE item (id integer PRIMARY KEY, price integer NOT NULL, cents integer);
INSERT INTO item SELECT i, i % 1000, NULL FROM generate_series(1, 100000) AS g(i);
-- migd:up
CREATE INDEX item_open ON item (id) WHERE cents IS NULL;
-- migd:down
DROP TABLE item;
SQL
# backfill SIZE PAUSE
backfill() {
  revision shop 0002 cents 0001 <<SQL
-- migd:up batch=$1 pause=$2
UPDATE item SET cents = coalesce(cents, 0) + 100 * price WHERE id IN (SELECT id FROM item WHERE cents IS NULL ORDER BY id LIMIT \${batch});
-- migd:down batch=20000
UPDATE item SET cents = NULL WHERE id IN (SELECT id FROM item WHERE cents IS NOT NULL LIMIT \${batch});
SQL
  push shop
}

# whole NAME: every row has what it must have, and all are counted.
whole() {
  same "rows that are not changed once" "$(query "$1" 'SELECT count(*) FROM item WHERE cents IS NULL OR cents <> 100 * price')" 0
  same "what the ledger counted" "$(query "$1" 'SELECT changed FROM migd_backfill ORDER BY entry DESC LIMIT 1')" 100000
}

# batches RUN COUNT: waits until so many batches of it are told.
batches() {
  watch "$1"
  until_true 60 batched "$2" || fail "run $1 has not told of $2 batches:" "$(cat "$work/watch" "$work/watch.err")"
  unwatch
}
batched() { /usr/bin/python3 -c 'import json,sys; sys.exit(not any(int(json.loads(l).get("batchFinished",{}).get("batches",0)) >= int(sys.argv[2]) for l in open(sys.argv[1]) if l.endswith("\n")))' "$work/watch" "$1"; }
done_rows() { query "$1" 'SELECT count(*) FROM item WHERE cents IS NOT NULL'; }

chapter "a section that would do everything at once is refused, with its place"
revision bad 0001 bad base <<'SQL'
-- migd:up batch=5000 pause=50ms
UPDATE item SET cents = 0;
SQL
expect 7 migctl catalog push "$work/bad" -c bad
says '0001_bad.sql:6:1' 'does not say ${batch}' 'LIMIT ${batch}'

chapter "20 batches, told with rows and rate"
new_database one
backfill 5000 0
add_target one shop
expect 0 migctl upgrade -t one --dry-run
says batched
expect 7,1 migctl upgrade -t one --transaction run
says 'outside a transaction'
expect 0 migctl upgrade -t one
says '100,000 rows in 20 batches'
expect 0 migctl run list -o json
expect 0 migctl run watch "$(field "d['runs'][0]['id']")" -o json
same "batches that are still told of" "$(grep -c '"batchFinished"' <<<"$out")" 1
whole one
expect 0 migctl downgrade 0001 -t one
says '100,000 rows in 5 batches'
same "rows" "$(done_rows one)" 0
expect 0 migctl downgrade base -t one

chapter "as a script: the same data, and the same ledger"
new_database script
expect 0 migctl upgrade --sql -c shop --dialect "$backend"
cp "$work/out" "$work/script.sql"
if [ "$backend" = sqlite ]; then
  sqlite3 -bail "$data/databases/script.db" <"$work/script.sql" || fail "the script fails"
else
  PGHOST=$MIGD_TEST_PG_HOST PGPORT=$MIGD_TEST_PG_PORT PGUSER=$MIGD_TEST_PG_USER PGPASSWORD=${MIGD_TEST_PG_PASSWORD:-} PGSSLMODE=disable \
    psql -X -q -v ON_ERROR_STOP=1 -d "$(pg_name script)" -f "$work/script.sql" || fail "the script fails"
  same "its batches" "$(query script 'SELECT batches FROM migd_backfill')" 20
fi
whole script
add_target script shop
expect 0 migctl upgrade -t script
says 'nothing to do'

# From here on a batch is small and followed by a pause, so that there is a middle to be met.
sed -i 's/batch=5000 pause=0/batch=500 pause=20ms/' "$work/shop/0002_cents.sql"
expect 0 migctl catalog push "$work/shop" -c slow

chapter "the server is killed in the middle: resumed, it goes on where it was"
new_database two && add_target two slow
expect 0 migctl upgrade -t two --detach -o json
run=$(field "d['id']")
batches "$run" 10
expect 0 migctl run show "$run"
says ' rows'
expect 0 migctl run show "$run" -o json
[ "$(field "int(d['tasks'][0]['batch']['batches'])")" -ge 10 ] || fail "run show tells of no batches" "$out"
kill_server
before=$(done_rows two)
[ "$before" -ge 5000 ] && [ "$before" -lt 100000 ] || fail "killed at $before rows"
same "the ledger, killed" "$(query two 'SELECT changed FROM migd_backfill')" "$before"
start_server
expect 0 migctl run resume "$run"
whole two
[ "$(query two "SELECT count(*) FROM migd_ledger WHERE state = 'batch'")" = 2 ] || fail "not two runs in the ledger"

chapter "cancelled in the middle: at once, what is committed stays, and resumed it ends"
new_database three && add_target three slow
expect 0 migctl upgrade -t three --detach -o json
run=$(field "d['id']")
batches "$run" 10
expect 0 migctl run cancel "$run"
until_true 20 run_state "$run" TASK_STATE_CANCELLED || fail "run $run is not cancelled"
before=$(done_rows three)
[ "$before" -ge 5000 ] && [ "$before" -lt 100000 ] || fail "cancelled at $before rows"
expect 7,1 migctl downgrade base -t three
says 'in part'
expect 0 migctl run resume "$run"
whole three

chapter "others wait for locks: the pause grows"
new_database four && add_target four slow
expect 0 migctl upgrade -t four --detach -o json
run=$(field "d['id']")
batches "$run" 3
# others: writes one row again and again, each time when the batch has let it.
others() {
  if [ "$backend" = sqlite ]; then
    while :; do echo 'UPDATE item SET price = price WHERE id > 99900;'; done | sqlite3 -cmd '.timeout 5000' "$data/databases/four.db"
  else
    yes 'LOCK TABLE item IN SHARE MODE;' | sed 's/.*/BEGIN; & COMMIT;/' |
      PGHOST=$MIGD_TEST_PG_HOST PGPORT=$MIGD_TEST_PG_PORT PGUSER=$MIGD_TEST_PG_USER PGPASSWORD=${MIGD_TEST_PG_PASSWORD:-} PGSSLMODE=disable \
        psql -X -q -d "$(pg_name four)"
  fi
}
set -m
others >"$work/others" 2>&1 &
crowd=$!
set +m
watch "$run"
longer() { /usr/bin/python3 -c 'import json,sys; p=[float(json.loads(l)["batchFinished"].get("pause","0s")[:-1]) for l in open(sys.argv[1]) if l.endswith("\n") and "batchFinished" in l]; sys.exit(not p or max(p) < 0.08)' "$work/watch"; }
until_true 60 longer; waited=$?
kill -KILL -- -$crowd; wait $crowd 2>/dev/null
[ $waited = 0 ] || fail "the pause did not grow:" "$(tail -3 "$work/watch")"
unwatch
expect 0 migctl run watch "$run"
whole four
stop_server
