"""`ctl learn` and `ctl controls`, against the real engine without a network."""

from __future__ import annotations

import threading

import pytest

from morphogen import cli, registry
from morphogen.controls.engine import Engine
from morphogen.controls.rules import make
from waiting import until

PROBLEM = {"file": "controls.toml", "line": 3, "message": "Bad.", "cure": "Mend it."}
KNOB = "midi/nanoKONTROL2/cc/1/16"


@pytest.fixture
def engine(monkeypatch, host):
    """`ctl` speaks to the real engine without a network."""
    engine = Engine(host.params, host.call, host.clock.now)
    methods = {
        "controls.list": lambda: {"rules": [{**rule.public(), "own": own} for rule, own in engine.rules()],
                                  "problems": [PROBLEM],
                                  "file": "controls.toml", "learning": engine.learning},
        "controls.set": lambda address, target, fields: put(engine, {**fields, "address": address, "target": target}),
        "controls.remove": lambda address, target: {"removed": engine.remove(address, target)},
        "controls.cancel": lambda: {"cancelled": engine.cancel()},
        "controls.learn": lambda target, seconds: engine.learn(target, seconds).result(10),
    }  # fmt: skip

    class Client:
        def __init__(self, *_):
            pass

        def call(self, method, **arguments):
            return methods[method](**arguments)

        def close(self):
            pass

    monkeypatch.setattr(registry, "resolve", lambda kind, name: Client)
    return engine


def put(engine, fields):
    rule = make(fields)
    engine.put(rule)
    return rule.public()


def run(capsys, *words):
    code = cli.run(("ctl", *words))
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_rules_are_listed_set_and_removed(engine, capsys):
    assert run(capsys, "controls", "set", KNOB, "view/zoom", "low=0.5", "mode=relative") == (
        0, f"{KNOB}  relative  view/zoom  (low 0.5)\n", "")  # fmt: skip
    code, out, _ = run(capsys, "controls")
    assert code == 0
    assert KNOB in out
    assert "controls.toml, line 3: Bad. Mend it." in out
    assert run(capsys, "controls", "remove", KNOB)[:2] == (0, "1 removed\n")
    code, _, err = run(capsys, "controls", "remove", KNOB)
    assert (code, "no rule of yours" in err) == (1, True)
    assert run(capsys, "controls", "cancel")[:2] == (0, "nothing was learnt\n")


@pytest.mark.parametrize("words", [("dance",), ("remove",), ("set", KNOB), ("list", "x"), ("cancel", "x")])
def test_what_controls_cannot_do_is_said_with_what_it_can(engine, capsys, words):
    code, _, err = run(capsys, "controls", *words)
    assert code == 2
    assert "remove ADDRESS" in err


def test_learning_waits_for_the_knob(engine, host, capsys):
    def hand():
        until(lambda: engine.learning)
        engine.feel(KNOB, 0.5)
        host.clock.advance(1.0)
        engine.tick(host.clock.now())

    thread = threading.Thread(target=hand)
    thread.start()
    code, out, _ = run(capsys, "learn", "view/zoom")
    thread.join()
    assert code == 0
    assert out == f"Move a knob or press a pad for view/zoom ...\n{KNOB}  absolute  view/zoom\n"


def test_a_slip_of_the_pen_is_answered_with_the_nearest(engine, capsys):
    code, _, err = run(capsys, "learn", "view/zomm")
    assert code == 2
    assert "Did you mean view/zoom?" in err
