"""What a training runs after: weighted prompts, a reference picture, a palette, as one score and one loss."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from morphogen.errors import UsageError
from morphogen.training.guides import Guide, Understanding, parse_prompts
from morphogen.training.torches import need_torch

Tensor = Any
FLAT = 0.06  # luminance spread below which a picture is empty; styles that please have .14 to .28
CONTRAST = 12.0  # sharpness of the comparison with distractors
REFERENCE, PALETTE = 0.5, 1.0  # weights beside the prompt's 1
SMALLEST = 16


class Aim:
    """One goal for one guide. Images: (n, 3, h, w), 0..1, on the guide's device. All answers are (n,)."""

    def __init__(self, guide: Guide, prompt: str, reference: Any = None, palette: Sequence[Any] | None = None) -> None:
        torch = need_torch()
        self.guide, self.prompt, self.parts = guide, prompt, parse_prompts(prompt)
        self.understandings: tuple[Understanding, ...] = tuple(guide.understand(part.text) for part in self.parts)
        with torch.no_grad():
            self.directions = guide.directions([part.text for part in self.parts])
            self.weights = torch.tensor([part.weight for part in self.parts], device=self.directions.device)
            main = max(self.parts, key=lambda part: part.weight)
            self.main = [part.text for part in self.parts].index(main.text)
            self.others = guide.distractors(main.text)
            self.reference = None if reference is None else guide.embed(_picture(reference).to(self.directions.device))
        self.palette = None if not palette else _colours(palette).to(self.directions.device)

    def line(self) -> str:
        """What was understood, for people."""
        return " | ".join(understanding.line() for understanding in self.understandings)

    def score(self, images: Tensor) -> Tensor:
        """Weighted mean of the cosines, -1..1; negative parts count against."""
        return self._score(self._seen(images))

    def loss(self, images: Tensor, contrast: float = 0.25) -> Tensor:
        """To be made small: spherical distance to each part (negative ones only while the picture resembles them),
        contrast x cross-entropy against the distractors, then reference and palette."""
        seen = self._seen(images)
        cosine = seen @ self.directions.T
        far = _sphere(cosine)
        away = self.weights < 0
        pull = (far * self.weights.clamp(min=0)).sum(1) / self.weights.clamp(min=0).sum()
        push = (cosine.clamp(min=0) * (-self.weights).clamp(min=0) * away).sum(1)
        loss = pull + push
        if contrast and len(self.others):
            rivals = CONTRAST * seen @ need_torch().cat([self.directions[self.main : self.main + 1], self.others]).T
            loss = loss - contrast * rivals.log_softmax(1)[:, 0]
        if self.reference is not None:
            loss = loss + REFERENCE * _sphere((seen * self.reference).sum(1))
        return loss if self.palette is None else loss + PALETTE * self._off_palette(images)

    def empty(self, images: Tensor) -> Tensor:
        """True for pictures that show nothing: flat, or taken for nothing by the guide."""
        with need_torch().no_grad():
            _check(images)
            grey = images[:, 0] * 0.2126 + images[:, 1] * 0.7152 + images[:, 2] * 0.0722
            return (grey.flatten(1).std(1) < FLAT) | (self.guide.emptiness(images) > 0.5)

    def ranks(self, images: Tensor, texts: Sequence[str]) -> Tensor:
        """Place of the main prompt among these other texts: 1 = it suits the picture best."""
        with need_torch().no_grad():
            seen = self._seen(images)
            mine = seen @ self.directions[self.main]
            theirs = seen @ self.guide.directions([text for text in texts if text != self.parts[self.main].text]).T
            return 1 + (theirs > mine[:, None]).sum(1)

    def describe(self) -> dict[str, Any]:
        """For the style file."""
        words = [
            {"text": part.text, "weight": part.weight, "confidence": round(understanding.confidence, 3),
             "understood": [known.word for known in understanding.known],
             "unknown": [unknown.word for unknown in understanding.unknown]}
            for part, understanding in zip(self.parts, self.understandings, strict=True)
        ]  # fmt: skip
        return {"guide": self.guide.describe(), "parts": words}

    def _seen(self, images: Tensor) -> Tensor:
        _check(images)
        return self.guide.embed(images)

    def _score(self, seen: Tensor) -> Tensor:
        return (seen @ self.directions.T * self.weights).sum(1) / self.weights.abs().sum()

    def _off_palette(self, images: Tensor) -> Tensor:
        """Mean distance of the pixels to the nearest colour of the palette, and of each colour to its nearest pixel."""
        torch = need_torch()
        small = torch.nn.functional.interpolate(images, (SMALLEST, SMALLEST), mode="area").flatten(2)
        assert self.palette is not None
        gap = (small[:, None] - self.palette[None, :, :, None]).square().sum(2).add(1e-8).sqrt()
        return gap.amin(1).mean(1) + 0.3 * gap.amin(2).mean(1)


def _sphere(cosine: Tensor) -> Tensor:
    """Squared angle as FuseDream and its kin use it: 2 asin(|a - b| / 2)^2, 0 for equal, 4.9 for opposite vectors."""
    chord = (2 - 2 * cosine).clamp(min=1e-8).sqrt() / 2
    return 2 * chord.clamp(max=1 - 1e-6).asin() ** 2


def _check(images: Tensor) -> None:
    if images.ndim != 4 or images.shape[1] != 3 or min(images.shape[2:]) < SMALLEST:
        shape = tuple(images.shape)
        raise UsageError(
            f"a guide looks at images (n, 3, h, w) of at least {SMALLEST} px, not {shape}.", "Reshape them."
        )


def _picture(reference: Any) -> Tensor:
    """A path, an array or a tensor as (1, 3, h, w) in 0..1."""
    torch = need_torch()
    if isinstance(reference, str | Path):
        from PIL import Image, UnidentifiedImageError

        try:
            with Image.open(reference) as image:
                image.thumbnail((512, 512))
                array = np.asarray(image.convert("RGB"), dtype=np.float32) / 255
        except (OSError, UnidentifiedImageError) as error:
            raise UsageError(
                f"the reference picture {reference} cannot be read: {error}.", "Give a PNG or JPEG."
            ) from error
        return torch.from_numpy(array).permute(2, 0, 1)[None]
    picture = torch.as_tensor(reference, dtype=torch.float32)
    picture = picture[None] if picture.ndim == 3 else picture
    _check(picture)
    return picture.clamp(0, 1)


def _colours(palette: Sequence[Any]) -> Tensor:
    """Colours as (k, 3) in 0..1. Raises UsageError."""
    rows = []
    for colour in palette:
        try:
            text = str(colour).removeprefix("#")
            row = (
                [int(text[k : k + 2], 16) / 255 for k in (0, 2, 4)]
                if isinstance(colour, str)
                else [float(v) for v in colour]
            )
        except (ValueError, TypeError) as error:
            raise UsageError(f"{colour!r} is no colour.", 'Write "#rrggbb" or three numbers 0..1.') from error
        if len(row) != 3 or not all(math.isfinite(v) and 0 <= v <= 1 for v in row):
            raise UsageError(f"{colour!r} is no colour.", 'Write "#rrggbb" or three numbers 0..1.')
        rows.append(row)
    return need_torch().tensor(rows, dtype=need_torch().float32)
