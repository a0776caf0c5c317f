"""Every parameter, declared once. The only place where a range is written."""

from __future__ import annotations

from dataclasses import replace

from morphogen.params.spec import Param

FEATURES = ("bass", "mid", "treble", "centroid", "rolloff", "flux", "progress", "beat", "rms", "onset")
PULSES = frozenset({"audio/beat", "audio/onset"})  # features that may be over before a frame has seen them
PALETTES = (  # `field.palettes` says what they are; a test holds the two together
    "off", "calm", "fierce", "cosmic", "cellular", "flowing", "geometric", "organic", "fractal", "aurora", "dawn",
    "dusk", "ember", "ice", "deep", "forest", "neon", "candy", "gold", "rose", "ink",
)  # fmt: skip
FOLLOWED = ("off", "key", "centroid")  # what the hue may follow
LFOS = 4
LFO_SHAPES = ("sine", "triangle", "saw", "square")
# `field.palettes.NAMES`, which this room does not see; a test holds the two together.
PALETTES = (
    "off", "calm", "fierce", "cosmic", "cellular", "flowing", "geometric", "organic", "fractal", "aurora", "dawn",
    "dusk", "ember", "ice", "deep", "forest", "neon", "candy", "gold", "rose", "ink",
)  # fmt: skip


def _lfo(n: int) -> tuple[Param, ...]:
    return (
        Param(f"lfo{n}/rate", n / 10, 0.001, 20.0, f"Speed of LFO {n}; cycles per beat when synced.",
              unit="Hz", scale="log"),
        Param(f"lfo{n}/shape", 0, 0, 3, f"Wave of LFO {n}.", kind="choice", choices=LFO_SHAPES),
        Param(f"lfo{n}/phase", 0, 0, 1, f"Phase of LFO {n}.", unit="turns", clip="wrap"),
        Param(f"lfo{n}/sync", 0, 0, 1, f"LFO {n} follows the beat instead of seconds.", kind="bool"),
    )  # fmt: skip


def _feature(name: str, doc: str) -> Param:
    return Param(f"audio/{name}", 0, 0, 1, doc, feature=True)


PARAMS: tuple[Param, ...] = (
    # --- view: where the picture is looked at
    Param("view/zoom", 1, 0.05, 20, "Magnification; 2 shows everything twice as large.",
          unit="factor", smoothing=0.08, scale="log"),
    Param("view/rotate", 0, -180, 180, "Rotation, counter-clockwise.", unit="degrees", smoothing=0.08, clip="wrap"),
    Param("view/x", 0, -4, 4, "Moves the picture to the right.", unit="picture heights", smoothing=0.08),
    Param("view/y", 0, -4, 4, "Moves the picture up.", unit="picture heights", smoothing=0.08),
    Param("view/mirror", 0, 0, 3, "Mirrors one half of the screen onto the other.",
          kind="choice", choices=("off", "x", "y", "both")),
    Param("view/kaleidoscope", 0, 0, 24, "Number of mirrored segments; 0 is off.", unit="segments", kind="int"),
    Param("view/polar", 0, 0, 1, "Wraps the picture around the centre: up becomes outwards.", kind="bool"),
    Param("view/warp", 0, 0, 1, "How far slow waves bend the picture.", smoothing=0.1),
    Param("view/warp_scale", 2, 0.25, 16, "Waves per picture height of the bend.",
          unit="1/height", smoothing=0.1, scale="log"),
    Param("view/warp_speed", 0.1, -2, 2, "How fast the bend flows.", unit="Hz"),
    # --- color: the grade, after the style's own colours
    Param("color/exposure", 0, -4, 4, "Brightness; +1 is twice as bright.", unit="stops", smoothing=0.05),
    Param("color/contrast", 1, 0, 3, "Distance from mid grey.", unit="factor", smoothing=0.05),
    Param("color/saturation", 1, 0, 3, "0 is black and white.", unit="factor", smoothing=0.05),
    Param("color/hue", 0, 0, 1, "Turns all colours around the colour circle.",
          unit="turns", smoothing=0.05, clip="wrap"),
    Param("color/follow", 0, 0, len(FOLLOWED) - 1, "What turns the hue: the music's key, on the circle of fifths, or its brightness.",
          kind="choice", choices=FOLLOWED),
    Param("color/follow_amount", 1, 0, 1, "How far the music turns the hue; 1 is once round for all keys.", smoothing=0.05),
    Param("color/tint", 0, 0, 1, "How much of one single colour.", smoothing=0.05),
    Param("color/tint_hue", 0.6, 0, 1, "Which colour the tint has (0 red, 1/3 green, 2/3 blue).",
          unit="turns", smoothing=0.05, clip="wrap"),
    Param("color/palette", 0, 0, len(PALETTES) - 1, "Colours for the picture's luminance, dark to bright.", kind="choice", choices=PALETTES),
    Param("color/palette_amount", 1, 0, 1, "How much of the palette, beside the style's own colours.", smoothing=0.05),
    Param("color/palette_shift", 0, 0, 1, "Moves along the palette and back.",
          unit="turns", smoothing=0.05, clip="wrap"),
    Param("color/lut_amount", 1, 0, 1, "How much of the look-up table that was loaded.", smoothing=0.05),
    # --- time: how the picture moves by itself
    Param("time/speed", 1, -8, 8, "Speed of the picture's own time; 0 stands still, negative runs back.",
          unit="factor", smoothing=0.15),
    Param("time/trail", 0, 0, 4, "How long the past stays visible.", unit="s", smoothing=0.1),
    Param("drift/amount", 0, 0, 1, "How far the network's weights wander from the style by themselves.", smoothing=0.3),
    Param("drift/rate", 0.05, 0.001, 2, "How fast they wander.", unit="Hz", scale="log"),
    # --- audio: what the picture hears
    Param("audio/gain", 1, 0, 16, "Loudness before analysis.", unit="factor", smoothing=0.05),
    Param("audio/delay", 0, 0, 500, "Holds the picture back until the sound arrives.", unit="ms"),
    Param("audio/reaction", 1, 0, 2, "How strongly the music moves the picture; 0 is not at all.", smoothing=0.1),
    Param("audio/attack", 10, 0, 500, "How fast features rise.", unit="ms"),
    Param("audio/release", 120, 0, 2000, "How slowly features fall.", unit="ms"),
    _feature("bass", "Energy of 20-250 Hz."),
    _feature("mid", "Energy of 250-4000 Hz."),
    _feature("treble", "Energy of 4-20 kHz."),
    _feature("centroid", "Brightness: the spectrum's centre of gravity."),
    _feature("rolloff", "Frequency below which 85 % of the energy lies."),
    _feature("flux", "How much the spectrum changes."),
    _feature("progress", "Position in the track; live it goes up and down slowly."),
    _feature("beat", "Jumps to 1 on every beat and falls off."),
    _feature("rms", "Loudness."),
    _feature("onset", "Jumps to 1 when a note or drum starts."),
    # --- transition: how the next style comes in
    Param("transition/seconds", 2, 0, 30, "Length of a change that does not say its own.", unit="s"),
    Param("transition/kind", 0, 0, 2, "Morph the weights, cross-fade the pictures, or whichever fits.",
          kind="choice", choices=("auto", "fade", "morph")),
    Param("transition/quantise", 0, 0, 2, "When styles and snapshots come in: at once, on the beat or "
          "the bar.", kind="choice", choices=("off", "beat", "bar")),
    Param("transition/every", 0, 0, 256, "The next style of the bank comes in every so many beats; 0 is never.",
          unit="beats", kind="int"),
    Param("transition/character", 0, 0, 1, "Chooses the pattern by what the music is like.", kind="bool"),
    # --- output
    Param("output/master", 1, 0, 1, "Fades the whole picture to black.", smoothing=0.03),
    Param("output/blackout", 0, 0, 1, "Black on the very next frame.", kind="bool"),
    Param("output/freeze", 0, 0, 1, "Holds the picture.", kind="bool"),
    Param("output/strobe", 0, 0, 3, "Flashes against black, three a second at most; 0 is off.",
          unit="Hz"),
    Param("output/alpha", 0, 0, 2, "What is clear where alpha is carried: nothing, the dark, or as the style says.", kind="choice", choices=("opaque", "luminance", "style")),
    Param("output/supersample", 0, 0, 2, "Samples a pixel: finer edges, for as many pictures' time.", kind="choice", choices=("off", "2x2", "4x4")),
    Param("output/dither", 1, 0, 1, "Hides the steps of 8-bit colour.", kind="bool"),
    *(param for n in range(1, LFOS + 1) for param in _lfo(n)),
)  # fmt: skip

# The modes of `field.layers.BLENDS`, which this room does not see; a test holds the two together.
BLENDS = (
    "add", "screen", "lighten", "normal", "multiply", "darken", "difference", "exclusion", "subtract", "mask", "reveal",
)  # fmt: skip
# What the layer has of its own, with the ranges of the show's: name -> where it is declared.
LAYER_VIEW = ("zoom", "rotate", "x", "y", "mirror", "kaleidoscope")
LAYER_GRADE = ("exposure", "contrast", "saturation", "hue", "tint", "tint_hue")


def _layer() -> tuple[Param, ...]:
    known = {param.key: param for param in PARAMS}
    twins = [known[f"view/{name}"] for name in LAYER_VIEW] + [known[f"color/{name}"] for name in LAYER_GRADE]
    return tuple(replace(twin, key=f"layer/{twin.name}", doc=f"Of the layer: {twin.doc}") for twin in twins)


# --- layer: a second picture over the first
PARAMS += (
    Param("layer/blend", 0, 0, len(BLENDS) - 1, "How the layer lies over the picture.",
          kind="choice", choices=BLENDS),
    Param("layer/opacity", 1, 0, 1, "How much of the layer; 0 is off and costs nothing.", smoothing=0.05),
    *_layer(),
)  # fmt: skip

BY_KEY: dict[str, Param] = {param.key: param for param in PARAMS}
assert len(BY_KEY) == len(PARAMS), "a parameter is declared twice"

RESERVED_GROUPS = frozenset(
    {"controls", "style", "tempo", "beat", "snapshot", "weight", "ping", "feedback", "norm", "record"}
)
assert not RESERVED_GROUPS & {param.group for param in PARAMS}, "a group name is reserved for commands"
