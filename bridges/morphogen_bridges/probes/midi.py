"""MIDI: which inputs there are."""

from __future__ import annotations

from typing import Any

from morphogen.errors import Unavailable
from morphogen.findings import Finding, version

INSTALL = 'pip install "morphogen[midi]"'


def list_devices() -> list[dict[str, Any]]:
    """Inputs: [{name}]. Raises Unavailable."""
    try:
        import rtmidi
    except ImportError as error:
        raise Unavailable(f"MIDI needs the package {error.name}.", INSTALL) from error
    try:
        names = rtmidi.MidiIn().get_ports()
    except rtmidi.SystemError as error:
        raise Unavailable(
            "this system has no MIDI.", "Linux: `sudo modprobe snd-seq`, and be in the group audio."
        ) from error
    return [{"name": name} for name in names]


def probe() -> Finding:
    """List the inputs; none plugged in is no failure."""
    devices = list_devices()
    seen = f"python-rtmidi {version('python-rtmidi')}, "
    details = {"devices": devices}
    if not devices:
        return Finding("midi", "input", "absent", f"{seen}no controller", "Plug one in.", details)
    names = ", ".join(device["name"] for device in devices)
    return Finding("midi", "input", "works", f"{seen}{names}", details=details)
