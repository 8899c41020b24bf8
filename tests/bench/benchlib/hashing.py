"""What it costs to name files, against `b3sum`, which does nothing else."""

import os
import shutil

from .report import COST_HEADERS, Section, cost_cells, failures, paragraphs, ratio, table
from .sampling import Failed, Variant, interleave
from .tools import checked, install_b3sum

ALL = "find . -type f -print0 | xargs -0 {many} {b3sum}"
FILE_SIZE = 4096
LINKED = "out/files"


class Hashing:
    """Measures one tree of files: hashed anew, from the hash cache, and by `b3sum`."""

    def __init__(self, bench, name, folder):
        self.bench = bench
        self.name = name
        self.folder = folder
        self.b3sum = install_b3sum(bench.cache)
        cores = len(os.sched_getaffinity(0))
        self.references = [
            self._b3sum("b3sum, one process", ""),
            self._b3sum(f"b3sum, {cores} processes", f"-P {cores} -n 1000"),
        ]
        self.variants = [
            *self.references,
            self._ours("hash-dataset", self.folder.parent, "hash-dataset", self.folder),
            self._ours("hash-dataset, again", self._workspace(), "hash-dataset", LINKED),
        ]

    def _workspace(self):
        """Makes a workspace that holds the same files: the cache is that of where the files are."""
        root = self.bench.ours.make_project(f"hash-{self.name}", lambda root: None)
        shutil.copytree(self.folder, root / LINKED, copy_function=os.link)
        return root

    def _b3sum(self, label, many):
        command = ALL.format(many=many, b3sum=self.b3sum)
        words = ["/bin/sh", "-c", command]
        return Variant(label, words, self.folder, self.bench.plain.env, "b3sum")

    def _ours(self, label, cwd, *words):
        ours = self.bench.ours
        return Variant(f"ours: `{label}`", [ours.binary, *words], cwd, ours.env, "ours")

    def measure(self, title):
        """Runs everything in turns; returns the lines about this tree."""
        interleave(self.bench.meter, self.variants, self.bench.rounds, self.bench.patience)
        headers = [title, *COST_HEADERS, "wall × b3sum", "CPU × b3sum"]
        rows = [self._row(variant) for variant in self.variants]
        return paragraphs(table(headers, rows), failures(self.variants))

    def _row(self, variant):
        compared = [ratio(variant.median(what), self._best(what)) for what in ("wall", "cpu")]
        return [variant.label, *cost_cells(variant), *compared]

    def _best(self, what):
        """Returns the better median of the two ways to use `b3sum`."""
        return min((it.median(what) for it in self.references if it.samples), default=None)


def measure_hashing(bench):
    """Measures a tree of small files and one big file; returns the section."""
    small = bench.data.files(bench.tree_files, FILE_SIZE)
    big = bench.data.big()
    lone = bench.scratch / "lone"
    lone.mkdir()
    os.link(big, lone / big.name)
    trees = [
        (Hashing(bench, "small", small), f"{bench.tree_files:,} files of {FILE_SIZE:,} bytes"),
        (Hashing(bench, "big", lone), f"one file of {big.stat().st_size / (1 << 20):,.0f} MiB"),
    ]
    tables = [tree.measure(title) for tree, title in trees]
    text = (
        "On warm files. The first `hash-dataset` knows no hash cache; the one called *again* is of "
        "the same files in a workspace, whose cache its first run has filled. `b3sum` is "
        "given its files by `find` and `xargs`, whose cost counts; the last columns compare with the "
        "better of its two rows. Goals: no slower than `b3sum`, and 10 times faster once the cache "
        f"is filled. {agreement(bench, big)}"
    )
    return Section("hash", "Naming files", paragraphs(text, *tables))


def agreement(bench, path):
    """Says whether a file's name is what `b3sum` prints; raises Failed if it is another."""
    ours = checked([bench.ours.binary, "hash-object", path], env=bench.ours.env, cwd=path.parent)
    theirs = checked([install_b3sum(bench.cache), path])
    if ours.split()[:1] != theirs.split()[:1]:
        raise Failed(f"hash-object and b3sum disagree: {ours!r}, {theirs!r}")
    return "Both give the big file the same name."
