"""Styles drawn from a seed alone: no training, no guide, and they say so."""

from __future__ import annotations

import argparse
import math
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from morphogen.errors import UsageError
from morphogen.field import geometry
from morphogen.field.inputs import FRAME_INPUTS, INPUTS
from morphogen.field.network import (
    ACTIVATION_CYCLE,
    HEADS,
    NARROW,
    PALETTE,
    PRESETS,
    SEED_INPUTS,
    Network,
    Shape,
    init_glow,
    init_seed,
    preset,
)
from morphogen.library.style import Style

Init = Literal["glow", "seed"]
COMMAND = "morphogen styles draw"
HEARD = tuple(name for name in FRAME_INPUTS if name not in ("time", "progress"))
NUMBERS = ("gain", "extent", "pace", "reaction", "contrast", "harmony")
ROLES = {
    "time": "moves the picture by itself", "bass": "20-250 Hz bends it", "mid": "250-4000 Hz bends it",
    "treble": "4-20 kHz bends it", "beat": "kicks it on each beat", "rms": "loudness bends it",
}  # fmt: skip


@dataclass(frozen=True)
class Recipe:
    """All that an untrained style depends on.

    preset: of `field.network.PRESETS`. inputs: names of `field.network.INPUTS`. units: activations cycle over the
    units of a layer instead of over the layers. gain: hidden gain (glow only). extent: coordinate at the upper edge.
    pace: factor on the first layer's `time` weights; Xavier with gain 5 gives up to 3 radians a second, which
    flickers, so starters take 0.03-0.1. reaction: factor on all audio weights. ear: seed of the audio weights alone, 0:
    as the init draws them; among many the ones can be looked for with which loud music shows most before it flashes.
    contrast: factor on the output weights.
    harmony: how far the three output rows share one direction. 0 is the plain init: independent channels, so pure
    reds, greens and blues side by side; at 0.5 colours run from black over one or two hues to white, as light does (a
    fourth row, alpha, stays its own). head: of `field.network.HEADS`; with a palette there are no rows to harmonise.
    """

    preset: str = "3L_4D"
    seed: int = 0
    init: Init = "glow"
    inputs: tuple[str, ...] = SEED_INPUTS
    units: bool = False
    gain: float = 5.0
    extent: float = 0.5
    pace: float = 1.0
    reaction: float = 1.0
    contrast: float = 1.0
    harmony: float = 0.0
    head: str = "rgb"
    ear: int = 0

    def command(self) -> str:
        """The shell command that draws it again; defaults are left out."""
        plain = Recipe()
        words = [COMMAND, "--preset", self.preset, "--init", self.init, "--seed", str(self.seed)]
        if self.inputs != plain.inputs:
            words += ["--inputs", ",".join(self.inputs)]
        if self.units:
            words.append("--units")
        if self.head != plain.head:
            words += ["--head", self.head]
        if self.ear:
            words += ["--ear", str(self.ear)]
        for key in NUMBERS:
            if getattr(self, key) != getattr(plain, key):
                words += [f"--{key}", repr(float(getattr(self, key)))]
        return " ".join(words)


def parse_command(command: str) -> Recipe:
    """The recipe in a style's `training` field. Raises UsageError when it is no `styles draw` command."""
    if not command.startswith(f"{COMMAND} "):
        raise UsageError(f"{command[:80]!r} does not draw a style.", f"It must start with `{COMMAND}`.")
    parser = argparse.ArgumentParser(exit_on_error=False, add_help=False)
    parser.add_argument("--preset", default="3L_4D")
    parser.add_argument("--init", default="glow")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--inputs", type=lambda text: tuple(text.split(",")), default=SEED_INPUTS)
    parser.add_argument("--units", action="store_true")
    parser.add_argument("--head", default="rgb")
    parser.add_argument("--ear", type=int, default=0)
    for key in NUMBERS:
        parser.add_argument(f"--{key}", type=float, default=getattr(Recipe(), key))
    try:
        known, rest = parser.parse_known_args(shlex.split(command)[3:])
    except (argparse.ArgumentError, ValueError) as error:
        raise UsageError(f"{command[:80]!r} is malformed: {error}.", "See `morphogen styles draw --help`.") from error
    if rest:
        raise UsageError(f"`styles draw` has no option {rest[0][:40]!r}.", "See `morphogen styles draw --help`.")
    return Recipe(**vars(known))


def network(recipe: Recipe) -> Network:
    """The network of a recipe; the same on every machine, bit for bit. Raises UsageError."""
    shape = _shape(recipe)
    if recipe.init == "glow":
        drawn = init_glow(shape, recipe.seed, recipe.extent, recipe.gain)
    elif recipe.init == "seed":
        drawn = init_seed(shape, recipe.seed, recipe.extent)
    else:
        raise UsageError(f"unknown init {recipe.init!r}.", "Known: glow, seed.")
    first = drawn.tensors[0].copy()
    if recipe.ear:
        _listen(first, shape.inputs, recipe)
    for column, name in enumerate(shape.inputs):
        if name in FRAME_INPUTS:
            first[:, column] *= np.float32(recipe.pace if name == "time" else recipe.reaction)
    at = 2 * len(shape.layers)
    out = _harmonise(drawn.tensors[at], recipe)
    tensors = (first, *drawn.tensors[1:at], out, *drawn.tensors[at + 1 :])
    return replace(drawn, tensors=tensors, geometry=geometry.default(shape.inputs, recipe.seed))


def _listen(first: NDArray[np.float32], inputs: Sequence[str], recipe: Recipe) -> None:
    """Weights of what is heard, drawn anew, each as large as the init's may be."""
    rng = np.random.default_rng(recipe.ear)
    bound = recipe.gain * math.sqrt(6 / sum(first.shape))
    for name in HEARD:
        column = rng.uniform(-bound, bound, len(first))
        if name in inputs:
            first[:, inputs.index(name)] = column


def _harmonise(rows: NDArray[np.float32], recipe: Recipe) -> NDArray[np.float32]:
    if recipe.head in PALETTE:
        return np.float32(recipe.contrast) * rows
    # The mean of three independent rows is sqrt(3) times shorter than a row; without the factor harmony would dim.
    # One float32 operation at a time, no BLAS, so that every machine gets the same bits.
    shared = (rows[0] + rows[1] + rows[2]) * np.float32(np.sqrt(1 / 3))
    own, common = np.float32(1 - recipe.harmony), np.float32(recipe.harmony)
    return np.float32(recipe.contrast) * np.concatenate([own * rows[:3] + common * shared, rows[3:]])


def _shape(recipe: Recipe) -> Shape:
    if recipe.preset not in PRESETS:
        raise UsageError(f"unknown preset {recipe.preset!r}.", f"Known: {', '.join(PRESETS)}.")
    unknown = [name for name in recipe.inputs if name not in INPUTS]
    if unknown or not recipe.inputs or len(set(recipe.inputs)) < len(recipe.inputs):
        what = f"unknown input {unknown[0]!r}." if unknown else "inputs are empty or named twice."
        raise UsageError(what, f"Known: {', '.join(INPUTS)}.")
    if recipe.head not in HEADS:
        raise UsageError(f"unknown head {recipe.head!r}.", f"Known: {', '.join(HEADS)}.")
    shape = preset(recipe.preset, recipe.inputs, recipe.head)
    if recipe.harmony and shape.palette:
        raise UsageError(f"harmony joins three channels, a {recipe.head} head has one.", "Leave --harmony out.")
    if shape.wide and shape.alpha:
        raise UsageError(f"{recipe.preset} has more than {NARROW} units in a layer, and so no output for alpha.",
                         "Take another head, or a smaller preset.")  # fmt: skip
    if not recipe.units:
        return shape
    layers = tuple(tuple(ACTIVATION_CYCLE[(n + unit) % 4] for unit in range(len(layer)))
                   for n, layer in enumerate(shape.layers))  # fmt: skip
    return Shape(shape.inputs, layers, shape.head)


def draw(recipe: Recipe, name: str = "", title: str = "", licence: str = "MIT") -> Style:
    """An untrained style, labelled as such: trained False, guide 'none', no score, no prompt. Raises UsageError."""
    for number in (recipe.seed, recipe.ear):
        if not 0 <= number < 2**63:
            raise UsageError(f"seed {number} does not fit.", "Take a whole number from 0 to 2^63-1.")
    roles = {key: doc for key, doc in ROLES.items() if key in recipe.inputs}
    return Style(
        network(recipe), name or f"own/{recipe.preset.lower()}-{recipe.seed}", title, guide="none", seed=recipe.seed,
        trained=False, training=recipe.command(), audio_roles=roles, licence=licence,
    )  # fmt: skip


def untrained(
    preset: str = "3L_4D",
    seed: int = 0,
    init: Init = "glow",
    inputs: Sequence[str] = SEED_INPUTS,
    name: str = "",
    title: str = "",
) -> Style:
    """`draw` for the common case: a preset and a seed. Raises UsageError."""
    return draw(Recipe(preset, seed, init, tuple(inputs)), name, title)
