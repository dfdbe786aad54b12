#!/usr/bin/python3
# backends: postgresql
"""migd's sessions on a database server: they wait for locks in turns and say who is in the way, and none of them stays
behind, however a run ends: cancelled at work, between two tries, with the network or the server's process frozen, or
with migd killed."""
import contextlib
import json
import os
import signal
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from real import PG, PSQL_ENV, Server, password_file, psql, told, until, url, with_postgres, write_revisions
from relay import Relay

with_postgres(__file__)

DATABASE = f"sessions_{os.getpid()}"
SLOW = "SELECT pg_sleep(600);"
REVISIONS = [
    "-- migd:up\nCREATE TABLE orders (id int);\n-- migd:down\nDROP TABLE orders;",
    "-- migd:up\nALTER TABLE orders ADD COLUMN paid boolean;\n-- migd:down\nALTER TABLE orders DROP COLUMN paid;",
    f"-- migd:up\nCREATE TABLE slow (id int);\n{SLOW}\n-- migd:down\nDROP TABLE slow;",
]
OFF = [REVISIONS[0], f"-- migd:up on=postgresql transaction=off\n{SLOW}\n-- migd:down\n", "-- migd:up\nSELECT 1;"]
OURS = f"FROM pg_stat_activity WHERE datname = '{DATABASE}' AND application_name = 'migd'"


def chapter(text):
    print(f"- {text}", flush=True)


def ours():
    return psql(f"SELECT count(*) {OURS};") == ["0"]


def gone():
    until("no session of ours is left", ours, 20)
    assert psql(f"SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database AND d.datname = '{DATABASE}' WHERE l.locktype = 'advisory';") == ["0"]


def at(database=DATABASE):
    return psql(f"\\c {database}\nSELECT coalesce(string_agg(revision, ' '), '') FROM migd_revision;")[0]


def sleeper():
    """The process of the server that runs the slow statement."""
    return psql(f"SELECT pid {OURS} AND query LIKE '%pg_sleep%' AND state = 'active' AND pid <> pg_backend_pid();")


def start(server, *args):
    return server.json("upgrade", "-t", "shop", "--detach", *args)["id"]


def asleep(server, revision):
    run = start(server, revision)
    until("the statement is at work", sleeper)
    return run, int(sleeper()[0])


def over(server, run):
    until(f"run {run} is over", lambda: server.json("run", "show", run)["state"] != "RUN_STATE_RUNNING")
    return server.json("run", "show", run)


class Holder:
    """Somebody else's session, with a transaction open."""

    def __init__(self, *statements, user=None):
        env = dict(PSQL_ENV, PGAPPNAME="reports", PGUSER=user or PG["USER"])
        self.process = subprocess.Popen(["psql", "-X", "-q", "-A", "-t", "-d", DATABASE], env=env, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.pid = int(self.ask("BEGIN; SELECT pg_backend_pid();"))
        for statement in statements:
            self.ask(statement + "\\echo held")

    def ask(self, text):
        self.process.stdin.write(text + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def leave(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


READS = "SELECT 'held' FROM (SELECT count(*) FROM orders) x;"


def waits_and_gives_up(server):
    chapter("a lock that is not to be had: tries in turns, and who holds it")
    holder = Holder(READS)
    done = server.ask("upgrade", "r2", "-t", "shop", "--lock-timeout", "800ms", "--lock-retry", "2s")
    assert done.returncode == 4, (done.returncode, done.stderr)
    who = f"process {holder.pid} (reports, role {PG['USER']})"
    for words in ("shop: try 2 for a lock: r2_step.sql:5:1: ERROR 55P03", f"shop:   {who}, idle in transaction", "shop: try 3 for a lock",
                  f"DETAIL: {who}: idle in transaction, holds AccessShareLock on public.orders; since 2", "SELECT 'held'", "HINT: given up after "):
        assert words in done.stderr, (words, done.stderr)
    run = server.json("run", "list")["runs"][0]["id"]
    assert f"DETAIL: {who}" in server.must("run", "show", run)
    events = [json.loads(line) for line in server.ask("run", "watch", run, "-o", "json").stdout.splitlines() if '"taskWaiting"' in line]
    assert [e["taskWaiting"]["attempt"] for e in events] == list(range(1, len(events) + 1)), events
    blocker = events[-1]["taskWaiting"]["blockers"][0]
    assert (blocker["pid"], blocker["application"], blocker["lockMode"], blocker["relation"]) == (holder.pid, "reports", "AccessShareLock", "public.orders"), blocker
    assert blocker["queryStart"] and blocker["query"].startswith("SELECT 'held'"), blocker
    holder.leave()
    gone()
    assert at() == "r1"


def waits_and_gets_it(server):
    chapter("a lock that comes free in time; between the tries nobody waits for us")
    holder = Holder(READS)
    run = start(server, "r2", "--lock-timeout", "400ms", "--lock-retry", "60s")
    until("a pause with no transaction open", lambda: psql(f"SELECT count(*) {OURS} AND state = 'idle' AND query LIKE 'ROLLBACK%';") == ["1"])
    until("it was tried", lambda: '"attempt":2' in server_events(server, run))
    holder.leave()
    assert over(server, run)["state"] == "RUN_STATE_SUCCEEDED"
    gone()
    server.must("downgrade", "r1", "-t", "shop", "-q")


def server_events(server, run):
    """What is known of a run that goes on, without waiting for its end."""
    argv, env = server.command("run", "watch", run, "-o", "json", "--timeout", "1s")
    return subprocess.run(argv, env=env, text=True, capture_output=True).stdout.replace(" ", "")


def cancelled_between_tries(server):
    chapter("cancelled between two tries")
    holder = Holder(READS)
    run = start(server, "r2", "--lock-timeout", "100ms", "--lock-retry", "10m")
    until("it was tried", lambda: '"attempt":3' in server_events(server, run))
    server.must("run", "cancel", run)
    assert over(server, run)["state"] == "RUN_STATE_CANCELLED"
    gone()
    holder.leave()
    assert at() == "r1"


def cancelled_at_work(server):
    chapter("cancelled at work")
    run, _ = asleep(server, "r3")
    server.must("run", "cancel", run)
    assert over(server, run)["state"] == "RUN_STATE_CANCELLED"
    gone()
    assert at() == "r2"


def network_freezes(server, relay, sessions):
    """With one session, or with the second one, which looks who is in the way."""
    chapter(f"cancelled while the network to the database is frozen, with {sessions} sessions")
    run, _ = asleep(server, "r3")
    until("the sessions are there", lambda: int(psql(f"SELECT count(*) {OURS};")[0]) >= sessions)
    relay.freeze()
    server.must("run", "cancel", run)
    over(server, run)
    gone()
    assert at() == "r2"


def process_freezes(server):
    chapter("cancelled while the server's process is frozen: it ends when it wakes")
    run, pid = asleep(server, "r3")
    try:
        os.kill(pid, signal.SIGSTOP)
    except PermissionError:
        print("  skipped: its process is somebody else's")
        server.must("run", "cancel", run)
        over(server, run)
        return
    try:
        server.must("run", "cancel", run)
        over(server, run)
    finally:
        os.kill(pid, signal.SIGCONT)
    gone()
    assert at() == "r2"


def stopped(pid):
    """A signal that stops a process stops its threads one after the other."""
    states = set()
    for task in os.listdir(f"/proc/{pid}/task"):
        with contextlib.suppress(FileNotFoundError), open(f"/proc/{pid}/task/{task}/stat") as f:
            states.add(f.read().rsplit(")", 1)[1].split()[0])
    return states == {"T"}


def idle_too_long(server):
    chapter("migd is stopped in a transaction for longer than it may: the server ends it, and says so")
    holder = Holder(READS)
    run = start(server, "r2", "--lock-timeout", "60s", "--idle-in-transaction-timeout", "200ms")
    until("it waits", lambda: psql(f"SELECT count(*) {OURS} AND wait_event_type = 'Lock';") == ["1"])
    server.process.send_signal(signal.SIGSTOP)
    until("every thread of it stands still", lambda: stopped(server.process.pid))
    holder.leave()
    until("its session is ended", lambda: psql(f"SELECT count(*) {OURS} AND query LIKE 'ALTER%';") == ["0"])
    server.process.send_signal(signal.SIGCONT)
    done = over(server, run)
    error = done["tasks"][0]["error"]
    assert done["state"] == "RUN_STATE_FAILED" and error["sqlstate"] == "25P03" and "idle-in-transaction timeout" in error["message"], done
    gone()
    assert at() == "r1"
    server.must("upgrade", "r2", "-t", "shop", "-q")


def cancelled_outside(server):
    chapter("cancelled in a statement outside a transaction")
    run, _ = asleep(server, "r2")
    server.must("run", "cancel", run)
    assert over(server, run)["state"] == "RUN_STATE_CANCELLED"
    gone()
    assert at() == "r1"


def killed(server, what, revision, left_at):
    chapter(f"migd is killed {what}")
    asleep(server, revision)
    server.kill()
    gone()
    assert at() == left_at
    server.start()


def started_while_it_is_read(server):
    chapter("a run that is asked for while the server reads what was cut off waits for that, and needs no --wait")
    asleep(server, "r3")
    key = psql("SELECT (classid::bigint << 32) | objid::bigint FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 1;")[0]
    server.kill()
    gone()
    holder = Holder(f"SELECT pg_advisory_lock({key});")
    server.start()
    run = server.json("downgrade", "base", "-t", "shop", "--detach")["id"]
    until("it waits", lambda: "thatwascutoff" in server_events(server, run))
    assert server.json("run", "show", run)["state"] == "RUN_STATE_RUNNING"
    holder.leave()
    assert over(server, run)["state"] == "RUN_STATE_SUCCEEDED"
    assert at() == ""


def story(work):
    server, relay = Server(work), Relay(PG["HOST"], int(PG["PORT"]))
    psql(f"CREATE DATABASE {DATABASE};")
    try:
        server.start()
        for name, revisions in (("shop", REVISIONS), ("off", OFF)):
            write_revisions(os.path.join(work, name), revisions)
            server.must("catalog", "push", os.path.join(work, name), "-c", name)
        server.must("target", "add", "shop", "--url", url(DATABASE, relay.port), "-c", "shop", "--password-file", password_file(work))
        server.must("upgrade", "r1", "-t", "shop", "-q")
        waits_and_gives_up(server)
        waits_and_gets_it(server)
        cancelled_between_tries(server)
        idle_too_long(server)
        cancelled_at_work(server)
        network_freezes(server, relay, 1)
        network_freezes(server, relay, 2)
        process_freezes(server)
        killed(server, "at work", "r3", "r2")
        started_while_it_is_read(server)
        server.must("target", "set", "shop", "-c", "off")
        server.must("upgrade", "r1", "-t", "shop", "-q")
        cancelled_outside(server)
        # The server said that it ended it: it runs again, and nobody is asked.
        killed(server, "in a statement outside a transaction", "r2", "r1")
        assert over(server, start(server, "r2"))["tasks"][0]["state"] == "TASK_STATE_IN_DOUBT"
    finally:
        if server.process:
            server.process.send_signal(signal.SIGCONT)
            server.kill()
        psql(f"DROP DATABASE {DATABASE} WITH (FORCE);")


told("sessions", story)
