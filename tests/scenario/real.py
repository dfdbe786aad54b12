"""What scenarios in Python share: the real server, its client, a real PostgreSQL."""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
MIGD, MIGCTL = os.environ["MIGD"], os.environ["MIGCTL"]


def with_postgres(program):
    """Begins the program again inside a private cluster where none runs yet."""
    if not os.environ.get("MIGD_TEST_PG_HOST"):
        cluster = os.path.join(HERE, "../support/pg_cluster.sh")
        os.execv(cluster, [cluster, "run", "--", sys.executable, os.path.abspath(program), *sys.argv[1:]])


PG = {k: os.environ.get(f"MIGD_TEST_PG_{k}", "") for k in ("HOST", "PORT", "USER", "PASSWORD", "ADMIN")}
PSQL_ENV = dict(os.environ, PGHOST=PG["HOST"], PGPORT=PG["PORT"], PGUSER=PG["USER"], PGPASSWORD=PG["PASSWORD"], PGSSLMODE="disable")


def psql(script):
    """Each statement's single value, a line each."""
    done = subprocess.run(["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", "postgres"], input=script, env=PSQL_ENV, text=True, capture_output=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


class Server:
    """The server process and its client."""

    def __init__(self, work):
        self.data = os.path.join(work, "data")
        self.address_file = os.path.join(work, "address")
        self.log = open(os.path.join(work, "server.log"), "ab")
        subprocess.run([MIGD, "init", self.data], check=True, capture_output=True)
        self.process = None

    def start(self):
        if os.path.exists(self.address_file):
            os.unlink(self.address_file)
        self.process = subprocess.Popen([MIGD, "serve", "--dir", self.data, "--listen", "127.0.0.1:0", "--address-file", self.address_file], stdout=self.log, stderr=self.log)
        until("the server is up", lambda: self.process.poll() is not None or (os.path.exists(self.address_file) and os.path.getsize(self.address_file)))
        assert self.process.poll() is None, f"the server ended at its start with {self.process.returncode}"
        with open(self.address_file) as f:
            self.address = f.read().strip()
        until("the server answers", lambda: self.ask("ping").returncode == 0)

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process = None

    def command(self, *args):
        env = dict(os.environ, MIGCTL_CONFIG=os.path.join(self.data, "admin.conf"), MIGCTL_SERVER=self.address, NO_COLOR="1")
        return [MIGCTL, *args], env

    def ask(self, *args):
        argv, env = self.command(*args)
        return subprocess.run(argv, env=env, text=True, capture_output=True, stdin=subprocess.DEVNULL)

    def must(self, *args):
        done = self.ask(*args)
        assert done.returncode == 0, f"{args} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def json(self, *args):
        return json.loads(self.must(*args, "-o", "json"))


def write_revisions(folder, sections):
    """A line of revisions r1, r2, …: each is its sections as they stand in a file."""
    os.makedirs(folder)
    for n, text in enumerate(sections, 1):
        with open(os.path.join(folder, f"r{n}_step.sql"), "w") as f:
            f.write(f"-- migd:revision r{n}\n-- migd:parent {f'r{n - 1}' if n > 1 else 'base'}\n\n{text}\n")


def password_file(work):
    path = os.path.join(work, "password")
    with open(path, "w") as f:
        f.write(PG["PASSWORD"])
    return path


def url(database, port=None):
    return f"postgresql://{PG['USER']}@127.0.0.1:{port or PG['PORT']}/{database}?sslmode=disable"


def until(what, true, seconds=60):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"not within {seconds} s: {what}"
        time.sleep(0.01)


def told(name, story):
    """Tells a story in a folder of its own; when it goes wrong the server's log is shown."""
    work = os.path.realpath(tempfile.mkdtemp(prefix=f"migd-{name}."))
    try:
        story(work)
    except BaseException:
        with open(os.path.join(work, "server.log"), errors="replace") as f:
            sys.stderr.write("--- the server's log, its end:\n" + "".join(f.readlines()[-40:]))
        raise
    finally:
        if not os.environ.get("MIGD_TEST_KEEP"):
            shutil.rmtree(work, ignore_errors=True)
