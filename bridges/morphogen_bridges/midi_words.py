"""MIDI messages as addresses and values 0..1, and back for lamps and motors. No ports, no threads.

Source: MIDI 1.0 detailed specification: channel messages, running order of controllers 0-31 and their 32-63 for the low
seven bits, song position, real-time messages.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

TOP7, TOP14 = 127, 16383
NOTE_OFF, NOTE_ON, CONTROL, PROGRAM, BEND = 0x80, 0x90, 0xB0, 0xC0, 0xE0
POSITION, CLOCK, START, CONTINUE, STOP = 0xF2, 0xF8, 0xFA, 0xFB, 0xFC
CLOCKS = frozenset({POSITION, CLOCK, START, CONTINUE, STOP})
_LENGTHS = {NOTE_OFF: 3, NOTE_ON: 3, CONTROL: 3, PROGRAM: 2, BEND: 3}


class Reader:
    """Channel messages of one port. Not thread-safe."""

    def __init__(self) -> None:
        self._high: dict[int, tuple[int, int]] = {}  # channel -> (controller, high bits) that was sent last

    def read(self, message: Sequence[int]) -> Iterator[tuple[str, float]]:
        """(address without the port, value) of one whole message; nothing for others and for garbage."""
        kind, channel = message[0] & 0xF0, (message[0] & 0x0F) + 1
        if len(message) != _LENGTHS.get(kind) or any(byte > TOP7 for byte in message[1:]):
            return
        first = message[1]
        if kind == CONTROL:
            yield from self._control(channel, first, message[2])
        elif kind in (NOTE_ON, NOTE_OFF):
            yield f"note/{channel}/{first}", message[2] / TOP7 if kind == NOTE_ON else 0.0
        elif kind == PROGRAM:
            yield f"program/{channel}", first / TOP7
        else:
            yield f"bend/{channel}", (first | message[2] << 7) / TOP14

    def _control(self, channel: int, number: int, value: int) -> Iterator[tuple[str, float]]:
        """Also as 14 bits where the low bits follow right upon their high ones: then it is one fader. (Many devices
        use controllers 32 to 63 as buttons.)"""
        yield f"cc/{channel}/{number}", value / TOP7
        before = self._high.pop(channel, None)
        if before is not None and number == before[0] + 32:
            yield f"cc14/{channel}/{before[0]}", (before[1] << 7 | value) / TOP14
        elif number < 32:
            self._high[channel] = (number, value)


def write(address: str, value: float) -> list[list[int]]:
    """Messages that show `value` (0..1) at an address without the port; none for what shows nothing."""
    kind, *numbers = address.split("/")
    try:
        channel, *rest = (int(number) for number in numbers)
    except ValueError:
        return []
    if not 1 <= channel <= 16 or any(not 0 <= number <= TOP7 for number in rest) or len(rest) != (kind != "bend"):
        return []
    value = min(max(value, 0.0), 1.0)
    low, status = round(value * TOP7), channel - 1
    if kind == "cc":
        return [[CONTROL | status, rest[0], low]]
    if kind == "note":
        return [[NOTE_ON | status, rest[0], low]]
    fine = round(value * TOP14)
    if kind == "cc14" and rest[0] < 32:
        return [[CONTROL | status, rest[0], fine >> 7], [CONTROL | status, rest[0] + 32, fine & TOP7]]
    return [[BEND | status, fine & TOP7, fine >> 7]] if kind == "bend" else []
