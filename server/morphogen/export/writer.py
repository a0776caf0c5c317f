"""The expression graph as GLSL that people can read: a value used once stands where it is used, what is used often has
a name, and figures that come again and again (`PATTERNS`) are calls of a small function.

`render.opengl.glsl` writes for the driver: a statement a node, numbers in a block. This is for an editor, and for every
dialect at once (GLSL 1.20, ES 1.00, ES 3.00, 3.30): no arrays, no integers, no functions younger than 2004.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from morphogen.errors import RenderError
from morphogen.export.trace import left_over, remainder, wrapped
from morphogen.field import branches, noise
from morphogen.field.graph import OPS, Node, clamp, cos_turns, fract, pixel_input, reachable, sin_turns

LONG = 96  # characters, from which on an expression gets a line of its own
ATOM, PRODUCT, SUM, CHOICE = 3, 2, 1, 0  # how tightly a text holds together

TEXT: dict[str, tuple[str, int]] = {
    "add": ("{0:1} + {1:2}", SUM), "sub": ("{0:1} - {1:2}", SUM), "mul": ("{0:2} * {1:3}", PRODUCT),
    "div": ("{0:2} / {1:3}", PRODUCT), "fma": ("{0:2} * {1:3} + {2:2}", SUM), "neg": ("-{0:2}", PRODUCT),
    "abs": ("abs({0:0})", ATOM), "min": ("min({0:0}, {1:0})", ATOM), "max": ("max({0:0}, {1:0})", ATOM),
    "floor": ("floor({0:0})", ATOM), "sqrt": ("sqrt({0:0})", ATOM), "exp2": ("exp2({0:0})", ATOM),
    "exp2_neg": ("exp2(-min({0:0}, 126.0))", ATOM), "log2": ("log2({0:0})", ATOM),
    "atan2_turns": ("angle({0:0}, {1:0})", ATOM), "less": ("{0:1} < {1:1} ? {2:1} : {3:1}", CHOICE),
    "cos_turns": ("cos_turns({0:0})", ATOM),
}  # fmt: skip
BUILT_IN = frozenset({"mod", "fract", "clamp"})
# Functions that are written by hand, since they need more than the graph knows.
BY_HAND = {
    # Chromium's software (SwiftShader) has a coarse cosine of its own: Julia sets were 0.7 levels off, now 0.02.
    "cos_turns": "float cos_turns(float t) {  // cosine of an angle in turns, more exact than some drivers' own\n"
    "    float u = 0.25 - abs(t - floor(t + 0.5)), s = u * u;\n"
    "    return u * (6.28318531 + s * (-41.3417022 + s * (81.6052493 + s * (-76.7058597\n"
    "        + s * (42.0586939 - s * 15.0946426)))));\n}\n",
    "angle": "float angle(float y, float x) {  // of the place (x, y), in turns, -0.5 to 0.5\n"
    "    return abs(x) + abs(y) > 0.0 ? 0.159154943 * atan(y, x) : 0.0;\n}\n",
}


@dataclass(frozen=True)
class Pattern:
    """A figure of the graph with a name. holes: the names of what differs, each an 'input' node inside `root`."""

    name: str
    holes: tuple[str, ...]
    root: Node
    doc: str


def _pattern(name: str, holes: str, make: Callable[..., Node], doc: str) -> Pattern:
    root = make(*map(pixel_input, holes.split()))
    used = {node.args[0] for node in reachable([root]) if node.op == "input"}
    return Pattern(name, tuple(hole for hole in holes.split() if hole in used), root, doc)


@cache
def patterns() -> tuple[Pattern, ...]:
    """What has a name, large before small."""
    segment = "x y rate_x rate_y rate start_x start_y run_x run_y thick taper begin run"
    return (
        _pattern("octave", "x y shift_x shift_y cell_x cell_y turns", lambda x, y, *u: noise.octave(x, y, (*u, u[0])),
                 "gradient noise on triangles; shift and cell: added to the place, turns: of the gradients"),
        _pattern("twig_near", segment, lambda x, y, *u: branches.segment(x, y, u)[0],
                 "squared distance from a twig, counted in its radii"),
        _pattern("twig_along", segment, lambda x, y, *u: branches.segment(x, y, u)[1],
                 "begin, and run times how far along a twig the pixel is"),
        _pattern("circle_x", "t", lambda t: noise.directions(t)[0], "about the cosine of t turns"),
        _pattern("bump", "t", noise.wave, "about the sine of t turns, of two parabolas"),
        _pattern("scatter", "n", noise.permuted, "a whole number scattered over -144 to 144"),
        _pattern("residue", "n", noise.residue, "a whole number modulo 289, -144 to 144"),
        _pattern("left_over", "time span more", left_over,
                 "time less whole rounds of span + more seconds, exact for hours"),
        _pattern("wrap", "v low high", wrapped, "v, taken round and round between low and high"),
        _pattern("mod", "a b", remainder, ""),
        _pattern("sin_turns", "t", sin_turns, "sine of an angle in turns"),
        _pattern("cos_turns", "t", cos_turns, ""),
        _pattern("clamp", "a low high", clamp, ""),
        _pattern("fract", "a", fract, ""),
    )  # fmt: skip


def _match(figure: Node, node: Node, found: dict[str, Node]) -> bool:
    if figure.op == "input":
        known = found.setdefault(figure.args[0], node)
        return known is node or (known.op == node.op == "const" and known.args == node.args)
    if figure.op != node.op or len(figure.args) != len(node.args):
        return False
    if figure.op == "const":
        return bool(figure.args == node.args)
    return all(_match(a, b, found) for a, b in zip(figure.args, node.args, strict=True))


def number(value: float) -> str:
    """The shortest text that is the same float32."""
    single = np.float32(value)
    tiny = single != 0 and not 1e-5 <= abs(single) < 1e7
    text = np.format_float_scientific(single, trim="0") if tiny else np.format_float_positional(single, trim="0")
    return f"-{text[1:]}" if text.startswith("-") else text


@dataclass(frozen=True)
class Step:
    """How a node is written: an operation of `TEXT`, a call, a number or an input."""

    kind: str
    args: tuple[Node, ...] = ()
    value: float = 0.0
    name: str = ""


class Writer:
    """Statements of one function. inputs: GLSL of the graph's 'input' nodes. named: nodes that get a line of their own,
    {node: (name, comment)}. skip: patterns that are not called, because this is their own body."""

    def __init__(
        self,
        inputs: Mapping[str, str],
        named: Mapping[Node, tuple[str, str]] | None = None,
        skip: frozenset[str] = frozenset(),
    ) -> None:
        self.lines: list[str] = []
        self.calls: set[str] = set()
        self._inputs = inputs
        self._named = dict(named or {})
        self._skip = skip
        self._steps: dict[Node, Step] = {}
        self._texts: dict[Node, tuple[str, int]] = {}

    def write(self, roots: Sequence[Node]) -> list[str]:
        """Adds statements to `lines`; the expressions of the roots."""
        order = list(self._ordered(roots))
        uses: dict[Node, int] = {}
        for node in order:
            for arg in self._steps[node].args:
                uses[arg] = uses.get(arg, 0) + 1
        for node in order:
            self._texts[node] = self._written(node, uses.get(node, 0))
        return [self._texts[root][0] for root in roots]

    def _written(self, node: Node, uses: int) -> tuple[str, int]:
        step = self._steps[node]
        text, level = self._expression(step)
        name, comment = self._named.get(node, ("", ""))
        if step.kind == "same" and not name:
            return self._texts[step.args[0]]
        if step.kind in ("const", "input") and not name:
            return text, level
        if not name and uses < 2 and len(text) <= LONG:
            return text, level
        name = name or f"t{sum(line.startswith('float t') for line in self.lines) + 1}"
        self.lines.append(f"float {name} = {text};{'  // ' + comment if comment else ''}")
        return name, ATOM

    def _expression(self, step: Step) -> tuple[str, int]:
        if step.kind == "const":
            return number(step.value), ATOM
        if step.kind == "input":
            return self._inputs[step.name], ATOM
        if step.kind == "same":
            return self._texts[step.args[0]]
        parts = [_Part(*self._texts[arg]) for arg in step.args]
        if step.kind in TEXT and step.kind != "cos_turns":
            if step.kind == "atan2_turns":
                self.calls.add("angle")
            template, level = TEXT[step.kind]
            return template.format(*parts).replace(" + -", " - "), level
        self.calls.add(step.kind)
        return f"{step.kind}({', '.join(format(part, '0') for part in parts)})", ATOM

    def _ordered(self, roots: Sequence[Node]) -> Iterator[Node]:
        """Every node that is written, arguments first; without recursion, since graphs are deep."""
        done: set[Node] = set()
        stack = [(root, False) for root in reversed(roots)]
        while stack:
            node, ready = stack.pop()
            if node in done:
                continue
            if ready:
                done.add(node)
                yield node
                continue
            step = self._steps.get(node) or self._steps.setdefault(node, self._step(node))
            stack.append((node, True))
            stack += [(arg, False) for arg in reversed(step.args)]

    def _step(self, node: Node) -> Step:
        if node.op == "const":
            return Step("const", value=node.args[0])
        if node.op == "input":
            return Step("input", name=node.args[0])
        for pattern in patterns():
            found: dict[str, Node] = {}
            if pattern.name not in self._skip and _match(pattern.root, node, found):
                return Step(pattern.name, tuple(found[hole] for hole in pattern.holes))
        if node.op not in TEXT:
            raise RenderError(f"the export has no text for the operation {node.op!r}.", "Please report this.")
        return _simple(node)


class _Part:
    """A text in a template: `{0:2}` asks for one that holds together at least as tightly as a product."""

    def __init__(self, text: str, level: int) -> None:
        self.text, self.level = text, level

    def __format__(self, least: str) -> str:
        return f"({self.text})" if self.level < int(least) else self.text


def _simple(node: Node) -> Step:
    """The node without ones and zeros, and worked out where everything is a number."""
    numbers = [arg.args[0] if arg.op == "const" else None for arg in node.args]
    if None not in numbers:
        return Step("const", value=float(OPS[node.op].numpy(*map(np.float64, numbers))))
    kind, args = node.op, node.args
    if kind == "fma" and 0 in numbers[:2]:
        return Step("same", args[2:])
    if kind == "fma" and 1 in numbers[:2]:
        kind, args = "add", (node.args[numbers.index(1) ^ 1], node.args[2])
    elif kind == "fma" and -1 in numbers[:2]:
        kind, args = "sub", (node.args[2], node.args[numbers.index(-1) ^ 1])
    elif kind == "fma" and numbers[2] == 0:
        kind, args = "mul", node.args[:2]
    return _shorter(kind, args, [arg.args[0] if arg.op == "const" else None for arg in args])


def _shorter(kind: str, args: tuple[Node, ...], numbers: list[float | None]) -> Step:
    """A sum without a zero, a product without a one."""
    neutral = {"add": 0, "sub": 0, "mul": 1}.get(kind)
    if neutral in numbers and neutral is not None and (kind != "sub" or numbers[1] == 0):
        return Step("same", (args[numbers.index(neutral) ^ 1],))
    if kind == "mul" and -1 in numbers:
        return Step("neg", (args[numbers.index(-1) ^ 1],))
    return Step(kind, args)


def helpers(calls: set[str]) -> list[str]:
    """The functions that these calls need, each after those that it calls itself."""
    out: list[str] = []
    told: set[str] = set()

    def tell(name: str) -> None:
        if name in told or name in BUILT_IN:
            return
        told.add(name)
        if name in BY_HAND:
            out.append(BY_HAND[name])
            return
        pattern = next(p for p in patterns() if p.name == name)
        larger = [p.name for p in patterns()]
        writer = Writer({hole: hole for hole in pattern.holes}, skip=frozenset(larger[: larger.index(name) + 1]))
        result = writer.write([pattern.root])[0]
        for call in sorted(writer.calls):
            tell(call)
        arguments = ", ".join(f"float {hole}" for hole in pattern.holes)
        body = "".join(f"    {line}\n" for line in [*writer.lines, f"return {result};"])
        out.append(f"// {pattern.doc}\nfloat {name}({arguments}) {{\n{body}}}\n")

    for name in sorted(calls):
        tell(name)
    return out
