"""Other formulas for the same structures: what the guide is tested with and the judge learns from.

Nothing here is shared with `near` but the canvas; noise is a sum of sine waves, not a lattice. Same contract as there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from morphogen.training.concepts.far import above, alive, figures, ground, grown

PICTURES: dict[str, Callable[..., Any]] = {
    **above.PICTURES, **alive.PICTURES, **grown.PICTURES, **ground.PICTURES, **figures.PICTURES,
}  # fmt: skip
