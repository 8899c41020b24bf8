"""What it costs to ask about a long session."""

import json

from .report import COST_HEADERS, MISSING, Section, cost_cells, failures, paragraphs, ratio, table
from .sampling import Failed, Variant, interleave
from .tools import checked

LANES = 10
GOALS = {
    ("status", 1000): 15,
    ("log", 1000): 15,
    ("show", 1000): 15,
    ("dag", 1000): 15,
    ("dag", 10000): 100,
}
EPOCH_NS = 1_700_000_000_000_000_000


def file_name(number):
    """Returns the path of what job `number` of a made-up session writes."""
    return f"out/{number:06}.txt"


def parents(number):
    """Returns the jobs whose outputs job `number` reads.

    They are the one before it in its lane, and one half way back: the graph is long, wide, joined.
    """
    return sorted({number - LANES, number // 2} - {number}) if number >= LANES else []


def job_line(root, number):
    """Returns one job as `roar record-job` reads it; it computes the hashes itself."""
    job = {
        "kind": "run",
        "argv": ["python3", "step.py", f"--number={number}"],
        "cwd": str(root),
        "exit": 0,
        "started_ns": EPOCH_NS + number * 1_000_000_000,
        "duration_ns": 500_000_000,
        "inputs": [{"path": file_name(parent)} for parent in parents(number)],
        "outputs": [{"path": file_name(number), "change": "created"}],
    }
    return json.dumps(job) + "\n"


def questions(middle, last):
    """Returns the words of each question, about steps in general and about these two."""
    return {
        "status": ["status"],
        "log": ["log"],
        "show": ["show"],
        "show @N": ["show", f"@{middle}"],
        "dag": ["dag"],
        "dag --json": ["dag", "--json"],
        "lineage": ["lineage", file_name(last)],
    }


class Session:
    """A session of made-up jobs, whose files exist, in a project of ours."""

    def __init__(self, bench, jobs):
        self.ours = bench.ours
        self.jobs = jobs
        self.root = self.ours.make_project(f"session-{jobs}", lambda root: None)
        self.lines = bench.scratch / f"session-{jobs}.jsonl"
        for number in range(jobs):
            (self.root / file_name(number)).write_text(f"{number}\n")
        self.lines.write_text("".join(job_line(self.root, number) for number in range(jobs)))

    def recording(self):
        """Returns the variant that records the whole session anew."""
        command = ["/bin/sh", "-c", 'exec "$0" record-job <"$1" >/dev/null']
        command += [self.ours.binary, self.lines]
        return self._variant("record-job", command)

    def asking(self):
        """Returns a variant for each question."""
        words = questions(self.jobs // 2, self.jobs - 1)
        return [self._variant(name, [self.ours.binary, *rest]) for name, rest in words.items()]

    def _variant(self, name, command):
        return Variant(name, command, self.root, self.ours.env, "ours")

    def check(self):
        """Raises Failed unless the session really holds its jobs."""
        shown = len(self.ours.ask(self.root, "dag")["nodes"])
        if shown != self.jobs:
            raise Failed(f"the session shows {shown:,} jobs instead of {self.jobs:,}")


def peer_session(bench):
    """Returns variants that ask the peer about a session of real runs, as long as is bearable."""
    peer, jobs = bench.peer, bench.peer_jobs
    root = peer.make_project("session", lambda root: None)
    (root / file_name(0)).write_text("start\n")
    for number in range(1, jobs + 1):
        step = ["/bin/cp", file_name(number - 1), file_name(number)]
        checked(peer.run("preload", step), cwd=root, env=peer.env)
    return [
        Variant(name, [peer.binary, *words], root, peer.env, "peer")
        for name, words in questions(jobs // 2, jobs).items()
    ]


def measure_questions(bench):
    """Measures every question on every session; returns the section."""
    asked = [(jobs, it) for jobs in bench.session_jobs for it in session_variants(bench, jobs)]
    peers = peer_session(bench) if bench.peer else []
    asked += [(bench.peer_jobs, variant) for variant in peers]
    variants = [variant for _, variant in asked]
    interleave(bench.meter, [it for it in variants if not it.first], bench.rounds, bench.patience)
    rows = [row(variant, jobs, peers) for jobs, variant in asked]
    headers = ["", "jobs", *COST_HEADERS, "goal: CPU ms", "peer's CPU ÷ this"]
    text = (
        "CPU time of the whole process. Our sessions are written with `roar record-job`; each job "
        "reads what two earlier ones wrote. The peer's session is much shorter, because it can only "
        "be made by running its jobs; the last column compares its answer about that session with "
        "ours about the longer one."
    )
    body = [text, table(headers, rows), failures(variants)]
    return Section("questions", "Questions about a session", paragraphs(*body))


def session_variants(bench, jobs):
    """Records a session; returns what that cost and, if it worked, the questions about it."""
    session = Session(bench, jobs)
    recording = session.recording()
    # Without patience the first run is the only one, and counts.
    interleave(bench.meter, [recording], rounds=0, patience=0)
    if recording.failure:
        return [recording]
    session.check()
    return [recording, *session.asking()]


def row(variant, jobs, peers):
    """Returns the line of one question."""
    same = next((it for it in peers if it.label == variant.label and it is not variant), None)
    times = ratio(same.median(), variant.median()) if same else MISSING
    goal = GOALS.get((variant.label, jobs), MISSING) if variant.tool == "ours" else MISSING
    name = f"{variant.tool}: `{variant.label}`"
    return [name, f"{jobs:,}", *cost_cells(variant), goal, times]
