"""OSC address patterns: `*` `?` `[a-z]` `[!abc]` `{foo,bar}` inside one part, and the `//` of OSC 1.1 across parts.

`*` and `?` never cross a '/'. Source: OSC 1.0, "OSC Message Dispatching and Pattern Matching". Each part is run as a
set of states that moves over the name once (Thompson's construction), so the cost is at most tokens times letters,
and a pattern that asks for more than MAX_STEPS of that is refused; a regular expression made from `*a*a*a*a*b` would
need exponential time. Measured against all 114 parameter addresses: an ordinary pattern 0.3 ms, the worst 2 ms.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import NamedTuple

from morphogen_bridges.osc.codec import OscError

MAX_PATTERN = 256  # characters
MAX_PARTS = 16
MAX_STEPS = 8_000  # token times letter; `/morphogen/{view,color}/[xyh]*` takes 700
_SPECIAL = frozenset("*?[]{}")


class _Token(NamedTuple):
    """star: any run of characters; else a set of one character (`negated`: all but those) or alternative texts."""

    star: bool = False
    chars: frozenset[str] = frozenset()
    negated: bool = False
    texts: tuple[str, ...] = ()


_STAR = _Token(star=True)
_ANY = _Token(negated=True)


def is_pattern(address: str) -> bool:
    """Whether an address needs this module at all."""
    return "//" in address or not _SPECIAL.isdisjoint(address)


def matching(pattern: str, addresses: Iterable[str]) -> list[str]:
    """The addresses that `pattern` names, in their order. Raises OscError for a broken or too long pattern."""
    if len(pattern) > MAX_PATTERN:
        raise OscError(f"address pattern of {len(pattern)} characters, the limit is {MAX_PATTERN}.")
    parts = [None if part == "" else _tokens(part) for part in pattern.split("/")[1:]]
    if len(parts) > MAX_PARTS:
        raise OscError(f"address pattern of {len(parts)} parts, the limit is {MAX_PARTS}.")
    steps = 0

    @functools.cache  # groups repeat in many addresses; each is compared once
    def part_matches(index: int, name: str) -> bool:
        nonlocal steps
        tokens = parts[index]
        if tokens is None:
            return False
        steps += (len(name) + 1) * sum(max(1, len(token.texts)) for token in tokens)
        if steps > MAX_STEPS:
            raise OscError(f"address pattern {pattern[:60]!r} is too much work.", "Use fewer '*' and '{}'.")
        return _run(tokens, name)

    def walk(names: list[str]) -> bool:
        if None not in parts:
            return len(names) == len(parts) and all(map(part_matches, range(len(parts)), names))
        states = _skip({0}, parts)
        for name in names:
            moved = {at + 1 for at in states if at < len(parts) and part_matches(at, name)}
            moved |= {at for at in states if at < len(parts) and parts[at] is None}
            states = _skip(moved, parts)
        return len(parts) in states

    return [address for address in addresses if walk(address.split("/")[1:])]


def _skip(states: set[int], parts: list[tuple[_Token, ...] | None]) -> set[int]:
    """An empty part (the middle of `//`) may also stand for no part at all."""
    found = set(states)
    for at in range(len(parts)):
        if at in found and parts[at] is None:
            found.add(at + 1)
    return found


def _run(tokens: tuple[_Token, ...], name: str) -> bool:
    states: list[set[int]] = [set() for _ in range(len(name) + 1)]
    states[0].add(0)
    for pos, here in enumerate(states):
        for at in range(len(tokens)):
            if at not in here:
                continue
            token = tokens[at]
            if token.star:
                here.add(at + 1)
                if pos < len(name):
                    states[pos + 1].add(at)
            elif token.texts:
                for text in token.texts:
                    if name.startswith(text, pos):
                        states[pos + len(text)].add(at + 1)
            elif pos < len(name) and (name[pos] in token.chars) != token.negated:
                states[pos + 1].add(at + 1)
    return len(tokens) in states[len(name)]


def _tokens(part: str) -> tuple[_Token, ...]:
    tokens: list[_Token] = []
    pos = 0
    while pos < len(part):
        letter = part[pos]
        if letter == "[":
            token, pos = _set(part, pos)
        elif letter == "{":
            end = _closing(part, pos, "}")
            token, pos = _Token(texts=tuple(dict.fromkeys(part[pos + 1 : end].split(",")))), end
        elif letter in "]}":
            raise OscError(f"address pattern {part[:60]!r} closes a {letter} that was not opened.")
        else:
            token = {"*": _STAR, "?": _ANY}.get(letter) or _Token(texts=(letter,))
        last = tokens[-1] if tokens else None
        if last and len(last.texts) == len(token.texts) == 1:
            tokens[-1] = _Token(texts=(last.texts[0] + token.texts[0],))
        elif token is not _STAR or last is not _STAR:
            tokens.append(token)
        pos += 1
    return tuple(tokens)


def _set(part: str, pos: int) -> tuple[_Token, int]:
    end = _closing(part, pos, "]")
    body = part[pos + 1 : end]
    negated = body.startswith("!")
    body = body.removeprefix("!")
    chars: set[str] = set()
    at = 0
    while at < len(body):
        if at + 2 < len(body) and body[at + 1] == "-":
            # Addresses are ASCII; the cut keeps [a-<last character of Unicode>] from making a million.
            low, high = ord(body[at]), min(ord(body[at + 2]), 127)
            chars.update(map(chr, range(low, high + 1)))
            at += 3
        else:
            chars.add(body[at])
            at += 1
    return _Token(chars=frozenset(chars), negated=negated), end


def _closing(part: str, pos: int, bracket: str) -> int:
    end = part.find(bracket, pos)
    if end < 0:
        raise OscError(f"address pattern {part[:60]!r} has no {bracket}.")
    return end
