"""Plain GLSL 3.30: the function, and a small main with one uniform for each slider."""

from __future__ import annotations

from collections.abc import Sequence

from morphogen.export.inputs import GRADE, HEARD, PALETTE, VIEW, Input, Look
from morphogen.export.style import body, section
from morphogen.export.words import comment, folded, header, identifier


def uniforms(inputs: Sequence[Input], prefix: str = "") -> str:
    """A declaration a line, with what it means and its range."""
    lines = [f"uniform float {prefix}{i.name};" for i in inputs]
    width = max(map(len, lines), default=0)
    return "".join(f"{line:<{width}}  // {meaning(i)}\n" for line, i in zip(lines, inputs, strict=True))


def meaning(i: Input) -> str:
    """'0.05 to 20, usually 1. Magnification ...'."""
    words = ", ".join(f"{n} {choice}" for n, choice in enumerate(i.choices))
    return f"{i.low:g} to {i.high:g}, usually {i.default:g}. {i.doc}{f' ({words})' if words else ''}"


def picture(look: Look, p: str, time: str, prefix: str = "", whole: str = "{}") -> str:
    """The statements that draw a pixel from uniforms of the inputs' names: `rgb`, and `alpha` where the style has its
    own. p, time: GLSL; whole: how a choice becomes a float."""
    listens = {i.name for i in look.sound}
    heard = ", ".join(f"{prefix}{name}" if name in listens else "0.0" for name in HEARD)
    words = {i.name: (whole if i.choices else "{}").format(prefix + i.name) for i in look.sliders}
    words["warp_speed"] = f"{time} * {words['warp_speed']}"
    seen, colour, chosen = (", ".join(words[n] for n in names if n in words) for names in (VIEW, GRADE, PALETTE))
    own = f"{identifier(look.style)}(p, {time}, sound)"
    lines = [f"    Sound sound = Sound({heard});", f"    vec2 p = looked_at({p}, {seen});"]
    if look.style.network.shape.alpha:
        lines += [f"    vec4 found = {own};", "    vec3 rgb = found.rgb;", "    float alpha = found.a;"]
    else:
        lines.append(f"    vec3 rgb = {own};")
    lines += [f"    rgb = recoloured(rgb, {chosen});"] if chosen else []
    lines.append(f"    rgb = graded(rgb, {colour});")
    return "".join(folded(line) + "\n" for line in lines)


def opaque(look: Look) -> str:
    """The pixel's alpha, after `picture`."""
    return "alpha" if look.style.network.shape.alpha else "1.0"


def export(look: Look) -> str:
    """The whole file."""
    style = look.style
    told = comment(
        f"Take {identifier(style)}() for your own shader; main() shows how it is called. Uniforms that nobody sets are "
        "0 in OpenGL: give zoom, contrast and saturation their 1."
    )
    declared = uniforms([*look.sliders, *look.sound])
    return (
        f"#version 330 core\n{header(style, 'any program that takes GLSL')}//\n{told}\n"
        "uniform vec2 resolution;   // of the picture, pixels\nuniform float time;  // seconds\n"
        f"{declared}out vec4 colour;\n{body(look)}{section('one pixel')}void main() {{\n"
        f"{picture(look, '(gl_FragCoord.xy - 0.5 * resolution) / resolution.y', 'time')}"
        f"    colour = vec4(rgb, {opaque(look)});\n}}\n"
    )  # fmt: skip
