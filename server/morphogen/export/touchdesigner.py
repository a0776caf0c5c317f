"""A pixel shader for TouchDesigner's GLSL TOP."""

from __future__ import annotations

from morphogen.export.inputs import grade, sound, view
from morphogen.export.plain import picture, uniforms
from morphogen.export.style import body, section
from morphogen.export.words import comment, header
from morphogen.library.style import Style


def export(style: Style) -> str:
    """The whole text. TouchDesigner adds the version, `vUV` and its own functions. Uniforms begin with u, as there."""
    inputs = [*sound(style.network), *view(), *grade()]
    ones = ", ".join(f"u{i.name} {i.default:g}" for i in inputs if i.default)
    told = comment(
        "In the GLSL TOP: Pixel Shader = this text; page Vectors: one row for each uniform below, its value x. "
        "A uniform without a row is 0.",
        f"At rest: {ones}.",
        "utime: seconds, absTime.seconds or a Speed CHOP; sound: channels 0 to 1 of an audio analysis, for instance "
        "CHOP output of the Morphogen component, or the palette's audioAnalysis.",
    )
    return (
        f"{header(style, 'the GLSL TOP of TouchDesigner')}//\n{told}\nuniform float utime;\n{uniforms(inputs, 'u')}"
        f"out vec4 fragColor;\n{body(style)}{section('one pixel')}void main() {{\n"
        "    vec2 size = uTDOutputInfo.res.zw;\n"
        f"{picture(style, '(vUV.st - 0.5) * size / size.y', 'utime', 'u')}"
        "    fragColor = TDOutputSwizzle(vec4(rgb, 1.0));\n}\n"
    )
