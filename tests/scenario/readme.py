#!/usr/bin/python3
# backends: sqlite
"""Types the README's tour: every ```console block, in one shell, in order. What the README shows as output must be
what comes, line by line, where `…` stands for anything. Only the port is changed.
"""
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))

with socket.socket() as s:
    s.bind(("127.0.0.1", 0))
    PORT = s.getsockname()[1]
# Only the programs under test, and a server that this shell can be told to end.
PROLOGUE = f"""
migd() {{ case $1 in serve) exec -a migd "$MIGD" "$@" --listen 127.0.0.1:{PORT} >server.log 2>&1 ;; *) "$MIGD" "$@" ;; esac; }}
migctl() {{ "$MIGCTL" "$@"; }}
export MIGCTL_SERVER=127.0.0.1:{PORT} NO_COLOR=1 LC_ALL=C.UTF-8
answers() {{ local n; for n in $(seq 500); do MIGCTL_CONFIG=$PWD/server/admin.conf migctl ping >/dev/null 2>&1 && return; done; echo "the server does not answer"; }}
trap 'kill $(jobs -p) 2>/dev/null; wait' EXIT
"""


def blocks(text):
    for found in re.finditer(r"^```console\n(.*?)^```$", text, re.M | re.S):
        steps = []
        for line in found.group(1).splitlines():
            if line.startswith("$ "):
                steps.append([line[2:], []])
            elif re.match(r"> ?", line) and not steps[-1][1]:
                steps[-1][0] += "\n" + re.sub(r"^> ?", "", line)
            else:
                steps[-1][1].append(line)
        yield found, steps


# What differs each time: how long it took, when that was, who the store is, how wide a column is.
VARIABLE = [
    (r"\b\d+(\.\d+)? (ms|s|min)\b( ago)?|just now", "TIME"),
    (r"\b\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC", "DATE"),
    (r"\b[0-9a-f]{16}\b", "STORE"),
    (r" +", " "),
]


def normal(line):
    for pattern, word in VARIABLE:
        line = re.sub(pattern, word, line)
    return line.rstrip()


def matches(wanted, got):
    """Do these lines show that output? `…` in a line is any text, a line `…` any lines; databases that are
    migrated at the same time may be done in any order."""
    if wanted == ["…"]:
        return True
    left = [normal(line) for line in got]
    for line in wanted:
        pattern = ".*".join(re.escape(part) for part in normal(line).split("…"))
        found = next((other for other in left if re.fullmatch(pattern, other)), None)
        if found is None:
            return False
        left.remove(found)
    return not left


def run(text, work):
    mark = "=-=-= end of step"
    script = PROLOGUE
    all_steps = [step for _, steps in blocks(text) for step in steps]
    for command, _ in all_steps:
        script += f"(exit ${{code:-0}})\n{command}\ncode=$?\n"
        if command.endswith("&"):
            script += "answers\n"
        script += f"echo '{mark}'\n"
    shell = subprocess.Popen(["bash"], cwd=work, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)
    try:
        said, _ = shell.communicate(script, timeout=240)
    finally:
        try:
            os.killpg(shell.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    outputs = said.split(mark + "\n")
    assert len(outputs) == len(all_steps) + 1, said
    return list(zip(all_steps, outputs))


def main():
    readme = os.path.join(HERE, "../../README.md")
    with open(readme) as f:
        text = f.read()
    work = os.path.realpath(tempfile.mkdtemp(prefix="migd-tour."))
    try:
        results = run(text, work)
    finally:
        with open(os.path.join(work, "server.log"), errors="replace") as f:
            log = f.read()
        shutil.rmtree(work, ignore_errors=True)
    wrong = 0
    for (command, wanted), output in results:
        got = output.replace(work, "/home/you").splitlines()
        if not matches(wanted, got):
            wrong += 1
            print(f"$ {command}\n--- the README says\n" + "\n".join(wanted) + "\n--- and it says\n" + "\n".join(got), file=sys.stderr)
    if wrong:
        print(f"{wrong} of {len(results)} steps differ; the server's log:\n{log}", file=sys.stderr)
    return 1 if wrong else 0


sys.exit(main())
