"""What a recording costs the processor, and what it keeps of the picture: milliseconds a frame, bits, PSNR by preset.

    python bench/recording.py [--size 1920x1080] [--frames 120] [--style cosmic/galaxy] [--presets ultrafast,superfast]

Real frames (demo track, dither on), drawn beforehand; processor time of all threads, so that it means the same on a
busy machine, nearly. Prints one JSON object.
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from morphogen.clock import WallClock
from morphogen.folders import cache_folder
from morphogen.frame import PixelFormat, parse_size
from morphogen.library.find import Library
from morphogen.offline.rehearsal import Rehearsal
from morphogen.offline.track import demo_track
from morphogen.render.switch import switch
from morphogen_bridges.video_codecs import Wish, choose
from morphogen_bridges.video_file import VideoFile


def spent() -> float:
    """Seconds of processor that this process has had, all threads."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def frames(style: str, size: tuple[int, int], count: int) -> list[np.ndarray]:
    track = demo_track()
    renderer = switch("cpu", 0, cache_folder())
    seconds = count / 60
    with Rehearsal(Library().find(style), renderer) as rehearsal:
        scenes = rehearsal.play(track, track.loudest(seconds), seconds, 60, 20.0)
        drawn = [rehearsal.draw(scene, size) for scene in scenes]
    renderer.close()
    return drawn


def measured(drawn: list[np.ndarray], codec: str, preset: str, folder: Path) -> dict[str, Any]:
    height, width = drawn[0].shape[:2]
    plan = choose(Wish(codec=codec, preset=preset), (width, height), Fraction(60))
    path = folder / f"{codec}-{preset}.mp4"
    path.touch()
    file, begin, converting = VideoFile(path, plan, False, WallClock()), spent(), 0.0
    for number, pixels in enumerate(drawn):
        before = resource.getrusage(resource.RUSAGE_THREAD).ru_utime
        file.picture(pixels, PixelFormat.RGBA8)
        converting += resource.getrusage(resource.RUSAGE_THREAD).ru_utime - before
        file.show(number)
    file.finish(60)
    total = spent() - begin
    of = len(drawn)
    return {
        "cpu_ms": round(1e3 * total / of, 1), "of_it_conversion": round(1e3 * converting / of, 1),
        "mbit_s": round(path.stat().st_size * 8 * 60 / of / 1e6, 1), "psnr": psnr(path, drawn),
    }  # fmt: skip


def psnr(path: Path, drawn: list[np.ndarray]) -> float:
    """dB over all pictures, against what was drawn."""
    import av

    errors = []
    with av.open(str(path)) as container:
        for frame, pixels in zip(container.decode(video=0), drawn, strict=True):
            seen = frame.to_ndarray(format="rgb24").astype(np.float32)
            errors.append(float(np.square(seen - pixels[..., :3]).mean()))
    return round(10 * float(np.log10(255**2 / np.mean(errors))), 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", default="1920x1080")
    parser.add_argument("--frames", type=int, default=120)
    parser.add_argument("--style", default="cosmic/galaxy")
    parser.add_argument("--codecs", default="libx264")
    parser.add_argument("--presets", default="ultrafast,superfast,veryfast,medium")
    options = parser.parse_args()
    drawn = frames(options.style, parse_size(options.size), options.frames)
    with tempfile.TemporaryDirectory() as folder:
        table = {
            f"{codec} {preset}": measured(drawn, codec, preset, Path(folder))
            for codec in options.codecs.split(",")
            for preset in options.presets.split(",")
        }
    print(json.dumps({"size": options.size, "style": options.style, **table}, indent=1))


if __name__ == "__main__":
    main()
