"""The commands that are watched, from one that does nothing to one that does nothing but open files."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

READ_FILES = 5000
WRITTEN_FILES = 100
C_FILES = 100
SPAWNS = 500
THREADS = 4

LOOP = f"i=0; while [ $i -lt {SPAWNS} ]; do /bin/true; i=$((i+1)); done"

SCRIPT = f"""\
import sys
import numpy
total = 0
for number in range({READ_FILES}):
    with open(f"{{sys.argv[1]}}/{{number % 100:02}}/{{number:06}}", "rb") as file:
        total += int(numpy.frombuffer(file.read(), numpy.uint8).sum())
for number in range({WRITTEN_FILES}):
    with open(f"out/{{number:03}}.txt", "w") as file:
        file.write(f"{{number}} {{total}}\\n")
"""

C_SOURCE = """\
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "common.h"

int part_{number}(const char *text) {{
    char buffer[LENGTH];
    snprintf(buffer, sizeof buffer, "%s {number}", text);
    return atoi(buffer) + (int)strlen(buffer);
}}
"""

MAKEFILE = """\
parts := $(patsubst %.c,out/%.o,$(wildcard part_*.c))
out/parts.a: $(parts)
\tar rc $@ $^
out/%.o: %.c
\tgcc -O1 -c -o $@ $<
"""


@dataclass(frozen=True)
class Workload:
    """One command, what it needs, and what is expected of a recorder.

    `least` is how many files it must find to be read and to be written. `goals` are the most CPU
    that watching the command may take, as multiples of the plain command, by our way to watch.
    """

    name: str
    title: str
    least: tuple
    argv: Callable
    goals: dict
    fill: Callable = lambda root: None

    def heading(self):
        """Returns the name and the title."""
        return f"{self.name}: {self.title}"


class Data:
    """The read-only files that workloads share, each made when it is first asked for.

    `numpy` returns an interpreter that has numpy.
    """

    def __init__(self, scratch, work, numpy, size, many):
        self.folder = scratch / "data"
        self.numpy = numpy
        self.work = work
        self.size = size
        self.many = many

    def big(self):
        """Returns a file of `size` bytes that is not sparse."""
        path = self.folder / "big.bin"
        if not path.exists():
            self.folder.mkdir(exist_ok=True)
            write_noise(path, self.size)
        return path

    def files(self, count, size=64):
        """Returns a folder of `count` distinct files in a hundred sub-folders."""
        folder = self.folder / f"files-{count}-{size}"
        if not folder.exists():
            write_files(folder, count, size)
        return folder


def write_noise(path, size):
    """Writes `size` bytes that do not repeat within a file and are quick to make."""
    block = os.urandom(1 << 20)
    with open(path, "wb") as file:
        for number in range(0, size, len(block)):
            file.write((number.to_bytes(8, "little") + block[8:])[: size - number])


def write_files(folder, count, size):
    """Writes distinct files, named as the `open` of work.c expects."""
    for number in range(100):
        (folder / f"{number:02}").mkdir(parents=True)
    filling = "roar " * (size // 5 + 1)
    for number in range(count):
        text = f"{number:08} {filling}"[: size - 1] + "\n"
        (folder / f"{number % 100:02}" / f"{number:06}").write_text(text)


def fill_script(root):
    """Puts the Python script in a project."""
    (root / "work.py").write_text(SCRIPT)


def fill_sources(root):
    """Puts C files, and a Makefile that compiles them, in a project."""
    (root / "common.h").write_text("#define LENGTH 64\n")
    (root / "Makefile").write_text(MAKEFILE)
    for number in range(C_FILES):
        (root / f"part_{number:03}.c").write_text(C_SOURCE.format(number=number))


def empty_output(root):
    """Removes what a run has written, so that the next one writes it again."""
    shutil.rmtree(root / "out", ignore_errors=True)
    (root / "out").mkdir()


def goals(notify, off, ptrace):
    """Names three goals by our way to watch."""
    return {"notify": notify, "notify-off": off, "ptrace": ptrace}


def workloads(data):
    """Returns all workloads by name."""
    size = f"{data.size / (1 << 20):,.0f} MiB"
    listed = [
        Workload("a", "`true`", (0, 0), lambda: ["true"], {}),
        Workload(
            "b",
            f"a shell loop of {SPAWNS} × `/bin/true`",
            (0, 0),
            lambda: ["/bin/sh", "-c", LOOP],
            goals(1.12, 1.12, 1.2),
        ),
        Workload(
            "c",
            f"`make -B -j2` of {C_FILES} C files",
            (0, C_FILES + 1),
            lambda: ["make", "-B", "-j2"],
            goals(1.05, 1.08, 1.15),
            fill_sources,
        ),
        Workload(
            "d",
            f"Python with numpy reads {READ_FILES:,} files and writes {WRITTEN_FILES}",
            (READ_FILES, WRITTEN_FILES),
            lambda: [data.numpy(), "work.py", data.files(READ_FILES)],
            goals(1.08, 1.2, 1.4),
            fill_script,
        ),
        Workload(
            "e64",
            f"{size} read in order, 64 KiB at a time",
            (1, 0),
            lambda: [data.work, "read", "65536", data.big()],
            goals(1.03, 1.03, 1.03),
        ),
        Workload(
            "e4",
            f"{size} read in order, 4 KiB at a time",
            (1, 0),
            lambda: [data.work, "read", "4096", data.big()],
            goals(1.06, 1.06, 1.06),
        ),
        Workload(
            "em",
            f"{size} read through a memory map",
            (1, 0),
            lambda: [data.work, "map", data.big()],
            goals(1.02, 1.02, 1.02),
        ),
        Workload(
            "f",
            "`find /usr -xdev -name x`",
            (0, 0),
            lambda: ["find", "/usr", "-xdev", "-name", "x"],
            goals(1.05, 1.05, 1.05),
        ),
        Workload(
            "f2",
            "`find /usr -printf %s`",
            (0, 0),
            lambda: ["find", "/usr", "-printf", "%s"],
            goals(1.02, 1.02, 1.02),
        ),
        Workload(
            "g",
            f"{THREADS} threads open, read and close {data.many:,} files",
            (data.many, 0),
            lambda: [data.work, "open", THREADS, data.many, data.files(data.many)],
            goals(1.4, 3.5, 4.5),
        ),
    ]
    return {workload.name: workload for workload in listed}
