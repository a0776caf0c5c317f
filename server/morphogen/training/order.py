"""What a training run is asked for: checked once, and written into the style so that it can be made again."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from typing import Literal

from morphogen.errors import UsageError
from morphogen.field.network import NARROW, PRESETS
from morphogen.grammar import nearest

METHODS = ("fit", "seed")
GUIDES = ("concepts", "clip", "none")
AUTO = "auto"
LONGEST = 600  # characters of a prompt; the style's file takes 1,000
MOST_SEEDS, MOST_STEPS, MOST_TAKES = 65536, 20000, 64
Method = Literal["fit", "seed"]


@dataclass(frozen=True)
class Order:
    """One wish. seeds: random networks that are tried; steps: of all gradient descent, 0: the method's own; literal:
    1 draws the thing, 0 its mood; take: which of several tries (they differ in all that is random); reference: a
    picture that the guide looks at as well; colours: '#rrggbb', separated by commas, instead of the words'; calm: turn
    down what flashes too much."""

    prompt: str
    guide: str = "concepts"
    arch: str = AUTO
    method: str = "fit"
    seed: int = 0
    seeds: int = 1024
    steps: int = 0
    literal: float = 1.0
    take: int = 0
    reference: str = ""
    colours: str = ""
    calm: bool = True

    def __post_init__(self) -> None:
        _check_prompt(self.prompt)
        _one_of(self.guide, GUIDES, "--guide")
        _one_of(self.method, METHODS, "--method")
        narrow = [name for name, (_, width) in PRESETS.items() if width <= NARROW]
        _one_of(self.arch, (AUTO, *narrow), "--arch")
        _within(self.seed, 0, 2**31 - 1, "--seed")
        _within(self.seeds, 1, MOST_SEEDS, "--seeds")
        _within(self.steps, 0, MOST_STEPS, "--steps")
        _within(self.take, 0, MOST_TAKES - 1, "a take")
        if not 0 <= self.literal <= 1:
            raise UsageError(f"--literal {self.literal} is out of range.", "1 draws the thing itself, 0 its mood.")
        if self.reference and self.guide == "none":
            raise UsageError("a reference picture is for a guide to look at.", "Leave --guide none out.")
        if not all(re.fullmatch(r"#[0-9a-fA-F]{6}", code) for code in self.palette):
            raise UsageError(f"--colours {self.colours[:60]!r} are no colours.", "Write them as '#102040,#ffcc88'.")
        if self.method == "seed" and self.guide == "none":
            raise UsageError("--method seed is nothing but a guide's ascent and cannot do without one.",
                             "Take --guide concepts or clip, or leave --method out.")  # fmt: skip

    @property
    def palette(self) -> tuple[str, ...]:
        """The colours one by one."""
        return tuple(code.strip() for code in self.colours.split(",")) if self.colours else ()

    def command(self) -> str:
        """The shell command that makes this very style again; defaults are left out."""
        plain = Order("plain")
        words = ["morphogen", "train", self.prompt]
        for key in ("guide", "arch", "method", "seed", "seeds", "steps", "literal", "take", "reference", "colours"):
            value = getattr(self, key)
            if value != getattr(plain, key):
                words += [f"--{key}", f"{value:g}" if isinstance(value, float) else str(value)]
        return shlex.join(words if self.calm else [*words, "--no-calm"])


def _check_prompt(prompt: str) -> None:
    if not prompt.strip():
        raise UsageError(
            "the prompt is empty.", 'Say what shall be seen: morphogen train "spinning blue galaxy" -o FILE'
        )
    if len(prompt) > LONGEST:
        raise UsageError(f"the prompt has {len(prompt)} characters, {LONGEST} are read.", "Shorten it.")
    if not prompt.isprintable():
        raise UsageError("the prompt contains line breaks or control characters.", "Write it as one line of text.")


def _one_of(value: str, known: tuple[str, ...], option: str) -> None:
    if value not in known:
        raise UsageError(f"{option} {value[:40]!r} is unknown.", nearest(value, known, f"Known: {', '.join(known)}."))


def _within(value: int, low: int, high: int, option: str) -> None:
    if not low <= value <= high:
        raise UsageError(f"{option} {value} is out of range.", f"Take {low} to {high}.")
