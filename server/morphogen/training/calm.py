"""The last step of a training: a style that flashes too much is calmed until photosensitive viewers may watch it.

It is played against a loud rehearsal (`loud`) and measured by `flash.FlashMeter`. While it flashes too much, what
drives it is turned down, a little at a time: the weights that first layer and geometry give to a band, and the speeds
of the geometry. What goes first is what flickers most where the picture flickers, for what it contributes to the
reaction. No band is turned down below the floor that tells a reacting style from a deaf one. Needs no torch.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from morphogen.clock import Clock, WallClock
from morphogen.field.geometry import COLUMNS, TIME, rows
from morphogen.field.network import Network
from morphogen.field.scene import Scene
from morphogen.flash import ALLOWED, LINEAR, LUMA, Flashes, FlashMeter
from morphogen.frame import TargetSpec
from morphogen.render.cpu.renderer import CpuRenderer
from morphogen.training.loud import FPS, Row, rehearsal

SIZE = (96, 54)  # within half a flash of 256x144 on 47 styles, in a quarter of the time
SMALL = (64, 36)  # for the search of what flickers
SPREAD = 0.2  # share of a field in which there may be more flashes: the limit has 0.25
HEARD = ("bass", "mid", "treble", "beat", "rms", "flux", "centroid", "rolloff")
LOW, HIGH = 0.1, 0.9
FLOOR = 0.01  # mean change of the picture that a band keeps, if it had it: a style is deaf below 0.004
ROUNDS, STEP = 16, 0.5
BACK = 2  # times that the last step is halved, to give back what need not have gone
LEAST = 0.03  # of the flicker that must go with half of a drive, or it is left alone
PLACE = 20.0  # seconds at which what is slowed down stays where it was: a thumbnail's moment
LOSS = 0.003  # added to what is lost: a drive that does next to nothing else is no prize
PROBES = (5.0, 13.0, 19.0)  # seconds at which the reaction is looked at
Picture = NDArray[np.uint8]


@dataclass(frozen=True)
class Drive:
    """What moves a picture. frame: a frame input. row: of the geometry, or None: the weights of the first layer."""

    frame: str
    row: int | None = None


@dataclass(frozen=True)
class Reading:
    """most: flashes in the worst second, of luminance or of red; area: share of the worst field that flashed more
    often than is allowed; at: (stretch, frame) where it was worst; red: it is the red ones."""

    most: float
    area: float
    at: tuple[int, int]
    red: bool

    @property
    def strict(self) -> bool:
        """Whether the strict limit is kept."""
        return int(self.most) <= ALLOWED

    @property
    def calm(self) -> bool:
        """Whether it is, with a margin."""
        return self.strict and self.area <= SPREAD


@dataclass(frozen=True)
class Calmed:
    """network: the calmed one, or what was given. before, after: readings (a reading ends once it is hopeless). kept:
    what is left of each drive that was turned down, by its name."""

    network: Network
    before: Reading
    after: Reading
    kept: Mapping[str, float]
    seconds: float

    def line(self) -> str:
        """For people."""
        if not self.after.strict:
            return f"still flashes {self.after.most:g} times in a second of loud music: warn photosensitive viewers"
        done = ", ".join(f"{name} to {100 * share:.0f} %" for name, share in self.kept.items())
        return f"keeps the strict limit of flashes on loud music{f'; turned down: {done}' if done else ''}"

    def describe(self) -> dict[str, Any]:
        """As the style's file keeps it."""
        return {"strict": self.after.strict, "before": self.before.most, "after": self.after.most,
                "turned_down": {name: round(share, 3) for name, share in self.kept.items()}}  # fmt: skip


def calm(network: Network, clock: Clock | None = None) -> Calmed:
    """Turn a style down until it keeps the limit, or as far as the floors allow. Takes up to a few seconds."""
    clock = clock or WallClock()
    began, player = clock.now(), _Player()
    try:
        before = after = player.read(network)
        search = _Search(network, player)
        for _ in range(ROUNDS):
            if after.calm or not search.step(after):
                break
            after = player.read(search.network, after.at[0], hurry=True)
        else:
            after = player.read(search.network)
        if after.calm and search.kept():
            after = search.back(after)
        return Calmed(search.network, before, after, search.kept(), clock.now() - began)
    finally:
        player.close()


def read(network: Network) -> Reading:
    """What a network flashes in the rehearsal; up to the first frame that is too much."""
    player = _Player()
    try:
        return player.read(network, hurry=True)
    finally:
        player.close()


def drives(network: Network) -> Iterator[Drive]:
    """All that moves it, but its own slow time: that runs in whole turns and is not touched."""
    inputs = network.shape.inputs
    yield from (Drive(name) for name in HEARD if name in inputs and network.tensors[0][:, inputs.index(name)].any())
    for row, numbers in enumerate(network.geometry):
        yield from (Drive(n, row) for n, value in zip(COLUMNS[1:], numbers[1:], strict=True) if value)


def turned(network: Network, shares: Mapping[Drive, float], place: float = PLACE) -> Network:
    """With so much left of each of these drives; at `place` seconds what runs round stands where it stood."""
    inputs, first, geometry = network.shape.inputs, network.tensors[0].copy(), network.geometry.copy()
    table = rows(tuple(inputs))
    for drive, share in shares.items():
        if drive.row is None:
            first[:, inputs.index(drive.frame)] *= np.float32(share)
            continue
        row, column, parameter = geometry[drive.row], COLUMNS.index(drive.frame), table[drive.row][1]
        if column == TIME and share < 1 and parameter.kind == "wrap":
            run = row[0] + (1 - share) * row[TIME] * place - parameter.low
            row[0] = parameter.low + run % (parameter.high - parameter.low)
        row[column] *= share
    return replace(network, tensors=(first, *network.tensors[1:]), geometry=geometry)


class _Player:
    """Draws and measures. One thread; `close` frees the renderer."""

    def __init__(self) -> None:
        self._renderer = CpuRenderer(1)
        self.close = self._renderer.close

    def draw(self, network: Network, row: Mapping[str, float], size: tuple[int, int]) -> Picture:
        """(height, width, 4), without dither, which would move by itself."""
        spec = TargetSpec(*size)
        pixels = np.empty(spec.pixel_bytes, np.uint8)
        self._renderer.render(Scene((network,), row, dither=False), [(spec, pixels)])
        return pixels.reshape(spec.height, spec.width, 4)

    def read(self, network: Network, first: int = 0, hurry: bool = False) -> Reading:
        """All stretches, beginning with `first`. hurry: only up to the first frame that is too much."""
        stretches = rehearsal()
        worst = Reading(0.0, 0.0, (first, 0), False)
        for n in sorted(range(len(stretches)), key=lambda n: n != first):
            found = self._stretch(network, n, stretches[n], hurry)
            worst = max(worst, found, key=lambda r: (not r.calm, r.most, r.area))
            if hurry and not worst.calm:
                break
        return worst

    def _stretch(self, network: Network, number: int, rows: Sequence[Row], hurry: bool) -> Reading:
        meter = FlashMeter(SIZE, FPS)
        for frame, row in enumerate(rows):
            meter.feed(self.draw(network, row, SIZE))
            general, red = meter.general, meter.red
            if hurry and not _reading(general, red, (number, frame)).calm:
                return _reading(general, red, (number, frame))
        worse = red if (red.most, red.area) > (general.most, general.area) else general
        return _reading(general, red, (number, round(worse.seconds * FPS)))


def _reading(general: Flashes, red: Flashes, at: tuple[int, int]) -> Reading:
    """The worse of two."""
    worse = (red.most, red.area) > (general.most, general.area)
    return Reading(max(general.most, red.most), max(general.area, red.area), at, worse)


class _Search:
    """What is left of each drive, and which of them goes next."""

    def __init__(self, network: Network, player: _Player) -> None:
        self._given, self._player = network, player
        self.network = network
        self._shares = dict.fromkeys(drives(network), 1.0)
        self._before = self._shares
        self._fixed: set[Drive] = set()
        least = self._reaction(network)
        self._floor = {name: min(FLOOR, value) for name, value in least.items()}

    def kept(self) -> dict[str, float]:
        """{name: share} of what was turned down; drives of one name by their mean."""
        found: dict[str, list[float]] = {}
        for drive, share in self._shares.items():
            found.setdefault(self._name(drive), []).append(share)
        return {name: float(np.mean(shares)) for name, shares in found.items() if min(shares) < 1}

    def step(self, reading: Reading) -> bool:
        """Turn down once. False: nothing is left that may be."""
        gains = self._gains(reading)
        while gains:
            best = max(gains.values())
            shares = dict(self._shares)
            for drive, gain in gains.items():
                shares[drive] *= STEP ** (gain / best)
            network = turned(self._given, shares)
            deaf = [name for name, value in self._reaction(network).items() if value < self._floor[name]]
            stuck = {drive for drive in gains if drive.frame in deaf}
            if not stuck:
                self._before, self._shares, self.network = self._shares, shares, network
                return True
            self._fixed |= stuck
            gains = {drive: gain for drive, gain in gains.items() if drive not in stuck}
        return False

    def back(self, reading: Reading) -> Reading:
        """Give back as much of the last step as leaves it calm; its reading."""
        low, high = self._shares, self._before
        for _ in range(BACK):
            between = {drive: (low[drive] * high[drive]) ** 0.5 for drive in low}
            network = turned(self._given, between)
            found = self._player.read(network, reading.at[0], hurry=True)
            if found.calm:
                low, reading, self.network = between, found, network
            else:
                high = between
        self._shares = low
        return reading

    def _gains(self, reading: Reading) -> dict[Drive, float]:
        """Of each drive: flicker that goes when it is halved, where the picture flickers, for the reaction lost."""
        end = max(reading.at[1], FPS)
        heard = rehearsal()[reading.at[0]][end - FPS : end : 2]
        way = self._way(self.network, heard, reading.red)
        total, gains = float(np.square(way).sum()) or 1.0, {}
        for drive in self._shares:
            if drive in self._fixed:
                continue
            halved = turned(self.network, {drive: 0.5}, heard[0]["time"])
            gain = float((way * (way - self._way(halved, heard, reading.red))).sum()) / total
            if gain > LEAST:
                gains[drive] = gain / (self._lost(drive) + LOSS)
        return gains

    def _way(self, network: Network, heard: Sequence[Row], red: bool) -> NDArray[np.float32]:
        """How far each pixel's luminance (or red) travels, up and down."""
        signals = []
        for row in heard:
            r, g, b = (LINEAR.take(self._player.draw(network, row, SMALL)[..., n]) for n in range(3))
            signals.append(np.maximum(r - g - b, 0) if red else LUMA[0] * r + LUMA[1] * g + LUMA[2] * b)
        return np.asarray(np.abs(np.diff(np.stack(signals), axis=0)).sum(0), np.float32)

    def _lost(self, drive: Drive) -> float:
        """Mean change of the picture that goes with half of a drive: of a loud band, of a second of silence."""
        apart = []
        for time in PROBES:
            halved = turned(self.network, {drive: 0.5}, time)
            row = _held(time + 1.0) if drive.frame == "time" else _held(time, **{drive.frame: HIGH})
            apart.append(self._apart(*(self._player.draw(network, row, SMALL) for network in (self.network, halved))))
        return float(np.mean(apart))

    def _reaction(self, network: Network) -> dict[str, float]:
        """Mean change of the picture as each band comes, and within a second of silence ('time')."""
        found = {}
        for name in {drive.frame for drive in self._shares}:
            pairs = [
                ({"time": t}, {"time": t + 1.0}) if name == "time" else ({name: LOW}, {name: HIGH}) for t in PROBES
            ]
            found[name] = float(np.mean([
                self._apart(*(self._player.draw(network, _held(**{"time": t} | moment), SMALL) for moment in pair))
                for t, pair in zip(PROBES, pairs, strict=True)
            ]))  # fmt: skip
        return found

    @staticmethod
    def _apart(a: Picture, b: Picture) -> float:
        return float(np.abs(a[..., :3].astype(np.int16) - b[..., :3]).mean()) / 255

    def _name(self, drive: Drive) -> str:
        if drive.row is None:
            return drive.frame
        field, parameter = rows(self._given.shape.inputs)[drive.row]
        return f"{drive.frame} on {field} {parameter.name}"


def _held(time: float, **heard: float) -> Row:
    """A moment of silence but for what is named."""
    return {**dict.fromkeys(COLUMNS[1:], 0.0), "time": time, **heard}
