"""`morphogen bench`: measure this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from morphogen.cli.output import note, print_json
from morphogen.grammar import read_size

HELP = "Measure how fast this machine draws."


def bench(
    size: Annotated[str, typer.Option(metavar="WxH", help="Size that is compared with torch.")] = "1920x1080",
    seconds: Annotated[float, typer.Option(metavar="N", help="How long each measurement takes.")] = 2.0,
    backend: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Only this one. May be repeated.", show_default="all here")
    ] = None,
    full: Annotated[bool, typer.Option("--full", help="8K and every preset, too: some minutes.")] = False,
    chart: Annotated[
        Path | None, typer.Option(metavar="FILE.svg", help="Draw the times as a picture.", show_default="none")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Hand over to the measuring module."""
    wanted = read_size(size)
    from morphogen.bench import Wish, run, shown

    wish = Wish(wanted, seconds, tuple(backend or ()), full)
    result = run(wish) if json else shown(wish)
    if chart is not None:
        _draw(result, chart)
    if json:
        print_json(result, indent=None)


def _draw(result: dict[str, object], path: Path) -> None:
    from morphogen.bench.chart import chart
    from morphogen.errors import UsageError

    try:
        path.write_text(chart(result), encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}.", "Name a file in a folder that exists.") from error
    note(f"wrote {path}")
