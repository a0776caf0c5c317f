"""The concept guide and its judge behind the contract of `morphogen.training.guides`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from morphogen.training.concepts import model, store, words
from morphogen.training.concepts.chances import chances
from morphogen.training.concepts.vocabulary import EXTRA_STRUCTURES, vocabulary
from morphogen.training.guides import Understanding
from morphogen.training.torches import need_torch

Tensor = Any


class ConceptGuide:
    """Texts and pictures as vectors of one trained model. Weights are frozen; gradients reach the pictures only."""

    def __init__(self, name: str, path: Path, device: str = "cpu") -> None:
        self.name, self.size, self.path, self.device = name, model.SIZE, path, device
        self.params, self.about = store.load(path, device)

    def understand(self, text: str) -> Understanding:
        return words.understand(text)

    def directions(self, texts: Sequence[str]) -> Tensor:
        return self._read([words.read(text).tokens for text in texts])

    def embed(self, images: Tensor) -> Tensor:
        return model.look(self.params, model.shrink(images))

    def distractors(self, text: str) -> Tensor:
        """The same sentence with every other structure, and nothing in these colours."""
        tokens = words.read(text).tokens
        rest = {token: weight for token, weight in tokens.items() if not token.startswith("structure:")}
        named = {token for token in tokens if token.startswith("structure:")}
        others = [*vocabulary().concepts["structure"], *EXTRA_STRUCTURES]
        return self._read([rest | {f"structure:{name}": 1.0} for name in others if f"structure:{name}" not in named])

    def probabilities(self, images: Tensor) -> Tensor:
        """Of every single structure, `abstract` and `empty` last: (n, 66), rows add up to 1."""
        return chances(self.params, self.embed(images))

    def emptiness(self, images: Tensor) -> Tensor:
        return chances(self.params, self.embed(images), wary=False)[:, -1]

    def describe(self) -> dict[str, Any]:
        counts = {kind: len(entries) for kind, entries in vocabulary().concepts.items()}
        return {
            "name": self.name,
            "parameters": sum(value.numel() for value in self.params.values()),
            "sha256": store.fingerprint(self.path),
            "vocabulary": counts,
            "training": {key: self.about.get(key) for key in ("plan", "steps")},
        }

    def _read(self, rows: Sequence[dict[str, float]]) -> Tensor:
        torch, index = need_torch(), vocabulary().index
        sets = torch.zeros((len(rows), len(index)), device=self.device)
        for k, row in enumerate(rows):
            for token, weight in row.items():
                sets[k, index[token]] = weight
        with torch.no_grad():
            return model.read(self.params, sets)


def open_concepts(device: str = "cpu", weights: str | Path | None = None) -> ConceptGuide:
    """The guide that is shipped, or other weights."""
    return ConceptGuide("concepts", Path(weights or store.FOLDER / store.NAMES["concepts"]), device)


def open_judge(device: str = "cpu", weights: str | Path | None = None) -> ConceptGuide:
    """The second model: other tower, other pictures, other seed. For measuring; never train against it."""
    return ConceptGuide("judge", Path(weights or store.FOLDER / store.NAMES["judge"]), device)
