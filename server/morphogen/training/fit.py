"""The fit: random networks matched to samples of a concept, the best of them trained to draw theirs.

Study of recipes: 1,024 networks at 16 lines against 64 samples by correlation, the best 12 fitted with Adam 0.05 and a
pyramid of squared differences at 32 lines. Here over several moments at once, so that the movement is fitted, too.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from morphogen.field.network import Network, Shape
from morphogen.training.adam import Adam
from morphogen.training.canvas import Canvas, Geometry
from morphogen.training.concept import Concept, Variant, targets
from morphogen.training.states import LOOP, State
from morphogen.training.torch_field import Batch, coloured, random_batch
from morphogen.training.torches import need_torch

SEARCHED, KEPT, SAMPLES = 1024, 12, 64
SEARCH_LINES, FIT_LINES = 16, 32
RATE = 0.06
SHARED = 2  # networks that may be kept for one sample: variety
AUDIO_START = 0.15  # of the weights that random networks give to the music
TIMED = 0.2  # share of first-layer units that see time; with all of them errors are twice as large
LEAST_RATE = 1e-4
PALETTE_RATE = 0.2  # of the rate
BRIGHT, STARS = 0.9, 2.0  # what light and stars count more than the dark
MOMENTS = 4  # in each step


@dataclass
class Fitted:
    """Networks and what each was fitted to. errors: (N,) of the last look at all moments."""

    batch: Batch
    variants: list[Variant]
    errors: Any

    @property
    def shapes(self) -> list[Geometry]:
        """The networks' geometry."""
        return [variant.own for variant in self.variants]

    def network(self, row: int) -> Network:
        """One of them as a style has it."""
        return self.batch.network(row, self.variants[row].own)

    def pick(self, rows: Sequence[int]) -> Fitted:
        """Some of them, in that order."""
        return Fitted(self.batch.pick(rows), [self.variants[i] for i in rows], self.errors[list(rows)])


def wide(lines: int) -> int:
    """Width of a canvas of the stage's shape, a multiple of 8."""
    return 8 * round(lines * 16 / 9 / 8)


def loop_time(batch: Batch, rng: np.random.Generator, pace: Sequence[int] = (1, 2)) -> None:
    """Set the weights of `time` to whole turns per loop (of `pace`, either way), most of them to none. In place."""
    torch = need_torch()
    if "time" not in batch.shape.inputs:
        return
    weight = batch.tensors[0]
    size = tuple(weight.shape[:2])
    whole = rng.choice(np.array(pace), size=size) * rng.choice((-1, 1), size=size) * (rng.random(size) < TIMED)
    with torch.no_grad():
        weight[:, :, batch.shape.inputs.index("time")] = torch.tensor(whole * (math.tau / LOOP)).float()


def freeze_time(batch: Batch) -> None:
    """Take the weights of `time` out of the gradient, so that they stay whole turns."""
    if "time" in batch.shape.inputs:
        batch.tensors[0].grad[:, :, batch.shape.inputs.index("time")] = 0


def starts(shape: Shape, count: int, rng: np.random.Generator, gain: float, pace: Sequence[int] = (1, 2)) -> Batch:
    """Random networks whose time runs in loops and whose music is not too loud."""
    torch = need_torch()
    batch = replace(random_batch(shape, count, rng, gain), time_range=(0.0, LOOP))
    columns = [i for i, name in enumerate(shape.inputs) if name in ("bass", "mid", "treble", "beat", "rms")]
    with torch.no_grad():
        batch.tensors[0][:, :, columns] *= AUDIO_START
    loop_time(batch, rng, pace)
    return batch


def search(concept: Concept, shape: Shape, chosen: Sequence[Variant], states: Sequence[State],
           rng: np.random.Generator, searched: int = SEARCHED, kept: int = KEPT,
           gain: float = 2.0) -> Fitted:  # fmt: skip
    """Random networks matched to samples by correlation; the best `kept`, turned over where they are negatives."""
    torch = need_torch()
    canvas = Canvas(wide(SEARCH_LINES), SEARCH_LINES, tuple(states[:2]))
    batch = starts(shape, searched, rng, gain, concept.pace)
    match = torch.zeros(searched, len(chosen))
    groups = _groups(chosen)
    with torch.no_grad():
        wanted = _normal(targets(concept, canvas, chosen))
        for n, samples in enumerate(groups):
            part = batch.pick(range(n, searched, len(groups)))
            drawn = _normal(part.channels(canvas.inputs(shape.inputs, chosen[samples[0]].own)).mean(1))
            match[n :: len(groups), samples[0] : samples[-1] + 1] = drawn @ wanted[samples].T
    pairs = _best_pairs(match.abs().numpy(), kept)
    rows, samples = [a for a, _ in pairs], [b for _, b in pairs]
    picked = batch.pick(rows)
    at = 2 * len(shape.layers)
    with torch.no_grad():
        sign = torch.sign(match[rows, samples])
        picked.tensors[at] *= sign[:, None, None]
        if shape.palette:
            picked.tensors[-1].copy_(palettes([chosen[i] for i in samples]))
    return Fitted(picked, [chosen[i] for i in samples], torch.ones(len(rows)))


def _groups(chosen: Sequence[Variant]) -> list[list[int]]:
    """Numbers of the samples that share a geometry; they lie side by side."""
    groups: dict[int, list[int]] = {}
    for n, variant in enumerate(chosen):
        groups.setdefault(id(variant.geometry), []).append(n)
    return list(groups.values())


def _normal(pictures: Any) -> Any:
    """Zero mean, unit length, each row."""
    centred = pictures - pictures.mean(1, keepdim=True)
    return centred / centred.norm(dim=1, keepdim=True).clamp(min=1e-6)


def _best_pairs(match: Any, kept: int) -> list[tuple[int, int]]:
    """(network, sample), best first, no network twice, no sample more than SHARED times while there is a choice."""
    pairs: list[tuple[int, int]] = []
    used: dict[int, int] = {}
    limit = max(SHARED, math.ceil(kept / match.shape[1]))
    for place in np.argsort(-match, axis=None, kind="stable"):
        network, sample = divmod(int(place), match.shape[1])
        if used.get(sample, 0) < limit and all(network != other for other, _ in pairs):
            pairs.append((network, sample))
            used[sample] = used.get(sample, 0) + 1
            if len(pairs) == kept:
                break
    return pairs


class Fit:
    """A fit in progress: `step` as often as wanted. states: all moments; each step takes MOMENTS of them."""

    def __init__(self, concept: Concept, fitted: Fitted, states: Sequence[State], rng: np.random.Generator,
                 lines: int = FIT_LINES, rate: float | None = None) -> None:  # fmt: skip
        torch = need_torch()
        self.fitted, self._rng = fitted, rng
        self.canvas = Canvas(wide(lines), lines, tuple(states))
        shape = fitted.batch.shape
        self._inputs = self.canvas.batch(fitted.batch, fitted.shapes)
        with torch.no_grad():
            places = targets(concept, self.canvas, fitted.variants)
            self._wanted = coloured(palettes(fitted.variants), places)
            self._weight = _weights(places, concept, self._inputs, shape)
            # Errors count against what there is to see, or dull samples would win.
            self._spread = self._wanted.var(2).sum(1).clamp(min=1e-3)
        self._rate = rate or RATE
        slow = len(shape.layers) * 2 + 2  # from here on: a palette
        factors = [1.0 if n < slow else PALETTE_RATE for n in range(len(fitted.batch.tensors))]
        self._adam = Adam(list(zip(fitted.batch.tensors, factors, strict=True)))

    def step(self, done: float) -> float:
        """One step of gradient descent; done: how far the fit is, 0..1. Returns the mean error."""
        every = len(self.canvas.states)
        moments = sorted(self._rng.choice(every, min(MOMENTS, every), replace=False))
        pixels = self._columns(moments)
        errors = self._errors(pixels, len(moments))
        self._adam.zero()
        errors.sum().backward()
        freeze_time(self.fitted.batch)
        self._adam.step(eased(self._rate, done))
        return float(errors.detach().mean())

    def judge(self) -> Any:
        """Errors over all moments, (N,), kept in `fitted`."""
        torch = need_torch()
        with torch.no_grad():
            every = len(self.canvas.states)
            self.fitted.errors = self._errors(slice(None), every)
        return self.fitted.errors

    def _columns(self, moments: Sequence[int]) -> Any:
        torch = need_torch()
        p = self.canvas.pixels
        return torch.cat([torch.arange(m * p, (m + 1) * p) for m in moments])

    def _errors(self, pixels: Any, moments: int) -> Any:
        drawn = self.fitted.batch.pictures(self._inputs[:, :, pixels])
        difference = (drawn - self._wanted[:, :, pixels]) * self._weight[:, None, pixels]
        return pyramid(difference, moments, self.canvas) / self._spread


def palettes(chosen: Sequence[Variant]) -> Any:
    """Logits (N, 5, 3)."""
    return need_torch().tensor(np.stack([variant.palette for variant in chosen]))


def _weights(places: Any, concept: Concept, inputs: Any, shape: Shape) -> Any:
    """How much each pixel counts, (N, Q): light more than dark, stars most; few as they are, they would be left out."""
    weights = 0.7 + BRIGHT * places
    if "stars" in shape.inputs and "stars" in concept.fields:
        weights = weights + STARS * inputs[:, shape.inputs.index("stars")].clamp(0, 1)
    return weights


def eased(rate: float, done: float) -> float:
    """The rate of learning: a quarter wave from all of it to next to nothing."""
    return rate * (0.5 + 0.5 * math.cos(math.pi * done)) + LEAST_RATE


def pyramid(difference: Any, moments: int, canvas: Canvas) -> Any:
    """Squared differences at full, half and quarter size, (N,). difference: (N, 3, Q)."""
    torch = need_torch()
    count = difference.shape[0]
    picture = difference.reshape(count * 3, moments, canvas.height, canvas.width)
    total = picture.square().mean((1, 2, 3))
    for _ in range(2):
        picture = torch.nn.functional.avg_pool2d(picture, 2)
        total = total + picture.square().mean((1, 2, 3))
    return total.reshape(count, 3).mean(1)
