#!/bin/bash
# backends: sqlite
# Who may ask what: a viewer looks, an admin changes, a removed name is nobody from the next call on.
. "$(dirname "$0")/lib.sh"
init_server
start_server
shop_catalog shop
push shop
new_database shop && add_target shop shop
expect 0 migctl upgrade 0001 --all

chapter "a viewer is made on the server's host"
expect 0 "$MIGD" identity add alice --role viewer --dir "$data"
[ "$(stat -c %a "$data/identities/alice.key")" = 600 ] || fail "the key can be read by others"
expect 7 "$MIGD" identity add alice --role viewer --dir "$data"
expect 2,7 "$MIGD" identity add bob --role emperor --dir "$data"
says emperor
expect 2,7 "$MIGD" identity add ../bob --role viewer --dir "$data"

chapter "she may look"
as alice
expect 0 migctl whoami
says alice viewer
expect 0 migctl status
expect 0 migctl heads -c shop
expect 0 migctl target show shop
expect 0 migctl current -t shop
expect 0 migctl upgrade --dry-run --all
expect 0 migctl run list
expect 0 migctl locks

chapter "she may change nothing"
for command in "upgrade --all" "downgrade base -t shop" "stamp 0001 -t shop" "target remove shop" "target set shop --label a=b" \
  "target add other --url sqlite:$data/databases/o.db -c shop --create" "catalog push $work/shop -c shop" "lock shop --reason x" "unlock shop" "run cancel 1" "run resume 1"; do
  # shellcheck disable=SC2086
  expect 5 migctl $command
  says viewer
done
same "the tables" "$(tables shop)" customer

chapter "removed, she is nobody at once"
expect 0 "$MIGD" identity remove alice --dir "$data"
expect 5 migctl whoami
expect 5 migctl status
as admin
expect 0 migctl whoami
stop_server
