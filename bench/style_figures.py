"""What `bench/styles.py` measures of one style: reaction, flashes, picture, cost. Each part is one plain dictionary."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from morphogen.field.network import init_glow, preset
from morphogen.field.scene import Scene
from morphogen.flash import Flashes, FlashMeter
from morphogen.frame import TargetSpec
from morphogen.library.style import Style
from morphogen.offline.rehearsal import Rehearsal
from morphogen.offline.track import Track
from morphogen.render.cost import Bill
from morphogen.render.cpu.renderer import CpuRenderer

SIZE = (256, 144)
FRAME = (1920, 1080)
BANDS = ("bass", "mid", "treble", "beat", "rms")
LOW, HIGH = 0.1, 0.9
MOMENTS = {"early": 5.0, "later": 109.0, "hour": 3619.0}  # 5, 13 and 19 s into the 24 s that trained styles repeat
LEVELS: dict[str, dict[str, float]] = {
    "quiet": {},
    "mid": {"bass": 0.4, "mid": 0.45, "treble": 0.35, "centroid": 0.45, "rolloff": 0.45, "flux": 0.25, "progress": 0.3,
            "beat": 0.3, "rms": 0.4},
    "loud": {"bass": 0.9, "mid": 0.8, "treble": 0.8, "centroid": 0.6, "rolloff": 0.6, "flux": 0.6, "progress": 0.6,
             "beat": 1.0, "rms": 0.9},
}  # fmt: skip
HELD_OUT = (  # other times, other mixtures
    (7.0, {"bass": 1.0, "treble": 1.0, "rms": 0.7, "centroid": 0.7, "rolloff": 0.7, "flux": 0.5, "progress": 0.1}),
    (52.5, {"mid": 0.9, "beat": 0.5, "rms": 0.6, "centroid": 0.3, "rolloff": 0.4, "flux": 0.4, "progress": 0.8}),
    (911.0, {"bass": 0.5, "mid": 0.5, "rms": 0.5, "centroid": 0.5, "rolloff": 0.5, "flux": 0.2, "progress": 0.5}),
)
# What people have the music do to the view (docs, parameters, recipes).
ROUTES = (
    {"source": "audio/bass", "target": "view/zoom", "amount": 0.12, "curve": "square"},
    {"source": "audio/mid", "target": "view/warp", "amount": 0.3},
    {"source": "audio/treble", "target": "color/exposure", "amount": 0.08},
    {"source": "audio/beat", "target": "color/saturation", "amount": 0.15},
)
VISIBLE = 8  # levels of 255, in any channel: two pictures in turn are told apart
EMPTY = 0.06  # luminance's standard deviation under which there is next to nothing to see
STATIC, RESTLESS = 0.004, 0.6  # mean change over a second in silence; way that a channel travels in a second, all 0..1
WINDOW = 9  # pixels, 3.5 % of the width
SECONDS, FPS = 20.0, 60  # of a track
LUMA = np.array([0.2126, 0.7152, 0.0722])
Picture = NDArray[np.uint8]


@dataclass
class Bench:
    """What all styles share: the tracks, a renderer for small pictures and one that learns what 1080p costs here, and
    what a slot of a known network took."""

    tracks: Sequence[Track]
    renderer: CpuRenderer = field(default_factory=lambda: CpuRenderer(1))  # on two cores small pictures mostly wait
    stage: CpuRenderer = field(default_factory=CpuRenderer)
    slot_seconds: float = 0.0

    def close(self) -> None:
        self.renderer.close()
        self.stage.close()

    def rehearsal(self, style: Style, routes: Iterable[Mapping[str, Any]] = (), **settings: Any) -> Rehearsal:
        return Rehearsal(style, self.renderer, tuple(routes), settings)


def difference(a: Picture, b: Picture) -> tuple[float, float]:
    """(mean absolute difference of red, green and blue 0..1, share of pixels that visibly differ)."""
    apart = np.abs(a[..., :3].astype(np.int16) - b[..., :3])
    return float(apart.mean()) / 255, float((apart.max(-1) >= VISIBLE).mean())


def pixels(rehearsal: Rehearsal, scene: Scene) -> Picture:
    return rehearsal.draw(scene, SIZE)[..., :3].copy()


# --- reaction


def reaction(bench: Bench, style: Style) -> dict[str, Any]:
    """Each band alone from 0.1 to 0.9, mean over three moments; without and with the view moved by the music."""
    found: dict[str, Any] = {}
    for name, routes in (("bare", ()), ("moved", ROUTES)):
        with bench.rehearsal(style, routes) as rehearsal:
            found[name] = {band: _band(rehearsal, band) for band in BANDS}
    with bench.rehearsal(style) as rehearsal:
        found["silence"] = {when: _breath(rehearsal, MOMENTS[when]) for when in ("early", "hour")}
    return found


def _band(rehearsal: Rehearsal, band: str) -> dict[str, float]:
    pairs = []
    for time in MOMENTS.values():
        low = pixels(rehearsal, rehearsal.hold(time, **{band: LOW}))
        pairs.append(difference(low, pixels(rehearsal, rehearsal.hold(time, **{band: HIGH}))))
    change, visible = np.mean(pairs, axis=0)
    return {"change": round(float(change), 4), "visible": round(float(visible), 3)}


def _breath(rehearsal: Rehearsal, begin: float) -> dict[str, float]:
    """Three seconds of silence at 30 frames a second. change: between pictures a second apart; way: how far a channel
    travels in a second, there and back counted; step: the largest change from one frame to the next."""
    pictures = [pixels(rehearsal, rehearsal.hold(begin + n / 30)) for n in range(91)]
    steps = [difference(a, b)[0] for a, b in pairwise(pictures)]
    seconds = [difference(pictures[n], pictures[n + 30])[0] for n in (0, 30, 60)]
    return {
        "change": round(float(np.mean(seconds)), 4), "way": round(float(np.mean(steps)) * 30, 4),
        "step": round(max(steps), 4),
    }  # fmt: skip


# --- music


def music(bench: Bench, style: Style) -> dict[str, Any]:
    """20 s of each track's loudest part at 60 frames a second: how the picture follows, and whether it flashes."""
    return {track.name: _track(bench, style, track) for track in bench.tracks}


def _track(bench: Bench, style: Style, track: Track) -> dict[str, Any]:
    meter = FlashMeter(SIZE, FPS)
    steps, heard, apart, before, features = [], [], [], None, None
    with bench.rehearsal(style) as rehearsal, bench.rehearsal(style) as silent:
        for n, scene in enumerate(rehearsal.play(track, track.loudest(SECONDS), SECONDS, FPS, MOMENTS["early"])):
            picture = pixels(rehearsal, scene)
            meter.feed(picture)
            if n % 2:
                continue
            now = np.array([scene.values[band] for band in BANDS])
            if before is not None:
                steps.append(difference(before, picture)[0])
                heard.append(float(np.abs(now - features).sum()))
            before, features = picture, now
            if n % 12 == 0:
                apart.append(difference(pixels(silent, silent.hold(scene.values["time"])), picture))
    moved, visible = np.mean(apart, axis=0)
    return {
        "moved": round(float(moved), 4), "visible": round(float(visible), 3),
        "way": round(30 * float(np.mean(steps)), 4),
        "step_p99": round(float(np.percentile(steps, 99)), 4), "follows": _correlation(steps, heard),
        "flash": _flashes(meter.general), "red": _flashes(meter.red), "safe": meter.safe,
        "broadcast": meter.broadcast,
    }  # fmt: skip


def _flashes(found: Flashes) -> dict[str, float]:
    return {
        "most": found.most, "picture_most": found.picture_most, "area": round(found.area, 3),
        "whole": round(found.whole, 3), "at": round(found.seconds, 2),
    }  # fmt: skip


def _correlation(steps: Sequence[float], heard: Sequence[float]) -> float:
    """Between how much the picture and how much the music changed from frame to frame."""
    if np.std(steps) < 1e-9 or np.std(heard) < 1e-9:
        return 0.0
    return round(float(np.corrcoef(steps, heard)[0, 1]), 3)


# --- the picture itself


def guards(bench: Bench, style: Style) -> dict[str, Any]:
    """Nine states and three that are held out: brightness, contrast, what is cut off, slow gradients."""
    with bench.rehearsal(style, (), **{"output/dither": False}) as rehearsal:
        rows = [_look(pixels(rehearsal, scene)) for scene in states(rehearsal)]
    table = {key: [row[key] for row in rows] for key in rows[0]}
    contrast = table["std"]
    return {
        "mean": [round(min(table["mean"]), 3), round(max(table["mean"]), 3)],
        "contrast": round(min(contrast), 3), "contrast_mean": round(float(np.mean(contrast)), 3),
        "contrast_unseen": round(min(contrast[-len(HELD_OUT) :]), 3),
        "black": round(max(table["black"]), 3), "white": round(max(table["white"]), 3),
        "cut": round(max(table["cut"]), 3), "bands": round(max(table["bands"]), 3),
        "empty": sum(value < EMPTY for value in contrast),
    }  # fmt: skip


def states(rehearsal: Rehearsal) -> Iterator[Scene]:
    """The twelve."""
    for time in MOMENTS.values():
        for level in LEVELS.values():
            yield rehearsal.hold(time, **level)
    for time, level in HELD_OUT:
        yield rehearsal.hold(time, **level)


def _look(picture: Picture) -> dict[str, float]:
    """mean, std: of luminance as sent (0..1). black, white: shares of pixels with nothing above 2, nothing below 253.
    cut: with a channel at 255 that is not white: colour lost. bands: with a gradient so slow that one level of 8 bits
    is a band of 3.5 % of the width or more, which would be seen without the dither."""
    luminance = picture @ LUMA / 255
    low, high = picture.min(-1), picture.max(-1)
    spread = _range(picture)
    return {
        "mean": float(luminance.mean()), "std": float(luminance.std()), "black": float((high <= 2).mean()),
        "white": float((low >= 253).mean()), "cut": float(((high == 255) & (low < 253)).mean()),
        "bands": float(((spread > 0) & (spread <= 2) & (high > 2)).mean()),
    }  # fmt: skip


def _range(picture: Picture) -> NDArray[np.int16]:
    """Of every pixel: the widest range of a channel in the window around it."""
    high = low = picture.astype(np.int16)
    for axis in (0, 1):
        for ends, take in ((1, np.maximum), (-1, np.minimum)):
            source = high if ends > 0 else low
            padded = np.pad(source, [(WINDOW // 2, WINDOW // 2) if a == axis else (0, 0) for a in range(3)], "edge")
            size = source.shape[axis]
            parts = [np.take(padded, np.arange(k, k + size), axis) for k in range(WINDOW)]
            merged = take.reduce(parts)
            high, low = (merged, low) if ends > 0 else (high, merged)
    return (high - low).max(-1)


# --- cost


def cost(bench: Bench, style: Style) -> dict[str, Any]:
    """Milliseconds of a whole 1080p frame as predicted from the style's arithmetic and as measured, and the inner scale
    that the daemon would take for 60 frames a second, with the time that a frame takes then."""
    spec, renderer = TargetSpec(*FRAME), bench.stage
    if not bench.slot_seconds:
        known = init_glow(preset("3L_4D"), 3)
        slots = sum(Bill.of((known.shape,)).total([spec], {}))
        bench.slot_seconds = _frame(renderer, Scene((known,)), spec) / slots
    with bench.rehearsal(style) as rehearsal:
        scene = rehearsal.hold(MOMENTS["early"], **LEVELS["mid"])
    bill = Bill.of((style.shape,))
    whole = None if bill.wide else _frame(renderer, scene, spec)
    renderer.limit(1 / 60)
    try:
        live = _frame(renderer, scene, spec)
        inner = renderer.describe()["inner"].get(f"{FRAME[0]}x{FRAME[1]}", 1)
    finally:
        renderer.limit(0)
    return {
        "predicted_ms": None if bill.wide else _ms(sum(bill.total([spec], {})) * bench.slot_seconds),
        "whole_ms": None if whole is None else _ms(whole), "inner": inner, "live_ms": _ms(live),
        "parameters": style.shape.parameters,
    }  # fmt: skip


def _frame(renderer: CpuRenderer, scene: Scene, spec: TargetSpec, frames: int = 15) -> float:
    """Seconds, the median of some; the machine may have other work, so a look at the fastest would flatter."""
    out = np.empty(spec.pixel_bytes, np.uint8)
    times = []
    for _ in range(frames):
        start = perf_counter()
        renderer.render(scene, [(spec, out)])
        times.append(perf_counter() - start)
    return float(np.median(times[3:]))


def _ms(seconds: float) -> float:
    return round(1e3 * seconds, 2)


PARTS: dict[str, Callable[[Bench, Style], dict[str, Any]]] = {
    "reaction": reaction, "music": music, "guards": guards, "cost": cost,
}  # fmt: skip
