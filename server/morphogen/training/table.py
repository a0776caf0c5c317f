"""All concepts that have a generator, by name."""

from __future__ import annotations

from morphogen.training.concept import Concept
from morphogen.training.targets_cosmos import COSMOS

CONCEPTS: dict[str, Concept] = {concept.name: concept for concept in COSMOS}
