"""Scenes on the wire: exact in, exact out; and whatever else comes is refused with a ValueError, never believed."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drawing import draw, glow, scene
from morphogen import scene_wire
from morphogen.field.colours import NEUTRAL, Colours, Lut, Table, frozen
from morphogen.field.inputs import INPUTS
from morphogen.field.network import HEADS, Network, Shape, init_glow, preset, tensor_shapes
from morphogen.field.palettes import TABLE
from morphogen.field.scene import Grade, Layer, Scene, View
from morphogen.library import checks
from morphogen.render import create
from morphogen.scene_wire import Decoder, Encoder, MissingWeights, Shot, read_programs, write_programs
from morphogen_bridges.zmq_common import pack, unpack
from zmq_helpers import leaves

RUN = 77


def shot(what: Scene | None = None, **more) -> Shot:
    given = {"index": 5, "generation": 2, "time_ns": 123_456_789, "style": "starter/abyss", "canvas": (320, 180)}
    return Shot(what or scene(), **given | more, run=RUN)


def message(what: Shot | None = None) -> dict:
    """As it comes off the wire."""
    return unpack(pack(Encoder(RUN).shot(what or shot())), max_depth=8)


def same(a: Scene, b: Scene) -> None:
    for item in dataclasses.fields(Scene):
        if item.name not in ("networks", "colours"):
            assert getattr(a, item.name) == getattr(b, item.name), item.name
    assert dataclasses.replace(a.colours, table=NEUTRAL) == dataclasses.replace(b.colours, table=NEUTRAL)
    assert len(a.networks) == len(b.networks)
    for one, other in zip(a.networks, b.networks, strict=True):
        assert (one.shape, one.extent, one.time_range) == (other.shape, other.extent, other.time_range)
        for left, right in zip(one.tensors, other.tensors, strict=True):
            assert left.dtype == right.dtype == np.float32
            assert left.tobytes() == right.tobytes()


# --- what is sent arrives

numbers = st.floats(-1e6, 1e6)
switches = st.booleans()


@st.composite
def networks(draw_) -> Network:
    inputs = draw_(st.lists(st.sampled_from(INPUTS), min_size=1, max_size=6, unique=True))
    units = st.sampled_from(("sin", "cos", "gaussian", "tanh"))
    layers = draw_(st.lists(st.lists(units, min_size=1, max_size=5).map(tuple), min_size=1, max_size=3))
    shape = Shape(tuple(inputs), tuple(layers), draw_(st.sampled_from(sorted(HEADS))))
    weights = st.floats(-(2.0**127), 2.0**127, width=32)
    flat = draw_(st.lists(weights, min_size=shape.parameters, max_size=shape.parameters))
    at, tensors = 0, []
    for size in tensor_shapes(shape):
        count = math.prod(size)
        tensors.append(np.array(flat[at : at + count], np.float32).reshape(size))
        at += count
    start = draw_(st.floats(-100, 100))
    return Network(shape, tuple(tensors), draw_(st.floats(1e-3, 100.0)), (start, start + draw_(st.floats(1, 1000))))


views = st.builds(
    View, st.floats(0.01, 100), numbers, numbers, numbers, st.integers(0, 3), st.integers(0, 24), switches, numbers,
    numbers, numbers,
)  # fmt: skip
grades = st.builds(Grade, st.floats(-8, 8), *(st.floats(-4, 4) for _ in range(5)))
scenes = st.builds(
    Scene, st.lists(networks(), min_size=1, max_size=2).map(tuple),
    st.dictionaries(st.sampled_from(INPUTS), numbers, max_size=8), st.floats(0, 1), views, grades,
    st.floats(0, 10), st.floats(0, 1), st.floats(0, 1), switches,
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(scenes, st.integers(0, 2**62), st.integers(0, 2**32), st.sampled_from(["", "own/läuft"]))
def test_a_scene_arrives_to_the_last_bit(what, index, generation, style):
    sent = shot(what, index=index, generation=generation, style=style, canvas=(16384, 1))
    got = Decoder().shot(message(sent))
    same(sent.scene, got.scene)
    assert dataclasses.replace(got, scene=sent.scene) == sent


def test_every_field_travels():
    """Whoever adds a field to a scene must teach it to the wire: else followers would not see it."""
    sent = message()
    for kind, found in ((Scene, sent["scene"]), (View, sent["scene"]["view"]), (Grade, sent["scene"]["grade"])):
        assert set(found) == {f.name for f in dataclasses.fields(kind)}
    assert {f.name for f in dataclasses.fields(Network)} == {
        "shape", "tensors", "extent", "time_range", "geometry", "_frozen",
    }  # fmt: skip
    assert {f.name for f in dataclasses.fields(Shape)} == {"inputs", "layers", "head"}
    (network,) = sent["scene"]["networks"]
    assert set(network) == {"inputs", "layers", "activations", "head", "extent", "time", "geometry", "weights"}


def test_a_layer_arrives_and_a_bad_one_is_refused():
    layer = Layer(glow(7), "difference", 0.3, View(2.0, kaleidoscope=5), Grade(hue=0.2))
    what = shot(scene(layer=layer))
    got = Decoder().shot(message(what)).scene
    assert (got.layer.blend, got.layer.opacity, got.layer.view, got.layer.grade) == (
        "difference",
        0.3,
        layer.view,
        layer.grade,
    )
    cpu = create("cpu", 1)
    assert np.array_equal(draw(cpu, what.scene), draw(cpu, got))
    cpu.close()
    assert set(message(what)["scene"]["layer"]) == {f.name for f in dataclasses.fields(Layer)}
    for key, value in {"blend": "burn", "opacity": math.nan, "view": {}, "grade": None, "network": 3}.items():
        bad = message(what)
        bad["scene"]["layer"][key] = value
        with pytest.raises(ValueError):
            Decoder().shot(bad)


def test_every_key_is_documented():
    page = (Path(__file__).parent.parent / "docs" / "walls.md").read_text(encoding="utf-8")
    said = page.partition("## On the wire")[2]
    sent, announced = message(), write_programs(RUN, [])
    for key in {*sent, *sent["scene"], *sent["scene"]["networks"][0], *announced, "serial"}:
        assert f"`{key}`" in said, key


def test_numbers_of_numpy_become_plain_ones():
    odd = scene(mix=np.float64(0.25), values={"time": np.float32(0.5)}, dither=np.True_, view=View(zoom=np.float32(2)))
    got = Decoder().shot(message(shot(odd))).scene
    assert (got.mix, got.values["time"], got.dither, got.view.zoom) == (0.25, 0.5, True, 2.0)
    assert type(got.view.zoom) is float


LUT = Lut(frozen(np.random.default_rng(2).random((3, 3, 3, 3))), (0.0, 0.0, -1.0))
COLOURED = Colours(0.5, 0.25, 1.0, Table(frozen(TABLE["cosmic"]), LUT))


def test_palette_and_look_up_table_travel_and_the_table_once():
    encoder, decoder = Encoder(RUN), Decoder()
    sent = [unpack(pack(encoder.shot(shot(scene(colours=COLOURED)))), max_depth=8) for _ in range(3)]
    assert ["values" in one["scene"]["colours"]["table"] for one in sent] == [True, False, False]
    got = [decoder.shot(one).scene.colours for one in sent]
    assert got[0].table is got[1].table is got[2].table, "what stands still is not sent to a card again"
    assert (got[0].palette, got[0].shift, got[0].lut) == (0.5, 0.25, 1.0)
    assert np.array_equal(got[0].table.values, COLOURED.table.values)
    lut = got[0].table.lut
    assert lut is not None
    assert (lut.low, lut.high, lut.size, lut.is_cube) == (LUT.low, LUT.high, 3, True)
    late = Decoder()
    with pytest.raises(MissingWeights, match="look-up table"):
        late.shot(sent[1])
    encoder.renew()
    late.shot(unpack(pack(encoder.shot(shot(scene(colours=COLOURED)))), max_depth=8))


@pytest.mark.parametrize(("path", "value", "why"), [
    ("entries", b"123", "256 colours"), ("entries", np.full(768, np.nan, "<f4").tobytes(), "outside 0..1"),
    ("table", 5, "must be a map"), ("table/values", b"1" * 12, "of 1 colours"), ("table/cube", 1, "no known shape"),
    ("table/values", b"", "of 0 colours"), ("table/low", [1.0], "three numbers"), ("table/low", [9.0] * 3, "nowhere"),
    ("table/serial", -1, "whole number"), ("palette", math.nan, "'palette' is nan"), ("more", 1, "unknown 'more'"),
])  # fmt: skip
def test_colours_that_are_wrong_are_refused(path, value, why):
    with pytest.raises(ValueError, match=why):
        Decoder().shot(put(message(shot(scene(colours=COLOURED))), f"scene/colours/{path}", value))


def test_the_same_weights_are_the_same_object():
    """Nothing is built anew for a picture whose network stands still."""
    decoder = Decoder()
    first, second = (decoder.shot(message()).scene.networks[0] for _ in range(2))
    assert first is second
    other = decoder.shot(message(shot(scene(glow(4))))).scene.networks[0]
    assert other is not first
    assert len(decoder._networks) <= scene_wire.KEPT


# --- large networks


@pytest.fixture
def large(monkeypatch):
    monkeypatch.setattr(scene_wire, "LARGE", 50)
    return init_glow(preset("3L_4D"), 1)


def test_large_weights_travel_when_they_change(large):
    encoder, decoder = Encoder(RUN), Decoder()
    sizes, seen = [], []
    for what in (large, large, large, large.with_flat(large.flat * 2), large):
        data = pack(encoder.shot(shot(scene(what))))
        sizes.append(len(data))
        got = decoder.shot(unpack(data)).scene
        seen.append(got.networks[0])
        same(scene(what), got)
    small = len(pack(encoder.shot(shot(scene(large)))))
    assert [size > small + 4 * 100 for size in sizes] == [True, False, False, True, False]
    assert seen[0] is seen[1] is seen[4]


def test_who_joins_late_asks_and_is_sent_all_again(large):
    encoder, late = Encoder(RUN), Decoder()
    encoder.shot(shot(scene(large)))
    for _ in range(2):
        with pytest.raises(MissingWeights):
            late.shot(encoder.shot(shot(scene(large))))
    encoder.renew()
    same(scene(large), late.shot(encoder.shot(shot(scene(large)))).scene)
    assert "weights" not in encoder.shot(shot(scene(large)))["scene"]["networks"][0]


def test_another_run_has_its_own_serials(large):
    """A leader that starts anew counts from the beginning; what the last one called 1 must not be shown."""
    decoder, other = Decoder(), init_glow(preset("3L_4D"), 2)
    decoder.shot(Encoder(1).shot(shot(scene(large))))
    second = Encoder(2)
    second.shot(shot(scene(other)))
    with pytest.raises(MissingWeights):
        decoder.shot(second.shot(shot(scene(other))))


def test_a_morph_of_large_networks_is_whole_and_bounded(large):
    encoder, decoder = Encoder(RUN), Decoder()
    for n in range(40):
        what = scene(networks=(large, large.with_flat(large.flat * (1 + n / 40))))
        same(what, decoder.shot(encoder.shot(shot(what))).scene)
    assert len(encoder._large) <= scene_wire.KEPT
    assert len(encoder._told) <= scene_wire.KEPT
    assert len(decoder._networks) <= scene_wire.KEPT


# --- programs announced


def test_programs_arrive():
    narrow, wide = preset("3L_4D"), preset("2L_8D", ("x", "y", "r"))
    mixed = Shape(("x", "y"), (("sin", "tanh"), ("cos",)))
    programs = [(narrow,), (narrow, wide), (mixed,)]
    assert read_programs(unpack(pack(write_programs(RUN, programs)))) == programs


@pytest.mark.parametrize("broken", [
    None, [], {}, {"v": 1, "run": 1}, {"v": 2, "run": 1, "programs": []}, {"v": 1, "run": 1, "programs": {}},
    {"v": 1, "run": 1, "programs": [[]]}, {"v": 1, "run": 1, "programs": [[{}]]},
    {"v": 1, "run": 1, "programs": [[]] * 65}, {"v": 1, "run": 1, "programs": [[{}] * 3]},
    {"v": 1, "run": 1, "programs": [7]},
])  # fmt: skip
def test_broken_announcements_are_refused(broken):
    with pytest.raises(ValueError):
        read_programs(broken)


# --- what is refused


def put(whole: dict, path: str, value) -> dict:
    """A copy of the message with one place changed; `...` takes the key away."""
    copy = unpack(pack(whole), max_depth=8)
    *way, last = [int(part) if part.isdigit() else part for part in path.split("/")]
    place = copy
    for part in way:
        place = place[part]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return copy


@pytest.mark.parametrize(("path", "value", "why"), [
    ("v", 2, "version 2"), ("v", ..., "lacks 'v'"), ("run", -1, "whole number"), ("index", 1.5, "'index' is 1.5"),
    ("index", True, "'index' is True"), ("index", 2**63, "'index' is"), ("generation", None, "'generation'"),
    ("more", 1, "unknown 'more'.*same version"), ("canvas", [1], "canvas"), ("canvas", [0, 5], "canvas"),
    ("canvas", "9x9", "canvas"), ("style", 5, "style's name"), ("style", "a\x1b[2J", "style's name"),
    ("scene", 5, "must be a map"), ("scene/networks", [], "one or two"), ("scene/networks", {}, "one or two"),
    ("scene/mix", 1, "'mix' is 1, it must be a finite float"), ("scene/mix", math.nan, "'mix' is nan"),
    ("scene/dt", math.inf, "'dt' is inf"), ("scene/trail", 1e300, "finite"), ("scene/dither", 1, "true or false"),
    ("scene/glitter", 1.0, "unknown 'glitter'"), ("scene/master", ..., "lacks 'master'"),
    ("scene/values", [], "values"), ("scene/values", {f"k{n}": 0.0 for n in range(65)}, "64 values"),
    ("scene/values", {"bass": "loud"}, "'bass'"), ("scene/values", {"x" * 65: 1.0}, "not a name"),
    ("scene/view/zoom", 0.0, "cannot be drawn"), ("scene/view/mirror", -1, "whole number"),
    ("scene/view/polar", 0.5, "true or false"), ("scene/view", None, "must be a map"),
    ("scene/grade/exposure", 1e5, "cannot be drawn"), ("scene/grade/hue", "red", "finite float"),
    ("scene/networks/0", 5, "must be a map"), ("scene/networks/0/inputs", ["x", "wind"], "unknown input"),
    ("scene/networks/0/layers", [10**6], "wide"), ("scene/networks/0/activations", ["sin"], "activations"),
    ("scene/networks/0/head", "heart", "head"), ("scene/networks/0/extent", -1.0, "extent"),
    ("scene/networks/0/time", [5, 1], "time"), ("scene/networks/0/weights", b"\0" * 8, "107 weights of 4 bytes"),
    ("scene/networks/0/weights", "text", "107 weights"), ("scene/networks/0/weights", [1.0] * 107, "107 weights"),
    ("scene/networks/0/weights", np.full(107, np.nan, "<f4").tobytes(), "NaN or infinite"),
    ("scene/networks/0/code", b"x", "unknown 'code'"),
])  # fmt: skip
def test_what_is_wrong_is_said(path, value, why):
    with pytest.raises(ValueError, match=why):
        Decoder().shot(put(message(), path, value))


wild = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
)
PLACES = ["v", "run", "index", "style", "canvas", "scene", "scene/networks", "scene/networks/0", "scene/values",
          "scene/view", "scene/grade", "scene/dt", "scene/networks/0/inputs", "scene/networks/0/layers",
          "scene/networks/0/activations", "scene/networks/0/weights", "scene/networks/0/extent",
          "scene/networks/0/time", *(f"scene/view/{f.name}" for f in dataclasses.fields(View)),
          *(f"scene/grade/{f.name}" for f in dataclasses.fields(Grade))]  # fmt: skip


@pytest.fixture(scope="module")
def judge():
    renderer = create("numpy")
    yield renderer
    renderer.close()


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(PLACES), wild | st.just(...)), min_size=1, max_size=3))
def test_a_broken_message_is_refused_or_can_be_drawn(judge, changes):
    broken = message()
    for path, value in changes:
        try:
            broken = put(broken, path, value)
        except (KeyError, IndexError, TypeError, ValueError):
            continue  # that place is gone already, or the value fits into no message
    try:
        got = Decoder().shot(broken)
    except ValueError:
        return
    with np.errstate(all="ignore"):
        draw(judge, got.scene, (5, 3))


@settings(max_examples=300, deadline=None)
@given(wild)
def test_anything_else_is_refused(value):
    for read in (Decoder().shot, read_programs):
        with pytest.raises(ValueError):
            read(value)


def test_what_a_style_may_be_a_scene_may_be():
    """Both are checked by the same rules, so no style that plays is refused on a wall."""
    for name in ("2L_4D", "3L_8D"):
        for extent in (1e-3, checks.MAX_EXTENT):
            network = init_glow(preset(name), 1, extent)
            assert Decoder().shot(message(shot(scene(network)))).scene.networks[0].extent == extent
