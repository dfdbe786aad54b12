#!/usr/bin/python3
# backends: postgresql
"""Cuts the connection to PostgreSQL after K bytes, for many K in both directions, while revisions are applied
(one of them outside a transaction), and looks each time whether what migd says is what the database holds:

  1. the target is at a revision boundary, its tables are those of its ledger, each step taken once;
  2. a run that succeeded left the target at head; one that failed says where the target is;
  3. the same request, on a sound connection, ends the work.

MIGD_TEST_CUTS says how many places in each direction (30; every 16th byte with MIGD_TEST_LONG).
"""
import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from real import PG, Server, psql, told, with_postgres
from relay import TO_CLIENT, TO_SERVER, Relay

with_postgres(__file__)

CUTS = int(os.environ.get("MIGD_TEST_CUTS") or (8 if os.environ.get("MIGD_TEST_SLOW") else 30))
REVISIONS = {
    1: ("", "CREATE TABLE t_1 (id INTEGER NOT NULL);\nINSERT INTO t_1 SELECT generate_series(1, 100);", "DROP TABLE t_1;"),
    2: ("", "CREATE TABLE t_2 (id INTEGER NOT NULL);", "DROP TABLE t_2;"),
    3: (" transaction=off", "CREATE INDEX CONCURRENTLY i_3 ON t_1 (id);", "DROP INDEX i_3;"),
    4: ("", "CREATE TABLE t_4 (id INTEGER NOT NULL);", "DROP TABLE t_4;"),
}

LOOK = """SELECT json_build_object(
  'rows', (SELECT coalesce(json_agg(revision), '[]') FROM migd_revision),
  'tables', (SELECT coalesce(json_agg(relname ORDER BY relname), '[]') FROM pg_class c
             LEFT JOIN pg_index i ON i.indexrelid = c.oid
             WHERE relname ~ '^[ti]_[0-9]$' AND coalesce(i.indisvalid, true)),
  'history', (SELECT coalesce(json_agg(direction || revision ORDER BY seq), '[]') FROM migd_ledger WHERE statement = 0));"""


def look(database):
    """The number of the revision that the target is at."""
    if psql(f"\\c {database}\nSELECT to_regclass('migd_ledger') IS NULL;") == ["t"]:
        assert psql(f"\\c {database}\nSELECT count(*) FROM pg_class WHERE relname ~ '^[ti]_[0-9]$';") == ["0"]
        return 0
    seen = json.loads(psql(f"\\c {database}\n{LOOK}")[0])
    at = int(seen["rows"][0][1:]) if seen["rows"] else 0
    names = sorted(f"i_{n}" if n == 3 else f"t_{n}" for n in range(1, at + 1))
    # The index is built outside a transaction: it may be there before the ledger says so.
    assert sorted(seen["tables"]) in (names, sorted(names + ["i_3"]) if at == 2 else names), seen
    position = 0
    for entry in seen["history"]:
        step = 1 if entry.startswith("up") else -1
        assert int(entry[-1]) == (position + 1 if step == 1 else position), seen
        position += step
    assert position == at, seen
    return at


def cut_once(server, proxy, database, direction, after):
    proxy.arm(direction, after)
    done = server.ask("upgrade", "-t", "cut", "-o", "json")
    was_cut = proxy.was_cut
    proxy.arm(None, 0)
    at = look(database)
    where = f"cut after {after} bytes {'to the server' if direction == TO_SERVER else 'to the client'}: {done.stdout} {done.stderr}"
    if done.returncode == 0:
        assert at == 4, where
    else:
        assert was_cut and done.returncode == 1, where
        run = server.json("run", "list")["runs"][0]["id"]
        task = server.json("run", "show", run)["tasks"][0]
        if "current" in task:
            assert task["current"] == ([f"r{at}"] if at else []), where
    server.must("upgrade", "-t", "cut", "-q")
    assert look(database) == 4, where
    server.must("downgrade", "base", "-t", "cut", "-q")
    assert look(database) == 0, where
    return was_cut, done.returncode == 0


def story(work):
    server, proxy = Server(work), Relay(PG["HOST"], int(PG["PORT"]))
    database = f"cuts_{os.getpid()}"
    psql(f"CREATE DATABASE {database};")
    try:
        server.start()
        folder = os.path.join(work, "cuts")
        os.mkdir(folder)
        for n, (option, up, down) in REVISIONS.items():
            with open(os.path.join(folder, f"r{n}_step.sql"), "w") as f:
                f.write(f"-- migd:revision r{n}\n-- migd:parent {f'r{n - 1}' if n > 1 else 'base'}\n\n-- migd:up on=postgresql{option}\n{up}\n-- migd:down\n{down}\n")
        server.must("catalog", "push", folder, "-c", "cuts")
        with open(os.path.join(work, "password"), "w") as f:
            f.write(PG["PASSWORD"])
        url = f"postgresql://{PG['USER']}@127.0.0.1:{proxy.port}/{database}?sslmode=disable"
        server.must("target", "add", "cut", "--url", url, "-c", "cuts", "--password-file", f.name)
        proxy.arm(None, 0)
        server.must("upgrade", "-t", "cut", "-q")
        total = list(proxy.passed)
        server.must("downgrade", "base", "-t", "cut", "-q")
        print(f"an upgrade is {total[TO_SERVER]} bytes to the server and {total[TO_CLIENT]} back", flush=True)
        outcomes = {}
        for direction in (TO_SERVER, TO_CLIENT):
            step = 16 if os.environ.get("MIGD_TEST_LONG") else max(1, total[direction] // CUTS)
            for after in range(0, total[direction], step):
                outcome = cut_once(server, proxy, database, direction, after)
                outcomes[outcome] = outcomes.get(outcome, 0) + 1
        print("cut, and done all the same:", outcomes)
        assert any(was_cut for was_cut, _ in outcomes), "nothing was cut"
    finally:
        server.kill()
        psql(f"DROP DATABASE {database} WITH (FORCE);")


told("cuts", story)
