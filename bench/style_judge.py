"""Rank of a style's prompt among all prompts of the library and fifty distractors, by the judge model (needs torch).

The judge was trained separately, on generators of its own, and is never optimised against.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from morphogen.library.style import Style
from style_figures import Bench, states

# Things that no style of the library shows, and colours of things that it does.
DISTRACTORS = (
    "a red square grid", "green plaid cloth", "black and white checkerboard", "yellow sunflower", "blue ocean waves",
    "grey stone wall", "white snowflake", "orange autumn leaf", "a purple maze", "brown wood grain", "pink rose",
    "golden honeycomb", "silver circuit board", "rainbow stripes", "a human eye", "green pine tree", "blue lightning",
    "white feather", "brown animal fur", "yellow sand dunes", "grey smoke", "blue soap bubbles", "red brick zigzag",
    "teal fish scales", "white marble", "orange lava flow", "blue rain on glass", "grey mountains", "cracked dry earth",
    "a colourful mandala", "black dots on white", "cyan triangles", "a dark tunnel", "a green fractal", "moire lines",
    "white clouds in a blue sky", "a bright yellow sun", "a red planet with rings", "green aurora over snow",
    "a comet with a blue tail", "purple crystal", "pink coral reef", "white mushroom threads", "green helix",
    "red campfire flames", "a city skyline at night", "a seashell", "blue concentric rings", "an empty black picture",
    "abstract grey blur",
)  # fmt: skip


class Judge:
    """The judge with all texts read. texts: prompts of the whole library."""

    def __init__(self, texts: Sequence[str]) -> None:
        from morphogen.training.guides import open_guide

        self.guide = open_guide("judge")
        self.texts = list(dict.fromkeys([*(text for text in texts if text), *DISTRACTORS]))
        self.directions = _array(self.guide.directions(self.texts))

    def rank(self, bench: Bench, style: Style) -> dict[str, Any]:
        """rank: 1 is best, by the mean over twelve states; ranks: of each state; similarity: the mean cosine. {}
        without a prompt."""
        if not style.prompt:
            return {}
        import torch

        with bench.rehearsal(style) as rehearsal:
            pictures = np.stack([rehearsal.draw(scene, (256, 256))[..., :3] for scene in states(rehearsal)])
        images = torch.from_numpy(pictures.transpose(0, 3, 1, 2).astype(np.float32) / 255)
        with torch.no_grad():
            seen = _array(self.guide.embed(images))
        table = seen @ self.directions.T
        own = self.texts.index(style.prompt)
        ranks = 1 + (table > table[:, own : own + 1]).sum(1)
        mean = table.mean(0)
        order = np.argsort(-mean)
        return {
            "rank": int(1 + (mean > mean[own]).sum()), "of": len(self.texts), "ranks": [int(r) for r in ranks],
            "similarity": round(float(mean[own]), 4), "first": [self.texts[n] for n in order[:3]],
        }  # fmt: skip


def _array(tensor: Any) -> np.ndarray:
    return np.asarray(tensor.detach().cpu().numpy(), np.float64)
