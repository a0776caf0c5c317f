"""A style as one GLSL function `vec3 style_NAME(vec2 p, float time, Sound sound)`, the same text for every host; `vec4`
where its network has an alpha of its own.

Weights stand where they work, unfolded: one line a unit, each number beside the name of what it weighs.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files

from morphogen.errors import StyleError
from morphogen.export import fields as field_text
from morphogen.export import palettes
from morphogen.export.inputs import HEARD, Look
from morphogen.export.words import colour_name, comment, folded, identifier
from morphogen.export.writer import helpers, number
from morphogen.field import palette
from morphogen.field.activations import ACTIVATIONS
from morphogen.field.cppn import activations
from morphogen.field.inputs import PIXEL_INPUTS
from morphogen.field.network import NARROW, Network
from morphogen.library.style import Style

# Each as people write it; angles are brought near zero first, since graphics cards lose digits far out.
CURVES = {
    "sin": "float act_sin(float v) { return sin(v - 6.28318531 * floor(v * 0.159154943 + 0.5)); }",
    "cos": "float act_cos(float v) { return cos(v - 6.28318531 * floor(v * 0.159154943 + 0.5)); }",
    "gaussian": "float act_gaussian(float v) { return exp(-min(v * v, 87.0)); }",
    "tanh": "float act_tanh(float v) { return 1.0 - 2.0 / (1.0 + exp(clamp(2.0 * v, -87.0, 87.0))); }",
    "sigmoid": "float act_sigmoid(float v) { return 1.0 / (1.0 + exp(clamp(-v, -87.0, 87.0))); }",
    "relu": "float act_relu(float v) { return max(v, 0.0); }",
    "abs": "float act_abs(float v) { return abs(v); }",
    "identity": "float act_identity(float v) { return v; }",
}
SWING = """// Time there and back between low and high: what would run away in a unit that is no wave.
float there_and_back(float time, float low, float high) {
    float at = mod(time - low, 2.0 * (high - low));
    return low + min(at, 2.0 * (high - low) - at);
}
"""
PALETTE = """// A smooth way through the five colours, from 0 to 1: a quadratic B-spline with knots at 1/3 and 2/3.
vec3 palette(float at) {
    float left = max(1.0 - 3.0 * at, 0.0), right = max(3.0 * at - 2.0, 0.0), back = 1.0 - at;
    float a = left * left, e = right * right;
    float b = at < 1.0 / 3.0 ? 1.0 - a - 4.5 * at * at : 4.5 * pow(max(2.0 / 3.0 - at, 0.0), 2.0);
    float d = at > 2.0 / 3.0 ? 1.0 - e - 4.5 * back * back : 4.5 * pow(max(at - 1.0 / 3.0, 0.0), 2.0);
    return COLOUR_1 * a + COLOUR_2 * b + COLOUR_3 * (1.0 - a - b - d - e) + COLOUR_4 * d + COLOUR_5 * e;
}
"""


def section(title: str) -> str:
    """A line across the page."""
    return f"\n// --- {title} {'-' * (102 - len(title))}\n\n"


def template(name: str) -> str:
    """A text that lies beside this package."""
    return (files("morphogen.export") / "templates" / name).read_text(encoding="utf-8")


def body(look: Look) -> str:
    """Everything between a host's declarations and its main function. Raises StyleError for networks too wide to be
    written out, and for geometry that cannot be traced."""
    style, network = look.style, look.style.network
    if network.shape.wide:
        raise StyleError(
            f"{style.name} has layers of more than {NARROW} units: {network.shape.parameters} numbers are no text that "
            "a graphics card should be given.",
            "Send its picture instead (Spout, Syphon, NDI), or export a style of at most 16 units a layer.",
        )
    read = field_text.fields(network)
    curves = sorted({a for layer in range(len(network.shape.layers) + 1) for a in activations(network.shape, layer)})
    parts = [
        section("the curves of the units"), "\n".join(CURVES[name] for name in curves), "\n",
        *(["\n", SWING] if _swings(network) else []),
        "\n// What is heard, each 0 to 1.\nstruct Sound {\n    float " + ", ".join(HEARD) + ";\n};\n",
    ]  # fmt: skip
    if read.functions:
        tools = [*helpers(read.calls), *read.functions]
        parts += [section("the fields that the network reads"), "\n".join(tools)]
    elif read.calls:
        parts += ["\n", "\n".join(helpers(read.calls))]
    parts += [_colours(network), section("the network"), _function(style, read.statements)]
    if look.palettes:
        parts += [section("the palettes that it may be seen in"), palettes.text(look.palettes)]
    return "".join(parts) + "\n" + template("look.glsl")


def _colours(network: Network) -> str:
    if not network.shape.palette:
        return ""
    out = section("the colours")
    for k, rgb in enumerate(palette.colours(network.tensors[-1]).tolist(), 1):
        out += f"const vec3 COLOUR_{k} = vec3({', '.join(f'{c:.6f}' for c in rgb)});  // {colour_name(rgb)}\n"
    return f"{out}\n{PALETTE}"


def _swings(network: Network) -> bool:
    """Whether a unit reads time that is folded back and forth."""
    first = activations(network.shape, 0)
    return "time" in network.shape.inputs and not all(ACTIVATIONS[name].periodic for name in first)


def _function(style: Style, statements: Sequence[str]) -> str:
    network = style.network
    lines = list(statements)
    if _swings(network):
        low, high = map(number, network.time_range)
        lines.append(f"float swing = {f'there_and_back(time, {low}, {high})' if high != low else low};")
    before = list(network.shape.inputs)
    for layer in range(len(network.shape.layers) + 1):
        last = layer == len(network.shape.layers)
        lines += ["", "// the output" if last else f"// layer {layer + 1}"]
        names = [_unit(network, layer, j) for j in range(len(activations(network.shape, layer)))]
        lines += [_line(network, layer, j, before) for j in range(len(names))]
        before = names
    alpha = network.shape.alpha
    colour = "palette(place)" if network.shape.palette else "vec3(red, green, blue)"
    lines.append(f"return vec4({colour}, alpha);" if alpha else f"return {colour};")
    told = "p: picture heights, x right, y up, (0, 0) in the middle; time: seconds. Returns sRGB, 0 to 1."
    told += " Alpha: how much it covers what lies below; the colour is not multiplied by it." if alpha else ""
    inside = "".join(folded(f"    {line}") + "\n" if line else "\n" for line in lines)
    scale = f"const float EXTENT = {number(2 * network.extent)};  // network coordinates in one picture height\n\n"
    signature = f"vec{4 if alpha else 3} {identifier(style)}(vec2 p, float time, Sound sound)"
    return f"{scale}{comment(told)}{signature} {{\n{inside}}}\n"


def _unit(network: Network, layer: int, unit: int) -> str:
    """Name of a unit: h2_3 is the third of layer 2."""
    if layer < len(network.shape.layers):
        return f"h{layer + 1}_{unit + 1}"
    if network.shape.alpha and unit == network.shape.outputs - 1:
        return "alpha"
    return "place" if network.shape.palette else ("red", "green", "blue")[unit]


def _line(network: Network, layer: int, unit: int, before: Sequence[str]) -> str:
    curve = activations(network.shape, layer)[unit]
    weights, bias = network.tensors[2 * layer][unit].tolist(), float(network.tensors[2 * layer + 1][unit])
    total = number(bias)
    for weight, name in zip(weights, before, strict=True):
        if weight:
            total += f" {'-' if weight < 0 else '+'} {number(abs(weight))} * {_source(name, curve, layer)}"
    return f"float {_unit(network, layer, unit)} = act_{curve}({total});"


def _source(name: str, curve: str, layer: int) -> str:
    """What a weight's number is multiplied with."""
    if layer:
        return name
    if name == "time":
        return "time" if ACTIVATIONS[curve].periodic else "swing"
    return field_text.variable(name) if name in PIXEL_INPUTS else field_text.FRAME[name]
