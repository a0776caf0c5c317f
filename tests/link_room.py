"""Two programs in one Ableton Link session on a loopback of their own: ours (LinkPython), and aalink in a process.

Run it inside a fresh network namespace (`unshare -rn` or `unshare -n`), where nothing but this machine can be reached;
prints one JSON object a line. `peer` as argument: the other program.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import socket
import struct
import subprocess
import sys
import threading
import time
from concurrent.futures import Future
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent


def loopback_up():
    """What `ip link set lo up` does. Fails outside a namespace of one's own without the right to do so."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sh14x", b"lo", 0)
        flags = struct.unpack("16sh14x", fcntl.ioctl(any_socket, 0x8913, request))[1]  # SIOCGIFFLAGS
        fcntl.ioctl(any_socket, 0x8914, struct.pack("16sh14x", b"lo", flags | 1))  # SIOCSIFFLAGS, IFF_UP


def say(**what):
    print(json.dumps(what), flush=True)


async def peer():
    """Obeys lines on stdin: `tempo N`, `play 0|1`, `sample SECONDS`, `leave`, `quit`."""
    import aalink

    link = aalink.Link(99.0)
    link.quantum = 4
    link.start_stop_sync_enabled = True
    link.enabled = True
    loop = asyncio.get_running_loop()
    while True:
        word, _, value = (await loop.run_in_executor(None, sys.stdin.readline)).strip().partition(" ")
        if word == "tempo":
            link.tempo = float(value)
        elif word == "play":
            link.playing = value == "1"
        elif word == "leave":
            link.enabled = False
        elif word == "sample":
            rows, end = [], time.perf_counter() + float(value)
            while time.perf_counter() < end:
                before, phase, after = time.perf_counter(), link.phase, time.perf_counter()
                rows.append(((before + after) / 2, phase, after - before))
                await asyncio.sleep(0.003)
            say(rows=rows)
            continue
        elif word == "quit":
            return
        say(peers=link.num_peers, tempo=link.tempo, playing=link.playing)


class Room:
    """The other program, and an instrument's tempo clock with a seat in the session."""

    def __init__(self, start_stop=False):
        from fakes import FakeHost
        from morphogen.clock import WallClock
        from morphogen.control import tempo
        from morphogen.tempo import Transport
        from morphogen_bridges.sources.link import LinkSession

        class Host(FakeHost):
            def tempo(self):
                return self.transport.state(self.clock.now())

            def call(self, method, arguments=None):
                answer = Future()
                answer.set_result(tempo.CALLS[method](self, **(arguments or {})))
                return answer

            def follow_tempo(self, source, bpm, beat_time, confidence, bar_time=None):
                self.transport.follow(bpm, beat_time, confidence, self.clock.now(), source, bar_time)

            def release_tempo(self, source):
                self.transport.release(source, self.clock.now())

        self.host = Host()
        self.host.clock = WallClock()
        self.host.transport = Transport(now=self.host.clock.now())
        self.link = LinkSession(start_stop)
        self.link.open(self.host)
        self.process = subprocess.Popen(
            [sys.executable, __file__, "peer"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def ask(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def until(self, what, condition, seconds=15.0):
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            if condition():
                return
            time.sleep(0.02)
        raise SystemExit(f"{what}: not within {seconds:g} s; {self.link.stats()}, {self.host.tempo()}")

    def bpm(self):
        return self.host.tempo().bpm

    def phase_errors(self, seconds):
        """Difference of the place in the bar, in milliseconds, at the moments when the other program looked."""
        ours, stop = [], threading.Event()

        def look():
            while not stop.is_set():
                now = time.perf_counter()
                ours.append((now, self.host.transport.state(now).beat))
                time.sleep(0.002)

        thread = threading.Thread(target=look)
        thread.start()
        rows = np.array(self.ask(f"sample {seconds}")["rows"])
        stop.set()
        thread.join()
        rows = rows[rows[:, 2] < 5e-4]
        mine = np.array(ours)
        beats = np.interp(rows[:, 0], mine[:, 0], mine[:, 1])
        apart = (beats - rows[:, 1] + 2) % 4 - 2
        return apart * 60e3 / self.bpm()

    def close(self):
        self.process.stdin.write("quit\n")
        self.process.stdin.flush()
        self.process.wait(10)
        self.link.close()


def main(seconds):
    """Meet, tempo both ways, phase, the other leaves."""
    room = Room()
    room.until("meet", lambda: room.link.stats()["peers"] == 1)
    room.until("lead", lambda: room.host.tempo().source == "link")
    room.until("be met", lambda: room.ask("look")["peers"] == 1)
    say(met=True)
    room.ask("tempo 137")
    room.until("their tempo", lambda: abs(room.bpm() - 137) < 0.01)
    room.host.call("tempo.set", {"bpm": 101.5})
    room.until("our tempo", lambda: abs(room.ask("look")["tempo"] - 101.5) < 0.01)
    for _ in range(4):
        room.host.call("tempo.tap")
        time.sleep(0.5)
    room.until("our taps", lambda: abs(room.ask("look")["tempo"] - room.bpm()) < 0.01 and 115 < room.bpm() < 125)
    source = room.host.tempo().source
    time.sleep(3.0)
    errors = np.abs(room.phase_errors(seconds))
    say(source=source, tempo=room.bpm(), samples=len(errors), p50=np.percentile(errors, 50),
        p99=np.percentile(errors, 99), largest=errors.max())  # fmt: skip
    before = room.host.tempo()
    room.ask("leave")
    room.until("they left", lambda: room.host.tempo().source == "tap")
    after = room.host.tempo()
    say(jump=after.beat - before.beat_at(after.time), stats=room.link.stats())
    room.close()


def start_and_stop():
    """The session leads only while it plays."""
    room = Room(start_stop=True)
    room.until("meet", lambda: room.link.stats()["peers"] == 1)
    say(stopped=room.host.tempo().source)
    room.ask("play 1")
    room.until("start", lambda: room.host.tempo().source == "link")
    room.ask("play 0")
    room.until("stop", lambda: room.host.tempo().source == "none")
    say(started_and_stopped=True)
    room.close()


if __name__ == "__main__":
    sys.path[:0] = [str(ROOT / part) for part in ("tests", "server", "bridges")]
    if sys.argv[1] == "peer":
        asyncio.run(peer())
    else:
        loopback_up()
        main(float(sys.argv[1]))
        start_and_stop()
