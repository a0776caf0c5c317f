"""`morphogen ctl record`: the recording's button, from a shell."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from morphogen.cli.remote import Remote
from morphogen.errors import UsageError
from morphogen.grammar import parse_out, read_path


def record(
    remote: Remote,
    act: Annotated[str, typer.Argument(metavar="start|stop")],
    where: Annotated[
        str,
        typer.Argument(metavar="[PATH][:k=v,...]", help="File or folder, and options as `serve --out record` takes."),
    ] = "",
) -> None:
    """Record the show into a file, or end that: `record start`, `record start take1.mp4:codec=h265`, `record stop`."""
    if act not in ("start", "stop") or (act == "stop" and where):
        raise UsageError(
            f"a recording cannot {f'{act} {where}'.strip()[:60]!r}.", "Write `record start` or `record stop`."
        )
    if act == "start":
        path, options = _where(where)
        answer = remote.call("record.start", path=path, options=options)
        remote.show(answer, lambda said: print(f"records to {said.get('file')} ({said.get('encoder')})"))
    else:
        remote.show(remote.call("record.stop"), _stopped)


def _where(text: str) -> tuple[str, dict[str, str]]:
    """('take1.mp4:codec=h265') -> the path as the daemon must see it, which may stand in another folder; options."""
    path, colon, rest = text.rpartition(":") if "=" in text.rpartition(":")[2] else (text, "", "")
    options = parse_out(f"record:{rest}").options if colon else {}
    slash = "/" if path.endswith(("/", "\\")) else ""
    return (f"{Path.absolute(read_path(path))}{slash}" if path else "", options)


def _stopped(said: Any) -> None:
    if said.get("error"):
        print(f"{said.get('file')}: {said['error']}")
    else:
        size = said.get("size", 0) / 1e6
        print(f"{said.get('file')}: {said.get('seconds', 0):.1f} s, {said.get('frames', 0)} pictures, "
              f"{said.get('dropped', 0)} without a frame of their own, {size:.1f} MB")  # fmt: skip
