"""What the bank holds is compiled before anyone asks, then the cross-fades to both neighbours of the running style."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from morphogen import ahead
from morphogen.ahead import Ahead
from morphogen.errors import RenderError
from morphogen.field.scene import program
from morphogen.library.bank import Bank
from morphogen.library.find import Library
from waiting import until


class Renderer:
    def __init__(self) -> None:
        self.prepared: list = []
        self.gate = threading.Event()
        self.gate.set()
        self.fails = False
        self.entered = threading.Event()

    def prepare(self, program):
        self.entered.set()
        self.gate.wait(5)
        self.prepared.append(program)
        if self.fails:
            raise RenderError("cannot.")


@pytest.fixture
def renderer() -> Renderer:
    return Renderer()


@pytest.fixture
def library() -> Library:
    return Library()


@pytest.fixture
def worker(renderer, library, monkeypatch) -> Iterator[Ahead]:
    monkeypatch.setattr(ahead, "SETTLED", 0.0)
    worker = Ahead(library, Bank([*library.names(), "no/such"]), renderer.prepare)
    yield worker
    renderer.gate.set()
    worker.close()
    worker.close()
    assert not worker._thread.is_alive()


def alone(library: Library, *names: str) -> list:
    shapes = dict.fromkeys(library.find(name).shape for name in names)
    return [program((shape,)) for shape in shapes][: ahead.MOST]


def pairs(library: Library, name: str, *others: str) -> list:
    shape, found = library.find(name).shape, [library.find(other).shape for other in others]
    return [program((shape, other)) for other in found if other != shape]


def test_every_shape_once_the_nearest_slots_first_then_the_cross_fades_to_both_neighbours(worker, renderer, library):
    names = library.names()
    bank = [*names, "no/such"]
    ring = [bank[(3 + way * step) % len(bank)] for step in range(len(bank) // 2 + 1) for way in (1, -1)]
    assert ring[:6] == [names[3], names[3], names[4], names[2], names[5], names[1]]
    expected = alone(library, *(name for name in ring if name != "no/such"))
    assert len(names) > len(expected) > 2
    worker.start(names[3])
    expected += pairs(library, names[3], names[4], names[2])
    until(lambda: len(renderer.prepared) >= len(expected))
    assert renderer.prepared == expected


def test_after_a_change_the_new_neighbours(worker, renderer, library, monkeypatch):
    monkeypatch.setattr(ahead, "MOST", 0)
    names = library.names()
    worker.start("from/elsewhere")
    for name, others in ((names[5], (names[6], names[4])), (names[1], (names[2], names[0]))):
        renderer.prepared.clear()
        expected = pairs(library, name, *others)
        assert expected
        worker.turned(name)
        until(lambda wanted=expected: renderer.prepared == wanted)


def test_a_style_that_has_gone_again_is_not_prepared_for(worker, renderer, library, monkeypatch):
    monkeypatch.setattr(ahead, "MOST", 0)
    names = library.names()
    renderer.gate.clear()
    worker.start(names[5])  # its first cross-fade waits at the gate ...
    assert renderer.entered.wait(30)
    worker.turned(names[1])
    renderer.gate.set()
    expected = pairs(library, names[5], names[6], names[4])[:1] + pairs(library, names[1], names[2], names[0])
    until(lambda: len(renderer.prepared) >= len(expected))
    assert renderer.prepared == expected


def test_who_leafs_through_the_bank_wants_no_cross_fades_yet(worker, renderer, library, monkeypatch):
    monkeypatch.setattr(ahead, "MOST", 0)
    monkeypatch.setattr(ahead, "SETTLED", 0.5)
    names = library.names()
    worker.start(names[5])
    for name in names[6:9]:
        worker.turned(name)
    expected = pairs(library, names[8], names[9], names[7])
    until(lambda: len(renderer.prepared) >= len(expected))
    assert renderer.prepared == expected


def test_what_cannot_be_compiled_does_not_stop_the_others(worker, renderer, library):
    renderer.fails = True
    worker.start("from/elsewhere")
    until(lambda: len(renderer.prepared) == len(alone(library, *library.names())))


def test_it_stops_when_told(worker, renderer):
    renderer.gate.clear()
    worker.start("")
    worker._closing = True
    renderer.gate.set()
    worker.close()
    assert len(renderer.prepared) <= 1
