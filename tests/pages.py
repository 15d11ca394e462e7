"""The pages of the documentation and their fenced blocks."""

import re
import textwrap
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted(path.relative_to(ROOT) for path in [*ROOT.glob("docs/**/*.md"), *ROOT.glob("README.md")])
FENCE = re.compile(
    r"^(?P<indent> *)(?P<ticks>`{3,}|~{3,})(?P<language>[^\n`]*)\n(?P<text>.*?)^ *(?P=ticks) *$", re.M | re.S
)

#: The languages of fences, by what becomes of their blocks.
TEMPLATES = ("django", "html+django")
SHELL = ("shell", "console", "bash", "sh")


class Block(NamedTuple):
    """One fenced block of a page."""

    language: str
    """All that stands behind the opening backticks."""

    text: str
    line: int


def blocks_of(page: Path) -> list[Block]:
    source = (ROOT / page).read_text(encoding="utf-8")
    return [
        Block(found["language"].strip(), textwrap.dedent(found["text"]), source.count("\n", 0, found.start()) + 2)
        for found in FENCE.finditer(source)
    ]


def all_blocks(*languages: str) -> list[object]:
    return [
        pytest.param(page, block, id=f"{page}:{block.line}")
        for page in PAGES
        for block in blocks_of(page)
        if block.language in languages
    ]
