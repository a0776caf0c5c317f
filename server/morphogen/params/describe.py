"""The catalog in words: addresses, maps for clients, help texts, Markdown tables. Everything derives from `catalog`.

Pure functions on the declarations, any thread. Bridges may import this.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from morphogen.methods import METHODS, REQUIRED, Arg, Method
from morphogen.params.catalog import PARAMS
from morphogen.params.spec import Param

OSC = "/morphogen/"
OSC_NORM = "/morphogen/norm/"
_OSC_TYPES = {"float": "f", "int": "i", "bool": "T/F or i", "choice": "s or i"}


class Command(Protocol):
    """One OSC address that is no parameter. types: OSC letters, optional ones after '['; names: what they mean."""

    @property
    def address(self) -> str:
        """In full, from the slash."""

    @property
    def doc(self) -> str:
        """One sentence."""

    @property
    def types(self) -> str:
        """Such as 's[f'."""

    @property
    def names(self) -> Sequence[str]:
        """One for each type."""


def osc_address(param: Param) -> str:
    """Sets or asks the parameter in its own unit: '/morphogen/view/zoom'."""
    return OSC + param.key


def norm_address(param: Param) -> str:
    """Sets or asks it as 0..1 over its range: '/morphogen/norm/view/zoom'."""
    return OSC_NORM + param.key


def as_dict(param: Param, value: Any) -> dict[str, Any]:
    """One parameter for clients, JSON and msgpack alike. `value`: as `Params.get` gives it, or a plain number.

    Raises ParamError for a value that the parameter cannot take."""
    number = param.check(value)
    return {
        "key": param.key, "group": param.group, "name": param.name, "label": param.label, "doc": param.doc,
        "type": param.kind, "unit": param.unit, "min": param.minimum, "max": param.maximum,
        "default": param.public(param.default), "value": param.public(number),
        "normalised": param.to_normalised(number), "scale": param.scale, "clip": param.clip,
        "choices": list(param.choices), "smoothing": param.smoothing, "feature": param.feature,
        "rebuild": param.rebuild, "osc": osc_address(param),
    }  # fmt: skip


def listing(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What `param.list` answers: every parameter in catalog order, those missing in `values` at their default."""
    return [as_dict(param, values.get(param.key, param.default)) for param in PARAMS]


def range_text(param: Param) -> str:
    """The values it takes: '0.05 to 20', 'off, x, y, both' or 'on, off'."""
    if param.choices:
        return ", ".join(param.choices)
    if param.kind == "bool":
        return "on, off"
    return f"{param.minimum:g} to {param.maximum:g}" + (", wraps" if param.clip == "wrap" else "")


def default_text(param: Param) -> str:
    """The default as people write it."""
    if param.kind == "bool":
        return "on" if param.default else "off"
    return str(param.public(param.default)) if param.choices else f"{param.default:g}"


def cli_help(params: Iterable[Param] = PARAMS) -> str:
    """One line for each parameter: what may stand behind `--set` and `ctl set`."""
    rows = [
        (p.key, _short(range_text(p)), f"[{default_text(p)}]", f"{p.doc}{f' ({p.unit})' if p.unit else ''}")
        for p in params
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    return "\n".join(
        "  ".join([*(cell.ljust(w) for cell, w in zip(row, widths, strict=False)), row[3]]) for row in rows
    )


def _short(choices: str, longest: int = 26) -> str:
    """The first few of many choices, so that one of them does not push all other lines apart."""
    if len(choices) <= longest:
        return choices
    return choices[: choices.rindex(",", 0, longest - 3)] + ", ..."


def params_table(params: Iterable[Param] = PARAMS) -> str:
    """Markdown: one table for each group. Features come in a table of their own, since they are measured."""
    groups: dict[str, list[Param]] = {}
    for param in params:
        name = f"{param.group} (measured)" if param.feature else param.group
        groups.setdefault(name, []).append(param)
    head = ("key", "range", "default", "unit", "smoothing", "what it does")
    parts = []
    for group, members in groups.items():
        rows = [
            (f"`{p.key}`", range_text(p), default_text(p), p.unit, f"{p.smoothing:g} s" if p.smoothing else "", p.doc)
            for p in members
        ]
        parts.append(f"### {group}\n\n{table(head, rows)}")
    return "\n\n".join(parts)


def osc_table(commands: Iterable[Command], params: Iterable[Param] = PARAMS) -> str:
    """Markdown: the commands, then the parameters."""
    does = [(f"`{c.address}`", _arguments(c), c.doc) for c in commands]
    sets = [(f"`{osc_address(p)}`", _OSC_TYPES[p.kind], range_text(p), p.unit, p.doc) for p in params]
    return (
        f"### Commands\n\n{table(('address', 'arguments', 'what it does'), does)}\n\n"
        f"### Parameters\n\n{table(('address', 'type', 'range', 'unit', 'what it does'), sets)}"
    )


def methods_table(methods: Iterable[Method] = METHODS) -> str:
    """Markdown: every control method with its arguments and answer."""
    rows = [(f"`{m.name}`", m.doc, "<br>".join(map(_argument, m.args)), m.result) for m in methods]
    return table(("method", "what it does", "arguments", "answer"), rows)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; bars inside cells are escaped."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def _argument(arg: Arg) -> str:
    default = "" if arg.default in (REQUIRED, None, "") else f" = `{arg.default}`"
    optional = "" if arg.default is REQUIRED else ", optional"
    return f"`{arg.name}` ({arg.kind}{optional}{default}): {arg.doc}"


def _arguments(command: Command) -> str:
    required = len(command.types.partition("[")[0])
    named = zip(command.types.replace("[", ""), command.names, strict=False)
    words = [f"{kind} {name}" for kind, name in named]
    return ", ".join(word if place < required else f"[{word}]" for place, word in enumerate(words))
