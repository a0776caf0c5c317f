"""Which palette and look-up table a frame goes through: the parameters' choice, cross-faded where it changes."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from morphogen.field.colours import Colours, Lut, Table, frozen
from morphogen.field.palettes import NAMES, TABLE

FADE = 0.4  # seconds from one palette to the next


class Colourist:
    """Render thread, but for `lut`, which any thread may set: it is read once a frame."""

    def __init__(self) -> None:
        self.lut: Lut | None = None
        self.lut_path = ""
        self._wanted = ""
        self._table = Table()
        self._from = self._to = self._table.palette
        self._fade = self._there = 1.0  # how far the change of palette is; how much of any palette there is

    def colours(self, values: Mapping[str, float], dt: float) -> Colours:
        """Of the frame that comes `dt` seconds after the last one. The first frame has its palette at once."""
        name, step = NAMES[int(values["color/palette"])], max(dt, 0.0) / FADE
        if not self._wanted:
            self._there = float(name != "off")
        if name not in ("off", self._wanted):
            new = frozen(TABLE[name])
            self._from = self._table.palette if self._there > 0 and self._wanted else new
            self._to, self._fade = new, 0.0
        self._wanted = name if name != "off" else self._wanted or "off"
        self._there = _towards(self._there, float(name != "off"), step)
        palette = self._blended(step)
        if palette is not self._table.palette or self.lut is not self._table.lut:
            self._table = Table(palette, self.lut)
        amount = values["color/palette_amount"] * self._there
        return Colours(amount, values["color/palette_shift"], values["color/lut_amount"], self._table)

    def _blended(self, step: float) -> NDArray[np.float32]:
        if self._fade >= 1.0:
            return self._to
        self._fade = 1.0 if self._from is self._to else min(self._fade + step, 1.0)
        return self._to if self._fade >= 1.0 else frozen(self._from + (self._to - self._from) * self._fade)


def _towards(now: float, goal: float, step: float) -> float:
    return min(now + step, goal) if now < goal else max(now - step, goal)
