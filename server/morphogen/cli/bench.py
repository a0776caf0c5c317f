"""`morphogen bench`: measure this machine."""

from __future__ import annotations

from typing import Annotated

import typer

from morphogen.cli.output import print_json
from morphogen.grammar import read_size

HELP = "Measure how fast this machine draws."


def bench(
    size: Annotated[str, typer.Option(metavar="WxH", help="Size in pixels.")] = "1920x1080",
    seconds: Annotated[float, typer.Option(metavar="N", help="How long each measurement takes.")] = 2.0,
    json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Hand over to the measuring module."""
    wanted = read_size(size)
    from morphogen.bench import run

    result = run(size=wanted, seconds=seconds, quiet=json)
    if json:
        print_json(result, indent=None)
