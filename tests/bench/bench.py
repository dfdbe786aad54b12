#!/usr/bin/python3
"""Prints migd's figures as ratios to something comparable, measured in the same run on the same machine:

  call      a unary call on a warm connection : nghttpd serving a small file over TLS, by the same h2load
  status    `migctl status` with 1,000 targets, the whole process : 50 ms
  memory    the server's RSS with 1,000 targets, idle : 32 MiB; and after 10,000 more calls : before them
  upgrade   20 revisions on one SQLite file : a C loop that runs the same statements and commits (steps.c)
  graph     a catalog of 10,000 revisions, parsed, validated and planned : 300 ms; its slowest plan : 5 ms (graph.c)

MIGD, MIGCTL, STEPS, GRAPH and CLIENT_CERT name what was built (`--target bench` sets them); MIGD_SHARED the folder with bench/sqlite, without which `upgrade` is left
out. Needs h2load and nghttpd. Figures, not a test: nothing here fails because it is slow.
"""
import glob
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
MIGD, MIGCTL, STEPS, GRAPH, CLIENT_CERT = (os.environ[name] for name in ("MIGD", "MIGCTL", "STEPS", "GRAPH", "CLIENT_CERT"))
SHARED = os.environ.get("MIGD_SHARED") or os.path.join(HERE, "../../../shared")
TARGETS = int(os.environ.get("MIGD_BENCH_TARGETS", "1000"))
ROUNDS = int(os.environ.get("MIGD_BENCH_ROUNDS", "15"))

work = os.path.realpath(tempfile.mkdtemp(prefix="migd-bench."))
data = os.path.join(work, "data")
processes = []
env = dict(os.environ, NO_COLOR="1")


def run(*argv, **more):
    done = subprocess.run(argv, text=True, capture_output=True, stdin=subprocess.DEVNULL, **{"env": env, **more})
    if done.returncode:
        sys.exit(f"{argv} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


def timed(*argv):
    began = time.perf_counter()
    run(*argv)
    return time.perf_counter() - began


def start(*argv):
    processes.append(subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=open(os.path.join(work, "log"), "ab"), env=env))
    return processes[-1]


def until(true):
    end = time.monotonic() + 60
    while not true():
        if time.monotonic() > end:
            sys.exit("a server does not come up")
        time.sleep(0.01)


def start_server():
    run(MIGD, "init", data)
    file = os.path.join(work, "address")
    server = start(MIGD, "serve", "--dir", data, "--listen", "127.0.0.1:0", "--address-file", file)
    until(lambda: os.path.exists(file) and os.path.getsize(file))
    env.update(MIGCTL_CONFIG=os.path.join(data, "admin.conf"), MIGCTL_SERVER=open(file).read().strip())
    until(lambda: subprocess.run([MIGCTL, "ping"], env=env, capture_output=True).returncode == 0)
    return server


def revision(folder, number, slug, sql):
    os.makedirs(folder, exist_ok=True)
    parent = f"{number - 1:04}" if number > 1 else "base"
    with open(os.path.join(folder, f"{number:04}_{slug}.sql"), "w") as f:
        f.write(f"-- migd:revision {number:04}\n-- migd:parent {parent}\n-- migd:message {slug}\n\n-- migd:up\n{sql}")


def h2load(url, *args):
    """Requests a second."""
    identity = dict(LD_PRELOAD=CLIENT_CERT, BENCH_CERT=f"{data}/identities/admin.crt", BENCH_KEY=f"{data}/identities/admin.key")
    said = run("h2load", "-t1", "-c1", *args, url, env=dict(env, **identity))
    done = re.search(r"(\d+) succeeded", said)
    wanted = re.search(r"requests: (\d+) total", said)
    assert done and wanted and done.group(1) == wanted.group(1), said
    return float(re.search(r"finished in [^,]+, ([0-9.]+) req/s", said).group(1))


def call_args():
    body = os.path.join(work, "empty-message")
    with open(body, "wb") as f:
        f.write(bytes(5))
    return ["-d", body, "-H", "content-type: application/grpc", "-H", "te: trailers"]


def bench_call():
    site = os.path.join(work, "site")
    os.mkdir(site)
    with open(os.path.join(site, "small"), "wb") as f:
        f.write(bytes(19))
    port = 20000 + os.getpid() % 20000
    start("nghttpd", "-a", "127.0.0.1", "-d", site, str(port), f"{data}/pki/server.key", f"{data}/pki/server.crt")
    until(lambda: subprocess.run(["h2load", "-n1", f"https://127.0.0.1:{port}/small"], capture_output=True).stdout.find(b"1 succeeded") >= 0)
    for streams in (1, 10):
        ours, theirs = [], []
        for _ in range(5):
            ours.append(h2load(f"https://{env['MIGCTL_SERVER']}/migd.v1.Server/Ping", "-n20000", f"-m{streams}", *call_args()))
            theirs.append(h2load(f"https://127.0.0.1:{port}/small", "-n20000", f"-m{streams}"))
        a, b = statistics.median(ours), statistics.median(theirs)
        print(f"call     {b / a:5.2f} x  nghttpd's time, {streams:2} at a time: {a:,.0f} calls/s, nghttpd {b:,.0f}/s (goal: 3)", flush=True)


def rss(server):
    with open(f"/proc/{server.pid}/status") as f:
        return int(re.search(r"VmRSS:\s+(\d+) kB", f.read()).group(1)) / 1024


def bench_fleet(server):
    revision(os.path.join(work, "one"), 1, "one", "CREATE TABLE t (id INTEGER);\n")
    run(MIGCTL, "catalog", "push", os.path.join(work, "one"), "-c", "one")
    for n in range(TARGETS):
        run(MIGCTL, "target", "add", f"fleet-{n:04}", "--url", f"sqlite:{data}/databases/fleet-{n:04}.db", "-c", "one", "--create")
    run(MIGCTL, "upgrade", "--all", "--quiet")
    times = [timed(MIGCTL, "status") for _ in range(30)]
    median = statistics.median(times) * 1000
    print(f"status   {median / 50:5.2f} x  50 ms: {median:.1f} ms for {TARGETS:,} targets, slowest of 30 {max(times) * 1000:.1f} ms (goal: 1)", flush=True)
    idle = rss(server)
    print(f"memory   {idle / 32:5.2f} x  32 MiB: {idle:.1f} MiB with {TARGETS:,} targets, all upgraded (goal: 1)", flush=True)
    url = f"https://{env['MIGCTL_SERVER']}"
    calls = lambda: (h2load(f"{url}/migd.v1.Server/Ping", "-n9000", "-m10", *call_args()), h2load(f"{url}/migd.v1.Targets/ListTargets", "-n1000", "-m4", *call_args()))
    calls()
    before = rss(server)
    calls()
    after = rss(server)
    print(f"memory   {after / before:5.2f} x  itself after 10,000 more calls: {before:.1f} MiB, then {after:.1f} MiB (goal: 1)", flush=True)


def bench_upgrade():
    files = sorted(glob.glob(os.path.join(SHARED, "bench/sqlite/*.sql")))
    if not files:
        print("upgrade  left out: no bench/sqlite in MIGD_SHARED")
        return
    for n, name in enumerate(files, 1):
        with open(name) as f:
            revision(os.path.join(work, "app"), n, os.path.basename(name)[5:-4], f.read())
    run(MIGCTL, "catalog", "push", os.path.join(work, "app"), "-c", "app")
    whole, task, bare, same = [], [], [], []
    for n in range(ROUNDS):
        name = f"app-{n}"
        run(MIGCTL, "target", "add", name, "--url", f"sqlite:{data}/databases/{name}.db", "-c", "app", "--create")
        whole.append(timed(MIGCTL, "upgrade", "-t", name))
        last = json.loads(run(MIGCTL, "run", "list", "-o", "json"))["runs"][0]["id"]
        events = [json.loads(line) for line in run(MIGCTL, "run", "watch", last, "-o", "json").splitlines()]
        task += [float(e["taskFinished"]["duration"].rstrip("s")) for e in events if "taskFinished" in e]
        bare.append(timed(STEPS, f"{data}/databases/bare-{n}.db", *files))
        same.append(timed(STEPS, "-l", f"{data}/databases/same-{n}.db", *files))
    w, t, b, s = (statistics.median(x) * 1000 if x else float("nan") for x in (whole, task, bare, same))
    print(f"upgrade  {t / s:5.2f} x  the C loop with the ledger's rows: the task {t:.1f} ms, the loop {s:.1f} ms (goal: 1.3)")
    print(f"upgrade  {t / b:5.2f} x  the C loop without them: {b:.1f} ms")
    print(f"upgrade  {w / s:5.2f} x  the C loop with them: the whole process of `migctl upgrade`, connection and all, {w:.1f} ms", flush=True)


try:
    print(run(GRAPH), end="", flush=True)
    server = start_server()
    bench_call()
    bench_upgrade()
    bench_fleet(server)
finally:
    for p in processes:
        p.terminate()
        p.wait()
    shutil.rmtree(work, ignore_errors=True)
