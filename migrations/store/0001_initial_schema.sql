-- migd:revision 0001
-- migd:parent base
-- migd:message initial schema
--
-- One text for SQLite and PostgreSQL: BYTEA, BIGINT and INTEGER mean what they say on both (SQLite gives
-- BYTEA columns no conversion of blobs). Times are wall clock, microseconds since 1970, 0 for "not yet".
-- Lists are text, each item ended by a newline. Ids come from `counter`, so that none is ever used twice.

-- migd:up
CREATE TABLE meta (
  name TEXT NOT NULL PRIMARY KEY,
  value TEXT NOT NULL
);

CREATE TABLE counter (
  name TEXT NOT NULL PRIMARY KEY,
  value BIGINT NOT NULL
);
INSERT INTO counter (name, value) VALUES ('target', 0), ('run', 0), ('batch', 0);

CREATE TABLE principal (
  name TEXT NOT NULL PRIMARY KEY,
  role TEXT NOT NULL,
  added_at BIGINT NOT NULL,
  removed_at BIGINT NOT NULL DEFAULT 0
);

-- The bytes of revision files, each once, by their hash.
CREATE TABLE content (
  hash TEXT NOT NULL PRIMARY KEY,
  bytes BYTEA NOT NULL
);

-- A version of a catalog. Never changed.
CREATE TABLE bundle (
  digest TEXT NOT NULL PRIMARY KEY,
  heads TEXT NOT NULL,
  revisions INTEGER NOT NULL
);

CREATE TABLE bundle_file (
  digest TEXT NOT NULL REFERENCES bundle (digest),
  name TEXT NOT NULL,
  hash TEXT NOT NULL REFERENCES content (hash),
  PRIMARY KEY (digest, name)
);

CREATE TABLE catalog (
  name TEXT NOT NULL PRIMARY KEY,
  digest TEXT NOT NULL REFERENCES bundle (digest),
  pushed_at BIGINT NOT NULL,
  pushed_by TEXT NOT NULL
);

CREATE TABLE target (
  id INTEGER NOT NULL PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  url TEXT NOT NULL,
  place TEXT NOT NULL UNIQUE,
  catalog TEXT NOT NULL REFERENCES catalog (name),
  dialect INTEGER NOT NULL,
  lock_timeout_ms BIGINT NOT NULL DEFAULT 0,
  statement_timeout_ms BIGINT NOT NULL DEFAULT 0,
  allow_superuser INTEGER NOT NULL DEFAULT 0,
  password BYTEA,
  epoch BIGINT NOT NULL DEFAULT 0,
  added_at BIGINT NOT NULL,
  seen_at BIGINT NOT NULL DEFAULT 0,
  current_rows TEXT,
  last_run BIGINT NOT NULL DEFAULT 0,
  last_state INTEGER NOT NULL DEFAULT 0,
  last_error BYTEA
);
CREATE INDEX target_catalog ON target (catalog);

CREATE TABLE target_label (
  target_id INTEGER NOT NULL REFERENCES target (id),
  label_key TEXT NOT NULL,
  label_value TEXT NOT NULL,
  PRIMARY KEY (target_id, label_key)
);

-- run_id 0: a person's lock, for maintenance.
CREATE TABLE target_lock (
  target_id INTEGER NOT NULL PRIMARY KEY REFERENCES target (id),
  run_id BIGINT NOT NULL,
  holder TEXT NOT NULL,
  reason TEXT NOT NULL,
  since BIGINT NOT NULL,
  expires BIGINT NOT NULL
);

CREATE TABLE run (
  id INTEGER NOT NULL PRIMARY KEY,
  request_id TEXT,
  principal TEXT NOT NULL,
  request BYTEA NOT NULL,
  state INTEGER NOT NULL,
  created_at BIGINT NOT NULL,
  finished_at BIGINT NOT NULL DEFAULT 0,
  next_seq BIGINT NOT NULL DEFAULT 1,
  UNIQUE (principal, request_id)
);
CREATE INDEX run_unfinished ON run (id) WHERE finished_at = 0;

-- A task outlives its target: the name it had then is kept.
CREATE TABLE task (
  run_id INTEGER NOT NULL REFERENCES run (id),
  target_id INTEGER NOT NULL,
  target_name TEXT NOT NULL,
  catalog TEXT NOT NULL,
  digest TEXT NOT NULL REFERENCES bundle (digest),
  epoch BIGINT NOT NULL DEFAULT 0,
  state INTEGER NOT NULL,
  steps_done INTEGER NOT NULL DEFAULT 0,
  steps_total INTEGER NOT NULL DEFAULT 0,
  goal TEXT NOT NULL DEFAULT '',
  current_rows TEXT,
  error BYTEA,
  started_at BIGINT NOT NULL DEFAULT 0,
  finished_at BIGINT NOT NULL DEFAULT 0,
  PRIMARY KEY (run_id, target_id)
);
CREATE INDEX task_counts ON task (run_id, state);
CREATE INDEX task_state ON task (state, run_id);
CREATE INDEX task_target ON task (target_name, run_id);

CREATE TABLE event (
  run_id INTEGER NOT NULL REFERENCES run (id),
  seq BIGINT NOT NULL,
  packed BYTEA NOT NULL,
  PRIMARY KEY (run_id, seq)
);
