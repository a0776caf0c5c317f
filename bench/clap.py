"""Are sound and pictures in step in a recording? A track of clicks makes a running show flash; both are looked for in
the file that it records.

    python bench/clap.py [--seconds 30] [--size 640x360] [--fps 60] [--codec h264] [--folder FOLDER]

Prints one JSON object: for each click the milliseconds from its first sample to the first sample of the picture that
flashes, and what the show itself had: late frames, repeated pictures.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np

EVERY = 0.7371  # seconds between two clicks: at ever other places between two frames
RATE = 48_000
FLASH = [{"source": "audio/onset", "target": "output/master", "amount": 1.0, "curve": "linear"}]


def click_track(folder: Path, seconds: float) -> Path:
    """Clicks of 10 ms at full level on silence."""
    import soundfile

    sound = np.zeros(round(seconds * RATE), np.float32)
    noise = np.random.default_rng(1).uniform(-0.9, 0.9, 480).astype(np.float32)
    for second in np.arange(0.5, seconds - 0.1, EVERY):
        sound[round(second * RATE) :][:480] = noise
    path = folder / "clicks.wav"
    soundfile.write(path, sound, RATE)
    return path


def record(options: argparse.Namespace, folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """(what record.stop says, what the show says)."""
    from morphogen.app import App
    from morphogen.config import build

    track = click_track(folder, options.seconds + 5)
    app = App(build({"size": options.size, "fps": str(options.fps), "audio": f"file:{track}",
                     "port_base": str(options.port_base)}))  # fmt: skip
    app.open()
    show = threading.Thread(target=app.run, args=(options.seconds + 60,))
    show.start()
    call = app.instrument.call
    try:
        call("mod.set", {"routes": FLASH}).result(10)
        call("param.set", {"values": {"output/master": 0, "color/exposure": 4}}).result(10)
        wanted = {"codec": options.codec}
        call("record.start", {"path": str(folder / "clap.mp4"), "options": wanted}).result(20)
        time.sleep(options.seconds)
        stopped = call("record.stop").result(20)
        stats = call("stats").result(10)
    finally:
        app.instrument.loop.stop()
        show.join()
        app.close()
    return stopped, {key: stats[key] for key in ("fps", "frame_ms", "late")}


def look(path: str) -> tuple[np.ndarray, np.ndarray]:
    """(seconds at which clicks begin, seconds at which flashes begin)."""
    import av

    with av.open(path) as container:
        light = [(frame.time, frame.to_ndarray()[: frame.height].mean()) for frame in container.decode(video=0)]
    with av.open(path) as container:
        parts = [(frame.pts, np.abs(frame.to_ndarray()).max(0)) for frame in container.decode(audio=0)]
    loud = np.flatnonzero(np.concatenate([part for _, part in parts]) > 0.2) + parts[0][0]
    clicks = loud[np.diff(loud, prepend=-RATE) > RATE // 5] / RATE
    times, levels = np.array(light).T
    threshold = (levels.min() + levels.max()) * 0.3
    lit = levels > threshold
    return clicks, times[np.flatnonzero(lit & ~np.roll(lit, 1))]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--size", default="640x360")
    parser.add_argument("--fps", type=float, default=60)
    parser.add_argument("--codec", default="h264")
    parser.add_argument("--port-base", type=int, default=21_800)
    parser.add_argument("--folder", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        stopped, stats = record(options, options.folder or Path(temporary))
        clicks, flashes = look(stopped["file"])
    off = [float(flashes[np.abs(flashes - click).argmin()] - click) * 1000 for click in clicks]
    told = {key: stopped[key] for key in ("seconds", "frames", "dropped", "size")}
    print(json.dumps({"ms": [round(o, 1) for o in off], "median": round(float(np.median(off)), 1),
                      "least": round(min(off), 1), "most": round(max(off), 1), **told, **stats}))  # fmt: skip


if __name__ == "__main__":
    main()
