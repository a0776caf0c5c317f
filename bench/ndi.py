"""NDI between two processes: frames a second, latency, processor time, likeness of each channel.

    python bench/ndi.py [--size 1920x1080] [--fps 60] [--seconds 8]

The sending process is the output itself, fed with test cards at an even pace; the receiving one is another binding
(ndi-python). Latency: from the call that hands a card over to the decoded picture, by the index stamped into it. Then
the same with a whole show in the daemon, which says how many of its frames were late.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from typing import Any

import numpy as np

from morphogen.contracts import SinkOptions
from morphogen.frame import Alpha, PixelFormat, parse_size
from morphogen.ports import Ports
from morphogen_bridges.clients.control import ControlClient
from morphogen_bridges.probes.card import card, check, read_index
from morphogen_bridges.probes.host import ProbeHost
from morphogen_bridges.sinks.ndi import NdiSink

WARM_UP = 2.0
CARDS = 16


def receive(name: str, seconds: float) -> None:
    """The other process: prints one JSON object."""
    import NDIlib as ndi  # noqa: N813

    ndi.initialize()
    find = ndi.FindCreate()
    find.show_local_sources, find.groups, find.extra_ips = True, "", "127.0.0.1"
    finder, source = ndi.find_create_v2(find), None
    while source is None:
        ndi.find_wait_for_sources(finder, 100)
        source = next((s for s in ndi.find_get_current_sources(finder) if s.ndi_name.endswith(f"({name})")), None)
    settings = ndi.RecvCreateV3()
    settings.color_format, settings.bandwidth = ndi.RECV_COLOR_FORMAT_RGBX_RGBA, ndi.RECV_BANDWIDTH_HIGHEST
    settings.allow_video_fields, settings.source_to_connect_to = False, source
    receiver, came, last = ndi.recv_create_v3(settings), [], None
    end = time.perf_counter() + WARM_UP + seconds
    start = (end - seconds, 0.0)
    while time.perf_counter() < end:
        kind, video, _, _ = ndi.recv_capture_v2(receiver, 100)
        if kind != ndi.FRAME_TYPE_VIDEO:
            continue
        now = time.perf_counter_ns()
        if now / 1e9 < start[0]:
            start = (start[0], time.process_time())
        else:
            came.append((read_index(video.data), now))
            last = np.array(video.data) if len(came) == 60 else last
        ndi.recv_free_video_v2(receiver, video)
    cpu = (time.process_time() - start[1]) / seconds
    ndi.recv_destroy(receiver)  # the sender stops once nobody receives
    picture = last if last is not None else np.zeros((1, 1, 4), np.uint8)
    sys.stdout.buffer.write(json.dumps({"came": came, "cpu": cpu, "shape": picture.shape}).encode() + b"\n")
    sys.stdout.buffer.write(picture.tobytes())


def _receiver(name: str, seconds: float) -> subprocess.Popen[bytes]:
    command = [sys.executable, __file__, "--receive", name, "--seconds", str(seconds)]
    return subprocess.Popen(command, stdout=subprocess.PIPE)


def _answer(process: subprocess.Popen[bytes]) -> tuple[np.ndarray, dict[str, Any]]:
    assert process.stdout is not None
    said: dict[str, Any] = json.loads(process.stdout.readline())
    picture = np.frombuffer(process.stdout.read(), np.uint8).reshape(said["shape"])
    process.wait(20)
    return picture, said


def link(size: tuple[int, int], fps: float, seconds: float, pixel_format: PixelFormat, alpha: Alpha) -> dict[str, Any]:
    """The output alone. Its own processor time includes the runtime's threads."""
    name = f"Morphogen bench {os.getpid()}"
    sink = NdiSink(SinkOptions(name=name, alpha=alpha.name.lower()))
    sink.open(ProbeHost())
    cards = [card(size, pixel_format, alpha, index) for index in range(CARDS)]
    process = _receiver(name, seconds)
    handed: dict[int, list[int]] = {index: [] for index in range(CARDS)}
    calls: list[float] = []
    while not sink.watched():
        time.sleep(0.01)
    due, number, cpu, start = time.perf_counter(), 0, time.process_time(), time.perf_counter()
    while sink.watched() and time.perf_counter() < start + seconds + 2 * WARM_UP + 5:
        due += 1 / fps
        time.sleep(max(0.0, due - time.perf_counter()))
        before = time.perf_counter_ns()
        handed[number % CARDS].append(before)
        sink.write(cards[number % CARDS])
        calls.append((time.perf_counter_ns() - before) / 1e6)
        number += 1
    spent = time.perf_counter() - start
    cpu = (time.process_time() - cpu) / spent
    picture, said = _answer(process)
    sink.close()
    waits = [(now - max(t for t in handed[index] if t <= now)) / 1e6 for index, now in said["came"]]
    verdict = check(picture, cards[read_index(picture)])
    return {
        "sent_fps": round(number / spent, 2), "received_fps": round(len(waits) / seconds, 2),
        "latency_ms": [round(float(np.percentile(waits, q)), 1) for q in (50, 95, 99)],
        "call_ms": [round(float(np.percentile(calls, q)), 2) for q in (50, 99)],
        "cpu_percent": {"sender": round(cpu * 100, 1), "receiver": round(said["cpu"] * 100, 1)},
        "psnr_rgba_db": verdict.psnr, "seen": verdict.seen(),
    }  # fmt: skip


def show(size: str, fps: float, seconds: float, base: int) -> dict[str, Any]:
    """A whole show in the daemon, with one receiver."""
    name = f"Morphogen bench show {os.getpid()}"
    with tempfile.TemporaryDirectory() as home:
        command = [sys.executable, "-m", "morphogen", "serve", "--size", size, "--fps", str(fps), "--audio", "none",
                   "--port-base", str(base), "--out", "-zmq", "--out", f"ndi:name={name}"]  # fmt: skip
        daemon = subprocess.Popen(command, env={**os.environ, "MORPHOGEN_HOME": home}, stderr=subprocess.DEVNULL)
        try:
            _, said = _answer(_receiver(name, seconds))
            with ControlClient("127.0.0.1", Ports(base).control) as client:
                stats = client.call("stats")
                row = next(row for row in client.call("output.list") if row["kind"] == "ndi")
                client.call("shutdown")
            daemon.wait(10)
        finally:
            daemon.kill()
    return {
        "received_fps": round(len(said["came"]) / seconds, 2), "written": row["written"], "dropped": row["dropped"],
        "daemon": {key: stats[key] for key in ("fps", "late", "frame_ms", "jitter_ms")},
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", default="1920x1080")
    parser.add_argument("--fps", type=float, default=60.0)
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--port-base", type=int, default=8930)
    parser.add_argument("--receive", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.receive:
        receive(args.receive, args.seconds)
        return
    size, result = parse_size(args.size), {}
    for pixel_format, alpha in ((PixelFormat.RGBA8, Alpha.OPAQUE), (PixelFormat.RGBA8, Alpha.STRAIGHT)):
        key = f"{pixel_format.name.lower()} {alpha.name.lower()}"
        result[key] = link(size, args.fps, args.seconds, pixel_format, alpha)
    result["show"] = show(args.size, args.fps, args.seconds, args.port_base)
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
