"""Windows' graphics cards: which one this program gets, and what is set for it and for other programs."""

from __future__ import annotations

from pathlib import PureWindowsPath

from morphogen.findings import Finding
from morphogen_bridges import windows_gpu
from morphogen_bridges.windows_gpu import FAST, WORDS


def probe() -> Finding:
    """List the cards. Raises Unavailable elsewhere than on Windows.

    More than one card and no wish for the fast one is a failure: receivers on another card stay black.
    """
    cards = [card for card in windows_gpu.adapters() if not card.software]
    mine = windows_gpu.programs()
    wish = windows_gpu.preference(mine)
    own = {path.lower() for path in mine}
    others = {
        PureWindowsPath(path).name: WORDS.get(choice, str(choice))
        for path, choice in windows_gpu.preferences().items()
        if path.lower() not in own
    }
    names = ", ".join(f"{card.name} ({card.memory_mb} MB)" for card in cards) or "no card but Windows' stand-in"
    told = WORDS.get(wish, str(wish)) if wish is not None else "nothing set"
    summary = f"{names}; this Python gets the first; its choice: {told}"
    if others:
        summary += "; " + ", ".join(f"{name}: {word}" for name, word in sorted(others.items()))
    details = {
        "adapters": [vars(card) for card in cards], "programs": mine, "preference": wish, "others": others,
    }  # fmt: skip
    if len(cards) > 1 and wish != FAST:
        cure = "`morphogen doctor --prefer-gpu`, then start it again; choose the same card for the receiving program."
        return Finding("gpu", "system", "failed", summary, cure, details)
    if not cards:
        return Finding("gpu", "system", "failed", summary, "Install the graphics driver.", details)
    return Finding("gpu", "system", "works", summary, details=details)
