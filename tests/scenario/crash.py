#!/usr/bin/python3
# backends: both
"""Kills the server with SIGKILL at random moments of upgrades and downgrades of 50 targets, half of them SQLite
and half PostgreSQL, and looks each time, past migd, whether everything is where it must be:

  1. every target is at a revision boundary: its tables are those of the revision that its ledger names;
  2. its history, replayed, leads to that revision, each step taken once;
  3. after a restart the store says of every target what its ledger says;
  4. tasks that were cut off are shown as interrupted, and none of them as at work;
  5. `run resume` finishes them.

MIGD_TEST_CRASHES says how often (12; 200 with MIGD_TEST_LONG), MIGD_TEST_SEED repeats a choice of moments.
"""
import json
import os
import random
import sqlite3
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from real import PG, Server, psql, told, until, with_postgres

LAST = 10  # revisions
TARGETS = int(os.environ.get("MIGD_TEST_CRASH_TARGETS", "50"))
CRASHES = int(os.environ.get("MIGD_TEST_CRASHES") or (200 if os.environ.get("MIGD_TEST_LONG") else 12))
SEED = int(os.environ.get("MIGD_TEST_SEED") or random.SystemRandom().randrange(1 << 32))

with_postgres(__file__)


def write_catalog(folder):
    os.mkdir(folder)
    for n in range(1, LAST + 1):
        first = "CREATE TABLE counts (revision INTEGER NOT NULL);\n" if n == 1 else ""
        last = "DROP TABLE counts;\n" if n == 1 else ""
        with open(os.path.join(folder, f"{n:04}_step.sql"), "w") as f:
            f.write(
                f"-- migd:revision {n:04}\n-- migd:parent {f'{n - 1:04}' if n > 1 else 'base'}\n-- migd:message step {n}\n\n"
                f"-- migd:up\n{first}CREATE TABLE t_{n:04} (id INTEGER NOT NULL, text TEXT);\n"
                f"INSERT INTO t_{n:04} VALUES (1, 'one'), (2, 'two');\nCREATE INDEX i_{n:04} ON t_{n:04} (text);\n"
                f"INSERT INTO counts VALUES ({n});\n"
                f"-- migd:down\nDELETE FROM counts WHERE revision = {n};\nDROP INDEX i_{n:04};\nDROP TABLE t_{n:04};\n{last}"
            )


HISTORY = "SELECT direction || ' ' || revision FROM migd_ledger WHERE statement = 0 ORDER BY seq"


class Sqlite:
    def __init__(self, server, n):
        self.name = f"lite-{n:02}"
        self.path = os.path.join(server.data, "databases", f"{self.name}.db")
        os.makedirs(os.path.dirname(self.path), exist_ok=True)
        sqlite3.connect(self.path).execute("VACUUM")
        server.must("target", "add", self.name, "--url", f"sqlite:{self.path}", "-c", "crash")

    @staticmethod
    def look(targets):
        for t in targets:
            db = sqlite3.connect(t.path, timeout=30, isolation_level=None)
            db.execute("BEGIN")
            column = lambda sql: [r[0] for r in db.execute(sql)]
            yield t, dict(
                rows=column("SELECT revision FROM migd_revision"),
                tables=column("SELECT name FROM sqlite_schema WHERE type = 'table' AND name LIKE 't\\_%' ESCAPE '\\' ORDER BY 1"),
                counts=column("SELECT revision FROM counts ORDER BY 1"),
                history=column(HISTORY),
                sound=column("PRAGMA integrity_check") == ["ok"],
            )
            db.close()


class Postgres:
    def __init__(self, server, n, password_file):
        self.name = f"pg-{n:02}"
        self.database = f"crash_{os.getpid()}_{n}"
        psql(f"CREATE DATABASE {self.database};")
        url = f"postgresql://{PG['USER']}@{PG['HOST']}:{PG['PORT']}/{self.database}?sslmode=disable"
        server.must("target", "add", self.name, "--url", url, "-c", "crash", "--password-file", password_file)

    @staticmethod
    def look(targets):
        script = ""
        for t in targets:
            script += f"\\c {t.database}\nSELECT json_build_object("
            script += "'rows', (SELECT coalesce(json_agg(revision), '[]') FROM migd_revision), "
            script += "'tables', (SELECT coalesce(json_agg(tablename ORDER BY tablename), '[]') FROM pg_tables WHERE tablename LIKE 't\\_%'), "
            script += "'counts', (SELECT coalesce(json_agg(revision ORDER BY revision), '[]') FROM counts), "
            script += f"'history', (SELECT coalesce(json_agg(h), '[]') FROM ({HISTORY}) AS x(h)), 'sound', true);\n"
        return zip(targets, map(json.loads, psql(script)))


def check_target(target, seen):
    """Answers the target's revision."""
    where = f"{target.name}: {seen}"
    assert seen["sound"], where
    assert len(seen["rows"]) == 1, where
    at = int(seen["rows"][0])
    assert seen["tables"] == [f"t_{n:04}" for n in range(1, at + 1)], where
    assert seen["counts"] == list(range(1, at + 1)), where
    position = 0
    for entry in seen["history"]:
        direction, revision = entry.split()
        assert (direction, int(revision)) in (("up", position + 1), ("down", position)), where
        position += 1 if direction == "up" else -1
    assert position == at, where
    return at


def look_at_all(targets):
    revisions = {}
    for kind in (Sqlite, Postgres):
        mine = [t for t in targets if isinstance(t, kind)]
        if mine:
            for target, seen in kind.look(mine):
                revisions[target.name] = check_target(target, seen)
    return revisions


def newest_run(server):
    runs = server.json("run", "list").get("runs", [])
    return runs[0] if runs else None


def crash_once(server, targets, goal, moments, span):
    """One run towards `goal`, one kill, all checks. Answers what happened, for the statistics."""
    before = newest_run(server)["id"]
    verb = ("upgrade", "head") if goal == LAST else ("downgrade", f"{goal:04}")
    argv, env = server.command(*verb, "--all", "--detach")
    moment = moments.uniform(0, span)
    asked = subprocess.Popen(argv, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
    time.sleep(moment)
    server.kill()
    asked.wait()
    look_at_all(targets)

    server.start()
    run = newest_run(server)
    if run["id"] == before:
        server.must(*verb, "--all")
        return "not begun"

    def store_agrees():
        ledgers = look_at_all(targets)
        store = {t["name"]: t.get("current", []) for t in server.json("target", "list")["targets"]}
        return all(store[name] == [f"{at:04}"] for name, at in ledgers.items())

    until("the store agrees with the ledgers", store_agrees)
    run = server.json("run", "show", run["id"])
    states = {t["state"] for t in run["tasks"]}
    assert states <= {"TASK_STATE_SUCCEEDED", "TASK_STATE_INTERRUPTED"}, run
    cut = "TASK_STATE_INTERRUPTED" in states
    if cut:
        assert run["state"] == "RUN_STATE_INTERRUPTED", run
        assert "interrupted" in server.must("run", "show", run["id"])
        server.must("run", "resume", run["id"])
    else:
        assert run["state"] in ("RUN_STATE_SUCCEEDED", "RUN_STATE_INTERRUPTED"), run
        if run["state"] == "RUN_STATE_INTERRUPTED":
            server.must("run", "resume", run["id"])
    after = look_at_all(targets)
    assert set(after.values()) == {goal}, after
    assert server.json("run", "show", run["id"])["state"] == "RUN_STATE_SUCCEEDED"
    return "cut" if cut else "over"


def story(work):
    moments = random.Random(SEED)
    server = Server(work)
    targets = []
    try:
        server.start()
        write_catalog(os.path.join(work, "crash"))
        server.must("catalog", "push", os.path.join(work, "crash"), "-c", "crash")
        password_file = os.path.join(work, "password")
        with open(password_file, "w") as f:
            f.write(PG["PASSWORD"])
        for n in range(TARGETS):
            targets.append(Postgres(server, n, password_file) if n % 2 else Sqlite(server, n))
        began = time.monotonic()
        server.must("upgrade", "--all", "--quiet")
        span = (time.monotonic() - began) * 1.1
        server.must("downgrade", "0001", "--all", "--quiet")
        assert set(look_at_all(targets).values()) == {1}
        print(f"{TARGETS} targets, {LAST} revisions, {span:.2f} s for an upgrade; {CRASHES} kills", flush=True)
        outcomes = {}
        for n in range(CRASHES):
            outcome = crash_once(server, targets, LAST if n % 2 == 0 else 1, moments, span)
            outcomes[outcome] = outcomes.get(outcome, 0) + 1
        print("kills by where they hit:", outcomes)
        assert outcomes.get("cut"), "no kill hit a run at work"
        server.process.terminate()
        assert server.process.wait(60) == 0
        server.process = None
    finally:
        if server.process:
            server.kill()
        for t in targets:
            if isinstance(t, Postgres):
                psql(f"DROP DATABASE {t.database} WITH (FORCE);")


print(f"seed {SEED} (MIGD_TEST_SEED={SEED} repeats it)", flush=True)
told("crash", story)
