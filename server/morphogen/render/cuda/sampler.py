"""Code that draws a thread's run of pixels sample by sample: all take the first few, and the rest where it is steep.

In kernels of their own: with one sample a pixel nothing of it costs registers. Time is saved where all threads of a
warp have no need of the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from llvmlite import ir

from morphogen.render.cuda.lowering import PtxLowering
from morphogen.render.lowering import F32, I32, I64
from morphogen.render.supersample import HEAD

Draw = Callable[[Any, Any], list[Any]]  # of an offset in x and in y: the channels of a run


class Sampler:
    """The loop around a kernel's field. job: with the fields `samples`, `first` and `pattern`."""

    def __init__(self, b: Any, low: PtxLowering, job: Mapping[str, Any]) -> None:
        self.b, self.low, self.job = b, low, job
        self._values: dict[tuple[str, int], Any] = {}

    def drawn(self, draw: Draw) -> list[Any]:
        """The channels of a run, each the mean of its samples."""
        b, count, first = self.b, self.job["samples"], self.job["first"]
        names = ("sample", "few", "judge", "mixed", "drawn")
        sample, few, judge, mixed, drawn = (b.append_basic_block(name) for name in names)
        self._values.clear()
        self._clear(4)
        before = b.block
        b.branch(sample)
        b.position_at_end(sample)
        index, limit = b.phi(I32), b.phi(I32)
        values = draw(self._offset(index, 0), self._offset(index, 1))
        self._gather(values, index)
        following = b.add(index, I32(1))
        for phi, start, again, end in ((index, I32(0), following, following), (limit, first, limit, count)):
            for value, block in ((start, before), (again, b.block), (end, judge)):
                phi.add_incoming(value, block)
        b.cbranch(b.icmp_signed("<", following, limit), sample, few)
        b.position_at_end(few)
        b.cbranch(b.icmp_signed("<", limit, count), judge, mixed)
        b.position_at_end(judge)
        means, steep = self._judged(len(values))
        b.cbranch(steep, sample, drawn)
        b.position_at_end(mixed)
        results = self._mixed(len(values))
        b.branch(drawn)
        b.position_at_end(drawn)
        return [self._phi((mean, judge), (result, mixed)) for mean, result in zip(means, results, strict=True)]

    def _phi(self, *incoming: tuple[Any, Any]) -> Any:
        phi = self.b.phi(self.low.ftype)
        for value, block in incoming:
            phi.add_incoming(value, block)
        return phi

    def _number(self, place: Any) -> Any:
        """Of the pattern (`supersample.numbers`)."""
        at = self.b.gep(self.job["pattern"], [self.b.zext(place, I64)], source_etype=F32)
        number = self.b.load(at, typ=F32, align=4)
        number.set_metadata("invariant.load", self.b.module.add_metadata([]))
        return number

    def _offset(self, index: Any, axis: int) -> Any:
        return self._number(self.b.add(self.b.shl(index, I32(1)), I32(HEAD + axis)))

    def _room(self, name: str, channel: int = 0) -> Any:
        """A value that changes from sample to sample; LLVM makes registers of these."""
        if (name, channel) not in self._values:
            with self.b.goto_entry_block():
                self._values[name, channel] = self.b.alloca(self.low.ftype)
        return self._values[name, channel]

    def _load(self, name: str, channel: int = 0) -> Any:
        return self.b.load(self._room(name, channel), typ=self.low.ftype)

    def _clear(self, channels: int) -> None:
        self.b.store(self.low.constant(0.0), self._room("apart"))
        for channel in range(channels):
            for name in ("sum", "few"):
                self.b.store(self.low.constant(0.0), self._room(name, channel))

    def _gather(self, values: list[Any], index: Any) -> None:
        """Adds a sample. While the first few are taken, `few` is the first one; then it is their mean."""
        b, low = self.b, self.low
        begins, early = b.icmp_signed("==", index, I32(0)), b.icmp_signed("<", index, self.job["first"])
        apart = self._load("apart")
        farther = apart
        for channel, value in enumerate(values):
            b.store(low._add(self._load("sum", channel), value), self._room("sum", channel))
            b.store(b.select(begins, value, self._load("few", channel)), self._room("few", channel))
            way = low._abs(low._sub(value, self._load("few", channel)))
            way = way if channel < 3 else b.select(low.on("cover"), way, low.constant(0.0))
            farther = low._max(farther, way)
        b.store(b.select(early, farther, apart), self._room("apart"))

    def _judged(self, channels: int) -> tuple[list[Any], Any]:
        """The means of the first few, and whether some pixel of the run needs the rest."""
        b, low, share, means = self.b, self.low, self.low.splat(self._number(I32(0))), []
        for channel in range(channels):
            means.append(low._mul(self._load("sum", channel), share))
            b.store(means[-1], self._room("few", channel))
        above = low.fma(self._load("apart"), low.splat(self._number(I32(2))), low.constant(-1.0))
        weight = low._min(low._max(above, low.constant(0.0)), low.constant(1.0))
        b.store(weight, self._room("apart"))
        lanes = [b.extract_element(weight, I32(i)) for i in range(low.width)] if low.width > 1 else [weight]
        steep = ir.Constant(ir.IntType(1), 0)
        for lane in lanes:
            steep = b.or_(steep, b.fcmp_ordered(">", lane, ir.Constant(F32, 0.0)))
        return means, steep

    def _mixed(self, channels: int) -> list[Any]:
        """From the mean of the first few to that of all, by the weight."""
        low, share, weight, out = self.low, self.low.splat(self._number(I32(1))), self._load("apart"), []
        for channel in range(channels):
            few, every = self._load("few", channel), low._mul(self._load("sum", channel), share)
            out.append(low.fma(low._sub(every, few), weight, few))
        return out
