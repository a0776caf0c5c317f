"""The expression graph to GLSL 330: the whole scene as one fragment shader, one statement for each node.

Every value is assigned once (`float t17 = t3 * t16 + t2;`), branches are real `if`s on uniforms, and all numbers lie in
one uniform block, so a program depends on the networks' shapes alone. The temporal blend and the dither are written as
`render.cpu.kernel` does them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from morphogen.errors import RenderError
from morphogen.field.cppn import expand
from morphogen.field.graph import Node, reachable
from morphogen.field.layers import UNDER
from morphogen.field.scene import ROW, SLOT, Program, seen
from morphogen.render import dither, polynomials
from morphogen.render.supersample import PATTERNS

OPS = {
    "add": "{} + {}", "sub": "{} - {}", "mul": "{} * {}", "div": "{} / {}", "fma": "{} * {} + {}", "neg": "-{}",
    "abs": "abs({})", "min": "min({}, {})", "max": "max({}, {})", "floor": "floor({})", "sqrt": "sqrt({})",
    "exp2": "raised(clamp({}, -126.0, 126.0))", "exp2_neg": "raised(-min({}, 126.0))",
    "log2": "logarithm({})", "cos_turns": "cosine({})", "atan2_turns": "angle({}, {})", "less": "({} < {}) ? {} : {}",
    "lookup": "looked_up({})",
}  # fmt: skip
# The block's first three rows are whole numbers. place: canvas pixel of the target's corner, target row and column of
# the tile's. pack: target height, flip, order (0 red first, 1 blue first, 2 float16), dither. samples: how many of a
# pixel there are, how many all pixels take, the place of the first one in `offsets`, what is steep in levels of 255.
HEAD_BYTES = 48
VERTEX = """#version 330 core
void main() {  // one triangle that covers everything
    gl_Position = vec4(gl_VertexID == 1 ? 3.0 : -1.0, gl_VertexID == 2 ? 3.0 : -1.0, 0.0, 1.0);
}
"""
TABLE_WIDTH = 1024  # texels in a row of the scene's table; every OpenGL 3.3 has as many
_BELOW = {name: f"texelFetch(under, at, 0).{channel}" for name, channel in zip(UNDER, "rgba", strict=True)}
_OFFSETS = [offset for pattern in PATTERNS.values() for offset in pattern.offsets]
NATIVE = frozenset({"cos_turns", "exp2"})
EXACT: frozenset[str] = frozenset()


def block_bytes(program: Program) -> int:
    """Size of the uniform block: the head and the program's floats in whole rows of four."""
    return HEAD_BYTES + -(-program.uniform_count // 4) * 16


def sampling(samples: int) -> Sequence[int]:
    """The row `samples` of the block, for so many a pixel."""
    before = sum(n for n in PATTERNS if n < samples)
    return samples, PATTERNS[samples].first, before, int(PATTERNS[samples].steep)


def functions(native: frozenset[str]) -> str:
    """The functions that `OPS` calls. native: which of `NATIVE` the driver's own function computes; the others are
    the polynomials of the CPU's code, the same on every card."""
    cosine = "cos(6.283185307179586 * r)" if "cos_turns" in native else _horner("r * r", polynomials.cosine())
    raised = "exp2(v)"
    if "exp2" not in native:
        # 2**v: polynomial of the fraction, the whole part in the exponent bits.
        raised = f"({_horner('v - k', polynomials.exp2())}) * intBitsToFloat((int(k) + 127) << 23)"
    return f"""
float cosine(float turns) {{
    float r = turns - roundEven(turns);  // exact, and what keeps a relaxed cosine accurate
    return {cosine};
}}

float raised(float v) {{
    float k = roundEven(v);
    return {raised};
}}

float logarithm(float v) {{  // the cards' own errs by more near 1
    int bits = floatBitsToInt(max(v, {2.0**-126!r}));
    int whole = (bits - 0x3F3504F3) >> 23;
    float t = intBitsToFloat(bits - (whole << 23)) - 1.0;
    return t * ({_horner("t", polynomials.logarithm())}) + float(whole);
}}

float angle(float y, float x) {{
    float ax = abs(x), ay = abs(y);
    float t = min(ax, ay) / max(max(ax, ay), 1e-30);
    float a = t * ({_horner("t * t", polynomials.arctangent())});
    a = ax < ay ? 0.25 - a : a;
    a = x < 0.0 ? 0.5 - a : a;
    return y < 0.0 ? -a : a;
}}
"""


def _horner(x: str, coefficients: Sequence[float]) -> str:
    total = _number(coefficients[-1])
    for c in reversed(coefficients[:-1]):
        total = f"({total}) * ({x}) + {_number(c)}"
    return total


def fragment(program: Program, native: frozenset[str] = NATIVE) -> str:
    """The fragment shader of one program. Outputs: 0 the packed pixel, 1 the sample that the next frame blends with."""
    writer = Writer(program)
    for i, picture in enumerate(program.pictures):
        _sampled(writer, picture, program.row, i)
    count = len(program.pictures)
    means = {name: f"mean{i}.{c}" for i in range(count) for name, c in zip(seen(i), "rgba", strict=True)}
    writer.bind(means | _BELOW)
    writer.say(f"vec4 rgba = vec4({', '.join([writer.lower(node) for node in program.joined])});")
    keep = uniform(SLOT["keep"])
    with_past = f"rgba += (texelFetch(past, at, 0) - rgba) * {keep};"
    writer.say(f"if ({uniform(SLOT['trail'])} > 0.5) {{ {with_past} }}")
    writer.say(f"if ({uniform(SLOT['four'])} < 0.5) {{ rgba.a = 1.0; }}")
    writer.say("sampled = rgba;")
    writer.bind({c: f"rgba.{c}" for c in "rgba"})
    rgba = [writer.lower(node) for node in program.matte]
    offsets = [f"threshold(where + ivec2({dx}, {dy}))" for dy, dx in dither.CHANNEL_OFFSETS]
    writer.say(f"vec3 limits = vec3({', '.join(offsets)});")
    levels = []
    for value, channel in zip(rgba[:3], "rgb", strict=True):
        writer.bind({"value": value, "threshold": f"limits.{channel}"})
        levels.append(f"floor({writer.lower(program.finish)})")
    writer.bind({"value": rgba[3], "red": "limits.r", "green": "limits.g", "blue": "limits.b"})
    levels.append(f"floor({writer.lower(program.alpha)})")
    writer.say(f"vec4 levels = vec4({', '.join(levels)}) / 255.0;")
    fade = f"{uniform(SLOT['level'])} / 255.0"
    writer.say(f"vec4 exact = vec4(vec3({', '.join(rgba[:3])}) * ({fade}), {rgba[3]});")
    return _TEMPLATE.format(
        rows=-(-program.uniform_count // 4), functions=functions(native), body="\n    ".join(writer.lines),
        mask=dither.SIZE - 1, last=uniform(SLOT["table_last"]), columns=TABLE_WIDTH, count=len(_OFFSETS),
        offsets=", ".join(f"vec2({x}, {y})" for x, y in _OFFSETS),
    )  # fmt: skip


def _sampled(writer: Writer, picture: Sequence[Node], row: Sequence[Node], index: int) -> None:
    """Statements that leave the mean of one picture's samples in `mean0` or `mean1`."""
    mean = f"mean{index}"
    writer.say(f"vec4 {mean}, first{index}, sum{index} = vec4(0.0), apart{index} = vec4(0.0);")
    writer.say(f"float weight{index} = 0.0;")
    writer.say("for (int i = 0, end = samples.y; i < end; i++) {")
    with writer.inside():
        writer.say("float px = float(where.x) + offsets[samples.z + i].x;")
        writer.say("float py = float(where.y) + offsets[samples.z + i].y;")
        writer.bind({"py": "py"})
        along = dict(zip(ROW, (writer.lower(node) for node in row), strict=True))
        writer.bind({"px": "px", "py": "py", **along, **_BELOW})
        writer.say(f"vec4 one = vec4({', '.join([writer.lower(node) for node in picture])});")
        for line in _GATHER.splitlines():
            writer.say(line.replace("#", str(index)).replace("COVER", uniform(SLOT["cover"])))
    writer.say("}")
    writer.say(f"if (weight{index} > 0.0) {{ {mean} += (sum{index} / float(samples.x) - {mean}) * weight{index}; }}")


_GATHER = """sum# += one;
if (i == 0) { first# = one; }
if (i < samples.y) { apart# = max(apart#, abs(one - first#)); }
if (i == samples.y - 1) {
    mean# = sum# / float(samples.y);
    float most = max(max(apart#.r, apart#.g), max(apart#.b, apart#.a * COVER)) * 255.0;
    weight# = samples.x > samples.y ? clamp(most / float(samples.w) - 1.0, 0.0, 1.0) : 0.0;
    end = weight# > 0.0 ? samples.x : end;
}"""
_TEMPLATE = """#version 330 core
layout(std140) uniform Block {{
    ivec4 place;
    ivec4 pack;
    ivec4 samples;
    vec4 u[{rows}];
}};
uniform sampler2D thresholds;
uniform sampler2D past;
uniform sampler2D under;
uniform sampler2D table;
layout(location = 0) out vec4 pixel;
layout(location = 1) out vec4 sampled;
const vec2 offsets[{count}] = vec2[{count}]({offsets});
{functions}
float threshold(ivec2 where) {{
    return pack.w != 0 ? texelFetch(thresholds, where & {mask}, 0).r : 0.5;
}}

float looked_up(float place) {{
    int i = clamp(int(place), 0, int({last}));
    return texelFetch(table, ivec2(i % {columns}, i / {columns}), 0).r;
}}

void main() {{
    ivec2 at = ivec2(gl_FragCoord.xy);  // row 0 is the first in memory
    ivec2 where = at + place.zw;
    where = place.xy + ivec2(where.x, pack.y != 0 ? pack.x - 1 - where.y : where.y);
    {body}
    pixel = pack.z == 2 ? exact : pack.z == 1 ? levels.bgra : levels;
}}
"""


def probe() -> str:
    """A fragment shader that writes the driver's cosine (r) and power (g) of each texel of `x`."""
    return f"""#version 330 core
uniform sampler2D x;
layout(location = 0) out vec4 pixel;
{functions(NATIVE)}
void main() {{
    float v = texelFetch(x, ivec2(gl_FragCoord.xy), 0).r;
    pixel = vec4(cosine(v), raised(v), 0.0, 1.0);
}}
"""


def uniform(slot: int) -> str:
    """One float of the block."""
    return f"u[{slot // 4}].{'xyzw'[slot % 4]}"


def _number(value: float) -> str:
    text = repr(float(value))
    return f"({text})" if value < 0 else text


class Writer:
    """Statements of one shader. A node becomes the name of its value; what is used twice is computed once."""

    def __init__(self, program: Program) -> None:
        self.lines: list[str] = []
        self._program = program
        self._scopes: list[dict[Node, Any]] = [{}]
        self._inputs: dict[str, str] = {}
        self._count = self._depth = 0

    def bind(self, inputs: Mapping[str, str]) -> None:
        """GLSL of the 'input' nodes of the stage that comes."""
        self._inputs = dict(inputs)
        self._scopes = [{}]

    @contextmanager
    def inside(self) -> Iterator[None]:
        """What is said inside lies in a block of its own, with the inputs that are bound there."""
        self._depth += 1
        yield
        self._depth -= 1
        self.bind({})

    def say(self, line: str) -> None:
        """One statement, indented by its branch."""
        self.lines.append("    " * (self._depth + len(self._scopes) - 1) + line)

    def lower(self, node: Node) -> Any:
        """GLSL of a node's value: str, or a list of them for 'branch' and 'network'."""
        for scope in self._scopes:
            if node in scope:
                return scope[node]
        value = self._emit(node)
        self._scopes[-1][node] = value
        return value

    def _emit(self, node: Node) -> Any:
        if node.op == "const":
            return _number(node.args[0])
        if node.op == "uniform":
            return uniform(node.args[0])
        if node.op == "input":
            return self._inputs[node.args[0]]
        if node.op == "pick":
            return self.lower(node.args[0])[node.args[1]]
        if node.op == "branch":
            return self._branch(*node.args)
        if node.op == "network":
            index, (x, y) = node.args
            layers = expand(self._program.shapes[index], self._program.network_slots[index], x, y)
            return [self.lower(unit) for unit in layers[-1]]
        if node.op not in OPS:
            raise RenderError(f"the OpenGL backend has no text for the operation {node.op!r}.", "Please report this.")
        text = OPS[node.op].format(*[self.lower(a) for a in node.args])
        name = self._name()
        self.say(f"float {name} = {text};")
        return name

    def _name(self) -> str:
        self._count += 1
        return f"t{self._count}"

    def _branch(self, flag: Node, then: Sequence[Node], otherwise: Sequence[Node]) -> list[str]:
        # What both sides need is computed before the `if`; without this every branch would double what precedes it.
        shared = set(reachable(otherwise))
        for node in reachable(then):
            if node in shared and node.op not in ("const", "uniform"):
                self.lower(node)
        names = [self._name() for _ in then]
        self.say(f"float {', '.join(names)};")
        for opening, side in ((f"if ({self.lower(flag)} > 0.5) {{", then), ("} else {", otherwise)):
            self.say(opening)
            self._scopes.append({})
            for name, value in zip(names, [self.lower(node) for node in side], strict=True):
                self.say(f"{name} = {value};")
            self._scopes.pop()
        self.say("}")
        return names
