"""Reads look-up tables from .cube files (Adobe, "Cube LUT Specification", version 1.0).

Text: `TITLE`, `LUT_1D_SIZE` or `LUT_3D_SIZE`, `DOMAIN_MIN` and `DOMAIN_MAX`, then one colour a line, red fastest.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from morphogen.errors import UsageError
from morphogen.field.colours import Lut, frozen

LARGEST = 65  # of a cube each way, as the programs that write them go
LONGEST = 65_536
KEPT_CUBE, KEPT_CURVE = 33, 4096  # what is larger is resampled: 0.4 MB at most
MAX_BYTES = 32 << 20
CURE = "Export it again as a .cube with numbers from 0 to 1."
_SIZES = {"LUT_1D_SIZE": LONGEST, "LUT_3D_SIZE": LARGEST}


def read_cube(path: Path | str) -> tuple[Lut, str]:
    """The table, and what there is to say about it ('' mostly). Raises UsageError with line and cure."""
    path = Path(path).expanduser()
    try:
        if path.stat().st_size > MAX_BYTES:
            raise UsageError(f"{path} is larger than {MAX_BYTES >> 20} MB, so it is no .cube.", CURE)
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UsageError(f"{path} is not text, so it is no .cube.", CURE) from None
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise UsageError(f"the look-up table {str(path)[:200]!r} cannot be read: {why}.", "Look at the path.") from None
    return parse(text, path.name)


def parse(text: str, name: str = "the table") -> tuple[Lut, str]:
    """As `read_cube`."""
    reader = _Reader(name)
    for number, line in enumerate(text.splitlines(), 1):
        words = line.partition("#")[0].split()
        if words:
            reader.line(number, words, line.strip())
    return reader.finished()


@dataclass
class _Reader:
    name: str
    title: str = ""
    kind: str = ""
    size: int = 0
    ends: dict[str, tuple[float, ...]] = field(default_factory=dict)
    rows: list[tuple[float, ...]] = field(default_factory=list)

    @property
    def wanted(self) -> int:
        return self.size**3 if self.kind == "LUT_3D_SIZE" else self.size

    def line(self, number: int, words: list[str], whole: str) -> None:
        word = words[0]
        if word == "TITLE":
            self.title = whole[5:].strip().strip('"')[:200]
        elif word in _SIZES:
            self._sized(number, words)
        elif word in ("DOMAIN_MIN", "DOMAIN_MAX"):
            self.ends[word] = self._three(number, words[1:])
        elif word in ("LUT_1D_INPUT_RANGE", "LUT_3D_INPUT_RANGE") and len(words) == 3:  # as DaVinci Resolve writes it
            low, high, _ = self._three(number, [*words[1:], "0"])
            self.ends |= {"DOMAIN_MIN": (low,) * 3, "DOMAIN_MAX": (high,) * 3}
        elif not (word[0].isdigit() or word[0] in "+-." or word.lower() in ("nan", "inf")):
            raise self._wrong(number, f"{word[:40]!r} is no word of a .cube")
        elif not self.kind:
            raise self._wrong(number, "colours come before LUT_1D_SIZE or LUT_3D_SIZE")
        elif len(self.rows) >= self.wanted:
            raise self._wrong(number, f"there are more than the {self.wanted} colours of {self.kind} {self.size}")
        else:
            self.rows.append(self._three(number, words))

    def _sized(self, number: int, words: list[str]) -> None:
        most = _SIZES[words[0]]
        if self.kind:
            raise self._wrong(number, "the size is given twice")
        if len(words) != 2 or not (words[1].isascii() and words[1].isdigit()) or not 2 <= int(words[1][:9]) <= most:
            raise self._wrong(number, f"{words[0]} must be one number from 2 to {most}")
        self.kind, self.size = words[0], int(words[1])

    def _three(self, number: int, words: list[str]) -> tuple[float, ...]:
        try:
            values = tuple(float(word) for word in words)
        except ValueError:
            raise self._wrong(number, f"{' '.join(words)[:60]!r} is not three numbers") from None
        if len(values) != 3 or not np.isfinite(values).all() or max(map(abs, values)) > 1e6:
            raise self._wrong(number, f"{' '.join(words)[:60]!r} is not three finite numbers")
        return values

    def _wrong(self, number: int, what: str) -> UsageError:
        return UsageError(f"{self.name}, line {number}: {what}.", CURE)

    def finished(self) -> tuple[Lut, str]:
        if not self.kind:
            raise UsageError(f"{self.name} has neither LUT_1D_SIZE nor LUT_3D_SIZE.", CURE)
        if len(self.rows) != self.wanted:
            raise UsageError(
                f"{self.name} ends after {len(self.rows)} of the {self.wanted} colours of {self.kind} {self.size}.",
                CURE,
            )
        low, high = self.ends.get("DOMAIN_MIN", (0.0,) * 3), self.ends.get("DOMAIN_MAX", (1.0,) * 3)
        if not all(b - a >= 1e-3 for a, b in zip(low, high, strict=True)):
            raise UsageError(f"{self.name}: DOMAIN_MAX must lie above DOMAIN_MIN.", CURE)
        values, said = np.clip(np.array(self.rows), 0.0, 1.0), ""
        if self.kind == "LUT_3D_SIZE":
            values = values.reshape((self.size,) * 3 + (3,))
        most = KEPT_CUBE if values.ndim == 4 else KEPT_CURVE
        if self.size > most:
            for axis in range(values.ndim - 1):
                values = _resampled(values, axis, most)
            said = f"{self.name}: {self.size} entries each way are resampled to {most}."
        return Lut(frozen(values), (low[0], low[1], low[2]), (high[0], high[1], high[2]), self.title or self.name), said


def _resampled(values: np.ndarray, axis: int, count: int) -> np.ndarray:
    """Linearly to `count` entries along an axis; 65 to 33 takes every other one as it is."""
    place = np.linspace(0, values.shape[axis] - 1, count)
    first = np.minimum(place.astype(int), values.shape[axis] - 2)
    share = (place - first).reshape([-1 if i == axis else 1 for i in range(values.ndim)])
    return np.asarray(values.take(first, axis) * (1 - share) + values.take(first + 1, axis) * share)
