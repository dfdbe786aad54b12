#!/bin/bash
# backends: sqlite postgresql
# Wrong names, wrong URLs, wrong databases: each is refused in words that help, and nothing is lost.
. "$(dirname "$0")/lib.sh"
init_server
start_server
shop_catalog shop
push shop
new_database canary && add_target canary shop
expect 0 migctl upgrade 0001 --all

chapter "unknown names, the nearest one is suggested"
expect 7 migctl target show canray
says canray canary
expect 7 migctl upgrade -t canray
says canary
expect 7 migctl heads -c shpo
says shpo shop
expect 7 migctl upgrade 0009 -t canary
says 0009
expect 7 migctl run show 4711
says 4711
expect 2 migctl upgarde --all
says upgrade
expect 2 migctl upgrade --no-such-option
expect 2 migctl upgrade
expect 7 migctl upgrade -l 'region in (eu'

chapter "wrong URLs"
for url in oracle://u@h/d sqlite:relative.db 'sqlite:file:/etc/passwd?mode=memory' sqlite: postgresql://u:secret@h/d 'postgresql://u@h/d?service=x' \
  'postgresql://u@h:99999/d' 'postgresql:///d' 'sqlite:/etc/passwd' "sqlite:$data/databases/../store.db" ''; do
  expect 2,7 migctl target add wrong --url "$url" -c shop
done
expect 2,7 migctl target add wrong --url postgresql://u:secret@h/d -c shop
says --password-file
says_not secret
expect 7 migctl target add 'no name' --url "$(url_of canary)" -c shop
expect 7 migctl target add wrong --url "$(url_of canary)" -c nothing
says nothing
expect 7 migctl target set canary --label 'Ring=1'
says '"Ring=1" is no label' 'a-z 0-9'
password=()
[ "$backend" = sqlite ] || password=(--password-file "$work/password")
expect 7 migctl target add other --url "$(url_of canary)" -c shop "${password[@]}"
says canary

chapter "a database that is not there"
if [ "$backend" = sqlite ]; then
  expect 7 migctl target add missing --url "$(url_of missing)" -c shop
  says --create
  [ ! -e "$data/databases/missing.db" ] || fail "it was made without --create"
  expect 0 migctl target add missing --url "$(url_of missing)" -c shop --create
  expect 0 migctl upgrade -t missing
  same "its ledger" "$(ledger missing)" 0003

  chapter "a file that is no database"
  head -c 5000 /dev/urandom >"$data/databases/noise.db"
  expect 7 migctl target add noise --url "$(url_of noise)" -c shop
  says "not a database"

  chapter "a link that leads out of the root"
  sqlite3 "$work/outside.db" 'CREATE TABLE secret (id)'
  ln -s "$work/outside.db" "$data/databases/link.db"
  expect 7 migctl target add link --url "$(url_of link)" -c shop

  chapter "a database that went away, and one that turned to noise"
  new_database gone && add_target gone shop
  new_database turned && add_target turned shop
  rm "$data/databases/gone.db"
  head -c 5000 /dev/urandom >"$data/databases/turned.db"
  expect 1 migctl upgrade -t gone -t turned -t canary
  says gone.db turned "not a database"
  same "the others went on" "$(ledger canary)" 0003
  [ ! -e "$data/databases/gone.db" ] || fail "an empty database took its place"
else
  expect 7 migctl target add missing --url "$(url_of missing)" -c shop --password-file "$work/password"
  says "does not exist"

  chapter "a wrong password, no password"
  if [ -s "$work/password" ]; then
    echo -n wrong >"$work/wrong"
    expect 7 migctl target add wrong --url "$(url_of canary | sed "s/canary/other/")" -c shop --password-file "$work/wrong"
    says password
    new_database locked && add_target locked shop
    expect 7 migctl target set locked --password-file "$work/wrong"
    says password

    chapter "a stored password is not sent to another server unasked"
    expect 7 migctl target set locked --url "$(url_of canary | sed "s/127.0.0.1:[0-9]*/127.0.0.2:5999/")"
    says password 'another database' --password-file
  fi

  chapter "a server that nobody can reach"
  expect 7 migctl target add far --url 'postgresql://u@127.0.0.1:1/d?sslmode=disable' -c shop
  says "127.0.0.1"
  chapter "a database that went away"
  new_database gone && add_target gone shop
  pg postgres "DROP DATABASE \"$(pg_name gone)\""
  expect 1 migctl upgrade -t gone -t canary
  says gone "does not exist"
  same "the others went on" "$(ledger canary)" 0003
fi

chapter "passwords are never shown"
expect 0 migctl target show canary -o json
[ -z "${MIGD_TEST_PG_PASSWORD:-}" ] || [ "$backend" = sqlite ] || { says_not "\"${MIGD_TEST_PG_PASSWORD}\""; says '"has'; }
if [ "$backend" = postgresql ] && [ -n "${MIGD_TEST_PG_PASSWORD:-}" ]; then
  grep -a -q -F -- "$MIGD_TEST_PG_PASSWORD" "$data"/store.db* "$work/server.log" && fail "the password is in the store or in the log"
fi
stop_server
