"""`morphogen keys`: the keys with which other computers may reach ZeroMQ, for `serve --curve-keys`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from morphogen.cli.output import note
from morphogen.errors import StateError
from morphogen.grammar import read_path

HELP = "Make the CURVE keys for `serve --curve-keys`: the daemon's pair and one for each client. Overwrites nothing."


def keys(
    folder: Annotated[str, typer.Argument(metavar="DIR", help="Folder to write to; made if missing.")],
    client: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Name of a client. May be repeated.", show_default="client"),
    ] = None,
) -> None:
    """Write what is not there yet; nothing new to write is an error, so that nobody takes old keys for new ones."""
    from morphogen.registry import resolve

    where, names = read_path(folder), tuple(client or ("client",))
    written: list[Path] = resolve("CLIENTS", "keys")(where, names)
    if not written:
        raise StateError(
            f"{where} already holds the keys of {', '.join(names)}; nothing was written.",
            "Choose another folder, or add a client with --client NAME.",
        )
    note(f"Wrote {', '.join(path.relative_to(where).as_posix() for path in written)} to {where}.")
