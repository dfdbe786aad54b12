#!/bin/bash
# backends: sqlite postgresql
# Branches with labels, a dependency between them, several heads in one target, and the files of a working directory made by migctl.
. "$(dirname "$0")/lib.sh"
init_server
start_server
dir=$work/shop

chapter "a first catalog"
expect 0 migctl init "$dir"
expect 7 migctl init "$dir"
says "has revisions already"
expect 0 migctl catalog check "$dir" -c shop
expect 0 migctl catalog diff "$dir" -c shop
says "+ 0001"
push shop
expect 0 migctl catalog diff "$dir" -c shop
says_not "+ 0001"

chapter "new revisions are drafted from the files that are there"
expect 0 migctl revision -m "Add customers!" --rev-id cust1 --sql 'CREATE TABLE customer (id INTEGER);' "$dir"
says cust1_add_customers.sql "0001 -> cust1"
grep -q -- '-- migd:parent 0001' "$dir/cust1_add_customers.sql" || fail "the parent is not in the file"
printf '\n-- migd:down\nDROP TABLE customer;\n' >>"$dir/cust1_add_customers.sql"
expect 7 migctl revision -m more --head 0001 "$dir"
says "0001 is no head" --splice
expect 7 migctl revision -m more --rev-id cust1 "$dir"
says "cust1"
echo 'CREATE TABLE book (id INTEGER);' | migctl revision -q -m books --rev-id lib1 --head base --branch-label library --sql - "$dir" >/dev/null ||
  fail "no revision from standard input"
printf '\n-- migd:down\nDROP TABLE book;\n' >>"$dir/lib1_books.sql"
expect 7 migctl revision -m which "$dir"
says "2 heads" cust1 lib1
expect 0 migctl revision -m shelves --rev-id lib2 --head library@head "$dir"
expect 0 migctl revision -m dock --rev-id dock1 --head cust1 --depends-on library "$dir"
grep -q -- '-- migd:depends-on library' "$dir/dock1_dock.sql" || fail "the label is not kept"
EDITOR='touch -t 200001010000' expect 0 migctl edit library "$dir"
[ "$(date -r "$dir/lib1_books.sql" +%Y)" = 2000 ] || fail "edit opened another file"

chapter "a second head is pushed by those who say so"
expect 7 migctl catalog push "$dir" -c shop
says "2 heads" "migctl merge" "migd:parent" --allow-branches
push shop --allow-branches
expect 0 migctl heads -c shop
says "dock1 (head)" "lib2 (library) (head)"
expect 0 migctl branches -c shop
says "no branch points"

chapter "branches go up and down on their own"
new_database shop && add_target shop shop
expect 7 migctl upgrade head -t shop
says dock1 lib2
expect 0 migctl upgrade library@+1 -t shop
same "the ledger" "$(ledger shop)" lib1
expect 0 migctl upgrade dock1 -t shop
same "the ledger" "$(ledger shop)" dock1
expect 0 migctl current -t shop
says "dock1 (head)" "lib1"
expect 3 migctl current -t shop --check-heads
expect 0 migctl upgrade heads -t shop
same "the ledger" "$(ledger shop)" "dock1 lib2"
expect 0 migctl current -t shop --check-heads
expect 7 migctl downgrade -1 -t shop
says ambiguous dock1 lib2
expect 0 migctl downgrade library@-1 -t shop
same "the ledger" "$(ledger shop)" dock1
expect 0 migctl history -t shop -r -1:current
says cust1 dock1
expect 0 migctl history -c shop -r library@base:
says lib1 lib2
says_not cust1
expect 0 migctl downgrade library@base -t shop
same "the ledger" "$(ledger shop)" "cust1"

chapter "a head that another one depends on is applied with it"
expect 0 migctl revision -m last --rev-id dock2 --head dock1 --depends-on lib2 "$dir"
push shop
expect 0 migctl heads -c shop
says "dock2 (head)" "lib2 (library) (effective head)"
expect 0 migctl heads -c shop --resolve-dependencies
says_not lib2
expect 0 migctl upgrade heads -t shop
same "the ledger" "$(ledger shop)" dock2
expect 0 migctl current -t shop --check-heads
says "lib2 (effective head)"

chapter "stamps"
expect 0 migctl stamp library@base -t shop
same "the ledger" "$(ledger shop)" ""
expect 0 migctl stamp cust1 lib1 -t shop
same "the ledger" "$(ledger shop)" "cust1 lib1"
stop_server
