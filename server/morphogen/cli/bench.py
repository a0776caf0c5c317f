"""`morphogen bench`: measure this machine."""

from __future__ import annotations

from typing import Annotated

import typer

from morphogen.cli.output import print_json
from morphogen.errors import Unavailable
from morphogen.grammar import read_size

HELP = "Measure how fast this machine draws."


def bench(
    size: Annotated[str, typer.Option(metavar="WxH", help="Size in pixels.")] = "1920x1080",
    seconds: Annotated[float, typer.Option(metavar="N", help="How long each measurement takes.")] = 2.0,
    json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Hand over to the measuring module."""
    wanted = read_size(size)
    try:
        from morphogen.bench import run
    except ModuleNotFoundError as error:
        raise Unavailable("this version has no measurements built in.", "See the folder bench/.") from error
    result = run(size=wanted, seconds=seconds, quiet=json)
    if json:
        print_json(result, indent=None)
