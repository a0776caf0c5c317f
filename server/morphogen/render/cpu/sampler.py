"""Code that draws a run of pixels sample by sample: all take the first few, and the rest where one of them is steep.

The loop lies around the field's code, so samples cost no memory traffic and nothing is compiled for them; with one
sample it is passed through once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir

from morphogen.render.branches import when
from morphogen.render.cpu.bands import BandKernel
from morphogen.render.lowering import F32, I64, Lowering
from morphogen.render.supersample import HEAD

Draw = Callable[[Any, Any], list[Any]]  # of an offset in x and in y: the channels of a run


class Sampler:
    """One for a kernel; `begin` and `end` around each band of rows."""

    def __init__(self, kernel: BandKernel, low: Lowering) -> None:
        self.b, self.job, self.low = kernel.b, kernel.job, low
        self._steep = kernel.b.alloca(I64)  # runs of the band that took all
        self._scratch: dict[tuple[str, int], Any] = {}

    def begin(self) -> None:
        self.b.store(I64(0), self._steep)

    def end(self) -> None:
        """One shared addition a band: one a run would be waited for."""
        b = self.b
        steep = b.load(self._steep, typ=I64)

        def add() -> None:
            b.atomic_rmw("add", self.job["steep"], steep, "monotonic")

        when(b, b.icmp_signed("!=", steep, I64(0)), (), add)

    def drawn(self, draw: Draw) -> list[Any]:
        """The channels of a run, each the mean of its samples."""
        b, low, count, first = self.b, self.low, self.job["samples"], self.job["first"]
        several = b.icmp_signed(">", count, I64(1))
        names = ("clear", "sample", "gather", "judge", "rest", "mixed", "drawn")
        clear, sample, gather, judge, rest, mixed, drawn = (b.append_basic_block(name) for name in names)
        before = b.block
        b.cbranch(several, clear, sample)
        b.position_at_end(sample)
        index, limit = b.phi(I64), b.phi(I64)
        values = draw(self._offset(index, 0), self._offset(index, 1))
        results = [(values, b.block)]
        b.cbranch(several, gather, drawn)
        b.position_at_end(clear)
        for channel in range(len(values)):
            b.store(low.constant(0.0), self._room("sum", channel))
        b.store(low.constant(0.0), self._room("apart"))
        b.branch(sample)
        b.position_at_end(gather)
        following = self._gathered(values, index)
        full = b.append_basic_block("full")
        b.cbranch(b.icmp_signed("<", following, limit), sample, full)
        for phi, again, start, end in ((index, following, I64(0), following), (limit, limit, first, count)):
            for value, block in ((start, before), (start, clear), (again, b.block), (end, rest)):
                phi.add_incoming(value, block)
        b.position_at_end(full)
        b.cbranch(b.icmp_signed("<", limit, count), judge, mixed)
        b.position_at_end(judge)
        means, steep = self._judged(len(values))
        results.append((means, b.block))
        b.cbranch(steep, rest, drawn)
        b.position_at_end(rest)
        b.store(b.add(b.load(self._steep, typ=I64), I64(1)), self._steep)
        b.branch(sample)
        b.position_at_end(mixed)
        results.append((self._mixed(len(values)), b.block))
        b.branch(drawn)
        b.position_at_end(drawn)
        return [self._joined([(value[c], block) for value, block in results]) for c in range(len(values))]

    def _joined(self, results: list[tuple[Any, Any]]) -> Any:
        phi = self.b.phi(self.low.ftype)
        for value, block in results:
            phi.add_incoming(value, block)
        return phi

    def _number(self, place: Any) -> Any:
        """Of the pattern (`supersample.numbers`)."""
        return self.b.load(self.b.gep(self.job["pattern"], [place], source_etype=F32), typ=F32, align=4)

    def _offset(self, index: Any, axis: int) -> Any:
        return self._number(self.b.add(self.b.mul(index, I64(2)), I64(HEAD + axis)))

    def _room(self, name: str, channel: int = 0) -> Any:
        """Memory for a vector; registers would all be needed by the field."""
        if (name, channel) not in self._scratch:
            with self.b.goto_entry_block():
                self._scratch[name, channel] = self.b.alloca(self.low.ftype)
        return self._scratch[name, channel]

    def _load(self, name: str, channel: int = 0) -> Any:
        return self.b.load(self._room(name, channel), typ=self.low.ftype)

    def _gathered(self, values: list[Any], index: Any) -> Any:
        """Adds a sample; returns the next one's number."""
        b = self.b
        self._counted(values, 0, index)
        when(b, self.low.on("cover"), (), lambda: self._counted(values, 3, index))
        return b.add(index, I64(1))

    def _counted(self, values: list[Any], start: int, index: Any) -> None:
        """The colours (from 0 on), or alpha."""
        b, parts = self.b, list(enumerate(values))[start : start + 3]
        for channel, value in parts:
            b.store(self.low._add(self._load("sum", channel), value), self._room("sum", channel))
        when(b, b.icmp_signed("==", index, I64(0)), (), lambda: self._begun(parts))
        when(b, b.icmp_signed("<", index, self.job["first"]), (), lambda: self._compared(parts))

    def _begun(self, parts: list[tuple[int, Any]]) -> None:
        for channel, value in parts:
            self.b.store(value, self._room("first", channel))

    def _compared(self, parts: list[tuple[int, Any]]) -> None:
        low, apart = self.low, self._load("apart")
        for channel, value in parts:
            apart = low._max(apart, low._abs(low._sub(value, self._load("first", channel))))
        self.b.store(apart, self._room("apart"))

    def _judged(self, channels: int) -> tuple[list[Any], Any]:
        """The means of the first few, and whether the run needs the rest and may have it."""
        b, low, share, means = self.b, self.low, self.low.splat(self._number(I64(0))), []
        for channel in range(channels):
            means.append(low._mul(self._load("sum", channel), share))
            b.store(means[-1], self._room("mean", channel))
        above = low.fma(self._load("apart"), low.splat(self._number(I64(2))), low.constant(-1.0))
        weight = low._min(low._max(above, low.constant(0.0)), low.constant(1.0))
        b.store(weight, self._room("weight"))
        lanes, word = b.fcmp_ordered(">", weight, low.constant(0.0)), ir.IntType(low.width)
        some = b.icmp_unsigned("!=", b.bitcast(lanes, word), ir.Constant(word, 0))
        taken = b.load_atomic(self.job["steep"], "monotonic", 8, typ=I64)
        return means, b.and_(some, b.icmp_signed("<", taken, self.job["allowed"]))

    def _mixed(self, channels: int) -> list[Any]:
        """From the mean of the first few to that of all, by the weight."""
        low, share, weight, out = self.low, self.low.splat(self._number(I64(1))), self._load("weight"), []
        for channel in range(channels):
            few, every = self._load("mean", channel), low._mul(self._load("sum", channel), share)
            out.append(low.fma(low._sub(every, few), weight, few))
        return out
