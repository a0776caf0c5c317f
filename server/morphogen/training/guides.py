"""What every guide promises: a sentence becomes a direction, pictures become vectors, and both can be compared.

    guide = open_guide("concepts")
    target = aim(guide, "blue galaxy | cells:-0.3")
    target.loss(images).mean().backward()

Images are tensors (n, 3, h, w), 0..1, any size from 16 px. Everything is differentiable in them. Not thread-safe.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from morphogen.errors import UsageError

Tensor = Any  # torch.Tensor; torch is imported when a guide is opened

GUIDES = {
    "concepts": (
        "morphogen.training.concepts.guide:open_concepts",
        "our own small model; knows a published vocabulary",
    ),
    "judge": (
        "morphogen.training.concepts.guide:open_judge",
        "a second model, for measuring only: never train against it",
    ),
    "clip": (
        "morphogen.training.clip_guide:open_clip_guide",
        "OpenAI's CLIP, any sentence; needs the extra clip and weights",
    ),
}


@dataclass(frozen=True)
class Known:
    """A word that was understood. kind: structure, colour, ground, texture, mood, motion; away: asked to be absent."""

    word: str
    concept: str
    kind: str
    away: bool = False


@dataclass(frozen=True)
class Unknown:
    """A word that was not, and what it resembles."""

    word: str
    nearest: tuple[str, ...] = ()


@dataclass(frozen=True)
class Understanding:
    """The account of one sentence. confidence: share of its meaningful words that were understood, 0..1."""

    text: str
    known: tuple[Known, ...] = ()
    unknown: tuple[Unknown, ...] = ()
    confidence: float = 1.0

    def concepts(self, kind: str) -> tuple[str, ...]:
        """Names of one kind, in order, each once."""
        return tuple(dict.fromkeys(known.concept for known in self.known if known.kind == kind and not known.away))

    def line(self) -> str:
        """For people."""
        parts = [f"{known.word} ({'no ' if known.away else ''}{known.kind} {known.concept})" for known in self.known]
        text = "understood: " + ", ".join(parts) if parts else "taken as a whole"
        for unknown in self.unknown:
            near = f" (nearest: {', '.join(unknown.nearest)})" if unknown.nearest else ""
            text += f"; not understood: {unknown.word}{near}"
        return text


class Guide(Protocol):
    """name: as registered; size: pixels it looks at."""

    name: str
    size: int

    def understand(self, text: str) -> Understanding:
        """Raises UsageError for a text that it can make nothing of."""

    def directions(self, texts: Sequence[str]) -> Tensor:
        """Unit vectors (k, d). Raises as `understand`."""

    def embed(self, images: Tensor) -> Tensor:
        """Unit vectors (n, d) of images (n, 3, h, w), differentiable."""

    def distractors(self, text: str) -> Tensor:
        """Unit vectors (k, d) of what the picture must not be taken for."""

    def emptiness(self, images: Tensor) -> Tensor:
        """How surely each picture shows nothing, (n,) 0..1; 0 from a guide that cannot tell."""

    def describe(self) -> dict[str, Any]:
        """What a style file should say about it."""


@dataclass(frozen=True)
class Part:
    """One prompt with its weight; a negative weight repels."""

    text: str
    weight: float = 1.0


def parse_prompts(text: str) -> tuple[Part, ...]:
    """`"galaxy | cells:-0.3"`: parts between bars, a weight after the last colon. Raises UsageError."""
    parts = []
    for piece in text.split("|"):
        words, mark, number = piece.rpartition(":")
        try:
            part = Part(words.strip(), float(number)) if mark else Part(piece.strip())
        except ValueError:
            part = Part(piece.strip())
        if not part.text:
            raise UsageError(f"the prompt {text[:60]!r} has an empty part.", 'Write parts as "galaxy | cells:-0.3".')
        if not -10 <= part.weight <= 10 or not part.weight:
            raise UsageError(
                f"the weight {part.weight} of {part.text[:40]!r} is 0 or beyond 10.", "Weights lie in -10..10."
            )
        parts.append(part)
    if all(part.weight < 0 for part in parts):
        raise UsageError("every part of the prompt is negative.", 'Say what to show as well: "galaxy | cells:-0.3".')
    return tuple(parts)


def open_guide(name: str, **options: Any) -> Guide:
    """A guide by name; options: device, weights (a file), model (clip). Raises UsageError (unknown), Unavailable
    (torch, CLIP or its weights are missing) or StateError (broken weights), each with the cure."""
    if name not in GUIDES:
        raise UsageError(f"there is no guide {name!r}.", f"Known: {', '.join(sorted(GUIDES))}.")
    module, _, attribute = GUIDES[name][0].partition(":")
    guide: Guide = getattr(importlib.import_module(module), attribute)(**options)
    return guide


def aim(guide: Guide, prompt: str, reference: Any = None, palette: Sequence[Any] | None = None) -> Any:
    """The `Aim` of a prompt, see `morphogen.training.aims`. reference: a picture (path, array or tensor, 3 x h x w);
    palette: colours as "#rrggbb" or (r, g, b) 0..1 that the pictures should be made of."""
    from morphogen.training.aims import Aim

    return Aim(guide, prompt, reference, palette)
