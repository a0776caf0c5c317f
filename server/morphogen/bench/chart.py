"""The measurements as a picture: milliseconds of a whole frame over the size, both axes logarithmic. SVG as text."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any
from xml.sax.saxutils import escape

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 900, 560, 80, 230, 50, 60
COLOURS = ("#4ee0a8", "#5aa7ff", "#ffb454", "#ff6fae", "#b58cff", "#e6e36a")
LINES = {"60 fps": 1000 / 60, "30 fps": 1000 / 30}
Point = tuple[float, float]


def chart(result: dict[str, Any]) -> str:
    """A line for each backend and number of threads, the arithmetic limit of the CPU dotted, 60 and 30 fps dashed."""
    curves = _curves(result["draw"])
    points = [point for _, line, _ in curves for point in line]
    if not points:
        return _frame([])
    axes = _Axes(points)
    body = [*axes.grid(result["draw"]), *(axes.level(name, ms) for name, ms in LINES.items())]
    for index, (name, line, dotted) in enumerate(curves):
        body += axes.curve(name, line, COLOURS[index % len(COLOURS)], dotted, index)
    return _frame(body)


def _curves(rows: Sequence[dict[str, Any]]) -> list[tuple[str, list[Point], bool]]:
    found: dict[tuple[str, bool], list[Point]] = {}
    for row in rows:
        threads = f", {row['threads']} thread{'s' if row['threads'] > 1 else ''}" if row["threads"] else ""
        name = f"{row['backend']}{threads}"
        found.setdefault((name, False), []).append((_pixels(row), row["scene_ms"]))
        if "limit_ms" in row:
            found.setdefault((f"limit of the field{threads}", True), []).append((_pixels(row), row["limit_ms"]))
    return [(name, sorted(line), dotted) for (name, dotted), line in found.items()]


def _pixels(row: dict[str, Any]) -> float:
    width, _, height = row["size"].partition("x")
    return float(int(width) * int(height))


class _Axes:
    """Where a value lies in the picture."""

    def __init__(self, points: Sequence[Point]) -> None:
        times = [ms for _, ms in points] + list(LINES.values())
        least = min(x for x, _ in points)
        self._x = least, max(*(x for x, _ in points), least * 1.01)
        self._y = 10 ** math.floor(math.log10(min(times))), 10 ** math.ceil(math.log10(max(times)))

    def at(self, pixels: float, ms: float) -> Point:
        """Position in the picture."""
        along = math.log(pixels / self._x[0]) / math.log(self._x[1] / self._x[0])
        up = math.log(max(ms, 1e-6) / self._y[0]) / math.log(self._y[1] / self._y[0])
        return LEFT + along * (WIDTH - LEFT - RIGHT), HEIGHT - BOTTOM - up * (HEIGHT - TOP - BOTTOM)

    def grid(self, rows: Sequence[dict[str, Any]]) -> list[str]:
        """Decades of time and the sizes measured."""
        lines = []
        for decade in range(round(math.log10(self._y[0])), round(math.log10(self._y[1])) + 1):
            x, y = self.at(self._x[0], 10.0**decade)
            lines.append(_line((x, y), (WIDTH - RIGHT, y), "#2a3038"))
            lines.append(_text(x - 10, y + 5, f"{10.0**decade:g} ms", "end"))
        for size in dict.fromkeys(row["size"] for row in rows):
            x, _ = self.at(_pixels({"size": size}), self._y[0])
            lines.append(_line((x, TOP), (x, HEIGHT - BOTTOM), "#1d2229"))
            lines.append(_text(x, HEIGHT - BOTTOM + 24, size, "middle"))
        return lines

    def level(self, name: str, ms: float) -> str:
        """A dashed line across."""
        x, y = self.at(self._x[0], ms)
        return _line((x, y), (WIDTH - RIGHT, y), "#707a86", "6 5") + _text(x + 6, y - 6, name, "start", "#9aa4b0")

    def curve(self, name: str, line: Sequence[Point], colour: str, dotted: bool, index: int) -> list[str]:
        """One curve, and its name on the right."""
        places = [self.at(*point) for point in line]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        dash = ' stroke-dasharray="2 5"' if dotted else ""
        dots = [] if dotted else [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{colour}"/>' for x, y in places]
        y = TOP + 22 * index + 10
        return [
            f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2.5"{dash}/>', *dots,
            _line((WIDTH - RIGHT + 16, y - 5), (WIDTH - RIGHT + 40, y - 5), colour, "2 5" if dotted else ""),
            _text(WIDTH - RIGHT + 48, y, name, "start"),
        ]  # fmt: skip


def _line(a: Point, b: Point, colour: str, dash: str = "") -> str:
    style = f' stroke-dasharray="{dash}"' if dash else ""
    return f'<line x1="{a[0]:.1f}" y1="{a[1]:.1f}" x2="{b[0]:.1f}" y2="{b[1]:.1f}" stroke="{colour}"{style}/>'


def _text(x: float, y: float, words: str, anchor: str, colour: str = "#dde3ea") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}">{escape(words)}</text>'


def _frame(body: Sequence[str]) -> str:
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif"'
        ' font-size="14">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#0d1014"/>',
        _text(LEFT, 30, "A whole frame: view, field, grade, trail, dither", "start"),
        *body, "</svg>", "",
    ])  # fmt: skip
