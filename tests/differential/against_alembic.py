#!/usr/bin/python3
"""Compares migd's identifiers and plans with Alembic's own code, over random graphs (branches, several roots, merges, dependencies, labels),
random ledgers and random identifiers. The argument is the plan tool (tests/support/plan_tool.c).

The same graph is given to both: to migd as revision files, to Alembic as scripts. Alembic's answer is what `alembic upgrade`, `downgrade` and
`stamp` do with it: the steps that ScriptDirectory finds and the rows that HeadMaintainer leaves. Orders need not be equal, both must be valid.

Where the two differ on purpose a rule below says why; any other difference fails. SEED, GRAPHS and FIRST say which
graphs: `1.77` in a message is FIRST=77 GRAPHS=78 SEED=1.
"""
import collections
import os
import random
import subprocess
import sys
import types
import warnings

try:
    from alembic.runtime.migration import HeadMaintainer
    from alembic.script import Script, ScriptDirectory
    from alembic.script.revision import RevisionError
    from alembic.util import CommandError
except ImportError as e:
    print(f"skipped: Alembic is not installed ({e})")
    sys.exit(77)

warnings.simplefilter("ignore")
GRAPHS = int(os.environ.get("GRAPHS", "1500"))
SEED = int(os.environ.get("SEED", "1"))
FIRST = int(os.environ.get("FIRST", "0"))
QUESTIONS = 14

Revision = collections.namedtuple("Revision", "id parents deps labels")


# ---- the graph, as both see it

def invent(rng):
    """Revisions, parents first; ids of which several begin alike, and some too short to be completed."""
    count = rng.randint(1, 11)
    stems = rng.sample(["abcd", "abce", "wxyz", "q", "lib"], 2)
    revisions = []
    for i in range(count):
        ident = f"{rng.choice(stems)}{i}"
        olds = [r.id for r in revisions]
        parents = rng.sample(olds, min(len(olds), rng.choice([0, 1, 1, 1, 1, 1, 1, 2])))
        deps = [d for d in rng.sample(olds, min(len(olds), rng.choice([0, 0, 0, 0, 1, 2])))]
        labels = [f"{rng.choice(['lib', 'cart', 'abcx'])}{chr(97 + i)}"] if rng.random() < 0.25 else []
        if not set(parents) & set(deps):
            revisions.append(Revision(ident, parents, deps, labels))
        else:
            revisions.append(Revision(ident, parents, [], labels))
    return reduce(revisions)


def reduce(revisions):
    """Without parents and dependencies that are below others of the same revision: what a person would not write, and what Alembic's
    tables get wrong (see overlapping_rows)."""
    below, result = {}, []
    for r in revisions:
        stands = set()
        for p in r.parents + r.deps:
            stands |= below[p]
        parents = [p for p in r.parents if p not in stands]
        deps = [d for d in r.deps if d not in stands]
        below[r.id] = set(parents) | set(deps) | stands
        result.append(Revision(r.id, parents, deps, r.labels))
    return result


def spec(revisions):
    words = []
    for r in revisions:
        words.append(r.id + ("<" + ",".join(r.parents) if r.parents else "") + ("|" + ",".join(r.deps) if r.deps else "")
                     + ("#" + ",".join(r.labels) if r.labels else ""))
    return " ".join(words)


class Directory(ScriptDirectory):
    """A ScriptDirectory whose scripts are no files."""

    def __init__(self, revisions):
        self.revisions = revisions
        super().__init__(os.path.dirname(os.path.abspath(__file__)))

    def _load_revisions(self):
        for r in self.revisions:
            module = types.SimpleNamespace(__doc__=r.id, revision=r.id, down_revision=tuple(r.parents) or None, depends_on=tuple(r.deps) or None,
                                           branch_labels=tuple(r.labels) or None, upgrade=None, downgrade=None)
            yield Script(module, r.id, f"{r.id}.py")


class Rows(HeadMaintainer):
    """The version table as a set."""

    def __init__(self, rows):
        self.heads = set(rows)

    def _insert_version(self, version):
        assert version not in self.heads
        self.heads.add(version)

    def _delete_version(self, version):
        self.heads.remove(version)

    def _update_version(self, from_, to_):
        assert to_ not in self.heads
        self.heads.remove(from_)
        self.heads.add(to_)


class Graph:
    def __init__(self, revisions):
        self.revisions = revisions
        self.by_id = {r.id: r for r in revisions}
        self.label = {l: r.id for r in revisions for l in r.labels}
        self.directory = Directory(revisions)
        self.down = {}  # all that it stands on
        self.line_down = {}
        for r in revisions:
            self.down[r.id] = set().union(*({p} | self.down[p] for p in r.parents + r.deps))
            self.line_down[r.id] = set().union(*({p} | self.line_down[p] for p in r.parents))

    def closure(self, rows):
        return set(rows).union(*(self.down[r] for r in rows))

    def ends(self, applied):
        return applied - set().union(*(self.down[r] for r in applied))

    def same_line(self, a, b):
        return a == b or a in self.line_down[b] or b in self.line_down[a]

    def children(self, ident):
        return [r.id for r in self.revisions if (ident in r.parents if ident else not r.parents)]

    def find(self, name, branch=None):
        """The revision of a name, or of the beginning of one, in a branch; None when there is none or several."""
        if name in self.by_id or name in self.label:
            return self.label.get(name, name)
        if name == "head":
            names = [r for r in self.by_id if not self.children(r)]
        else:
            names = [n for n in list(self.by_id) + list(self.label) if len(n) > 3 and n.startswith(name)]
        found = {self.label.get(n, n) for n in names if branch is None or self.same_line(self.label.get(n, n), branch)}
        return found.pop() if len(found) == 1 else None


# ---- the two that are asked

def ask_alembic(graph, operation, rows, names):
    """(kind, steps, rows): kind is ok, refused, or broken: an answer that was not meant, such as a traceback."""
    directory, table = graph.directory, Rows(rows)
    try:
        if operation == "up":
            steps = directory._upgrade_revs(names[0], tuple(rows))
        elif operation == "down":
            steps = directory._downgrade_revs(names[0], tuple(rows))
        else:
            steps = directory._stamp_revs(names[0] if len(names) == 1 else tuple(names), tuple(rows))
        for step in steps:
            table.update_to_step(step)
    except (CommandError, RevisionError) as e:
        return "refused", str(e), None
    except Exception as e:
        return "broken", repr(e), None
    done = [] if operation == "stamp" else [("+" if operation == "up" else "-") + s.revision.revision for s in steps]
    return "ok", done, table.heads


class Tool:
    def __init__(self, path):
        self.process = subprocess.Popen([path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().rstrip("\n")

    def plan(self, operation, rows, names):
        answer = self.ask(f"{operation} {','.join(rows) or '-'} {' '.join(names)}")
        if answer.startswith("error "):
            return "refused", answer, None
        steps, after = answer[2:].split("|")
        return "ok", steps.split(), set(after.strip().split(",")) - {"-"}


# ---- questions

def any_name(rng, graph):
    name = rng.choice(list(graph.by_id) * 3 + list(graph.label) * 4)
    return name[:rng.randint(2, len(name))] if rng.random() < 0.2 else name


def any_identifier(rng, graph, operation):
    offset = f"{rng.choice('+-')}{rng.randint(1, 3)}"
    symbol = rng.choice(["head", "heads", "base"]) if rng.random() < 0.35 else any_name(rng, graph)
    branch = any_name(rng, graph) + "@" if rng.random() < 0.4 else ""
    if operation == "stamp":
        return branch + symbol
    offset = {"up": "+", "down": "-"}[operation] + offset[1:] if rng.random() < 0.7 else offset
    return branch + rng.choice([symbol, symbol, offset, symbol + offset])


def any_rows(rng, graph):
    some = rng.sample(list(graph.by_id), min(len(graph.by_id), rng.choice([0, 1, 1, 2, 3])))
    return sorted(graph.ends(graph.closure(some)))


# ---- where the two differ on purpose

class Case(collections.namedtuple("Case", "graph operation rows names alembic migd")):
    @property
    def name(self):
        return self.names[0]

    @property
    def branch(self):
        return self.name.split("@")[0] if "@" in self.name else None

    @property
    def symbol(self):
        return self.name.split("@")[-1].split("+")[0].split("-")[0]

    @property
    def relative(self):
        return "+" in self.name or "-" in self.name


DIFFERENCES = []


def difference(reason):
    return lambda rule: DIFFERENCES.append((rule, reason)) or rule


@difference("a traceback of Alembic's: migd refuses or answers")
def traceback(c):
    return c.alembic[0] == "broken"


@difference("`downgrade -n` from several rows: Alembic warns and takes whichever comes first, migd refuses")
def several_rows(c):
    return c.operation == "down" and c.name.startswith("-") and len(c.rows) > 1 and c.migd[0] == "refused"


@difference("`X@Y` of a downgrade: Alembic resolves Y without X, and looks at X only where several ways go up from Y; migd refuses what is not of X")
def branch_not_checked(c):
    return c.operation == "down" and c.branch and c.alembic[0] == "ok" and c.migd[0] == "refused" and (
        any(part in c.migd[1] for part in ("not of the branch", "in the branch of", f"'{c.branch}' is ambiguous", f"no revision '{c.branch}'"))
        or c.symbol == "heads")


@difference("`X@Y+n`: Alembic lets Y be of another branch than X, migd refuses that as it does for `X@Y`")
def start_in_branch(c):
    return c.branch and c.symbol and "+" in c.name and c.alembic[0] == "ok" and "not of the branch" in c.migd[1]


@difference("`stamp X@heads` with heads that others of them depend on: Alembic writes rows for both, or one over the other, migd for the upper ones")
def rows_of_effective_heads(c):
    if c.operation != "stamp" or not c.branch or c.symbol != "heads" or c.alembic[0] != "ok" or c.migd[0] != "ok":
        return False
    heads = {r for r in c.graph.by_id if not c.graph.children(r) and c.graph.same_line(r, c.graph.find(c.branch))}
    return c.graph.ends(heads) != heads and c.graph.ends(heads) <= c.migd[2]


@difference("`X@head` of a downgrade, `X@PREFIX` of a downgrade, a stamp or with a count: Alembic looks for Y in all of the graph, migd in the branch of X")
def symbol_in_branch(c):
    ambiguous = c.symbol and c.symbol not in c.graph.by_id and c.symbol not in c.graph.label and c.graph.find(c.symbol) is None
    return c.branch and c.alembic[0] == "refused" and c.migd[0] == "ok" and (ambiguous or c.operation == "down" and c.symbol in ("head", "heads"))


@difference("a downgrade to what is applied, without anything above it to take back: nothing to do, so that a request can be repeated; Alembic refuses "
            "unless there is a row")
def nothing_above(c):
    return c.operation == "down" and "not a valid downgrade target" in c.alembic[1] and c.migd[0] == "ok" and not c.migd[1]


@difference("`base-n`: Alembic counts from the heads, migd refuses")
def base_minus(c):
    return c.symbol == "base" and "-" in c.name and c.migd[0] == "refused"


@difference("`stamp X@Y`: Alembic moves the rows of X as well, migd those of Y only")
def stamp_in_branch(c):
    found = c.branch and c.graph.find(c.symbol, c.graph.find(c.branch))
    return c.operation == "stamp" and found and c.alembic[0] == "ok" and c.migd[0] == "ok" and (
        c.migd[2] == {found} | {r for r in c.rows if not related(c.graph, r, found)})


@difference("the beginning of an id and of its own label: one revision for migd, two names for Alembic")
def two_names_of_one(c):
    texts = [t for t in (c.branch, c.symbol) if t and t not in c.graph.by_id and t not in c.graph.label]
    return c.alembic[0] == "refused" and c.migd[0] == "ok" and any(c.graph.find(t) for t in texts)


@difference("`X@base`: Alembic does not mind an X that is ambiguous, or none, where it does not need it")
def base_of_nothing(c):
    return c.branch and c.symbol == "base" and c.alembic[0] == "ok" and c.migd[0] == "refused" and c.graph.find(c.branch) is None


@difference("`X@-n` to a fork above X: Alembic finds no way to X, migd goes the way it counted")
def counted_past_a_fork(c):
    return c.operation == "down" and c.branch and not c.symbol and "Not a valid downgrade target" in c.alembic[1] and c.migd[0] == "ok"


@difference("`X@-n` below a fork: Alembic takes back all ways to X, migd the one it counted")
def counted_below_a_fork(c):
    return c.operation == "down" and c.branch and not c.symbol and c.alembic[0] == c.migd[0] == "ok" and set(c.migd[1]) < set(c.alembic[1])


@difference("`stamp heads`: Alembic loses heads that are there already when another one is new")
def heads_lost(c):
    lost = c.migd[2] - c.alembic[2] if c.migd[0] == c.alembic[0] == "ok" else None
    return c.operation == "stamp" and c.symbol == "heads" and lost and c.alembic[2] < c.migd[2] and lost <= set(c.rows)


def related(graph, a, b):
    return a == b or a in graph.down[b] or b in graph.down[a]


# ---- the comparison

def valid(graph, rows, steps):
    """Whether each step finds below it what it stands on, and above it nothing."""
    applied = graph.closure(rows)
    for step in steps:
        revision = step[1:]
        if step[0] == "+":
            if revision in applied or not graph.down[revision] <= applied:
                return False
            applied.add(revision)
        else:
            if revision not in graph.ends(applied):
                return False
            applied.remove(revision)
    return True


def agree(case):
    if case.alembic[0] != case.migd[0]:
        return False
    if case.migd[0] == "refused":
        return True
    return sorted(case.alembic[1]) == sorted(case.migd[1]) and case.alembic[2] == case.migd[2]


def judge(case, counts):
    """None, or what is wrong."""
    if case.migd[0] == "ok" and not valid(case.graph, case.rows, case.migd[1]):
        return "migd's order is not valid"
    if case.migd[0] == "ok" and case.graph.ends(case.graph.closure(case.migd[2])) != case.migd[2]:
        return "migd's rows are not ends"
    if agree(case):
        counts["the same: " + case.migd[0]] += 1
        return None
    for rule, reason in DIFFERENCES:
        if rule(case):
            counts[reason] += 1
            return None
    return "another answer"


def ask_plan(rng, graph, tool):
    operation = rng.choice(["up", "down", "stamp"])
    rows = any_rows(rng, graph)
    names = [any_identifier(rng, graph, operation)]
    return Case(graph, operation, rows, names, ask_alembic(graph, operation, rows, names), tool.plan(operation, rows, names))


def ask_marks(graph, tool, counts):
    """Heads and labels of all revisions."""
    map_ = graph.directory.revision_map
    for word in tool.ask("marks").split()[1:]:
        ident, head, labels = word.split(":")
        labels = set(labels.split(",")) - {"-"}
        theirs = map_.get_revision(ident)
        expected = "" if not theirs.is_head else "head" if theirs._is_real_head else "effective"
        if head != expected:
            return f"{ident} is {head or 'no head'}, Alembic says {expected or 'no head'}"
        missing, more = theirs.branch_labels - labels, labels - theirs.branch_labels
        # Alembic's way down begins at whichever descendant it came to last, and may end at a fork above the one that declares the label.
        if missing or any(ident not in graph.line_down[graph.label[l]] for l in more):
            return f"{ident} has the labels {labels}, Alembic says {theirs.branch_labels}"
        counts["labels: " + ("the same" if not more else "ours go down from the revision that declares them")] += 1
    return None


def any_end(rng, graph):
    text = rng.choice(["", "base", "head", "heads", any_name(rng, graph), any_name(rng, graph)])
    return text + (f"{rng.choice('+-')}{rng.randint(1, 3)}" if text and text != "heads" and rng.random() < 0.2 else "")


def ask_range(rng, graph, tool, counts):
    """`history -r`: the revisions of a range."""
    low, high = any_end(rng, graph), any_end(rng, graph)
    ours = tool.ask(f"range - {low}:{high}")
    try:
        theirs = [s.revision for s in graph.directory.walk_revisions(base=low or "base", head=high or "heads")]
    except (CommandError, RevisionError):
        theirs = None
    except Exception:
        counts["ranges: a traceback of Alembic's"] += 1
        return None
    if "+" in low or "-" in low or high.startswith("base-"):
        counts["ranges: Alembic has no `X-n:`, and counts `base-n` from the heads"] += 1
        return None
    mine = None if ours.startswith("error") else ours[3:].split()
    if theirs is None and mine is not None and any(graph.find(t) and t not in graph.by_id and t not in graph.label for t in (low, high.split("+")[0].split("-")[0])):
        counts["ranges: the beginning of an id and of its own label"] += 1
        return None
    if (mine is None) != (theirs is None) or (mine is not None and sorted(mine) != sorted(theirs)):
        return f"range {low}:{high} is {ours}, Alembic says {theirs}"
    counts["ranges: the same" + ("" if mine is not None else ", refused")] += 1
    return None


def main():
    tool, counts, wrong = Tool(sys.argv[1]), collections.Counter(), 0
    for number in range(FIRST, GRAPHS):
        rng = random.Random(f"{SEED}.{number}")
        revisions = invent(rng)
        text = spec(revisions)
        answer = tool.ask("graph " + text)
        try:
            graph = Graph(revisions)
            graph.directory.revision_map.heads
        except RevisionError as e:
            if answer == "ok":
                print(f"{SEED}.{number}: {text}\n  Alembic refuses it: {e}")
                wrong += 1
            continue
        if answer != "ok":
            print(f"{SEED}.{number}: {text}\n  {answer}")
            wrong += 1
            continue
        problems = [ask_marks(graph, tool, counts)] + [ask_range(rng, graph, tool, counts) for _ in range(4)]
        for _ in range(QUESTIONS):
            case = ask_plan(rng, graph, tool)
            problem = judge(case, counts)
            if problem:
                problems.append(f"{problem}: {case.operation} {','.join(case.rows) or '-'} {' '.join(case.names)}\n"
                                f"    Alembic: {case.alembic}\n    migd:    {case.migd}")
        for problem in filter(None, problems):
            wrong += 1
            print(f"{SEED}.{number}: {text}\n  {problem}")
        if wrong > 20:
            break
    for what, count in sorted(counts.items(), key=lambda c: -c[1]):
        print(f"{count:7} {what}")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
