"""Unit alignment: makes the straight line between two networks' weights a morph instead of a collapse.

Hidden units have no order, and most have a free sign: two networks may draw alike with units in other places. Straight
interpolation then passes through mush. `align` reorders and flips the units of b, without changing what b draws, so
that they meet their like in a (Ainsworth et al., "Git Re-Basin", 2022: matching of activations and of weights; the
periodic moves are ours):

    odd f    f(-z) = -f(z)     flip the incoming weights, flip the outgoing
    even f   f(-z) = f(z)      flip the incoming weights
    sin, cos f(z + pi) = -f(z) shift the bias by pi, flip the outgoing; whole turns of the bias drop out

Measured on 48 pairs of drawn networks each (glow init, pace 0.1, harmony 0.5, at 7 s), mean of `path`: roughness is the
length of the way in cross-fades, collapse the greatest loss of contrast on it.

    preset          plain          same phase (`meet`)    aligned (`align`)
    3L_4D           5.36   33 %    5.30   32 %            4.48   25 %
    3L_4D, 600 s    5.71   37 %    5.11   35 %            4.53   21 %
    2L_8D           4.65   41 %    4.34   41 %            3.15   14 %
    3L_8D           5.55   31 %    5.52   31 %            4.94   24 %
    3L_6D, mixed    5.21   42 %    5.08   42 %            4.28   25 %

Networks that were not trained from one another stay far apart: a morph through weights is a journey, not a fade. b
itself draws the same to 7e-6 of full scale at 7 s, 3e-4 at 600 s, where float32 holds many whole turns in the biases.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from morphogen.errors import StyleError
from morphogen.field import geometry
from morphogen.field.cppn import frame_bias
from morphogen.field.inputs import PIXEL_INPUTS
from morphogen.field.network import Network, Shape
from morphogen.library.match import Array, draw, match_responses, match_weights, wrapped

BLENDS = (0.0, 1.0)  # weight of the pre-activations' distance beside the responses'; neither always wins
STEPS = (0.0, 0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875, 1.0)
PIXELS, STATES = 96, 4


def align(a: Network, b: Network, values: Mapping[str, float] | None = None) -> Network:
    """b with its hidden units permuted and flipped towards a's; draws what b draws.

    values: the frame inputs at which the morph begins ('time' in seconds, 'bass' ...), best of about now: units move at
    different speeds, so which are alike depends on when. Tries several matchings and keeps the one with the best path
    on a sample of pixels around those values, so by that measure it is never worse than without.
    Takes 20 to 60 ms (3L_4D to 3L_8D), twice that on busy cores: call it off the render thread, then `meet` at the
    frame edge. Wide networks only `meet`: matching takes 15 s at 4L_128D, and unrelated ones lose 59 % of their
    contrast on the way even then, 62 % without it (which is why they cross-fade unless a morph is asked for). Raises
    StyleError when the shapes differ.
    """
    _same_shape(a, b)
    now = values or {}
    if a.shape.wide:
        return meet(a, b, now)
    first, last = _at(a, now), _at(b, now)
    way = _way(a, b, now)
    candidates = [last]
    for blend in BLENDS:
        forward = match_responses(a.shape, first, last, (way[0], way[-1]), blend)
        candidates += [forward, match_weights(a.shape, first, forward)]
    candidates = [_met(a.shape, first, c) for c in candidates]
    best = min(candidates, key=lambda c: _cost(*_path(a.shape, first, c, way)))
    return _from(b, best, now)


def meet(a: Network, b: Network, values: Mapping[str, float]) -> Network:
    """b with whole turns added to its periodic first-layer biases, so that at `values` each phase is nearest to a's.

    Costs 0.1 to 0.3 ms: call it at the frame edge where a morph begins, with that frame's values. Without it the
    phase `weight * time` of each unit runs through as many turns as the show is long while the weights change: at ten
    minutes, a flicker. Whole turns change nothing in what b draws, but float32 keeps a bias of an hour's turns to
    about 1e-4 only: use the result for the morph, and b itself afterwards. Raises StyleError when the shapes differ.
    """
    _same_shape(a, b)
    placed = _placed(b, b.tensors, _near(a.shape, frame_bias(a, values), frame_bias(b, values)), values)
    return replace(placed, geometry=geometry.met(a.shape.inputs, a.geometry, b.geometry, values))


def mix(a: Network, b: Network, t: float) -> Network:
    """The network at t between a (0) and b (1), which should be aligned to a: weights, extent, time range and geometry.

    Raises StyleError when the shapes differ.
    """
    _same_shape(a, b)
    low, high = (_lerp(p, q, t) for p, q in zip(a.time_range, b.time_range, strict=True))
    tensors = tuple(_lerp(p, q, np.float32(t)) for p, q in zip(a.tensors, b.tensors, strict=True))
    moved = geometry.mixed(a.shape.inputs, a.geometry, b.geometry, t)
    return Network(a.shape, tensors, _extent(a, b, t), (low, high), moved)


def path(a: Network, b: Network, values: Mapping[str, float] | None = None) -> tuple[float, float]:
    """(roughness, collapse) of the straight line from a to b, b as it is, over a sample of pixels around `values`.

    roughness: length of the way that the picture travels, in multiples of the direct distance; 1 is a cross-fade.
    collapse: the greatest loss of contrast on the way against the blend of both ends' contrasts; 0 none, 1 flat.
    """
    now = values or {}
    return _path(a.shape, _at(a, now), _at(b, now), _way(a, b, now))


def _cost(roughness: float, collapse: float) -> float:
    # A picture that goes dark on the way is seen by everyone, a detour by nobody.
    return roughness + 3 * collapse


def _way(a: Network, b: Network, now: Mapping[str, float]) -> list[Array]:
    """The sample of inputs as the networks on the way see it, a first, b last."""
    inputs = a.shape.inputs
    moved = geometry.met(inputs, a.geometry, b.geometry, now)
    return [_samples(inputs, now, _extent(a, b, t), geometry.mixed(inputs, a.geometry, moved, t)) for t in STEPS]


def _path(shape: Shape, first: list[Array], last: list[Array], way: list[Array]) -> tuple[float, float]:
    pictures = []
    for t, inputs in zip(STEPS, way, strict=True):
        tensors = [_lerp(p, q, t) for p, q in zip(first, last, strict=True)]
        pictures.append(draw(shape, tensors, inputs).reshape(-1, STATES, PIXELS))
    direct = float(np.abs(pictures[-1] - pictures[0]).mean())
    length = sum(float(np.abs(q - p).mean()) for p, q in pairwise(pictures))
    contrasts = [float(p.std(axis=2).mean()) for p in pictures]
    losses = [1 - c / max(1e-9, _lerp(contrasts[0], contrasts[-1], t))
              for c, t in zip(contrasts, STEPS, strict=True)]  # fmt: skip
    return length / max(direct, 1e-9), max(0.0, *losses)


def _samples(inputs: tuple[str, ...], now: Mapping[str, float], extent: float, shaped: Array) -> Array:
    """Inputs (inputs, states * pixels): a 16:9 picture at `extent`, its geometry as it is `now`; the next two seconds
    and any audio, less `now`."""
    rng = np.random.default_rng(2007)
    x, y = rng.uniform(-8 / 9, 8 / 9, PIXELS), rng.uniform(-0.5, 0.5, PIXELS)
    pixels = geometry.sample(inputs, shaped, extent, {"x": x, "y": y}, now)
    later, levels = rng.uniform(0, 2, STATES), rng.uniform(0, 1, (len(inputs), STATES))
    rows = []
    for name, row in zip(inputs, levels, strict=True):
        if name in PIXEL_INPUTS:
            rows.append(np.tile(pixels[name], STATES))
        else:
            rows.append(np.repeat(later if name == "time" else row - now.get(name, 0.0), PIXELS))
    return np.stack(rows)


def _at(network: Network, now: Mapping[str, float]) -> list[Array]:
    """The weights in float64, with the frame inputs `now` moved into the first bias."""
    tensors = [t.astype(np.float64) for t in network.tensors]
    tensors[1] = frame_bias(network, now)
    return tensors


def _from(network: Network, tensors: list[Array], now: Mapping[str, float]) -> Network:
    """The reverse of `_at`; extent and time range are the network's."""
    return _placed(network, [t.astype(np.float32) for t in tensors], tensors[1], now)


def _placed(network: Network, tensors: Sequence[NDArray[np.float32]], bias: Array, now: Mapping[str, float]) -> Network:
    """These weights; the first bias is `bias` when the frame inputs are `now`."""
    bare = (tensors[0], np.zeros_like(tensors[1]), *tensors[2:])
    placed = (bias - frame_bias(replace(network, tensors=bare), now)).astype(np.float32)
    return replace(network, tensors=(bare[0], placed, *bare[2:]))


def _met(shape: Shape, first: list[Array], last: list[Array]) -> list[Array]:
    return [last[0], _near(shape, first[1], last[1]), *last[2:]]


def _near(shape: Shape, first: Array, last: Array) -> Array:
    """The first biases `last`, each phase moved by whole turns towards that of `first`."""
    return np.array([wrapped(name, q, p) for name, p, q in zip(shape.layers[0], first, last, strict=True)])


def _extent(a: Network, b: Network, t: float) -> float:
    # Extent is a zoom: a constant rate of magnification looks even, a constant rate of extent does not.
    return float(a.extent * (b.extent / a.extent) ** t)


def _lerp(p: Any, q: Any, t: Any) -> Any:
    return p + (q - p) * t


def _same_shape(a: Network, b: Network) -> None:
    if a.shape != b.shape:
        raise StyleError(f"networks of different shape cannot be morphed: {a.shape} and {b.shape}.",
                         "Cross-fade them instead.")  # fmt: skip
