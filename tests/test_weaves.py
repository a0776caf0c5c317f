"""What plasma, labyrinths, tunnels, tilings and blobs promise beyond what every field does (tests/test_fields.py), and
the styles that show them."""

from __future__ import annotations

import numpy as np
import pytest

from morphogen.field import geometry
from morphogen.field.cppn import evaluate
from morphogen.field.inputs import FIELDS, FRAME_INPUTS, REACH
from morphogen.field.tiles import ROWS
from morphogen.field.weaves import TRAVEL
from morphogen.library.find import default_shipped_dir
from morphogen.library.pack import LIMIT, pack, unpack
from morphogen.library.style import load_style
from morphogen.training.calm import read

NAMES = ("plasma", "labyrinth", "tunnel", "tiles", "blobs", "flight")
STYLES = ("flowing", "geometric", "organic", "voronoi", "plasma", "reaction", "stars", "tunnel", "mandelbrot", "julia",
          "fractal")  # fmt: skip
# What faces the light falls away from it: a light channel, what is high there, and which way up.
LIT = (("plasma", "plasma", 1), ("labyrinth", "labyrinth", 1), ("blobs", "blob", 1), ("cells", "cell", -1),
       ("tiles", "tile", -1), ("mandelbrot", "mandelbrot", 1), ("julia", "julia", 1))  # fmt: skip
QUIET = dict.fromkeys(FRAME_INPUTS, 0.0) | {"bass": 0.05, "mid": 0.05, "treble": 0.05, "rms": 0.05}
LOUD = QUIET | {"bass": 0.9, "mid": 0.7, "treble": 0.8, "beat": 0.9, "rms": 0.8}
DETAIL = 1 / 1000  # picture heights


def grid(width: int = 96, height: int = 54) -> tuple[np.ndarray, np.ndarray]:
    return np.meshgrid((np.arange(width) + 0.5) / height - width / height / 2, 0.5 - (np.arange(height) + 0.5) / height)


def at(field: str, x, y, **changed: float) -> dict[str, np.ndarray]:
    names = tuple(FIELDS[field].channels)
    numbers = geometry.default(names)
    for row, (_, parameter) in zip(numbers, geometry.rows(names), strict=True):
        row[0] = changed.get(parameter.name, row[0])
    return geometry.sample(names, numbers, 0.5, {"x": np.asarray(x), "y": np.asarray(y)}, {})


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_finer_than_a_thousandth_of_the_picture(name):
    """Its slope is bounded: over a thousandth of the picture's height it changes by a sixth of its range at most."""
    rng = np.random.default_rng(2)
    x, y = rng.uniform(-0.9, 0.9, (2, 40_000))
    way = rng.uniform(0, 2 * np.pi, 40_000)
    here, there = at(name, x, y), at(name, x + DETAIL * np.cos(way), y + DETAIL * np.sin(way))
    for channel, values in here.items():
        assert np.abs(values - there[channel]).max() < np.ptp(values) / 6, channel


@pytest.mark.parametrize("name", NAMES)
def test_it_is_finite_out_to_where_coordinates_end(name):
    x, y = np.meshgrid([-REACH, -777.7, 0.0, 3.3, REACH], [-REACH, -0.1, 0.0, 512.3, REACH])
    for values in at(name, x, y).values():
        assert np.isfinite(values).all()
        assert np.abs(values).max() < 2.5


def test_the_spots_of_a_labyrinth_are_few_and_its_holes_too():
    share = {
        spots: float((at("labyrinth", *grid(), spots=spots)["labyrinth"] > 0).mean()) for spots in (-0.7, 0.0, 0.7)
    }
    assert share[0.7] < 0.35 < share[0.0] < 0.65 < share[-0.7]


def test_an_ordered_labyrinth_runs_one_way():
    def lean(order: float) -> float:
        across, up = np.gradient(at("labyrinth", *grid(), order=order, bend=0.0)["labyrinth"])
        tensor = np.cov(across.ravel(), up.ravel())
        low, high = np.linalg.eigvalsh(tensor)
        return float(low / high)

    assert lean(0.9) < 0.5 * lean(0.0)


def test_a_tunnel_is_mirrored_and_dark_at_its_end():
    angle = np.linspace(0.01, 0.15, 20)
    for segments in (3, 8):
        for k in range(segments):
            seam = 2 * np.pi * k / segments
            left, right = (at("tunnel", 0.4 * np.cos(a), 0.4 * np.sin(a), segments=segments)
                           for a in (seam + angle, seam - angle))  # fmt: skip
            np.testing.assert_allclose(left["tunnel"], right["tunnel"], atol=1e-9)
    end = at("tunnel", np.array([0.0, 1e-9, -1e-9]), np.array([0.0, -1e-9, 0.0]))
    for values in end.values():
        assert np.abs(values).max() < 1e-6


def test_travel_flies_outwards_without_an_end():
    """A ring further on the same walls come by, larger; after `TRAVEL` rings it is where it began."""
    place, rings = np.linspace(0.3, 0.4, 40), 1.5
    grown = place * 2 ** (0.25 / rings)
    core = {"core": 0.02, "rings": rings}
    before = at("tunnel", place, 0 * place, **core)["tunnel"]
    after = at("tunnel", grown, 0 * grown, travel=0.25, **core)["tunnel"]
    np.testing.assert_allclose(after, before, atol=0.03)
    near_end = at("tunnel", place, 0 * place, travel=TRAVEL - 1e-9, **core)["tunnel"]
    np.testing.assert_allclose(near_end, before, atol=1e-6)


@pytest.mark.parametrize("sides", [3, 4, 5, 6])
def test_a_polygon_stays_in_its_tile(sides):
    x, y = grid(192, 108)
    for spin in (0.0, 0.11, 0.37):
        found = at("tiles", x, y, sides=sides, size=1.0, spin=spin)
        walls = found["tile"] > 0.995
        assert walls.any()
        assert found["tile_shape"][walls].max() < 0.03
        assert found["tile_shape"].max() > 0.9


def test_hexagons_fill_the_plane():
    """Six around each: one row to the right, or half a row up and along, it is the same again."""
    x, y = grid()
    here = at("tiles", x, y, scale=2.0)["tile"]
    for dx, dy in ((0.5, 0.0), (0.25, ROWS / 4), (-0.25, ROWS / 4)):
        np.testing.assert_allclose(at("tiles", x + dx, y + dy, scale=2.0)["tile"], here, atol=1e-9)
    assert here.min() < 0.05
    assert here.max() == pytest.approx(1.0, abs=0.02)


def test_blobs_melt_where_they_meet():
    found = at("blobs", *grid(), size=1.0)["blob"]
    assert found.min() >= 0.0
    assert found.max() > 1.0, "two that meet are brighter than one"
    assert (at("blobs", *grid(), size=0.3)["blob"] == 0.0).mean() > 0.5


@pytest.mark.parametrize(("field", "height", "up"), LIT)
def test_slopes_that_face_the_light_are_lit(field, height, up):
    name = next(channel for channel in FIELDS[field].channels if channel.endswith("_light"))
    x, y = grid(192, 108)
    for light in (0.0, 0.25, 0.6):
        found = at(field, x, y, light=light)
        down_y, down_x = (-up * slope for slope in np.gradient(found[height]))
        facing = down_x * np.cos(2 * np.pi * light) - down_y * np.sin(2 * np.pi * light)  # rows go downwards
        sure = np.abs(found[name]) > 0.3
        assert sure.mean() > 0.2
        assert (np.sign(facing) == np.sign(found[name]))[sure].mean() > 0.9, light
        np.testing.assert_allclose(at(field, x, y, light=light + 0.5)[name], -found[name], atol=1e-9)


def test_a_flight_goes_on_without_a_jump_and_outwards():
    x, y = grid()
    for fly in (0.2, 0.4, 7.0, 12.6):  # where a layer is gone and another one begins
        before, after = (at("flight", x, y, fly=fly + step)["flight"] for step in (-1e-6, 1e-6))
        np.testing.assert_allclose(after, before, atol=1e-3)
    here = at("flight", x, y, fly=3.0, size=3.0, twinkle=0.0)["flight"]
    outwards, inwards = (
        float(np.abs(at("flight", x * grown, y * grown, fly=3.01, size=3.0, twinkle=0.0)["flight"] - here).mean())
        for grown in (1.02, 0.98)
    )
    assert outwards < 0.7 * inwards


# --- the styles


@pytest.mark.parametrize("name", STYLES)
def test_a_pattern_hears_the_music_moves_and_keeps_the_limit_of_flashes(name):
    style = load_style(default_shipped_dir() / "pattern" / f"{name}.safetensors")
    x, y = grid()

    def shown(time: float, values) -> np.ndarray:
        return np.stack(evaluate(style.network, {"x": x, "y": y}, {**values, "time": time}), axis=-1)

    quiet = shown(20.0, QUIET)
    assert quiet.std() > 0.08
    assert 0.03 < quiet.mean() < 0.6
    assert np.abs(shown(20.0, LOUD) - quiet).mean() > 0.03, "loud is another picture"
    assert np.abs(shown(80.0, QUIET) - quiet).mean() > 0.05, "so is a minute later"
    assert np.isfinite(shown(36_000.0, LOUD)).all()
    assert read(style.network).calm
    assert len(pack(style)) <= LIMIT
    again = unpack(pack(style)).network
    apart = np.stack(evaluate(again, {"x": x, "y": y}, {**QUIET, "time": 20.0}), axis=-1) - quiet
    assert np.abs(apart).mean() < 0.004, "as a datagram it is the same"
