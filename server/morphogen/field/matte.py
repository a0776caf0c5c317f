"""Alpha: the picture as something to lay over another.

From brightness: alpha is the brightest channel, so what is black is see-through and what glows, glows over anything:
laid over black, the picture is what it was (compositors call it unmult). Or a style's own, the last output of its
network: such a picture has a fourth channel from the field on, and its colours are premultiplied by it, so that fades,
trails and samples mix what is seen. Straight colours are divided by alpha in the end.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from morphogen.field.graph import Node, as_node, branch, fma, op, pixel_input

# Slots of the uniform block. matte: the target gets an alpha; four: it is the picture's fourth channel; gain: master.
SLOTS = ("matte", "four", "straight", "gain")
THINNEST = 1 / 255  # alpha below which a straight colour fades: what is nearly nothing has no colour


def covered(rgba: Sequence[Node], u: Callable[[str], Node]) -> tuple[Node, ...]:
    """A network's r, g, b and perhaps alpha as r, g, b, premultiplied, and alpha: 1 where it has none, or nobody asks
    (`cppn.COVER`)."""
    rgb = tuple(rgba[:3])
    if len(rgba) == 3:
        return (*rgb, as_node(1.0))
    return (*branch(u("cover"), [c * rgba[3] for c in rgb], rgb), rgba[3])


def colours(u: Callable[[str], Node]) -> tuple[Node, ...]:
    """Graph from 'r', 'g', 'b' and 'a' to red, green, blue and alpha. u: a slot as a node."""
    r, g, b = (pixel_input(c) for c in "rgb")
    faded = [c * u("gain") for c in (r, g, b)]
    brightest = op("max", op("max", faded[0], faded[1]), faded[2])
    (alpha,) = branch(u("four"), (pixel_input("a") * u("gain"),), (brightest,))
    share = 1.0 / fma(u("straight"), op("max", alpha, THINNEST) - 1.0, 1.0)
    most = op("min", op("max", alpha, u("straight")), 1.0)
    seen = [op("min", c * share, most) for c in faded]
    return branch(u("matte"), (*seen, op("min", alpha, 1.0)), (r, g, b, as_node(1.0)))


def alpha(u: Callable[[str], Node]) -> Node:
    """Graph to a number whose floor is the level of alpha, with the largest threshold of the three colours, so that no
    premultiplied one comes out above it."""
    red, green, blue = (pixel_input(c) for c in ("red", "green", "blue"))
    dithered = fma(pixel_input("value"), 255.0, op("max", op("max", red, green), blue))
    return branch(u("matte"), (dithered,), (as_node(255.5),))[0]
