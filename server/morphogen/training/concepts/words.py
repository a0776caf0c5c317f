"""A sentence to what it asks for: tokenise, longest known phrase first, inflection, grounds, "without". Needs no torch.

Every word ends up in one of four places: a concept, a filler that says nothing about a picture, a hint that names a
field, or `unknown` with the nearest words that are known. Nothing is guessed: an unknown word changes nothing.
"""

from __future__ import annotations

import difflib
import functools
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field

from morphogen.errors import UsageError
from morphogen.training.concepts.vocabulary import Concept, vocabulary
from morphogen.training.guides import Known, Understanding, Unknown

LONGEST = 1000  # characters of a prompt
PHRASE = 4  # words of the longest phrase
CLOSE = 0.84  # likeness (difflib) from which a word counts as a misspelling of a known one
AGAIN = (",", ";", "and", "but", "with")  # end what "without" began
# Weights beside a first structure: of later structures together, of textures together; of "without"; of hints. With 0.5
# and 0.7 for each one, the long galaxy prompt of the docs ranked galaxies 4th among 58 prompts, so it ranks them 1st.
FURTHER, SIDE, ABSENT, HINTED = 0.3, 0.5, -0.5, 0.7


@dataclass
class Reading:
    """What a sentence asks for: tokens with weights (negative after "without"), and the account of each word."""

    tokens: dict[str, float] = field(default_factory=dict)
    known: list[Known] = field(default_factory=list)
    unknown: list[Unknown] = field(default_factory=list)


def read(text: str) -> Reading:
    """Take a sentence apart. Raises UsageError when it is empty, too long, or when nothing in it is understood."""
    words = _words(text)
    reading, hints, away = Reading(), [], False
    for phrase, position in _phrases(words):
        v = vocabulary()
        concept = _find(phrase)
        if phrase in v.without:
            away = True
        elif concept:
            _take(reading, phrase, concept, away, _is_ground(words, position, phrase))
        elif phrase in v.hints or _stem(phrase) in v.hints:
            hints.append((phrase, v.hints.get(phrase) or v.hints[_stem(phrase)]))
        elif phrase[0].isalnum() and not {phrase, _stem(phrase), phrase.removesuffix("s")} & v.filler:
            reading.unknown.append(Unknown(phrase, nearest(phrase)))
        if phrase in AGAIN:
            away = False
    if not any(known.kind == "structure" for known in reading.known):
        for phrase, structure in hints:
            reading.known.append(Known(phrase, structure, "structure"))
            reading.tokens.setdefault(f"structure:{structure}", HINTED)
    _lead(reading.tokens)
    if not reading.known:
        raise UsageError(
            _nothing(text, reading), f"It knows words such as {', '.join(_examples())}; `clip` takes any sentence."
        )
    return reading


def understand(text: str) -> Understanding:
    """`read` as the contract of the guides wants it."""
    reading = read(text)
    content = len(reading.known) + len(reading.unknown)
    return Understanding(text, tuple(reading.known), tuple(reading.unknown), len(reading.known) / content)


def nearest(word: str, count: int = 3) -> tuple[str, ...]:
    """Known words that are spelt most like this one; maybe none."""
    return tuple(difflib.get_close_matches(word, _table(), count, 0.6))


def _words(text: str) -> list[str]:
    """Lower-case words and the marks , ; in order, accents taken off."""
    if len(text) > LONGEST:
        raise UsageError(f"the prompt has {len(text)} characters, more than {LONGEST}.", "Say it in a sentence or two.")
    flat = unicodedata.normalize("NFKD", text.lower()).encode("ascii", "ignore").decode()
    words = re.findall(r"[a-z0-9]+|[,;]", flat.replace("'s", ""))
    if not any(word.isalnum() for word in words):
        what = "is empty" if not text.strip() else f"{text.strip()[:40]!r} has no word in Latin letters"
        raise UsageError(f"the prompt {what}.", 'The concept guide knows English words: try "blue galaxy".')
    return words


def _phrases(words: list[str]) -> Iterator[tuple[str, int]]:
    """The longest known phrases from the left; single words else. With the place of their last word."""
    k = 0
    while k < len(words):
        for length in range(min(PHRASE, len(words) - k), 0, -1):
            phrase = " ".join(words[k : k + length])
            if (
                length == 1
                or _find(phrase, spelling=False)
                or phrase in vocabulary().hints
                or phrase in vocabulary().filler
            ):
                yield phrase, k + length - 1
                k += length
                break


def _take(reading: Reading, phrase: str, concept: Concept, away: bool, ground: bool) -> None:
    """Note a concept."""
    kind = "ground" if ground and concept.kind == "colour" and concept.name != "rainbow" else concept.kind
    reading.known.append(Known(phrase, concept.name, kind, away))
    if kind == "motion":
        return
    reading.tokens.setdefault(f"{kind}:{concept.name}", ABSENT if away else 1.0)


def _lead(tokens: dict[str, float]) -> None:
    """Let the first structure lead: a picture of six things is a picture of none."""
    shown = {
        kind: [token for token in tokens if token.startswith(kind) and tokens[token] > 0]
        for kind in ("structure", "texture")
    }
    for share, chosen in ((FURTHER, shown["structure"][1:]), (SIDE, shown["texture"])):
        for token in chosen if shown["structure"] else ():
            tokens[token] *= share / len(chosen)


def _is_ground(words: list[str], position: int, phrase: str) -> bool:
    """ "on black", "against a deep red", "black background": the colour is what lies behind."""
    after = [word for word in words[position + 1 : position + 3] if word not in ("coloured", "colored")]
    if after and after[0] in vocabulary().ground:
        return True
    first = position - len(phrase.split())
    before = [
        word for word in words[max(0, first - 1) : first + 1] if word not in ("a", "the", "deep", "plain", "pure")
    ]
    ends = not after or after[0] in (",", ";", "and", "with") or not after[0].isalnum()
    return bool(before) and before[-1] in ("on", "against", "over") and ends


@functools.cache
def _table() -> dict[str, Concept]:
    """Every word and its stem; the word itself wins over another word's stem."""
    words = vocabulary().words()
    return {_stem(word): concept for word, concept in reversed(words.items())} | words


def _find(phrase: str, spelling: bool = True) -> Concept | None:
    """The concept of a phrase: as it stands, by its stem, or by a spelling that is very close."""
    if phrase in vocabulary().filler or phrase in vocabulary().without or not phrase[0].isalnum():
        return None
    table = _table()
    found = (
        table.get(phrase) or table.get(_stem(phrase)) or (None if phrase in vocabulary().hints else _derived(phrase))
    )
    if found is None and spelling and len(phrase) >= 5 and phrase not in vocabulary().hints:
        close = [word for word in difflib.get_close_matches(phrase, table, 3, CLOSE) if word[0] == phrase[0]]
        found = table[close[0]] if close and abs(len(close[0]) - len(phrase)) <= 2 else None
    return found


ENDINGS = ("ish", "y", "ic", "al", "like", "ness", "er", "ers", "ly", "wards", "able", "ary", "ry", "ous", "ious")


def _derived(word: str) -> Concept | None:
    """A known word with one more ending: "leafy", "greenish", "cloudlike"."""
    table = _table()
    for ending in ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            root = word[: -len(ending)]
            for form in (root, root + "e", root[:-1] if root[-1:] == root[-2:-1] else root):
                if form in table or _stem(form) in table:
                    return table.get(form) or table[_stem(form)]
    return None


PLURALS = (
    ("ies", "y", 5), ("ses", "s", 5), ("xes", "x", 5), ("ches", "ch", 5), ("shes", "sh", 5), ("oes", "o", 5),
    ("ae", "a", 5), ("s", "", 4),
)  # fmt: skip
IRREGULAR = {
    "leaves": "leaf",
    "dice": "die",
    "galaxies": "galaxy",
    "nebulae": "nebula",
    "helices": "helix",
    "mycelia": "mycelium",
}


def _stem(phrase: str) -> str:
    """The phrase with its last word cut to a stem: plural, -ing, -ed. Crude, and the same on both sides."""
    *rest, word = phrase.split()
    word = IRREGULAR.get(word, word)
    for ending, instead, least in PLURALS:
        if len(word) >= least and word.endswith(ending) and not word.endswith(("ss", "us", "is")):
            word = word.removesuffix(ending) + instead
            break
    for ending in ("ing", "ed"):
        if len(word) - len(ending) >= 4 and word.endswith(ending):
            word = word[: -len(ending)]
            word = word[:-1] if word[-1] == word[-2] and word[-1] not in "sl" else word
            break
    return " ".join([*rest, word.removesuffix("e") if len(word) > 4 else word])


def _examples() -> tuple[str, ...]:
    return ("galaxy", "supernova", "cells", "flames", "mandala", "blue", "neon")


def _nothing(text: str, reading: Reading) -> str:
    shown = text.strip()
    shown = shown if len(shown) <= 60 else shown[:57] + "..."
    near = [
        f"{unknown.word} (nearest: {', '.join(unknown.nearest)})" for unknown in reading.unknown[:3] if unknown.nearest
    ]
    return f"the concept guide understands nothing of {shown!r}" + (f": {'; '.join(near)}." if near else ".")
