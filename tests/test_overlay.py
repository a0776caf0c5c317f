"""The layer over the show: asked for, faded, swapped, moved by its parameters, taken away, kept for the next run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from drawing import apart, draw, glow
from morphogen.composer import layer
from morphogen.errors import StateError, StyleError, UsageError
from morphogen.field.layers import BLENDS, layer_slots
from morphogen.field.palettes import NAMES
from morphogen.field.scene import Layer, Scene, View, program, scene_uniforms
from morphogen.library.find import Library
from morphogen.library.style import Style, save_style
from morphogen.overlay import FADE, Overlay
from morphogen.params.catalog import BY_KEY, LAYER_GRADE, LAYER_VIEW
from morphogen.render.numpy import NumpyRenderer
from morphogen.resume import restore
from morphogen.state import State, decode, encode
from morphogen.still import render_still
from test_follow import Wall
from test_instrument import STEP, STYLES, Stand

DEFAULTS = {key: param.default for key, param in BY_KEY.items()}


@pytest.fixture
def stand(tmp_path) -> Iterator[Stand]:
    stand = Stand(tmp_path, "numpy")
    stand.frame(2)
    yield stand
    stand.instrument.close()


# --- the fade


def test_it_comes_up_is_swapped_unseen_and_goes_down():
    overlay, (a, b) = Overlay(), (Style(glow(seed), f"show/{seed}") for seed in (1, 2))
    assert overlay.advance(STEP, True) == 0.0
    first = overlay.request(a)
    levels = [overlay.advance(STEP, True) for _ in range(40)]
    assert first.result(0) == {"name": "show/1"}
    second = overlay.request(b)
    swapped = None
    for _ in range(60):
        before = overlay.style
        levels.append(overlay.advance(STEP, True))
        if overlay.style is not before:
            swapped = levels[-1], levels[-2]
    assert swapped is not None
    assert max(swapped) <= STEP / FADE + 1e-9, "nothing of it is seen when it changes"
    assert second.done()
    assert max(abs(x - y) for x, y in pairwise(levels)) <= STEP / FADE + 1e-9, "no jump"
    assert levels[39] == levels[-1] == 1.0
    gone = overlay.request(None)
    levels = [overlay.advance(STEP, True) for _ in range(40)]
    assert (levels[-1], overlay.style, gone.result(0)) == (0.0, None, {"name": ""})


def test_what_is_not_seen_is_swapped_at_once():
    overlay = Overlay()
    overlay.request(Style(glow(1), "show/1"))
    overlay.advance(STEP, False)
    answers = [overlay.request(Style(glow(seed), f"show/{seed}")) for seed in (2, 3)]
    assert overlay.advance(STEP, False) == 1.0
    assert [answer.result(0) for answer in answers] == [{"name": "show/3"}] * 2, "the newest wins"


def test_nobody_waits_for_ever():
    overlay = Overlay()
    waiting = overlay.request(None)
    overlay.close()
    for answer in (waiting, overlay.request(None)):
        with pytest.raises(StateError, match="closing"):
            answer.result(0)


# --- parameters


def test_every_parameter_of_the_layer_moves_it():
    """And the ranges are those of the show's own."""
    for name in (*LAYER_VIEW, *LAYER_GRADE):
        twin = BY_KEY[f"view/{name}" if name in LAYER_VIEW else f"color/{name}"]
        mine = BY_KEY[f"layer/{name}"]
        assert replace(mine, key=twin.key, doc=twin.doc) == twin
    assert BY_KEY["layer/blend"].choices == tuple(BLENDS)
    assert BY_KEY["color/palette"].choices == NAMES
    plain = layer(DEFAULTS, glow(1))
    assert plain == Layer(plain.network, "add")
    for key, value in {"zoom": 2, "mirror": 3, "hue": 0.5, "exposure": -1, "tint_hue": 0.2, "blend": 4}.items():
        assert layer(DEFAULTS | {f"layer/{key}": value}, plain.network) != plain, key
    assert layer(DEFAULTS | {"layer/blend": 9}, plain.network).blend == "mask"
    assert layer(DEFAULTS | {"view/zoom": 3, "color/hue": 0.4}, plain.network) == plain, "the show's are not its own"
    assert layer(DEFAULTS | {"layer/opacity": 0}, plain.network) is None
    assert layer(DEFAULTS, plain.network, 0.25).opacity == 0.25


def test_a_mode_that_is_none_is_told():
    with pytest.raises(UsageError, match="no blend mode 'burn'") as error:
        scene_uniforms(Scene((glow(1),)), Layer(glow(2), "burn"))
    assert "difference" in error.value.cure
    assert all(layer_slots(blend, 2.0)["opacity"] == 1.0 for blend in BLENDS)


# --- in the show


def test_a_style_over_the_show(stand):
    bare = stand.settle().copy()
    assert stand.call("layer.load", name="show/wide") == {"name": "show/wide"}
    over = stand.settle().copy()
    assert apart(over, bare) > 20
    assert stand.instrument.state()["layer"] == "show/wide"
    values = stand.instrument.values
    expected = Layer(STYLES["show/wide"], "add", 1.0, View())
    scene = stand.instrument._scene
    assert (scene.layer.blend, scene.layer.opacity, scene.layer.view) == ("add", 1.0, expected.view)
    truth = draw(NumpyRenderer(), scene, (64, 36))
    assert apart(over, truth) <= 1
    assert program((STYLES["show/wide"].shape,)) in stand.instrument.programs
    stand.instrument.params.set("layer/opacity", 0)
    assert apart(stand.settle(), bare) == 0
    assert stand.instrument._scene.layer is None, "it costs nothing"
    stand.instrument.params.set("layer/opacity", 1)
    stand.call("layer.clear")
    assert apart(stand.settle(), bare) == 0
    assert values is not None


def test_another_style_comes_without_a_jump(stand):
    stand.instrument.params.set("layer/blend", "normal")
    stand.call("layer.load", name="show/b")
    stand.settle()
    answer = stand.instrument.call("layer.load", {"name": "show/c"})
    pictures = [stand.frame().astype(int)]
    while not answer.done() or len(pictures) < 60:
        pictures.append(stand.frame().astype(int))
    steps = [np.abs(b - a).max() for a, b in pairwise(pictures)]
    assert max(steps) <= 255 * STEP / FADE + 2
    assert np.abs(pictures[-1] - pictures[0]).max() > 20
    assert answer.result(0) == {"name": "show/c"}


def test_an_unknown_style_leaves_the_layer_as_it_is(stand):
    stand.call("layer.load", name="show/b")
    with pytest.raises(StyleError, match="show/nothing"):
        stand.call("layer.load", name="show/nothing")
    assert stand.instrument.state()["layer"] == "show/b"


def test_it_is_there_after_a_restart(stand, caplog):
    assert decode(encode(State(layer="show/b")).encode()).layer == "show/b"
    restore(stand.instrument, State(layer="show/b"))
    for _ in range(300):
        stand.frame()
        if stand.instrument.overlay.style is not None:
            break
    assert stand.instrument.overlay.style.name == "show/b"
    restore(stand.instrument, State(layer="show/gone"))
    assert "layer" in caplog.text
    assert "show/gone" in caplog.text


def test_a_snapshot_brings_the_layer_back(stand):
    stand.call("layer.load", name="show/b")
    stand.call("snapshot.store", slot=1)
    stand.call("layer.clear")
    stand.call("snapshot.store", slot=2)
    for slot, name in ((1, "show/b"), (2, ""), (1, "show/b")):
        stand.call("snapshot.recall", slot=slot)
        stand.frame(40)
        assert stand.instrument.state()["layer"] == name
    kept = stand.call("snapshot.list")["slots"]
    assert [kept[slot]["layer"] for slot in "12"] == ["show/b", ""]
    older = {"3": {name: value for name, value in kept["2"].items() if name != "layer"}}
    strange = {"4": {**kept["1"], "layer": "show/gone"}, "5": {**kept["2"], "layer": 7}}
    assert stand.instrument.snapshots.load(older | strange) == {}
    for slot in (3, 4, 5):
        answer = stand.call("snapshot.recall", slot=slot)
        stand.frame(40)
        assert answer.get("layer") == ("gone" if slot == 4 else None)
        assert stand.instrument.state()["layer"] == "show/b", "what was not kept, or is gone, changes nothing"


def test_a_look_up_table_is_there_after_a_restart(stand, tmp_path, caplog):
    path = tmp_path / "warm.cube"
    path.write_text('TITLE "Warm"\nLUT_1D_SIZE 2\n0 0 0\n1 .8 .5\n')
    stand.call("color.lut", path=str(path))
    kept = State(lut=stand.instrument.composer.colourist.lut_path)
    assert decode(encode(kept).encode()).lut == kept.lut
    stand.call("color.lut", path="")
    restore(stand.instrument, kept)
    assert stand.instrument.composer.colourist.lut_path == str(path)
    path.unlink()
    restore(stand.instrument, kept)
    assert "look-up table" in caplog.text
    assert str(path) in caplog.text


def test_followers_draw_the_layer_to_the_byte(tmp_path):
    for name, network in STYLES.items():
        save_style(Style(network, name), tmp_path / f"{name}.safetensors")
    wall = Wall(Library(tmp_path, tmp_path / "none"))
    try:
        wall.leader.params.set("layer/blend", "difference")
        wall.leader.params.set("layer/rotate", 30)
        for name in ("show/b", "show/wide"):
            answer = wall.leader.call("layer.load", {"name": name})
            for _ in range(300):
                wall.frame()
                wall.catch_up()
                if answer.done():
                    break
            assert answer.result(0) == {"name": name}
            for _ in range(30):
                wall.frame()
                wall.catch_up()
        assert wall.compare() > 60
        assert len({picture.tobytes() for *_, picture in wall.taker.pictures}) > 30
    finally:
        wall.close()


# --- stills


def test_a_still_with_a_layer(tmp_path: Path):
    save_style(Style(glow(2), "show/b"), path := tmp_path / "b.safetensors")
    style = Style(glow(1), "show/a")
    bare = render_still(style, (64, 36), 3.0, {})
    over = render_still(style, (64, 36), 3.0, {"layer/blend": "multiply"}, layer=str(path))
    assert (over[..., :3].astype(int) <= bare[..., :3].astype(int) + 1).all(), "multiplying darkens"
    assert apart(over, bare) > 20
    half = render_still(style, (64, 36), 3.0, {"layer/blend": "multiply", "layer/opacity": 0.5}, layer=str(path))
    assert bare.mean() > half.mean() > over.mean()
    with pytest.raises(StyleError):
        render_still(style, (64, 36), 3.0, {}, layer="no/such")
