"""The test card: a picture in which every usual fault of a video link shows, and the eye that reads it.

    sent = card((320, 180), PixelFormat.RGBA8, Alpha.STRAIGHT, index=7)
    verdict = check(received, sent)             # received: uint8 (height, width, 3 or 4)
    verdict.ok(), verdict.faults(), verdict.psnr, verdict.index

The card: red rises to the right, green downwards, blue towards the top left; alpha dips in the middle, unless opaque.
Four grey corner marks, white black on top and two greys below; between the upper two the frame index in sixteen black
or white blocks. Marks and index are opaque and grey, so that no swap of channels hides them.

The eye compares block means with what every combination of faults would look like, so it works through a lossy codec
and on a picture of another size.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import permutations, product

import numpy as np
from numpy.typing import NDArray

from morphogen.clock import WallClock
from morphogen.frame import Alpha, Frame, FrameInfo, FramePool, PixelFormat, TargetSpec

SMALLEST = (48, 24)
BITS = 16
MARKS = (255, 0, 85, 170)  # top left, top right, bottom left, bottom right
ALPHA_LOW = 0.3  # of full, in the middle of the ramp
GRID = (16, 24)  # rows, columns of block means
BELOW = slice(3, None)  # rows without the index: a card is told from another fault, not from its neighbour
LEAST_PSNR = 30.0  # dB; NDI reaches 32 in its worst channel on such pictures
ALPHA_WEIGHT = 0.005  # lost alpha must not hide what happened to colour
UNLIKE = 18.0  # dB of the block means; below it the picture is not the card, whatever is swapped

_FLIPS = {"": (1, 1), "upside down": (-1, 1), "mirrored": (1, -1), "turned by half a turn": (-1, -1)}
_NAMES = {"BGRA": "red and blue swapped", "GRBA": "red and green swapped", "RBGA": "green and blue swapped"}
Floats = NDArray[np.float64]


def _linear(v: Floats) -> Floats:
    return np.where(v <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4)


def _encoded(v: Floats) -> Floats:
    return np.where(v <= 0.0031308, v * 12.92, 1.055 * np.maximum(v, 0) ** (1 / 2.4) - 0.055)


_TONES: dict[str, Callable[[Floats], Floats]] = {
    "": lambda v: v,
    "squeezed into video levels (16 to 235)": lambda v: (16 + v * 219) / 255,
    "stretched as if it had video levels": lambda v: np.clip((v * 255 - 16) / 219, 0, 1),
    "too dark, as if it were linear light": _linear,
    "too bright, as if it were encoded twice": _encoded,
}
_BLENDS: dict[str, Callable[[Floats, Floats], Floats]] = {
    "": lambda colour, alpha: colour,
    "multiplied": lambda colour, alpha: colour * alpha,
    "divided": lambda colour, alpha: np.clip(colour / np.maximum(alpha, 1e-3), 0, 1),
}


@dataclass(frozen=True)
class Verdict:
    """What was seen. Each of the words is '' where nothing is wrong.

    size: (width, height) received. colour: swapped channels by name, wrong levels. flip. alpha: '' too where neither
    side has one. psnr: dB of red, green, blue (and alpha) between the marks, once flip and order are put right; empty
    where the sizes differ. index: as stamped, -1 where unreadable.
    """

    size: str = ""
    colour: str = ""
    flip: str = ""
    alpha: str = ""
    psnr: tuple[float, ...] = ()
    index: int = -1

    def faults(self, least_psnr: float = LEAST_PSNR) -> list[str]:
        """What is wrong, one clause each; empty: nothing."""
        found = [text for text in (self.size, self.colour, self.flip, self.alpha) if text]
        worst = min(self.psnr, default=99.0)
        if worst < least_psnr and not found:
            found.append(f"only {worst:.1f} dB alike")
        return found

    def ok(self, least_psnr: float = LEAST_PSNR) -> bool:
        """Whether the card came back as it was sent."""
        return not self.faults(least_psnr)

    def seen(self) -> str:
        """One clause for a report: what is wrong, or what was proved."""
        faults = self.faults()
        return "; ".join(faults) if faults else f"colour, flip, alpha and size right, {min(self.psnr):.0f} dB"


def card(
    size: tuple[int, int] = (320, 180),
    pixel_format: PixelFormat = PixelFormat.RGBA8,
    alpha: Alpha = Alpha.OPAQUE,
    index: int = 1,
) -> Frame:
    """A stamped frame. size: (width, height), at least 48x24. pixel_format: RGBA8 or BGRA8. Raises ValueError."""
    width, height = size
    if width < SMALLEST[0] or height < SMALLEST[1] or pixel_format not in (PixelFormat.RGBA8, PixelFormat.BGRA8):
        raise ValueError(f"a test card is RGBA8 or BGRA8 and at least {SMALLEST[0]}x{SMALLEST[1]} pixels")
    spec = TargetSpec(width, height, pixel_format, alpha=alpha)
    frame = FramePool(spec, 1).take(FrameInfo(spec, index, WallClock().now_ns(), alpha=alpha))
    picture = _drawn(width, height, alpha, index)
    frame.pixels[...] = picture if pixel_format is PixelFormat.RGBA8 else picture[..., [2, 1, 0, 3]]
    frame.stamp()
    return frame


def check(received: NDArray[np.uint8], sent: Frame, order: str = "RGBA") -> Verdict:
    """Read the card. received: (height, width, 3 or 4) uint8, top row first. order: its channels as the receiving
    side's documentation gives them ('BGRA'); what really lies there is found out. Thread-safe; 25 ms at
    320x180, 0.2 s at 720p on a busy core."""
    truth = _rgba(sent)
    seen = received[..., [order.index(c) for c in "RGBA" if c in order and order.index(c) < received.shape[2]]]
    size = "" if seen.shape[:2] == truth.shape[:2] else _other_size(seen, truth)
    if seen.min(initial=255) == 0 and seen[..., :3].max(initial=0) == 0:
        return Verdict(size, "the picture is black")
    best = _likeliest(_blocks(seen), _blocks(truth), sent.info.alpha)
    rows, columns = _FLIPS[best.flip]
    if -10 * np.log10(max(best.error, 1e-12)) < UNLIKE:
        return Verdict(size, "the picture is not the test card, or its rows are shifted")
    put_right = seen[::rows, ::columns][..., best.places()]
    return Verdict(
        size, best.colour(), best.flip, _alpha_fault(best, put_right, truth),
        () if size else _psnr(put_right, truth), read_index(put_right),
    )  # fmt: skip


def read_index(picture: NDArray[np.uint8]) -> int:
    """The stamped index (0 to 65535) of a card that is the right way up, in any order of channels."""
    height, width = picture.shape[:2]
    strip = picture[: _mark(width, height), :, :3]
    bits = []
    for left, right in _bit_columns(width, height):
        third = (right - left) // 3  # the edges are smeared by a codec
        bits.append(
            strip[len(strip) // 4 : -len(strip) // 4 or None, left + third : max(right - third, left + 1)].mean() > 127
        )
    return sum(int(bit) << place for place, bit in enumerate(reversed(bits)))


# --- drawing


def _mark(width: int, height: int) -> int:
    return max(4, min(width // 8, height // 6))


def _bit_columns(width: int, height: int) -> list[tuple[int, int]]:
    edge = _mark(width, height)
    at = np.linspace(edge, width - edge, BITS + 1).astype(int)
    return list(zip(at[:-1].tolist(), at[1:].tolist(), strict=True))


def _drawn(width: int, height: int, alpha: Alpha, index: int) -> NDArray[np.uint8]:
    y, x = np.mgrid[:height, :width].astype(float)
    x, y = x / (width - 1), y / (height - 1)
    dip = 1 - (1 - ALPHA_LOW) * np.sin(np.pi * x) ** 2
    picture = np.stack([x, y, 1 - (x + y) / 2, np.ones_like(x) if alpha is Alpha.OPAQUE else dip], axis=-1)
    edge = _mark(width, height)
    top, bottom, left, right = slice(0, edge), slice(height - edge, height), slice(0, edge), slice(width - edge, width)
    for (rows, columns), grey in zip(product((top, bottom), (left, right)), MARKS, strict=True):
        picture[rows, columns] = (grey / 255, grey / 255, grey / 255, 1)
    for place, (start, end) in enumerate(_bit_columns(width, height)):
        picture[top, start:end] = (*[float(index >> (BITS - 1 - place) & 1)] * 3, 1)
    if alpha is Alpha.PREMULTIPLIED:
        picture[..., :3] *= picture[..., 3:]
    return np.rint(picture * 255).astype(np.uint8)


def _rgba(frame: Frame) -> NDArray[np.uint8]:
    pixels = frame.pixels
    return pixels if frame.info.spec.format is PixelFormat.RGBA8 else pixels[..., [2, 1, 0, 3]]


# --- reading


@dataclass(frozen=True)
class _Guess:
    """One combination of faults and how far the colours are from it (mean square, of full scale)."""

    error: float
    order: tuple[int, ...]
    flip: str
    tone: str
    blend: str

    def places(self) -> list[int]:
        """Where red, green, blue, alpha lie in what was received."""
        return [self.order.index(channel) for channel in range(len(self.order))]

    def colour(self) -> str:
        """Order and levels, in words."""
        name = "".join("RGBA"[channel] for channel in self.order)
        words = "" if name in ("RGB", "RGBA") else _NAMES.get(name.ljust(4, "A"), f"channels in the order {name}")
        return ", ".join(filter(None, (words, self.tone)))

    def count(self) -> int:
        """How many faults it supposes."""
        return sum(map(bool, (self.order != tuple(sorted(self.order)), self.flip, self.tone, self.blend)))


def _blocks(picture: NDArray[np.uint8]) -> Floats:
    """Means of GRID blocks, 0..1."""
    edges = [np.linspace(0, side, n + 1).astype(int)[:-1] for side, n in zip(picture.shape, GRID, strict=False)]
    sums = np.add.reduceat(np.add.reduceat(picture.astype(np.float64), edges[0], 0), edges[1], 1)
    counts = [np.diff([*edge, side]) for edge, side in zip(edges, picture.shape, strict=False)]
    return np.asarray(sums / (counts[0][:, None, None] * counts[1][None, :, None]) / 255)


def _likeliest(seen: Floats, truth: Floats, alpha: Alpha) -> _Guess:
    """The guess that explains the picture; a more complicated one only if it explains it much better."""
    guesses = sorted(_guesses(seen, truth, alpha), key=_Guess.count)
    best = guesses[0]
    for guess in guesses[1:]:
        if guess.error < best.error * (0.7 if guess.count() > best.count() else 1.0) - 1e-6:
            best = guess
    return best


def _guesses(seen: Floats, truth: Floats, alpha: Alpha) -> Iterator[_Guess]:
    """For each combination of levels, flip and blend: the channels in order, and the order that fits best."""
    channels = seen.shape[2]
    orders = np.array(list(permutations(range(channels))))
    weights = np.array([1, 1, 1, ALPHA_WEIGHT])[:channels]
    blends = _BLENDS if alpha is not Alpha.OPAQUE else {"": _BLENDS[""]}
    for (blend, mix), (tone, curve), (flip, (rows, columns)) in product(blends.items(), _TONES.items(), _FLIPS.items()):
        colour = curve(mix(truth[..., :3], truth[..., 3:]))
        expected = np.concatenate([colour, truth[..., 3:]], axis=-1)[..., :channels]
        turned = seen[::rows, ::columns]
        apart = ((turned[BELOW, :, :, None] - expected[BELOW, :, None, :]) ** 2).mean(
            axis=(0, 1)
        )  # [received, expected]
        errors = (apart * weights)[np.arange(channels), orders].sum(axis=1) / 3
        for best in {0, int(errors.argmin())}:
            yield _Guess(float(errors[best]), tuple(orders[best].tolist()), flip, tone, blend)


def _alpha_fault(best: _Guess, seen: NDArray[np.uint8], truth: NDArray[np.uint8]) -> str:
    if best.blend:
        return f"colour {best.blend} by alpha on the way"
    has = truth[..., 3].min() < 255
    if seen.shape[2] < 4:
        return "alpha is missing" if has else ""
    got, meant = _blocks(seen[..., 3:]), _blocks(truth[..., 3:])
    if np.abs(got - meant).max() < 0.06:
        return ""
    if np.abs(got + meant - 1).max() < 0.06 and has:
        return "alpha is inverted"
    return "alpha is lost: all opaque" if got.min() > 0.98 else "alpha is zero" if got.max() < 0.02 else "alpha differs"


def _psnr(seen: NDArray[np.uint8], truth: NDArray[np.uint8]) -> tuple[float, ...]:
    height, width = truth.shape[:2]
    rows = slice(_mark(width, height) + 4, height - _mark(width, height) - 4)  # marks and index have hard edges
    apart = seen[rows].astype(float) - truth[rows, :, : seen.shape[2]]
    errors = (apart**2).mean(axis=(0, 1))
    return tuple(round(float(min(99.0, 10 * np.log10(255**2 / max(error, 1e-9)))), 1) for error in errors)


def _other_size(seen: NDArray[np.uint8], truth: NDArray[np.uint8]) -> str:
    return f"{seen.shape[1]}x{seen.shape[0]} pixels instead of {truth.shape[1]}x{truth.shape[0]}"
