"""The style that fits the music: what it is like, over seconds, decides among four.

High energy: geometric. Bright sound: fractal. Medium energy: flowing. Low: organic. Features are 0..1 of what was heard
lately, so the limits hold for quiet and for loud recordings alike.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from morphogen.errors import UsageError

STYLES: Mapping[str, str] = {
    "high": "pattern/geometric", "bright": "pattern/fractal", "medium": "pattern/flowing", "low": "pattern/organic",
}  # fmt: skip
SMOOTHING = 3.0  # seconds over which energy and brightness are averaged
DWELL = 8.0  # seconds that a character stays at least; half of it after it was switched on
HIGH, BRIGHT, LOW = 0.55, 0.6, 0.25  # energy from, brightness from, energy below
MARGIN = 0.08  # that energy or brightness must go back before a character ends: music sways


class Character:
    """What the music is like: 'high', 'bright', 'medium' or 'low'. Pure; one thread."""

    def __init__(self) -> None:
        self.energy = self.brightness = 0.0
        self.name = ""
        self._rest = DWELL / 2

    def hear(self, rms: float, centroid: float, dt: float) -> str:
        """Its name when it has changed, else ''. rms, centroid: features 0..1; dt: seconds since the last call."""
        share = 1.0 - math.exp(-max(dt, 0.0) / SMOOTHING)
        self.energy += share * (rms - self.energy)
        self.brightness += share * (centroid - self.brightness)
        self._rest -= dt
        if self._rest > 0 or (name := self._fitting()) == self.name:
            return ""
        self.name, self._rest = name, DWELL
        return name

    def _fitting(self) -> str:
        """Who is there already has the wider range."""
        margins = dict.fromkeys(STYLES, 0.0) | {self.name: MARGIN}
        if self.energy >= HIGH - margins["high"]:
            return "high"
        if self.energy < LOW + margins["low"]:
            return "low"
        return "bright" if self.brightness >= BRIGHT - margins["bright"] else "medium"


class Cast:
    """Which style is asked for. Render thread. styles: of each character; replace it at any time."""

    def __init__(self) -> None:
        self.styles = STYLES
        self._character: Character | None = None

    def wanted(self, on: bool, rms: float, centroid: float, dt: float) -> str:
        """The style to bring in now, or ''. Switched off, it forgets what it heard."""
        if not on:
            self._character = None
            return ""
        if self._character is None:
            self._character = Character()
        return self.styles.get(self._character.hear(rms, centroid, dt), "")


def read_cast(value: Any) -> dict[str, str]:
    """'high=NAME,low=NAME', or a TOML table -> {character: style}, the others as they were. Raises UsageError."""
    cure = f"Write {','.join(f'{name}=STYLE' for name in STYLES)}, or some of them."
    if isinstance(value, str):
        pairs = [part.partition("=")[::2] for part in value.split(",")]
    elif isinstance(value, Mapping):
        pairs = list(value.items())
    else:
        raise UsageError(f"{value!r:.60} names no styles.", cure)
    for name, style in pairs:
        if name.strip() not in STYLES or not isinstance(style, str) or not style.strip():
            raise UsageError(f"{f'{name}={style}'[:60]!r} gives no character a style.", cure)
    return {**STYLES, **{name.strip(): style.strip() for name, style in pairs}}
