"""Fills the generated blocks of the documentation: `python -m morphogen.docs --write`, or `--check` in the tests.

A block stands between `<!-- generated:NAME -->` and `<!-- /generated -->` in README.md or docs/*.md of a checkout;
the files of `WHOLE` are generated from the first line to the last.
"""

from __future__ import annotations

import argparse
import difflib
import importlib
import json
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from morphogen import registry
from morphogen.controls.rules import FIELDS as FIELDS_OF_CONTROLS
from morphogen.errors import MorphogenError, StateError, UsageError
from morphogen.field.inputs import FIELDS
from morphogen.library.find import Library
from morphogen.params import describe, modulation
from morphogen.params.catalog import BY_KEY

_BLOCK = re.compile(r"(<!-- generated:([a-z_-]+) -->\n)(.*?)(<!-- /generated -->)", re.DOTALL)
_MARK = re.compile(r"<!-- (?:generated:.*?|/generated) -->")


@dataclass(frozen=True)
class _Address:
    address: str
    doc: str
    types: str = ""
    names: tuple[str, ...] = ()


# Answered by the OSC bridge itself; not a control method each.
_OTHER_ADDRESSES = (
    _Address(
        "/morphogen/weight/<n>", "Bend one weight of the running style; n from 0, in tensor order.", "f", ("value",)
    ),
    _Address("/morphogen/norm/<group>/<name>", "Any parameter as 0 to 1 over its range.", "f", ("position",)),
    _Address("/morphogen/feedback/subscribe", "Send feedback to this port of the sender.", "i", ("port",)),
    _Address("/morphogen/ping", "Answers `/morphogen/pong`."),
)


def _osc() -> str:
    commands = importlib.import_module(f"{registry.BRIDGES}.osc.addresses").COMMANDS
    return describe.osc_table([*commands, *_OTHER_ADDRESSES])


def _nodes() -> str:
    """Commands and readings as OSCQuery tells them; the parameters' own table says the rest."""
    nodes = importlib.import_module(f"{registry.BRIDGES}.osc.nodes")
    access = {1: "read", 2: "write", 3: "read, write"}
    rows = []
    for node in nodes.fixed_nodes(BY_KEY, {}):
        said = node.fixed
        if {"command", "reading"} & set(said["TAGS"]):
            types = [said["TYPE"], *(other["TYPE"] for other in said.get("OVERLOADS", ()))]
            taken = ", ".join(f"`{letters}`" for letters in types)
            rows.append((f"`{node.address}`", taken, access[said["ACCESS"]], said["DESCRIPTION"]))
    return describe.table(("address", "TYPE, and OVERLOADS", "ACCESS", "DESCRIPTION"), rows)


def _entries(kind: str) -> str:
    rows = [
        (f"`{name}`", entry.doc, f"`morphogen[{entry.extra}]`" if entry.extra else "", ", ".join(entry.platforms))
        for name, entry in sorted(registry.table(kind).items())
    ]
    return describe.table(("name", "what it is", "needs", "only on"), rows)


def _modulation() -> str:
    sources = [(f"`{name}`", doc) for name, doc in modulation.SOURCES.items()]
    curves = [(f"`{name}`", doc) for name, (_, doc) in modulation.CURVES.items()]
    return describe.table(("source", "what it is"), sources) + "\n\n" + describe.table(("curve", "effect"), curves)


def _cli() -> str:
    # by name, since the command line stands above this module
    return str(importlib.import_module("morphogen.cli.reference").markdown())


def _styles() -> str:
    rows = []
    for info in Library(user_dir=Path("nowhere")).list():
        made = f"{info.guide} {info.score or ''}, “{info.prompt}”" if info.trained else f"untrained, seed {info.seed}"
        rows.append((f"`{info.name}`", info.shape, str(info.parameters), made))
    return describe.table(("name", "shape", "weights", "made by"), rows)


def _fields() -> str:
    rows = [
        (f"`{channel}`", doc, field if entry.parameters else "")
        for field, entry in FIELDS.items()
        for channel, doc in entry.channels.items()
    ]
    return describe.table(("input", "what it is", "shaped by"), rows)


def _geometry() -> str:
    kinds = {"clip": "", "wrap": "runs on", "whole": "whole"}
    rows = [
        (f"`{field}`", f"`{p.name}`", f"{p.default:g}", f"{p.low:g} to {p.high:g}", p.unit, kinds[p.kind], p.doc)
        for field, entry in FIELDS.items()
        for p in entry.parameters
    ]
    return describe.table(("field", "parameter", "default", "range", "unit", "", "what it does"), rows)


def _controls() -> str:
    return describe.table(("field", "what it is"), [(f"`{name}`", doc) for name, doc in FIELDS_OF_CONTROLS])


BLOCKS: dict[str, Callable[[], str]] = {
    "params": describe.params_table,
    "osc": _osc,
    "oscquery": _nodes,
    "methods": describe.methods_table,
    "modulation": _modulation,
    "outputs": lambda: _entries("SINKS"),
    "sources": lambda: _entries("SOURCES"),
    "servers": lambda: _entries("SERVERS"),
    "cli": _cli,
    "styles": _styles,
    "fields": _fields,
    "geometry": _geometry,
    "controls": _controls,
}


def _description() -> str:
    """What TouchDesigner's component is built from while no daemon runs."""
    params = describe.listing({})
    styles = Library(user_dir=Path("nowhere")).names()
    wanted = ("key", "group", "label", "doc", "type", "unit", "min", "max", "default", "choices", "feature")
    rows = [json.dumps({name: param[name] for name in wanted}, ensure_ascii=False) for param in params]
    return '{"params": [\n' + ",\n".join(rows) + '\n],\n"styles": ' + json.dumps(styles) + "}\n"


WHOLE: dict[str, Callable[[], str]] = {"td_project/description.json": _description}  # files that are one block


def fill(text: str, where: str) -> str:
    """The text with every block as it should be. Raises UsageError: unknown block, or marks that do not pair."""
    if len(_MARK.findall(text)) != 2 * len(_BLOCK.findall(text)):
        raise UsageError(
            f"{where}: a mark of a generated block has no partner.",
            "Write `<!-- generated:NAME -->` and `<!-- /generated -->`, each on its own line.",
        )

    def block(match: re.Match[str]) -> str:
        name = match[2]
        if name not in BLOCKS:
            raise UsageError(f"{where}: there is no generated block {name!r}.", f"Known: {', '.join(BLOCKS)}.")
        return f"{match[1]}\n{BLOCKS[name]()}\n\n{match[4]}"

    return _BLOCK.sub(block, text)


def pages(root: Path) -> list[Path]:
    """README.md and docs/*.md. Raises StateError where there is no checkout."""
    found = [path for path in (root / "README.md", *sorted((root / "docs").glob("*.md"))) if path.is_file()]
    if not found:
        raise StateError(f"there is no documentation in {root}.", "Run this in a checkout, or give --root.")
    return found


def lagging(root: Path) -> dict[Path, tuple[str, str]]:
    """Pages that differ from what they should be: path -> (is, should be)."""
    late = {}
    for path in pages(root):
        text = path.read_text(encoding="utf-8")
        wanted = fill(text, path.relative_to(root).as_posix())
        if wanted != text:
            late[path] = (text, wanted)
    for name, make in WHOLE.items():
        path = root / name
        text = path.read_text(encoding="utf-8") if path.is_file() else ""
        if path.parent.is_dir() and text != (wanted := make()):
            late[path] = (text, wanted)
    return late


def check(root: Path) -> str:
    """'' if every page is up to date, else a message with the differences and the cure."""
    parts = []
    for path, (text, wanted) in lagging(root).items():
        name = path.relative_to(root).as_posix()
        lines = difflib.unified_diff(
            text.splitlines(), wanted.splitlines(), name, f"{name} (generated)", lineterm="", n=1
        )
        parts.append("\n".join(lines))
    if not parts:
        return ""
    return "\n".join([*parts, f"{len(parts)} page(s) lag behind the code. Run `python -m morphogen.docs --write`."])


def write(root: Path) -> list[Path]:
    """Rewrite the pages that lag; which ones."""
    late = lagging(root)
    for path, (_, wanted) in late.items():
        path.write_text(wanted, encoding="utf-8", newline="\n")
    return list(late)


def main(argv: Sequence[str] | None = None) -> int:
    """Exit status: 0 up to date or written, 1 lagging, 2 wrong usage."""
    parser = argparse.ArgumentParser(
        prog="python -m morphogen.docs", description="Generated parts of the documentation."
    )
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--check", action="store_true", help="fail with the differences where a page lags")
    what.add_argument("--write", action="store_true", help="rewrite the pages that lag")
    parser.add_argument("--root", type=Path, default=Path(__file__).resolve().parents[2], help="the checkout")
    options = parser.parse_args(argv)
    try:
        if options.write:
            sys.stdout.write("".join(f"wrote {path.name}\n" for path in write(options.root)))
            return 0
        message = check(options.root)
    except MorphogenError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    sys.stdout.write(f"{message}\n" if message else "")
    return 1 if message else 0


if __name__ == "__main__":
    raise SystemExit(main())
