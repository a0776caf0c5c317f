"""Names to objects: reads the tables of strings in `morphogen_bridges` and resolves one entry on demand.

The engine knows one string, the package's name; listing imports nothing else.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from morphogen.errors import Unavailable, UsageError

BRIDGES = "morphogen_bridges"


@dataclass(frozen=True)
class Entry:
    """One implementation. target: 'module:attr'; extra: the pip extra it needs; platforms: sys.platform prefixes;
    requires: the import names whose absence means that the extra is missing."""

    target: str
    doc: str
    extra: str = ""
    platforms: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()


def table(kind: str) -> Mapping[str, Entry]:
    """'SOURCES', 'SINKS', 'SERVERS', 'CLIENTS' or 'PROBES' -> {name: Entry}."""
    module = importlib.import_module(BRIDGES)
    return {name: Entry(**row) for name, row in getattr(module, kind).items()}


def resolve(kind: str, name: str) -> Any:
    """The object behind a name. Raises UsageError (unknown) or Unavailable (known, but not here), with the cure."""
    entries = table(kind)
    if name not in entries:
        raise UsageError(f"unknown {kind.lower().rstrip('s')} {name!r}.", f"Known: {', '.join(sorted(entries))}.")
    entry = entries[name]
    if entry.platforms and not sys.platform.startswith(entry.platforms):
        raise Unavailable(f"{name} works on {' and '.join(entry.platforms)} only, this is {sys.platform}.")
    module_name, _, attribute = entry.target.partition(":")
    try:
        return getattr(importlib.import_module(module_name), attribute)
    except ModuleNotFoundError as error:
        if error.name in entry.requires:
            raise Unavailable(
                f"{name} needs the package {error.name}.", f'pip install "morphogen[{entry.extra}]"'
            ) from error
        raise
