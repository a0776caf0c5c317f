"""`morphogen devices`: sound inputs and MIDI ports, by the names that options take."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from morphogen.cli.output import note, print_json, print_table
from morphogen.findings import attempt

HELP = "List sound inputs and MIDI ports."
KINDS = ("audio", "midi")


def devices(json: Annotated[bool, typer.Option("--json", help="As one line of JSON.")] = False) -> None:
    """The probes that list devices, told as lists."""
    from morphogen.registry import resolve, table

    probes = table("PROBES")
    found: dict[str, list[dict[str, Any]]] = {}
    for kind in (kind for kind in KINDS if kind in probes):
        finding = attempt(kind, "input", lambda kind=kind: resolve("PROBES", kind)())  # type: ignore[misc]
        found[kind] = list(finding.details.get("devices", ()))
        if not found[kind]:
            note(f"{kind}: {finding.summary} {finding.cure}".strip())
    if json:
        print_json(found, indent=None)
        return
    for kind, listed in found.items():
        if listed:
            columns = list(listed[0])
            rows = ([kind, *(device.get(column, "") for column in columns)] for device in listed)
            print_table(("kind", *columns), rows, ("", "cyan"))
