"""The MIDI system: which ports there are, by names that a controller keeps, and how they are opened.

mido says which system is used (`MIDO_BACKEND`, as `mido.backends.rtmidi/UNIX_JACK`). The ports are opened through
python-rtmidi, because mido cannot give the client a name, by which we know our own ports and leave them alone, and
cannot leave system-exclusive dumps in the driver: mido's parser takes 86 ms for one of 100,000 bytes, all of it under
the interpreter lock.
"""

from __future__ import annotations

import os
import re
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from morphogen.errors import Unavailable

CLIENT = "Morphogen"
LAST_CALL = 0.02  # seconds; a message takes 12 to 40 us
INSTALL = 'pip install "morphogen[midi]"'
SEQUENCER = "/dev/snd/seq"
_NO_SYSTEM = (
    "Linux: `sudo modprobe snd-seq`, and be in the group audio. With JACK: MIDO_BACKEND=mido.backends.rtmidi/UNIX_JACK."
)

Heard = Callable[[list[int]], None]


@dataclass(frozen=True)
class Port:
    """One port of the system. name: cleaned; raw: as the system says it now; index: for opening, good until the list
    changes."""

    name: str
    raw: str
    index: int


class System:
    """The MIDI system of this machine. One thread at a time. Raises Unavailable when it is made: no package, no MIDI.
    client: how others see us.

    One client each for looking at inputs and outputs stays open: making new ones for every look would show up in every
    patch bay of the machine.
    """

    def __init__(self, api: str = "", client: str = CLIENT) -> None:
        try:
            import mido
            import rtmidi
        except ImportError as error:
            raise Unavailable(f"MIDI needs the package {error.name}.", INSTALL) from error
        self._rtmidi, self._client = rtmidi, client
        name = api or mido.Backend().api or ""
        self._api = getattr(rtmidi, f"API_{name}", None) if name else rtmidi.API_UNSPECIFIED
        if self._api is None:
            raise Unavailable(f"there is no MIDI system {name[:40]!r}.", "Look at MIDO_BACKEND.")
        if not name and sys.platform == "linux" and not os.path.exists(SEQUENCER):  # noqa: PTH110  a device
            raise Unavailable("this system has no MIDI.", _NO_SYSTEM)  # asked for, ALSA would complain on the terminal
        try:
            self._inputs = rtmidi.MidiIn(self._api, client)
            self._outputs = rtmidi.MidiOut(self._api, client)
        except (rtmidi.RtMidiError, RuntimeError) as error:
            raise Unavailable(f"this system has no MIDI: {error}", _NO_SYSTEM) from error

    def inputs(self) -> list[Port]:
        """What can be heard. Raises Unavailable: the system has gone."""
        return self._list(self._inputs)

    def outputs(self) -> list[Port]:
        """What can be sent to. Raises Unavailable."""
        return self._list(self._outputs)

    def listen(self, port: Port, heard: Heard) -> Any:
        """Open an input. `heard(bytes)` runs on the driver's thread with one whole message. Raises Unavailable."""
        made = self._open(self._rtmidi.MidiIn, port)
        made.ignore_types(sysex=True, timing=False, active_sense=True)
        made.set_callback(lambda event, _data: heard(event[0]))
        return made

    def speak(self, port: Port) -> Any:
        """Open an output; it has `send_message`. Raises Unavailable."""
        return self._open(self._rtmidi.MidiOut, port)

    def virtual(self, name: str, heard: Heard) -> Any:
        """An input of our own that others can send to. Raises Unavailable: Windows has none."""
        made = self._rtmidi.MidiIn(self._api, self._client)
        try:
            made.open_virtual_port(name)
        except (self._rtmidi.RtMidiError, RuntimeError, NotImplementedError) as error:
            made.delete()
            raise Unavailable(f"no MIDI port of our own: {error}", "Windows: install loopMIDI.") from error
        made.set_callback(lambda event, _data: heard(event[0]))
        return made

    def close(self, port: Any) -> None:
        """Close what `listen`, `speak` or `virtual` opened; never raises for one that has gone."""
        try:
            if isinstance(port, self._rtmidi.MidiIn):
                # It closes with the interpreter's lock held, while JACK waits for its thread, and that one, in our
                # callback, for the lock: for ever. So no callback any more, and a moment for the one under way.
                port.cancel_callback()
                threading.Event().wait(LAST_CALL)
            port.close_port()
            port.delete()
        except (self._rtmidi.RtMidiError, RuntimeError):
            pass

    def shut(self) -> None:
        """Leave the system."""
        for client in (self._inputs, self._outputs):
            self.close(client)

    def _open(self, kind: Any, port: Port) -> Any:
        try:
            made = kind(self._api, self._client)
            made.open_port(port.index, port.name)
        except (self._rtmidi.RtMidiError, RuntimeError, ValueError) as error:
            raise Unavailable(f"the MIDI port {port.name!r} cannot be opened: {error}",
                              "Is another program using it alone? On Windows only one may.") from error  # fmt: skip
        return made

    def _list(self, client: Any) -> list[Port]:
        try:
            return named(client.get_ports())
        except (self._rtmidi.RtMidiError, RuntimeError) as error:
            raise Unavailable(f"the MIDI system has gone: {error}", _NO_SYSTEM) from error


def named(raws: Sequence[str]) -> list[Port]:
    """The system's names as ports, our own left out; the second of two alike is called `... #2`."""
    found: list[Port] = []
    for index, raw in enumerate(raws):
        if raw.partition(":")[0].startswith(CLIENT):
            continue
        name = clean(raw)
        alike = sum(port.name == name or port.name.startswith(f"{name} #") for port in found)
        found.append(Port(f"{name} #{alike + 1}" if alike else name, raw, index))
    return found


def clean(raw: str, platform: str = sys.platform) -> str:
    """A port's name without what changes when it is plugged in again, and without what means something to us.

    ALSA says `nanoKONTROL2:nanoKONTROL2 MIDI 1 20:0`, where 20 is the next free number; Windows `nanoKONTROL2 0`, where
    0 is the place in the list; JACK's second client of a name is `pads-01`; a2jmidid has numbers in brackets."""
    name = re.sub(r"\s+\d+:\d+$", "", raw.strip())
    if platform == "win32":
        name = re.sub(r"\s+\d+$", "", name)
    name = re.sub(r"\s*[(\[](\d+|capture|playback)[)\]]:?", "", name)
    client, colon, port = name.partition(":")
    client = re.sub(r"-\d\d$", "", client) if colon else client
    name = f"{client} {port}" if colon and not port.startswith(client) else port or client
    return " ".join(re.sub(r"[/*#:?]", " ", name).split())[:80] or "port"


def fitting(ports: Sequence[Port], wanted: Sequence[str]) -> list[Port]:
    """Those that `--midi` names: parts of names, in any case; nothing or `all`: all but ALSA's own echo."""
    parts = [part.lower() for part in wanted if part.lower() != "all"]
    if parts:
        return [port for port in ports if any(part in port.name.lower() for part in parts)]
    return [port for port in ports if not port.name.startswith("Midi Through")]


def partner(port: Port, outputs: Sequence[Port]) -> Port | None:
    """The output of the same controller: the same name, else the same client (`pads:out` and `pads-01:in` in JACK,
    which numbers clients of one name)."""
    same = [out for out in outputs if out.name == port.name]
    near = [out for out in outputs if _client(out) and _client(out) == _client(port)]
    return next(iter(same or near), None)


def _client(port: Port) -> str:
    client, colon, _ = port.raw.partition(":")
    return re.sub(r"-\d+$", "", client) if colon else ""
