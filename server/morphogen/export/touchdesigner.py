"""A pixel shader for TouchDesigner's GLSL TOP."""

from __future__ import annotations

from morphogen.export.inputs import Look
from morphogen.export.plain import picture, uniforms
from morphogen.export.style import body, section
from morphogen.export.words import comment, header


def export(look: Look) -> str:
    """The whole text. TouchDesigner adds the version, `vUV` and its own functions. Uniforms begin with u, as there."""
    inputs = [*look.sound, *look.sliders]
    ones = ", ".join(f"u{i.name} {i.default:g}" for i in inputs if i.default)
    told = comment(
        "In the GLSL TOP: Pixel Shader = this text; page Vectors: one row for each uniform below, its value x. "
        "A uniform without a row is 0.",
        f"At rest: {ones}.",
        "utime: seconds, absTime.seconds or a Speed CHOP; sound: channels 0 to 1 of an audio analysis, for instance "
        "CHOP output of the Morphogen component, or the palette's audioAnalysis.",
    )
    made = header(look.style, "the GLSL TOP of TouchDesigner")
    # TOPs are premultiplied.
    colour = "vec4(rgb * alpha, alpha)" if look.style.network.shape.alpha else "vec4(rgb, 1.0)"
    return (
        f"{made}//\n{told}\nuniform float utime;\n{uniforms(inputs, 'u')}"
        f"out vec4 fragColor;\n{body(look)}{section('one pixel')}void main() {{\n"
        "    vec2 size = uTDOutputInfo.res.zw;\n"
        f"{picture(look, '(vUV.st - 0.5) * size / size.y', 'utime', 'u')}"
        f"    fragColor = TDOutputSwizzle({colour});\n}}\n"
    )
