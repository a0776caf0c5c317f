"""The published vocabulary: what the concept guide knows, read from `vocabulary.toml`. Needs no torch.

A *token* is one thing that a picture can have: `structure:galaxy`, `colour:blue`, `ground:black`, `texture:soft`,
`mood:neon`. A picture has a set of tokens, a text asks for a set. Motion words are understood, but have no token: a
still picture cannot show them; the trainer reads them.
"""

from __future__ import annotations

import functools
import tomllib
from dataclasses import dataclass
from pathlib import Path

KINDS = ("structure", "colour", "texture", "mood", "motion")
VISIBLE = ("structure", "colour", "ground", "texture", "mood")
EXTRA_STRUCTURES = ("abstract", "empty")  # pictures of nothing that has a name, and of nothing


@dataclass(frozen=True)
class Concept:
    """One entry. natural: colour schemes, main colour first; hsv: ranges of hue (degrees), saturation, value."""

    kind: str
    name: str
    words: tuple[str, ...]
    natural: tuple[tuple[str, ...], ...] = ()
    ground: str = "black"
    motion: str = ""
    upright: bool = False
    hsv: tuple[float, ...] = ()


@dataclass(frozen=True)
class Vocabulary:
    """All concepts by kind and name, and the words without a concept of their own."""

    concepts: dict[str, dict[str, Concept]]
    hints: dict[str, str]  # word -> structure, where no other is named
    filler: frozenset[str]
    without: frozenset[str]
    ground: frozenset[str]
    held_out: dict[str, str]  # word -> concept; never used but for figures

    @property
    def tokens(self) -> tuple[str, ...]:
        """Every token, in the order of the model's table: a change of this order needs a new model."""
        structures = [*self.concepts["structure"], *EXTRA_STRUCTURES]
        colours = list(self.concepts["colour"])
        names = {"structure": structures, "colour": colours, "ground": colours}
        names |= {kind: list(self.concepts[kind]) for kind in ("texture", "mood")}
        return tuple(f"{kind}:{name}" for kind in VISIBLE for name in names[kind])

    @property
    def index(self) -> dict[str, int]:
        """Token to its place."""
        return {token: k for k, token in enumerate(self.tokens)}

    def words(self) -> dict[str, Concept]:
        """Every word or phrase to its concept."""
        return {word: concept for kind in KINDS for concept in self.concepts[kind].values() for word in concept.words}


def split(text: str) -> tuple[str, ...]:
    """A list that is written with commas."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _concept(kind: str, name: str, entry: dict[str, object]) -> Concept:
    schemes = str(entry.get("natural", "")).split(";")
    hsv = entry.get("hsv", ())
    assert isinstance(hsv, (list, tuple))
    return Concept(
        kind,
        name,
        split(str(entry["words"])),
        tuple(tuple(scheme.split()) for scheme in schemes if scheme.strip()),
        str(entry.get("ground", "black")),
        str(entry.get("motion", "")),
        bool(entry.get("upright", False)),
        tuple(float(value) for value in hsv),
    )


@functools.cache
def vocabulary() -> Vocabulary:
    """The vocabulary that is shipped. Read once."""
    data = tomllib.loads(Path(__file__).with_name("vocabulary.toml").read_text(encoding="utf-8"))
    pairs = [pair.split("=") for pair in data["held_out"]["words"].split(";")]
    return Vocabulary(
        {kind: {name: _concept(kind, name, entry) for name, entry in data[kind].items()} for kind in KINDS},
        {word: name for name, words in data["hint"].items() for word in split(words)},
        frozenset(split(data["filler"]["words"])),
        frozenset(split(data["filler"]["without"])),
        frozenset(split(data["filler"]["ground"])),
        {word.strip(): name.strip() for word, name in pairs},
    )
