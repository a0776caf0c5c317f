"""The seeds' own way, kept for comparison: one network, their exact start, their range, plain ascent.

Xavier-uniform with gain 5 and zero biases, coordinates on +-pi, all twelve inputs, Adam at 0.001 for 800 steps, one
picture at one moment of music in each. What they trained on +-pi was shown on +-0.5; here it is shown as trained.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from morphogen.field import geometry
from morphogen.field.network import SEED_INPUTS, Shape, init_seed, preset
from morphogen.training.adam import Adam
from morphogen.training.canvas import Canvas
from morphogen.training.concept import Variant
from morphogen.training.fit import Fitted, wide
from morphogen.training.guided import LINES, crop, stills
from morphogen.training.order import AUTO
from morphogen.training.states import State
from morphogen.training.torch_field import stack
from morphogen.training.torches import need_torch

RATE, STEPS = 1e-3, 800
RANGE = math.pi


def seed_shape(arch: str) -> Shape:
    """Their winner, unless another is asked for."""
    return preset("3L_4D" if arch == AUTO else arch, SEED_INPUTS)


def seed_start(shape: Shape, seed: int, take: int) -> Fitted:
    """One network with the seeds' init."""
    drawn = init_seed(shape, seed + 1000 * take, RANGE)
    rest = geometry.default(shape.inputs)
    return Fitted(stack([drawn]), [Variant({}, np.zeros((5, 3), np.float32), rest, rest)], need_torch().zeros(1))


class SeedAscent:
    """Ascent of one network, the plain way. aim: `guides.Aim`."""

    def __init__(self, aim: Any, fitted: Fitted, states: Sequence[State], rng: np.random.Generator) -> None:
        self._aim, self._batch, self._rng = aim, fitted.batch, rng
        self._canvas = Canvas(wide(LINES), LINES, tuple(states))
        self._inputs = self._canvas.batch(fitted.batch, fitted.shapes)
        self._adam = Adam([(tensor, 1.0) for tensor in fitted.batch.tensors], (0.9, 0.999))

    def step(self, done: float) -> float:
        """One step; returns the loss. done: not used, the rate stays."""
        moment, p = int(self._rng.integers(len(self._canvas.states))), self._canvas.pixels
        drawn = self._batch.pictures(self._inputs[:, :, moment * p : (moment + 1) * p])
        loss = self._aim.loss(crop(stills(drawn, 1, self._canvas), self._rng, LINES)).mean()
        self._adam.zero()
        loss.backward()
        self._adam.step(RATE)
        return float(loss.detach())
