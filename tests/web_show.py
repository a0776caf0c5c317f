"""A moving stand-in for the instrument: pictures, meters, tempo, styles with thumbnails. For the page's tests."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from fakes import FakeHost, FakeParams
from morphogen.clock import WallClock
from morphogen.contracts import Sink, TempoState
from morphogen.errors import StateError
from morphogen.frame import Frame, FrameInfo, FramePool
from morphogen.library.draw import untrained
from morphogen.library.exchange import as_picture, received
from morphogen.params.catalog import FEATURES
from morphogen.sink_options import target_spec
from morphogen_bridges.servers.http import HttpServer

STYLES = (
    ("cosmic", "galaxy", "a spiral galaxy"), ("cosmic", "nebula", "a glowing nebula"),
    ("cosmic", "supernova", "the remnant of a supernova"), ("cosmic", "black_hole", "a black hole bending light"),
    ("cosmic", "web", "filaments of the cosmic web"), ("micro", "mitosis", "a cell dividing"),
    ("micro", "bacteria", "bacteria under a microscope"), ("mood", "euphoria", "a moment of euphoria"),
    ("micro", "neuron", "a neuron firing"), ("micro", "vessels", "blood vessels branching"),
)  # fmt: skip
SOURCES = [*FEATURES, "lfo1", "lfo2", "lfo3", "lfo4", "tempo/beat", "tempo/bar"]
ROUTES = [
    {"source": "bass", "target": "view/zoom", "amount": 0.35, "curve": "linear"},
    {"source": "lfo1", "target": "color/hue", "amount": 0.2, "curve": "smooth"},
    {"source": "onset", "target": "color/exposure", "amount": 0.5, "curve": "square"},
]


class QuietParams(FakeParams):
    """Features move without an event each; everything else as in the fake."""

    def hear(self, feature: str, value: float) -> None:
        self.values[f"audio/{feature}"] = value


class Show(FakeHost):
    """A host that answers like the real one, with styles in `folder`."""

    def __init__(self, folder: Path, size: tuple[int, int] = (1920, 1080)) -> None:
        super().__init__(size=size)
        self.clock = WallClock()
        self.params = QuietParams(self)
        self.tempo_state = TempoState(126.0, 0.0, self.clock.now(), 0.8, "audio")
        self.folder = folder
        self.style = "cosmic/galaxy"
        self.layer = ""
        self.size_text, self.backend = f"{size[0]}x{size[1]}", "cpu"
        self.routes = [dict(route) for route in ROUTES]
        self.kept: dict[int, Any] = {}
        self.frames = 0
        self.answers = {
            "style.list": self.listed, "style.current": self.current, "style.load": self.load,
            "style.put": self.put, "style.share": self.share,
            "style.next": lambda **_: self.step(1), "style.previous": lambda **_: self.step(-1),
            "stats": self.numbers, "mod.list": self.matrix, "mod.set": self.set_matrix,
            "snapshot.list": lambda: {"slots": self.kept}, "snapshot.store": self.store,
            "snapshot.recall": self.recall, "tempo.tap": self.tapped, "tempo.beat": self.tapped,
            "audio.devices": lambda: [
                {"name": "Scarlett 2i2", "channels": 2, "rate": 48000, "default": True},
                {"name": "Built-in microphone", "channels": 1, "rate": 44100, "default": False},
            ],
            "audio.select": lambda source: {"audio": source},
            "show.get": lambda: {"size": self.size_text, "backend": self.backend, "backends": ["cpu", "opengl"]},
            "show.set": self.set_show,
            "layer.load": self.lay, "layer.clear": lambda: self.lay(""),
        }  # fmt: skip

    def set_show(self, size: str = "", backend: str = "") -> dict[str, Any]:
        if backend == "opengl":
            raise StateError("there is no graphics card.", "Put one in.")
        self.size_text = size or self.size_text
        return self.answers["show.get"]()

    def lay(self, name: str) -> dict[str, Any]:
        self.layer = name
        return {"name": name}

    def listed(self) -> list[dict[str, Any]]:
        return [
            {"name": f"{series}/{name}", "title": name.replace("_", " ").capitalize(), "series": series,
             "prompt": prompt, "guide": "concepts", "score": 0.8, "shape": "3L_4D", "trained": True,
             "path": str(self.folder / series / f"{name}.safetensors")}
            for series, name, prompt in STYLES
        ]  # fmt: skip

    def current(self) -> dict[str, Any]:
        return next(style for style in self.listed() if style["name"] == self.style) | {"generation": 1}

    def load(self, name: str, seconds: float | None, on: str) -> dict[str, Any]:
        if name not in {style["name"] for style in self.listed()}:
            raise StateError(f"there is no style {name!r}.", "See `morphogen styles list`.")
        self.style = name
        self.emit("style", {"name": name, "generation": 2})
        return {"generation": 2, "frame": self.frames, "name": name}

    def put(self, blob: bytes, seconds: float | None, on: str) -> dict[str, Any]:
        style = received(blob)
        self.emit("style", {"name": style.name, "title": style.title, "prompt": style.prompt, "generation": 2})
        return {"generation": 2, "frame": self.frames, "name": style.name}

    def share(self, name: str) -> dict[str, Any]:
        style = replace(untrained("3L_4D", 7), name=name or self.style, title="", series="")
        return {"name": style.name, "png": as_picture(style, np.zeros((9, 16, 3), np.uint8))}

    def step(self, by: int) -> dict[str, Any]:
        names = [style["name"] for style in self.listed()]
        return self.load(names[(names.index(self.style) + by) % len(names)], None, "now")

    def numbers(self) -> dict[str, Any]:
        return {"frames": self.frames, "fps": 59.9, "frame_ms": {"p50": 2.1, "p99": 3.0}, "late": 0,
                "dropped": {"web": 0}, "backend": "cpu", "size": "x".join(map(str, self.show_size)),
                "rss_mb": 140, "audio": "demo", "style": self.style}  # fmt: skip

    def matrix(self) -> dict[str, Any]:
        return {"sources": SOURCES, "curves": ["linear", "square", "smooth", "steps"], "routes": self.routes}

    def set_matrix(self, routes: list[Any]) -> dict[str, Any]:
        self.routes = routes
        return {"routes": len(routes)}

    def store(self, slot: int) -> dict[str, Any]:
        self.kept[slot] = {"style": self.style, "params": 40}
        return {"slot": slot}

    def recall(self, slot: int, seconds: float, on: str | None = None) -> dict[str, Any]:
        if slot not in self.kept:
            raise StateError(f"snapshot {slot} is empty.", "Store it first.")
        return {"slot": slot}

    def tapped(self) -> dict[str, Any]:
        self.tempo_state = TempoState(self.tempo_state.bpm, 0.0, self.clock.now(), 1.0, "tap")
        return {"bpm": self.tempo_state.bpm, "source": "tap"}


class Player:
    """What the engine does for a sink: renders while watched, on a thread of its own."""

    def __init__(self, show: Show, sink: Sink, fps: float = 30.0, seed: int = 3) -> None:
        self.show, self.sink, self.fps = show, sink, fps
        self.rendered = 0
        self._stop = threading.Event()
        self._rng = np.random.default_rng(seed)
        self._layers: list[tuple[np.ndarray, np.ndarray]] = []
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Player:
        self.sink.open(self.show)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(5)
        self.sink.close()

    def _run(self) -> None:
        spec = target_spec(self.sink, self.sink.options, self.show.show_size)
        pool, start = FramePool(spec), time.perf_counter()
        while not self._stop.wait(1 / self.fps):
            now = time.perf_counter() - start
            self._sound(now)
            self.show.frames += 1
            if self.sink.watched():
                frame = pool.take(FrameInfo(spec, self.show.frames))
                self._draw(frame, now)
                self.sink.write(frame)
                frame.release()
                self.rendered += 1

    def _sound(self, now: float) -> None:
        phase = self.show.tempo_state.phase_at(self.show.clock.now())
        beat = float(np.exp(-4 * phase))
        for n, feature in enumerate(FEATURES):
            slow = 0.5 + 0.35 * np.sin(now * (0.7 + 0.23 * n) + n)
            self.show.params.hear(feature, float(np.clip(slow * (0.55 + 0.45 * beat), 0, 1)))
        self.show.params.hear("beat", beat)

    def _draw(self, frame: Frame, now: float) -> None:
        """A small random network with the seeds' layout and the `glow` start: tendrils of light on black."""
        height, width = frame.pixels.shape[:2]
        step = max(1, width // 240)
        y, x = np.mgrid[0:height:step, 0:width:step].astype(np.float32)
        x, y = (x / height - width / height / 2) * 1.2, (y / height - 0.5) * 1.2
        r = np.hypot(x, y)
        v = np.stack([x, y, r, np.full_like(x, np.sin(now * 0.4)), np.full_like(x, np.cos(now * 0.31))], -1)
        if not self._layers:
            widths = (5, 6, 6, 3)
            self._layers = [
                (self._rng.normal(0, 5 / np.sqrt(a), (a, b)), self._rng.uniform(-1.5, 1.5, b))
                for a, b in pairwise(widths)
            ]
        for n, (weights, bias) in enumerate(self._layers):
            v = v @ weights.astype(np.float32) * (0.36 if n else 0.62) + bias
            v = (np.sin(v), np.exp(-v * v), v)[n]
        light = 1 / (1 + np.exp(-(v * 2.2 - 1.6)))
        black = self.show.params.values["output/blackout"]
        light = light * self.show.params.values["output/master"] * (0 if black else 1)
        small = Image.fromarray((light[..., ::-1] * 255).astype(np.uint8))
        frame.pixels[..., :3] = np.asarray(small.resize((width, height), Image.Resampling.BICUBIC))
        frame.pixels[..., 3] = 255


def make_styles(folder: Path, sheet: Path | None = None) -> Path:
    """A thumbnail beside each style's (missing) file: from a contact sheet of 128 px squares, or a gradient."""
    squares = Image.open(sheet).convert("RGB") if sheet else None
    for n, (series, name, _) in enumerate(STYLES):
        (folder / series).mkdir(parents=True, exist_ok=True)
        if squares is not None:
            picture = squares.crop((n * 128, 128, n * 128 + 128, 256)).resize((256, 256), Image.Resampling.LANCZOS)
        else:
            y, x = np.mgrid[0:40, 0:64]
            rgb = np.stack([(x * 4) % 256, (y * 6) % 256, np.full_like(x, n * 25)], -1).astype(np.uint8)
            picture = Image.fromarray(rgb)
        picture.save(folder / series / f"{name}.png")
    return folder


@contextmanager
def serving(show: Show, fps: float = 0.0) -> Iterator[HttpServer]:
    """The page's server on a free port, with so many pictures a second; 0: none."""
    server = HttpServer(port=0)
    server.open(show)
    with Player(show, server.sinks()[0], fps) if fps else nullcontext():
        yield server
    server.close()
