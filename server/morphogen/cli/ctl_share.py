"""`morphogen ctl share`: what a running daemon shows as a picture that carries its style."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from morphogen.cli import complete
from morphogen.cli.output import read_png
from morphogen.cli.remote import Remote
from morphogen.grammar import read_path

Name = Annotated[
    str, typer.Argument(metavar="[NAME|FILE]", help="Left out: the running one.", autocompletion=complete.style_names)
]


def share(
    remote: Remote,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="OUT.png", help="File to write.")],
    name: Name = "",
) -> None:
    """The running style as it looks and sounds now, or another, as a picture that carries it."""
    from morphogen.library.atomic import write

    read_png(output)
    path = read_path(name) if name else None
    answer = remote.call("style.share", name=str(path.resolve()) if path and path.is_file() else name)
    write(output, answer["png"])
    told = {"name": answer["name"], "path": str(output), "bytes": len(answer["png"])}
    remote.show(told, lambda _: print(f"Wrote {output}: {told['name']} in a picture of {told['bytes'] / 1000:.0f} kB."))
