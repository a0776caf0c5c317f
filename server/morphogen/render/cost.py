"""What a program costs, counted; and the governor that keeps a backend inside its time.

The bound of the kernel study: multiplies and multiply-adds take the slots of the FMA pipes, divisions come on top.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from functools import lru_cache
from statistics import median
from typing import Any

from morphogen.field.cppn import expand
from morphogen.field.graph import Node, pixel_input
from morphogen.field.network import Shape
from morphogen.frame import TargetSpec

# (slots of multiply or multiply-add, divisions) of each operation as `render.lowering` writes it
COST = {
    "fma": (1, 0), "mul": (1, 0), "div": (0, 1), "cos_turns": (7, 0), "exp2": (5, 0), "exp2_neg": (5, 0),
    "atan2_turns": (9, 1),
}  # fmt: skip
UPSCALE = 18  # slots a pixel that finishing samples costs, measured against a network's slots
HIGH, LOW = 0.45, 0.3  # shares of the time at which the inner scale drops, and comes back: the rest is for all else
REMEMBERED = 31  # frames; the median of so many is not moved by a hiccup
LEAST_PIXELS = 256 * 144  # smaller pictures are not worth it


@lru_cache(maxsize=256)
def work(shape: Shape) -> tuple[int, int]:
    """(multiply slots, divisions) a pixel of the bare field."""
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
    """Whether the picture can be drawn at half width and height: everything even, and worth it."""
    canvas = spec.canvas
    numbers = (spec.width, spec.height, canvas.x, canvas.y, canvas.canvas_width, canvas.canvas_height)
    return all(n % 2 == 0 for n in numbers) and spec.width * spec.height >= LEAST_PIXELS


class Governor:
    """Decides which pictures are drawn at half their width and height so that a frame stays inside `budget` seconds.

    It learns what one slot costs on this machine under this load, and predicts; so it is right from the first frame of
    a new style. budget 0: everything is drawn whole. Render thread only.
    """

    def __init__(self) -> None:
        self.budget = 0.0
        self._rates: deque[float] = deque(maxlen=REMEMBERED)
        self._halved: frozenset[TargetSpec] = frozenset()

    @property
    def halved(self) -> frozenset[TargetSpec]:
        """The pictures that are drawn at half size just now."""
        return self._halved

    def plan(self, shapes: Sequence[Shape], specs: Sequence[TargetSpec]) -> frozenset[TargetSpec]:
        """Which of `specs` to draw at half size, largest first, until the frame is predicted to fit."""
        if not self.budget or not self._rates:
            self._halved = frozenset()
            return self._halved
        limit = self.budget * (HIGH if not self._halved else LOW) / median(self._rates)
        chosen: set[TargetSpec] = set()
        for spec in sorted(specs, key=lambda s: -s.width * s.height):
            if self.slots(shapes, specs, chosen) <= limit:
                break
            if may_halve(spec):
                chosen.add(spec)
        self._halved = frozenset(chosen)
        return self._halved

    @staticmethod
    def slots(
        shapes: Sequence[Shape], specs: Sequence[TargetSpec], halved: set[TargetSpec] | frozenset[TargetSpec]
    ) -> float:
        """Predicted slots of a frame."""
        field = 30.0 + sum(work(shape)[0] + 4 * work(shape)[1] for shape in shapes)
        return sum(s.width * s.height * (field / 4 + UPSCALE if s in halved else field) for s in specs)

    def measured(self, slots: float, seconds: float) -> None:
        """A frame of so many slots took so long."""
        if slots > 0:
            self._rates.append(seconds / slots)
