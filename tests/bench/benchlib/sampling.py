"""Runs commands side by side and keeps what each run cost.

CPU time is that of the whole process tree, also of daemons (see `measure.c`). Variants of the same
work take turns, so that whatever else the machine does disturbs all of them alike.
"""

import json
import statistics
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable, Optional

QUICK_SECONDS = 0.5
QUICK_REPEATS = 5


class Failed(Exception):
    """A command that is measured, or that prepares a measurement, did not do its work."""


@dataclass(frozen=True)
class Sample:
    """What one run cost: seconds of CPU, seconds on the clock, peak MiB of its largest process."""

    cpu: float
    wall: float
    rss: float


@dataclass
class Variant:
    """One way to do some work, and what was learnt about it.

    `reset` is called before each run and is not measured. The first run is kept apart: it meets
    caches that are cold, and is the only run of a variant that tries the patience of the round.
    """

    label: str
    argv: list
    cwd: Path
    env: dict
    tool: str
    reset: Callable = lambda: None
    first: Optional[Sample] = None
    samples: list = field(default_factory=list)
    failure: Optional[str] = None

    def median(self, what="cpu"):
        """Returns the median of `cpu`, `wall` or `rss`; None if there is nothing to go by."""
        values = [getattr(sample, what) for sample in self.samples]
        return statistics.median(values) if values else None

    def spread(self):
        """Returns the least, the median and the largest CPU time."""
        values = [sample.cpu for sample in self.samples]
        return min(values), statistics.median(values), max(values)


class Meter:
    """Measures single runs with the compiled `measure`."""

    def __init__(self, program, scratch, limit_seconds):
        self.program = program
        self.report = scratch / "measured.json"
        self.errors = scratch / "errors.txt"
        self.limit = limit_seconds

    def run(self, argv, cwd, env):
        """Runs a command to its end and returns its Sample; raises Failed if it fails."""
        command = [self.program, self.report, self.limit, *argv]
        self.report.unlink(missing_ok=True)
        with open(self.errors, "wb") as errors:
            subprocess.run(
                [str(word) for word in command],
                cwd=cwd,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                check=True,
            )
        return self._judge(json.loads(self.report.read_text()))

    def _judge(self, cost):
        if cost["timed_out"]:
            raise Failed(f"killed after {self.limit} s")
        if cost["exit"]:
            raise Failed(f"exit {cost['exit']}: {last_line(self.errors.read_bytes())}")
        return Sample(cost["cpu_us"] / 1e6, cost["wall_us"] / 1e6, cost["rss_kb"] / 1024)


def last_line(output):
    """Returns the last line of a command's output that says something."""
    lines = output.decode(errors="replace").strip().splitlines()
    return lines[-1].strip() if lines else "no message"


def interleave(meter, variants, rounds, patience):
    """Runs all variants once, then in turns for `rounds` rounds.

    A variant whose first run took longer than `patience` seconds is not run again: that run is then
    its only sample. One that is over in a moment is run several times a round.
    """
    for variant in variants:
        attempt(meter, variant, first=True)
        if variant.first and variant.first.wall > patience:
            variant.samples.append(variant.first)
    for _ in range(rounds):
        for variant in variants:
            if variant.failure or variant.first.wall > patience:
                continue
            repeats = QUICK_REPEATS if variant.first.wall < QUICK_SECONDS else 1
            for _ in range(repeats):
                attempt(meter, variant)


def attempt(meter, variant, first=False):
    """Runs a variant once; a failure is noted, and ends its part in the rounds."""
    if variant.failure:
        return
    try:
        variant.reset()
        sample = meter.run(variant.argv, variant.cwd, variant.env)
    except (Failed, OSError) as error:
        variant.failure = str(error)
        return
    if first:
        variant.first = sample
    else:
        variant.samples.append(sample)
