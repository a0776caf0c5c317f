"""`morphogen devices`: sound inputs, MIDI ports and displays, by the names that options take."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from morphogen.cli.output import note, print_json, print_table
from morphogen.errors import Unavailable

HELP = "List sound inputs, MIDI ports and displays."
SUFFIX = "_devices"


def devices(json: Annotated[bool, typer.Option("--json", help="As one line of JSON.")] = False) -> None:
    """What the probes called `*_devices` list."""
    from morphogen.registry import resolve, table

    found: dict[str, list[dict[str, Any]]] = {}
    for name in (name for name in table("PROBES") if name.endswith(SUFFIX)):
        kind = name.removesuffix(SUFFIX)
        try:
            found[kind] = list(resolve("PROBES", name)())
        except Unavailable as error:
            found[kind] = []
            note(f"{kind}: {error}")
        else:
            if not found[kind]:
                note(f"{kind}: nothing found.")
    if json:
        print_json(found, indent=None)
        return
    for kind, listed in found.items():
        if listed:
            columns = list(listed[0])
            rows = ([kind, *(device.get(column, "") for column in columns)] for device in listed)
            print_table(("kind", *columns), rows, ("", "cyan"))
