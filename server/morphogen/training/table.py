"""All concepts that have a generator, by name."""

from __future__ import annotations

from morphogen.training.concept import Concept
from morphogen.training.targets_cosmos import COSMOS
from morphogen.training.targets_life import LIFE
from morphogen.training.targets_moods import MOODS
from morphogen.training.targets_nature import NATURE

CONCEPTS: dict[str, Concept] = {concept.name: concept for concept in (*COSMOS, *LIFE, *MOODS, *NATURE)}
