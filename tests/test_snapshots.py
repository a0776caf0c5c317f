from __future__ import annotations

import json

import pytest

from morphogen.clock import ManualClock
from morphogen.errors import ParamError, StateError, UsageError
from morphogen.params.modulation import ModMatrix, Route
from morphogen.params.snapshots import SLOTS, Snapshots
from morphogen.params.store import ParamStore


class Desk:
    def __init__(self) -> None:
        self.clock = ManualClock()
        self.params = ParamStore(self.clock)
        self.modulation = ModMatrix()
        self.snapshots = Snapshots(self.params, self.modulation)


@pytest.fixture
def desk() -> Desk:
    desk = Desk()
    desk.params.snapshot(0.0)
    return desk


def test_store_and_recall_with_a_glide(desk: Desk) -> None:
    desk.params.set("drift/rate", 0.5)
    desk.params.set("view/mirror", "both")
    desk.modulation.set_routes([Route("lfo1", "view/x", 0.5)])
    desk.snapshots.store(1, "cosmic/galaxy")
    desk.params.set("drift/rate", 2.0)
    desk.params.set("view/mirror", "off")
    desk.modulation.set_routes([])
    desk.params.snapshot(0.0)
    kept = desk.snapshots.recall(1, 2.0)
    assert kept.style == "cosmic/galaxy"
    assert desk.params.snapshot(desk.clock.advance(1.0))["drift/rate"] == pytest.approx(1.0)
    assert desk.params.snapshot(desk.clock.advance(1.0))["drift/rate"] == 0.5
    assert desk.params.get("view/mirror") == "both"
    assert desk.modulation.routes()[0]["target"] == "view/x"


def test_recall_at_once_tells_listeners() -> None:
    heard: list[tuple[str, float, str]] = []
    params = ParamStore(ManualClock(), lambda *change: heard.append(change))
    snapshots = Snapshots(params, ModMatrix())
    params.set("view/zoom", 3.0)
    snapshots.store(64)
    params.set("view/zoom", 1.0)
    heard.clear()
    snapshots.recall(64)
    assert ("view/zoom", 3.0, "snapshot") in heard
    assert params.get("view/zoom") == 3.0


def test_blackout_and_freeze_are_left_to_the_hand(desk: Desk) -> None:
    desk.snapshots.store(1)
    desk.params.set("output/blackout", True)
    desk.params.set("output/freeze", True)
    desk.snapshots.recall(1)
    assert desk.params.get("output/blackout") is True
    assert desk.params.get("output/freeze") is True


def test_slots_that_do_not_exist_or_are_empty(desk: Desk) -> None:
    for slot in (0, -1, SLOTS + 1, 1.0, "1", True, None):
        for act in (desk.snapshots.store, desk.snapshots.recall, desk.snapshots.clear):
            with pytest.raises(UsageError, match=r"there is no snapshot '.*'\. Slots count from 1 to 64\."):
                act(slot)  # type: ignore[operator]
    with pytest.raises(StateError, match=r"nothing is stored in snapshot 3\. Stored: none"):
        desk.snapshots.recall(3)
    desk.snapshots.store(1)
    desk.snapshots.store(2)
    desk.snapshots.clear(1)
    with pytest.raises(StateError, match=r"Stored: 2\. Use snapshot\.store first"):
        desk.snapshots.recall(1)
    with pytest.raises(ParamError, match="a glide cannot last '-1' seconds"):
        desk.snapshots.recall(2, -1)


def test_what_is_kept_does_not_change_afterwards(desk: Desk) -> None:
    desk.snapshots.store(1)
    listed = desk.snapshots.list()
    listed["1"]["params"]["view/zoom"] = 9.0
    desk.params.set("view/zoom", 5.0)
    desk.snapshots.recall(1)
    assert desk.params.get("view/zoom") == 1.0


def test_saved_as_json_and_loaded_again(desk: Desk) -> None:
    desk.modulation.set_routes([Route("audio/bass", "view/zoom", 0.5, "square")])
    desk.params.set("view/zoom", 3.0)
    desk.snapshots.store(2, "a/b")
    desk.snapshots.store(10)
    saved = json.loads(json.dumps(desk.snapshots.list()))
    assert list(saved) == ["2", "10"]
    other = Desk()
    assert other.snapshots.load(saved) == {}
    assert other.snapshots.list() == desk.snapshots.list()
    other.snapshots.recall(2)
    assert other.params.get("view/zoom") == 3.0


def test_broken_slots_are_named_and_the_others_kept(desk: Desk) -> None:
    desk.snapshots.store(1)
    good = desk.snapshots.list()["1"]
    saved = {
        "1": {**good, "params": {**good["params"], "view/gone": 1.0, "audio/bass": 1.0}},
        "2": {**good, "params": {"view/zoom": None}},
        "3": {**good, "routes": [{"source": "x"}]},
        "4": {**good, "routes": 7},
        "5": "nothing",
        "6": {**good, "style": 1},
        "99": good,
        "x": good,
    }
    broken = desk.snapshots.load(saved)
    assert sorted(broken) == ["2", "3", "4", "5", "6", "99", "x"]
    assert "view/zoom cannot take" in broken["2"]
    assert "route 1: source cannot be 'x'" in broken["3"]
    assert "this is no snapshot" in broken["5"]
    assert "there is no snapshot '99'" in broken["99"]
    assert "view/gone" not in desk.snapshots.list()["1"]["params"]
