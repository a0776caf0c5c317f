"""A stand-in for python-rtmidi: ports that are plugged and unplugged, errors like ALSA's, messages by hand."""

from __future__ import annotations

from typing import Any

API_UNSPECIFIED, API_LINUX_ALSA, API_UNIX_JACK = 0, 2, 3


class RtMidiError(Exception):
    pass


class SystemError(RtMidiError, OSError):
    pass


class InvalidPortError(RtMidiError, ValueError):
    pass


class FakeRtmidi:
    """Goes into `sys.modules['rtmidi']`. inputs, outputs: raw names as the system tells them; change them to plug.

    broken: what the next client, listing or opening raises."""

    API_UNSPECIFIED, API_LINUX_ALSA, API_UNIX_JACK = API_UNSPECIFIED, API_LINUX_ALSA, API_UNIX_JACK
    RtMidiError, SystemError, InvalidPortError = RtMidiError, SystemError, InvalidPortError

    def __init__(self, inputs: list[str], outputs: list[str] | None = None) -> None:
        self.inputs, self.outputs = inputs, outputs or []
        self.no_system = self.no_list = False
        self.busy: set[str] = set()
        self.open: dict[str, Port] = {}
        self.sent: dict[str, list[list[int]]] = {}
        self.clients = 0
        fake = self

        class MidiIn(Port):
            def __init__(self, rtapi: int = 0, name: str = "") -> None:
                super().__init__(fake, name, fake.inputs)

            def get_ports(self) -> list[str]:
                return fake.listed(fake.inputs)

            def cancel_callback(self) -> None:
                self.callback = None

            def close_port(self) -> None:
                assert self.callback is None, "python-rtmidi may hang for ever: a callback waits for its lock"
                super().close_port()

        class MidiOut(Port):
            def __init__(self, rtapi: int = 0, name: str = "") -> None:
                super().__init__(fake, name, fake.outputs)

            def get_ports(self) -> list[str]:
                return fake.listed(fake.outputs)

        self.MidiIn, self.MidiOut = MidiIn, MidiOut

    def listed(self, names: list[str]) -> list[str]:
        if self.no_list:
            raise SystemError("MidiInAlsa::getPortCount: the sequencer is gone.")
        return list(names)

    def play(self, raw: str, *messages: list[int]) -> None:
        """The controller `raw` says something, if anyone listens."""
        port = self.open.get(raw)
        for message in messages:
            if port is not None and port.callback is not None:
                port.callback((list(message), 0.0), None)


class Port:
    def __init__(self, fake: FakeRtmidi, client: str, names: list[str]) -> None:
        if fake.no_system:
            raise SystemError("MidiInAlsa::initialize: error creating ALSA sequencer client object.")
        fake.clients += 1
        self.fake, self.client, self.names = fake, client, names
        self.raw = ""
        self.callback: Any = None
        self.ignored: dict[str, bool] = {}

    def open_port(self, index: int, name: str = "") -> None:
        if not 0 <= index < len(self.names):
            raise InvalidPortError("no such port")
        if self.names[index] in self.fake.busy:
            raise SystemError("MidiInWinMM::openPort: error creating Windows MM MIDI input port.")
        self.raw = self.names[index]
        if self.names is self.fake.inputs:
            self.fake.open[self.raw] = self

    def ignore_types(self, sysex: bool = True, timing: bool = True, active_sense: bool = True) -> None:
        self.ignored = {"sysex": sysex, "timing": timing, "active_sense": active_sense}

    def set_callback(self, callback: Any) -> None:
        self.callback = callback

    def send_message(self, message: list[int]) -> None:
        if self.raw not in self.fake.outputs:
            raise SystemError("MidiOutAlsa::sendMessage: error sending MIDI message to port.")
        self.fake.sent.setdefault(self.raw, []).append(list(message))

    def close_port(self) -> None:
        if self.fake.open.get(self.raw) is self:
            del self.fake.open[self.raw]

    def delete(self) -> None:
        self.fake.clients -= 1
