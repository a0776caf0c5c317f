"""Where networks are trained: a grid of pixels at several moments, and what every input is there.

The grid has the shape of the stage, 16 to 9, so that what is trained is what is shown. Q = moments x pixels; a moment's
pixels lie together, row by row, top row first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from morphogen.field import geometry
from morphogen.field.graph import pixel_input
from morphogen.field.inputs import PIXEL_INPUTS, input_nodes
from morphogen.training.states import State
from morphogen.training.torch_field import TorchEvaluator
from morphogen.training.torches import need_torch

Geometry = NDArray[np.float64]
EXTENT = 0.5  # network coordinate at the upper edge: one unit is one picture height


def shaped(names: Sequence[str], wanted: Mapping[str, Mapping[str, Any]]) -> Geometry:
    """Geometry of these inputs, as `field.geometry` has it. wanted: {field: {parameter: number, or {'base': number,
    frame input: amount}}}; what is left out rests, fields that no input belongs to are passed over."""
    array = geometry.default(names)
    for field, parameter, row in geometry.parts(names, array):
        value = wanted.get(field, {}).get(parameter.name)
        if value is None:
            continue
        parts = value if isinstance(value, Mapping) else {"base": value}
        for column, amount in parts.items():
            row[geometry.COLUMNS.index(column)] = amount
    return array


@dataclass(frozen=True)
class Canvas:
    """width, height in pixels; moments."""

    width: int
    height: int
    states: tuple[State, ...]

    @property
    def pixels(self) -> int:
        """Of one moment."""
        return self.width * self.height

    def grid(self) -> tuple[Any, Any]:
        """x, y of every pixel's centre in picture heights, y up, tensors (pixels,)."""
        torch = need_torch()
        x = ((torch.arange(self.width) + 0.5) / self.width - 0.5) * self.width / self.height
        y = 0.5 - (torch.arange(self.height) + 0.5) / self.height
        return x.repeat(self.height), y.repeat_interleave(self.width)

    def inputs(self, names: Sequence[str], shape: Geometry) -> Any:
        """Every input at every pixel of every moment, (inputs, Q). shape: `field.geometry`'s array for these names."""
        torch = need_torch()
        fields = [name for name in names if name in PIXEL_INPUTS]
        nodes = input_nodes(fields, pixel_input("px"), pixel_input("py"))
        x, y = self.grid()
        moments = []
        for state in self.states:
            uniforms = geometry.fold(names, shape, EXTENT, state.values)
            evaluate = TorchEvaluator({"px": x, "py": y}, uniforms.tolist())
            moments.append(torch.stack([evaluate(node).expand(self.pixels) for node in nodes]))
        drawn = dict(zip(fields, torch.cat(moments, dim=1), strict=True))
        return torch.stack([drawn[name] if name in drawn else self.frame(name) for name in names])

    def batch(self, names: Sequence[str], shapes: Sequence[Geometry]) -> Any:
        """The same for networks that each have their own geometry, (N, inputs, Q)."""
        known: dict[int, Any] = {}
        for shape in shapes:
            if id(shape) not in known:
                known[id(shape)] = self.inputs(names, shape)
        return need_torch().stack([known[id(shape)] for shape in shapes])

    def frame(self, name: str) -> Any:
        """What is the same for all pixels of a moment, (Q,)."""
        torch = need_torch()
        return torch.tensor([state[name] for state in self.states]).repeat_interleave(self.pixels)

