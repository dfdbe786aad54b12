#!/usr/bin/python3
# backends: postgresql
"""Cuts the connection to PostgreSQL after K bytes, for many K in both directions, while revisions are applied
(in the second story most of it outside a transaction: indexes made, rebuilt and dropped CONCURRENTLY), and looks each
time whether what migd says is what the database holds:

  1. the target is at a revision boundary, its tables are those of its ledger, each step taken once;
  2. a run that succeeded left the target at head; one that failed says where the target is;
  3. the same request, on a sound connection, ends the work: nobody is asked, and no INVALID index is left.

MIGD_TEST_CUTS says how many places in each direction (30; every 16th byte with MIGD_TEST_LONG).
"""
import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from real import PG, Server, password_file, psql, told, url, with_postgres, write_revisions
from relay import TO_CLIENT, TO_SERVER, Relay

with_postgres(__file__)

CUTS = int(os.environ.get("MIGD_TEST_CUTS") or (8 if os.environ.get("MIGD_TEST_SLOW") else 30))
# Of each revision: the option of its up section, what goes up, what goes down; then the tables and indexes that are
# there at it, and those that may be, INVALID ones too, when the next one is applied in part.
MIXED = [
    ("", "CREATE TABLE t_1 (id INTEGER NOT NULL);\nINSERT INTO t_1 SELECT generate_series(1, 100);", "DROP TABLE t_1;", "t_1", ""),
    ("", "CREATE TABLE t_2 (id INTEGER NOT NULL);", "DROP TABLE t_2;", "t_1 t_2", "i_3"),
    (" transaction=off", "CREATE INDEX CONCURRENTLY i_3 ON t_1 (id);", "DROP INDEX i_3;", "i_3 t_1 t_2", ""),
    ("", "CREATE TABLE t_4 (id INTEGER NOT NULL);", "DROP TABLE t_4;", "i_3 t_1 t_2 t_4", ""),
]
OFF = """CREATE UNIQUE INDEX CONCURRENTLY i_2 ON public.t_1 (id);
REINDEX INDEX CONCURRENTLY i_2;
CREATE INDEX CONCURRENTLY IF NOT EXISTS i_3 ON t_1 (id);
REINDEX TABLE CONCURRENTLY t_1;
DROP INDEX CONCURRENTLY i_3;
REINDEX (CONCURRENTLY) TABLE public.t_1;"""
CONCURRENT = [
    (MIXED[0][0], MIXED[0][1], MIXED[0][2], "t_1", "i_2 i_2_ccnew i_2_ccold i_3 i_3_ccnew i_3_ccold"),
    (" transaction=off", OFF, "DROP INDEX i_2;", "i_2 t_1", ""),
    ("", "CREATE TABLE t_3 (id INTEGER NOT NULL);", "DROP TABLE t_3;", "i_2 t_1 t_3", ""),
]

LOOK = """SELECT json_build_object(
  'rows', (SELECT coalesce(json_agg(revision), '[]') FROM migd_revision),
  'there', (SELECT coalesce(json_agg(relname ORDER BY relname), '[]') FROM pg_class WHERE relname ~ '^[ti]_[0-9]'),
  'invalid', (SELECT count(*) FROM pg_index WHERE NOT indisvalid),
  'history', (SELECT coalesce(json_agg(direction || revision ORDER BY seq), '[]') FROM migd_ledger WHERE statement = 0));"""


def look(database, plan, whole):
    """The number of the revision that the target is at; `whole`: and no other is applied in part."""
    if psql(f"\\c {database}\nSELECT to_regclass('migd_ledger') IS NULL;") == ["t"]:
        assert psql(f"\\c {database}\nSELECT count(*) FROM pg_class WHERE relname ~ '^[ti]_[0-9]';") == ["0"]
        return 0
    seen = json.loads(psql(f"\\c {database}\n{LOOK}")[0])
    at = int(seen["rows"][0][1:]) if seen["rows"] else 0
    must, may = (set(words.split()) for words in plan[at - 1][3:]) if at else (set(), set())
    there = set(seen["there"])
    assert there == must and not seen["invalid"] if whole else must <= there <= must | may, (whole, seen)
    position = 0
    for entry in seen["history"]:
        step = 1 if entry.startswith("up") else -1
        assert int(entry[-1]) == (position + 1 if step == 1 else position), seen
        position += step
    assert position == at, seen
    return at


def cut_once(server, proxy, database, plan, direction, after):
    proxy.arm(direction, after)
    done = server.ask("upgrade", "-t", database, "-o", "json")
    was_cut = proxy.was_cut
    proxy.arm(None, 0)
    where = f"cut after {after} bytes {'to the server' if direction == TO_SERVER else 'to the client'}: {done.stdout} {done.stderr}"
    if done.returncode == 0:
        assert look(database, plan, True) == len(plan), where
    else:
        # The session that was cut off may be at work still: only what is behind its lock is settled.
        assert was_cut and done.returncode == 1, where
        run = server.json("run", "list")["runs"][0]["id"]
        task = server.json("run", "show", run)["tasks"][0]
        at = look(database, plan, False)
        if "current" in task:
            assert task["current"] == ([f"r{at}"] if at else []), where
    server.must("upgrade", "-t", database, "-q", "--wait", "60s")
    assert look(database, plan, True) == len(plan), where
    server.must("downgrade", "base", "-t", database, "-q")
    assert look(database, plan, True) == 0, where
    return was_cut, done.returncode == 0


def tell(work, server, name, plan):
    proxy, database = Relay(PG["HOST"], int(PG["PORT"])), f"{name}_{os.getpid()}"
    psql(f"CREATE DATABASE {database};")
    try:
        folder = os.path.join(work, name)
        write_revisions(folder, [f"-- migd:up on=postgresql{option}\n{up}\n-- migd:down\n{down}" for option, up, down, _, _ in plan])
        server.must("catalog", "push", folder, "-c", name)
        server.must("target", "add", database, "--url", url(database, proxy.port), "-c", name, "--password-file", password_file(work))
        proxy.arm(None, 0)
        server.must("upgrade", "-t", database, "-q")
        total = list(proxy.passed)
        server.must("downgrade", "base", "-t", database, "-q")
        print(f"{name}: an upgrade is {total[TO_SERVER]} bytes to the server and {total[TO_CLIENT]} back", flush=True)
        outcomes = {}
        for direction in (TO_SERVER, TO_CLIENT):
            step = 16 if os.environ.get("MIGD_TEST_LONG") else max(1, total[direction] // CUTS)
            for after in range(0, total[direction], step):
                outcome = cut_once(server, proxy, database, plan, direction, after)
                outcomes[outcome] = outcomes.get(outcome, 0) + 1
        print("cut, and done all the same:", outcomes)
        assert any(was_cut for was_cut, _ in outcomes), "nothing was cut"
    finally:
        psql(f"DROP DATABASE {database} WITH (FORCE);")


def story(work):
    server = Server(work)
    try:
        server.start()
        tell(work, server, "cuts", MIXED)
        tell(work, server, "concurrent", CONCURRENT)
    finally:
        server.kill()


told("cuts", story)
