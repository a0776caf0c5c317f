"""The expression graph to LLVM IR, for any number of pixels at once: `<64 x float>` on AVX-512, one on a GPU thread.

Explicit wide vectors hide latency (several independent registers in flight): measured 1.6 times as fast as letting
LLVM vectorise 16 at a time (research: kernels, section 1). `llvm.fmuladd`, never `llvm.fma`: where the target has no
fused multiply-add, the latter calls libm for every lane.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from llvmlite import ir

from morphogen.field.cppn import expand
from morphogen.field.graph import Node, reachable
from morphogen.field.scene import SLOT, Program
from morphogen.render import polynomials, tables

F32, I32, I64 = ir.FloatType(), ir.IntType(32), ir.IntType(64)
FAST = ("nnan", "ninf", "nsz", "contract", "arcp")  # no reassociation: it would undo the magic-number rounding in exp2
MAGIC = 1.5 * 2.0**23  # adding it leaves the nearest whole number in the low mantissa bits


class _Splat(ir.Constant):
    """One scalar in every lane, written as LLVM's `splat (float x)` instead of 64 numbers."""

    def __init__(self, kind: Any, scalar: Any) -> None:
        self.type = kind
        self.constant = scalar

    def _get_reference(self) -> str:
        return f"splat ({self.constant})"


class Lowering:
    """Emits nodes into `builder`.

    width: pixels in one vector; uniforms: pointer to the float32 block; layer_done: called after each network layer.
    table: pointer to the scene's table, for kernels whose program looks things up in it.
    """

    table: Any = None

    def __init__(
        self, builder: Any, width: int, uniforms: Any, program: Program, layer_done: Callable[[], None] = lambda: None
    ) -> None:
        self.builder = builder
        self.width = width
        self._uniforms = uniforms
        self._program = program
        self._layer_done = layer_done
        self.room: tuple[Any, ...] | None = None
        self._scopes: list[dict[Node, Any]] = [{}]
        self._inputs: dict[str, Any] = {}
        self.ftype = ir.VectorType(F32, width) if width > 1 else F32
        self.itype = ir.VectorType(I32, width) if width > 1 else I32

    # --- helpers that kernels use too

    def constant(self, value: float) -> Any:
        """The same float in every lane."""
        return self._splat_constant(self.ftype, ir.Constant(F32, value))

    def integer(self, value: int) -> Any:
        """The same 32-bit integer in every lane."""
        return self._splat_constant(self.itype, ir.Constant(I32, value))

    def _splat_constant(self, kind: Any, scalar: Any) -> Any:
        return _Splat(kind, scalar) if self.width > 1 else scalar

    def splat(self, scalar: Any) -> Any:
        """One scalar in every lane."""
        if self.width == 1:
            return scalar
        b = self.builder
        vector = ir.VectorType(scalar.type, self.width)
        one = b.insert_element(ir.Constant(vector, ir.Undefined), scalar, I32(0))
        return b.shuffle_vector(
            one, ir.Constant(vector, ir.Undefined), ir.Constant(ir.VectorType(I32, self.width), None)
        )

    def scalar_uniform(self, slot: int) -> Any:
        """One float of the uniform block."""
        address = self.builder.gep(self._uniforms, [I64(slot)], source_etype=F32)
        return self.builder.load(address, typ=F32, align=4)

    def on(self, slot: str) -> Any:
        """Whether a switch of the scene is set."""
        return self.builder.fcmp_ordered(">", self.scalar_uniform(SLOT[slot]), ir.Constant(F32, 0.5))

    def call(self, name: str, *args: Any) -> Any:
        """An LLVM intrinsic overloaded on the first argument's type."""
        module = self.builder.module
        full = f"llvm.{name}.{_mangle(args[0].type)}"
        function = module.globals.get(full) or ir.Function(
            module, ir.FunctionType(args[0].type, [a.type for a in args]), full
        )
        return self.builder.call(function, args, fastmath=FAST)

    def fma(self, a: Any, b: Any, c: Any) -> Any:
        """a * b + c."""
        return self.call("fmuladd", a, b, c)

    def bind(self, inputs: Mapping[str, Any]) -> None:
        """Values of the 'input' nodes of the stage that comes, or functions that emit what only some branch reads."""
        self._inputs = dict(inputs)
        self._scopes = [{}]

    # --- nodes

    def lower(self, node: Node) -> Any:
        """The LLVM value of a node; computed once per scope."""
        for scope in self._scopes:
            if node in scope:
                return scope[node]
        value = self._emit(node)
        self._scopes[-1][node] = value
        return value

    def _emit(self, node: Node) -> Any:
        if node.op == "const":
            return self.constant(node.args[0])
        if node.op == "uniform":
            return self.splat(self.scalar_uniform(node.args[0]))
        if node.op == "input":
            value = self._inputs[node.args[0]]
            return value() if callable(value) else value
        if node.op == "pick":
            return self.lower(node.args[0])[node.args[1]]
        if node.op == "branch":
            return self._branch(*node.args)
        if node.op == "network":
            index, (x, y) = node.args
            return self._network(index, x, y)
        return getattr(self, f"_{node.op}")(*(self.lower(a) for a in node.args))

    def _network(self, index: int, x: Node, y: Node) -> list[Any]:
        """The output channels, layer by layer, so that the target may part one from the next."""
        outputs: list[Any] = []
        for layer in expand(self._program.shapes[index], self._program.network_slots[index], x, y):
            outputs = [self.lower(node) for node in layer]
            self._layer_done()
        return outputs

    def _branch(self, flag: Node, then: Sequence[Node], otherwise: Sequence[Node]) -> list[Any]:
        # What both sides need is computed before the jump; without this every branch would double what precedes it.
        other = set(reachable(otherwise))
        for node in reachable(then):
            if node in other and node.op not in ("const", "uniform"):
                self.lower(node)
        b = self.builder
        on = b.fcmp_ordered(">", self.scalar_uniform(flag.args[0]), ir.Constant(F32, 0.5))
        blocks = [b.append_basic_block(name) for name in ("on", "off", "joined")]
        b.cbranch(on, blocks[0], blocks[1])
        results = []
        for block, side in zip(blocks, (then, otherwise), strict=False):
            b.position_at_end(block)
            self._scopes.append({})
            values = [self.lower(n) for n in side]
            self._scopes.pop()
            results.append((values, b.block))
            b.branch(blocks[2])
        b.position_at_end(blocks[2])
        joined = []
        for pair in zip(results[0][0], results[1][0], strict=True):
            phi = b.phi(pair[0].type)
            for value, (_, block) in zip(pair, results, strict=True):
                phi.add_incoming(value, block)
            joined.append(phi)
        return joined

    def _add(self, a: Any, b: Any) -> Any:
        return self.builder.fadd(a, b, flags=FAST)

    def _sub(self, a: Any, b: Any) -> Any:
        return self.builder.fsub(a, b, flags=FAST)

    def _mul(self, a: Any, b: Any) -> Any:
        return self.builder.fmul(a, b, flags=FAST)

    def _div(self, a: Any, b: Any) -> Any:
        return self.builder.fdiv(a, b, flags=FAST)

    def _fma(self, a: Any, b: Any, c: Any) -> Any:
        return self.fma(a, b, c)

    def _neg(self, a: Any) -> Any:
        return self.builder.fneg(a, flags=FAST)

    def _abs(self, a: Any) -> Any:
        return self.call("fabs", a)

    def _min(self, a: Any, b: Any) -> Any:
        return self.call("minnum", a, b)

    def _max(self, a: Any, b: Any) -> Any:
        return self.call("maxnum", a, b)

    def _floor(self, a: Any) -> Any:
        return self.call("floor", a)

    def _sqrt(self, a: Any) -> Any:
        return self.call("sqrt", a)

    def _less(self, a: Any, b: Any, x: Any, y: Any) -> Any:
        return self.builder.select(self.builder.fcmp_ordered("<", a, b, flags=FAST), x, y)

    def _lookup(self, a: Any) -> Any:
        """The table at floor(a), kept inside it by whole numbers, which no NaN escapes."""
        b, zero = self.builder, self.integer(0)
        index = self._index(a)
        last = self.splat(self._last())
        index = b.select(b.icmp_signed("<", index, zero), zero, index)
        index = b.select(b.icmp_signed(">", index, last), last, index)
        if self.width == 1:
            return self.entry(index)
        return tables.entries(self, index) if self.width <= tables.RUN else tables.looped(self, index)

    def _index(self, a: Any) -> Any:
        return self.builder.fptosi(a, self.itype)  # towards zero, as floor is where it matters

    def _last(self) -> Any:
        return self.builder.fptosi(self.scalar_uniform(SLOT["table_last"]), I32)

    def entry(self, index: Any) -> Any:
        b = self.builder
        return b.load(b.gep(self.table, [b.zext(index, I64)], source_etype=F32), typ=F32, align=4)

    def _horner(self, x: Any, coefficients: Sequence[float]) -> Any:
        total = self.constant(coefficients[-1])
        for c in reversed(coefficients[:-1]):
            total = self.fma(total, x, self.constant(c))
        return total

    def _cos_turns(self, u: Any) -> Any:
        """cos(2 pi u): r = u - round(u) is exact, then an even polynomial in r. Error 3e-7 up to 50 turns."""
        r = self._sub(u, self.call("rint", u))
        return self._horner(self._mul(r, r), polynomials.cosine())

    def _exp2(self, v: Any) -> Any:
        """2**v: polynomial of the fraction, whole part added to the exponent bits. Clamped to +-126."""
        v = self._min(self._max(v, self.constant(-126.0)), self.constant(126.0))
        shifted = self.builder.fadd(v, self.constant(MAGIC))
        fraction = self._sub(v, self.builder.fsub(shifted, self.constant(MAGIC)))
        return self._scaled(self._horner(fraction, polynomials.exp2()), shifted)

    def _exp2_neg(self, v: Any) -> Any:
        """2**-v for v >= 0: the same with the signs turned in the polynomial, two operations less."""
        v = self._min(v, self.constant(126.0))
        shifted = self.builder.fsub(self.constant(MAGIC), v)
        fraction = self._add(v, self.builder.fsub(shifted, self.constant(MAGIC)))
        turned = [c * (-1) ** k for k, c in enumerate(polynomials.exp2())]
        return self._scaled(self._horner(fraction, turned), shifted)

    def _log2(self, v: Any) -> Any:
        """The exponent, counted from sqrt(1/2), and a polynomial of what is left."""
        b, half = self.builder, self.integer(0x3F3504F3)
        bits = b.bitcast(self._max(v, self.constant(2.0**-126)), self.itype)
        whole = b.ashr(b.sub(bits, half), self.integer(23))
        t = self._sub(b.bitcast(b.sub(bits, b.shl(whole, self.integer(23))), self.ftype), self.constant(1.0))
        return self.fma(t, self._horner(t, polynomials.logarithm()), b.sitofp(whole, self.ftype))

    def half(self, value: Any) -> Any:
        """The bits of float16 in each lane's 32, rounded to the nearest even. In integers, since not every processor
        converts. NaN and what is below 0 become 0, what is too large the largest."""
        b = self.builder
        value = self._min(self._max(value, self.constant(0.0)), self.constant(65504.0))
        bits = b.bitcast(value, self.itype)
        odd = b.and_(b.lshr(bits, self.integer(13)), self.integer(1))
        rounded = b.add(b.add(bits, self.integer(0xFFF)), odd)
        normal = b.sub(b.lshr(rounded, self.integer(13)), self.integer(112 << 10))
        # Below 2 ** -14 the steps are those that a float has at one half.
        fine = b.sub(b.bitcast(b.fadd(value, self.constant(0.5)), self.itype), self.integer(0x3F000000))
        return b.select(b.icmp_signed("<", bits, self.integer(0x38800000)), fine, normal)

    def _scaled(self, value: Any, shifted: Any) -> Any:
        """value * 2**k, where the low mantissa bits of `shifted` hold k."""
        b = self.builder
        power = b.shl(b.bitcast(shifted, self.itype), self.integer(23))
        return b.bitcast(b.add(b.bitcast(value, self.itype), power), self.ftype)

    def _atan2_turns(self, y: Any, x: Any) -> Any:
        """Octant reduction and an odd polynomial; atan2(0, 0) is 0. Error 4e-8 turns."""
        ax, ay = self._abs(x), self._abs(y)
        large = self._max(self._max(ax, ay), self.constant(1e-30))
        t = self._div(self._min(ax, ay), large)
        angle = self._mul(t, self._horner(self._mul(t, t), polynomials.arctangent()))
        angle = self._less(ax, ay, self._sub(self.constant(0.25), angle), angle)
        zero = self.constant(0.0)
        angle = self._less(x, zero, self._sub(self.constant(0.5), angle), angle)
        return self._less(y, zero, self._neg(angle), angle)


def _mangle(kind: Any) -> str:
    if isinstance(kind, ir.VectorType):
        return f"v{kind.count}{_mangle(kind.element)}"
    return "f32" if kind == F32 else str(kind)
