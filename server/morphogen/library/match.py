"""Matching the units of two networks, layer by layer; `align` says what for.

Networks are plain lists here: weights, bias, weights, bias ... in float64, with the frame's time and audio already in
the first bias.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from morphogen.field.activations import ACTIVATIONS
from morphogen.field.cppn import coloured
from morphogen.field.network import Shape
from morphogen.library.assign import assign

Array = NDArray[np.float64]
SWEEPS = 8


@dataclass(frozen=True)
class _Move:
    """z -> flip * z + shift turns f into out * f."""

    flip: float
    shift: float
    out: float


@lru_cache(maxsize=64)
def _moves(activation: str) -> tuple[_Move, ...]:
    entry = ACTIVATIONS[activation]
    moves = [_Move(1, 0, 1)]
    if entry.parity != "none":
        moves.append(_Move(-1, 0, -1 if entry.parity == "odd" else 1))
    if entry.periodic:  # sin and cos: half a turn is a sign
        moves += [_Move(m.flip, math.pi, -m.out) for m in moves]
    return tuple(moves)


def _apply(names: tuple[str, ...], z: Array) -> Array:
    return np.stack([ACTIVATIONS[name].reference(row) for name, row in zip(names, z, strict=True)])


def draw(shape: Shape, tensors: list[Array], inputs: Array) -> Array:
    """Colours, and alpha where there is one, (3 or 4, samples) for inputs (inputs, samples)."""
    values = inputs
    for layer, names in enumerate([*shape.layers, ("sigmoid",) * shape.outputs]):
        values = _apply(names, tensors[2 * layer] @ values + tensors[2 * layer + 1][:, None])
    return np.stack(coloured(shape, tensors, list(values)))


@dataclass(frozen=True)
class _Responses:
    """How differently the units of a and of b, moved, answer.

    za, zb: pre-activations (units, samples), zb on b's own inputs; zb_on_a: b's weights on a's inputs.
    """

    names: tuple[str, ...]
    za: Array
    zb: Array
    zb_on_a: Array
    blend: float

    def costs(self, places: list[int], move: _Move) -> Array:
        """(units of a, units of b), among `places`, which share one activation."""
        entry = ACTIVATIONS[self.names[places[0]]]
        fa, fb = entry.reference(self.za[places]), entry.reference(self.zb[places])
        squares = (fa**2).mean(axis=1)[:, None] + (fb**2).mean(axis=1)[None]
        answers = squares - 2 * move.out * (fa @ fb.T) / fa.shape[1]
        if not self.blend:
            return np.asarray(answers)
        # Every fourth sample will do, at a quarter of the time.
        apart = self.za[places, None, ::4] - (move.flip * self.zb_on_a[places, ::4] + move.shift)[None]
        if entry.periodic:
            apart = apart - math.tau * np.rint(apart.mean(axis=2, keepdims=True) / math.tau)
        squared = apart**2
        return np.asarray(answers + self.blend * np.mean(squared / (1 + squared), axis=2))


@dataclass(frozen=True)
class _Weights:
    """How far units of a and of b, moved, are apart: their weight rows, biases and outgoing columns."""

    names: tuple[str, ...]
    a: tuple[Array, Array, Array]
    b: tuple[Array, Array, Array]

    def costs(self, places: list[int], move: _Move) -> Array:
        """(units of a, units of b), among `places`, which share one activation."""
        rows = self.a[0][places][:, None] - move.flip * self.b[0][places][None]
        bias = self.a[1][places][:, None] - (move.flip * self.b[1][places] + move.shift)[None]
        if ACTIVATIONS[self.names[places[0]]].periodic:
            bias = bias - math.tau * np.rint(bias / math.tau)
        columns = self.a[2].T[places][:, None] - move.out * self.b[2].T[places][None]
        return np.asarray((rows**2).sum(2) + bias**2 + (columns**2).sum(2))


def match_responses(
    shape: Shape, a: list[Array], b: list[Array], samples: tuple[Array, Array], blend: float
) -> list[Array]:
    """First layer to last: each unit of a gets the unit of b that answers most alike to the same pixels.

    samples: the inputs as a sees them and as b sees them. blend: weight of the pre-activations' distance.
    """
    moved = [t.copy() for t in b]
    seen_a, seen_b = samples
    for layer, names in enumerate(shape.layers):
        weight, bias = moved[2 * layer], moved[2 * layer + 1][:, None]
        za = a[2 * layer] @ seen_a + a[2 * layer + 1][:, None]
        _rearrange(layer, a, moved, _Responses(names, za, weight @ seen_b + bias, weight @ seen_a + bias, blend))
        seen_a = _apply(names, za)
        seen_b = _apply(names, moved[2 * layer] @ seen_b + moved[2 * layer + 1][:, None])
    return moved


def match_weights(shape: Shape, a: list[Array], b: list[Array]) -> list[Array]:
    """Layer by layer, again and again, the arrangement nearest to a's weights, given that of the other layers."""
    moved = [t.copy() for t in b]
    for _ in range(SWEEPS):
        before = sum(float(np.sum((p - q) ** 2)) for p, q in zip(a, moved, strict=True))
        for layer, names in enumerate(shape.layers):
            at = 2 * layer
            _rearrange(layer, a, moved, _Weights(names, (a[at], a[at + 1], a[at + 2]),
                                                 (moved[at], moved[at + 1], moved[at + 2])))  # fmt: skip
        if before - sum(float(np.sum((p - q) ** 2)) for p, q in zip(a, moved, strict=True)) < 1e-9:
            break
    return moved


def _rearrange(layer: int, a: list[Array], moved: list[Array], costs: _Responses | _Weights) -> None:
    """Put the units of one layer of `moved` into the order and signs of least cost; units trade places with units of
    the same activation only."""
    names = costs.names
    weight, bias, out = (moved[2 * layer + k].copy() for k in range(3))
    for name in dict.fromkeys(names):
        places = [i for i, other in enumerate(names) if other == name]
        options = np.stack([costs.costs(places, move) for move in _moves(name)])
        for row, column in enumerate(assign(options.min(axis=0))):
            i, j, move = places[row], places[column], _moves(name)[int(options[:, row, column].argmin())]
            moved[2 * layer][i] = move.flip * weight[j]
            moved[2 * layer + 1][i] = wrapped(name, move.flip * bias[j] + move.shift, a[2 * layer + 1][i])
            moved[2 * layer + 2][:, i] = move.out * out[:, j]


def wrapped(name: str, bias: float, near: float) -> float:
    """A periodic unit's bias, moved by whole turns as near to `near` as it gets."""
    return float(bias - math.tau * np.rint((bias - near) / math.tau)) if ACTIVATIONS[name].periodic else float(bias)
