"""A Shadertoy: `mainImage`, with the sliders as constants on top and the sound of iChannel0."""

from __future__ import annotations

from morphogen.export.inputs import HEARD, Input, Look, speed
from morphogen.export.plain import meaning, picture
from morphogen.export.style import body, section
from morphogen.export.words import comment, folded, header
from morphogen.export.writer import number

# Shadertoy's sound texture: 512 texels of its lower row are the spectrum up to 12 kHz, in decibels brought to 0..1.
# Bands are the mean of eight places each. What needs a past (flux, beat) is guessed from the loudness of its band.
EARS = """
// --- the sound of iChannel0 (music or microphone), 0 to 1 each; silence where the channel is empty ----------

float band(float low, float high) {  // from Hz to Hz, octave by octave
    float sum = 0.0;
    for (int k = 0; k < 8; k++) {
        float hz = low * pow(high / low, (float(k) + 0.5) / 8.0);
        sum += texture(iChannel0, vec2(hz / 12000.0, 0.25)).x;
    }
    return clamp(sum / 8.0 * 1.5 - 0.3, 0.0, 1.0);
}

Sound heard() {
    float bass = band(30.0, 250.0), mid = band(250.0, 4000.0), treble = band(4000.0, 11500.0);
    float all = bass + mid + treble;
    float brightness = all > 0.01 ? (0.4 * mid + treble) / all : 0.0;
    float flux = mid * treble, beat = smoothstep(0.6, 0.95, bass);
    float progress = 0.5 - 0.5 * cos(iTime / 38.2);
    return Sound(bass, mid, treble, brightness, brightness, flux, progress, beat, all / 3.0);
}
"""


def export(look: Look) -> str:
    """The whole text of the Image tab."""
    constants = "".join(_constant(i) for i in [speed(), *look.sliders])
    amounts = "".join(f"const float hear_{i.name} = 1.0;\n" for i in look.sound)
    listens = {i.name for i in look.sound}
    told = comment("Paste into the Image tab of a new shader. iChannel0: Music, SoundCloud or Microphone.")
    drawn = picture(look, "(place - 0.5 * iResolution.xy) / iResolution.y", "iTime * speed").split("\n", 1)[1]
    heard = ", ".join(f"sound.{name} * hear_{name}" if name in listens else "0.0" for name in HEARD)
    moves = f"// How strongly each part of the sound moves it.\n{amounts}"
    return (
        f"{header(look.style, 'Shadertoy')}//\n{told}\n{constants}\n{moves}{body(look)}{EARS}{section('one pixel')}"
        "void mainImage(out vec4 colour, in vec2 place) {\n    Sound sound = heard();\n"
        f"{folded(f'    sound = Sound({heard});')}\n{drawn}    colour = vec4(rgb, 1.0);\n}}\n"
    )


def _constant(i: Input) -> str:
    return f"const float {i.name} = {number(i.default)};  // {meaning(i)}\n"
