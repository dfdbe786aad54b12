#!/bin/bash
# backends: sqlite postgresql
# Variables: each target has its own values, a missing one changes nothing anywhere, and a secret one is used and
# seen nowhere: not in the log, an error, a notice, an event, a plan, a script, the ledger or the store's bytes.
. "$(dirname "$0")/lib.sh"
init_server
start_server --log-level debug

secret="hunter2-it's\\a \"long\" Secret"
printf '%s\n' "$secret" >"$work/secret"
pieces=(hunter2-it "it''s" 'a "long' 'long\" S' '"long"" Secret' 68756e74657232) # of it, as a database may write them

# hidden WHAT FILE…: no piece of the secret is in there, in whatever letters.
hidden() {
  local piece what=$1
  shift
  for piece in "${pieces[@]}"; do
    ! grep -aiqF -- "$piece" "$@" || fail "$what has the secret in it: $(grep -aiF -- "$piece" "$@" | head -3)"
  done
}

# hides: neither is it in what the last command said.
hides() { hidden "what it said" "$work/out" "$work/err"; }

revision shop 0001 tenant base <<'SQL'
-- migd:up
CREATE TABLE ${table:identifier} (id INTEGER PRIMARY KEY, region TEXT, amount ${money:raw}, note TEXT);
INSERT INTO ${table:identifier} VALUES (1, ${region}, 0, '${region}'); -- ${region}
-- migd:down
DROP TABLE ${table:identifier};
SQL
push shop
for name in eu us; do new_database $name; done
add_target eu shop --var "region=l'Europe" --var table=customer
add_target us shop --var region=US

chapter "all missing values are an error before anything is touched, for a plan as well; it is said what gives them"
expect 7 migctl upgrade --all
says 0001_tenant.sql:6:14 'the variables table and money have no value' 0001_tenant.sql:6:79 \
  'the variable money has no value' 'migctl target set us --var table=VALUE --var money=VALUE'
for name in eu us; do same "the tables of $name" "$(tables $name)" ""; done
expect 7 migctl upgrade -t us --dry-run
says 0001_tenant.sql:6:14 'the variables table and money have no value' 'money is used in 0001_tenant.sql:6:79'

chapter "a catalog's value is everyone's, a target's own goes before it"
expect 0 migctl catalog set shop --var money=NUMERIC --var table=client
expect 0 migctl upgrade --all --dry-run -v
says "INSERT INTO \"customer\" VALUES (1, 'l''Europe', 0, '\${region}')" 'CREATE TABLE "client"' 'NUMERIC'
expect 0 migctl upgrade --all
same "eu" "$(query eu 'SELECT region, note FROM customer')" "l'Europe|\${region}"
same "us" "$(query us 'SELECT region, note FROM client')" "US|\${region}"

chapter "they are shown and changed"
expect 0 migctl target show eu
says "region=l'Europe" table=customer
expect 0 migctl catalog show shop -o json
same "the variables" "$(field "[(v['name'], v['value']) for v in d['variables']]")" '[["money", "NUMERIC"], ["table", "client"]]'
expect 0 migctl catalog set shop --remove-var table
expect 7 migctl catalog set shop --remove-var table
expect 7 migctl target set eu --var Region=x
says 'no name of a variable'
expect 7 migctl target set eu --var batch=1
says 'choose another name'
expect 2 migctl target set eu --var region
expect 7 migctl target set eu --var "region=$(printf '%4097s' x)"
says 'longer than 4096 bytes'
expect 2 migctl upgrade -t eu --var region=x
says 'migctl target set'
chapter "a value cannot leave its place"
expect 0 migctl target set us --var 'money=NUMERIC); DROP TABLE client; --'
expect 7 migctl downgrade base -t us
says 'the variable table has no value'
expect 0 migctl target set us --var 'table=client" CASCADE; --'
expect 1 migctl downgrade base -t us
same "the tables of us" "$(tables us)" client
expect 0 migctl target set us --var table=client
expect 0 migctl downgrade base -t us
expect 7 migctl upgrade -t us
says 'the value of money'
expect 0 migctl target set us --remove-var money
expect 0 migctl upgrade -t us

chapter "a secret one is used, and shown nowhere"
revision shop 0002 key 0001 <<'SQL'
-- migd:up
CREATE TABLE key (id INTEGER PRIMARY KEY, value TEXT UNIQUE);
INSERT INTO key VALUES (1, ${api_key});
SQL
push shop
expect 0 migctl target set eu --secret-var "api_key=$work/secret"
hides
expect 0 migctl target show eu
says 'api_key=(secret)'
hides
expect 0 migctl target show eu -o json
hides
expect 0 migctl upgrade -t eu --dry-run -v
says '${api_key}'
hides
expect 0 migctl upgrade -t eu
same "the value" "$(query eu 'SELECT value FROM key')" "$secret"

chapter "a script has no stored secret, only what it is given"
expect 7 migctl upgrade --sql -t eu
says 'the value of api_key is secret' '--secret-var api_key=FILE'
hides
expect 0 migctl upgrade --sql -t eu --var api_key=given
says "VALUES (1, 'given')" "'l''Europe'"
expect 7 migctl upgrade --sql -c shop --dialect $backend
says 'the variables table, region and api_key have no value' \
  'give them values with --var table=VALUE --var region=VALUE --var api_key=VALUE'

chapter "nor does a failure tell it: not the database's own words, also when a later statement brings it up"
n=2
failing() {
  n=$((n + 1))
  revision shop "000$n" failing 0002 <<<"-- migd:up
SELECT 1;
  $1"
  push shop
  expect 1 migctl upgrade -t eu
  says "000${n}_failing.sql:7:" "${2:-}"
  hides
  expect 0 migctl run list
  run=$(migctl run list -o json | /usr/bin/python3 -c 'import json,sys; print(json.load(sys.stdin)["runs"][0]["id"])')
  expect 0 migctl run show "$run"
  hides
  expect 0,1 migctl run watch "$run" -o json
  says stepStarted
  hides
  rm "$work/shop/000${n}_failing.sql"
  push shop --replace
}
failing 'INSERT INTO key VALUES (2, ${api_key});'
failing 'INSERT INTO ${api_key:identifier} VALUES (2);'
failing 'SELECT ${api_key}, no_such_thing(1);'
if [ $backend = postgresql ]; then
  failing 'SELECT CAST(value AS integer) FROM key;' 'invalid input syntax for type integer: "(secret)"'
  failing "DO \$x\$ DECLARE v text; BEGIN SELECT value INTO v FROM key; RAISE NOTICE 'it is %', v; RAISE WARNING '%', quote_ident(v); RAISE EXCEPTION '% and %', upper(v), quote_literal(v) USING HINT = v, DETAIL = encode(v::bytea, 'hex'); END \$x\$;" 'it is (secret)'
else
  failing 'CREATE TABLE two (a TEXT CONSTRAINT ${api_key:identifier} CHECK (a > 1)); INSERT INTO two VALUES (0);' 'constraint failed: (secret)'
fi
same "the ledger of eu" "$(ledger eu)" 0002

chapter "another database does not get it unasked"
new_database other
expect 7 migctl target set eu --url "$(url_of other)" ${password[@]+"${password[@]}"} $([ $backend = sqlite ] || echo --clear-password)
says 'secret variables of eu' api_key '--remove-var'
expect 0 migctl target show eu
says "$(url_of eu)"

chapter "not in the log, the ledger, the store"
stop_server
hidden "the server's log" "$work/server.log"
grep -q 'a statement with a secret in it' "$work/server.log" || fail "the log was not at debug"
grep -q 'CREATE TABLE "customer"' "$work/server.log" || fail "the log was not at debug"
hidden "the store" "$data"/store.db*
query eu 'SELECT * FROM migd_ledger' >"$work/ledger"
hidden "the ledger" "$work/ledger"

chapter "a target that is removed takes its variables along"
start_server
expect 0 migctl target remove eu
stop_server
same "what is left" "$(sqlite3 "$data/store.db" "SELECT owner_kind, name FROM variable ORDER BY 1, 2" | paste -sd' ')" "catalog|money target|region target|table"
