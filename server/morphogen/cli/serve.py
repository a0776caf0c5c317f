"""`morphogen serve`: play. Its options are the fields of `Config`, so none is written twice."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Annotated, Any

import typer

from morphogen.cli import complete
from morphogen.cli.output import note, print_json
from morphogen.config import OPTIONS, Option, build

HELP = "Play: draw, listen and hand the pictures out, until Ctrl-C."

_COMPLETE: dict[str, Any] = {
    "style": complete.style_names,
    "out": complete.outputs,
    "audio": complete.audio_sources,
    "backend": complete.backends,
}


def serve(**given: Any) -> None:
    """Run the daemon; with --json the last line of stdout is what was measured."""
    config = build({key: value for key, value in given.items() if key != "config"}, given.get("config"))
    for warning in config.warnings:
        note(f"Note: {warning}")
    if config.follow:
        from morphogen.wall import follow as play
    else:
        from morphogen.app import serve as play
    stats = play(config, note)
    if config.json:
        print_json(stats, indent=None)
    elif config.seconds:
        late = stats.get("late", 0)
        note(f"{stats.get('frames', 0)} frames, {stats.get('fps', 0):.1f} a second, {late} late.")


def _parameter(option: Option) -> inspect.Parameter:
    """The command-line face of one declaration. Texts come in unread: `build` reads them, with our own cures."""
    shown: Any = False if option.flag else option.shown
    extra: dict[str, Any] = {"help": option.help, "rich_help_panel": option.panel, "show_default": shown}
    if option.flag:
        kind: Any = bool
        names = [f"--{option.name}"]
    else:
        kind = list[str] | None if option.repeat else str | None
        extra["metavar"] = option.metavar
        names = [f"--{option.name}"]
        if option.name in _COMPLETE:
            extra["autocompletion"] = _COMPLETE[option.name]
    annotation = Annotated[kind, typer.Option(*names, **extra)]
    default = False if option.flag else None
    return inspect.Parameter(option.field, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def _signature() -> inspect.Signature:
    file = typer.Option("--config", help="Read options from a TOML file; the command line beats it.",
                        metavar="FILE.toml", rich_help_panel="Running")  # fmt: skip
    config = inspect.Parameter(
        "config", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[Path | None, file]
    )
    return inspect.Signature([*map(_parameter, OPTIONS), config])


serve.__signature__ = _signature()  # type: ignore[attr-defined]
