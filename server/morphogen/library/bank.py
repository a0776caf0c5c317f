"""The bank: the styles of a show in order, called by slot from a button, a pad or a foot switch."""

from __future__ import annotations

from collections.abc import Iterable

from morphogen.errors import StateError, UsageError

MAX_SLOTS = 1000


class Bank:
    """Names in slots counted from 1. `next` and `previous` wrap around. Not locked: one thread owns it.

    `slot` is 0 while the running style is not from the bank; then `next` starts at the first slot, `previous` at the
    last. A slot is taken even when its style turns out to be broken, so that `next` again gets past it.
    """

    def __init__(self, names: Iterable[str] = ()) -> None:
        self._names: tuple[str, ...] = ()
        self._slot = 0
        self.set(names)

    def __len__(self) -> int:
        return len(self._names)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all slots, first slot first."""
        return self._names

    @property
    def slot(self) -> int:
        """The slot taken last, from 1; 0 if none."""
        return self._slot

    @property
    def current(self) -> str | None:
        """The name in that slot."""
        return self._names[self._slot - 1] if self._slot else None

    def set(self, names: Iterable[str]) -> None:
        """Fill the bank anew. The current name keeps its place if it is among them. Raises UsageError."""
        filled = tuple(names)
        if len(filled) > MAX_SLOTS:
            raise UsageError(f"a bank of {len(filled)} styles is too long.", f"{MAX_SLOTS} slots are the most.")
        for name in filled:
            if not isinstance(name, str) or not name:
                raise UsageError(f"a slot needs a style's name, got {name!r}.", "Names look like `starter/ember`.")
        before = self.current
        self._names = filled
        self._slot = filled.index(before) + 1 if before in filled else 0

    def select(self, slot: int) -> str:
        """Take a slot, from 1; returns its name. Raises StateError."""
        if not self._names:
            raise StateError("the bank is empty.", "Fill it with `bank.set`, or put styles into the style folder.")
        if not 1 <= slot <= len(self._names):
            raise StateError(f"there is no slot {slot}.", f"The bank has slots 1 to {len(self._names)}.")
        self._slot = slot
        return self._names[slot - 1]

    def next(self) -> str:
        """Take the slot after the current one; after the last comes the first. Raises StateError when empty."""
        return self.select(self._slot % len(self._names) + 1 if self._names else 1)

    def previous(self) -> str:
        """Take the slot before the current one; before the first comes the last. Raises StateError when empty."""
        return self.select(self._slot - 1 if self._slot > 1 else max(1, len(self._names)))

    def locate(self, name: str) -> int:
        """A style was loaded by name: its slot becomes the current one, or 0 if it has none. Returns the slot.

        A name that fills several slots keeps the current one, if it is one of them.
        """
        if name != self.current:
            self._slot = self._names.index(name) + 1 if name in self._names else 0
        return self._slot
