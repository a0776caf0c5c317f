"""What a program costs, counted; and the governor that keeps a backend inside its time.

The bound of the kernel study: multiplies and multiply-adds take the slots of the FMA pipes, divisions come on top.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import pairwise
from statistics import median
from typing import Any

from morphogen.field.cppn import expand, pixel_inputs
from morphogen.field.graph import Node, pixel_input
from morphogen.field.network import Shape
from morphogen.frame import TargetSpec

# (slots of multiply or multiply-add, divisions) of each operation as `render.lowering` writes it
COST = {
    "fma": (1, 0), "mul": (1, 0), "div": (0, 1), "cos_turns": (7, 0), "exp2": (5, 0), "exp2_neg": (5, 0),
    "atan2_turns": (9, 1),
}  # fmt: skip
UPSCALE = 18  # slots a pixel that finishing samples costs, measured against a network's slots
FINISH = 110  # the same of a wide network's samples, against its multiply-adds
ACTIVATE = 8  # multiply-adds that a unit's activation costs
HIGH, LOW = 0.45, 0.3  # shares of the time at which the inner scale grows, and shrinks: the rest is for all else
REMEMBERED = 31  # frames; the median of so many is not moved by a hiccup
LEAST_PIXELS = 256 * 144  # smaller pictures of small networks are not worth it
SCALES = (1, 2, 3, 4, 6, 8, 12, 16)  # inner scales of wide networks; of small ones the first two

Scales = dict[TargetSpec, int]


@lru_cache(maxsize=256)
def work(shape: Shape) -> tuple[int, int]:
    """(multiply slots, divisions) a pixel of the bare field."""
    if shape.wide:
        widths = [len(pixel_inputs(shape)), *shape.widths[1:]]
        return sum(a * b + ACTIVATE * b for a, b in pairwise(widths)), 0
    seen: set[Node] = set()
    total = [0, 0]

    def walk(node: Any) -> None:
        if isinstance(node, Node) and node not in seen:
            seen.add(node)
            slots, divisions = COST.get(node.op, (0, 0))
            total[0] += slots
            total[1] += divisions
            for part in node.args:
                walk(part)

    for output in expand(shape, 0, pixel_input("px"), pixel_input("py"))[-1]:
        walk(output)
    return total[0], total[1]


def may_halve(spec: TargetSpec) -> bool:
    """Whether small networks can be drawn at half width and height: everything even, and worth it."""
    canvas = spec.canvas
    numbers = (spec.width, spec.height, canvas.x, canvas.y, canvas.canvas_width, canvas.canvas_height)
    return all(n % 2 == 0 for n in numbers) and spec.width * spec.height >= LEAST_PIXELS


class Governor:
    """Decides at which inner scale pictures are drawn (2: half width and height) so that a frame stays inside `budget`
    seconds.

    It learns what one slot costs on this machine under this load, for small and for wide networks apart, and predicts;
    so it is right from the first frame of a new style. A scale stays while the frame is predicted between the two marks
    HIGH and LOW, so it does not flicker. budget 0: everything is drawn whole. Render thread only, but for `expect`.
    """

    def __init__(self) -> None:
        self.budget = 0.0
        self._rates: dict[bool, deque[float]] = {wide: deque(maxlen=REMEMBERED) for wide in (False, True)}
        self._expected: float | None = None
        self._scales: Scales = {}

    @property
    def scales(self) -> Scales:
        """The inner scale of each picture that is not drawn whole just now."""
        return self._scales

    def plan(self, shapes: Sequence[Shape], specs: Sequence[TargetSpec]) -> Scales:
        """The inner scale of those of `specs` that are not drawn whole, the largest first, until the frame is predicted
        to fit."""
        rate = self._rate(_wide(shapes))
        if not self.budget or rate is None:
            self._scales = {}
            return self._scales
        most, least = (self._fit(shapes, specs, share * self.budget / rate) for share in (LOW, HIGH))
        found = {}
        for spec in specs:
            now = self._scales.get(spec, 1)
            scale = min(max(now, least.get(spec, 1)), most.get(spec, 1))
            if scale > 1:
                found[spec] = scale
        self._scales = found
        return found

    def _rate(self, wide: bool) -> float | None:
        rates = self._rates[wide]
        return median(rates) if rates else self._expected if wide else None

    def _fit(self, shapes: Sequence[Shape], specs: Sequence[TargetSpec], limit: float) -> Scales:
        """The finest scales whose slots stay below `limit`, or the coarsest there are."""
        scales: Scales = {}
        wide = _wide(shapes)
        while self.slots(shapes, specs, scales) > limit:
            open_ = [s for s in specs if _coarser(s, scales.get(s, 1), wide) is not None]
            if not open_:
                break
            largest = max(open_, key=lambda s: s.width * s.height / scales.get(s, 1) ** 2)
            scales[largest] = _coarser(largest, scales.get(largest, 1), wide) or 1
        return scales

    @staticmethod
    def slots(shapes: Sequence[Shape], specs: Sequence[TargetSpec], scales: Mapping[TargetSpec, int]) -> float:
        """Predicted slots of a frame. While a wide network is drawn, small ones are drawn whole in its finish."""
        wide = [work(shape)[0] for shape in shapes if shape.wide]
        field = 30.0 + sum(work(shape)[0] + 4 * work(shape)[1] for shape in shapes if not shape.wide)
        total = 0.0
        for spec in specs:
            pixels, scale = spec.width * spec.height, scales.get(spec, 1)
            if wide:
                total += pixels * (sum(wide) / scale**2 + FINISH * len(wide) + field)
            else:
                total += pixels * (field if scale == 1 else field / scale**2 + UPSCALE)
        return total

    def expect(self, seconds: float) -> None:
        """What a slot of a wide network will cost, until a frame was measured."""
        self._expected = seconds

    def measured(self, shapes: Sequence[Shape], slots: float, seconds: float) -> None:
        """A frame of these shapes and so many slots took so long."""
        if slots > 0:
            self._rates[_wide(shapes)].append(seconds / slots)


def _wide(shapes: Sequence[Shape]) -> bool:
    return any(shape.wide for shape in shapes)


def _coarser(spec: TargetSpec, scale: int, wide: bool) -> int | None:
    """The next scale; None: there is none."""
    if not wide:
        return 2 if scale == 1 and may_halve(spec) else None
    return next((s for s in SCALES if s > scale), None)
