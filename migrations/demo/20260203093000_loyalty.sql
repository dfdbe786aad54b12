-- migd:revision 20260203093000
-- migd:parent 20260119083000
-- migd:message loyalty points, begun while the index was being written

-- migd:up
ALTER TABLE customer ADD COLUMN points INTEGER NOT NULL DEFAULT 0;

-- migd:down
ALTER TABLE customer DROP COLUMN points;
