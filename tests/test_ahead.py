"""What the bank holds is compiled before anyone asks."""

from __future__ import annotations

import threading

import pytest

from morphogen import ahead
from morphogen.ahead import Ahead
from morphogen.errors import RenderError
from morphogen.field.scene import program
from morphogen.library.find import Library


class Renderer:
    def __init__(self) -> None:
        self.prepared: list = []
        self.gate = threading.Event()
        self.gate.set()
        self.fails = False

    def prepare(self, program):
        self.gate.wait(5)
        self.prepared.append(program)
        if self.fails:
            raise RenderError("cannot.")


@pytest.fixture
def renderer() -> Renderer:
    return Renderer()


def shapes(library: Library, names) -> list:
    return list(dict.fromkeys(library.find(name).shape for name in names))


def test_every_shape_once_in_the_order_of_the_bank(renderer):
    library = Library()
    names = library.names()
    assert len(names) > len(shapes(library, names)) > 2
    worker = Ahead(library, renderer)
    worker.start([*names, "no/such"])
    worker._thread.join(10)
    assert renderer.prepared == [program((shape,)) for shape in shapes(library, names)][: ahead.MOST]
    worker.close()


def test_it_stops_when_told(renderer):
    renderer.gate.clear()
    worker = Ahead(Library(), renderer)
    worker.start(Library().names())
    worker._closing.set()
    renderer.gate.set()
    worker.close()
    worker.close()
    assert not worker._thread.is_alive()
    assert len(renderer.prepared) <= 1


def test_what_cannot_be_compiled_does_not_stop_the_others(renderer, monkeypatch):
    monkeypatch.setattr(ahead, "MOST", 3)
    renderer.fails = True
    worker = Ahead(Library(), renderer)
    worker.start(Library().names())
    worker._thread.join(10)
    assert len(renderer.prepared) == 3
    worker.close()
