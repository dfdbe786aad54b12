#!/usr/bin/python3
# backends: sqlite
"""Kills the server with SIGKILL in the middle of rebuilds of a table, up and down, and looks each time, past migd:

  1. the table, its children with ON DELETE CASCADE, index, trigger, view and AUTOINCREMENT's sequence are wholly as before or
     wholly as afterwards, and the ledger says which;
  2. every row is there, with its rowid;
  3. after a restart `run resume`, or the same request, ends the work.

A kill counts when SQLite's journal shows that the transaction was at work. MIGD_TEST_CRASHES says how many shall (5; 100 with
MIGD_TEST_LONG), MIGD_TEST_SEED repeats a choice of moments.
"""
import hashlib
import os
import random
import sqlite3
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from real import Server, told, until

CRASHES = int(os.environ.get("MIGD_TEST_CRASHES") or (100 if os.environ.get("MIGD_TEST_LONG") else 5))
SEED = int(os.environ.get("MIGD_TEST_SEED") or random.SystemRandom().randrange(1 << 32))
ROWS = 20000

FIRST = f"""-- migd:revision 0001
-- migd:parent base
-- migd:up
CREATE TABLE parent (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT COLLATE NOCASE, c INT, UNIQUE (name)); -- kept
CREATE TABLE child (id INTEGER PRIMARY KEY, p INTEGER NOT NULL REFERENCES parent (id) ON DELETE CASCADE);
CREATE INDEX parent_c ON parent (c) WHERE c > 5;
CREATE VIEW seen AS SELECT name FROM parent;
CREATE TRIGGER noted AFTER DELETE ON parent BEGIN SELECT 1; END;
INSERT INTO parent (id, name, c) WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {ROWS}) SELECT 3 * i, 'name ' || i, i % 9 FROM n;
INSERT INTO child (p) SELECT id FROM parent;
INSERT INTO parent (id) VALUES (999999);
DELETE FROM parent WHERE id = 999999;
"""
SECOND = """-- migd:revision 0002
-- migd:parent 0001
-- migd:up
ALTER TABLE parent ALTER c SET NOT NULL, ADD CONSTRAINT small CHECK (c < 9), ALTER COLUMN c TYPE INTEGER;
ALTER TABLE parent ALTER name SET NOT NULL;
-- migd:down
ALTER TABLE parent ALTER c DROP NOT NULL, DROP CONSTRAINT small, ALTER COLUMN c TYPE INT;
ALTER TABLE parent ALTER name DROP NOT NULL;
"""


def write_catalog(folder):
    os.mkdir(folder)
    for name, text in (("0001_first.sql", FIRST), ("0002_second.sql", SECOND)):
        with open(os.path.join(folder, name), "w") as f:
            f.write(text)


def look(path):
    """The revision, the schema, and a digest of every row."""
    db = sqlite3.connect(path, timeout=30, isolation_level=None)
    db.execute("BEGIN")
    ask = lambda sql: db.execute(sql).fetchall()
    revision = [r for r, in ask("SELECT revision FROM migd_revision")]
    schema = ask("SELECT type, name, sql FROM sqlite_schema WHERE name NOT LIKE 'migd%' ORDER BY 1, 2")
    rows = hashlib.sha256(repr((ask("SELECT * FROM parent ORDER BY id"), ask("SELECT * FROM child"), ask("SELECT * FROM sqlite_sequence"))).encode()).hexdigest()
    assert ask("PRAGMA integrity_check") == [("ok",)] and not ask("PRAGMA foreign_key_check")
    db.close()
    assert len(revision) == 1, revision
    return revision[0], schema, rows


def agrees(path, known):
    revision, schema, rows = look(path)
    assert (schema, rows) == known[revision], f"at {revision}:\n{schema}\nand not\n{known[revision][0]}"
    return revision


def kill_once(server, path, goal, known, moments, span):
    """Answers whether the kill hit a transaction at work."""
    argv, env = server.command(*(("upgrade", "0002") if goal == "0002" else ("downgrade", "0001")), "-t", "app", "--detach")
    journal = path + "-journal"
    asked = subprocess.Popen(argv, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
    until("the rebuild begins", lambda: os.path.exists(journal) or agrees_quickly(path, goal))
    time.sleep(moments.uniform(0, span))
    server.kill()
    asked.wait()
    hit = os.path.exists(journal) and os.path.getsize(journal) > 0
    agrees(path, known)
    server.start()
    server.ask("run", "resume", server.json("run", "list")["runs"][0]["id"])
    server.ask(*argv[1:-1])
    assert agrees(path, known) == goal
    return hit


def agrees_quickly(path, goal):
    db = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30)
    at = db.execute("SELECT revision FROM migd_revision").fetchone()[0]
    db.close()
    return at == goal


def story(work):
    moments = random.Random(SEED)
    server = Server(work)
    path = os.path.join(server.data, "databases", "app.db")
    try:
        server.start()
        write_catalog(os.path.join(work, "app"))
        server.must("catalog", "push", os.path.join(work, "app"), "-c", "app")
        server.must("target", "add", "app", "--url", f"sqlite:{path}", "-c", "app", "--create")
        known = {}
        server.must("upgrade", "-t", "app")
        for verb, revision in (("downgrade", "0001"), ("upgrade", "0002")):
            began = time.monotonic()
            server.must(verb, revision, "-t", "app")
            span = time.monotonic() - began
            _, *known[revision] = look(path)
            known[revision] = tuple(known[revision])
        assert known["0001"][0] != known["0002"][0] and known["0001"][1] == known["0002"][1]
        hits, kills, goal = 0, 0, "0001"
        while hits < CRASHES:
            hits += kill_once(server, path, goal, known, moments, span)
            goal = "0002" if goal == "0001" else "0001"
            kills += 1
            assert kills < 20 + 10 * CRASHES, f"only {hits} of {kills} kills hit a rebuild at work"
        print(f"{kills} kills, {hits} of them in the middle of a rebuild ({span:.2f} s)")
        server.process.terminate()
        assert server.process.wait(60) == 0
        server.process = None
    finally:
        if server.process:
            server.kill()


print(f"seed {SEED} (MIGD_TEST_SEED={SEED} repeats it)", flush=True)
told("rebuild-kill", story)
