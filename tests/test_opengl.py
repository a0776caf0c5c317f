"""The OpenGL backend beside its pictures (those are `test_render_parity`'s): threads, programs, the way back, faults.

Runs on any driver; without one every test here is skipped with the reason. Faults are put into the driver's functions.
"""

from __future__ import annotations

import ctypes
import gc
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from drawing import PLACES, VALUES, apart, draw, glow, scene
from morphogen.errors import RenderError, Unavailable, UsageError
from morphogen.field.network import Network, Shape, init_glow, preset
from morphogen.field.scene import Grade, Scene, View, program
from morphogen.frame import Crop, PixelFormat, TargetSpec
from morphogen.render import create
from morphogen.render.numpy import NumpyRenderer
from morphogen.render.opengl import context as gl_context
from morphogen.render.opengl import device as gl_device
from morphogen.render.opengl import egl as gl_egl
from morphogen.render.opengl import glsl
from morphogen.render.opengl import renderer as opengl
from morphogen.render.opengl.calls import BrokenContext, Calls
from morphogen.render.opengl.program import chosen_functions
from morphogen.render.opengl.renderer import CACHED_PROGRAMS, KEPT_FRAMES, OpenGLRenderer
from morphogen.stats import resident_mb

SPEC = TargetSpec(33, 17)
GROWTH_MB = 8.0  # 200 openings; moderngl itself keeps 20 KB of extension names for each


@pytest.fixture
def renderer() -> Iterator[OpenGLRenderer]:
    made = opened()
    yield made
    made.close()


def opened() -> OpenGLRenderer:
    try:
        return OpenGLRenderer()
    except Unavailable as error:
        pytest.skip(f"no OpenGL here: {error}")


def small_shape(n: int) -> Shape:
    """Forty different shapes, quick to compile."""
    names = ("sin", "cos", "gaussian", "tanh", "abs")
    return Shape(("x", "y"), ((names[n % 5],) * (1 + n // 20), (names[n // 5 % 4],) * 2))


def moving(n: int, trail: float = 0.0) -> Scene:
    return scene(values=VALUES | {"time": n / 7}, trail=trail)


def aside(work):
    """The result of `work` on another thread."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(work).result(60)


# --- threads


def test_it_is_a_backend_by_name(renderer):
    made = create("opengl")
    assert type(made) is OpenGLRenderer
    assert np.array_equal(draw(made, scene()), draw(renderer, scene()))
    made.close()


def test_it_may_be_opened_on_one_thread_and_draw_on_others_in_turn():
    made = aside(opened)
    try:
        here = draw(made, scene())
        assert np.array_equal(aside(partial(draw, made, scene())), here)
        assert np.array_equal(draw(made, scene()), here)
    finally:
        aside(made.close)


def test_a_thread_that_has_the_context_keeps_others_out_with_a_reason(renderer):
    renderer.collect(renderer.submit(scene(), [SPEC]), [np.zeros(SPEC.pixel_bytes, np.uint8)])
    with pytest.raises(RenderError, match="another thread") as caught:
        aside(partial(draw, renderer, scene()))
    assert not getattr(caught.value, "lost", False)
    draw(renderer, scene())  # nothing was lost by that


def test_two_renderers_take_turns_on_one_thread(renderer):
    other = opened()
    try:
        for n in range(4):
            assert np.array_equal(draw(renderer, moving(n, 0.5)), draw(other, moving(n, 0.5)))
    finally:
        other.close()
    draw(renderer, scene())


def test_shapes_compile_aside_while_frames_are_drawn(renderer):
    """Right after being prepared on another thread each shape draws right; the running picture never changes."""
    assert renderer.describe()["compiles"] == "aside"
    expected, programs = draw(renderer, scene()), [program((small_shape(n),)) for n in range(12)]
    helper = threading.Thread(target=lambda: [renderer.prepare(p) for p in programs])
    helper.start()
    drawn = 0
    while helper.is_alive() or not drawn:
        assert np.array_equal(draw(renderer, scene()), expected)
        drawn += 1
    helper.join()
    reference = NumpyRenderer()
    for n, prepared in enumerate(programs):
        assert renderer.has(prepared)
        what = Scene((init_glow(small_shape(n), n),), VALUES)
        assert renderer._programs[prepared.shapes].name
        assert apart(draw(renderer, what), draw(reference, what)) <= 1


def test_many_threads_may_prepare_at_once(renderer):
    programs = [program((small_shape(n),)) for n in range(5)]
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda n: renderer.prepare(programs[n % 5]), range(30)))
    assert all(map(renderer.has, programs))
    draw(renderer, Scene((init_glow(small_shape(2), 1),), VALUES))


CACHE_SCRIPT = """
import sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from drawing import draw, scene
from morphogen.render.opengl.renderer import OpenGLRenderer
def kept():
    before = -1
    while before != (now := sum(p.stat().st_size for p in Path(sys.argv[2]).rglob("*") if p.is_file())):
        before = now
        time.sleep(0.3)
    return now
renderer = OpenGLRenderer()
renderer.prepare(scene().program)
prepared = kept()
for trail in (0.0, 0.5, 0.5):
    draw(renderer, scene(trail=trail), (70, 9))
print(renderer.describe()["adapter"], prepared, kept(), sep="|")
renderer.close()
"""


def test_a_prepared_shape_compiles_nothing_at_its_first_frame(renderer, tmp_path):
    """llvmpipe makes machine code at the first draw and keeps it on disk: nothing comes along after `prepare`."""
    env = os.environ | {"MESA_SHADER_CACHE_DIR": str(tmp_path), "MESA_SHADER_CACHE_DISABLE": "false"}
    script = [sys.executable, "-c", CACHE_SCRIPT, str(Path(__file__).parent), str(tmp_path)]
    done = subprocess.run(script, capture_output=True, text=True, check=True, timeout=120, env=env)
    adapter, prepared, drawn = done.stdout.strip().split("|")
    if "llvmpipe" not in adapter or not int(prepared):
        pytest.skip(f"{adapter} keeps its code elsewhere")
    assert prepared == drawn


@contextmanager
def glcontext_alone(patch: pytest.MonkeyPatch) -> Iterator[None]:
    """Contexts as on Windows and macOS: opened by glcontext. Its EGL cannot share, as CGL cannot."""
    glcontext = pytest.importorskip("glcontext")
    egl = gl_egl.library()
    display = gl_egl._display(gl_egl.devices()[0])

    def current():
        egl.eglBindAPI(0x30A2)
        return egl.eglGetCurrentContext()

    def pair():
        calls = (current, lambda: egl.eglMakeCurrent(display, None, None, None))
        return *gl_context.native_pair(glcontext.get_backend_by_name("egl"), *calls), 0, False

    patch.setattr(gl_context, "_open", pair)
    yield


def test_without_shared_contexts_the_first_frame_compiles(monkeypatch):
    opened().close()
    with glcontext_alone(monkeypatch):
        made = opened()
        try:
            assert made.describe()["compiles"] == "on the render thread"
            what = scene()
            aside(partial(made.prepare, what.program))
            assert made.has(what.program)
            assert not made._programs[what.program.shapes].name
            assert apart(draw(made, what), draw(NumpyRenderer(), what)) <= 1
            assert np.array_equal(aside(partial(draw, made, what)), draw(made, what))
        finally:
            made.close()


# --- programs


def test_new_weights_compile_nothing(renderer):
    for seed in range(5):
        draw(renderer, scene(glow(seed)))
    assert len(renderer._programs) == 1


def test_the_cache_is_bounded_and_programs_are_deleted(renderer, monkeypatch):
    monkeypatch.setattr(opengl, "CACHED_PROGRAMS", 4)
    assert CACHED_PROGRAMS >= 16
    names = []
    for n in range(8):
        what = Scene((init_glow(small_shape(n), 1),), VALUES)
        if n % 2:
            aside(partial(renderer.prepare, what.program))
        draw(renderer, what)
        names.append(renderer._programs[what.program.shapes].name)
    assert [renderer.has(program((small_shape(n),))) for n in range(8)] == [False] * 4 + [True] * 4
    draw(renderer, scene())
    with renderer._device.gpu.context as context:
        is_program = ctypes.CFUNCTYPE(ctypes.c_ubyte, ctypes.c_uint)(context.load_opengl_function("glIsProgram"))
        assert [bool(is_program(name)) for name in names] == [False] * 5 + [True] * 3


def test_a_shader_that_the_driver_refuses_is_told_with_its_words(renderer, monkeypatch):
    monkeypatch.setattr(glsl, "fragment", lambda *a: "#version 330 core\nvoid main() { nonsense = 1.0; }\n")
    for prepare in (partial(aside, partial(renderer.prepare, scene().program)), partial(draw, renderer, scene())):
        with pytest.raises(RenderError, match="could not compile") as caught:
            prepare()
        assert "nonsense" in str(caught.value)
        assert "--backend cpu" in caught.value.cure
        assert not getattr(caught.value, "lost", False)
    monkeypatch.undo()
    assert draw(renderer, scene())[..., 3].all()


def test_networks_beyond_the_drivers_room_are_refused(renderer, monkeypatch):
    monkeypatch.setattr(renderer._device.gpu, "max_block", 400)
    for prepare in (partial(renderer.prepare, scene().program), partial(draw, renderer, scene())):
        with pytest.raises(RenderError, match="400"):
            prepare()
    monkeypatch.undo()
    draw(renderer, scene())


def test_the_widest_networks_link(renderer):
    """Two of 16 units in 8 layers, 12,000 lines. (Drawing them is for cards: llvmpipe makes code for a minute.)"""
    shape = Shape(PLACES, (("abs",) * 16,) * 8)
    with renderer._device.gpu.context:
        assert renderer.prepare(program((shape, shape))).name


@pytest.mark.parametrize("functions", [glsl.NATIVE, glsl.EXACT], ids=["driver's functions", "polynomials"])
def test_either_kind_of_functions_draws_within_a_level(monkeypatch, functions):
    opened().close()
    monkeypatch.setattr(gl_device, "chosen_functions", lambda gpu: functions)
    made, reference = opened(), NumpyRenderer()
    try:
        for name in ("3L_4D", "3L_8D"):
            for view in (View(), View(1.5, 33.0, 0.2, -0.1, 3, 5, True, 0.6, 2.0, 7.7)):
                what = scene(glow(4, name), values=VALUES | {"time": 36_007.0}, view=view, grade=Grade(0.5, 1.2))
                assert apart(draw(made, what, (41, 24)), draw(reference, what, (41, 24))) <= 1
    finally:
        made.close()


def test_a_cards_own_functions_are_taken_when_they_are_exact(renderer, monkeypatch):
    gpu = renderer._device.gpu
    with gpu.context:
        monkeypatch.setattr(gpu, "is_software", False)
        assert chosen_functions(gpu) == glsl.NATIVE  # llvmpipe's are good: 2e-7
        monkeypatch.setitem(sys.modules, "moderngl", None)
        rough = "cos(6.2832 * r)"
        monkeypatch.setattr(glsl, "functions", lambda native, real=glsl.functions: real(native).replace(
            "cos(6.283185307179586 * r)", rough))  # fmt: skip
        assert chosen_functions(gpu) == {"exp2"}
        monkeypatch.setattr(gpu, "is_software", True)
        assert chosen_functions(gpu) == glsl.EXACT


# --- the way back


def test_frames_may_be_begun_before_others_are_collected(renderer):
    specs = [SPEC, TargetSpec(64, 36, PixelFormat.BGRA8, flip=True)]
    expected = [[draw(renderer, moving(n), spec).ravel() for spec in specs] for n in range(6)]
    tokens = []
    for n in range(6):
        tokens.append(renderer.submit(moving(n), specs))
        if n >= 2:
            outs = [np.zeros(spec.pixel_bytes, np.uint8) for spec in specs]
            renderer.collect(tokens[n - 2], outs)
            assert all(map(np.array_equal, outs, expected[n - 2]))
    for picture in renderer._device.pictures.values():
        assert len(picture._free) + len(picture._under_way) <= 3


def test_a_frame_collected_too_late_or_twice_is_an_error(renderer):
    out = np.zeros(SPEC.pixel_bytes, np.uint8)
    tokens = [renderer.submit(moving(n), [SPEC]) for n in range(4)]
    with pytest.raises(RenderError, match="too late or twice"):
        renderer.collect(tokens[0], [out])
    for n in (3, 1, 2):
        renderer.collect(tokens[n], [out])
        assert np.array_equal(out.reshape(17, 33, 4), draw(renderer, moving(n), SPEC))
    with pytest.raises(RenderError, match="too late or twice"):
        renderer.collect(tokens[3], [out])


def test_the_newest_picture_is_a_texture_for_who_shares_the_context(renderer):
    with pytest.raises(RenderError, match="no picture"):
        renderer.texture(SPEC)
    for spec in (SPEC, TargetSpec(20, 10, PixelFormat.BGRA8)):
        picture = draw(renderer, scene(), spec)
        shared = renderer._device.gpu.ctx.external_texture(
            renderer.texture(spec), (spec.width, spec.height), 4, 0, "f1"
        )
        assert shared.read() == picture.tobytes()
    assert renderer._device.gpu.context.is_current


SPECS = [
    TargetSpec(100, 61), TargetSpec(33, 70, PixelFormat.BGRA8, flip=True),
    TargetSpec(65, 40, crop=Crop(30, 20, 320, 180)), TargetSpec(32, 32), TargetSpec(1, 1),
]  # fmt: skip


def test_pictures_larger_than_a_texture_are_drawn_in_tiles(renderer, monkeypatch):
    monkeypatch.setattr(renderer._device.gpu, "max_side", 32)
    whole = opened()
    try:
        for n in range(4):
            for what in (moving(n), moving(n, 0.5)):
                for spec in SPECS:
                    assert np.array_equal(draw(renderer, what, spec), draw(whole, what, spec)), spec
        assert len(renderer._device.pictures[SPECS[0]].surfaces) == 8
        with pytest.raises(RenderError, match="32 pixels"):
            renderer.texture(SPECS[0])
    finally:
        whole.close()


def test_what_is_not_drawn_any_more_is_forgotten(renderer):
    for width in range(100, 300):
        draw(renderer, scene(trail=2.0), (width, 2))
    assert len(renderer._device.pictures) <= KEPT_FRAMES + 1
    for _ in range(2):
        draw(renderer, scene(), (64, 2))
    assert not any(surface._planes for p in renderer._device.pictures.values() for surface in p.surfaces)
    for _ in range(KEPT_FRAMES + 1):
        draw(renderer, scene(), (64, 2))
    assert list(renderer._device.pictures) == [TargetSpec(64, 2)]


# --- numbers that are none


def test_numbers_that_are_none_draw_something(renderer):
    """NaN and infinity in weights, time and sound: an opaque picture, no driver error, and the next frame is right."""
    good = draw(renderer, scene())
    network = glow()
    for bad in (np.nan, np.inf, -np.inf):
        weights = network.flat.copy()
        weights[::7] = bad
        with np.errstate(all="ignore"):
            broken = Network(network.shape, network.with_flat(np.zeros_like(weights)).tensors).with_flat(weights)
            for what in (
                scene(broken), scene(broken, trail=0.5, view=View(kaleidoscope=3, warp=1.0)),
                scene(values=VALUES | {"time": bad}), scene(master=bad), scene(grade=Grade(exposure=bad)),
            ):  # fmt: skip
                assert (draw(renderer, what)[..., 3] == 255).all()
        assert np.array_equal(draw(renderer, scene()), good)
    assert renderer._device.gpu.ctx.error == "GL_NO_ERROR"


# --- faults


def test_a_fault_of_the_driver_is_mended_within_the_frame(renderer):
    """Once: mapping, reading, drawing, waiting, the card's state. A new context draws the same frame."""
    expected = draw(renderer, moving(3))

    def fail_once(name, value):
        calls = renderer._device.gpu.calls
        real = getattr(calls, name)

        def failing(*arguments):
            setattr(calls, name, real)
            return value

        setattr(calls, name, failing)

    for name, value in (
        ("MapBufferRange", None), ("ClientWaitSync", 0x911D), ("ClientWaitSync", 0x911B), ("GetError", 0x0505),
        ("GetError", 0x0507), ("_reset_status", 0x8254),
    ):  # fmt: skip
        device = renderer._device
        fail_once(name, value)
        assert np.array_equal(draw(renderer, moving(3)), expected), name
        assert renderer._device is not device, name
        assert renderer.has(moving(3).program)


def test_a_context_that_is_lost_when_it_is_taken_is_opened_anew(renderer, monkeypatch):
    expected, device = draw(renderer, scene()), renderer._device
    if not isinstance(device.gpu.context, gl_egl.EglContext):
        pytest.skip("not EGL")
    egl = gl_egl.library()
    make_current = egl.eglMakeCurrent
    answers = [0]
    monkeypatch.setattr(egl, "eglMakeCurrent", lambda *a: answers.pop() if answers else make_current(*a))
    monkeypatch.setattr(egl, "eglGetError", lambda: 0x300E)
    assert np.array_equal(draw(renderer, scene()), expected)
    assert renderer._device is not device


def test_moderngl_refusing_is_a_fault_too(renderer, monkeypatch):
    import moderngl

    def refuse(*arguments, **more):
        raise moderngl.Error("cannot create texture")

    expected, device = draw(opened(), scene(), (50, 20)), renderer._device
    monkeypatch.setattr(device.gpu.ctx, "texture", refuse, raising=False)
    assert np.array_equal(draw(renderer, scene(), (50, 20)), expected)
    assert renderer._device is not device


@pytest.mark.parametrize(
    ("doing", "words"), [("drawing", "reset"), ("reading a picture back", "hand out")], ids=["draw", "readback"]
)
def test_a_fault_that_stays_is_told_as_lost(renderer, monkeypatch, doing, words):
    good = draw(renderer, scene())
    if doing == "drawing":
        real = Calls.check

        def check(self, what):
            if what == doing:
                raise BrokenContext(f"the graphics card was reset while {what}.")
            real(self, what)

        monkeypatch.setattr(Calls, "check", check)
    else:
        real_init = Calls.__init__

        def init(self, load):
            real_init(self, load)
            self.MapBufferRange = lambda *a: None

        monkeypatch.setattr(Calls, "__init__", init)
        monkeypatch.setattr(renderer._device.gpu.calls, "MapBufferRange", lambda *a: None)
    for _ in range(2):
        with pytest.raises(RenderError, match=words) as caught:
            draw(renderer, scene())
        assert caught.value.lost
    monkeypatch.undo()
    assert np.array_equal(draw(renderer, scene()), good)  # as soon as the driver is well again


def test_a_trail_starts_anew_in_a_new_context(renderer):
    for n in range(3):
        draw(renderer, moving(n, 0.5))
    renderer._device.gpu.calls._reset_status = lambda: 0x8253
    after = draw(renderer, moving(3, 0.5))
    assert np.array_equal(after, draw(renderer, moving(3)))


def test_a_frame_begun_in_a_broken_context_cannot_be_collected(renderer):
    out = np.zeros(SPEC.pixel_bytes, np.uint8)
    old = renderer.submit(scene(), [SPEC])
    token = renderer.submit(scene(), [SPEC])
    renderer._device.gpu.calls._reset_status = lambda: 0x8253
    for late in (token, old):
        with pytest.raises(BrokenContext):
            renderer.collect(late, [out])
    with pytest.raises(RenderError, match="opened anew"):
        renderer.texture(SPEC)
    assert renderer.prepare(scene().program).name == 0  # made while there is no context: the next frame links it
    assert np.array_equal(draw(renderer, scene()), draw(opened(), scene()))


def test_a_context_that_breaks_while_a_shape_compiles_aside_fails_no_one(renderer, monkeypatch):
    what = scene(glow(3, "2L_8D"))
    monkeypatch.setattr(renderer._device.gpu.calls, "_reset_status", lambda: 0x8253)
    aside(partial(renderer.prepare, what.program))
    assert apart(draw(renderer, what), draw(NumpyRenderer(), what)) <= 1


def test_errors_of_opengl_name_what_was_done(renderer):
    calls = renderer._device.gpu.calls
    with renderer._device.gpu.context:
        for code, word, cure in ((0x0505, "out of memory", "smaller"), (0x0502, "invalid operation", "cpu")):
            queue = [code, 0x0500, 0]
            real, calls.GetError = calls.GetError, lambda queue=queue: queue.pop(0)
            with pytest.raises(BrokenContext, match=f"{word} while testing") as caught:
                calls.check("testing")
            calls.GetError = real
            assert cure in caught.value.cure
            assert not queue


# --- opening


def no_egl(monkeypatch):
    gl_egl.library.cache_clear()
    monkeypatch.setattr(ctypes.util, "find_library", lambda name: None)

    def missing(path, *more):
        raise OSError(f"{path}: cannot open shared object file")

    monkeypatch.setattr(ctypes, "CDLL", missing)


def test_without_the_library_the_package_is_named(monkeypatch):
    no_egl(monkeypatch)
    with pytest.raises(Unavailable, match=r"libEGL\.so\.1: cannot open") as caught:
        OpenGLRenderer()
    assert "libegl1 libgl1-mesa-dri" in caught.value.cure
    gl_egl.library.cache_clear()


@pytest.fixture
def egl():
    opened().close()
    return gl_egl.library()


def test_without_a_device_the_driver_is_named(egl, monkeypatch):
    monkeypatch.setattr(egl, "eglQueryDevicesEXT", lambda *a: 0)
    with pytest.raises(Unavailable, match="no device") as caught:
        OpenGLRenderer()
    assert "driver" in caught.value.cure


@pytest.mark.parametrize("function", ["Initialize", "ChooseConfig", "CreateContext", "GetPlatformDisplayEXT"])
def test_a_driver_that_fails_to_open_is_unavailable(egl, monkeypatch, function):
    monkeypatch.setattr(egl, f"egl{function}", lambda *a: 0)
    with pytest.raises(Unavailable, match="device 0") as caught:
        OpenGLRenderer()
    assert "--backend cpu" in caught.value.cure


def test_a_driver_without_a_function_is_unavailable(monkeypatch):
    opened().close()
    real = gl_egl.EglContext.load_opengl_function
    monkeypatch.setattr(gl_egl.EglContext, "load_opengl_function",
                        lambda self, name: 0 if name == "glFenceSync" else real(self, name))  # fmt: skip
    with pytest.raises(Unavailable):
        OpenGLRenderer()


def test_a_driver_without_robust_contexts_will_do(egl, monkeypatch):
    real = egl.eglCreateContext

    def create_context(display, config, share, attributes):
        return 0 if 0x31BD in list(attributes) else real(display, config, share, attributes)

    monkeypatch.setattr(egl, "eglCreateContext", create_context)
    made = OpenGLRenderer()
    draw(made, scene())
    made.close()


@pytest.mark.parametrize("version", ["2.1", "3.1"])
def test_an_old_opengl_is_named(egl, version):
    code = "from morphogen.render.opengl.renderer import OpenGLRenderer as R\n"
    code += "try: R()\nexcept Exception as e: print(type(e).__name__, e)"
    env = os.environ | {"MESA_GL_VERSION_OVERRIDE": version}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60, env=env)
    if not done.stdout:
        pytest.skip("this driver cannot pretend to be an old one")
    assert done.stdout.startswith("Unavailable")
    assert f"OpenGL {version}" in done.stdout
    assert "3.3 is needed" in done.stdout


@pytest.mark.parametrize("wish", ["99", "-1", "nvidia", "1.0"])
def test_a_card_that_does_not_exist_is_the_users_to_mend(egl, monkeypatch, wish):
    monkeypatch.setenv("MORPHOGEN_GPU", wish)
    with pytest.raises(UsageError, match=f"MORPHOGEN_GPU={wish}") as caught:
        OpenGLRenderer()
    assert "Choose 0 to" in caught.value.cure


def test_a_card_is_chosen_by_its_number_else_real_ones_first(monkeypatch):
    cards = [gl_egl.Device(0, 1, True), gl_egl.Device(1, 2, False), gl_egl.Device(2, 3, False)]
    monkeypatch.delenv("MORPHOGEN_GPU", raising=False)
    assert [card.index for card in gl_context._candidates(cards)] == [1, 2, 0]
    monkeypatch.setenv("MORPHOGEN_GPU", "2")
    assert [card.index for card in gl_context._candidates(cards)] == [2]


def test_the_next_card_is_tried_when_one_fails(egl, monkeypatch):
    good = gl_egl.devices()[0]
    monkeypatch.setattr(
        gl_egl, "devices", lambda: [gl_egl.Device(0, 12345, False), gl_egl.Device(1, good.handle, True)]
    )
    real = egl.eglGetPlatformDisplayEXT
    monkeypatch.setattr(egl, "eglGetPlatformDisplayEXT", lambda p, d, a: None if d == 12345 else real(p, d, a))
    made = OpenGLRenderer()
    assert made.describe()["device"] == 1
    made.close()


def test_it_says_what_it_draws_with(renderer):
    said = renderer.describe()
    assert said["backend"] == renderer.name == "opengl"
    assert said["adapter"]
    assert said["vendor"]
    assert said["driver"]
    assert tuple(map(int, said["opengl"].split(".")[:2])) >= (3, 3)
    assert said["software"] == renderer.is_software == (renderer.is_software or "llvmpipe" in said["adapter"])
    assert said["functions"] in ("native", "polynomials", "mixed")


# --- the end


def test_closing_is_final_and_may_be_repeated(renderer):
    draw(renderer, scene())
    renderer.close()
    renderer.close()
    for ask in (partial(draw, renderer, scene()), partial(renderer.texture, SPEC)):
        with pytest.raises(RenderError):
            ask()
    assert not renderer.has(scene().program)


def test_closing_while_shapes_compile_disturbs_no_one(renderer):
    helper = threading.Thread(target=lambda: [renderer.prepare(program((small_shape(n),))) for n in range(6)])
    helper.start()
    draw(renderer, scene())
    renderer.close()
    helper.join(60)
    assert not helper.is_alive()


def moderngl_objects() -> int:
    gc.collect()
    return sum(str(type(thing)).startswith(("<class 'moderngl", "<class 'mgl")) for thing in gc.get_objects())


def test_200_lives_leave_nothing_behind():
    opened().close()
    objects, grown = moderngl_objects(), []
    for n in range(200):
        made = OpenGLRenderer()
        draw(made, scene(trail=0.5 * (n % 2)), (160, 90))
        aside(partial(made.prepare, program((preset("2L_4D"),))))
        made.close()
        if n in (49, 199):
            grown.append(resident_mb())
    del made
    assert moderngl_objects() <= objects
    assert grown[1] - grown[0] < GROWTH_MB, grown
