#!/bin/bash
# backends: sqlite postgresql
# A graph with two roads and a merge: everything is applied once, parents first, and goes back child first.
. "$(dirname "$0")/lib.sh"
init_server
start_server

chapter "two branches from one root, merged"
revision shop a1 root base <<<'-- migd:up
CREATE TABLE root (id INTEGER);
-- migd:down
DROP TABLE root;'
revision shop b1 left a1 <<<'-- migd:up
CREATE TABLE left_side (id INTEGER);
-- migd:down
DROP TABLE left_side;'
revision shop c1 right a1 <<<'-- migd:up
CREATE TABLE right_side (id INTEGER);
-- migd:down
DROP TABLE right_side;'
expect 7 migctl catalog push "$work/shop" -c shop
says "2 heads" b1 c1 "migctl merge" --allow-branches
expect 7 migctl catalog check "$work/shop" -c shop
push shop --allow-branches
new_database shop && add_target shop shop

chapter "two heads: which one is meant must be said"
expect 7 migctl upgrade head -t shop
says heads b1 c1
expect 0 migctl upgrade b1 -t shop
same "the ledger" "$(ledger shop)" b1
expect 0 migctl upgrade heads -t shop
same "the ledger" "$(ledger shop)" "b1 c1"
expect 0 migctl current -t shop
says b1 c1

chapter "the merge makes one of them"
revision shop d1 merge 'b1, c1' <<<'-- migd:up
CREATE VIEW both_sides AS SELECT l.id FROM left_side l JOIN right_side r ON l.id = r.id;
-- migd:down
DROP VIEW both_sides;'
push shop
expect 0 migctl upgrade head -t shop
same "the ledger" "$(ledger shop)" d1
expect 0 migctl history -c shop
says merge d1

chapter "back over the merge there are two heads again; to the base, nothing"
expect 0 migctl downgrade -t shop c1
case "$(ledger shop)" in
  c1 | "b1 c1") ;;
  *) fail "after the downgrade the ledger is $(ledger shop)" ;;
esac
expect 0 migctl upgrade d1 -t shop
same "the ledger" "$(ledger shop)" d1
expect 0 migctl downgrade base -t shop
same "the ledger" "$(ledger shop)" ""
same "the tables" "$(tables shop)" ""

chapter "from nothing over the merge in one run"
expect 0 migctl upgrade -t shop
same "the ledger" "$(ledger shop)" d1
same "the tables" "$(tables shop)" "left_side right_side root"
stop_server
