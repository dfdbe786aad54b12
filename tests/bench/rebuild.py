#!/usr/bin/python3
"""What a rebuild of a SQLite table costs, as ratios to the sqlite3 shell on the same machine in the same minute:

  rebuild  an ALTER TABLE of 1,000,000 rows by migd : the twelve steps of SQLite's manual typed into the shell, fsync and all
  checked  the same : the shell with PRAGMA cell_size_check=ON, which every target has against hostile files
  memory   the server's greatest RSS after a rebuild of 1,000,000 rows, and of 4,000,000 : after one of 100,000, each in a new server

MIGD and MIGCTL name what was built (`--target bench` sets them); MIGD_BENCH_ROWS and MIGD_BENCH_ROUNDS (7) say how much. Figures, not a test.
"""
import json
import os
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

MIGD, MIGCTL = os.environ["MIGD"], os.environ["MIGCTL"]
ROWS = int(os.environ.get("MIGD_BENCH_ROWS", "1000000"))
ROUNDS = int(os.environ.get("MIGD_BENCH_ROUNDS", "7"))

TABLE = """CREATE TABLE person (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT, email TEXT, age INT, city TEXT DEFAULT 'Ulm');
CREATE INDEX person_age ON person (age);
INSERT INTO person (name, email, age) WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)
  SELECT 'name of person ' || i, 'person' || i || '@example.org', i %% 97 FROM n;
"""
ALTER = "ALTER TABLE person ALTER COLUMN name SET NOT NULL, ADD CONSTRAINT adult CHECK (age < 100);\n"
STEPS = """PRAGMA synchronous=EXTRA;
PRAGMA foreign_keys=OFF;
BEGIN IMMEDIATE;
PRAGMA legacy_alter_table=ON;
CREATE TABLE new_person (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, email TEXT, age INT, city TEXT DEFAULT 'Ulm', CONSTRAINT adult CHECK (age < 100));
INSERT INTO new_person (id, name, email, age, city) SELECT id, name, email, age, city FROM person;
UPDATE sqlite_sequence SET seq = (SELECT seq FROM sqlite_sequence WHERE name = 'person') WHERE name = 'new_person';
DROP TABLE person;
ALTER TABLE new_person RENAME TO person;
PRAGMA legacy_alter_table=OFF;
CREATE INDEX person_age ON person (age);
PRAGMA foreign_key_check;
PRAGMA integrity_check(person);
COMMIT;
"""

work = os.path.realpath(tempfile.mkdtemp(prefix="migd-bench."))
processes = []


def run(*argv, **more):
    done = subprocess.run(argv, text=True, capture_output=True, **more)
    if done.returncode:
        sys.exit(f"{argv} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


class Server:
    def __init__(self, name):
        self.data = os.path.join(work, name)
        address = os.path.join(work, name + ".address")
        run(MIGD, "init", self.data)
        self.process = subprocess.Popen([MIGD, "serve", "--dir", self.data, "--listen", "127.0.0.1:0", "--address-file", address], stderr=subprocess.DEVNULL)
        processes.append(self.process)
        while not (os.path.exists(address) and os.path.getsize(address)):
            assert self.process.poll() is None, "the server ended at its start"
            time.sleep(0.01)
        with open(address) as f:
            self.env = dict(os.environ, NO_COLOR="1", MIGCTL_CONFIG=os.path.join(self.data, "admin.conf"), MIGCTL_SERVER=f.read().strip())
        while subprocess.run([MIGCTL, "ping"], env=self.env, capture_output=True).returncode:
            time.sleep(0.01)

    def ask(self, *args):
        return run(MIGCTL, *args, env=self.env)

    def catalog(self, rows):
        folder = os.path.join(self.data, "catalog")
        os.mkdir(folder)
        for n, (parent, sql) in enumerate((("base", TABLE % rows), ("0001", ALTER)), 1):
            with open(os.path.join(folder, f"{n:04}_step.sql"), "w") as f:
                f.write(f"-- migd:revision {n:04}\n-- migd:parent {parent}\n-- migd:up\n{sql}")
        self.ask("catalog", "push", folder, "-c", "people")

    def target(self, name):
        path = os.path.join(self.data, "databases", name + ".db")
        self.ask("target", "add", name, "--url", f"sqlite:{path}", "-c", "people", "--create")
        return path

    def rebuild(self, name):
        """Seconds of the task."""
        self.ask("upgrade", "-t", name)
        last = json.loads(self.ask("run", "list", "-o", "json"))["runs"][0]["id"]
        events = [json.loads(line) for line in self.ask("run", "watch", last, "-o", "json").splitlines()]
        return next(float(e["taskFinished"]["duration"].rstrip("s")) for e in events if "taskFinished" in e)

    def cpu(self):
        """Seconds."""
        with open(f"/proc/{self.process.pid}/stat") as f:
            fields = f.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def peak(self):
        with open(f"/proc/{self.process.pid}/status") as f:
            return int(re.search(r"VmHWM:\s+(\d+) kB", f.read()).group(1)) / 1024


def shell_cpu():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def measured(clock, work):
    """What work() answers, and by how much the clock went on meanwhile."""
    began = clock()
    answer = work()
    return answer, clock() - began


def typed(source, steps):
    """Seconds of the steps in the shell, and of its processor, on a copy."""
    bare = os.path.join(work, "bare.db")
    shutil.copy(source, bare)
    os.sync()
    (_, wall), cpu = measured(shell_cpu, lambda: measured(time.perf_counter, lambda: run("sqlite3", "-bail", bare, input=steps)))
    os.sync()
    return wall, cpu


def bench_time():
    server = Server("time")
    server.catalog(ROWS)
    ours, shells = [], {"rebuild": [], "checked": []}
    for n in range(ROUNDS):
        path = server.target(f"copy{n}")
        server.ask("upgrade", "0001", "-t", f"copy{n}")
        shells["rebuild"].append(typed(path, STEPS))
        shells["checked"].append(typed(path, "PRAGMA cell_size_check=ON;\n" + STEPS))
        ours.append(measured(server.cpu, lambda: server.rebuild(f"copy{n}")))
        os.unlink(path)
    for name, theirs in shells.items():
        for i, what in enumerate(("time", "processor time")):
            a, b = (statistics.median(x[i] for x in pairs) for pairs in (ours, theirs))
            ratio = statistics.median(x[i] / y[i] for x, y in zip(ours, theirs))
            goal = " (goal: 1.2)" if name == "rebuild" else ""
            print(f"{name}  {ratio:5.2f} x  the sqlite3 shell's {what}: {ROWS:,} rows, migd {a:.2f} s, the shell {b:.2f} s{goal}", flush=True)


def bench_memory():
    first = None
    for rows in (ROWS // 10, ROWS, 4 * ROWS):
        server = Server(f"memory{rows}")
        server.catalog(rows)
        path = server.target("one")
        server.ask("upgrade", "-t", "one")
        os.unlink(path)
        peak = server.peak()
        if first:
            print(f"memory   {peak / first:5.2f} x  that for {ROWS // 10:,} rows: {peak:.1f} MiB at most for {rows:,} rows, {first:.1f} MiB (goal: 1)", flush=True)
        first = first or peak


try:
    bench_time()
    bench_memory()
finally:
    for p in processes:
        p.terminate()
        p.wait()
    shutil.rmtree(work, ignore_errors=True)
