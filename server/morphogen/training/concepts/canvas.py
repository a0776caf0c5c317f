"""What the picture generators draw on: coordinates, random numbers, noise, cells, distances; vectorised over pictures.

A canvas holds n pictures of one kind. Every tensor is (n, h, w) or broadcasts to it, float32. Coordinates run over
about -1..1, y up. Random numbers come from NumPy's Philox on the CPU whatever the device is, so that one seed means the
same pictures on a processor and on a card (up to rounding). Cost on one thread: 1 to 4 ms a picture at 64 px.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from morphogen.training.torches import need_torch

Tensor = Any  # torch.Tensor, which this module must not import at load time
LATTICE = 32  # cells of the random tables; noise repeats after so many
TAU = 2 * math.pi


class Canvas:
    """n pictures of size x size: `x`, `y`, `r`, `th` after the view transform, and tools. Not thread-safe."""

    def __init__(self, n: int, size: int, seed: tuple[int, ...], device: str = "cpu") -> None:
        self.torch = need_torch()
        self.n, self.size, self.device = n, size, device
        self.rng = np.random.Generator(np.random.Philox(np.random.SeedSequence(seed)))
        axis = (self.torch.arange(size, device=device, dtype=self.torch.float32) + 0.5) / size * 2 - 1
        self.place(axis[None, None, :].expand(n, size, size), -axis[None, :, None].expand(n, size, size))
        table = self.rng.random((n, 4, LATTICE * LATTICE), dtype=np.float32)
        self.table = self.torch.from_numpy(table).to(device)

    def place(self, x: Tensor, y: Tensor) -> None:
        """Take these as the coordinates of the pixels."""
        self.x, self.y = x, y
        self.r = (x * x + y * y + 1e-9).sqrt()
        self.th = self.torch.atan2(y, x)

    # --- random numbers, one a picture

    def u(self, low: float = 0.0, high: float = 1.0, k: int = 0) -> Tensor:
        """Uniform numbers: (n, 1, 1), or (k, n, 1, 1) to loop over."""
        shape = (k, self.n, 1, 1) if k else (self.n, 1, 1)
        drawn = self.rng.random(shape, dtype=np.float32) * (high - low) + low
        return self.torch.from_numpy(drawn.astype(np.float32)).to(self.device)

    def whole(self, low: int, high: int) -> Tensor:
        """Whole numbers low..high as floats, (n, 1, 1)."""
        drawn = self.rng.integers(low, high + 1, (self.n, 1, 1)).astype(np.float32)
        return self.torch.from_numpy(drawn).to(self.device)

    def coin(self, chance: float = 0.5) -> Tensor:
        """1.0 with this chance, else 0.0; (n, 1, 1)."""
        return (self.u() < chance).float()

    # --- shapes of functions

    def step(self, low: Any, high: Any, value: Tensor) -> Tensor:
        """Smooth step from 0 at low to 1 at high (which may lie below low)."""
        t = ((value - low) / (high - low)).clamp(0, 1)
        return t * t * (3 - 2 * t)

    def bump(self, distance: Tensor, width: Any) -> Tensor:
        """A Gaussian of a distance."""
        return (-((distance / width) ** 2)).exp()

    def tri(self, value: Tensor) -> Tensor:
        """Triangle wave of period 1: 0 at whole numbers, 1 half way."""
        return 1 - (2 * (value - value.floor()) - 1).abs()

    def near(self, value: Tensor) -> Tensor:
        """Distance to the next whole number, 0..0.5."""
        return (value - value.round()).abs()

    def turn(self, x: Tensor, y: Tensor, angle: Tensor) -> tuple[Tensor, Tensor]:
        """Coordinates turned by an angle in radians."""
        c, s = angle.cos(), angle.sin()
        return x * c + y * s, y * c - x * s

    def either(self, choice: Tensor, one: Tensor, other: Tensor) -> Tensor:
        """`one` where choice is true, else `other`."""
        return self.torch.where(choice > 0.5, one, other)

    def top(self, *values: Tensor) -> Tensor:
        """The largest of several fields."""
        best = values[0]
        for value in values[1:]:
            best = self.torch.maximum(best, value)
        return best

    def low(self, *values: Tensor) -> Tensor:
        """The smallest of several fields."""
        return -self.top(*(-value for value in values))

    # --- noise

    def look(self, i: Tensor, j: Tensor, layer: int = 0) -> Tensor:
        """A random number 0..1 for each whole-numbered place."""
        index = (i.remainder(LATTICE) * LATTICE + j.remainder(LATTICE)).long().expand(self.n, *i.shape[1:])
        return self.table[:, layer].gather(1, index.flatten(1)).view(index.shape)

    def noise(self, x: Tensor, y: Tensor, layer: int = 0) -> Tensor:
        """Value noise, 0..1, cells of size 1."""
        i, j = x.floor(), y.floor()
        fx, fy = x - i, y - j
        fx, fy = fx * fx * (3 - 2 * fx), fy * fy * (3 - 2 * fy)
        a, b = self.look(i, j, layer), self.look(i + 1, j, layer)
        c, d = self.look(i, j + 1, layer), self.look(i + 1, j + 1, layer)
        left, right = a + (c - a) * fy, b + (d - b) * fy
        return left + (right - left) * fx

    def fbm(self, x: Tensor, y: Tensor, octaves: int = 4, layer: int = 0, ridged: bool = False) -> Tensor:
        """Octaves of noise, about 0..1; ridged: thin crests, as of mountains, filaments or lightning."""
        total: Any = 0.0
        weight, size = 0.0, 1.0
        for octave in range(octaves):
            value = self.noise(x * size + 7.3 * octave, y * size + 3.1 * octave, layer)
            total = total + (1 - (2 * value - 1).abs() if ridged else value) * 0.5**octave
            weight += 0.5**octave
            size *= 2.03
        value = total / weight
        return value**2 if ridged else ((value - 0.5) * 1.5 + 0.5).clamp(0, 1)

    def cells(self, x: Tensor, y: Tensor, jitter: float = 1.0) -> Cells:
        """Nearest and second nearest of random points, one a unit square."""
        i, j = x.floor(), y.floor()
        first = self.torch.full_like(x + y, 9.0)
        second = first
        dx = dy = tag = other = self.torch.zeros_like(first)
        for a in (-1, 0, 1):
            for b in (-1, 0, 1):
                px = i + a + 0.5 + jitter * (self.look(i + a, j + b, 0) - 0.5)
                py = j + b + 0.5 + jitter * (self.look(i + a, j + b, 1) - 0.5)
                distance = ((x - px) ** 2 + (y - py) ** 2 + 1e-9).sqrt()
                closer = distance < first
                second = self.torch.where(closer, first, self.torch.minimum(second, distance))
                first = self.torch.where(closer, distance, first)
                dx, dy = self.torch.where(closer, x - px, dx), self.torch.where(closer, y - py, dy)
                tag = self.torch.where(closer, self.look(i + a, j + b, 2), tag)
                other = self.torch.where(closer, self.look(i + a, j + b, 3), other)
        return Cells(first, second, dx, dy, tag, other)

    # --- distances

    def line(self, x: Tensor, y: Tensor, ax: Any, ay: Any, bx: Any, by: Any) -> tuple[Tensor, Tensor]:
        """Distance to a segment and the place along it, 0..1."""
        vx, vy = bx - ax, by - ay
        along = (((x - ax) * vx + (y - ay) * vy) / (vx * vx + vy * vy + 1e-9)).clamp(0, 1)
        return ((x - ax - along * vx) ** 2 + (y - ay - along * vy) ** 2 + 1e-9).sqrt(), along

    def sprinkle(self, x: Tensor, y: Tensor, chance: float = 0.5, low: float = 0.05, high: float = 0.15) -> Tensor:
        """Small round lights at random places of unit squares: stars, sparks."""
        cell = self.cells(x, y, 0.8)
        width = low + (high - low) * cell.other**3
        return self.bump(cell.first, width) * (cell.tag < chance).float()


class Cells:
    """The answer of `Canvas.cells`: distances to the two nearest points, place in the cell, two random numbers."""

    def __init__(self, first: Tensor, second: Tensor, dx: Tensor, dy: Tensor, tag: Tensor, other: Tensor) -> None:
        self.first, self.second, self.dx, self.dy, self.tag, self.other = first, second, dx, dy, tag, other

    @property
    def edge(self) -> Tensor:
        """About the distance to the border of the cell."""
        return self.second - self.first
