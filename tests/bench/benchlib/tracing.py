"""What it costs to watch a command, and to watch it and record the run."""

from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Optional

from . import workloads
from .report import COST_HEADERS, MISSING, Section, cost_cells, failures, paragraphs, ratio, table
from .sampling import Variant, interleave
from .tools import OUR_MODES, PEER_MODES, PEER_TRACERS

BLIND = "*"
SUMMARY = (
    "CPU time of the whole process tree as a multiple of the plain command, medians. "
    f"{BLIND} marks a recorder that did not find the files that the command read or wrote "
    "(how many it found is told below). The peer's tracers alone do not tell what they found, and "
    "are marked if the peer's recording with them misses files."
)


@dataclass
class Watched(Variant):
    """A variant that is a recorder at work, or the command without one."""

    kind: str = "plain"
    mode: str = ""
    count: Callable = lambda: None
    recorded: object = None
    uncounted: Optional[str] = None

    def look(self):
        """Counts what was recorded; what cannot be counted is told, not guessed."""
        if self.failure:
            return
        try:
            self.recorded = self.count()
        except Exception as error:  # a record may be missing or damaged in any way
            self.uncounted = f"{type(error).__name__}: {error}"

    def misses(self, least, data):
        """Says whether files are known to be missing from the record."""
        if self.recorded is None:
            return False
        return not self.recorded.covers(least, data, self.cwd / "out")


class Tracing:
    """Measures one workload with every tool in every mode."""

    def __init__(self, bench, workload):
        self.bench = bench
        self.workload = workload
        self.argv = workload.argv()
        self.variants = [self._plain()]
        for mode in OUR_MODES:
            self.variants.append(self._recorded(bench.ours, mode))
        for mode in PEER_MODES if bench.peer else ():
            self.variants.append(self._recorded(bench.peer, mode))
        self.variants.append(self._bare())
        for mode in OUR_MODES:
            self.variants.append(self._ours_watching(mode))
        for mode in PEER_TRACERS if bench.peer else ():
            self.variants.append(self._peer_watching(mode))

    def _variant(self, tool, kind, mode, label, command, count=lambda root: None):
        root = tool.make_project(f"{self.workload.name}-{kind}-{mode}", self.workload.fill)
        return Watched(
            label,
            command,
            root,
            tool.env,
            tool.name,
            reset=lambda: workloads.empty_output(root),
            kind=kind,
            mode=mode,
            count=lambda: count(root),
        )

    def _plain(self):
        return self._variant(self.bench.plain, "plain", "", "plain", self.argv)

    def _bare(self):
        bare = self.bench.bare
        return self._variant(bare, "watch", "bare", "bare notification", bare.watch(self.argv))

    def _recorded(self, tool, mode):
        label = f"{tool.name}: `run --tracer {mode}`"
        return self._variant(tool, "run", mode, label, tool.run(mode, self.argv), tool.records)

    def _ours_watching(self, mode):
        ours, listing = self.bench.ours, self._listing("ours", mode)
        command = ours.trace(mode, self.argv, listing)
        label = f"ours: `trace`, {mode}"
        return self._variant(
            ours, "watch", mode, label, command, lambda root: ours.traced(root, listing)
        )

    def _peer_watching(self, mode):
        listing = self._listing("peer", mode)
        command = self.bench.peer.trace(mode, self.argv, listing)
        label = f"peer: `{PEER_TRACERS[mode]}`"
        return self._variant(self.bench.peer, "watch", mode, label, command)

    def _listing(self, name, mode) -> Path:
        return self.bench.scratch / f"trace-{name}-{self.workload.name}-{mode}"

    def measure(self):
        """Runs everything in turns and counts what was recorded; returns the section."""
        interleave(self.bench.meter, self.variants, self.bench.rounds, self.bench.patience)
        for variant in self.variants:
            variant.look()
        return Section(self.workload.name, self.workload.heading(), self.body())

    def find(self, tool, kind, mode):
        """Returns one variant; None if it is not part of the comparison."""
        wanted = (tool, kind, mode)
        return next((it for it in self.variants if (it.tool, it.kind, it.mode) == wanted), None)

    def body(self):
        """Returns the table of all variants."""
        headers = ["", *COST_HEADERS, "× plain", "× ours", "files recorded"]
        uncounted = "".join(
            f"- {it.label}: cannot count what was recorded: {it.uncounted}\n"
            for it in self.variants
            if it.uncounted
        )
        rows = [self._row(variant) for variant in self.variants]
        notes = failures(self.variants) + uncounted
        return paragraphs(self._expectation(), table(headers, rows), notes)

    def _expectation(self):
        read, written = self.workload.least
        if not read and not written:
            return "There is nothing that must be recorded."
        return f"Files to be recorded, at least: {read:,} in, {written:,} out."

    def _row(self, variant):
        plain = self.variants[0]
        ours = self.find("ours", variant.kind, "notify")
        return [
            variant.label,
            *cost_cells(variant),
            ratio(variant.median(), plain.median()),
            ratio(variant.median(), ours.median()) if ours else MISSING,
            MISSING if variant.recorded is None else variant.recorded,
        ]

    def compared(self, tool, kind, mode):
        """Returns the multiple of the plain command, marked if the record is known to have holes."""
        variant = self.find(tool, kind, mode)
        if variant is None or not variant.samples:
            return MISSING
        judged = self.find(tool, "run", mode) if tool == "peer" else variant
        blind = judged.misses(self.workload.least, self.bench.data.folder)
        mark = BLIND if blind else ""
        return ratio(variant.median(), self.variants[0].median()) + mark


def summary(measured):
    """Returns the section that compares all workloads."""
    recording = comparison(measured, "run", PEER_MODES)
    watching = comparison(measured, "watch", tuple(PEER_TRACERS), (("bare", "bare"),))
    goals = table(
        ["workload", *(f"{mode}: goal" for mode in OUR_MODES)],
        [
            [one.workload.name, *(one.workload.goals.get(mode, MISSING) for mode in OUR_MODES)]
            for one in measured
        ],
    )
    parts = [
        SUMMARY,
        "### Recording: the whole of `roar run`",
        recording,
        "### Watching: `roar trace`, and the peer's tracers alone",
        watching,
        "Goals for watching, as multiples of the plain command. Where *bare* is above a goal, nobody to whom "
        "every opening must wait reaches it on this machine:",
        goals,
    ]
    return Section("tracing", "Watching and recording commands", paragraphs(*parts))


def comparison(measured, kind, peer_modes, first=()):
    """Returns a table of multiples of the plain command, a workload a row."""
    ours = [("ours", mode) for mode in OUR_MODES]
    columns = [*first, *ours, *(("peer", mode) for mode in peer_modes)]
    names = [tool if tool == mode else f"{tool} {mode}" for tool, mode in columns]
    headers = ["workload", "plain CPU ms", *names]
    rows = []
    for one in measured:
        multiples = [one.compared(tool, kind, mode) for tool, mode in columns]
        rows.append([one.workload.heading(), cost_cells(one.variants[0])[1], *multiples])
    return table(headers, rows)
