"""The command line as Markdown, read from the commands themselves: docs/cli.md cannot lag behind."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

SHARED = "Connection"  # options that `ctl` and all of its verbs take; told once


def markdown() -> str:
    """One section a verb, with its arguments and options."""
    from morphogen.cli.application import command

    return "\n\n".join(_sections("morphogen", command()))


def _sections(path: str, command: Any) -> Iterator[str]:
    verbs = getattr(command, "commands", None)
    if path != "morphogen":
        yield _section(path, command, inner=verbs is None)
    for name, verb in sorted((verbs or {}).items()):
        if not verb.hidden:
            yield from _sections(f"{path} {name}", verb)


def _section(path: str, command: Any, inner: bool) -> str:
    depth = "##" if path.count(" ") == 1 else "###"
    lines = [f"{depth} `{path}{_usage(command)}`", "", " ".join((command.help or "").split())]
    rows = [_row(parameter) for parameter in command.params if _told(parameter, inner and path.count(" ") > 1)]
    if rows:
        lines += ["", "| option | what it does |", "| --- | --- |", *rows]
    return "\n".join(lines)


def _told(parameter: Any, below_group: bool) -> bool:
    """All but `--help`, arguments that the usage line explains, and shared options where they are not introduced."""
    if not parameter.help:
        return False
    shared = getattr(parameter, "rich_help_panel", None) == SHARED
    return "--help" not in parameter.opts and not (shared and below_group)


def _usage(command: Any) -> str:
    words = []
    for parameter in command.params:
        if parameter.param_type_name == "argument":
            name = parameter.metavar or parameter.name.upper()
            words.append(name if parameter.required or name.startswith("[") else f"[{name}]")
    return "".join(f" {word}" for word in words)


def _row(parameter: Any) -> str:
    named = parameter.param_type_name == "option"
    names = ", ".join(f"`{name}`" for name in parameter.opts) if named else f"`{parameter.metavar}`"
    value = f" {parameter.metavar}" if named and parameter.metavar else ""
    text = parameter.help or ""
    default = _default(parameter)
    cell = f"{names}{value} | {text}{f' Default: {default}.' if default else ''}"
    return "| " + cell.replace("|", "\\|").replace(" \\| ", " | ", 1) + " |"


def _default(parameter: Any) -> str:
    shown = getattr(parameter, "show_default", False)
    if isinstance(shown, str):
        return shown
    plain = parameter.default
    empty = plain is None or plain is False or plain in ("", ()) or callable(plain)
    return (
        ""
        if empty or not isinstance(plain, (str, int, float))
        else f"{plain:.4g}"
        if isinstance(plain, float)
        else str(plain)
    )
