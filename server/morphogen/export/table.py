"""The hosts that a style may leave for, one entry each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from morphogen.errors import UsageError
from morphogen.export import isf, page, palettes, plain, shadertoy, touchdesigner
from morphogen.export.inputs import Look
from morphogen.library.style import Style


@dataclass(frozen=True)
class Target:
    """write: the whole file as text; raises StyleError. suffix: of the file. doc: for people. palettes: what may be
    chosen where nobody says."""

    write: Callable[[Look], str]
    suffix: str
    doc: str
    palettes: str = ""


TARGETS: dict[str, Target] = {
    "html": Target(page.export, ".html", "one page that plays by itself, with sliders and the microphone", "all"),
    "isf": Target(isf.export, ".fs", "an ISF 2.0 generator for VDMX, MadMapper, Millumin and other hosts"),
    "touchdesigner": Target(touchdesigner.export, ".frag", "a pixel shader for the GLSL TOP"),
    "shadertoy": Target(shadertoy.export, ".shadertoy.glsl", "the Image tab of a Shadertoy"),
    "glsl": Target(plain.export, ".glsl", "plain GLSL 3.30: a function and a small main"),
}


def export(style: Style, target: str, palette: str = "") -> str:
    """A style as a file of `target`. palette: the stage's palettes that may be chosen there, by their names with commas
    between, or 'all'; the first one is on; '' leaves it to the target. Raises UsageError for an unknown target or
    palette, StyleError for a style that cannot go."""
    if target not in TARGETS:
        raise UsageError(f"there is no export to {target[:40]!r}.", f"Choose one of {', '.join(TARGETS)}.")
    chosen = TARGETS[target]
    return chosen.write(Look(style, palettes.known(palette or chosen.palettes), chosen=int(bool(palette))))
