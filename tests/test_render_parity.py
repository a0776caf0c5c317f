"""Every backend against the float64 reference: within one level of 255, whatever is drawn.

A new backend is tested by being in `morphogen.render.BACKENDS`. The compiled ones are run once for each processor
generation that this machine can pretend to be. The worst case of each is printed at the end (`-s` or `-rP` shows it).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

import llvmlite.binding as llvm
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import qemu
from drawing import PLACES, VALUES, apart, constant, draw, glow, scene, tiles
from morphogen.errors import MorphogenError, RenderError
from morphogen.field import geometry
from morphogen.field.activations import ACTIVATIONS
from morphogen.field.grade import Grade
from morphogen.field.inputs import FIELDS, FRAME_INPUTS, PIXEL_INPUTS
from morphogen.field.layers import BLENDS
from morphogen.field.network import PRESETS, SEED_INPUTS, Network, Shape, init_glow, init_seed, preset
from morphogen.field.scene import SAMPLES, Layer, Scene, View, program
from morphogen.frame import Alpha, Crop, PixelFormat, TargetSpec
from morphogen.library.find import Library
from morphogen.render import BACKENDS, create
from morphogen.render.cpu.machine import host_target
from morphogen.render.numpy import NumpyRenderer

HOURS = 36_000.0
SIZE = (41, 24)  # even height: no row of pixels lies on the cut of theta
ODD = [(1, 1), (7, 5), (33, 17), (1, 70), (70, 1), (64, 3), (321, 181)]


def variants() -> list[str]:
    """'backend' or 'backend:simd' for what can run here."""
    features = llvm.get_host_cpu_features()
    found = []
    for name in BACKENDS:
        if name == "cpu":
            found.append("cpu:host")
            widest = host_target().name
            found += [f"cpu:{simd}" for simd in ("avx2", "sse4.1") if features.get(simd) and simd != widest]
            found += ["cpu:neon"] if widest != "neon" else []
        elif name != "numpy":
            found.append(name)
    return found


class Judge:
    """A backend beside the reference, drawing the same; remembers its worst."""

    def __init__(self, name: str, renderer) -> None:
        self.name = name
        self.renderer = renderer
        self.reference = NumpyRenderer()
        self.worst = (0, 0.0, "nothing drawn")

    def check(self, what: Scene, spec: TargetSpec | tuple[int, int] = SIZE, label: str = "") -> np.ndarray:
        """Draw with both; at most one level apart, and that on few values only. Returns the backend's picture."""
        ours, truth = draw(self.renderer, what, spec), draw(self.reference, what, spec)
        error = np.abs(ours.astype(int) - truth.astype(int))
        worst, share = int(error.max()), float((error > 0).mean())
        self.worst = max(self.worst, (worst, share, f"{label or what} at {spec}"))
        assert worst <= 1, f"{worst} levels apart, {share:.2%} of the values: {label or what} at {spec}"
        assert share <= 0.02 or error.sum() <= 4, f"{share:.2%} of the values are off: {label or what} at {spec}"
        assert (ours[..., 3] == 255).all()
        return ours


def make(name: str, patch: pytest.MonkeyPatch):
    backend, _, simd = name.partition(":")
    if simd == "neon":
        if qemu.missing():
            pytest.skip(f"{name}: {qemu.missing()}")
        return qemu.arm_renderer(patch)
    patch.delenv("MORPHOGEN_SIMD", raising=False)
    if simd not in ("", "host"):
        patch.setenv("MORPHOGEN_SIMD", simd)
    try:
        renderer = create(backend, 2)
    except MorphogenError as error:
        pytest.skip(f"{name}: {error}")
    if simd not in ("", "host"):
        assert renderer.target.name == simd
    return renderer


@pytest.fixture(scope="module", params=variants())
def judge(request) -> Iterator[Judge]:
    with pytest.MonkeyPatch.context() as patch:
        judge = Judge(request.param, make(request.param, patch))
        yield judge
        judge.renderer.close()
    print(f"\n{judge.name}: worst {judge.worst[0]} levels, {judge.worst[1]:.4%} of the values, {judge.worst[2]}")


@pytest.fixture(autouse=True)
def no_history(request) -> None:
    """Tests share one renderer; a frame without trail makes it forget."""
    if "judge" in request.fixturenames:
        judge = request.getfixturevalue("judge")
        judge.renderer.render(scene(), [(TargetSpec(1, 1), np.zeros(4, np.uint8))])
        judge.reference.close()


# --- networks


def shipped(judge: Judge, names: Iterable[str]) -> None:
    library = Library()
    for name in names:
        for time in (7.0, HOURS + 7):
            what = scene(library.find(name).network, values=VALUES | {"time": time})
            judge.check(what, SIZE, f"{name} at {time:g} s")


def test_shipped_styles(judge):
    """All of them by this processor's own code and by a card, the patterns by everyone, each other one by one more in
    turn: all their shapes differ, and to compile them for everyone takes four minutes, an eighth of all tests."""
    names = Library().names()
    sharing = [name for name in variants() if name not in ("cpu:host", "cuda")]
    if judge.name in sharing:
        patterns = [name for name in names if name.startswith("pattern/")]
        others = [name for name in names if name not in patterns]
        names = patterns + others[sharing.index(judge.name) :: len(sharing)]
    shipped(judge, names)


@pytest.mark.soak
def test_every_shipped_style_everywhere(judge):
    shipped(judge, Library().names())


@pytest.mark.parametrize("name", [name for name in PRESETS if not preset(name).wide])
def test_presets(judge, name):
    for init in (init_glow, init_seed):
        for seed in range(3):
            for time in (0.0, HOURS + 7):
                network = init(preset(name), seed)
                label = f"{name} {init.__name__} {seed} at {time:g} s"
                judge.check(scene(network, values=VALUES | {"time": time}), SIZE, label)


@pytest.mark.parametrize("name", [name for name in PRESETS if not preset(name).wide])
def test_palettes(judge, name):
    """Also with stops of pure black and white and of any logits: no channel runs over."""
    for seed in range(3):
        for time in (0.0, HOURS + 7):
            label = f"{name} palette {seed} at {time:g} s"
            judge.check(scene(glow(seed, name, "palette"), values=VALUES | {"time": time}), SIZE, label)
    network, rng = glow(4, name, "palette"), np.random.default_rng(4)
    for stops in (np.outer([-1e4, 1e4, -1e4, 1e4, 1e4], [1, 1, -1]), rng.normal(0, 6, (5, 3)), np.full((5, 3), 1e4)):
        harsh = Network(network.shape, (*network.tensors[:-1], stops.astype(np.float32)))
        for more in ({}, {"trail": 0.5}, {"grade": Grade(hue=0.3, exposure=0.5)}):
            judge.check(scene(harsh, **more), SIZE, f"{name} palette {stops[1]}")


@pytest.mark.parametrize(("a", "b"), [("rgb", "palette"), ("palette", "rgb"), ("palette", "palette")])
def test_cross_fades_between_heads(judge, a, b):
    judge.check(Scene((glow(3, head=a), glow(9, "2L_8D", b)), VALUES, 0.4), SIZE, f"{a} to {b}")


def wide(judge, name: str) -> tuple[Shape, tuple[int, int]]:
    """A wide preset and the size to draw it at; skips where the backend leaves it to the CPU."""
    shape = preset(name)
    try:
        judge.renderer.prepare(program((shape,)))
    except RenderError as error:
        refusal = error
    else:
        refusal = None
    if refusal is not None:
        assert "--backend cpu" in refusal.cure
        pytest.skip(f"{judge.name}: {refusal}")
    return shape, (9, 6) if judge.name == "cpu:neon" else SIZE  # emulated: 0.1 GFLOP/s


@pytest.mark.parametrize("name", [name for name in PRESETS if preset(name).wide])
def test_wide_presets(judge, name):
    shape, size = wide(judge, name)
    for init, seed in ((init_glow, 0), (init_glow, 1), (init_seed, 0)):
        for time in (0.0, HOURS + 7):
            what = scene(init(shape, seed), values=VALUES | {"time": time})
            label = f"{name} {init.__name__} {seed} at {time:g} s"
            if name != "8L_256D":
                judge.check(what, size, label)
                continue
            ours, truth = draw(judge.renderer, what, size), draw(judge.reference, what, size)
            assert np.percentile(np.abs(ours.astype(int) - truth), 99.9) <= 1, label


def test_wide_networks_read_fields(judge):
    """Alone, and while a small network that reads others fades to it."""
    shape, size = wide(judge, "4L_128D")
    shape = Shape(("x", "swirl_x", "clouds", "cell_edge", "neuron", "stars", "time"), shape.layers[:2], "palette")
    moving = geometry.default(shape.inputs, 2)
    drifts = [p.kind == "wrap" for _, p in geometry.rows(shape.inputs)]
    moving[drifts, geometry.TIME] = 0.03
    network = replace(init_glow(shape, 2, hidden_gain=2.0), geometry=moving)  # a fitted one's; 5 makes rounding seen
    small = init_glow(Shape(("y", "warp_x", "branch"), (("sin",) * 4,)), 3)
    for values in (VALUES, VALUES | {"time": HOURS}):
        judge.check(scene(network, values=values), size, "wide with fields")
        judge.check(Scene((small, network), values, 0.5), size, "small to wide, both with fields")


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_activations(judge, name):
    """Each one alone, first, and behind a sine; with every pixel input."""
    shape = Shape((*PLACES, "time", "bass"), ((name,) * 3, ("sin",) * 3, (name,) * 2))
    for seed in range(3):
        judge.check(scene(init_glow(shape, seed, hidden_gain=2.0)), SIZE, f"{name} {seed}")


@pytest.mark.parametrize("name", [name for name, field in FIELDS.items() if field.parameters])
def test_fields(judge, name):
    """Every field with moving geometry, in plain and in folded views, now and after ten hours."""
    names = tuple(FIELDS[name].channels)
    shape = Shape(("x", *names, "time"), (("sin",) * 4, ("gaussian",) * 4))
    rng = np.random.default_rng(5)
    for seed in range(3):
        moving = geometry.default(names, seed)
        moving[:, geometry.TIME] = rng.uniform(-0.1, 0.1, len(moving))
        network = replace(init_glow(shape, seed, hidden_gain=2.0), geometry=moving)
        for time in (1.0, HOURS + 7):
            for view in (View(), View(1.3, 31.0, 0.1, kaleidoscope=5), View(0.3, 100.0, 1.0)):
                judge.check(scene(network, values=VALUES | {"time": time}, view=view), SIZE, f"{name} {seed} {view}")


def test_all_fields_at_once(judge):
    shape = Shape((*(n for n in PIXEL_INPUTS if n != "theta"), "bass"), (("sin",) * 6, ("tanh",) * 4), "palette")
    network = replace(init_glow(shape, 1, hidden_gain=1.5), geometry=geometry.default(shape.inputs, 1))
    judge.check(Scene((network, glow(3)), VALUES, 0.4), SIZE, "fade from all fields")


def test_activations_mixed_in_one_layer(judge):
    names = tuple(sorted(ACTIVATIONS))
    shape = Shape(SEED_INPUTS, (names, names[::-1]))
    for seed in range(4):
        judge.check(scene(init_glow(shape, seed, hidden_gain=2.0)), SIZE, f"all activations {seed}")


def test_the_extent_of_the_seeds(judge):
    for seed in range(4):
        judge.check(scene(init_glow(preset("3L_4D"), seed, extent=np.pi)), SIZE, f"extent pi {seed}")


# --- view


VIEWS = {
    "zoomed in": View(20.0, 30.0, 0.3, -0.2),
    "zoomed out": View(0.25, -170.0),
    "far off": View(1.0, 12.0, 4.0, -4.0),
    "turned": View(1.0, 90.0),
    "mirror x": View(mirror=1, x=0.1),
    "mirror y": View(mirror=2, rotate=20.0),
    "mirror both": View(mirror=3, zoom=1.7),
    "polar": View(polar=True, x=0.1),
    "warped": View(warp=1.0, warp_scale=3.0, warp_phase=12.34),
    "warped for hours": View(warp=0.5, warp_scale=16.0, warp_phase=HOURS * 0.1),
    "all at once": View(1.5, 33.0, 0.2, -0.1, 3, 5, True, 0.6, 2.0, 7.7),
}


@pytest.mark.parametrize("name", VIEWS)
def test_views(judge, name):
    plain = judge.check(scene())
    for seed in (3, 4):
        seen = judge.check(scene(glow(seed), view=VIEWS[name]), SIZE, name)
        if seed == 3:
            assert apart(seen, plain) > 5  # it does something


def test_the_polar_view_agrees_but_at_its_pole(judge):
    """An odd picture has a pixel where every angle is as right as any other; all around it agrees."""
    what = scene(view=View(polar=True))
    ours, truth = draw(judge.renderer, what, (41, 25)), draw(judge.reference, what, (41, 25))
    error = np.abs(ours.astype(int) - truth.astype(int)).max(axis=-1)
    error[12, 20] = 0
    assert error.max() <= 1


@pytest.mark.parametrize("segments", range(1, 25))
def test_kaleidoscopes(judge, segments):
    judge.check(scene(glow(5), view=View(kaleidoscope=segments, rotate=10.0)), SIZE, f"{segments} segments")


def test_views_of_angles(judge):
    """theta jumps by a whole turn on one half-line; away from it every view agrees."""
    network = init_glow(Shape(("x", "y", "r", "theta", "abs_x"), (("sin",) * 4, ("cos",) * 4)), 2)
    for view in (View(1.3, 31.0), View(mirror=3, rotate=14.0), View(kaleidoscope=5, rotate=3.0, x=0.01)):
        judge.check(scene(network, view=view), SIZE, f"theta {view}")


# --- grade, fade, dither, formats


@pytest.mark.parametrize(
    "grade",
    [
        Grade(exposure=1.0), Grade(exposure=-4.0), Grade(exposure=4.0), Grade(contrast=0.05), Grade(contrast=3.0),
        Grade(saturation=0.0), Grade(saturation=3.0), Grade(hue=0.37), Grade(tint=1.0, tint_hue=0.1),
        Grade(0.7, 1.4, 1.6, 0.8, 0.3, 0.9),
    ],
)  # fmt: skip
def test_grades(judge, grade):
    judge.check(scene(grade=grade), SIZE)
    judge.check(scene(grade=grade, dither=False, view=View(kaleidoscope=3)), SIZE)


@pytest.mark.parametrize("mix", [0.0, 0.25, 0.5, 1.0])
@pytest.mark.parametrize("other", ["3L_4D", "2L_8D"])
def test_cross_fades(judge, mix, other):
    a, b = glow(3), glow(9, other)
    picture = judge.check(Scene((a, b), VALUES, mix), SIZE, f"fade to {other} at {mix}")
    if mix in (0.0, 1.0):
        assert apart(picture, draw(judge.renderer, scene((a, b)[int(mix)]), SIZE)) <= 1


def test_two_fields_of_different_extent_and_inputs(judge):
    a = init_glow(preset("3L_4D"), 1, extent=np.pi)
    b = init_glow(Shape(("r", "x", "bass"), (("sin",) * 3,)), 2, extent=0.5)
    judge.check(Scene((a, b), VALUES, 0.4, view=View(1.3, 10.0)), SIZE)


def test_dither_on_and_off(judge):
    on, off = judge.check(scene()), judge.check(scene(dither=False))
    assert 0 < apart(on, off) <= 1


@pytest.mark.parametrize("size", ODD)
@pytest.mark.parametrize("dither", [True, False])
def test_odd_sizes(judge, size, dither):
    judge.check(scene(dither=dither), size)
    judge.check(scene(view=View(1.2, 5.0, warp=0.3), dither=dither), size)


@pytest.mark.parametrize("size", [(33, 17), (7, 5), (130, 20)])
def test_formats_and_flip(judge, size):
    rgba = judge.check(scene(), TargetSpec(*size))
    bgra = judge.check(scene(), TargetSpec(*size, PixelFormat.BGRA8))
    flipped = judge.check(scene(), TargetSpec(*size, flip=True))
    both = judge.check(scene(), TargetSpec(*size, PixelFormat.BGRA8, flip=True))
    assert np.array_equal(bgra[..., [2, 1, 0, 3]], rgba)
    assert np.array_equal(flipped[::-1], rgba)
    assert np.array_equal(both[::-1, :, [2, 1, 0, 3]], rgba)


# --- layers


LAYER_VIEWS = {"plain": View(), "folded": View(0.6, 31.0, 0.1, -0.2, kaleidoscope=5, warp=0.4)}


@pytest.mark.parametrize("opacity", [0.3, 1.0])
@pytest.mark.parametrize("blend", BLENDS)
def test_layers(judge, blend, opacity):
    """Every mode, over one network and over a cross-fade, in two views each, graded apart, without and with a trail."""
    alone = judge.check(scene(), SIZE)
    for networks in ((glow(3),), (glow(3), glow(9, "2L_8D", "palette"))):
        for name, view in LAYER_VIEWS.items():
            layer = Layer(glow(5, "2L_4D"), blend, opacity, view, Grade(hue=0.3, exposure=0.4))
            base = Scene(networks, VALUES, 0.4, view=View(1.3, 20.0), grade=Grade(saturation=0.6), layer=layer)
            seen = judge.check(base, SIZE, f"{blend} {opacity} {name}")
            assert apart(seen, alone) > 5
            for n in range(4):
                moved = replace(base, values=VALUES | {"time": n / 10}, trail=0.5)
                judge.check(moved, SIZE, f"{blend} {opacity} {name}, trail, frame {n}")
            judge.check(replace(base, layer=None), SIZE)  # and the past is forgotten


def test_what_the_modes_do(judge):
    """On greys: u below, l above, each as its formula says."""
    u, upper = 0.76, 0.47
    expected = {
        "normal": upper, "add": 1.0, "screen": u + upper - u * upper, "multiply": u * upper, "difference": u - upper,
        "exclusion": u + upper - 2 * u * upper, "lighten": u, "darken": upper, "subtract": u - upper,
        "mask": u * upper, "reveal": u * upper,
    }  # fmt: skip
    assert expected.keys() == BLENDS.keys()
    for blend, level in expected.items():
        for opacity in (0.4, 1.0):
            what = scene(constant(u), dither=False, layer=Layer(constant(upper), blend, opacity))
            shown = judge.check(what, (40, 8), blend)[0, 0, :3]
            np.testing.assert_allclose(shown, 255 * (u + (level - u) * opacity), atol=1.01, err_msg=blend)


def test_a_layer_that_cannot_be_seen_changes_nothing(judge):
    assert np.array_equal(judge.check(scene(layer=Layer(glow(5), "add", 0.0))), judge.check(scene()))


def test_a_layer_of_the_same_shape_has_its_own_weights_and_values(judge):
    judge.check(scene(glow(3), layer=Layer(glow(4), "difference", 1.0)), SIZE)
    seen = judge.check(scene(glow(3), dither=False, layer=Layer(glow(3), "difference", 1.0)), SIZE)
    assert seen[..., :3].max() <= 1  # a picture less itself


def test_layers_of_odd_sizes_formats_and_several_targets(judge):
    what = scene(layer=Layer(glow(5, "2L_8D"), "screen", 0.7, View(kaleidoscope=3)))
    for size in ODD:
        judge.check(what, size)
    judge.check(what, TargetSpec(130, 20, PixelFormat.BGRA8, flip=True))
    specs = [TargetSpec(33, 17), TargetSpec(70, 9), TargetSpec(64, 64)]
    for frame in range(3):
        moved = replace(what, values=VALUES | {"time": frame / 7}, trail=0.4)
        ours, truth = ([np.zeros(s.pixel_bytes, np.uint8) for s in specs] for _ in range(2))
        judge.renderer.render(moved, list(zip(specs, ours, strict=True)))
        judge.reference.render(moved, list(zip(specs, truth, strict=True)))
        assert all(apart(a, b) <= 1 for a, b in zip(ours, truth, strict=True))


def test_wide_networks_below_and_above(judge):
    shape, size = wide(judge, "4L_128D")
    one = init_glow(shape, 2)
    for networks, layer in (((one,), glow(5)), ((glow(3),), one), ((glow(3), one), init_glow(shape, 4))):
        for trail in (0.0, 0.5):
            what = Scene(networks, VALUES, 0.4, trail=trail, layer=Layer(layer, "screen", 0.7, View(1.4, 12.0)))
            judge.check(what, size, f"{networks[0].shape} below {layer.shape}")


# --- crops


@pytest.mark.parametrize(
    "what",
    [
        scene(), scene(dither=False), scene(view=View(2.0, 30.0, 0.3)), scene(view=View(kaleidoscope=7, warp=0.4)),
        scene(grade=Grade(hue=0.3, exposure=0.5)), Scene((glow(3), glow(4, "2L_8D")), VALUES, 0.3),
        scene(layer=Layer(glow(5), "screen", 0.7, View(kaleidoscope=3, zoom=0.7))),
    ],
    ids=["plain", "no dither", "turned", "folded", "graded", "fade", "layer"],
)  # fmt: skip
def test_tiles_of_a_canvas_are_the_whole_to_the_byte(judge, what):
    """A wall of machines shows one picture: no seam, not even in the dither."""
    width, height = 203, 61
    whole = judge.check(what, (width, height))
    stitched = np.zeros_like(whole)
    for spec in tiles(width, height, [1, 67, 131], [9, 40]):
        c = spec.crop
        stitched[c.y : c.y + spec.height, c.x : c.x + spec.width] = judge.check(what, spec)
    assert np.array_equal(stitched, whole)


def test_a_crop_beyond_its_canvas_goes_on(judge):
    judge.check(scene(), TargetSpec(20, 10, crop=Crop(90, 50, 100, 56)))


# --- master


@pytest.mark.parametrize("dither", [True, False])
@pytest.mark.parametrize("level", [0.0, 0.5, 1.0])
def test_master_0_is_black_everywhere(judge, level, dither):
    for more in ({}, {"grade": Grade(exposure=4.0)}, {"trail": 0.5}):
        what = scene(constant(level), master=0.0, dither=dither, **more)
        picture = judge.check(what, (130, 66))
        assert not picture[..., :3].any()
        assert (picture[..., 3] == 255).all()


def test_white_stays_white_and_black_black(judge):
    for more in ({}, {"trail": 2.0}, {"view": View(kaleidoscope=3)}):
        for dither in (True, False):
            white = judge.check(scene(constant(1.0), dither=dither, **more), (130, 66))
            assert (white == 255).all()
            black = judge.check(scene(constant(0.0), dither=dither, **more | {"trail": 0.0}), (130, 66))
            assert not black[..., :3].any()


def test_master_fades_evenly(judge):
    means = [judge.check(scene(master=m), (64, 64))[..., :3].mean() for m in (0.0, 0.25, 0.5, 0.75, 1.0)]
    np.testing.assert_allclose(np.diff(means), means[-1] / 4, atol=0.3)


# --- trail


@pytest.mark.parametrize(("trail", "dt"), [(0.05, 1 / 60), (0.5, 1 / 60), (4.0, 1 / 60), (0.5, 1 / 7)])
def test_a_trail_over_30_frames(judge, trail, dt):
    """The picture moves, the histories of both run on beside one another."""
    for n in range(30):
        what = scene(values=VALUES | {"time": n * dt, "bass": (n % 10) / 10}, trail=trail, dt=dt)
        judge.check(what, (70, 9), f"trail {trail} s, frame {n}")


def test_a_trail_settles_on_the_picture(judge):
    """An 8-bit history would stick several levels off; ours arrives within one."""
    draw(judge.renderer, scene(constant(0.9), trail=2.0), (40, 8))
    for _ in range(120 * 8):
        settled = draw(judge.renderer, scene(constant(0.2), trail=2.0, dither=False), (40, 8))
    assert apart(settled, draw(judge.renderer, scene(constant(0.2), dither=False), (40, 8))) <= 1


def test_a_trail_does_not_depend_on_the_frame_rate(judge):
    def after_a_second(fps: int) -> float:
        draw(judge.renderer, scene(dither=False), (40, 8))
        draw(judge.renderer, scene(constant(1.0), trail=0.5, dt=1 / fps, dither=False), (40, 8))
        for _ in range(fps):
            picture = draw(judge.renderer, scene(constant(0.0), trail=0.5, dt=1 / fps, dither=False), (40, 8))
        return float(picture[0, 0, 0])

    assert after_a_second(15) == pytest.approx(after_a_second(120), abs=1)
    assert after_a_second(30) == pytest.approx(255 * np.exp(-2), abs=1)


def test_history_is_dropped_when_the_trail_ends(judge):
    white, black = constant(1.0), constant(0.0)
    draw(judge.renderer, scene(white, trail=2.0))
    lingering = judge.renderer  # the past shows ...
    assert draw(lingering, scene(black, trail=2.0))[..., :3].min() > 200
    draw(judge.renderer, scene(black))
    assert not draw(judge.renderer, scene(black, trail=2.0))[..., :3].any()  # ... and is gone
    # The first frame of a trail starts from itself, not from black.
    assert (draw(judge.renderer, scene(white, trail=0.0)) == 255).all()
    assert (draw(judge.renderer, scene(white, trail=2.0), (9, 9)) == 255).all()


def test_each_target_has_its_own_past(judge):
    small, large = TargetSpec(16, 9), TargetSpec(64, 36)
    draw(judge.renderer, scene(constant(1.0), trail=2.0), small)
    assert not draw(judge.renderer, scene(constant(0.0), trail=2.0), large)[..., :3].any()
    assert draw(judge.renderer, scene(constant(0.0), trail=2.0), small)[..., :3].min() > 200


# --- several targets, huge weights, anything


def test_several_targets_in_one_call(judge):
    """Sizes, formats, flips and crops together are what they are alone, with history too."""
    specs = [
        TargetSpec(64, 36), TargetSpec(33, 17, PixelFormat.BGRA8), TargetSpec(64, 36, flip=True), TargetSpec(7, 5),
        TargetSpec(40, 20, PixelFormat.BGRA8, Crop(100, 50, 320, 180), True), TargetSpec(1, 1), TargetSpec(200, 3),
    ]  # fmt: skip
    for trail in (0.0, 0.5):
        for n in range(3):
            what = scene(values=VALUES | {"time": n / 3}, trail=trail)
            together = {}
            for renderer in (judge.renderer, judge.reference):
                targets = [(spec, np.full(spec.pixel_bytes, 99, np.uint8)) for spec in specs]
                renderer.render(what, targets)
                together[renderer.name] = targets
            for (spec, ours), (_, truth) in zip(*together.values(), strict=True):
                assert apart(ours, truth) <= 1, (spec, trail, n)
                if not trail:
                    assert np.array_equal(ours, draw(judge.renderer, what, spec).ravel())


LOOKS = {
    "plain": {}, "trail": {"trail": 0.3}, "faded": {"master": 0.35}, "black": {"master": 0.0},
    "exact": {"dither": False}, "graded": {"grade": Grade(exposure=1.0, contrast=1.4)},
    "fade": {"networks": (glow(3), glow(9, "2L_8D")), "mix": 0.4},
}  # fmt: skip


@pytest.mark.parametrize("look", LOOKS)
def test_float16(judge, look):
    """To within half a step of float16 and what the arithmetic errs; nothing is rounded to 8 bits, nothing dithered."""
    for size in (SIZE, (7, 5), (70, 3), (1, 40)):
        spec = TargetSpec(*size, PixelFormat.RGBA16F, flip=size == SIZE)
        ours, truth = (draw(r, scene(**LOOKS[look]), spec).astype(float) for r in (judge.renderer, judge.reference))
        assert np.abs(ours - truth).max() < 1 / 700, (look, size)
        assert (ours[..., 3] == 1).all()
    steps = np.unique(draw(judge.renderer, scene(**LOOKS["plain"]), TargetSpec(*SIZE, PixelFormat.RGBA16F))[..., :3])
    assert steps.size > 600  # an 8-bit picture has no more than 256


def test_float16_keeps_the_darkest(judge):
    """Where 8 bits have one step, float16 has hundreds, below its own smallest normal number too."""
    for level in (2e-3, 1e-4, 2e-5, 1e-6):
        seen = draw(judge.renderer, scene(constant(level)), TargetSpec(9, 2, PixelFormat.RGBA16F))[..., :3]
        assert np.abs(seen.astype(float) - level).max() <= max(level * 2e-3, 2.0**-24)


@pytest.mark.parametrize("samples", SAMPLES[1:])
@pytest.mark.parametrize("look", LOOKS)
def test_supersampling(judge, look, samples):
    """Fine patterns, frame after frame, odd sizes and crops, folded views."""
    fine = replace(scene(**LOOKS[look]), samples=samples, view=View(0.2, 20.0, 0.1))
    for spec in (TargetSpec(*SIZE), TargetSpec(70, 3, PixelFormat.BGRA8, Crop(91, 53, 400, 300)), TargetSpec(1, 5)):
        for view in (fine.view, View(0.3, kaleidoscope=5, warp=0.4)):
            judge.renderer.render(scene(), [(spec, np.zeros(spec.pixel_bytes, np.uint8))])  # no past
            judge.reference.close()
            for n in range(2):
                what = replace(fine, view=view, values=VALUES | {"time": n / 10})
                judge.check(what, spec, f"{look}, {samples} samples, frame {n}")


def test_supersampling_smooths(judge):
    """What a pixel shows comes nearer to the mean of what lies in it."""
    wild = scene(init_glow(preset("3L_4D"), 11, hidden_gain=5.0), view=View(0.15), dither=False)
    truth = draw(judge.reference, wild, TargetSpec(41 * 8, 24 * 8))[..., :3].astype(float)
    truth = truth.reshape(24, 8, 41, 8, 3).mean(axis=(1, 3))
    errors = [np.abs(draw(judge.renderer, replace(wild, samples=n), SIZE)[..., :3] - truth).mean() for n in SAMPLES]
    assert errors[0] > 1.8 * errors[1]
    assert errors[1] > 1.5 * errors[2]


@pytest.mark.parametrize("look", LOOKS)
def test_alpha(judge, look):
    """What is bright is opaque, what is black lets everything through; over black the picture is what it was."""
    what = replace(scene(**LOOKS[look]), matte=True)
    opaque = judge.check(replace(what, matte=False), SIZE, look).astype(float)
    for kind in (PixelFormat.RGBA8, PixelFormat.BGRA8):
        for alpha in (Alpha.STRAIGHT, Alpha.PREMULTIPLIED):
            spec = TargetSpec(*SIZE, kind, alpha=alpha)
            draw(judge.renderer, scene(), spec), draw(judge.reference, scene(), spec)  # no past
            ours, truth = draw(judge.renderer, what, spec), draw(judge.reference, what, spec)
            assert apart(ours, truth) <= 1, (look, spec)
            rgb, cover = ours[..., :3].astype(float), ours[..., 3:].astype(float)
            if alpha is Alpha.PREMULTIPLIED:
                assert (rgb <= cover).all()
            over_black = rgb if alpha is Alpha.PREMULTIPLIED else rgb * cover / 255
            expected = opaque[..., :3] if kind is PixelFormat.RGBA8 else opaque[..., 2::-1]
            assert np.abs(over_black - expected).max() < 3
    assert (draw(judge.renderer, what, SIZE)[..., 3] == 255).all()  # a target that asks for none


def test_no_byte_outside_the_target_is_touched(judge):
    for size in [(1, 1), (7, 5), (63, 4), (65, 4), (321, 3)]:
        spec = TargetSpec(*size)
        block = np.full(spec.pixel_bytes + 512, 123, np.uint8)
        judge.renderer.render(scene(trail=0.3), [(spec, block[256:-256])])
        assert (block[:256] == 123).all()
        assert (block[-256:] == 123).all()


def test_nothing_is_left_of_the_frame_before(judge):
    spec = TargetSpec(99, 11)
    pixels = np.full(spec.pixel_bytes, 255, np.uint8)
    judge.renderer.render(scene(constant(0.0)), [(spec, pixels)])
    assert not pixels.reshape(11, 99, 4)[..., :3].any()


@pytest.mark.parametrize("size", [1e4, 1e6, 1e12])
def test_huge_weights_draw_something(judge, size):
    """What `library.checks` lets in (1e4) and what bending could reach: a picture with opaque alpha, no crash."""
    rng = np.random.default_rng(1)
    for name in ("3L_4D", "3L_8D"):
        network = glow(1, name)
        wild = network.with_flat(network.flat * np.float32(size) * rng.choice([-1, 1], network.flat.size))
        for what in (scene(wild), scene(wild, trail=0.5, grade=Grade(exposure=4.0), view=View(20.0, warp=1.0))):
            assert (draw(judge.renderer, what, SIZE)[..., 3] == 255).all()
    # A relu network may really reach infinity in float32; saturated is finite.
    shape = Shape(("x", "y"), (("relu",) * 4, ("identity",) * 4, ("abs",) * 4))
    wild = init_glow(shape, 1).with_flat(np.full(shape.parameters, size, np.float32))
    picture = draw(judge.renderer, scene(wild, grade=Grade(saturation=2.0)), SIZE)
    assert (picture[..., 3] == 255).all()


pixel_names = st.lists(st.sampled_from([n for n in PLACES if n != "theta"]), min_size=1, unique=True)
SHAPES = st.builds(
    lambda pixels, frames, layers: Shape((*pixels, *frames), layers),
    pixel_names,
    st.lists(st.sampled_from(FRAME_INPUTS), unique=True, max_size=4),
    st.lists(
        st.lists(st.sampled_from(sorted(ACTIVATIONS)), min_size=1, max_size=5).map(tuple), min_size=1, max_size=3
    ).map(tuple),
)
SCENES = st.builds(
    lambda shape, seed, time, view, grade, trail, master, dither, extent: Scene(
        (init_glow(shape, seed, extent, hidden_gain=1.5),), VALUES | {"time": time}, view=view, grade=grade,
        trail=trail, master=master, dither=dither,
    ),
    SHAPES, st.integers(0, 999), st.sampled_from([0.0, 33.3, HOURS]),
    st.builds(View, st.floats(0.3, 20), st.floats(-180, 180), st.floats(-1, 1), st.floats(-1, 1), st.integers(0, 3),
              st.integers(0, 24), st.booleans(), st.sampled_from([0.0, 0.2, 1.0]), st.floats(0.25, 8),
              st.floats(0, 99)),
    st.builds(Grade, st.floats(-2, 1), st.floats(0, 1.5), st.floats(0, 1.5), st.floats(0, 1), st.floats(0, 1),
              st.floats(0, 1)),
    st.sampled_from([0.0, 0.5]), st.floats(0, 1), st.booleans(), st.sampled_from([0.5, 1.0]),
)  # fmt: skip


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(what=SCENES, width=st.integers(1, 80), height=st.integers(1, 9), flip=st.booleans())
def test_anything(judge, what, width, height, flip):
    """Random networks in random views. Where a picture changes by many levels within a thousandth of a pixel, no two
    arithmetics can agree: such values are left out, measured on the reference itself."""
    spec = TargetSpec(width, height, flip=flip)
    judge.renderer.render(scene(), [(TargetSpec(1, 1), np.zeros(4, np.uint8))])  # examples share no history
    judge.reference.close()
    ours, truth = draw(judge.renderer, what, spec), draw(judge.reference, what, spec)
    error = np.abs(ours.astype(int) - truth.astype(int)).max(axis=-1)
    nudge = 1e-5
    rough = np.zeros(error.shape, bool)
    for dx, dy in ((nudge, 0.0), (-nudge, 0.0), (0.0, nudge), (0.0, -nudge)):
        moved = replace(what, view=replace(what.view, x=what.view.x + dx, y=what.view.y + dy), trail=0.0)
        still = replace(what, trail=0.0)
        rough |= np.abs(draw(judge.reference, moved, spec).astype(int) - draw(judge.reference, still, spec)).max(-1) > 1
    assert error[~rough].max(initial=0) <= 1
