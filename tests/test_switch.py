"""The backend is swapped while frames are drawn, and the CPU takes over from one that fails."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest

from drawing import draw, glow, scene
from morphogen import render
from morphogen.errors import RenderError, Unavailable, UsageError
from morphogen.field.network import preset
from morphogen.field.scene import program
from morphogen.render import SAFE, create
from morphogen.render.numpy import NumpyRenderer
from morphogen.render.switch import Switch, switch

SIZE = (40, 24)
WHERE = ("open", "prepare", "render", "close")


class Card(NumpyRenderer):
    """A graphics card that fails where it is told to, once `failing`."""

    name = "card"
    made: list[Card] = []  # noqa: RUF012

    def __init__(self, threads: int = 0, cache: Path | None = None) -> None:
        super().__init__(threads)
        self.fails: dict[str, Exception] = {}
        self.prepared: list = []
        self.closed = 0
        Card.made.append(self)

    def _maybe(self, where: str) -> None:
        if where in self.fails:
            raise self.fails[where]

    def prepare(self, program):
        self._maybe("prepare")
        self.prepared.append(program)
        return super().prepare(program)

    def has(self, program):
        return program in self.prepared

    def render(self, scene, targets):
        self._maybe("render")
        super().render(scene, targets)

    def describe(self):
        return {"backend": self.name, "device": "Card 3000"}

    def close(self):
        self.closed += 1
        self._maybe("close")
        super().close()


@pytest.fixture
def made(monkeypatch) -> list[Card]:
    monkeypatch.setitem(render.BACKENDS, "card", f"{__name__}:Card")
    monkeypatch.setattr(Card, "made", [])
    return Card.made


@pytest.fixture
def both(made):
    backends = switch("card", 1)
    yield backends
    backends.close()


def reference(what):
    return draw(NumpyRenderer(), what, SIZE)


@pytest.mark.parametrize("error", [RenderError("the driver says no.", "Update it."), MemoryError(), ValueError("odd")])
def test_a_card_that_cannot_draw_is_followed_by_the_cpu_in_the_same_frame(both, made, caplog, error):
    what = scene()
    assert np.array_equal(draw(both, what, SIZE), reference(what))
    made[0].fails["render"] = error
    for _ in range(3):
        assert np.abs(draw(both, what, SIZE).astype(int) - reference(what)).max() <= 1
    assert both.name == SAFE
    assert made[0].closed == 1
    told = [record.getMessage() for record in caplog.records]
    assert len(told) == 1
    assert "card gave up, cpu draws from here on" in told[0]
    assert both.describe()["fallback"].startswith("card: ")
    assert str(error) in told[0]


def test_a_shape_that_the_card_cannot_compile_is_drawn_by_the_cpu(both, made):
    first, other = scene(), scene(glow(5, "3L_8D"))
    draw(both, first, SIZE)
    made[0].fails["prepare"] = RenderError("the shader does not link.")
    both.prepare(other.program)
    assert both.has(other.program)
    assert both.name == "card"  # until the next frame: a context belongs to the render thread
    draw(both, other, SIZE)
    assert both.name == SAFE
    assert "does not link" in both.describe()["fallback"]


def test_what_the_cpu_cannot_do_either_is_an_error(both, made, monkeypatch):
    def no(*_):
        raise RenderError("nobody can.")

    made[0].fails["prepare"] = RenderError("not me.")
    monkeypatch.setattr(both._spare, "prepare", no)
    with pytest.raises(RenderError, match="nobody can"):
        both.prepare(program((preset("2L_4D"),)))
    assert both.name == "card"
    monkeypatch.undo()


def test_a_card_that_fails_to_close_harms_nobody(both, made):
    made[0].fails |= {"render": RenderError("gone"), "close": OSError("still gone")}
    draw(both, scene(), SIZE)
    assert both.name == SAFE
    made[0].fails.clear()


def test_the_cpu_stands_by_with_what_the_card_was_prepared_for(both):
    both.prepare(scene().program)
    both._aside.shutdown(wait=True)
    assert both._spare.has(scene().program)


def test_compiling_goes_on_quietly_while_all_is_closed(made):
    backends = switch("card", 1)
    backends.close()
    backends.prepare(scene().program)


def test_no_card_at_start_is_said_and_the_cpu_draws(caplog):
    def make(name):
        if name == "cuda":
            raise Unavailable("there is no driver.", "Install one.")
        return create(name, 1)

    backends = Switch("cuda", make)
    assert backends.name == SAFE
    assert "there is no driver. Install one." in caplog.text
    assert "there is no driver" in backends.describe()["fallback"]
    backends.close()


def test_a_backend_that_does_not_exist_is_refused():
    with pytest.raises(UsageError, match="there is no backend 'vulkan'"):
        switch("vulkan")


def test_changing_there_and_back_leaves_nothing_open(made):
    backends = switch(SAFE, 1)
    what, before = scene(), threading.active_count()
    for _ in range(50):
        for name in ("card", SAFE):
            backends.take(backends.change(name, [what.program]))
            assert backends.name == name
            assert np.abs(draw(backends, what, SIZE).astype(int) - reference(what)).max() <= 1
    assert [card.closed for card in made] == [1] * 50
    assert threading.active_count() <= before + 1
    backends.close()


def test_a_change_that_fails_changes_nothing(made, monkeypatch):
    backends = switch(SAFE, 1)
    monkeypatch.setattr(Card, "prepare", lambda *_: (_ for _ in ()).throw(RenderError("cannot compile.")))
    with pytest.raises(RenderError):
        backends.change("card", [scene().program])
    assert backends.name == SAFE
    assert made[0].closed == 1
    with pytest.raises(UsageError):
        backends.change("nothing", [])
    backends.close()
    backends.close()


def test_auto_takes_a_card_but_not_one_that_software_plays(made, monkeypatch):
    monkeypatch.setattr(render, "CARDS", ("card",))
    assert create("auto").name == "card"
    monkeypatch.setattr(Card, "describe", lambda self: {"software": True})
    renderer = create("auto", 1)
    assert renderer.name == SAFE
    assert made[-1].closed == 1
    renderer.close()
