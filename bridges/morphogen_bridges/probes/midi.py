"""MIDI: which ports there are, and a message to ourselves through the system."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

from morphogen.clock import WallClock
from morphogen.errors import Unavailable
from morphogen.findings import Finding, version
from morphogen_bridges.midi_ports import System

SECONDS = 2.0
PORT = "loop-back"
MESSAGE = [0xB0, 7, 99]


@contextlib.contextmanager
def _system(api: str = "") -> Iterator[System]:
    system = System(api, "Doctor")
    try:
        yield system
    finally:
        system.shut()


def list_devices(api: str = "") -> list[dict[str, Any]]:
    """Ports: [{name, direction}], direction 'in', 'out' or 'both'. Raises Unavailable."""
    with _system(api) as system:
        into, out = ({port.name for port in ports} for ports in (system.inputs(), system.outputs()))
    names = {(True, False): "in", (False, True): "out", (True, True): "both"}
    return [{"name": name, "direction": names[name in into, name in out]} for name in sorted(into | out)]


def probe(api: str = "") -> Finding:
    """A controller's message to a port of our own and back, where the system has such ports; the ports listed."""
    devices = list_devices(api)
    seen = f"python-rtmidi {version('python-rtmidi')}, "
    seen += ", ".join(f"{device['name']} ({device['direction']})" for device in devices) or "no controller"
    details = {"devices": devices}
    with _system(api) as system:
        try:
            took = _loop_back(system)
        except Unavailable as error:
            return Finding(
                "midi", "input", "works" if devices else "absent", f"{seen}; {error.message}", error.cure, details
            )
    if took is None:
        cure = "Another program may hold the MIDI system: close it, or restart it."
        return Finding("midi", "input", "failed", f"{seen}; no message came back within {SECONDS:g} s", cure, details)
    return Finding(
        "midi", "input", "works", f"{seen}; message sent and received in {took * 1e3:.1f} ms", details=details
    )


def _loop_back(system: System) -> float | None:
    """Seconds from sending to hearing; None: it did not come. Raises Unavailable: no ports of our own here."""
    heard = threading.Event()
    ours = system.virtual(PORT, lambda message: heard.set() if message == MESSAGE else None)
    try:
        port = next((port for port in system.outputs() if PORT in port.raw), None)
        if port is None:
            return None
        out = system.speak(port)
        try:
            clock = WallClock()
            start = clock.now()
            out.send_message(MESSAGE)
            return clock.now() - start if heard.wait(SECONDS) else None
        finally:
            system.close(out)
    finally:
        system.close(ours)
