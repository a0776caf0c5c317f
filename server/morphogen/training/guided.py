"""Guided ascent: pictures at several moments drawn towards a sentence, held to the fit, and kept alive.

Loss of each network: the guide's (`guides.Aim.loss`), an anchor on what was fitted to (without it
the ascent scrambles the shape), a floor for contrast, and for each band of the music a range for the movement.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from morphogen.field.network import Shape
from morphogen.field.palette import random_stops
from morphogen.training.adam import Adam
from morphogen.training.canvas import Canvas, Geometry, shaped
from morphogen.training.colours import varied
from morphogen.training.concept import Variant
from morphogen.training.fit import KEPT, Fitted, eased, freeze_time, starts, wide
from morphogen.training.states import BANDS, State, moment
from morphogen.training.torch_field import Batch
from morphogen.training.torches import need_torch

LINES = 64
CHUNK = 64  # random networks that are scored at once
CROPS = 1  # of each picture; a step of 6 pictures takes the guide 0.1 s
MOMENTS = 2  # of all, in each step
ANCHOR = 6.0  # times the share of the target that is lost; at 0.5 glow turns into patches, at 2 waists and nuclei go
RATE = 0.006
CONTRAST = 0.12  # luminance's standard deviation that is asked for; below 0.06 a picture is rejected
LEAST, MOST = 0.02, 0.16  # mean change of the picture when one band comes from nothing to loud
LUMA = (0.299, 0.587, 0.114)


class Ascent:
    """An ascent in progress. aim: `guides.Aim`. held: of a canvas the pictures (N, 3, Q) that are held to, or None."""

    def __init__(self, aim: Any, batch: Batch, shapes: Sequence[Geometry], states: Sequence[State],
                 rng: np.random.Generator, held: Any = None, rate: float = RATE,
                 anchor: float = ANCHOR) -> None:  # fmt: skip
        self.batch, self._aim, self._rng, self._rate = batch, aim, rng, rate
        self.canvas = Canvas(wide(LINES), LINES, tuple(states))
        self._inputs = self.canvas.batch(batch, shapes)
        self._small = Canvas(wide(LINES // 4), LINES // 4, (moment(0), *(moment(0, **{b: 0.9}) for b in BANDS)))
        self._bands = self._small.batch(batch, shapes)
        self._held = None if held is None else held(self.canvas)
        self._spread = None if self._held is None else self._held.var(2).sum(1).clamp(min=1e-3)
        self._anchor = anchor
        self._adam = Adam([(tensor, 1.0) for tensor in batch.tensors])

    def step(self, done: float) -> float:
        """One step; done: 0..1. Returns the mean loss."""
        torch = need_torch()
        every, p = len(self.canvas.states), self.canvas.pixels
        moments = self._rng.choice(every, min(MOMENTS, every), replace=False)
        pixels = torch.cat([torch.arange(m * p, (m + 1) * p) for m in moments])
        drawn = self.batch.pictures(self._inputs[:, :, pixels])
        loss = self._guided(drawn, len(moments)) + self._alive()
        if self._held is not None:
            loss = loss + self._anchor * (drawn - self._held[:, :, pixels]).square().mean(2).sum(1) / self._spread
        self._adam.zero()
        loss.sum().backward()
        freeze_time(self.batch)
        self._adam.step(eased(self._rate, done))
        return float(loss.detach().mean())

    def _guided(self, drawn: Any, moments: int) -> Any:
        torch = need_torch()
        images = stills(drawn, moments, self.canvas)
        luma = (images * torch.tensor(LUMA)[:, None, None]).sum(1)
        flat = (CONTRAST - luma.std((1, 2))).clamp(min=0).reshape(-1, moments).mean(1)
        crops = torch.cat([crop(images, self._rng, LINES) for _ in range(CROPS)])
        loss = self._aim.loss(crops).reshape(CROPS, self.batch.count, moments).mean((0, 2))
        return loss + 10 * flat

    def _alive(self) -> Any:
        moved = movement(self.batch, self._bands, len(BANDS) + 1)
        return 10 * ((LEAST - moved).clamp(min=0) + (moved - MOST).clamp(min=0)).mean(1)


def lead(aim: Any, shape: Shape, chosen: Sequence[Variant], states: Sequence[State], rng: np.random.Generator,
         searched: int, gain: float, kept: int = KEPT) -> Fitted:  # fmt: skip
    """Without a fit: random networks, each in the palette and geometry of one of the variants, those kept that the
    guide likes best."""
    torch = need_torch()
    batch = starts(shape, searched, rng, gain)
    owners = [n * len(chosen) // searched for n in range(searched)]
    with torch.no_grad():
        batch.tensors[-1].copy_(torch.tensor(np.stack([chosen[n].palette for n in owners])))
    scores = []
    for at in range(0, searched, CHUNK):
        rows = range(at, min(at + CHUNK, searched))
        shapes = [chosen[owners[n]].own for n in rows]
        scores.append(score(batch.pick(rows), shapes, aim, states[:1], LINES // 2))
    order = torch.cat(scores).argsort(descending=True)[:kept].tolist()
    return Fitted(batch.pick(order), [chosen[owners[n]] for n in order], torch.zeros(len(order)))


def adrift(inputs: Sequence[str], palette: NDArray[np.float32] | None, rng: np.random.Generator,
           count: int = 16) -> list[Variant]:  # fmt: skip
    """Variants for words that no generator knows: a domain warp that flows by itself and with the music. palette:
    logits, or None: random ones."""
    made = []
    for _ in range(count):
        own = shaped(inputs, {"warp": {
            "seed": int(rng.integers(65536)), "scale": float(rng.uniform(0.5, 1.2)),
            "amount": {"base": float(rng.uniform(0.5, 0.9)), "bass": 0.25}, "flow": {"time": 0.02, "mid": 0.15},
        }})  # fmt: skip
        made.append(Variant({}, varied(palette, rng) if palette is not None else random_stops(rng), own, own))
    return made


def score(batch: Batch, shapes: Sequence[Geometry], aim: Any, states: Sequence[State], lines: int = LINES) -> Any:
    """What the guide says to the middle of the pictures, mean over the moments, (N,)."""
    torch = need_torch()
    canvas = Canvas(wide(lines), lines, tuple(states))
    with torch.no_grad():
        drawn = batch.pictures(canvas.batch(batch, shapes))
        return aim.score(stills(drawn, len(states), canvas)).reshape(batch.count, len(states)).mean(1)


def stills(pictures: Any, moments: int, canvas: Canvas) -> Any:
    """(N, 3, moments * pixels) as images (N * moments, 3, height, width)."""
    count = pictures.shape[0]
    shaped = pictures.reshape(count, 3, moments, canvas.height, canvas.width)
    return shaped.transpose(1, 2).reshape(count * moments, 3, canvas.height, canvas.width)


def crop(images: Any, rng: np.random.Generator, size: int) -> Any:
    """The same random square of all images, of 0.7 to 1 of their height, scaled to size x size."""
    torch = need_torch()
    height, width = images.shape[-2:]
    side = int(rng.integers(int(0.7 * height), height + 1))
    middle, room = (width - side) / 2, min((width - side) // 2, height // 4)
    left = int(middle + rng.integers(-room, room + 1))
    top = int(rng.integers(0, height - side + 1))
    part = images[:, :, top : top + side, left : left + side]
    return torch.nn.functional.interpolate(part, (size, size), mode="bilinear", align_corners=False)


def movement(batch: Batch, inputs: Any, moments: int) -> Any:
    """Mean change of the picture from the first moment to each other, (N, moments - 1)."""
    drawn = batch.pictures(inputs)
    shaped = drawn.reshape(batch.count, 3, moments, -1)
    return (shaped[:, :, 1:] - shaped[:, :, :1]).abs().mean((1, 3))
