"""What a concept is: how to draw it on the fields that its network reads, in which colours, and how music moves it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from morphogen.training.canvas import Canvas, Geometry, shaped
from morphogen.training.colours import stops, varied
from morphogen.training.states import LOOP
from morphogen.training.torches import need_torch

FRAMES = ("time", "bass", "mid", "treble", "beat", "rms")
GEOMETRIES = 8  # among the samples of a run
Params = Mapping[str, float]


class Sheet:
    """What a concept's picture is drawn with: every input by its name (`sheet.r`), moments and all, as tensors (Q,);
    `turn`: how far through the loop, in radians; `p`: the sample's numbers; `t`: torch."""

    def __init__(self, values: Mapping[str, Any], params: Params) -> None:
        self._values = values
        self.p = params
        self.t: Any = need_torch()
        self.turn = values["time"] * (math.tau / LOOP)

    def __getattr__(self, name: str) -> Any:
        try:
            return self._values[name]
        except KeyError:
            raise AttributeError(f"this concept reads no {name!r}") from None

    def bell(self, distance: Any, width: Any) -> Any:
        """exp(-(distance / width)^2)."""
        return self.t.exp(-((distance / width) ** 2))

    def step(self, value: Any, soft: Any) -> Any:
        """0 to 1 around value 0, over about +-2 soft."""
        return self.t.sigmoid(value / soft)


def ranges(**bounds: tuple[float, float]) -> Callable[[np.random.Generator], dict[str, float]]:
    """A sampler: each number evenly from its bounds."""
    return lambda rng: {name: float(rng.uniform(low, high)) for name, (low, high) in bounds.items()}


def some(rng: np.random.Generator, low: float, high: float, **amounts: float) -> dict[str, float]:
    """A parameter of geometry: its value at rest from low..high, and how much of each frame input is added."""
    return {"base": low + (high - low) * float(rng.uniform()), **amounts}


def seeded(rng: np.random.Generator) -> int:
    """A field's seed."""
    return int(rng.integers(65536))


def noisy(rng: np.random.Generator, low: float, high: float, **moves: Any) -> dict[str, Any]:
    """Noise with a seed of its own and a scale from low..high."""
    return {"seed": seeded(rng), "scale": some(rng, low, high), **moves}


@dataclass(frozen=True)
class Concept:
    """One entry of the table.

    fields: pixel inputs that it is drawn on and its network reads. draw: place on the palette, 0..1 (Q,). sample: the
    numbers of one variant. shape: its geometry as in a style file ({field: {parameter: number, or base and amounts}}).
    palettes: five colours each, dark to bright. roles: {input: what it does here}. frames: frame inputs its network
    reads. words: other names of it, for runs without a guide. also: structures of the guide's that it stands in for.
    pace: turns per loop at which its parts move, for the weights of `time`.
    """

    name: str
    fields: Sequence[str]
    draw: Callable[[Sheet], Any]
    sample: Callable[[np.random.Generator], dict[str, float]]
    palettes: Sequence[Sequence[str]]
    shape: Callable[[np.random.Generator], dict[str, Any]] = lambda _: {}
    roles: Mapping[str, str] = field(default_factory=dict)
    frames: Sequence[str] = FRAMES
    words: Sequence[str] = ()
    also: Sequence[str] = ()
    pace: Sequence[int] = (1, 1, 2)

    @property
    def inputs(self) -> tuple[str, ...]:
        """All inputs of its networks, pixel inputs first."""
        return (*self.fields, *self.frames)


@dataclass(frozen=True, eq=False)
class Variant:
    """One sample of a concept: its numbers, its palette (logits (5, 3)); geometry: of the concept's fields; own: of the
    inputs of the networks that draw it."""

    params: Params
    palette: NDArray[np.float32]
    geometry: Geometry
    own: Geometry


def variants(concept: Concept, rng: np.random.Generator, count: int, inputs: Sequence[str],
             palette: NDArray[np.float32] | None = None) -> list[Variant]:  # fmt: skip
    """So many samples, GEOMETRIES different shapes, the same shape side by side. inputs: of the networks. palette: in
    these colours (slightly varied) instead of the concept's own."""
    made: list[Variant] = []
    for n in range(count):
        if n * GEOMETRIES // count != (n - 1) * GEOMETRIES // count:
            wanted = concept.shape(rng)
            own, shape = shaped(inputs, wanted), shaped(concept.fields, wanted)
            shape = own if shape.shape == own.shape else shape  # one object: what is drawn on it is kept
        chosen = palette if palette is not None else stops(concept.palettes[int(rng.integers(len(concept.palettes)))])
        made.append(Variant(concept.sample(rng), varied(chosen, rng), shape, own))
    return made


def targets(concept: Concept, canvas: Canvas, chosen: Sequence[Variant]) -> Any:
    """Place on the palette of each variant, 0..1, (variants, Q)."""
    torch = need_torch()
    frames = {name: canvas.frame(name) for name in FRAMES}
    known: dict[int, dict[str, Any]] = {}
    rows = []
    with torch.no_grad():
        for variant in chosen:
            key = id(variant.geometry)
            if key not in known:
                values = canvas.inputs(concept.fields, variant.geometry)
                known[key] = dict(zip(concept.fields, values, strict=True)) | frames
            rows.append(concept.draw(Sheet(known[key], variant.params)).clamp(0, 1))
    return torch.stack(rows)
