"""The kernel of wide networks on a card: a block of pixels through all layers, on the matrix units.

Eight warps keep 16,384 values (64 pixels of 256 units, 128 of 128, 256 of 64) in shared memory. Each warp sums 64
pixels by 32 units in its registers over the whole depth, its weights coming straight out of the second cache in the
order of their use; then all of them activate and store over what they have read. Layers are data (`products.Block`), so
one kernel draws networks of any shape. Bias and activation are float32 whatever the factors are.
"""

from __future__ import annotations

import ctypes
from typing import Any

from llvmlite import ir

from morphogen.field.activations import ACTIVATIONS
from morphogen.field.graph import pixel_input
from morphogen.render.cuda.inputs import InputKernel
from morphogen.render.cuda.lowering import PtxLowering
from morphogen.render.cuda.products import CHUNK_BYTES, PRODUCTS, ROWS, STEP_BYTES, UNIT_BYTES, WARPS, Entry, Products
from morphogen.render.cuda.ptx import compiled
from morphogen.render.lowering import F32, I32, I64
from morphogen.render.wide.samples import CODES, REACH

TARGET, FEATURES, OLDEST = "sm_80", "+ptx70", (8, 0)


def text(name: str) -> str:
    """PTX for one of PRODUCTS. Raises RenderError."""
    return compiled(FieldKernel(PRODUCTS[name]).text(), "wide networks", TARGET, FEATURES)


class FieldKernel(InputKernel):
    """Builds `module`, whose `kernel(FieldJob and uniforms)` draws one network."""

    def __init__(self, products: Products) -> None:
        super().__init__(products)
        self._layers()
        self._output()
        self.b.ret_void()

    # --- layers

    def _entry(self, layer: Any) -> dict[str, Any]:
        words = self._words(self._at(self.job["block"], self.b.mul(layer, I32(ctypes.sizeof(Entry)))), steady=True)
        return dict(zip((name for name, *_ in Entry._fields_), words, strict=True))

    def _layers(self) -> None:
        b = self.b
        part = b.lshr(self._warp, self.job["spread"])
        tile = b.sub(self._warp, b.shl(part, self.job["spread"]))
        mine = b.add(self._own, b.mul(part, I32(64 * CHUNK_BYTES)))
        layer, _, close = self._loop(I32(0), [])
        entry = self._entry(layer)
        works = b.icmp_signed("<", tile, entry["tiles"])
        units = self._at(self.job["block"], b.add(entry["units"], b.mul(self._quarter, I32(UNIT_BYTES))))
        units = self._at(units, b.mul(tile, I32(4 * UNIT_BYTES)))
        sums = self._summed(works, entry, tile, mine, units)
        self._barrier("barrier.cta.sync.aligned.all", 0)
        with b.if_then(works):
            sums = self._activated(sums, units)
            self._keep(sums, tile, mine)
        self._barrier("bar.warp.sync", -1)
        self._barrier("barrier.cta.sync.aligned.all", 0)
        following = b.add(layer, I32(1))
        close(following, b.icmp_signed("<", following, self.job["layers"]), [])

    def _summed(self, works: Any, entry: dict[str, Any], tile: Any, mine: Any, units: Any) -> list[Any]:
        """64 sums of this thread: pixels 16 m + row and + 8, by columns 2 quarter and + 1 of four steps."""
        b = self.b
        before, then, joined = b.block, b.append_basic_block("sums"), b.append_basic_block("summed")
        b.cbranch(works, then, joined)
        b.position_at_end(then)
        bias = self._words(units, F32, steady=True) + self._words(self._at(units, 16), F32, steady=True)
        start = [bias[2 * step + j % 2] for _ in range(4) for step in range(4) for j in range(4)]
        weights = self._at(self.job["block"], b.add(entry["weights"], self._lane))
        weights = self._at(weights, b.mul(b.mul(tile, entry["chunks"]), I32(4 * STEP_BYTES)))
        sums = self._chunks(weights, self._at(self.shared, mine), entry["chunks"], start)
        after = b.block
        b.branch(joined)
        b.position_at_end(joined)
        out = []
        for value in sums:
            phi = b.phi(F32)
            phi.add_incoming(value, after)
            phi.add_incoming(ir.Constant(F32, 0.0), before)
            out.append(phi)
        return out

    def _chunks(self, weights: Any, mine: Any, chunks: Any, start: list[Any]) -> list[Any]:
        """The sums over the whole depth. To read weights one chunk ahead gained nothing (H100: 3.37 ms, so 3.30)."""
        b = self.b
        left, (weights, mine, *sums), close = self._loop(chunks, [weights, mine, *start])
        factors = [word for step in range(4) for word in self._words(self._at(weights, STEP_BYTES * step), steady=True)]
        for m in range(4):
            rows = [self._words(self._at(mine, (m * ROWS + k) * CHUNK_BYTES)) for k in (0, 8)]
            for step in range(4):
                at = 16 * m + 4 * step
                sums[at : at + 4] = self._both(rows, factors[4 * step : 4 * step + 4], sums[at : at + 4])
        left = b.sub(left, I32(1))
        after = [self._at(weights, 4 * STEP_BYTES), self._at(mine, self._chunk_bytes), *sums]
        return close(left, b.icmp_signed("!=", left, I32(0)), after)[2:]

    def _both(self, rows: list[list[Any]], factors: list[Any], sums: list[Any]) -> list[Any]:
        """Both halves of a chunk: 16 pixels by 8 units."""
        for half in (0, 2):
            pixels = [rows[k][half + i] for i in (0, 1) for k in (0, 1)]
            for a, w in self._terms(pixels, factors[half : half + 2]):
                sums = self._product(a, w, sums)
        return sums

    # --- activations

    def _activated(self, sums: list[Any], units: Any) -> list[Any]:
        """Each of a thread's eight units by its own activation; mostly all threads of a warp go the same way."""
        codes = self._words(self._at(units, 32), steady=True) + self._words(self._at(units, 48), steady=True)
        out = list(sums)
        for unit, code in enumerate(codes):
            step, j = divmod(unit, 2)
            places = [16 * m + 4 * step + j + k for m in range(4) for k in (0, 2)]
            for place, value in zip(places, self._switched(code, [sums[p] for p in places]), strict=True):
                out[place] = value
        return out

    def _switched(self, code: Any, values: list[Any]) -> list[Any]:
        b = self.b
        joined = b.append_basic_block("activated")
        results: list[tuple[list[Any], Any]] = []
        for number, name in enumerate(CODES):
            if name in ("none", "identity"):  # nothing to do: what is left in the end
                continue
            case, other = b.append_basic_block(name), b.append_basic_block("other")
            b.cbranch(b.icmp_signed("==", code, I32(number)), case, other)
            b.position_at_end(case)
            low = PtxLowering(b, 1, None, self.program)
            found = []
            for value in values:
                low.bind({"value": value})
                found.append(low.lower(ACTIVATIONS[name].emit(pixel_input("value"))))
            results.append((found, b.block))
            b.branch(joined)
            b.position_at_end(other)
        results.append((values, b.block))
        b.branch(joined)
        b.position_at_end(joined)
        out = []
        for i in range(len(values)):
            phi = b.phi(F32)
            for found, block in results:
                phi.add_incoming(found[i], block)
            out.append(phi)
        return out

    def _keep(self, sums: list[Any], tile: Any, mine: Any) -> None:
        """A thread's 64 values into the chunks of the layer that comes: eight units of each of its pixels."""
        b, wide = self.b, self.products.word == 4
        at = self._at(self.shared, b.add(mine, b.mul(tile, b.mul(self._chunk_bytes, I32(2 if wide else 1)))))
        for m in range(4):
            for k in (0, 8):
                row = [sums[16 * m + 4 * step + k // 4 + j] for step in range(4) for j in range(2)]
                place = (m * ROWS + k) * CHUNK_BYTES
                if not wide:
                    self._store([self._pair(*row[i : i + 2]) for i in range(0, 8, 2)], self._at(at, place))
                    continue
                for half in range(2):
                    start = self._at(at, b.mul(self._chunk_bytes, I32(half)))
                    words = [self._rounded(value) for value in row[4 * half : 4 * half + 4]]
                    self._store(words, self._at(start, place))

    # --- colours

    def _output(self) -> None:
        """Sixteen pixels a warp, by eight columns, three of them colours."""
        b = self.b
        entry = self._entry(self.job["layers"])
        count = b.lshr(self._pixels, I32(4))
        begin, done = b.append_basic_block("colours"), b.append_basic_block("done")
        b.cbranch(b.icmp_signed("<", self._warp, count), begin, done)
        b.position_at_end(begin)
        group, _, close = self._loop(self._warp, [])
        sums = self._colours(entry, group)
        pixel = b.add(b.add(self._first, b.mul(group, I32(ROWS))), self._row)
        for k in (0, 1):
            self._stored(sums[2 * k : 2 * k + 2], b.add(pixel, I32(8 * k)))
        self._barrier("bar.warp.sync", -1)
        following = b.add(group, I32(WARPS))
        close(following, b.icmp_signed("<", following, count), [])
        b.branch(done)
        b.position_at_end(done)

    def _colours(self, entry: dict[str, Any], group: Any) -> list[Any]:
        """Four sums of this thread, in chains that do not wait for one another."""
        b = self.b
        mine = self._at(self.shared, b.add(self._own, b.mul(group, I32(ROWS * CHUNK_BYTES))))
        weights = self._at(self.job["block"], b.add(entry["weights"], self._lane))
        chains = 2 * self.products.terms
        zero = ir.Constant(F32, 0.0)
        left, (weights, mine, *sums), close = self._loop(entry["chunks"], [weights, mine, *[zero] * (4 * chains)])
        factors = self._words(weights, steady=True)
        rows = [self._words(self._at(mine, k * CHUNK_BYTES)) for k in (0, 8)]
        chain = 0
        for half in (0, 2):
            pixels = [rows[k][half + i] for i in (0, 1) for k in (0, 1)]
            for a, w in self._terms(pixels, factors[half : half + 2]):
                sums[4 * chain : 4 * chain + 4] = self._product(a, w, sums[4 * chain : 4 * chain + 4])
                chain += 1
        left = b.sub(left, I32(1))
        after = [self._at(weights, STEP_BYTES), self._at(mine, self._chunk_bytes), *sums]
        sums = close(left, b.icmp_signed("!=", left, I32(0)), after)[2:]
        units = self._at(self.job["block"], b.add(entry["units"], b.mul(self._quarter, I32(8))))
        bias = [self._load(self._at(units, 4 * j), F32, steady=True) for j in range(2)]
        totals = sums[:4]
        for chain in range(1, chains):
            totals = [b.fadd(t, s) for t, s in zip(totals, sums[4 * chain : 4 * chain + 4], strict=True)]
        return [b.fadd(total, bias[i % 2]) for i, total in enumerate(totals)]

    def _stored(self, pair: list[Any], pixel: Any) -> None:
        """Columns 2 quarter and 2 quarter + 1 of one pixel, where they are colours."""
        b = self.b
        inside = b.icmp_signed("<", pixel, self.job["samples"])
        low = PtxLowering(b, 1, None, self.program)
        for j, value in enumerate(pair):
            column = b.add(b.shl(self._quarter, I32(1)), I32(j))
            with b.if_then(b.and_(inside, b.icmp_signed("<", column, I32(3)))):
                cut = low._max(low._min(value, low.constant(REACH)), low.constant(-REACH))
                place = b.add(b.mul(column, self.job["plane"]), pixel)
                b.store(cut, b.gep(self.job["planes"], [b.zext(place, I64)], source_etype=F32), align=4)
