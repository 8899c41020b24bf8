"""The programs that are compared: where they come from, and how each is used.

Everything that is installed lives in a cache folder outside the repository and is reused.
"""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from .sampling import Failed

PEER_VERSION = "0.4.7"
PEER_TRACERS = {
    "preload": "roar-tracer-preload",
    "ptrace": "roar-tracer",
    "ebpf": "roar-tracer-ebpf",
}
PEER_MODES = ("auto", *PEER_TRACERS)
# As by default, where programs note themselves what they read; without that; and the way to fall back on.
OUR_MODES = ("notify", "notify-off", "ptrace")
B3SUM_VERSION = "1.8.7"

# What workload d imports. Runs with every Python from 3.11 on.
NUMPY_VERSION = "2.4.0"


@dataclass(frozen=True)
class Recorded:
    """What a recorder found a run to have read as data, read as code, and written.

    Each is a list of pairs: an absolute path, and how many files it stands for.
    """

    inputs: list
    code: list
    outputs: list

    def covers(self, least, data, out):
        """Says whether so many files of `data` were read, and so many in `out` written."""
        read = count(self.inputs + self.code, data)
        return read >= least[0] and count(self.outputs, out) >= least[1]

    def __str__(self):
        code = f"{count(self.code):,} code, " if self.code else ""
        return f"{count(self.inputs):,} in, {code}{count(self.outputs):,} out"


def count(entries, folder="/"):
    """Counts the files that are in a folder."""
    return sum(files for path, files in entries if path.is_relative_to(folder))


def cache_folder():
    """Returns the folder that installed programs are kept in."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "roar-bench"


def checked(argv, **options):
    """Runs a command that prepares something; returns its output, raises Failed if it fails."""
    words = [str(word) for word in argv]
    done = subprocess.run(words, capture_output=True, check=False, **options)
    if done.returncode:
        output = done.stderr or done.stdout
        message = output.decode(errors="replace").strip()[-400:]
        raise Failed(f"'{' '.join(words[:4])}' ended with {done.returncode}: {message}")
    return done.stdout


def compile_c(source, target):
    """Compiles one C file."""
    checked(["gcc", "-O2", "-Wall", "-pthread", "-o", target, source])
    return target


def install_peer(cache):
    """Installs the Python peer in an environment of its own; returns the environment's folder."""
    folder = cache / f"peer-{PEER_VERSION}"
    if not (folder / "bin" / "roar").exists():
        print(f"installing roar-cli {PEER_VERSION} in {folder}", file=sys.stderr)
        checked([sys.executable, "-m", "venv", folder])
        pip = [folder / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check"]
        checked([*pip, f"roar-cli=={PEER_VERSION}"])
    return folder


def install_numpy(cache):
    """Installs numpy in an environment of its own; returns its interpreter."""
    folder = cache / f"numpy-{NUMPY_VERSION}"
    python = folder / "bin" / "python"
    if not (folder / "done").exists():
        print(f"installing numpy {NUMPY_VERSION} in {folder}", file=sys.stderr)
        checked([sys.executable, "-m", "venv", "--clear", folder])
        pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        checked([*pip, f"numpy=={NUMPY_VERSION}"])
        # The first import compiles it.
        checked([python, "-c", "import numpy"])
        (folder / "done").touch()
    return python


def install_b3sum(cache):
    """Installs `b3sum`; returns its path."""
    folder = cache / f"b3sum-{B3SUM_VERSION}"
    if not (folder / "bin" / "b3sum").exists():
        print(f"installing b3sum {B3SUM_VERSION} in {folder}", file=sys.stderr)
        version = ["--version", f"={B3SUM_VERSION}"]
        checked(["cargo", "install", "--quiet", "--locked", "b3sum", *version, "--root", folder])
    return folder / "bin" / "b3sum"


def build_ours(repository):
    """Builds the release binary."""
    print("building the release binary", file=sys.stderr)
    checked(["cargo", "build", "--release", "--locked", "-p", "roar"], cwd=repository)


def tracer_of(mode):
    """Returns our way to watch in a mode."""
    return mode.removesuffix("-off")


class Plain:
    """No recorder at all. The base of the others: a home of its own, projects under git."""

    name = "plain"
    prepares = ()

    def __init__(self, scratch):
        self.scratch = scratch
        self.home = scratch / "home" / self.name
        self.home.mkdir(parents=True)
        self.env = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "LANG": "C.UTF-8",
            "NO_COLOR": "1",
        }
        identity = "[user]\n\tname = Bench\n\temail = bench@localhost\n"
        (self.home / ".gitconfig").write_text(identity)

    def make_project(self, label, fill):
        """Makes a project with a clean tree: `fill` puts files in it, those in git are committed.

        What a project computes goes to `out/`, which git ignores, as it does `.roar/`.
        """
        root = self.scratch / "projects" / f"{self.name}-{label}"
        (root / "out").mkdir(parents=True)
        (root / ".gitignore").write_text(".roar/\nout/\n")
        fill(root)
        for words in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-q", "-m", "start"]):
            checked(["git", *words], cwd=root, env=self.env)
        self.start_afresh(root)
        return root

    def start_afresh(self, root):
        """Forgets everything that was recorded in a project."""
        shutil.rmtree(root / ".roar", ignore_errors=True)
        if self.prepares:
            checked([*self.prepares, "init"], cwd=root, env=self.env)

    def records(self, _root):
        """Returns what was recorded of the last run; None if this is no recorder."""
        return None


class Bare(Plain):
    """The mechanism that we watch by, and nothing done with it: what no watcher can go below."""

    name = "bare"

    def __init__(self, scratch, program):
        super().__init__(scratch)
        self.program = program

    def watch(self, argv):
        """Returns the command line that lets every call of a command go by."""
        return [self.program, *argv]


class Ours(Plain):
    """The binary that this repository builds."""

    name = "ours"

    def __init__(self, scratch, binary):
        super().__init__(scratch)
        self.binary = binary
        self.prepares = (binary,)

    def run(self, mode, argv):
        """Returns the command line that runs and records a command."""
        return [*self._in(mode), "run", "--tracer", tracer_of(mode), "--", *argv]

    def trace(self, mode, argv, listing):
        """Returns the command line that watches a command and records nothing."""
        return [*self._in(mode), "trace", "--tracer", tracer_of(mode), "-o", listing, "--", *argv]

    def _in(self, mode):
        """Returns the program with the settings of a mode."""
        off = mode.endswith("-off")
        return [self.binary, *(["--config", "tracer.accelerate=off"] if off else [])]

    def ask(self, root, *words):
        """Asks a question and returns the answer's JSON."""
        return json.loads(checked([self.binary, *words, "--json"], cwd=root, env=self.env))

    def records(self, root):
        """Returns what is recorded of step 1."""
        job = self.ask(root, "show", "@1")
        return Recorded(*(self._entries(root, job[kind]) for kind in ("inputs", "code", "outputs")))

    def traced(self, root, listing):
        """Returns what a trace found; it does not tell code from data."""
        lines = [json.loads(line) for line in listing.read_bytes().splitlines()]
        files = [line for line in lines if "path" in line]
        read, written = ([line for line in files if line[kind]] for kind in ("read", "written"))
        return Recorded(self._entries(root, read), [], self._entries(root, written))

    def _entries(self, root, listed):
        """Returns the paths of a list, and how many files each of them is: many if a dataset.

        A file that is listed beside its dataset must not count twice.
        """
        alone = (entry for entry in listed if "dataset" not in entry)
        return [(root / entry["path"], entry.get("files", 1)) for entry in alone]


class Peer(Plain):
    """The Python program of the same name and purpose."""

    name = "peer"

    def __init__(self, scratch, folder):
        super().__init__(scratch)
        self.binary = folder / "bin" / "roar"
        self.prepares = (self.binary,)
        self.tracers = next(folder.glob("lib/python3*/site-packages/roar/bin"))
        # Its telemetry would make the figures worse, and depend on the network.
        self.env.update(DO_NOT_TRACK="1", ROAR_NO_TELEMETRY="1")

    def run(self, mode, argv):
        """Returns the command line that runs and records a command."""
        return [self.binary, "run", "--tracer", mode, "--no-tracer-fallback", *argv]

    def trace(self, mode, argv, listing):
        """Returns the command line of one of its tracers alone, which records nothing."""
        return [self.tracers / PEER_TRACERS[mode], listing, *argv]

    def records(self, root):
        """Returns the inputs and outputs of the last job in its database."""
        database = sqlite3.connect(root / ".roar" / "roar.db")
        try:
            query = "select path from job_{} where job_id = (select max(id) from jobs)"
            read, written = (
                [(root / path, 1) for (path,) in database.execute(query.format(side))]
                for side in ("inputs", "outputs")
            )
            return Recorded(read, [], written)
        finally:
            database.close()
