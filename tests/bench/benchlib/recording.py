"""What it costs to record very many files into an empty store."""

from . import workloads
from .report import COST_HEADERS, Section, cost_cells, failures, milliseconds, paragraphs, ratio, table
from .sampling import Variant, interleave


def measure_recording(bench):
    """Measures the recording of 5,000 files into an empty store; returns the section."""
    workload = workloads.workloads(bench.data)["d"]
    plain = recording_variant(bench.plain, workload, "")
    tools = [bench.ours, bench.peer] if bench.peer else [bench.ours]
    modes = {"ours": ("notify", "ptrace"), "peer": ("preload", "ptrace")}
    variants = [plain]
    variants += [recording_variant(it, workload, mode) for it in tools for mode in modes[it.name]]
    interleave(bench.meter, variants, bench.rounds, bench.patience)
    headers = ["", *COST_HEADERS, "CPU ms beyond plain", "wall ms beyond plain", "beyond plain × ours"]
    rows = [beyond_row(variant, plain, variants[1]) for variant in variants]
    text = (
        f"{workload.title}, each time with a new store, so that every file is read and named. "
        "Goal: under 500 ms beyond the plain command."
    )
    body = [text, table(headers, rows), failures(variants)]
    title = f"Recording {workloads.READ_FILES:,} files for the first time"
    return Section("record", title, paragraphs(*body))


def recording_variant(tool, workload, mode):
    """Returns a variant that records a workload, as if for the first time."""
    root = tool.make_project(f"record-{mode}", workload.fill)

    def reset():
        workloads.empty_output(root)
        tool.start_afresh(root)

    argv = tool.run(mode, workload.argv()) if mode else workload.argv()
    label = f"{tool.name}: `run --tracer {mode}`" if mode else "plain"
    return Variant(label, argv, root, tool.env, tool.name, reset=reset)


def beyond_row(variant, plain, ours):
    """Returns the line of one variant, with what it took more than the plain command."""
    extra = [beyond(variant, plain, what) for what in ("cpu", "wall")]
    times = ratio(extra[0], beyond(ours, plain, "cpu"))
    return [variant.label, *cost_cells(variant), *map(milliseconds, extra), times]


def beyond(variant, plain, what):
    """Returns the difference of medians; None if there is none, as for the plain command itself."""
    if variant is plain or not variant.samples or not plain.samples:
        return None
    return variant.median(what) - plain.median(what)
