"""What a trained network is worth: meaning over nine moments and three held-out ones, contrast, movement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from morphogen.training.canvas import Canvas, Geometry
from morphogen.training.fit import wide
from morphogen.training.guided import LINES, LUMA, movement, stills
from morphogen.training.states import BANDS, held_out_states, judging_states, moment
from morphogen.training.torch_field import Batch
from morphogen.training.torches import need_torch

EMPTY = 0.06  # luminance's standard deviation below which a picture is empty (study: good ones have 0.14 to 0.28)
LOST = 2.0  # score that a target lost altogether is worth
LATER = 2.0  # seconds after which the picture in silence is looked at again


@dataclass(frozen=True)
class Judgement:
    """score: the guide's, mean over nine moments, None without a guide; worst: of the nine; unseen: mean over three
    held-out moments. contrast: the least standard deviation of luminance. moves: mean change of the picture, 0..1, when
    each band comes from nothing to 0.9, and over `LATER` seconds of silence ('time')."""

    score: float | None
    worst: float | None
    unseen: float | None
    contrast: float
    moves: Mapping[str, float]

    @property
    def empty(self) -> bool:
        """Whether there is next to nothing to see at some moment."""
        return self.contrast < EMPTY


def judge(batch: Batch, shapes: Sequence[Geometry], aim: Any = None) -> list[Judgement]:
    """Of every network of the batch."""
    torch = need_torch()
    nine, unseen = judging_states(), held_out_states()
    canvas = Canvas(wide(LINES), LINES, (*nine, *unseen))
    small = Canvas(wide(LINES // 2), LINES // 2, (moment(4.0), *(moment(4.0, **{b: 0.9}) for b in BANDS),
                                                  moment(4.0 + LATER)))  # fmt: skip
    with torch.no_grad():
        images = stills(batch.pictures(canvas.batch(batch, shapes)), len(canvas.states), canvas)
        spread = (images * torch.tensor(LUMA)[:, None, None]).sum(1).std((1, 2)).reshape(batch.count, -1)
        scores = aim.score(images).reshape(batch.count, -1) if aim is not None else None
        moved = movement(batch, small.batch(batch, shapes), len(small.states))
    return [_verdict(None if scores is None else scores[n].tolist(), spread[n, :9].min(), moved[n].tolist())
            for n in range(batch.count)]  # fmt: skip


def _verdict(scores: Sequence[float] | None, contrast: Any, moved: Sequence[float]) -> Judgement:
    moves = {name: round(value, 4) for name, value in zip((*BANDS, "time"), moved, strict=True)}
    if scores is None:
        return Judgement(None, None, None, float(contrast), moves)
    nine, unseen = scores[:9], scores[9:]
    return Judgement(sum(nine) / 9, min(nine), sum(unseen) / len(unseen), float(contrast), moves)


def best(verdicts: Sequence[Judgement], errors: Sequence[float]) -> int:
    """The network to keep: no empty one while there is another; then by score less what is lost of the target (a guide
    alone prefers a plain rod to a cell with a waist)."""

    def key(n: int) -> tuple[bool, float]:
        return verdicts[n].empty, LOST * errors[n] - (verdicts[n].score or 0.0)

    return min(range(len(verdicts)), key=key)
