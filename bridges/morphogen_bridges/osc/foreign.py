"""Other programs' addresses (`/composition/layers/1/video/opacity`, `/1/fader1`): what their numbers move, the rules of
the controls say. One thread.

Processor time a message, among 62 rules: a fader 13 us alone, 6.5 us in a batch of 64 (a parameter's own address 3.7
and 0.8 us), a button 12 us, an address that no rule takes 10 us: 5,000 messages a second are 3 to 6 % of one core.
"""

from __future__ import annotations

from morphogen.contracts import Controls
from morphogen_bridges.osc.codec import Message

MAX_ADDRESS = 196  # letters: with "osc" in front a rule has room for no more
MAX_ARGUMENTS = 16  # of one message, that are felt


class Foreign:
    """Hands numbers to the controls, each under its address, `#1` and so on behind it for the second and following.

    Of a fader's many values in one batch the first and the last are felt, of a button's 1 and 0 both."""

    def __init__(self, controls: Controls) -> None:
        self._controls = controls
        self._newest: dict[str, float | None] = {}

    def take(self, message: Message) -> bool:
        """Whether a rule, or learning, took any of the message's numbers. A message without any argument is a press."""
        if len(message.address) > MAX_ADDRESS:
            return False
        taken = False
        for index, value in enumerate(message.args[:MAX_ARGUMENTS] or (1.0,)):
            if isinstance(value, (bool, int, float)):
                address = f"osc{message.address}#{index}" if index else f"osc{message.address}"
                taken |= self._feel(address, float(value))
        return taken

    def _feel(self, address: str, value: float) -> bool:
        if address in self._newest and self._controls.newest_only(address):
            self._newest[address] = value
            return True
        if self._controls.feel(address, value):
            self._newest[address] = None
            return True
        return False

    def flush(self) -> None:
        """The end of a batch."""
        if self._newest:
            newest, self._newest = self._newest, {}
            for address, value in newest.items():
                if value is not None:
                    self._controls.feel(address, value)
