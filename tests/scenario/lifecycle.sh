#!/bin/bash
# backends: sqlite
# A server's life: made once, served by one, certificates changed under it, stopped in order, and its store not
# read by a program that is too old for it.
. "$(dirname "$0")/lib.sh"

chapter "init makes keys that only the owner reads, and never overwrites"
init_server --name migd.example
for key in pki/ca.key pki/server.key identities/admin.key; do
  same "the mode of $key" "$(stat -c %a "$data/$key")" 600
done
same "the mode of the store's key" "$(stat -c %a "$data/store.key")" 400
same "the mode of the folder" "$(stat -c %a "$data")" 700
openssl x509 -in "$data/pki/server.crt" -noout -text >"$work/cert"
for name in DNS:migd.example; do grep -q "$name" "$work/cert" || fail "no $name in the certificate"; done
before=$(cd "$data" && find . -type f -exec sha256sum {} + | sort)
expect 1,7 "$MIGD" init "$data"
same "the folder after a second init" "$(cd "$data" && find . -type f -exec sha256sum {} + | sort)" "$before"

chapter "check finds it well"
expect 0 "$MIGD" check --dir "$data"
expect 0 "$MIGD" serve --dir "$data" --show-config
says listen parallel

chapter "one server a directory"
start_server --shutdown-grace 1s
expect 1,7,9 "$MIGD" serve --dir "$data" --listen 127.0.0.1:0
says "$data"

chapter "a wrong configuration is refused with its line"
mkdir "$work/wrong"
cp -r "$data/." "$work/wrong/"
echo 'colour = blue' >>"$work/wrong/migd.conf"
expect 2,7 "$MIGD" check --dir "$work/wrong"
says colour

chapter "SIGHUP: new certificates for new connections"
fingerprint() { openssl s_client -connect "$address" -alpn h2 -CAfile "$data/pki/ca.crt" </dev/null 2>/dev/null | openssl x509 -noout -fingerprint; }
old=$(fingerprint)
[ -n "$old" ] || fail "the server shows no certificate"
openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$work/new.key" -subj /CN=migd -out "$work/new.csr" 2>/dev/null
printf 'subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth\n' >"$work/ext"
openssl x509 -req -in "$work/new.csr" -CA "$data/pki/ca.crt" -CAkey "$data/pki/ca.key" -days 2 -extfile "$work/ext" -out "$work/new.crt" 2>/dev/null || fail "no new certificate"
cat "$work/new.key" >"$data/pki/server.key"
cat "$work/new.crt" >"$data/pki/server.crt"
kill -HUP "$server"
changed() { [ "$(fingerprint)" = "$(openssl x509 -in "$work/new.crt" -noout -fingerprint)" ]; }
until_true 20 changed || fail "the old certificate is still shown"
expect 0 migctl ping

chapter "SIGHUP with a broken certificate: the old one stays, and it is said"
echo broken >"$data/pki/server.crt"
kill -HUP "$server"
until_true 20 grep -q 'server.crt' "$work/server.log" || fail "the log does not say it"
changed || fail "the certificate is gone"
cat "$work/new.crt" >"$data/pki/server.crt"

chapter "SIGTERM: what runs is brought to a boundary, clients are told, the exit is 0"
revision shop 0001 first base <<<'-- migd:up
CREATE TABLE t (id INTEGER);'
revision shop 0002 long 0001 <<'SQL'
-- migd:up
INSERT INTO t WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT 100000000000) SELECT max(x) FROM c;
SQL
push shop
new_database shop && add_target shop shop
expect 0 migctl upgrade --all --detach -o json
run=$(field "d['id']")
stepping "$run" 0002
watch "$run"
until_true 20 test -s "$work/watch" || fail "nothing to watch"
stop_server
same "the ledger" "$(ledger shop)" 0001
expect 6 migctl ping

chapter "after the restart the run is shown as interrupted, also to who has watched it all along"
listen=$address start_server
until_true 60 grep -q runFinished "$work/watch" || fail "the watcher does not learn how it ended" "$(cat "$work/watch" "$work/watch.err")"
wait "$watcher"
code=$?
forget "$watcher"
grep -q RUN_STATE_INTERRUPTED "$work/watch" && [ $code != 0 ] || fail "the watcher ended with $code" "$(cat "$work/watch")"
expect 0 migctl run show "$run"
says interrupted
expect 0 migctl status
says interrupted
stop_server

chapter "a store that is newer than the program is refused"
sqlite3 "$data/store.db" "UPDATE migd_revision SET revision='9999'" || fail "cannot change the store"
expect 1,7,9 "$MIGD" serve --dir "$data" --listen 127.0.0.1:0
says 9999 newer
