"""A wall of real processes, by the command line: a leader that draws the whole canvas, followers that draw tiles.

The leader's own frames are what one process draws. Every index that all of them have shown must be the same picture,
byte for byte. Nothing here measures time: where a busy machine loses frames, it takes longer until enough are compared.
"""

from __future__ import annotations

import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from morphogen.errors import StateError, Unavailable
from morphogen.region import Region
from morphogen_bridges.clients.control import ControlClient
from morphogen_bridges.clients.frames import FrameReader
from morphogen_bridges.zmq_curve import make_keys
from waiting import until

WIDTH, HEIGHT = 320, 180
PATIENCE = 120.0
HALVES = [Region(0, 0, 150, HEIGHT, WIDTH, HEIGHT), Region(150, 0, 170, HEIGHT, WIDTH, HEIGHT)]
QUARTERS = [Region(x, y, w, h, WIDTH, HEIGHT) for y, h in ((0, 77), (77, 103)) for x, w in ((0, 201), (201, 119))]
ROUTES = [
    {"source": "lfo1", "target": "view/zoom", "amount": 0.4}, {"source": "lfo2", "target": "color/hue", "amount": 0.5},
    {"source": "lfo3", "target": "view/rotate", "amount": 0.3}, {"source": "lfo4", "target": "view/x", "amount": 0.2},
]  # fmt: skip


class Machine:
    """One `morphogen serve`, what it says, and the frames that it has shown: index -> (generation, picture)."""

    def __init__(self, folder: Path, base: int, *options: str) -> None:
        self.base, self.options = base, options
        self._log = (folder / f"{base}.log").open("a+")
        self.start()

    def start(self) -> None:
        command = [sys.executable, "-m", "morphogen", "serve", "--port-base", str(self.base), "--threads", "1"]
        self.process = subprocess.Popen([*command, "--backend", "cpu", *self.options], stderr=self._log)
        self.client = ControlClient(port=self.base + 3, timeout=PATIENCE)
        self.reader = FrameReader(f"tcp://127.0.0.1:{self.base + 5}")
        self.frames: dict[int, tuple[int, np.ndarray]] = {}
        self.newest = -1

    def answers(self) -> bool:
        assert self.process.poll() is None, self.said()
        try:
            return bool(self.client.call("ping")["pong"])
        except Unavailable:
            return False

    def said(self) -> str:
        self._log.seek(0)
        return self._log.read()

    def read(self) -> None:
        """Every frame that waits."""
        while (frame := self.reader.read(0.0)) is not None:
            info, picture = frame
            assert info.index > self.newest, "in order"
            self.newest = info.index
            self.frames[info.index] = info.generation, picture.copy()

    def forget(self) -> None:
        """What came so far, and what is still on its way from a leader that is gone."""
        before = None
        while before != self.newest:
            before = self.newest
            time.sleep(0.5)
            self.read()
        self.frames, self.newest = {}, -1

    def stats(self) -> dict:
        return dict(self.client.call("stats"))

    def end(self, kill: bool = False) -> int:
        (self.process.kill if kill else self.process.terminate)()
        code = self.process.wait(20)
        self.reader.close()
        self.client.close()
        return code

    def close(self) -> None:
        if self.process.poll() is None:
            self.end()
        self._log.close()


class Wall:
    """A leader and its followers."""

    def __init__(self, folder: Path, ports: Callable[[], int], tiles: list[Region], fps: int) -> None:
        self.folder, self.ports, self.tiles = folder, ports, tiles
        self.leader = Machine(folder, ports(), "--size", f"{WIDTH}x{HEIGHT}", "--fps", str(fps), "--audio", "none",
                              "--quality", "full", "--style", "starter/ember")  # fmt: skip
        self.followers = [self.follower(tile) for tile in tiles]
        for machine in self.machines:
            until(machine.answers, "a start", PATIENCE)
        self.turn = 0
        self.mover = ThreadPoolExecutor(1)
        self.moved: Future[None] | None = None

    @property
    def machines(self) -> list[Machine]:
        return [self.leader, *self.followers]

    def follower(self, tile: Region) -> Machine:
        address = f"tcp://127.0.0.1:{self.leader.base + 7}"
        return Machine(self.folder, self.ports(), "--follow", address, "--region", str(tile))

    def move(self) -> None:
        """What people do at a leader while it plays; aside, since a style is answered only when it is there."""
        if self.moved is None or self.moved.done():
            self.settle()
            self.turn += 1
            self.moved = self.mover.submit(self._move)

    def settle(self) -> None:
        """Wait for the last move; raises what went wrong with it."""
        moved, self.moved = self.moved, None
        if moved is not None:
            moved.result(PATIENCE)

    def _move(self) -> None:
        call = self.leader.client.call
        if self.turn == 1:
            call("param.set", values={"transition/seconds": 0.5, "time/speed": 1.5})
            call("mod.set", routes=ROUTES)
        call("param.set", values={"view/kaleidoscope": self.turn % 4, "view/warp": self.turn % 3 * 0.2,
                                  "color/saturation": 0.5 + self.turn % 5 * 0.3})  # fmt: skip
        if self.turn % 3 == 2:
            call("style.next", seconds=0.4 * (self.turn % 6 == 2))

    def compare(self, count: int) -> int:
        """Play until `count` more indices were shown by all, all alike; how many frames somebody had not."""
        alike = missing = 0
        end = time.monotonic() + PATIENCE
        while alike < count:
            assert time.monotonic() < end, f"{alike} of {count} compared; {[m.newest for m in self.machines]}"
            time.sleep(0.01)
            for machine in self.machines:
                machine.read()
            oldest = min(machine.newest for machine in self.machines)
            for index in sorted(i for i in self.leader.frames if i <= oldest):
                whole = self.leader.frames.pop(index)
                parts = [machine.frames.pop(index, None) for machine in self.followers]
                if None in [part and 1 for part in parts]:
                    missing += 1
                    continue
                self.check(index, whole, parts)
                alike += 1
                if alike % 25 == 0 and alike < count:
                    self.move()
        return missing

    def check(self, index: int, whole: tuple[int, np.ndarray], parts: list) -> None:
        generation, picture = whole
        stitched = np.zeros_like(picture)
        for tile, (theirs, part) in zip(self.tiles, parts, strict=True):
            assert theirs == generation, f"frame {index}"
            stitched[tile.y : tile.y + tile.height, tile.x : tile.x + tile.width] = part
        assert np.array_equal(stitched, picture), f"frame {index}"

    def close(self) -> None:
        self.mover.shutdown(cancel_futures=True)
        for machine in reversed(self.machines):
            machine.close()


@pytest.fixture
def build(tmp_path, port_bases) -> Iterator[Callable[..., Wall]]:
    made: list[Wall] = []

    def make(tiles: list[Region], fps: int) -> Wall:
        made.append(Wall(tmp_path, port_bases, tiles, fps))
        return made[-1]

    yield make
    for wall in made:
        wall.close()


@pytest.mark.timeout(400)
def test_two_tiles_are_one_picture_whoever_is_killed(build):
    wall = build(HALVES, 60)
    wall.compare(100)
    # a follower is killed and started again: a late joiner
    wall.followers[1].end(kill=True)
    wall.followers[1].start()
    until(wall.followers[1].answers, "its second start", PATIENCE)
    wall.compare(30)
    following = wall.followers[1].stats()["following"]
    assert (following["restarts"], following["gaps"]) == (0, 0)
    wall.settle()
    assert wall.leader.stats()["generation"] > 0, "the style changed, too"
    # the leader is killed: the pictures stay up, and commands say where to go
    wall.leader.end(kill=True)
    follower = wall.followers[0]
    until(lambda: follower.stats()["leader"].startswith("lost since "), "a lost leader", PATIENCE)
    with urllib.request.urlopen(f"http://127.0.0.1:{follower.base + 2}/api/v1/frame.jpg", timeout=20) as page:
        assert page.read(2) == b"\xff\xd8", "the page still shows the last picture"
    with pytest.raises(StateError, match="this Morphogen follows") as caught:
        follower.client.call("style.next")
    assert f"--port-base {wall.leader.base}" in caught.value.cure
    # and started again: its index begins anew
    for machine in wall.followers:
        machine.forget()
    wall.leader.start()
    until(wall.leader.answers, "its second start", PATIENCE)
    wall.turn = 0
    wall.compare(30)
    assert follower.stats()["leader"] == "following"
    assert follower.stats()["following"]["restarts"] == 1
    assert [machine.end() for machine in wall.followers] == [0, 0]
    assert "is back" in follower.said()


@pytest.mark.soak
@pytest.mark.timeout(600)
@pytest.mark.parametrize("tiles", [HALVES, QUARTERS], ids=["two", "four"])
def test_a_thousand_frames_of_a_wall(build, tiles):
    wall = build(tiles, 30)
    missing = wall.compare(1000)
    wall.followers[-1].end(kill=True)
    wall.followers[-1].start()
    until(wall.followers[-1].answers, "its second start", PATIENCE)
    missing += wall.compare(200)
    wall.settle()
    for machine in wall.followers:
        stats = machine.stats()
        assert stats["errors"] == 0
        print(f"{stats['size']}: {stats['following']}, {stats['frame_ms']}")
    print(f"{len(tiles)} tiles: 1200 frames alike, {missing} not shown by all")


@pytest.mark.timeout(300)
def test_a_wall_beyond_this_machine_is_locked(tmp_path, port_bases):
    """Bound to all addresses, with keys: who has one follows, and who has none sees nothing and says why."""
    keys = tmp_path / "keys"
    make_keys(keys, ("tile",))
    leader, known, bare = port_bases(), port_bases(), port_bases()
    secret = ["--curve-keys", str(keys), "--token", "correct-horse"]
    address = f"tcp://127.0.0.1:{leader + 7}"
    quick = ["--audio", "none", "--fps", "30"]
    machines = [
        Machine(tmp_path, leader, "--size", "64x36", "--bind", "0.0.0.0", *secret, *quick),
        Machine(tmp_path, known, "--follow", address, "--size", "64x36", "--curve-keys", str(keys)),
        Machine(tmp_path, bare, "--follow", address, "--size", "64x36"),
    ]
    try:
        _, follower, stranger = machines
        until(follower.answers, "a start", PATIENCE)
        until(lambda: follower.stats()["leader"] == "following", "the scenes", PATIENCE)
        until(stranger.answers, "a start", PATIENCE)
        until(lambda: stranger.stats().get("zmq_leader", {}).get("refused"), "a refusal", PATIENCE)
        assert stranger.stats()["leader"] == "waiting"
        assert "give --curve-keys DIR here too" in stranger.said()
    finally:
        for machine in reversed(machines):
            machine.close()


def test_what_cannot_be_is_said_in_one_line(tmp_path):
    for options, what in (
        (["--region", "0,0,0,9@16x9"], "the region 0,0,0,9@16x9 is empty"),
        (["--region", "10,0,16,9@16x9"], "reaches beyond its canvas"),
        (["--region", "left half"], "is not a region"),
        (["--follow", "192.168.0.10"], "another machine"),
        (["--follow", "tcp://:80"], "not a leader's address"),
    ):
        command = [sys.executable, "-m", "morphogen", "serve", "--seconds", "1", *options]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 2
        (line,) = done.stderr.splitlines()
        assert line.startswith("morphogen: --")
        assert what in line
