"""Where networks are trained: a grid of pixels at several moments, and what every input is there.

The grid has the shape of the stage, 16 to 9, so that what is trained is what is shown. Q = moments x pixels; a moment's
pixels lie together, row by row, top row first. What was worked out is kept as long as the canvas.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from morphogen.field import geometry
from morphogen.field.graph import pixel_input
from morphogen.field.inputs import LENGTHS, PIXEL_INPUTS, input_nodes
from morphogen.training.states import State
from morphogen.training.torch_field import Batch, TorchEvaluator
from morphogen.training.torches import need_torch

Geometry = NDArray[np.float64]
TOGETHER = 24_000  # pixels evaluated at once: 100 MB for the thousand nodes of a drawing of branches
EXTENT = 0.5  # network coordinate at the upper edge: one unit is one picture height


def shaped(names: Sequence[str], wanted: Mapping[str, Mapping[str, Any]]) -> Geometry:
    """Geometry of these inputs, as `field.geometry` has it. wanted: {field: {parameter: number, or {'base': number,
    frame input: amount}}}; what is left out rests, fields that no input belongs to are passed over."""
    array = geometry.default(names)
    for name, parameter, row in geometry.parts(names, array):
        value = wanted.get(name, {}).get(parameter.name)
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
    _memo: dict[Any, Any] = field(default_factory=dict, repr=False, compare=False)

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

    def inputs(self, names: Sequence[str], shape: Geometry, extent: float = EXTENT) -> Any:
        """Every input at every pixel of every moment, (inputs, Q). shape: `field.geometry`'s array for these names."""
        torch = need_torch()
        fields = tuple(name for name in names if name in PIXEL_INPUTS)
        key = (fields, id(shape), extent)
        if key not in self._memo:
            self._memo[key] = (shape, self._fields(fields, shape, extent))
        drawn = dict(zip(fields, self._memo[key][1], strict=True))
        return torch.stack([drawn[name] if name in drawn else self.frame(name) for name in names])

    def _fields(self, fields: Sequence[str], shape: Geometry, extent: float) -> list[Any]:
        """Pixel inputs, each (Q,). Many moments at once: walking through a graph of a thousand nodes is what costs."""
        torch = need_torch()
        nodes = input_nodes(fields, pixel_input("px"), pixel_input("py"))
        x, y = self.grid()
        folded = np.stack([geometry.fold(fields, shape, extent, state.values) for state in self.states])
        uniforms = torch.tensor(folded, dtype=torch.float32).T[:, :, None]
        together = max(1, TOGETHER // self.pixels)
        parts: list[list[Any]] = [[] for _ in nodes]
        for at in range(0, len(self.states), together):
            part = uniforms[:, at : at + together]
            evaluate = TorchEvaluator({"px": x, "py": y}, part)
            for node, rows in zip(nodes, parts, strict=True):
                rows.append(evaluate(node).expand(part.shape[1] if len(part) else together, self.pixels))
        scales = [2 * extent if name in LENGTHS else 1.0 for name in fields]
        return [
            torch.cat(rows)[: len(self.states)].reshape(-1) * scale for rows, scale in zip(parts, scales, strict=True)
        ]

    def batch(self, networks: Batch, shapes: Sequence[Geometry]) -> Any:
        """What networks read that each have their own geometry, (N, inputs, Q)."""
        known: dict[int, Any] = {}
        for shape in shapes:
            if id(shape) not in known:
                known[id(shape)] = self.inputs(networks.shape.inputs, shape, networks.extent)
        return need_torch().stack([known[id(shape)] for shape in shapes])

    def frame(self, name: str) -> Any:
        """What is the same for all pixels of a moment, (Q,)."""
        torch = need_torch()
        return torch.tensor([state[name] for state in self.states]).repeat_interleave(self.pixels)
