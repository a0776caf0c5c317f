"""What a program costs, counted; and the governor that keeps a backend inside its time.

The bound of the kernel study: multiplies and multiply-adds take the slots of the FMA pipes, divisions come on top.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from statistics import median
from typing import Any, Literal, get_args

from morphogen.field.cppn import expand, pixel_inputs
from morphogen.field.graph import Node, pixel_input, reachable
from morphogen.field.inputs import input_nodes, shaped
from morphogen.field.network import Shape
from morphogen.frame import TargetSpec

# (slots of multiply or multiply-add, divisions) of each operation as `render.lowering` writes it
COST = {
    "fma": (1, 0), "mul": (1, 0), "div": (0, 1), "cos_turns": (7, 0), "exp2": (5, 0), "exp2_neg": (5, 0),
    "log2": (9, 0), "atan2_turns": (9, 1),
}  # fmt: skip
# What `COST` leaves to the other pipes is most of a field's work. Fitted to ten fields on Zen 3, within 20 %.
FIELD_COST = {"add": 0.6, "sub": 0.6, "min": 0.6, "max": 0.6, "abs": 0.6, "floor": 0.6, "less": 3.0, "sqrt": 3.0}
BASE = 30.0  # slots a pixel of all but the networks
UPSCALE = 18  # slots a pixel that finishing samples costs, measured against a network's slots
FINISH = 110  # the same of a wide network's samples, against its multiply-adds
BORDER = 3  # samples more than there are blocks, in each direction
ACTIVATE = 8  # multiply-adds that a unit's activation costs
HIGH, LOW = 0.45, 0.3  # shares of the time at which the inner scale grows, and shrinks: the rest is for all else
LAST_HIGH, LAST_LOW = 0.7, 0.5  # the same from half to a third of the size, which is seen: only to save the frame rate
WIDE_HIGH, WIDE_LOW = 0.65, 0.5  # the same for wide networks, which can use all the time there is
# Once samples cost so little beside all else, fewer of them would spoil the picture and save next to nothing.
WORTH_HIGH, WORTH_LOW = 0.8, 0.4
SMALL_SHARE = 0.25  # of the time, that small networks fading to wide ones may take before they are sampled too
SMALL_SCALES = (1, 2, 3, 4)  # 1: for every pixel, in the finish
BLOCK, SPREAD = 140, 400  # slots of a sample of small networks: for each four units, and beside them
REMEMBERED = 31  # frames; the median of so many is not moved by a hiccup
LEAST_PIXELS = 256 * 144  # smaller pictures of small networks are not worth it
LEAST_WIDTH = 256  # and the kernels want a vector's width of samples (64) and what it becomes (192)
SCALES = (1, 2, 3, 4, 5, 6, 8, 10, 12, 14, 16, 20, 24, 32)  # of small networks the first three

Scales = dict[TargetSpec, int]
Slots = tuple[float, float, float]  # of each kind:
Kind = Literal["small", "sample", "pixel"]
KINDS: Sequence[Kind] = get_args(Kind)


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


@lru_cache(maxsize=256)
def field_work(inputs: tuple[str, ...]) -> tuple[float, float]:
    """Slots a pixel of the fields among a network's inputs: (all, those that `work` does not count)."""
    if not shaped(inputs):
        return 0.0, 0.0
    nodes = list(reachable(input_nodes(inputs, pixel_input("x"), pixel_input("y"))))
    counted = [COST.get(node.op, (0, 0)) for node in nodes]
    others = sum(FIELD_COST.get(node.op, 0.0) for node in nodes)
    return others + sum(slots + 4 * divisions for slots, divisions in counted), others


def may_shrink(spec: TargetSpec, scale: int) -> bool:
    """Whether small networks can be drawn at 1 / scale of width and height: all is divisible, and worth it."""
    canvas = spec.canvas
    numbers = (spec.width, spec.height, canvas.x, canvas.y, canvas.canvas_width, canvas.canvas_height)
    worth = spec.width >= LEAST_WIDTH and spec.width * spec.height >= LEAST_PIXELS
    return worth and all(n % scale == 0 for n in numbers)


@dataclass(frozen=True)
class Bill:
    """Slots of some networks. small: a pixel; sample: of wide ones, a sample; dense: a pixel, of small ones that are
    sampled too; finish: a pixel, for all that is sampled. wide: how many are."""

    wide: int
    small: float
    sample: float
    dense: float
    finish: float

    @classmethod
    def of(cls, shapes: Sequence[Shape], scale: int = 1) -> Bill:
        """scale: of small networks beside wide ones."""
        wide = [work(shape)[0] + field_work(shape.inputs)[0] for shape in shapes if shape.wide]
        narrow = [shape for shape in shapes if not shape.wide]
        small = float(sum(work(s)[0] + 4 * work(s)[1] + field_work(s.inputs)[1] for s in narrow))
        if not wide:
            return cls(0, small + BASE, 0.0, 0.0, 0.0)
        finish, sample = BASE + FINISH * len(wide), float(sum(wide))
        if scale == 1:
            return cls(len(wide), small, sample, 0.0, finish)
        blocks = sum(-(-width // 4) for shape in narrow for width in shape.widths[1:])
        sampled = sum(field_work(shape.inputs)[0] for shape in narrow)
        dense = (BLOCK * blocks + SPREAD * len(narrow) + sampled) / scale**2
        return cls(len(wide), 0.0, sample, dense, finish + FINISH * len(narrow))

    def slots(self, spec: TargetSpec, scale: int) -> Slots:
        """Of one picture."""
        width, height = spec.width, spec.height
        pixels = width * height
        if not self.wide:
            return pixels * (self.small if scale == 1 else self.small / scale**2 + UPSCALE), 0.0, 0.0
        samples = self.sample * (width / scale + BORDER) * (height / scale + BORDER)
        return pixels * self.small, samples + pixels * self.dense, pixels * self.finish

    def total(self, specs: Sequence[TargetSpec], scales: Scales) -> Slots:
        """Of several pictures."""
        small, sample, pixel = zip(*(self.slots(spec, scales.get(spec, 1)) for spec in specs), strict=True)
        return sum(small), sum(sample), sum(pixel)

    def coarser(self, spec: TargetSpec) -> Sequence[int]:
        """The inner scales that the picture may be drawn at, other than 1."""
        return SCALES[1:] if self.wide else tuple(scale for scale in (2, 3) if may_shrink(spec, scale))


class Governor:
    """Decides at which inner scale pictures are drawn (2: half width and height) so that a frame stays inside `budget`
    seconds.

    It learns what one slot costs on this machine under this load and predicts, so it is right from the first frame of a
    new style; the slots of small networks, of samples of wide ones, and of all that comes after those, apart. A scale
    stays while the frame is predicted between two marks, so it does not flicker. budget 0: everything is drawn whole.
    Render thread only, but for `expect`.

    small: scale of small networks that fade to wide ones; it stays 1 unless they `may_sample`.
    """

    def __init__(self, may_sample: bool = True) -> None:
        self._may_sample = may_sample
        self.budget = 0.0
        self.small = 1
        self._rates: dict[Kind, deque[float]] = {kind: deque(maxlen=REMEMBERED) for kind in KINDS}
        self._expected: float | None = None
        self._scales: Scales = {}
        self._shapes: Sequence[Shape] = ()

    @property
    def scales(self) -> Scales:
        """The inner scale of each picture that is not drawn whole just now."""
        return self._scales

    def plan(self, shapes: Sequence[Shape], specs: Sequence[TargetSpec]) -> Scales:
        """The inner scale of those of `specs` that are not drawn whole, the largest first, until the frame is predicted
        to fit."""
        rates = self._known_rates(any(shape.wide for shape in shapes))
        if shapes != self._shapes or not self.budget:
            self._shapes, self.small = shapes, 1
        if not self.budget or not rates or not specs:
            self._scales = {}
            return self._scales
        bill = self._bill(shapes, specs, rates)
        least, most = self._bounds(bill, specs, rates)
        found = {}
        for spec in specs:
            now = self._scales.get(spec, 1)
            scale = min(max(now, least.get(spec, 1)), most.get(spec, 1))
            if scale > 1:
                found[spec] = scale
        self._scales = found
        return found

    def _bounds(self, bill: Bill, specs: Sequence[TargetSpec], rates: Sequence[float]) -> tuple[Scales, Scales]:
        """The least scale of each picture that keeps the time, and the most that is worth it."""
        budget = self.budget
        if bill.wide:
            return (_fit(bill, specs, rates, WIDE_HIGH * budget, WORTH_HIGH),
                    _fit(bill, specs, rates, WIDE_LOW * budget, WORTH_LOW))  # fmt: skip
        found = []
        for first, last in ((HIGH, LAST_HIGH), (LOW, LAST_LOW)):
            soft = _fit(bill, specs, rates, first * budget, 0.0)
            hard = _fit(bill, specs, rates, last * budget, 0.0)
            found.append({spec: max(min(scale, 2), hard.get(spec, 1)) for spec, scale in soft.items()})
        return found[0], found[1]

    def _bill(self, shapes: Sequence[Shape], specs: Sequence[TargetSpec], rates: Sequence[float]) -> Bill:
        """With small networks sampled as coarsely as needed; never finer again while a fade lasts."""
        bill = Bill.of(shapes, self.small)
        pixels = sum(spec.width * spec.height for spec in specs)
        while (
            self._may_sample and bill.wide and self.small < SMALL_SCALES[-1]
            and pixels * (bill.small * rates[0] + bill.dense * rates[1]) > SMALL_SHARE * self.budget
        ):  # fmt: skip
            self.small = SMALL_SCALES[SMALL_SCALES.index(self.small) + 1]
            bill = Bill.of(shapes, self.small)
        return bill

    def _known_rates(self, wide: bool) -> Sequence[float]:
        """Seconds a slot of each kind; empty when what is needed is not known."""
        small, sample, pixel = (median(rates) if rates else self._expected for rates in self._rates.values())
        if wide:
            return () if sample is None or pixel is None else (pixel if small is None else small, sample, pixel)
        return (median(self._rates["small"]), 0.0, 0.0) if self._rates["small"] else ()

    def expect(self, seconds: float) -> None:
        """What a slot will cost where wide networks are drawn, until a frame was measured."""
        self._expected = seconds

    def learn(self, kind: Kind, slots: float, seconds: float) -> None:
        """So many slots of a kind took so long."""
        if slots > 0:
            self._rates[kind].append(seconds / slots)

    def measured(
        self, shapes: Sequence[Shape], specs: Sequence[TargetSpec], scales: Scales, seconds: float, sampling: float
    ) -> None:
        """A frame took so long; `sampling`: the part that went into samples."""
        if not specs:
            return
        bill = Bill.of(shapes, self.small)
        small, sample, pixel = bill.total(specs, scales)
        if not bill.wide:
            self.learn("small", small, seconds)
            return
        self.learn("sample", sample, sampling)
        if not small:  # else the two cannot be told apart
            self.learn("pixel", pixel, seconds - sampling)


def _fit(bill: Bill, specs: Sequence[TargetSpec], rates: Sequence[float], seconds: float, worth: float) -> Scales:
    """The finest scales at which a frame takes less than `seconds`, or the coarsest that there are or that are worth
    it: where samples still cost `worth` times all else. rates: seconds a slot, by kind."""

    def cost(spec: TargetSpec) -> Slots:
        small, sample, pixel = (r * s for r, s in zip(rates, bill.slots(spec, scales.get(spec, 1)), strict=True))
        return small, sample, pixel

    scales: Scales = {}
    total = sum(sum(cost(spec)) for spec in specs)
    choices = {spec: iter(bill.coarser(spec)) for spec in specs}
    while total > seconds and choices:
        largest = max(choices, key=lambda s: s.width * s.height / scales.get(s, 1) ** 2)
        small, sample, pixel = cost(largest)
        scale = next(choices[largest], None)
        if scale is None or (bill.wide and sample < worth * (small + pixel)):
            del choices[largest]
            continue
        scales[largest] = scale
        total += sum(cost(largest)) - small - sample - pixel
    return scales
