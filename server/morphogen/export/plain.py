"""Plain GLSL 3.30: the function, and a small main with one uniform for each slider."""

from __future__ import annotations

from collections.abc import Sequence

from morphogen.export.inputs import GRADE, HEARD, VIEW, Input, grade, sound, view
from morphogen.export.style import body, section
from morphogen.export.words import comment, folded, header, identifier
from morphogen.library.style import Style


def uniforms(inputs: Sequence[Input], prefix: str = "") -> str:
    """A declaration a line, with what it means and its range."""
    lines = [f"uniform float {prefix}{i.name};" for i in inputs]
    width = max(map(len, lines), default=0)
    return "".join(f"{line:<{width}}  // {meaning(i)}\n" for line, i in zip(lines, inputs, strict=True))


def meaning(i: Input) -> str:
    """'0.05 to 20, usually 1. Magnification ...'."""
    words = ", ".join(f"{n} {choice}" for n, choice in enumerate(i.choices))
    return f"{i.low:g} to {i.high:g}, usually {i.default:g}. {i.doc}{f' ({words})' if words else ''}"


def picture(style: Style, p: str, time: str, prefix: str = "") -> str:
    """The statements that draw a pixel from uniforms of the inputs' names; p, time: GLSL."""
    listens = {i.name for i in sound(style.network)}
    heard = ", ".join(f"{prefix}{name}" if name in listens else "0.0" for name in HEARD)
    seen, colour = (", ".join(prefix + name for name in names) for names in (VIEW, GRADE))
    lines = (
        f"    Sound sound = Sound({heard});",
        folded(f"    vec2 p = looked_at({p}, {seen});"),
        folded(f"    vec3 rgb = graded({identifier(style)}(p, {time}, sound), {colour});"),
    )
    return "".join(line + "\n" for line in lines)


def export(style: Style) -> str:
    """The whole file."""
    told = comment(
        f"Take {identifier(style)}() for your own shader; main() shows how it is called. Uniforms that nobody sets are "
        "0 in OpenGL: give zoom, contrast and saturation their 1."
    )
    declared = uniforms([*view(), *grade(), *sound(style.network)])
    return (
        f"#version 330 core\n{header(style, 'any program that takes GLSL')}//\n{told}\n"
        "uniform vec2 resolution;   // of the picture, pixels\nuniform float time;  // seconds\n"
        f"{declared}out vec4 colour;\n{body(style)}{section('one pixel')}void main() {{\n"
        f"{picture(style, '(gl_FragCoord.xy - 0.5 * resolution) / resolution.y', 'time')}"
        "    colour = vec4(rgb, 1.0);\n}\n"
    )  # fmt: skip
