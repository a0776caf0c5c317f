"""The view as a graph: from a pixel of the canvas to the place of the field that it shows, folded and bent."""

from __future__ import annotations

from collections.abc import Callable

from morphogen.field.graph import Node, branch, cos_turns, fma, op, pixel_input, sin_turns

Slot = Callable[[str], Node]


def view(px: Node, py: Node, u: Slot) -> tuple[Node, ...]:
    """Network coordinates, x and y, of a pixel of the canvas. u: a slot as a node.

    Nothing folds the picture: one affine step, its part in y once a row. Else screen, folds, view one by one."""
    straight = (fma(px, u("across_x"), pixel_input("row_x")), fma(px, u("across_y"), pixel_input("row_y")))
    return branch(u("fold"), _folded(px, py, u), straight)


def _folded(px: Node, py: Node, u: Slot) -> tuple[Node, Node]:
    x = fma(px, u("screen_scale"), u("screen_x"))
    y = u("screen_y") - py * u("screen_scale")
    x = branch(u("mirror_x"), (abs(x),), (x,))[0]
    y = branch(u("mirror_y"), (abs(y),), (y,))[0]
    x, y = branch(u("kaleidoscope"), _kaleidoscope(x, y, u), (x, y))
    x, y = branch(u("polar"), _polar(x, y), (x, y))
    x, y = branch(u("warp"), _warp(x, y, u), (x, y))
    return (
        fma(x, u("view_xx"), fma(y, u("view_xy"), u("view_x"))),
        fma(x, u("view_yx"), fma(y, u("view_yy"), u("view_y"))),
    )


def _kaleidoscope(x: Node, y: Node, u: Slot) -> tuple[Node, Node]:
    radius = op("sqrt", fma(x, x, y * y))
    turns = op("atan2_turns", y, x) * u("segments")
    inside = abs(turns - op("floor", turns + 0.5)) / u("segments")
    return radius * cos_turns(inside), radius * sin_turns(inside)


def _polar(x: Node, y: Node) -> tuple[Node, Node]:
    radius = op("sqrt", fma(x, x, y * y))
    return abs(op("atan2_turns", y, x)) * 2.0 - 0.5, radius - 0.5


def _warp(x: Node, y: Node, u: Slot) -> tuple[Node, Node]:
    scale, amount = u("warp_scale"), u("warp_amount")
    bend_x = sin_turns(fma(y, scale, u("warp_phase_x")))
    bend_y = sin_turns(fma(x, scale, u("warp_phase_y")))
    x1, y1 = fma(bend_x, amount, x), fma(bend_y, amount, y)
    # A second, finer wave of the bent coordinates: one alone looks like a flag, two like water.
    fine_x = sin_turns(fma(y1, scale * 2.0, u("warp_phase_y")))
    fine_y = sin_turns(fma(x1, scale * 2.0, u("warp_phase_x")))
    return fma(fine_x, amount * 0.5, x1), fma(fine_y, amount * 0.5, y1)
