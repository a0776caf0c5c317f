"""Reads video files back for the tests: what ffprobe says of them, when they flash, when they click."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

needs_ffmpeg = pytest.mark.skipif(shutil.which("ffprobe") is None, reason="needs ffprobe: apt install ffmpeg")


def probed(path: Path) -> dict[str, Any]:
    """{'format': ..., 'video': ..., 'audio': ... or missing}, as ffprobe says."""
    command = ["ffprobe", "-v", "error", "-show_format", "-show_streams", "-of", "json", str(path)]
    said = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    return {"format": said["format"], **{stream["codec_type"]: stream for stream in said["streams"]}}


def times(path: Path) -> list[float]:
    """Seconds at which each picture begins."""
    command = ["ffprobe", "-v", "error", "-select_streams", "v", "-show_entries", "frame=pts_time", "-of", "csv=p=0"]
    lines = subprocess.run([*command, str(path)], capture_output=True, check=True, text=True).stdout.split()
    return [float(line.split(",")[0]) for line in lines]


def pictures(path: Path, torn: bool = False) -> np.ndarray:
    """All pictures, (n, height, width, 3) uint8, without errors; torn: up to where the file breaks off."""
    video = probed(path)["video"]
    strict = () if torn else ("-xerror",)
    command = ["ffmpeg", "-v", "error", *strict, "-i", str(path), "-map", "0:v", "-f", "rawvideo", "-pix_fmt",
               "rgb24", "-vf", "scale=in_color_matrix=bt709:in_range=tv", "-fps_mode", "passthrough", "-"]  # fmt: skip
    raw = subprocess.run(command, capture_output=True, check=not torn).stdout
    return np.frombuffer(raw, np.uint8).reshape(-1, video["height"], video["width"], 3)


def flashes(path: Path) -> list[float]:
    """Seconds at which a dark picture is followed by a bright one."""
    light = pictures(path).mean((1, 2, 3)) > 100
    begins = times(path)
    return [begins[n] for n in range(1, len(light)) if light[n] and not light[n - 1]]


def heard(path: Path) -> np.ndarray:
    """The sound, (2, n) at 48 kHz, from second 0 of the file."""
    command = ["ffmpeg", "-v", "error", "-i", str(path), "-map", "0:a", "-f", "f32le", "-ac", "2", "-ar", "48000",
               "-af", "aresample=async=1:first_pts=0", "-"]  # fmt: skip
    raw = subprocess.run(command, capture_output=True, check=True).stdout
    return np.frombuffer(raw, np.float32).reshape(-1, 2).T


def clicks(path: Path) -> list[float]:
    """Seconds at which it becomes loud after a tenth of a second of quiet."""
    loud = np.flatnonzero(np.abs(heard(path)).max(0) > 0.3)
    return [n / 48_000 for k, n in enumerate(loud) if k == 0 or n - loud[k - 1] > 4_800]
