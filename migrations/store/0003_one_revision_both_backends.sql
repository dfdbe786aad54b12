-- migd:revision 0003
-- migd:parent 0002
-- migd:message variables and policies
--
-- `owner_kind`: 'catalog' or 'target'; `owner`: the catalog's name, or the target's id. A value is `plain`, or `sealed`
-- where it is secret. `lint_policy` is a packed migd.v1.LintPolicy.

-- migd:up
CREATE TABLE variable (
  owner_kind TEXT NOT NULL,
  owner TEXT NOT NULL,
  name TEXT NOT NULL,
  plain TEXT,
  sealed BYTEA,
  PRIMARY KEY (owner_kind, owner, name)
);

ALTER TABLE target ADD COLUMN idle_timeout_ms BIGINT NOT NULL DEFAULT 0;
ALTER TABLE target ADD COLUMN lock_retry_ms BIGINT NOT NULL DEFAULT 0;
ALTER TABLE target ADD COLUMN ca_certificate TEXT NOT NULL DEFAULT '';

ALTER TABLE catalog ADD COLUMN lint_policy BYTEA;
