"""Programs of a running show are written by another process; whatever happens to it, they are written."""

from __future__ import annotations

import os
import threading
import time

import numpy as np
import pytest

from drawing import draw, scene
from morphogen.app import App
from morphogen.config import build
from morphogen.errors import RenderError
from morphogen.field.network import Shape
from morphogen.render import scribe
from morphogen.render.cpu.kernel import SceneKernel
from morphogen.render.cpu.renderer import CpuRenderer
from morphogen.render.cuda import kernels
from morphogen.render.scribe import employed, written

WHERE = "str(__import__('os').getpid())"


def gone(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    return False


def test_without_a_show_it_is_written_here():
    assert written(eval, WHERE) == str(os.getpid())


def test_a_show_has_it_written_elsewhere_by_one_process_that_ends_with_it():
    with employed():
        there = written(eval, WHERE)
        assert there not in ("", str(os.getpid()))
        assert written(eval, WHERE) == there
    assert gone(there)
    assert written(eval, WHERE) == str(os.getpid())


def test_who_asks_for_nothing_starts_nothing():
    with employed() as writer:
        pass
    assert writer._process is None


def test_its_errors_arrive_with_their_cures():
    wide = Shape(("x", "y"), (("sin",) * 40,))
    with employed(), pytest.raises(RenderError, match="too wide for the CUDA backend") as caught:
        written(kernels._text, (wide,))
    assert "--backend cpu" in caught.value.cure
    with employed(), pytest.raises(RenderError, match=r"could not be written: ValueError: invalid literal"):
        written(int, "one")


def test_it_is_killed_and_the_show_goes_on(caplog):
    with employed():
        there = written(eval, WHERE)
        os.kill(int(there), 9)
        while not gone(there) and scribe._employed._process.poll() is None:
            time.sleep(0.01)
        assert written(eval, WHERE) == str(os.getpid())
    assert "written in this process from now on" in caplog.text


def test_the_show_ends_while_something_is_written(caplog):
    asked = threading.Event()
    ends: list = []

    def ask(writer) -> None:
        asked.set()
        try:
            writer.write(eval, "__import__('time').sleep(60)")
        except RenderError as error:
            ends.append(str(error))

    with employed() as writer:
        writer.write(eval, WHERE)
        thread = threading.Thread(target=ask, args=(writer,))
        thread.start()
        asked.wait(10)
        time.sleep(0.2)
    thread.join(10)
    assert ends == ["the show ends; nothing is compiled any more."]
    assert not caplog.text


def test_it_cannot_be_started(monkeypatch, caplog):
    monkeypatch.setattr(scribe, "COMMAND", ("/nowhere/python",))
    with employed():
        assert written(eval, WHERE) == str(os.getpid())
        assert written(eval, WHERE) == str(os.getpid())
    assert caplog.text.count("from now on") == 1


def test_a_picture_by_its_text_is_the_same(monkeypatch):
    here = CpuRenderer(1)
    picture = draw(here, scene(), (40, 24))
    here.close()
    monkeypatch.setattr(SceneKernel, "build", lambda self: pytest.fail("written here"))
    with employed():
        there = CpuRenderer(1)
        assert np.array_equal(draw(there, scene(), (40, 24)), picture)
        there.close()


def test_the_daemon_has_one_while_it_plays(port_base, tmp_path, monkeypatch):
    monkeypatch.setenv("MORPHOGEN_HOME", str(tmp_path))
    app = App(build({"size": "64x36", "audio": "none", "port_base": str(port_base), "backend": "cpu"}))
    app.open()
    seen = []
    app.instrument.loop.post(lambda: seen.append(scribe._employed))
    app.run(0.2)
    app.close()
    assert isinstance(seen[0], scribe.Scribe)
    assert scribe._employed is None
