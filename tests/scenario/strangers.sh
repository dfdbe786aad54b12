#!/bin/bash
# backends: sqlite
# Who is not known is not heard: no certificate, a foreign one, plain HTTP, TLS 1.2, noise; and the server goes on.
. "$(dirname "$0")/lib.sh"
init_server
start_server
port=${address##*:}

chapter "a certificate of another server's authority"
"$MIGD" init "$work/other" >/dev/null || fail "no second data directory"
sed "s,^ca *=.*,ca = $data/pki/ca.crt," "$work/other/admin.conf" >"$work/foreign.conf"
MIGCTL_CONFIG=$work/foreign.conf expect 5,6 migctl ping
says certificate

chapter "a server that is not ours"
MIGCTL_CONFIG=$work/other/admin.conf expect 5,6 migctl ping
says certificate

chapter "no certificate"
curl_ours() { curl -sS --max-time 10 --cacert "$data/pki/ca.crt" --http2-prior-knowledge "$@" "https://localhost:$port/migd.v1.Server/Ping"; }
expect 35,52,55,56,92,16 curl_ours

chapter "plain HTTP, an older TLS, another protocol, noise"
expect 0 curl -sS --max-time 10 -w '%{http_code}' "http://127.0.0.1:$port/"
says TLS 400
expect 35,56 curl_ours --tls-max 1.2 --cert "$data/identities/admin.crt" --key "$data/identities/admin.key"
expect 35,56 curl -sS --max-time 10 --http1.1 --cacert "$data/pki/ca.crt" --cert "$data/identities/admin.crt" --key "$data/identities/admin.key" "https://localhost:$port/"
head -c 100000 /dev/urandom | timeout 20 bash -c "exec 3<>/dev/tcp/127.0.0.1/$port; cat >&3; cat <&3" >/dev/null 2>&1

chapter "a method that is none, a known one by POST, anything by GET"
known() { curl_ours --cert "$data/identities/admin.crt" --key "$data/identities/admin.key" -D - -o "$work/body" "$@"; }
expect 0 known -X POST -H 'content-type: application/grpc' -H 'te: trailers' --data-binary @<(printf '\0\0\0\0\0')
says 'HTTP/2 200' application/grpc
expect 0,92 known -X GET
says_not 'HTTP/2 200'
expect 0 known -X POST -H 'content-type: application/json'
says 415

chapter "the server still answers"
expect 0 migctl ping
stop_server
