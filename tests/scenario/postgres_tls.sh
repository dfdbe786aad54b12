#!/bin/bash
# backends: postgresql
# Certificates between migd and PostgreSQL: the server's, checked against a CA of the target's own; a client's,
# from files of migd's host; and the other files there, password files and services, which no URL reaches unless the
# configuration says so. On a cluster of its own, since its TLS is changed.
if [ -z "${MIGD_TEST_OWN_CLUSTER:-}" ]; then
  MIGD_TEST_OWN_CLUSTER=1 exec "$(dirname "$0")/../support/pg_cluster.sh" run -- "$0" "$@"
fi
. "$(dirname "$0")/lib.sh"
command -v openssl >/dev/null || skip "no openssl"
cluster=$MIGD_TEST_PG_SOCKET port=$MIGD_TEST_PG_PORT host=$MIGD_TEST_PG_HOST
tls=$work/tls files=$work/files
mkdir -p "$tls" "$files"

admin() { psql -X -q -A -t -v ON_ERROR_STOP=1 -h "$cluster" -p "$port" -U "$MIGD_TEST_PG_ADMIN" -d "${2:-postgres}" -c "$1"; }
new_key=(-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes)
# authority NAME: a CA.
authority() {
  openssl req -x509 "${new_key[@]}" -days 2 -subj "/CN=$1" -keyout "$tls/$1.key" -out "$tls/$1.crt" 2>/dev/null || fail "no CA $1"
}
# issue CA NAME SUBJECT EXTENSION
issue() {
  openssl req "${new_key[@]}" -subj "/CN=$3" -keyout "$tls/$2.key" -out "$tls/$2.csr" 2>/dev/null &&
    openssl x509 -req -in "$tls/$2.csr" -CA "$tls/$1.crt" -CAkey "$tls/$1.key" -CAcreateserial -days 2 \
      -extfile <(echo "$4") -out "$tls/$2.crt" 2>/dev/null || fail "no certificate $2"
}
# place FILE NAME: into the cluster, as its owner's and nobody else's.
place() {
  cp "$1" "$cluster/pgdata/$2" && chown --reference="$cluster/pgdata/PG_VERSION" "$cluster/pgdata/$2" && chmod 600 "$cluster/pgdata/$2" ||
    fail "cannot place $2"
}
reload() { admin 'SELECT pg_reload_conf()' >/dev/null || fail "no reload"; }
# reaches [VARIABLE=VALUE…]: psql gets through, with TLS as said.
reaches() { env PGHOST="$host" PGPORT="$port" PGUSER=migd PGPASSWORD="$MIGD_TEST_PG_PASSWORD" "$@" psql -X -q -d migd -c 'SELECT 1'; }

authority right
authority wrong
issue right server 127.0.0.1 'subjectAltName=IP:127.0.0.1'
issue right client cert_user 'extendedKeyUsage=clientAuth'
issue wrong stranger cert_user 'extendedKeyUsage=clientAuth'
place "$tls/server.crt" server.crt
place "$tls/server.key" server.key
place "$tls/right.crt" clients.crt
admin "ALTER SYSTEM SET ssl_ca_file = 'clients.crt'"
admin 'CREATE ROLE cert_user LOGIN; GRANT CREATE ON DATABASE migd TO cert_user'
{ echo 'hostssl all cert_user 127.0.0.1/32 cert' && cat "$cluster/pgdata/pg_hba.conf"; } >"$work/hba" && place "$work/hba" pg_hba.conf
reload
until_true 20 reaches PGSSLMODE=verify-full PGSSLROOTCERT="$tls/right.crt" || fail "the cluster does not take its certificate"

init_server
start_server
revision shop 0001 tls base <<'SQL'
-- migd:up
CREATE TABLE tls AS SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid();
-- migd:down
DROP TABLE tls;
SQL
push shop
printf '%s' "$MIGD_TEST_PG_PASSWORD" >"$work/password"
# add NAME URL [ARGS…]: of the schema of that name.
add() { migctl target add "$1" --url "$2" --schema "$1" --create -c shop "${@:3}"; }
password=(--password-file "$work/password")
full="postgresql://migd@$host:$port/migd?sslmode=verify-full"
encrypted() { same "TLS" "$(admin "SELECT ssl FROM \"$1\".tls" migd)" t; }

chapter "the right CA"
expect 0 add one "$full" --ca-file "$tls/right.crt" "${password[@]}"
expect 0 migctl target show one
says 'CA' 'CN=right, SHA-256'
expect 0 migctl target show one -o json
says 'BEGIN CERTIFICATE'
expect 0 migctl target list -o json
says_not 'BEGIN CERTIFICATE'
expect 0 migctl upgrade -t one
encrypted one
expect 0 migctl target set one --lock-timeout 2s
expect 0 migctl target show one
says 'CN=right'
same "files that are left" "$(find /proc/"$server"/fd -lname '*migd-ca*' | wc -l)" 0

chapter "two CAs, while one takes the place of the other"
cat "$tls/wrong.crt" "$tls/right.crt" >"$tls/both.crt"
expect 0 migctl target set one --ca-file "$tls/both.crt"
expect 0 migctl target show one
says 'and 1 more'
expect 0 migctl downgrade base -t one

chapter "another CA, and none"
expect 7 add two "$full" --ca-file "$tls/wrong.crt" "${password[@]}"
says "certificate is not trusted" --ca-file
expect 7 add two "$full" "${password[@]}"
says "certificate is not trusted" --ca-file
expect 7 migctl target set one --ca-file "$tls/wrong.crt"
says "certificate is not trusted"
expect 7 migctl target set one --clear-ca
says "certificate is not trusted"
expect 0 migctl upgrade -t one

chapter "the right CA, another name"
expect 7 add two "postgresql://migd@localhost:$port/migd?sslmode=verify-full" --ca-file "$tls/right.crt" "${password[@]}"
says "certificate is another host's" verify-ca
expect 0 add two "postgresql://migd@localhost:$port/migd?sslmode=verify-ca" --ca-file "$tls/right.crt" "${password[@]}"
expect 0 migctl upgrade -t two
encrypted two
expect 7 add three "postgresql://migd@localhost:$port/migd?sslmode=verify-ca" --ca-file "$tls/wrong.crt" "${password[@]}"
says "certificate is not trusted"

chapter "what is no CA is refused before anything is asked"
expect 7 add three "$full" --ca-file "$work/password" "${password[@]}"
says 'holds no certificate'
cat "$tls/right.crt" "$tls/right.key" >"$tls/with_key.pem"
expect 7 add three "$full" --ca-file "$tls/with_key.pem" "${password[@]}"
says 'holds a PRIVATE KEY'
says_not 'BEGIN'
head -c 300 "$tls/right.crt" >"$tls/cut.pem"
expect 7 add three "$full" --ca-file "$tls/cut.pem" "${password[@]}"
says 'broken'
expect 7 add three "postgresql://migd@$host:$port/migd" --ca-file "$tls/right.crt" "${password[@]}"
says 'sslmode=prefer' verify-full
expect 7 migctl target set one --url "postgresql://migd@$host:$port/migd?sslmode=disable"
says 'sslmode=disable'

chapter "files of the server's host are not for URLs"
install -m 600 "$tls/client.crt" "$tls/client.key" "$tls/stranger.crt" "$tls/stranger.key" "$tls/right.crt" "$files"
printf '%s:%s:*:migd:%s\n' "$host" "$port" "$MIGD_TEST_PG_PASSWORD" >"$files/passfile" && chmod 600 "$files/passfile"
printf '# ours\n[other]\nhost=192.0.2.1\n\n[app]\nhost=%s\nport=%s\nuser=migd\ndbname=migd\npassword=%s\nsslmode=verify-full\nsslrootcert=%s\n[odd]\nhost=%s\noptions=-c search_path=x\nuser=migd\ndbname=migd\n' \
  "$host" "$port" "$MIGD_TEST_PG_PASSWORD" "$files/right.crt" "$host" >"$files/pg_service.conf"
by_cert="postgresql://cert_user@$host:$port/migd?sslmode=verify-full&sslcert=$files/client.crt&sslkey=$files/client.key"
expect 7 add three "$by_cert" --ca-file "$tls/right.crt"
says 'sslcert names a file' postgresql-files
expect 7 add three "$full&passfile=$files/passfile" --ca-file "$tls/right.crt"
says 'passfile names a file' postgresql-files
expect 7 add three 'postgresql:///?service=app'
says 'a service is read from a file' postgresql-files
expect 7 add three "$full&sslrootcert=/etc/shadow" "${password[@]}"
says 'sslrootcert names a file'
stop_server
start_server --postgresql-files "$files"

chapter "a client certificate"
expect 0 add three "$by_cert" --ca-file "$tls/right.crt"
expect 0 migctl upgrade -t three
encrypted three
expect 7 add four "postgresql://cert_user@$host:$port/migd?sslmode=verify-full" --ca-file "$tls/right.crt"
says 'the server asks for a client certificate'
expect 7 add four "${by_cert//client./stranger.}" --ca-file "$tls/right.crt"
says 'does not accept the client certificate'
expect 7 add four "${by_cert//cert_user/migd}&sslrootcert=$files/right.crt"
says 'asks for a password'
expect 7 add four "${by_cert//client.crt/missing.crt}" --ca-file "$tls/right.crt"
says 'missing.crt cannot be read'
expect 7 add four "${by_cert//client.key/..%2Ftls%2Fclient.key}" --ca-file "$tls/right.crt"
says 'must not contain'
expect 7 add four "${by_cert//$files/$tls}" --ca-file "$tls/right.crt"
says 'sslcert names a file'
expect 7 add four "$by_cert&sslrootcert=$files/right.crt" --ca-file "$tls/right.crt"
says 'the CA is given twice'
chmod 644 "$files/client.key"
expect 1,7 migctl downgrade base -t three
says 'key of the client certificate cannot be used'
chmod 600 "$files/client.key"
openssl ec -in "$tls/client.key" -aes128 -passout pass:secret -out "$files/locked.key" 2>/dev/null && chmod 600 "$files/locked.key"
expect 7 add four "${by_cert//client.key/locked.key}" --ca-file "$tls/right.crt"
says 'key of the client certificate cannot be used'

chapter "a password file"
expect 0 add four "$full&passfile=$files/passfile" --ca-file "$tls/right.crt"
expect 0 migctl upgrade -t four
encrypted four
chmod 640 "$files/passfile"
expect 1,7 migctl downgrade base -t four
says 'others than its owner can read'
chmod 600 "$files/passfile"

chapter "a service becomes what it says"
expect 0 add five 'postgresql:///?service=app'
says "postgresql://migd@$host:$port/migd?sslmode=verify-full"
expect 0 migctl upgrade -t five
encrypted five
expect 7 migctl target add again --url 'postgresql:///?service=app' --schema one -c shop
says 'registered already, as "one"'
expect 0 add six "postgresql:///?service=app&connect_timeout=3"
expect 7 add seven 'postgresql:///?service=nobody'
says 'names the service nobody'
expect 7 add seven 'postgresql:///?service=odd'
says 'option options is not known'
expect 7 add seven 'postgresql://migd@192.0.2.1/migd?service=app'
says 'a service says where the server is'
expect 0 migctl target set six --url 'postgresql:///?service=app'
says_not connect_timeout
: >"$files/pg_service.conf"
expect 0 migctl upgrade -t six

chapter "a certificate that is taken back"
printf '[ca]\ndefault_ca=d\n[d]\ndatabase=%s\ncrlnumber=%s\ndefault_md=sha256\ndefault_crl_days=1\n' "$tls/index" "$tls/crlnumber" >"$tls/ca.cnf"
: >"$tls/index"
echo 01 >"$tls/crlnumber"
crl() { openssl ca -config "$tls/ca.cnf" -cert "$tls/right.crt" -keyfile "$tls/right.key" -gencrl -out "$files/crl.pem" 2>/dev/null || fail "no CRL"; }
crl
expect 0 migctl target set six --url "$full&sslrootcert=$files/right.crt&sslcrl=$files/crl.pem"
openssl ca -config "$tls/ca.cnf" -cert "$tls/right.crt" -keyfile "$tls/right.key" -revoke "$tls/server.crt" 2>/dev/null || fail "not revoked"
crl
expect 1,7 migctl downgrade base -t six
says 'certificate is not trusted'

chapter "a server that stopped offering TLS"
admin 'ALTER SYSTEM SET ssl = off'
reload
until_true 20 reaches PGSSLMODE=disable || fail "no connection"
until_true 20 eval '! reaches PGSSLMODE=require' || fail "TLS is still there"
expect 1,7 migctl downgrade base -t one
says 'does not offer TLS' sslmode=disable
same "it is still there" "$(admin 'SELECT count(*) FROM one.tls' migd)" 1
stop_server
