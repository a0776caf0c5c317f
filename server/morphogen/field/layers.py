"""How a second picture lies over the first: the blend modes of VJ software, all of them one formula.

With u the colour below, l the layer's and Y their luminance (Rec. 709, as the grade's), a mode is a row of weights for
u, l, u * l, |u - l|, u * Y(l) and l * Y(u), clamped to 0..1; `opacity` mixes the result with u. So a program knows no
modes, and a change of mode compiles nothing. Modes as in "Compositing and Blending Level 1" (W3C), and
the two masks. Colours stay in sRGB encoding, as everywhere.

Where the layer's style has an alpha of its own, that counts as opacity. Where what is below has one, it stays as it is
(the operator "atop"), but `normal` lays the layer over what is clear, too ("over").
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from morphogen.errors import UsageError
from morphogen.field.grade import LUMA
from morphogen.field.graph import Node, as_node, branch, fma, op, pixel_input

UNDER = ("under_r", "under_g", "under_b", "under_a")  # inputs of the colour stage: what was drawn below, 0..1
WEIGHTS = ("blend_under", "blend_layer", "blend_both", "blend_apart", "blend_mask", "blend_reveal")
# Slots of the uniform block; `layered`: something lies below; `beyond`: the layer is seen where that is clear, whatever
# weight it has where it is not.
LAYER_SLOTS = ("layered", "opacity", "beyond", *WEIGHTS)

# Of each mode the weights, and what it is good for.
BLENDS: dict[str, tuple[tuple[float, ...], str]] = {
    "add": ((1, 1, 0, 0, 0, 0), "Light on light; clips to white. Stars and sparks over anything."),
    "screen": ((1, 1, -1, 0, 0, 0), "Light on light that never clips."),
    "lighten": ((0.5, 0.5, 0, 0.5, 0, 0), "The brighter of the two, in each channel."),
    "normal": ((0, 1, 0, 0, 0, 0), "The layer alone; opacity fades to it."),
    "multiply": ((0, 0, 1, 0, 0, 0), "Dark stays dark: the layer colours and shades."),
    "darken": ((0.5, 0.5, 0, -0.5, 0, 0), "The darker of the two, in each channel."),
    "difference": ((0, 0, 0, 1, 0, 0), "How far apart they are: alike is black, against white it inverts."),
    "exclusion": ((1, 1, -2, 0, 0, 0), "Difference with less contrast."),
    "subtract": ((1, -1, 0, 0, 0, 0), "Takes the layer's light away."),
    "mask": ((0, 0, 0, 0, 1, 0), "The picture shows where the layer is bright."),
    "reveal": ((0, 0, 0, 0, 0, 1), "The layer shows where the picture is bright."),
}


def over(layer: Sequence[Node], u: Callable[[str], Node]) -> tuple[Node, ...]:
    """r, g, b, alpha, premultiplied, of a layer's r, g, b and perhaps alpha over UNDER. u: a slot as a node. Of what is
    below only products with its alpha are ever needed, so nothing is divided, and without alpha it costs three
    operations."""
    below, rgb = [pixel_input(name) for name in UNDER[:3]], layer[:3]
    seen = layer[3] * u("opacity") if len(layer) > 3 else u("opacity")
    ground = pixel_input(UNDER[3])
    ground, alpha = branch(u("four"), (ground, fma(seen * u("beyond"), 1.0 - ground, ground)), (as_node(1.0),) * 2)
    # What multiplies u, then what multiplies l alone, then the distance.
    light_layer, most = fma(_luma(rgb), u("blend_mask"), u("blend_under")), op("max", ground, u("beyond"))
    alone = fma(_luma(below), u("blend_reveal"), fma(ground, u("blend_layer"), u("beyond")))
    out = []
    for a, b in zip(below, rgb, strict=True):
        first, apart = fma(b, u("blend_both"), light_layer), abs(a - ground * b)
        blended = op("min", op("max", fma(a, first, fma(b, alone, apart * u("blend_apart"))), 0.0), most)
        out.append(fma(blended - a, seen, a))
    return (*out, alpha)


def _luma(rgb: Sequence[Node]) -> Node:
    red, green, blue = (float(weight) for weight in LUMA)
    return fma(rgb[0], red, fma(rgb[1], green, rgb[2] * blue))


def layer_slots(blend: str, opacity: float) -> Mapping[str, float]:
    """Values of LAYER_SLOTS. Raises UsageError: no such mode."""
    if blend not in BLENDS:
        raise UsageError(f"there is no blend mode {blend[:40]!r}.", f"Choose one of {', '.join(BLENDS)}.")
    weights = dict(zip(WEIGHTS, BLENDS[blend][0], strict=True))
    beyond = float(blend == "normal")
    weights["blend_layer"] -= beyond
    return {"layered": 1.0, "opacity": min(max(opacity, 0.0), 1.0), "beyond": beyond, **weights}
