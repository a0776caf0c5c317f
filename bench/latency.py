"""How long until it shows: launch to first frame, OSC packet and sound to published frame, style switch.

    python bench/latency.py [--size 1920x1080] [--count 200]

Control: a daemon of its own; packets leave this process at random moments, frames are read from shared memory. Sound:
an instrument in this process; a loud block is pushed as a sound card's callback would, and opens the master fader. All
times are on one clock, from the sending call to the time stamp of the first frame that shows the change.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from typing import Any

import numpy as np
from pythonosc.udp_client import SimpleUDPClient

from morphogen.app import App
from morphogen.config import build
from morphogen.contracts import Sink
from morphogen.frame import Frame
from morphogen.ports import Ports
from morphogen_bridges.clients.control import ControlClient
from morphogen_bridges.clients.shm import ShmReader

BLOCK, RATE = 480, 48_000


def summary(milliseconds: list[float]) -> dict[str, float]:
    """p50, p99 and the largest."""
    return {
        name: round(float(np.percentile(milliseconds, q)), 2) for name, q in (("p50", 50), ("p99", 99), ("max", 100))
    }


def control(size: str, count: int, base: int) -> dict[str, Any]:
    """OSC packet to frame, and style switch to frame."""
    ports = Ports(base)
    with tempfile.TemporaryDirectory() as home:
        command = [sys.executable, "-m", "morphogen", "serve", "--size", size, "--audio", "none", "--port-base",
                   str(base), "--out", "shm:name=latency", "--seconds", "600"]  # fmt: skip
        daemon = subprocess.Popen(command, env={**os.environ, "MORPHOGEN_HOME": home}, stderr=subprocess.DEVNULL)
        try:
            time.sleep(3.0)
            reader = ShmReader("latency")
            packets = _blackouts(SimpleUDPClient("127.0.0.1", ports.osc), reader, count)
            switches = _switches(ports, reader, count // 2)
            with ControlClient("127.0.0.1", ports.control) as client:
                stats = client.call("stats")
                client.call("shutdown")
            daemon.wait(10)
        finally:
            daemon.kill()
    kept = {key: stats[key] for key in ("fps", "late", "frame_ms", "jitter_ms")}
    return {"osc_to_frame_ms": packets, "switch_to_frame_ms": switches, "daemon": kept}


def _blackouts(client: SimpleUDPClient, reader: ShmReader, count: int) -> dict[str, float]:
    waits = []
    for i in range(count):
        time.sleep(0.03 + random.random() * 0.05)
        dark = i % 2 == 0
        sent = time.perf_counter_ns()
        client.send_message("/morphogen/output/blackout", int(dark))
        while True:
            picture = reader.wait(1.0)
            if picture is None:
                raise SystemExit("no frames in shared memory: is the output there?")
            info, pixels = picture
            if info.time_ns > sent and (int(pixels[::40, ::40, :3].max()) == 0) == dark:
                waits.append((info.time_ns - sent) / 1e6)
                break
    return summary(waits)


def _switches(ports: Ports, reader: ShmReader, count: int) -> dict[str, float]:
    waits = []
    with ControlClient("127.0.0.1", ports.control) as client:
        names = client.call("bank.list")["slots"]
        for i in range(count):
            sent = time.perf_counter_ns()
            answer = client.call("style.load", name=names[i % len(names)], seconds=0.0)
            while True:
                picture = reader.wait(1.0)
                assert picture is not None
                if picture[0].generation >= answer["generation"]:
                    waits.append((picture[0].time_ns - sent) / 1e6)
                    break
    return summary(waits)


def starts(size: str, count: int, base: int) -> dict[str, Any]:
    """Seconds from launch to the first frame that a waiting ZeroMQ reader gets: nothing compiled yet, and again."""
    found: dict[str, list[float]] = {"first_time_s": [], "again_s": []}
    with tempfile.TemporaryDirectory() as home:
        for i in range(2 * count):
            again = i >= count
            place = home if again else f"{home}/{i}"
            if i == count:
                _launch(size, base, home)
            found["again_s" if again else "first_time_s"].append(round(_launch(size, base, place), 2))
    return {"launch_to_frame": found}


def _launch(size: str, base: int, home: str) -> float:
    import zmq

    with zmq.Context() as context, context.socket(zmq.SUB) as reader:
        reader.setsockopt(zmq.RECONNECT_IVL, 10)
        reader.subscribe(b"")
        reader.connect(f"tcp://127.0.0.1:{Ports(base).frames}")
        start = time.perf_counter()
        command = [sys.executable, "-m", "morphogen", "serve", "--size", size, "--port-base", str(base)]
        daemon = subprocess.Popen(command, env={**os.environ, "MORPHOGEN_HOME": home}, stderr=subprocess.DEVNULL)
        try:
            if not reader.poll(20_000):
                raise SystemExit("no frame within 20 s")
            return time.perf_counter() - start
        finally:
            daemon.terminate()
            daemon.wait(10)


class Watcher(Sink):
    """Notes the time stamp of the first bright frame after each dark one."""

    kind = "watch"
    policy = "every"

    def __init__(self) -> None:
        super().__init__()
        self.bright = False
        self.rises: list[int] = []

    def _open(self, host: Any) -> None:
        return None

    def _write(self, frame: Frame) -> None:
        bright = int(frame.pixels[::40, ::40, :3].max()) > 0
        if bright and not self.bright:
            self.rises.append(frame.info.time_ns)
        self.bright = bright

    def _close(self) -> None:
        return None


def sound(size: str, count: int, base: int) -> dict[str, Any]:
    """Callback to frame. Blocks of 10 ms are pushed in real time; one of them in 300 ms is the first loud one."""
    with tempfile.TemporaryDirectory() as home:
        os.environ["MORPHOGEN_HOME"] = home
        app = App(build({"size": size, "audio": "none", "port_base": str(base), "outs": ["-zmq", "-web"]}))
        app.open()
        watcher = Watcher()
        app.instrument.publisher.add(watcher)
        app.instrument.call("param.set", {"values": {"output/master": 0.0, "audio/attack": 0.0, "audio/release": 20.0}})
        app.instrument.call("mod.set", {"routes": [{"source": "audio/rms", "target": "output/master", "amount": 1.0}]})
        pushed: list[int] = []
        pusher = threading.Thread(target=_push, args=(app, count, pushed), daemon=True)
        pusher.start()
        app.run()
        app.close()
    waits = []
    for start in pushed:
        later = [t for t in watcher.rises if 0 < t - start < 250e6]
        if later:
            waits.append((later[0] - start) / 1e6)
    return {"audio_to_frame_ms": summary(waits), "seen": f"{len(waits)} of {len(pushed)}"}


def _push(app: App, count: int, pushed: list[int]) -> None:
    noise = np.random.default_rng(1).uniform(-0.5, 0.5, (BLOCK, 2)).astype(np.float32)
    silence = np.zeros((BLOCK, 2), np.float32)
    due = time.perf_counter() + 1.0
    for i in range(count * 40):
        due += BLOCK / RATE
        time.sleep(max(due - time.perf_counter(), 0.0))
        step = i % 40
        if step == 30:
            due += random.random() * 0.016  # away from the grid of the frames
            time.sleep(max(due - time.perf_counter(), 0.0))
            pushed.append(time.perf_counter_ns())
        app.instrument.audio.push(noise if step >= 30 else silence, RATE)
    app.instrument.loop.stop()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", default="1920x1080")
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--port-base", type=int, default=8910)
    args = parser.parse_args()
    result = starts(args.size, 5, args.port_base)
    result |= control(args.size, args.count, args.port_base)
    result |= sound(args.size, max(args.count // 4, 10), args.port_base + 20)
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
