"""Palette and look-up table of a scene on the wire. A palette goes along with every frame that shows it; a look-up
table carries a serial number, and its values only when they are new."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import numpy as np

from morphogen.field.colours import ENTRIES, NEUTRAL, Colours, Lut, Table, frozen
from morphogen.wire_plain import FIELDS, Missing, integer, mapping, number, plain, read_plain

KEPT = 2  # look-up tables that a follower remembers
LONGEST, LARGEST = 4096, 33  # entries of curves, and of a cube each way


class ColourWriter:
    """For one stream; use it from one thread."""

    def __init__(self) -> None:
        self._lut: Lut | None = None
        self._serial = 0
        self._told = False

    def renew(self) -> None:
        """Somebody new listens: send the look-up table again."""
        self._told = False

    def write(self, colours: Colours) -> dict[str, Any]:
        """What `ColourReader.read` reads; msgpack-able."""
        table = colours.table
        found: dict[str, Any] = {**plain(colours), "entries": b"", "table": {}}
        if colours.palette > 0:
            found["entries"] = table.palette.astype("<f4").tobytes()
        if table.lut is not None and colours.lut > 0:
            found["table"] = self._table(table.lut)
        return found

    def _table(self, lut: Lut) -> dict[str, Any]:
        if lut is not self._lut:
            self._lut, self._serial, self._told = lut, self._serial + 1, False
        found: dict[str, Any] = {"serial": self._serial}
        if not self._told:
            self._told = True
            found |= {"low": list(lut.low), "high": list(lut.high), "cube": lut.is_cube}
            found["values"] = lut.values.astype("<f4").tobytes()
        return found


class ColourReader:
    """For one stream; use it from one thread."""

    def __init__(self) -> None:
        self._luts: OrderedDict[tuple[int, int], Lut] = OrderedDict()
        self._last: tuple[bytes, Lut | None, Table] = (b"", None, NEUTRAL)

    def read(self, message: Any, run: int) -> Colours:
        """Raises ValueError; Missing where asking again helps."""
        found = mapping(message, "colours", FIELDS[Colours].keys() | {"entries", "table"})
        entries, lut = found["entries"], self._lut(found["table"], run)
        if not isinstance(entries, bytes) or len(entries) not in (0, 12 * ENTRIES):
            raise ValueError(f"a palette has {ENTRIES} colours of 12 bytes each")
        if (entries, lut) != self._last[:2]:
            palette = _levels(entries).reshape(-1, 3) if entries else NEUTRAL.palette
            self._last = entries, lut, Table(palette, lut)
        return Colours(**read_plain(Colours, found), table=self._last[2])

    def _lut(self, message: Any, run: int) -> Lut | None:
        if message == {}:
            return None
        found = mapping(message, "a look-up table", {"serial"}, {"low", "high", "cube", "values"})
        key = (run, integer(found["serial"], "serial"))
        if len(found) > 1:
            self._luts[key] = _read(mapping(found, "a look-up table", {"serial", "low", "high", "cube", "values"}))
            while len(self._luts) > KEPT:
                self._luts.popitem(last=False)
        if key not in self._luts:
            raise Missing("the values of a look-up table have not come yet")
        return self._luts[key]


def _read(found: dict[str, Any]) -> Lut:
    values, cube = found["values"], found["cube"]
    if type(cube) is not bool or not isinstance(values, bytes) or len(values) % 12:
        raise ValueError("a look-up table of no known shape")
    count = len(values) // 12
    size = round(count ** (1 / 3)) if cube else count
    if not 2 <= size <= (LARGEST if cube else LONGEST) or size ** (3 if cube else 1) != count:
        raise ValueError(f"a look-up table of {count} colours")
    low, high = _ends(found["low"], "low"), _ends(found["high"], "high")
    if not all(b > a for a, b in zip(low, high, strict=True)):
        raise ValueError("a look-up table from nowhere to nowhere")
    return Lut(_levels(values).reshape((size, size, size, 3) if cube else (size, 3)), low, high)


def _ends(message: Any, name: str) -> tuple[float, float, float]:
    if not isinstance(message, list) or len(message) != 3:
        raise ValueError(f"{name} of a look-up table has three numbers")
    red, green, blue = (number(value, name) for value in message)
    return red, green, blue


def _levels(data: bytes) -> np.ndarray[Any, Any]:
    values = np.frombuffer(data, "<f4")
    if not ((values >= 0) & (values <= 1)).all():  # so is NaN
        raise ValueError("colours outside 0..1")
    return frozen(values)
