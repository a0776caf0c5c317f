"""Alpha from brightness: the picture as something to lay over another.

Alpha is the brightest channel, so what is black is see-through and what glows, glows over anything: laid over black,
the picture is what it was (compositors call it unmult). Straight colours are divided by it.
"""

from __future__ import annotations

from collections.abc import Callable

from morphogen.field.graph import Node, as_node, branch, fma, op, pixel_input

SLOTS = ("matte", "straight", "gain")  # of the uniform block; gain: the master
THINNEST = 1 / 255  # alpha below which a straight colour fades: what is nearly nothing has no colour


def colours(u: Callable[[str], Node]) -> tuple[Node, ...]:
    """Graph from 'r', 'g', 'b' to red, green, blue and alpha. u: a slot as a node."""
    r, g, b = (pixel_input(c) for c in "rgb")
    faded = [c * u("gain") for c in (r, g, b)]
    brightest = op("max", op("max", faded[0], faded[1]), faded[2])
    share = 1.0 / fma(u("straight"), op("max", brightest, THINNEST) - 1.0, 1.0)
    seen = [op("min", c * share, 1.0) for c in faded]
    return branch(u("matte"), (*seen, op("min", brightest, 1.0)), (r, g, b, as_node(1.0)))


def alpha(u: Callable[[str], Node]) -> Node:
    """Graph to a number whose floor is the level of alpha, with the largest threshold of the three colours, so that no
    premultiplied one comes out above it."""
    red, green, blue = (pixel_input(c) for c in ("red", "green", "blue"))
    dithered = fma(pixel_input("value"), 255.0, op("max", op("max", red, green), blue))
    return branch(u("matte"), (dithered,), (as_node(255.5),))[0]
