"""What the program costs before it does anything: its start, its size, its build."""

import os

from .report import COST_HEADERS, Section, cost_cells, failures, paragraphs, ratio, table
from .sampling import Variant, interleave
from .tools import checked


def measure_start(bench):
    """Measures `--version` and `--help`, the size of the binary and, if asked, its build."""
    tools = [bench.ours, bench.peer] if bench.peer else [bench.ours]
    variants = [starting(tool, word) for word in ("--version", "--help") for tool in tools]
    interleave(bench.meter, variants, bench.rounds, bench.patience)
    rows = [
        [variant.label, *cost_cells(variant), ratio(variant.median(), first_of(variants, variant))]
        for variant in variants
    ]
    mebibytes = bench.ours.binary.stat().st_size / (1 << 20)
    facts = [f"- Release binary: {mebibytes:.1f} MiB (goal: under 15 MB).\n"]
    if bench.build_time:
        facts.append(build(bench))
    body = [table(["", *COST_HEADERS, "× ours"], rows), failures(variants), "".join(facts)]
    return Section("start", "Start, size and build", paragraphs(*body))


def starting(tool, word):
    """Returns the variant that does nothing but start."""
    label = f"{tool.name}: `{word}`"
    return Variant(label, [tool.binary, word], tool.home, tool.env, tool.name)


def first_of(variants, variant):
    """Returns our CPU time for the same word."""
    word = variant.argv[1]
    return next(it for it in variants if it.tool == "ours" and it.argv[1] == word).median()


def build(bench):
    """Builds the binary from nothing, sources already fetched; says how long that took."""
    checked(["cargo", "fetch", "--locked"], cwd=bench.repository)
    env = {**os.environ, "CARGO_TARGET_DIR": str(bench.scratch / "target")}
    command = ["cargo", "build", "--release", "--locked", "-p", "roar"]
    cost = bench.patient_meter.run(command, bench.repository, env)
    return f"- Clean release build: {cost.wall:.0f} s, {cost.cpu:.0f} s of CPU (goal: under 360 s).\n"
