"""The hosts that a style may leave for, one entry each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from morphogen.errors import UsageError
from morphogen.export import isf, page, plain, shadertoy, touchdesigner
from morphogen.export.fields import rested
from morphogen.library.style import Style


@dataclass(frozen=True)
class Target:
    """write: the whole file as text; raises StyleError. suffix: of the file. doc: for people."""

    write: Callable[[Style], str]
    suffix: str
    doc: str


TARGETS: dict[str, Target] = {
    "html": Target(page.export, ".html", "one page that plays by itself, with sliders and the microphone"),
    "isf": Target(isf.export, ".fs", "an ISF 2.0 generator for VDMX, MadMapper, Millumin and other hosts"),
    "touchdesigner": Target(touchdesigner.export, ".frag", "a pixel shader for the GLSL TOP"),
    "shadertoy": Target(shadertoy.export, ".shadertoy.glsl", "the Image tab of a Shadertoy"),
    "glsl": Target(plain.export, ".glsl", "plain GLSL 3.30: a function and a small main"),
}


def export(style: Style, target: str, still: bool = False) -> str:
    """A style as a file of `target`. still: fields whose movement cannot be written as a shader rest, instead of a
    refusal. Raises UsageError for an unknown target, StyleError for a style that cannot go."""
    if target not in TARGETS:
        raise UsageError(f"there is no export to {target[:40]!r}.", f"Choose one of {', '.join(TARGETS)}.")
    chosen = replace(style, network=rested(style.network)) if still else style
    return TARGETS[target].write(chosen)
