"""Fields of branching drawings: how near a tree of vessels, or a neuron, is; and how far along it.

The drawing is made on the CPU (`field.growth`) and reaches the graph as segments; so growth, thickness and seed are
numbers. Distances count in local radii: a twig's glow is as thin as the twig. 13 operations a segment, no root.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from morphogen.field.entry import Emit, Field, Fold, Parameter, scattered, seed_parameter
from morphogen.field.graph import Array, Node, as_node, clamp, cos_turns, fma, op
from morphogen.field.growth import Plant, neuron, vessels

VESSELS, NEURON = 36, 28  # segments
WAVES = 2  # that bend the whole drawing, so that segments become curves
PER_SEGMENT, PER_WAVE = 11, 5
FAR = 4000.0  # squared distance in radii, where nothing is nearer
FADE = 12.0  # squared distance in radii, where the way along is half forgotten
HAIR = 0.0008**2  # squared heights: what is thinner than this fades, instead of breaking up into dots
QUARTER = np.array([[0.0, 1.0], [-1.0, 0.0]])  # of a turn
SPROUT = 0.16  # of the whole way, over which a growing twig gets thick


def _emit(name: str, count: int) -> Emit:
    def emit(x: Node, y: Node, u: Sequence[Node]) -> dict[str, Node]:
        for k in range(WAVES):
            along_x, along_y, phase, across_x, across_y = u[PER_WAVE * k : PER_WAVE * (k + 1)]
            wave = cos_turns(fma(x, along_x, fma(y, along_y, phase)))
            x, y = fma(wave, across_x, x), fma(wave, across_y, y)
        best, way = as_node(FAR), as_node(0.0)
        for k in range(count):
            at = PER_WAVE * WAVES + PER_SEGMENT * k
            near, place = segment(x, y, u[at : at + PER_SEGMENT])
            # Not a jump where two are equally near: a slope.
            way = fma(clamp(best - near), place - way, way)
            best = op("min", best, near)
        return {name: 1.0 / op("sqrt", best + 1.0), f"{name}_along": way / fma(best, 1 / FADE, 1.0)}

    return emit


def segment(x: Node, y: Node, u: Sequence[Node]) -> tuple[Node, Node]:
    """(squared distance in radii, way from the root)."""
    rate_x, rate_y, rate, start_x, start_y, run_x, run_y, thick, taper, begin, run = u
    h = clamp(fma(x, rate_x, fma(y, rate_y, rate)))
    ex, ey = fma(-h, run_x, x - start_x), fma(-h, run_y, y - start_y)
    return fma(ex, ex, fma(ey, ey, HAIR)) * fma(h, taper, thick), fma(h, run, begin)


def _fold(grow: Callable[[int, int], Plant], count: int) -> Fold:
    def fold(p: Mapping[str, float]) -> Array:
        plant = grow(int(p["seed"]), count)
        return np.concatenate([_waves(p), _segments(plant, p).ravel()])

    return fold


def _waves(p: Mapping[str, float]) -> Array:
    luck, out = scattered(p["seed"], 9, 2 * WAVES), []
    for k in range(WAVES):
        way, frequency = luck[k] + 0.25 * k, p["scale"] * (1.3, 2.9)[k]
        c, s = math.cos(math.tau * way), math.sin(math.tau * way)
        size = p["sway"] * (0.05, 0.02)[k] / p["scale"]
        phase = (luck[WAVES + k] + p["flow"] * (1, -1.25)[k]) % 1.0
        out += [c * frequency, s * frequency, phase, -s * size, c * size]
    return np.array(out)


def _segments(plant: Plant, p: Mapping[str, float]) -> Array:
    """(segments, PER_SEGMENT): as far as it has grown, turned and scaled."""
    reach = p["growth"] * (1 + SPROUT)
    share = np.clip((reach - plant.begin) / np.maximum(plant.finish - plant.begin, 1e-9), 0, 1)
    end = plant.start + (plant.end - plant.start) * share[:, None]
    finish = plant.begin + (plant.finish - plant.begin) * share
    c, s = np.cos(math.tau * p["turn"]), np.sin(math.tau * p["turn"])
    turn = (c * np.eye(2) + s * QUARTER) / p["scale"]
    start, run = plant.start @ turn, (end - plant.start) @ turn
    square = np.maximum((run**2).sum(axis=1), 1e-12)[:, None]
    rate = run / square
    first = plant.first * _young(reach - plant.begin)
    last = (plant.first + (plant.last - plant.first) * share) * _young(reach - finish)
    thick, thin = ((p["thickness"] / p["scale"] * np.maximum(r, 1e-6)) ** -2.0 for r in (first, last))
    columns = (-(start * rate).sum(axis=1), thick, thin - thick, plant.begin, finish - plant.begin)
    rest, thick, taper, begin, way = (column[:, None] for column in columns)
    return np.concatenate([rate, rest, start, run, thick, taper, begin, way], axis=1)


def _young(grown: Array) -> Array:
    t = np.clip(grown / SPROUT, 0, 1)
    return t * (2 - t)


def _parameters(bend: str) -> tuple[Parameter, ...]:
    return (
        seed_parameter("another seed, another drawing"),
        Parameter("growth", 1.0, 0, 1, "", "how much of it is there, from the root on"),
        Parameter("thickness", 1.0, 0.1, 6, "", "of all of it"),
        Parameter("scale", 1.0, 0.2, 5, "", "2: everything at half its size"),
        Parameter("sway", 1.0, 0, 2, "", bend),
        Parameter("flow", 0.0, 0, 4, "turns", "it sways", "wrap"),
        Parameter("turn", 0.0, 0, 1, "turns", "all turned", "wrap"),
    )


def _field(doc: str, name: str, grow: Callable[[int, int], Plant], count: int) -> Field:
    channels = {
        name: "1 on the axis, 0.7 at the skin, slowly towards 0 far away",
        f"{name}_along": "how far from the root, 0 to 1, fading to 0 far away: for pulses that run along",
    }
    uniforms = PER_WAVE * WAVES + PER_SEGMENT * count
    return Field(doc, channels, _emit(name, count), _parameters("how curved it is"), uniforms, _fold(grow, count))


BRANCHES = _field("vessels: a tree from the left edge", "branch", vessels, VESSELS)
NEURONS = _field("a neuron: a body with branching arms", "neuron", neuron, NEURON)
