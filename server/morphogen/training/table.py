"""All concepts that have a generator, by name."""

from __future__ import annotations

from morphogen.training.concept import Concept
from morphogen.training.targets_cosmos import COSMOS
from morphogen.training.targets_growth import GROWTH
from morphogen.training.targets_life import LIFE
from morphogen.training.targets_moods import MOODS
from morphogen.training.targets_nature import NATURE
from morphogen.training.targets_stone import STONE

_ALL = (*COSMOS, *LIFE, *MOODS, *NATURE, *STONE, *GROWTH)
CONCEPTS: dict[str, Concept] = {concept.name: concept for concept in _ALL}
