#!/bin/bash
# backends: sqlite
# What a catalog promises: the same content is no change, what is applied never changes, and two who push at
# the same time do not overwrite each other.
. "$(dirname "$0")/lib.sh"
init_server
start_server
shop_catalog shop
push shop

chapter "the same again is no change, and says so"
push shop
says unchanged

chapter "a new revision is added"
revision shop 0004 returns 0003 <<'SQL'
-- migd:up
CREATE TABLE returns (id INTEGER PRIMARY KEY);
SQL
push shop
says 0004

chapter "what nobody has applied may change, when it is asked for"
echo '-- migd:down
DROP TABLE returns;' >>"$work/shop/0004_returns.sql"
expect 7 migctl catalog push "$work/shop" -c shop
says 0004 --replace
push shop --replace
says 0004

chapter "what is applied may not, and the databases are named"
new_database eu && add_target eu shop
new_database us && add_target us shop
expect 0 migctl upgrade 0002 --all
sed -i 's/NOT NULL/NOT NULL UNIQUE/' "$work/shop/0001_customers.sql"
expect 7 migctl catalog push "$work/shop" -c shop
says 0001 eu us
expect 7 migctl catalog push "$work/shop" -c shop --replace
says 0001 eu us
sed -i 's/NOT NULL UNIQUE/NOT NULL/' "$work/shop/0001_customers.sql"

chapter "nor may it disappear"
mkdir "$work/less" && cp "$work/shop/0001_customers.sql" "$work/less/"
expect 7 migctl catalog push "$work/less" -c shop --replace
says 0002

chapter "a revision that is only ahead may go"
rm "$work/shop/0004_returns.sql"
push shop --replace
says 0004

chapter "what was pushed comes back as it was"
expect 0 migctl catalog pull "$work/pulled" -c shop
diff -r "$work/shop" "$work/pulled" || fail "pulled files differ"

chapter "two pipelines push at once, many times: one wins, the other is told"
mkdir "$work/a" "$work/b"
cp "$work/shop"/* "$work/a/" && cp "$work/shop"/* "$work/b/"
revision a 0005 from_a 0003 <<<'-- migd:up
CREATE TABLE from_a (id INTEGER);'
revision b 0006 from_b 0003 <<<'-- migd:up
CREATE TABLE from_b (id INTEGER);'
expect 0 migctl catalog show shop -o json
digest=$(field "d['digest']")
migctl catalog push "$work/a" -c shop --expect "$digest" >"$work/a.log" 2>&1 &
a=$!
migctl catalog push "$work/b" -c shop --expect "$digest" >"$work/b.log" 2>&1 &
b=$!
wait $a; a=$?
wait $b; b=$?
case $a$b in
  07 | 70) ;;
  *) fail "the two pushes ended with $a and $b" "$(cat "$work/a.log" "$work/b.log")" ;;
esac
expect 0 migctl heads -c shop
if [ $a = 0 ]; then says 0005; says_not 0006; else says 0006; says_not 0005; fi

stop_server
