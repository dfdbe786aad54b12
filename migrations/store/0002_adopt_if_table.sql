-- migd:revision 0002
-- migd:parent 0001
-- migd:message adopt if a table is there
--
-- A database of the catalog without a ledger, in which `adopt_table` is, is at `adopt_revision`. Empty: no rule.

-- migd:up
ALTER TABLE catalog ADD COLUMN adopt_table TEXT NOT NULL DEFAULT '';
ALTER TABLE catalog ADD COLUMN adopt_revision TEXT NOT NULL DEFAULT '';
