-- migd:revision 20260105090000
-- migd:parent base
-- migd:message customers

-- The shop opens. Everything here runs on SQLite and on PostgreSQL alike.

-- migd:up
CREATE TABLE customer (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  email TEXT NOT NULL UNIQUE,
  since DATE NOT NULL
);

-- migd:down
DROP TABLE customer;
