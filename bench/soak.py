"""A show under load, checked from outside: frames in order, none torn, styles switched, memory flat.

    python bench/soak.py --audio file:SONG.ogg --seconds 600 --switches 1000

Starts `morphogen serve` as a program of its own. Beside it run: a ZeroMQ reader without CONFLATE in a second process,
liblo's `oscsendfile` moving parameters at 200 messages a second, and a control client that switches styles. Every other
style is flat: one colour over the whole picture, changing from frame to frame, so a torn frame has two colours. What
the idle machine takes from a computing program is measured first: late frames below that are the machine's.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from interruptions import interruptions
from morphogen.field.network import Network, init_glow, preset
from morphogen.library.style import Style, save_style
from morphogen.ports import Ports

RATE = 200  # OSC messages a second
FLAT = ("a", "b")


def flat_style(path: Path, seed: int) -> None:
    """A style without pixel weights: one colour a frame."""
    network = init_glow(preset("3L_4D"), seed)
    first = np.array(network.tensors[0])
    first[:, :2] = 0.0
    first[:, 2] = 2.0 + np.arange(4)
    flat = Network(network.shape, (first, *network.tensors[1:]))
    save_style(Style(flat, f"own/{path.stem}", title="Flat", trained=False, seed=seed), path)


def osc_file(path: Path, seconds: float) -> None:
    """A recording for `oscsendfile`: NTP time tag, address, types, values a line, RATE lines a second."""
    lines = []
    for i in range(int(RATE * seconds)):
        t = i / RATE
        tag = f"{int(t):08x}.{int((t % 1) * 2**32):08x}"
        which = i % 4
        if which == 0:
            lines.append(f"{tag} /morphogen/view/zoom f {1.2 + 0.5 * np.sin(t):.4f}")
        elif which == 1:
            lines.append(f"{tag} /morphogen/view/rotate f {(t * 20) % 360 - 180:.3f}")
        elif which == 2:
            lines.append(f"{tag} /morphogen/color/hue f {(t * 0.05) % 1:.4f}")
        else:
            lines.append(f"{tag} /morphogen/norm/color/saturation f {0.4 + 0.2 * np.sin(t * 0.3):.4f}")
    path.write_text("\n".join(lines) + "\n")


def read(port: int, stop: Any, out: Any) -> None:
    """The reader: counts gaps and torn frames; runs in its own process."""
    from morphogen_bridges.clients.frames import FrameReader

    frames = torn = checked = 0
    gaps: list[tuple[int, int]] = []
    last = generation = None
    switches = 0
    reader = FrameReader(f"tcp://127.0.0.1:{port}")
    while not stop.is_set():
        picture = reader.read(0.5)
        if picture is None:
            continue
        info, pixels = picture
        frames += 1
        if last is not None and info.index != last + 1:
            gaps.append((last, info.index))
        if generation is not None and info.generation != generation:
            switches += 1
        last, generation = info.index, info.generation
        rows = pixels[:: max(pixels.shape[0] // 64, 1), :: max(pixels.shape[1] // 16, 1), :3].astype(int)
        spread = rows.max(axis=1) - rows.min(axis=1)
        if spread.max() <= 2:  # every sampled row is of one colour: a flat style, then all rows must agree
            checked += 1
            torn += int((rows.max(axis=(0, 1)) - rows.min(axis=(0, 1))).max() > 2)
    out.put(
        {
            "read": frames,
            "gaps": gaps[:10],
            "gap_count": len(gaps),
            "flat": checked,
            "torn": torn,
            "seen_switches": switches,
        }
    )


def resident(pid: int) -> float:
    """Resident MB of a process."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096 / 1e6


def switch(ports: Ports, names: list[str], count: int, seconds: float, pid: int) -> dict[str, Any]:
    """Change styles evenly over the run; the answer names the first frame that shows it."""
    from morphogen_bridges.clients.control import ControlClient

    waits, memory = [], []
    start = time.perf_counter()
    with ControlClient("127.0.0.1", ports.control, timeout=10.0) as client:
        for i in range(count):
            due = start + seconds * i / count
            time.sleep(max(due - time.perf_counter(), 0.0))
            before = time.perf_counter()
            client.call("style.load", name=names[i % len(names)], seconds=0.0)
            waits.append((time.perf_counter() - before) * 1e3)
            if i % max(count // 40, 1) == 0:
                memory.append(round(resident(pid), 1))
    return {
        "switches": count,
        "switch_ms": {f"p{q}": round(float(np.percentile(waits, q)), 1) for q in (50, 99, 100)},
        "rss_mb": {"after_warm_up": memory[len(memory) // 4], "end": memory[-1], "max": max(memory)},
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--audio", default="demo")
    parser.add_argument("--size", default="1920x1080")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--switches", type=int, default=1000)
    parser.add_argument("--port-base", type=int, default=8810)
    args = parser.parse_args()
    ports = Ports(args.port_base)
    machine = interruptions(10.0)
    folder = Path(tempfile.mkdtemp(prefix="morphogen-soak-"))
    try:
        result = run(args, ports, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(json.dumps({**result, "machine_before": machine}, indent=1))
    return int(bool(result["gap_count"] or result["torn"] or result["daemon"]["late"]))


def run(args: argparse.Namespace, ports: Ports, folder: Path) -> dict[str, Any]:
    for seed, name in enumerate(FLAT):
        flat_style(folder / f"{name}.safetensors", seed)
    osc = folder / "moves.osc"
    osc_file(osc, args.seconds)
    command = [sys.executable, "-m", "morphogen", "serve", "--size", args.size, "--audio", args.audio, "--json",
               "--seconds", str(args.seconds + 6), "--port-base", str(ports.base)]  # fmt: skip
    daemon = subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env={**os.environ, "MORPHOGEN_HOME": str(folder)}
    )
    stop, out = multiprocessing.Event(), multiprocessing.Queue()
    reader = multiprocessing.Process(target=read, args=(ports.frames, stop, out), daemon=True)
    sender = None
    try:
        time.sleep(3.0)
        reader.start()
        time.sleep(0.5)
        sender = subprocess.Popen(["oscsendfile", "127.0.0.1", str(ports.osc), str(osc)])
        names = ["starter/" + p.stem for p in sorted(Path("styles/starter").glob("*.safetensors"))]
        flats = [str(folder / f"{name}.safetensors") for name in FLAT]
        mixed = [one for i, name in enumerate(names) for one in (name, flats[i % len(flats)])]
        switched = switch(ports, mixed, args.switches, args.seconds - 1, daemon.pid)
        stop.set()
        seen = out.get(timeout=15)
        stdout, _ = daemon.communicate(timeout=30)
        final = json.loads(stdout.strip().splitlines()[-1])
    finally:
        for process in (sender, daemon):
            if process is not None and process.poll() is None:
                process.terminate()
        reader.join(5)
    kept = ("frames", "fps", "frame_ms", "jitter_ms", "late", "errors", "dropped", "rss_mb", "osc")
    return {**seen, **switched, "daemon": {key: final[key] for key in kept}}


if __name__ == "__main__":
    sys.exit(main())
