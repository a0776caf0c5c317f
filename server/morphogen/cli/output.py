"""How verbs print: answers to stdout, remarks to stderr, tables with rich, JSON for programs."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from morphogen.errors import UsageError


def note(text: str) -> None:
    """A remark for people, on stderr."""
    print(text, file=sys.stderr, flush=True)


@contextlib.contextmanager
def counting(what: str, shown: bool = True) -> Iterator[Callable[[int, int], None]]:
    """A bar on stderr with what is done of the work and the time that is left: call it with (done, of). Nothing into a
    pipe, and nothing unless `shown`."""
    if not (shown and sys.stderr.isatty()):
        yield lambda done, of: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, of: bar.update(task, completed=done, total=of)


def read_png(path: Path) -> Path:
    """`path`, where a picture shall go that carries a style. Raises UsageError for what would be no PNG."""
    if path.suffix.lower() != ".png":
        raise UsageError(f"{path.name[:60]} would not be a PNG, and only a PNG carries a style.", "End it in .png.")
    return path


def _plain(value: Any) -> Any:
    """What json cannot write by itself: bytes as hexadecimal, paths as text, sequences and mappings as such."""
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value).hex()
    if isinstance(value, Path):
        return str(value)
    if hasattr(value, "tolist"):
        return value.tolist()
    return dict(value) if isinstance(value, Mapping) else list(value) if isinstance(value, Iterable) else str(value)


def print_json(value: Any, indent: int | None = 2) -> None:
    """One JSON value on stdout; `indent` None keeps it on one line."""
    print(json.dumps(value, indent=indent, default=_plain, ensure_ascii=False), flush=True)


def print_table(columns: Sequence[str], rows: Iterable[Sequence[Any]], styles: Sequence[str] = ()) -> None:
    """A table on stdout; as wide as the terminal, unbounded into a pipe. Cells are never read as markup."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console() if sys.stdout.isatty() else Console(width=400)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for index, column in enumerate(columns):
        table.add_column(column, style=styles[index] if index < len(styles) else "", overflow="fold")
    for row in rows:
        table.add_row(*(cell if isinstance(cell, Text) else Text(_cell(cell)) for cell in row))
    console.print(table)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.6g}"
    return "x".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
