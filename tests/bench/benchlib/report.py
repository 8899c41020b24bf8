"""Turns samples into tables, and keeps the page that shows them.

The page is made of sections. A run of the programme replaces the sections it has measured and
leaves the others as they are, so that parts can be measured on their own.
"""

import re
from dataclasses import dataclass

MISSING = "–"
MARK = "<!-- section: {} -->"
SECTION = re.compile(r"<!-- section: (\S+) -->\n(.*?)(?=<!-- section: |\Z)", re.DOTALL)


@dataclass(frozen=True)
class Section:
    """A titled piece of the page."""

    name: str
    title: str
    body: str

    def __str__(self):
        return f"## {self.title}\n\n{self.body}\n"


def three_digits(value):
    """Writes a number so that three digits count."""
    size = abs(value)
    return f"{value:,.0f}" if size >= 100 else f"{value:.1f}" if size >= 10 else f"{value:.2f}"


def milliseconds(seconds):
    """Writes a time."""
    return MISSING if seconds is None else three_digits(seconds * 1000)


def ratio(part, whole):
    """Writes one number as a multiple of another, where that has a meaning."""
    if not part or not whole or part < 0 or whole < 0:
        return MISSING
    return three_digits(part / whole)


def mebibytes(value):
    """Writes an amount of memory."""
    return MISSING if value is None else f"{value:,.1f}"


def table(headers, rows):
    """Writes a Markdown table, all columns but the first aligned to the right."""
    lines = [headers, ["---", *["---:"] * (len(headers) - 1)], *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def paragraphs(*blocks):
    """Puts blocks of text below each other, leaving out the empty ones."""
    return "\n\n".join(block.strip() for block in blocks if block.strip())


COST_HEADERS = ["CPU ms: min", "median", "max", "wall ms", "peak MiB", "first CPU ms", "runs"]


def cost_cells(variant):
    """Returns the cells under COST_HEADERS; what failed has none."""
    if not variant.samples:
        return [MISSING] * len(COST_HEADERS)
    return [
        *map(milliseconds, variant.spread()),
        milliseconds(variant.median("wall")),
        mebibytes(variant.median("rss")),
        milliseconds(variant.first.cpu),
        len(variant.samples),
    ]


def failures(variants):
    """Says what went wrong with which variant, a line each."""
    failed = [variant for variant in variants if variant.failure]
    return "".join(f"- {variant.label} failed: {variant.failure}\n" for variant in failed)


def merge(page, heading, machine, order, sections):
    """Returns the page with these sections in the place of their older selves, in `order`; what other
    programmes measured comes last.

    What was measured on another machine is dropped: figures of two machines do not compare.
    """
    kept = dict(SECTION.findall(page)) if machine in page else {}
    kept.update((section.name, str(section)) for section in sections)
    names = [name for name in order if name in kept]
    names += [name for name in kept if name not in order]
    marked = (f"{MARK.format(name)}\n{kept[name].strip()}\n" for name in names)
    return "\n".join([heading.strip() + "\n", *marked])
