"""The generators that the guide learns from. `PICTURES` maps a structure's name to a function of a canvas.

Each gives the amount of ink, about 0..1, or a pair: ink, and where the second colour rules (0..1).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from morphogen.training.concepts.near import cosmos, earth, growth, life, pattern, weather

PICTURES: dict[str, Callable[..., Any]] = {
    **cosmos.PICTURES, **life.PICTURES, **growth.PICTURES, **weather.PICTURES, **earth.PICTURES, **pattern.PICTURES,
}  # fmt: skip
