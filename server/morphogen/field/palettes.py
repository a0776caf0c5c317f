"""Named palettes: `TABLE[name]`, one declaration each; (256, 3) sRGB from dark to bright.

Two kinds. Gradient: stops of one colour each, evenly spaced and mixed in OKLab (Ottosson 2020), where the way between
two colours looks even. Cosine: a + b cos(2 pi (c t + d)) for each channel (Inigo Quilez, "Palettes").
All get brighter from end to end, so that what is light in a picture stays light and forms stay readable.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from morphogen.field.colours import ENTRIES

Colours = NDArray[np.float64]
_TO_LMS = np.array([[0.4122214708, 0.5363325363, 0.0514459929], [0.2119034982, 0.6806995451, 0.1073969566],
                    [0.0883024619, 0.2817188376, 0.6299787005]])  # fmt: skip
_TO_LAB = np.array([[0.2104542553, 0.7936177850, -0.0040720468], [1.9779984951, -2.4285922050, 0.4505937099],
                    [0.0259040371, 0.7827717662, -0.8086757660]])  # fmt: skip


def oklab(srgb: Colours) -> Colours:
    """(n, 3) sRGB 0..1 to OKLab."""
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    return np.asarray(np.cbrt(linear @ _TO_LMS.T) @ _TO_LAB.T)


def srgb(lab: Colours) -> Colours:
    """(n, 3) OKLab to sRGB, clipped to 0..1."""
    linear = np.clip((lab @ np.linalg.inv(_TO_LAB).T) ** 3 @ np.linalg.inv(_TO_LMS).T, 0, 1)
    return np.asarray(np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055))


def gradient(*stops: str) -> Colours:
    """(256, 3) from `rrggbb` to `rrggbb`."""
    given = oklab(np.array([list(bytes.fromhex(stop)) for stop in stops]) / 255)
    places = np.linspace(0, len(stops) - 1, ENTRIES)
    return srgb(np.stack([np.interp(places, np.arange(len(stops)), channel) for channel in given.T], axis=1))


def cosine(a: Sequence[float], b: Sequence[float], c: Sequence[float], d: Sequence[float]) -> Colours:
    """(256, 3); red, green, blue of each."""
    t = np.linspace(0, 1, ENTRIES)[:, None]
    return np.asarray(np.clip(np.array(a) + np.array(b) * np.cos(2 * np.pi * (np.array(c) * t + np.array(d))), 0, 1))


TABLE: Mapping[str, Colours] = {
    "calm": gradient("0b1d2e", "1f4e5f", "5e9ea0", "b8d8d0", "f4f1e6"),
    "fierce": gradient("0a0205", "5a0a0a", "d42a0b", "ff8a00", "fff2b0"),
    "cosmic": gradient("05030f", "241056", "7a1fa2", "e0508c", "ffd9a0"),
    "cellular": gradient("0a0618", "3a1a5a", "3a8a6a", "b8d84a", "fffbe0"),
    "flowing": gradient("090420", "2a2390", "2a86d8", "6fe8c8", "fff4c0"),
    "geometric": gradient("101014", "28407a", "d94f3d", "f2c14e", "faf6ea"),
    "organic": gradient("0a0f0a", "24423a", "a85a3a", "f0a878", "fff2e0"),
    "fractal": cosine((0.5, 0.48, 0.52), (0.48, 0.48, 0.4), (0.64, 0.5, 0.66), (0.46, 0.5, 0.56)),
    "aurora": gradient("0a0624", "143a7a", "12a884", "8af09a", "fbe0ff"),
    "dawn": gradient("0d1033", "4a2a6a", "b8507a", "f59a6a", "ffe9c0"),
    "dusk": gradient("060a1e", "1e2f6a", "5a5ab8", "c890c8", "ffe0c8"),
    "ember": gradient("0a0c12", "2a2630", "8a2f1a", "f07a1e", "ffe0a0"),
    "ice": gradient("020b18", "0e3a66", "3f8fc4", "a5dcf0", "ffffff"),
    "deep": gradient("00060d", "04283d", "0a6a78", "3fc1a8", "e8ffd8"),
    "forest": gradient("050b06", "12341f", "2f6e3a", "8fb84f", "f0efc0"),
    "neon": gradient("07000f", "3d0a6e", "d10fa0", "b08cff", "3fe0ea", "f6ffff"),
    "candy": gradient("2a0a2f", "a0307a", "ff6f91", "ffc75f", "f9f8d0"),
    "gold": gradient("060403", "4a2c08", "b07a14", "f0c040", "fff6d0"),
    "rose": gradient("12040a", "5a1432", "b83a5e", "f0939b", "fff0ea"),
    "ink": gradient("040406", "1c1f26", "6b6f78", "d0cdc6", "fffefa"),
}
NAMES = ("off", *TABLE)
