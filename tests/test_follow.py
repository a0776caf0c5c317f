"""A leader and its followers in one process, frame by frame on a clock that only the test moves."""

from __future__ import annotations

import logging
import threading
from itertools import pairwise

import numpy as np
import pytest

from drawing import apart, draw, glow, scene
from morphogen import inbox
from morphogen import wall as wall_of
from morphogen.clock import ManualClock
from morphogen.config import build
from morphogen.contracts import Sink
from morphogen.errors import ParamError, RenderError, StateError
from morphogen.field.network import preset
from morphogen.field.scene import program
from morphogen.follow import MOVED, READING, Follower
from morphogen.frame import Crop, PixelFormat, TargetSpec
from morphogen.inbox import Inbox
from morphogen.instrument import Instrument
from morphogen.library.find import Library
from morphogen.library.style import Style, save_style
from morphogen.methods import METHODS
from morphogen.region import Region
from morphogen.relay import QUEUE, Relay
from morphogen.render import create
from morphogen.scene_wire import Encoder, Shot
from morphogen_bridges.zmq_common import pack, unpack
from waiting import until

SIZE = (80, 45)
TILES = [Region(0, 0, 33, 45, *SIZE), Region(33, 0, 47, 20, *SIZE), Region(33, 20, 47, 25, *SIZE)]
STEP = 1 / 60
LEADER = ("192.168.0.10", 8727)


class Taker(Sink):
    """Keeps a copy of each frame, while it is watched."""

    kind = "taker"
    policy = "every"
    thread = "render"
    formats = (PixelFormat.RGBA8,)
    looking = True

    def watched(self) -> bool:
        return self.looking

    def _open(self, host) -> None:
        self.pictures: list[tuple[int, int, np.ndarray]] = []

    def _write(self, frame) -> None:
        self.pictures.append((frame.info.index, frame.info.generation, frame.pixels.copy()))

    def _close(self) -> None:
        pass


class Held:
    """A renderer whose compiling waits for `gate`, and fails for the shapes in `bad`."""

    def __init__(self, real) -> None:
        self.real = real
        self.gate = threading.Event()
        self.gate.set()
        self.bad: set = set()
        self.name = "cpu"

    def prepare(self, wanted):
        assert self.gate.wait(20)
        if wanted.shapes in self.bad:
            raise RenderError("LLVM does not like it.", "Take another style.")
        return self.real.prepare(wanted)

    def __getattr__(self, name):
        return getattr(self.real, name)


@pytest.fixture(scope="module")
def library(tmp_path_factory) -> Library:
    folder = tmp_path_factory.mktemp("styles")
    for name, seed, kind in (("a", 1, "3L_4D"), ("b", 2, "3L_4D"), ("wide", 3, "2L_8D"), ("deep", 4, "3L_6D")):
        save_style(Style(glow(seed, kind), f"show/{name}"), folder / "show" / f"{name}.safetensors")
    return Library(user_dir=folder)


def cpu(library: Library):
    """What one compiled, all others find beside the styles."""
    return create("cpu", 1, library.user_dir / "compiled")


class Wall:
    """One leader, its followers, and the wire between them without sockets."""

    def __init__(self, library: Library, tiles=TILES) -> None:
        self.library, self.clock = library, ManualClock()
        self.parts: list[tuple[Instrument, Taker]] = []
        self.leader = Instrument(self.clock, library, library.find("show/a"), cpu(library), SIZE)
        self.taker = self._taker(self.leader)
        self.followers = [self.follower(tile) for tile in tiles]
        self.leader.relay.watch(lambda: None)

    def _taker(self, instrument: Instrument) -> Taker:
        taker = Taker()
        instrument.publisher.add(taker)
        self.parts.append((instrument, taker))
        return taker

    def follower(self, tile: Region | None, renderer=None) -> tuple[Follower, Taker]:
        style = self.library.find("show/a")
        size = tile.size if tile else SIZE
        follower = Follower(self.clock, self.library, style, renderer or cpu(self.library), size, LEADER)
        follower.publisher.region = tile
        follower.renderer.prepare(program((style.shape,)))
        return follower, self._taker(follower)

    def send(self, to=None) -> None:
        """What the leader has to say, to all followers or to some."""
        while (message := self.leader.relay.take()) is not None:
            topic, data = message
            for follower, _ in self.followers if to is None else to:
                assert not follower.inbox.put(topic, unpack(pack(data), max_depth=8))

    def frame(self, follow: bool = True) -> None:
        self.clock.advance(STEP)
        self.leader.loop.frame(self.clock.now(), STEP)
        self.send()
        if follow:
            for follower, _ in self.followers:
                self.draw(follower)

    def draw(self, follower: Follower) -> None:
        follower.loop.frame(self.clock.now(), STEP)

    def catch_up(self) -> None:
        """Draw what waits; where a program is still being compiled, wait for it."""
        for follower, _ in self.followers:
            until(lambda f=follower: not f.inbox.stats()["behind"] or self.draw(f), "catching up")

    def load(self, name: str, **more) -> None:
        """Ask for a style, and play until it is there."""
        future = self.leader.call("style.load", {"name": name, **more})
        for _ in range(600):
            self.frame()
            if future.done():
                future.result()
                return
            threading.Event().wait(0.005)
        raise AssertionError(f"{name} never came")

    def stitched(self, n: int) -> np.ndarray:
        whole = np.zeros((SIZE[1], SIZE[0], 4), np.uint8)
        for follower, taker in self.followers:
            tile = follower.publisher.region
            whole[tile.y : tile.y + tile.height, tile.x : tile.x + tile.width] = taker.pictures[n][2]
        return whole

    def compare(self) -> int:
        """All frames so far; the number of them."""
        for n, (index, generation, picture) in enumerate(self.taker.pictures):
            for _, taker in self.followers:
                assert taker.pictures[n][:2] == (index, generation)
            assert np.array_equal(self.stitched(n), picture), f"frame {index}"
        return len(self.taker.pictures)

    def close(self) -> None:
        for instrument, _ in self.parts:
            instrument.close()


@pytest.fixture
def wall(library):
    wall = Wall(library)
    yield wall
    wall.close()


# --- the picture


def test_stitched_tiles_are_the_leaders_picture(wall, monkeypatch):
    """Parameters, styles, a cross-fade, a morph, freeze, blackout, a bent weight: byte for byte, with its indices."""
    monkeypatch.setattr(inbox, "QUEUE", 1000)  # a machine that compiles slowly shall lose nothing here
    leader = wall.leader
    leader.matrix.set_routes([{"source": "lfo1", "target": "view/zoom", "amount": 0.4}])
    leader.params.set("view/rotate", 200)
    leader.params.set("drift/amount", 0.5)
    leader.call("style.weight", {"index": 20, "value": 3.5}).result(5)
    for n in range(90):
        if n == 20:
            leader.params.set("color/hue", 0.4)
            leader.params.set("view/kaleidoscope", 5)
        if n == 45:
            leader.params.set("output/freeze", True)
        if n == 55:
            leader.params.set("output/freeze", False)
        if n in (60, 65):
            leader.params.set("output/blackout", n == 60)
        wall.frame()
    for name, seconds in (("show/b", 0.3), ("show/wide", 0.4), ("show/deep", 0.0)):
        wall.load(name, seconds=seconds)
        for _ in range(30):
            wall.frame()
            wall.catch_up()  # where compiling came late
    assert wall.compare() > 150
    assert len({generation for _, generation, _ in wall.taker.pictures}) == 4
    assert len({picture.tobytes() for *_, picture in wall.taker.pictures}) > 100, "it moves"
    for follower, _ in wall.followers:
        assert follower.loop.stats.errors == 0
        counts = follower.inbox.stats()
        assert (counts["gaps"], counts["dropped"], counts["stale"]) == (0, 0, 0)


def test_a_mirror_shows_the_whole(library):
    wall = Wall(library, [None])
    for _ in range(5):
        wall.frame()
    assert [p.tobytes() for *_, p in wall.followers[0][1].pictures] == [p.tobytes() for *_, p in wall.taker.pictures]
    wall.close()


def test_a_late_joiner_begins_with_the_next_scene_and_an_empty_trail(wall):
    wall.leader.params.set("time/trail", 2.0)
    wall.leader.params.set("view/rotate", 180)
    for _ in range(30):
        wall.frame()
    late, taker = wall.follower(TILES[0])
    wall.followers.append((late, taker))
    for _ in range(3):
        wall.frame()
    assert [index for index, *_ in taker.pictures] == [30, 31, 32]
    assert late.inbox.stats()["gaps"] == 0
    early = wall.followers[0][1].pictures[30][2]
    assert apart(taker.pictures[0][2], early) > 8, "the others remember more"
    whole = cpu(wall.library)
    spec = TargetSpec(33, 45, crop=Crop(0, 0, *SIZE))
    wall.leader.params.set("time/trail", 0.0)
    for _ in range(120):
        wall.frame()
    assert np.array_equal(taker.pictures[-1][2], draw(whole, wall.leader._scene, spec))
    assert np.array_equal(taker.pictures[-1][2], wall.followers[0][1].pictures[-1][2])
    whole.close()


# --- shapes that are not compiled


def test_a_new_shape_leaves_the_last_picture_up_and_blocks_nothing(wall):
    held = Held(cpu(wall.library))
    slow, taker = wall.follower(TILES[0], held)
    wall.followers.append((slow, taker))
    wall.frame()
    held.gate.clear()
    wall.load("show/wide", seconds=0)
    for _ in range(20):
        wall.frame()
    shown = len(taker.pictures)
    assert taker.pictures[-1][1] == 0, "still the style before"
    assert slow.inbox.stats()["behind"] == inbox.QUEUE
    held.gate.set()
    wall.catch_up()
    assert len(taker.pictures) == shown + inbox.QUEUE
    indices = [index for index, *_ in taker.pictures]
    assert indices == sorted(set(indices))
    assert indices[-1] == wall.taker.pictures[-1][0]
    assert np.array_equal(taker.pictures[-1][2], wall.followers[0][1].pictures[-1][2])
    assert slow.inbox.stats()["dropped"] > 0
    assert slow.loop.stats.errors == 0


def test_what_the_leader_will_draw_is_compiled_ahead(wall):
    """The leader tells as soon as it compiles, before the first scene with it."""
    wide = program((preset("2L_8D"),))
    follower = wall.followers[0][0]
    assert not follower.renderer.has(wide)
    wall.leader.prepare(wide)
    wall.send()
    until(lambda: (wall.draw(follower), follower.renderer.has(wide))[1], "compiling ahead")
    assert follower.inbox.stats()["scenes"] == 0


def test_a_shape_that_cannot_be_compiled_is_an_error_and_no_end(wall, caplog):
    held = Held(cpu(wall.library))
    follower, taker = wall.follower(TILES[0], held)
    held.bad.add((preset("2L_8D"),))
    wall.followers.append((follower, taker))
    wall.frame()
    wall.load("show/wide", seconds=0)
    until(lambda: (wall.frame(), follower.loop.stats.errors > 2)[1], "errors")
    assert "LLVM does not like it" in caplog.text
    assert {generation for _, generation, _ in taker.pictures} == {0}
    wall.load("show/b", seconds=0)
    until(lambda: (wall.frame(), taker.pictures[-1][1] == 2)[1], "the next style")
    wall.catch_up()
    assert np.array_equal(taker.pictures[-1][2], wall.followers[0][1].pictures[-1][2])


# --- what comes, and what does not


def shots(count: int, start: int = 0, **more) -> list[Shot]:
    return [Shot(scene(dt=0.25, **more), start + n, 1, 0, "show/a", SIZE) for n in range(count)]


def fill(box: Inbox, these: list[Shot], run: int = 1) -> None:
    encoder = Encoder(run)
    for shot in these:
        assert not box.put("scene", unpack(pack(encoder.shot(shot)), max_depth=8))


def drain(box: Inbox) -> list[Shot]:
    found = []
    while (shot := box.take(lambda _: True)) is not None:
        found.append(shot)
    return found


def test_a_follower_too_slow_is_never_further_behind_than_the_queue():
    box = Inbox(ManualClock())
    fill(box, shots(20))
    assert box.stats() | {"behind": inbox.QUEUE, "dropped": 12, "scenes": 20, "gaps": 0} == box.stats()
    kept = drain(box)
    assert [shot.index for shot in kept] == list(range(12, 20))
    assert kept[0].scene.dt == 0.25 * 13, "a trail fades by what was left out, too"
    assert [shot.scene.dt for shot in kept[1:]] == [0.25] * 7


def test_gaps_restarts_and_what_comes_late_are_counted():
    box = Inbox(ManualClock())
    for these, run, counts in (
        (shots(2, 10), 1, (0, 0, 0)),  # a late joiner has missed nothing
        (shots(2, 15), 1, (3, 0, 0)),
        (shots(1, 16), 1, (3, 0, 0)),  # the leader could not draw this one and tries again
        (shots(1, 12), 1, (3, 1, 0)),
        (shots(2, 0), 2, (3, 1, 1)),  # a new run begins anew
        (shots(1, 5), 2, (6, 1, 1)),
    ):
        fill(box, these, run)
        got = box.stats()
        assert (got["gaps"], got["stale"], got["restarts"]) == counts
    assert [shot.index for shot in drain(box)] == [10, 11, 15, 16, 16, 0, 1, 5]


def test_what_is_no_scene_is_refused_with_a_hint():
    box = Inbox(ManualClock())
    with pytest.raises(ValueError, match=r"'state' is no scene: is this the port"):
        box.put("state", {})
    for broken in (None, {}, {"v": 1}, []):
        for topic in ("scene", "program"):
            with pytest.raises(ValueError):
                box.put(topic, broken)
    assert box.state(0.0) == "waiting"


def test_the_leader_is_waited_for_followed_lost_and_found(caplog):
    clock = ManualClock()
    box = Inbox(clock, "tcp://stage:8717")
    said = []
    with caplog.at_level(logging.INFO, "morphogen.follow"):
        for run, silence in ((0, 5.0), (1, 1.0), (1, 3.25), (1, 9.0), (2, 0.5), (2, 4.0)):
            if run and silence < 2:
                fill(box, shots(1), run)
            clock.advance(silence)
            for _ in range(3):
                box.report(clock.now())
            said.append(box.state(clock.now()))
    assert said == ["waiting", "following", "lost since 4.2 s", "lost since 13.2 s", "following", "lost since 4.5 s"]
    lines = [(r.levelname, r.getMessage()) for r in caplog.records if r.name == "morphogen.follow"]
    assert [level for level, _ in lines] == ["INFO", "WARNING", "INFO", "WARNING"]
    assert "is there" in lines[0][1]
    assert "the last picture stays up" in lines[1][1]
    assert "is back" in lines[2][1]
    assert all("tcp://stage:8717" in line for _, line in lines)


def test_a_lost_leader_is_told_and_a_new_one_taken_on(wall, library):
    events: list = []
    follower, taker = wall.followers[0]
    follower.subscribe(lambda topic, data: events.append((topic, data)))
    for _ in range(10):
        wall.frame()
    kept = taker.pictures[-1][2]
    for _ in range(40):
        wall.clock.advance(0.1)
        wall.draw(follower)
    assert len(taker.pictures) == 10, "the last picture stays up, and is not sent again"
    assert follower.stats()["leader"] == "lost since 4.0 s"
    states = [data["leader"] for topic, data in events if topic == "state"]
    assert states[0] == "following"
    assert states[-1].startswith("lost since ")
    second = Wall(library, [])
    second.followers, second.clock = wall.followers, wall.clock
    second.leader.params.set("color/hue", 0.5)
    for _ in range(60):
        second.frame()
    second.close()
    assert [index for index, *_ in taker.pictures[10:]] == list(range(60))
    assert not np.array_equal(taker.pictures[-1][2], kept)
    following = follower.stats()["following"]
    assert (follower.stats()["leader"], following["restarts"], following["gaps"]) == ("following", 1, 0)


def test_who_begins_to_watch_while_nothing_comes_gets_the_last_picture_once(wall):
    follower, taker = wall.followers[0]
    asleep = Taker()
    asleep.looking = False
    follower.publisher.add(asleep)
    for _ in range(5):
        wall.frame()
    for watching in (False, True, False, True):
        asleep.looking = watching
        for _ in range(4):
            wall.clock.advance(0.5)
            wall.draw(follower)
    assert [index for index, *_ in asleep.pictures] == [4, 4]
    assert all(np.array_equal(picture, taker.pictures[4][2]) for *_, picture in asleep.pictures)
    wall.frame()
    assert asleep.pictures[-1][0] == taker.pictures[-1][0] == 5


# --- what people ask of a follower


def test_what_moves_the_picture_is_refused_with_the_leaders_address(wall):
    follower = wall.followers[0][0]
    for method in METHODS:
        group, _, verb = method.name.partition(".")
        if group in MOVED and verb not in READING:
            arguments = {a.name: {"str": "x", "int": 1, "float": 0.5, "bytes": b"", "list": []}.get(a.kind)
                         for a in method.args}  # fmt: skip
            with pytest.raises(StateError) as caught:
                follower.call(method.name, arguments).result(5)
            assert "this Morphogen follows" in caught.value.message
            assert "--host 192.168.0.10 --port-base 8720" in caught.value.cure
    for put in (follower.params.set, follower.params.set_normalised):
        with pytest.raises(ParamError, match="view/zoom is the leader's") as caught:
            put("view/zoom", 0.5)
        assert "--port-base 8720" in caught.value.cure
    assert follower.params.get("view/zoom") == 1.0


def test_what_only_reads_is_answered(wall):
    follower = wall.followers[0][0]
    assert follower.call("ping").result(5)["pong"]
    assert follower.call("style.current").result(5)["name"] == ""
    assert len(follower.call("param.list").result(5)) > 20
    assert {style["name"] for style in follower.call("style.list").result(5)} >= {"show/a", "show/b"}
    assert follower.call("output.list").result(5)[0]["kind"] == "taker"
    wall.load("show/b", seconds=0)
    current = follower.call("style.current").result(5)
    assert (current["name"], current["title"], current["generation"]) == ("show/b", "B", 1)
    assert current["weights"] == [float(w) for w in wall.library.find("show/b").network.flat]
    assert follower.stats()["style"] == follower.state()["style"] == "show/b"


def test_a_style_event_for_each_style_of_the_leader(wall):
    events: list = []
    wall.followers[0][0].subscribe(lambda topic, data: topic == "style" and events.append(data))
    for name in ("show/b", "show/a"):
        wall.load(name, seconds=0)
        for _ in range(5):
            wall.frame()
    told = [(e["name"], e["generation"]) for e in events]
    assert told[-2:] == [("show/b", 1), ("show/a", 2)]
    assert told[:-2] in ([], [("show/a", 0)])  # the first may have been told before anyone listened


@pytest.mark.parametrize(
    ("canvas", "warned"), [(SIZE, False), ((1600, 900), False), ((45, 80), True), ((90, 45), True)]
)
def test_a_canvas_of_another_aspect_is_said_once(library, caplog, canvas, warned):
    wall = Wall(library, [Region(0, 0, 20, 20, *canvas)])
    for _ in range(5):
        wall.frame()
    wall.close()
    lines = [r.getMessage() for r in caplog.records if "does not fit at the seams" in r.getMessage()]
    assert len(lines) == warned
    assert not lines or f"80x45, this one {canvas[0]}x{canvas[1]}" in lines[0]


# --- the daemon


def test_a_follower_without_a_leader_waits_and_ends_in_time(port_base, tmp_path, monkeypatch):
    monkeypatch.setenv("MORPHOGEN_HOME", str(tmp_path))
    given = {"follow": f"127.0.0.1:{port_base + 107}", "region": "0,0,16,9@32x9", "port_base": str(port_base),
             "backend": "numpy", "seconds": "0.5", "outs": ["null"]}  # fmt: skip
    before, said = set(threading.enumerate()), []
    numbers = wall_of.follow(build(given), said.append)
    until(lambda: not set(threading.enumerate()) - before, "the end of the threads")
    assert (numbers["leader"], numbers["frames"], numbers["size"]) == ("waiting", 0, "16x9")
    assert numbers["region"] == "0,0,16,9@32x9"
    assert "Region    0,0,16,9@32x9" in said
    assert any(f"127.0.0.1:{port_base + 107}, waiting" in line for line in said)
    assert not [line for line in said if "OSC" in line]
    assert not list(tmp_path.rglob("state*.json")), "a follower keeps no state"


def test_a_backend_is_changed_under_a_follower_without_a_gap(wall):
    """What is on the screen is compiled for the new backend before it draws."""
    wall.load("show/wide", seconds=0)
    follower = wall.followers[0][0]
    wall.catch_up()
    assert program((preset("2L_8D"),)) in follower.programs


# --- the relay


def test_while_nobody_follows_nothing_is_kept(wall):
    wall.leader.relay.leave()
    for _ in range(5):
        wall.frame()
    assert wall.leader.relay.take() is None
    assert not wall.leader.relay.watched


def test_a_sender_that_is_stuck_loses_the_oldest():
    relay, woken = Relay(), []
    relay.watch(lambda: woken.append(1))
    for shot in shots(QUEUE + 10):
        relay.show(shot)
    taken = []
    while (message := relay.take()) is not None:
        taken.append(message[1]["index"])
    assert taken == list(range(10, QUEUE + 10))
    assert relay.dropped == 10
    assert len(woken) == QUEUE + 10
    assert all(b == a + 1 for a, b in pairwise(taken))


def test_who_joins_is_told_of_all_programs():
    relay = Relay()
    programs = [(preset("3L_4D"),), (preset("2L_8D"),), (preset("3L_4D"), preset("2L_8D"))]
    for shapes in programs:
        relay.announce(shapes)
    assert relay.take() is None, "nobody listens yet"
    relay.watch(lambda: None)
    relay.renew()
    topic, message = relay.take()
    assert (topic, len(message["programs"])) == ("program", 3)
    relay.announce((preset("3L_6D"),))
    relay.announce(programs[0])
    assert len(relay.take()[1]["programs"]) == 2
    assert relay.take() is None
