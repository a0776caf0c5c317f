"""What a pattern of `bench/patterns.py` is written down in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Unit:
    """One hidden unit. of: input -> weight. out: its weight in the output (3 of them with the head `rgb`)."""

    activation: str
    of: Mapping[str, float]
    bias: float = 0.0
    out: float | tuple[float, float, float] = 1.0


@dataclass(frozen=True)
class Pattern:
    """One style. name: without its series. colours: five `#rrggbb`, dark to bright, of the head `palette`; none: `rgb`.
    geometry: as a style file has it. level: bias of the output. roles: what each band does, for people."""

    name: str
    title: str
    units: tuple[Unit, ...]
    geometry: Mapping[str, Any]
    colours: tuple[str, ...] = ()
    level: float | tuple[float, float, float] = 0.0
    extent: float = 0.5
    roles: Mapping[str, str] = field(default_factory=dict)
    series: str = "pattern"
