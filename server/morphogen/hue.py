"""How far the music turns the picture's hue: by its key or by its brightness, gliding and never jumping.

No music makes it flicker: of a brightness that leaps from end to end three times a second, a fortieth is left (4
degrees of hue), and keys change every two seconds at most.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from morphogen.audio.key import Music
from morphogen.params.catalog import FOLLOWED

QUICKNESS = 2.5  # 1/s of a critically damped glide: 90 % of the way after 1.6 s, 99 % after 2.7 s
DULL = 0.02  # brightness below which nothing is heard
REACH = 0.5  # turns from the dullest sound to the brightest
THERE = 1e-5  # turns, and turns a second: rest


class HueFollower:
    """Render thread, once a frame. What is off and has come to rest turns nothing at all."""

    def __init__(self) -> None:
        self._begun = False
        self._mode = "off"
        self._goal = 0.0  # turns that the music asks for
        self._way = self._speed = 0.0  # to the goal, and how fast it grows

    def turn(self, values: Mapping[str, float], music: Music, dt: float) -> float:
        """Turns to add to `color/hue` in the frame that comes `dt` seconds after the last one. The first frame is at
        its goal at once; `color/follow_amount` takes effect at once, whatever is under way."""
        amount = values["color/follow_amount"]
        goal = self._wanted(FOLLOWED[int(values["color/follow"])], values["audio/centroid"], music)
        if self._begun and goal != self._goal:
            self._way += amount * (self._goal - goal)
            self._way -= round(self._way)  # the short way round
        self._begun, self._goal = True, goal
        if self._way or self._speed:
            self._glide(max(dt, 0.0))
        return amount * goal + self._way

    def _wanted(self, mode: str, brightness: float, music: Music) -> float:
        """What is not clear (no key yet, silence, nonsense) changes nothing."""
        if mode != self._mode:
            self._mode = mode
            if mode == "off":
                return 0.0
        if mode == "key" and music.key is not None:
            return music.key.place
        if mode == "centroid" and brightness > DULL and math.isfinite(brightness) and not music.silent:
            return REACH * (min(brightness, 1.0) - 0.5)
        return self._goal

    def _glide(self, dt: float) -> None:
        """The exact solution of the critically damped spring over `dt`, so that frame rates do not matter."""
        rise = self._speed + QUICKNESS * self._way
        place, fade = self._way + rise * dt, math.exp(-QUICKNESS * dt)
        self._way, self._speed = place * fade, (rise - QUICKNESS * place) * fade
        if abs(self._way) < THERE and abs(self._speed) < THERE:
            self._way = self._speed = 0.0
