"""What datasets cost at scale: named, named again, changed, compared, proved and kept."""

import os
import shutil
import sys
from dataclasses import replace

from .hashing import ALL
from .report import COST_HEADERS, Section, cost_cells, failures, paragraphs, ratio, table
from .sampling import Failed, Variant, interleave
from .tools import checked, compile_c, install_b3sum

DVC_VERSION = "3.67.1"
FILE_SIZE = 1024
DIFFERENT = 10
DATA = "out/files"


def measure_datasets(bench):
    """Measures a tree of `dataset_files` files; returns the section."""
    source = bench.data.files(bench.dataset_files, FILE_SIZE)
    ours, git, dvc = Ours(bench, source), Git(bench, source), Dvc.make(bench, source)
    others = [it for it in (git, dvc) if it]
    b3sum, looked = b3sum_variant(bench, source), stat_walk_variant(bench, source)
    parts = [
        ("for the first time", [ours.plain(), ours.first(), b3sum, *each("first", others)], b3sum),
        ("again, nothing has changed", [ours.again(), looked, *each("again", others)], looked),
        ("again, one file has changed", [ours.changed(), *each("changed", others)], None),
    ]
    blocks = [measured(bench, *part) for part in parts]
    kept = [ours.stored(bench), git.stored()]
    blocks.append(measured(bench, "two versions, once both are kept", sum(kept, []), None))
    sizes = [["ours", *ours.size()], *(it.size() for it in others)]
    headers = ["kept", "MiB", "bytes a file"]
    blocks.append(table(headers, [[it[0], *it[1:]] for it in sizes]))
    text = (
        f"{bench.dataset_files:,} files of {FILE_SIZE:,} bytes in 100 directories, warm. *stat_walk* lists "
        "and looks at everything with a thread a core, and does nothing else. `git add` and `dvc add` keep "
        "the files' bytes too, ours and `b3sum` only name them. The two versions differ in "
        f"{DIFFERENT} files. What takes longer than the patience runs once."
    )
    return Section("datasets", "Datasets", paragraphs(text, *blocks))


def each(what, tools):
    """Returns the variant of each tool for one thing to do."""
    return [getattr(tool, what)() for tool in tools]


def measured(bench, title, variants, reference):
    """Runs variants in turns; returns their table, with the CPU time as a multiple of one of them."""
    interleave(bench.meter, variants, bench.rounds, bench.patience)
    headers = [title, *COST_HEADERS]
    rows = [[it.label, *cost_cells(it)] for it in variants]
    if reference:
        headers += [f"CPU × {reference.label}", f"wall × {reference.label}"]
        for row, variant in zip(rows, variants):
            row += [ratio(variant.median(it), reference.median(it)) for it in ("cpu", "wall")]
    return paragraphs(table(headers, rows), failures(variants))


def b3sum_variant(bench, folder):
    """Hashes the files with `b3sum`, as many processes as there are cores."""
    cores = len(os.sched_getaffinity(0))
    command = ALL.format(many=f"-P {cores} -n 1000", b3sum=install_b3sum(bench.cache))
    return Variant("b3sum", ["/bin/sh", "-c", command], folder, bench.plain.env, "b3sum")


def stat_walk_variant(bench, folder):
    """Looks at the files and reads none."""
    source = bench.repository / "tests" / "bench" / "stat_walk.c"
    program = compile_c(source, bench.scratch / "stat_walk")
    return Variant("stat_walk", [program, folder], folder, bench.plain.env, "stat_walk")


def linked(source, target):
    """Makes a tree of links to the same files: their stamps and inodes are shared."""
    shutil.copytree(source, target, copy_function=os.link)
    return target


def replaced(path, number):
    """Puts a file with other bytes in the place of one that others may be linked to."""
    path.unlink()
    path.write_text(f"changed {number}\n")


def some_files(folder, count):
    """Returns a few files, spread over the folder."""
    return [folder / f"{number % 100:02}" / f"{number:06}" for number in range(0, count * 37, 37)]


class Ours:
    """A workspace of ours that holds the files."""

    def __init__(self, bench, source):
        self.tool = bench.ours
        self.source = source
        self.root = bench.ours.make_project("datasets", lambda root: None)
        self.folder = linked(source, self.root / DATA)
        self.changes = 0

    def _variant(self, label, words, reset=lambda: None):
        argv = [self.tool.binary, *words]
        return Variant(f"ours: `{label}`", argv, self.root, self.tool.env, "ours", reset)

    def plain(self):
        """Names the files and keeps nothing, outside of any workspace."""
        variant = self._variant("hash-dataset", ["hash-dataset", self.source])
        return replace(variant, cwd=self.source.parent)

    def first(self):
        """Names the files and keeps the dataset, in a store that knows nothing."""
        words = ["hash-dataset", "--write", DATA]
        return self._variant("hash-dataset --write", words, lambda: self.tool.start_afresh(self.root))

    def again(self):
        """Names the files that are known already."""
        return self._variant("hash-dataset", ["hash-dataset", DATA])

    def changed(self):
        """Names the files and keeps the dataset, after one file has changed."""
        words = ["hash-dataset", "--write", DATA]
        return self._variant("hash-dataset --write", words, self._change)

    def _change(self):
        self.changes += 1
        replaced(some_files(self.folder, 1)[0], self.changes)

    def _keep(self):
        words = [self.tool.binary, "hash-dataset", "--write", DATA]
        return checked(words, cwd=self.root, env=self.tool.env).decode().strip()

    def stored(self, bench):
        """Keeps two versions, and asks about them."""
        old = self._keep()
        for number, path in enumerate(some_files(self.folder, DIFFERENT)):
            replaced(path, -number)
        new = self._keep()
        words = [self.tool.binary, "diff-tree", old, new]
        lines = shell_output(words, self.root, self.tool.env).splitlines()
        if len(lines) != DIFFERENT:
            raise Failed(f"{DIFFERENT} files were changed, and {len(lines)} differ")
        member, proof = "01/000001", bench.scratch / "proof"
        show = ["verify-member", "--proof", proof, new, member]
        checked([self.tool.binary, *show], cwd=self.root, env=self.tool.env)
        compare = Variant(
            "ours: `diff-tree A B`",
            ["/bin/sh", "-c", '"$@"; test $? = 1', "sh", *words],
            self.root,
            self.tool.env,
            "ours",
        )
        return [
            compare,
            self._variant("verify-member A PATH", ["verify-member", new, member]),
            self._variant("verify-member --check", ["verify-member", "--check", proof, new]),
            self._variant("ls-tree -r A", ["ls-tree", "-r", new]),
        ]

    def size(self):
        """Returns what one version takes: MiB, and bytes a file."""
        self.tool.start_afresh(self.root)
        self._keep()
        packs = self.root / ".roar" / "packs"
        return amounts(packs, self.source)


def shell_output(words, cwd, env):
    """Returns what a command prints, whatever its exit code says."""
    quoted = ["/bin/sh", "-c", '"$@" || true', "sh", *words]
    return checked(quoted, cwd=cwd, env=env)


def amounts(kept, source):
    """Returns how much is in a folder: MiB, and bytes for each file of the dataset."""
    size = sum(path.stat().st_size for path in kept.rglob("*") if path.is_file())
    files = sum(len(names) for _, _, names in os.walk(source))
    return [f"{size / (1 << 20):,.1f}", f"{size / files:,.0f}"]


class Git:
    """A repository of git that holds the files."""

    label = "git"

    def __init__(self, bench, source):
        self.env = bench.plain.env
        self.source = source
        self.root = bench.scratch / "projects" / "git-datasets"
        self.root.mkdir(parents=True)
        self.folder = linked(source, self.root / "files")
        self.changes = 0

    def _variant(self, label, words, reset=lambda: None):
        return Variant(f"`git {label}`", ["git", *words], self.root, self.env, "git", reset)

    def _afresh(self):
        shutil.rmtree(self.root / ".git", ignore_errors=True)
        checked(["git", "init", "-q"], cwd=self.root, env=self.env)

    def _change(self):
        self.changes += 1
        replaced(some_files(self.folder, 1)[0], self.changes)

    def first(self):
        """Adds everything to an empty repository."""
        return self._variant("add", ["add", "files"], self._afresh)

    def again(self):
        """Asks what has changed, which is nothing."""
        return self._variant("status", ["status", "--porcelain", "--untracked-files=no"])

    def changed(self):
        """Adds everything after one file has changed."""
        return self._variant("add", ["add", "files"], self._change)

    def _tree(self):
        checked(["git", "add", "files"], cwd=self.root, env=self.env)
        written = checked(["git", "write-tree"], cwd=self.root, env=self.env)
        return written.decode().strip()

    def stored(self):
        """Keeps two versions, and asks about them."""
        old = self._tree()
        for number, path in enumerate(some_files(self.folder, DIFFERENT)):
            replaced(path, -number)
        new = self._tree()
        return [
            self._variant("diff-tree -r A B", ["diff-tree", "-r", old, new]),
            self._variant("ls-tree -r A", ["ls-tree", "-r", new]),
        ]

    def size(self):
        """Returns what the repository takes."""
        return ["git, with the bytes", *amounts(self.root / ".git", self.source)]


class Dvc:
    """A project of dvc that holds the files."""

    def __init__(self, bench, source, program):
        self.program = program
        self.source = source
        self.env = dict(bench.plain.env, DVC_NO_ANALYTICS="1")
        self.root = bench.scratch / "projects" / "dvc-datasets"
        self.root.mkdir(parents=True)
        # It replaces files by its own, so it gets copies.
        self.folder = shutil.copytree(source, self.root / "files")
        self.changes = 0

    @classmethod
    def make(cls, bench, source):
        """Returns the project, or None where dvc is not wanted or cannot be installed."""
        if bench.peer is None:
            return None
        try:
            return cls(bench, source, install_dvc(bench.cache))
        except Failed as error:
            print(f"warning: dvc is left out: {error}", file=sys.stderr)
            return None

    def _variant(self, label, words, reset=lambda: None):
        argv = [self.program, *words]
        return Variant(f"`dvc {label}`", argv, self.root, self.env, "dvc", reset)

    def _afresh(self):
        shutil.rmtree(self.root / ".dvc", ignore_errors=True)
        (self.root / "files.dvc").unlink(missing_ok=True)
        checked([self.program, "init", "--no-scm", "-q"], cwd=self.root, env=self.env)

    def _change(self):
        self.changes += 1
        replaced(some_files(self.folder, 1)[0], self.changes)

    def first(self):
        """Adds everything to an empty project."""
        return self._variant("add", ["add", "-q", "files"], self._afresh)

    def again(self):
        """Asks what has changed, which is nothing."""
        return self._variant("status", ["status", "-q"])

    def changed(self):
        """Adds everything after one file has changed."""
        return self._variant("add", ["add", "-q", "files"], self._change)

    def size(self):
        """Returns what its cache takes."""
        return ["dvc, with the bytes", *amounts(self.root / ".dvc", self.source)]


def install_dvc(cache):
    """Installs dvc in an environment of its own; returns its path."""
    folder = cache / f"dvc-{DVC_VERSION}"
    if not (folder / "bin" / "dvc").exists():
        print(f"installing dvc {DVC_VERSION} in {folder}", file=sys.stderr)
        checked([sys.executable, "-m", "venv", folder])
        pip = [folder / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check"]
        checked([*pip, f"dvc=={DVC_VERSION}"])
    return folder / "bin" / "dvc"
