#!/usr/bin/python3
# backends: postgresql
"""A connection pooler between migd and its target: it is noticed and refused with the reason, in both of pgbouncer's
pool modes, whether it knows its users from a file or asks the database. Nothing is changed, and no lock stays behind on
a session that the pooler keeps."""
import os
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from real import PG, Server, password_file, psql, told, until, url, with_postgres, write_revisions
from relay import Relay

BOUNCER = shutil.which("pgbouncer", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
if not BOUNCER:
    print("skipped: there is no pgbouncer here")
    sys.exit(77)
with_postgres(__file__)

CONFIG = """[databases]
* = host={host} port={pg_port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = {folder}/users
{auth}
pool_mode = {mode}
default_pool_size = 2
"""
KNOWN = {
    "by a file": ("USER", ""),
    "by a query": ("ADMIN", "auth_user = {admin}\nauth_query = SELECT usename, passwd FROM pg_shadow WHERE usename = $1"),
}
HELD = "SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database AND d.datname = '{}' WHERE l.locktype = 'advisory'"


class Pooler:
    """pgbouncer, as nobody in particular: it refuses to be root."""

    def __init__(self, mode, known):
        self.folder = tempfile.mkdtemp(prefix="migd-pgbouncer.")
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        user, auth = KNOWN[known]
        with open(os.path.join(self.folder, "users"), "w") as f:
            f.write(f'"{PG[user]}" "{PG["PASSWORD"]}"\n')
        with open(os.path.join(self.folder, "pgbouncer.ini"), "w") as f:
            f.write(CONFIG.format(host=PG["HOST"], pg_port=PG["PORT"], port=self.port, folder=self.folder, mode=mode, auth=auth.format(admin=PG["ADMIN"])))
        other = {}
        if os.getuid() == 0:
            nobody = pwd.getpwnam("nobody")
            for path in (self.folder, os.path.join(self.folder, "users")):
                os.chown(path, nobody.pw_uid, nobody.pw_gid)
            other = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
        self.log = open(os.path.join(self.folder, "log"), "wb")
        self.process = subprocess.Popen([BOUNCER, os.path.join(self.folder, "pgbouncer.ini")], stdout=self.log, stderr=self.log, cwd="/", **other)

    def ask(self, database, sql):
        env = dict(os.environ, PGHOST="127.0.0.1", PGPORT=str(self.port), PGUSER=PG["USER"], PGPASSWORD=PG["PASSWORD"], PGSSLMODE="disable")
        done = subprocess.run(["psql", "-X", "-q", "-A", "-t", "-d", database, "-c", sql], env=env, text=True, capture_output=True)
        return done.stdout.strip()

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.log.close()
        shutil.rmtree(self.folder)


def refused(server, *args):
    done = server.ask(*args)
    assert done.returncode == 7, f"{args}: {done.returncode} {done.stdout} {done.stderr}"
    assert "there is a connection pooler between migd and the database" in done.stderr, done.stderr
    assert "name the database server itself" in done.stderr, done.stderr


def state(database):
    return psql(f"\\c {database}\nSELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace;\n"
                "SELECT string_agg(revision, ' ') FROM migd_revision;\nSELECT count(*) FROM migd_ledger;")


def through(server, relay, database, mode, known):
    print(f"- pool_mode={mode}, users known {known}", flush=True)
    pooler = Pooler(mode, known)
    try:
        until("the pooler answers", lambda: pooler.process.poll() is not None or pooler.ask(database, "SELECT 1") == "1")
        assert pooler.process.poll() is None, open(os.path.join(pooler.folder, "log")).read()
        before = state(database)
        relay.to = ("127.0.0.1", pooler.port)
        refused(server, "upgrade", "-t", "shop")
        refused(server, "downgrade", "base", "-t", "shop")
        refused(server, "stamp", "r2", "-t", "shop")
        refused(server, "target", "add", "other", "--url", url(database, pooler.port), "-c", "shop", "--password-file", server.password)
        assert state(database) == before, state(database)
        # The pooler's sessions are alive, and hold nothing of ours.
        assert psql(f"SELECT count(*) > 0 FROM pg_stat_activity WHERE datname = '{database}';") == ["t"]
        assert psql(HELD.format(database) + ";") == ["0"]
    finally:
        relay.to = (PG["HOST"], int(PG["PORT"]))
        pooler.stop()


def story(work):
    server, relay = Server(work), Relay(PG["HOST"], int(PG["PORT"]))
    database = f"pooled_{os.getpid()}"
    psql(f"CREATE DATABASE {database};")
    try:
        server.start()
        write_revisions(os.path.join(work, "shop"), [f"-- migd:up\nCREATE TABLE t_{n} (id int);\n-- migd:down\nDROP TABLE t_{n};" for n in (1, 2)])
        server.must("catalog", "push", os.path.join(work, "shop"), "-c", "shop")
        server.password = password_file(work)
        server.must("target", "add", "shop", "--url", url(database, relay.port), "-c", "shop", "--password-file", server.password)
        server.must("upgrade", "r1", "-t", "shop", "-q")
        for mode in ("session", "transaction"):
            for known in KNOWN:
                through(server, relay, database, mode, known)
        print("- past the pooler it works", flush=True)
        server.must("upgrade", "-t", "shop", "-q")
        assert state(database)[1] == "r2"
    finally:
        server.kill()
        psql(f"DROP DATABASE {database} WITH (FORCE);")


told("pgbouncer", story)
