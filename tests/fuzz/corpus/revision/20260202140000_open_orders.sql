-- migd:revision 20260202140000
-- migd:parent 20260119083000
-- migd:message find the open orders quickly

-- PostgreSQL can build an index while the shop stays open, but not inside a transaction; migd then
-- journals each statement, so that a crash leaves no doubt.

-- migd:up on=postgresql transaction=off
CREATE INDEX CONCURRENTLY orders_open ON orders (placed) WHERE shipped IS NULL;
-- migd:up on=sqlite
CREATE INDEX orders_open ON orders (placed) WHERE shipped IS NULL;

-- migd:down
DROP INDEX orders_open;
