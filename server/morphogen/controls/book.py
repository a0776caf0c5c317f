"""The text of a controls file: read leniently, changed without touching what people wrote around it.

A TOML file of `[[control]]` blocks. Each block is read by itself, so that a slip of the pen costs that block and no
other; changing one rule rewrites its block alone, and comments, order and broken blocks stay as they are.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from morphogen.controls.rules import Rule, make
from morphogen.errors import UsageError

HEADER = """# What the controllers do. Change it while the show runs: it is read again within a second or two.
# `morphogen ctl learn KEY` writes here, and so does the page; docs/midi.md tells all fields.
"""
_TABLE = re.compile(r"^\s*\[")
_CONTROL = re.compile(r"^\s*\[\[\s*control\s*\]\]\s*(#.*)?$")
_AT = re.compile(r"\s*\(at (?:line (\d+), column \d+|end of document)\)")


@dataclass(frozen=True)
class Problem:
    """One thing that is not understood: line from 1, what, and the cure."""

    line: int
    message: str
    cure: str


@dataclass(frozen=True)
class _Block:
    """A piece of the text; with the rule that it holds, or what is wrong with it."""

    text: str
    rule: Rule | None = None
    problem: Problem | None = None


class Book:
    """Immutable. `rules` in order, `problems`, `text`. check(rule) raises UsageError for what cannot be done here."""

    def __init__(self, blocks: Iterable[_Block]) -> None:
        self._blocks = tuple(blocks)

    @property
    def text(self) -> str:
        """The whole file."""
        return "".join(block.text for block in self._blocks)

    @property
    def rules(self) -> list[Rule]:
        """What could be read, in order; of two with one name the later."""
        return list({block.rule.name: block.rule for block in self._blocks if block.rule}.values())

    @property
    def problems(self) -> list[Problem]:
        """What could not."""
        return [block.problem for block in self._blocks if block.problem]

    def put(self, rule: Rule) -> Book:
        """With this rule: in place of the one of its name, else at the end."""
        place = next((n for n, b in enumerate(self._blocks) if b.rule and b.rule.name == rule.name), None)
        if place is not None:
            old = self._blocks[place]
            blocks = list(self._blocks)
            blocks[place] = _Block(_lead(old.text) + write(rule) + _tail(old.text), rule)
            return Book(blocks)
        text = self.text
        gap = "" if text.endswith("\n\n") else "\n" if text.endswith("\n") else "\n\n"
        start = self._blocks if text else (_Block(HEADER),)
        return Book([*start, _Block((gap if text else "\n") + write(rule), rule)])

    def remove(self, address: str, target: str) -> Book:
        """Without this rule; what was commented above it goes, too."""
        return Book(block for block in self._blocks if not block.rule or block.rule.name != (address, target))


def read(text: str, check: Callable[[Rule], None]) -> Book:
    """The text as a book. Never raises."""
    blocks, line = [], 1
    for piece in _pieces(text):
        blocks.append(_read_block(piece, line, check))
        line += piece.count("\n")
    return Book(blocks)


def write(rule: Rule) -> str:
    """A rule as a block of TOML."""
    lines = [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in rule.public().items()]
    return "\n".join(["[[control]]", *lines, ""])


def _pieces(text: str) -> list[str]:
    """Cut before every table header, and the comments that stand right above it."""
    pieces: list[list[str]] = [[]]
    for line in text.splitlines(keepends=True):
        if _TABLE.match(line):
            above: list[str] = []
            while pieces[-1] and pieces[-1][-1].lstrip().startswith("#"):
                above.insert(0, pieces[-1].pop())
            pieces.append(above)
        pieces[-1].append(line)
    return ["".join(lines) for lines in pieces if lines]


def _read_block(text: str, first: int, check: Callable[[Rule], None]) -> _Block:
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = _AT.search(str(error))
        line = first + (int(found[1]) - 1 if found and found[1] else max(text.rstrip().count("\n"), 0))
        return _Block(
            text, problem=Problem(line, f"{_AT.sub('', str(error))}.", 'Write one `name = value` a line, texts in "".')
        )
    except RecursionError:
        return _Block(text, problem=Problem(first, "brackets within brackets.", "See docs/midi.md."))
    if not data:
        return _Block(text)
    head = first + next(
        n for n, line in enumerate(text.splitlines()) if line.strip() and not line.lstrip().startswith("#")
    )
    if not _CONTROL.match(text.splitlines()[head - first]):
        return _Block(
            text,
            problem=Problem(
                head, f"'{next(iter(data))[:40]}' is not understood here.", "Every rule begins with [[control]]."
            ),
        )
    try:
        rule = make(data["control"][0])
        check(rule)
    except UsageError as error:
        return _Block(text, problem=Problem(_line_of(error.message, text, head, first), error.message, error.cure))
    return _Block(text, rule)


def _line_of(message: str, text: str, head: int, first: int) -> int:
    """The line of the field that an error names first, else of the block's header."""
    field = re.escape(message.split("'")[1]) if message.startswith("'") else "-"
    lines = enumerate(text.splitlines(), first)
    return next((number for number, line in lines if re.match(rf"\s*\"?{field}\"?\s*=", line)), head)


def _lead(text: str) -> str:
    """Blank lines and comments above a block's header."""
    lines = text.splitlines(keepends=True)
    return "".join(lines[: next(n for n, line in enumerate(lines) if _TABLE.match(line))])


def _tail(text: str) -> str:
    """Blank lines and comments below a block's last field."""
    lines = text.splitlines(keepends=True)
    last = max(n for n, line in enumerate(lines) if line.strip() and not line.lstrip().startswith("#"))
    return "".join(lines[last + 1 :])
