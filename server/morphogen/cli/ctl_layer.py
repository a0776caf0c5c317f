"""`morphogen ctl layer`: the style over the show."""

from __future__ import annotations

from typing import Annotated

import typer

from morphogen.cli import complete
from morphogen.cli.remote import Remote
from morphogen.grammar import read_path


def layer(
    remote: Remote,
    name: Annotated[
        str, typer.Argument(metavar="NAME|FILE|off", help="A style, or `off`.", autocompletion=complete.style_names)
    ],
) -> None:
    """Lay a style over the show, or take it away: `off`."""
    path = read_path(name)
    wanted = str(path.resolve()) if path.is_file() else name
    answer = remote.call("layer.clear") if name == "off" else remote.call("layer.load", name=wanted)
    remote.show(answer, lambda told: print(f"Layer: {told['name'] or 'off'}"))
