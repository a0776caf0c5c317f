"""The stage's palettes as text: each a function, straight lines between a few of its 256 colours."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import pairwise

import numpy as np

from morphogen.errors import UsageError
from morphogen.export.words import colour_name, comment
from morphogen.field.palettes import TABLE, Colours

NEAR = 0.75 / 255  # what a line may be wrong: half as many lines as for 0.25, and no eye sees it


def known(names: str) -> tuple[str, ...]:
    """'ember,ice' or 'all' as names. Raises UsageError for one that is none."""
    if names == "all":
        return tuple(TABLE)
    chosen = tuple(dict.fromkeys(name.strip() for name in names.split(",") if name.strip()))
    for name in chosen:
        if name not in TABLE:
            raise UsageError(
                f"there is no palette {name[:40]!r}.",
                f"Choose 'all', or some of {', '.join(TABLE)}, with commas between.",
            )
    return chosen


def text(names: Sequence[str]) -> str:
    """`recoloured`, and a function for each palette; nothing where there are none."""
    if not names:
        return ""
    told = comment("Palettes. at: 0 to 1, dark to bright. Straight lines, within a level of 255 of Morphogen's own.")
    choice = "".join(f"    if (chosen < {n}.5) return palette_{name}(at);\n" for n, name in enumerate(names[:-1], 1))
    return (
        f"{told}{''.join(map(_function, names))}\nvec3 palette_of(float chosen, float at) {{\n"
        f"{choice}    return palette_{names[-1]}(at);\n}}\n{RECOLOURED}"
    )


RECOLOURED = """
// chosen: 0 the style's own colours, 1 the first palette; amount: of it; shift: turns, along the palette and back.
vec3 recoloured(vec3 rgb, float chosen, float amount, float shift) {
    if (chosen < 0.5) return rgb;
    float light = clamp(dot(rgb, vec3(0.2126, 0.7152, 0.0722)), 0.0, 1.0);
    return mix(rgb, palette_of(chosen, 1.0 - abs(1.0 - 2.0 * fract(0.5 * light + shift))), amount);
}
"""


@cache
def _function(name: str) -> str:
    colours = np.asarray(TABLE[name], np.float64)
    places = knots(colours)
    lines = [f"vec3 rgb = {_vector(colours[0])};  // {colour_name(colours[0].tolist())}"]
    for a, b in pairwise(places):
        share = f"clamp(at * {255 / (b - a):.4f} - {a / (b - a):.4f}, 0.0, 1.0)"
        lines.append(f"rgb = mix(rgb, {_vector(colours[b])}, {share});  // {colour_name(colours[b].tolist())}")
    body = "".join(f"    {line}\n" for line in [*lines, "return rgb;"])
    return f"vec3 palette_{name}(float at) {{\n{body}}}\n"


def knots(colours: Colours) -> list[int]:
    """Entries between which straight lines are within NEAR of all others."""
    found = [0]
    while found[-1] < len(colours) - 1:
        a, b = found[-1], found[-1] + 1
        while b < len(colours) - 1 and _straight(colours[a : b + 2]):
            b += 1
        found.append(b)
    return found


def _straight(part: Colours) -> bool:
    share = np.linspace(0, 1, len(part))[:, None]
    return bool(np.abs(part[0] + (part[-1] - part[0]) * share - part).max() <= NEAR)


def _vector(rgb: Colours) -> str:
    return f"vec3({', '.join(f'{c:.4f}' for c in rgb)})"
