-- migd:revision 0004
-- migd:parent 0003
-- migd:message events that only the latest of is kept
--
-- An event with `latest` takes the place of the run's earlier one with the same: of what a backfill tells five times a
-- second for hours, one event for each of its steps stays.

-- migd:up
ALTER TABLE event ADD COLUMN latest TEXT;
CREATE UNIQUE INDEX event_latest ON event (run_id, latest) WHERE latest IS NOT NULL;
