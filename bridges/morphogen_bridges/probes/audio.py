"""Sound: which inputs there are."""

from __future__ import annotations

from typing import Any

from morphogen.findings import Finding, version

LOOPBACK_HINT = "To hear what this machine plays, choose a monitor or loopback input."


def list_devices() -> list[dict[str, Any]]:
    """Inputs: [{name, channels, rate, default, hostapi}]; fresh, unless a stream is open. Raises Unavailable."""
    from morphogen_bridges import portaudio

    portaudio.rescan()
    return [{key: value for key, value in row.items() if key != "index"} for row in portaudio.devices("input")]


def probe() -> Finding:
    """List the inputs; no input is no failure (the demo track and files need none)."""
    devices = list_devices()
    seen = f"sounddevice {version('sounddevice')}, "
    details = {"devices": devices}
    if not devices:
        cure = "Plug one in, or start the sound server; `--audio demo` and files work without."
        return Finding("audio", "input", "absent", f"{seen}no input", cure, details)
    chosen = next((row["name"] for row in devices if row["default"]), devices[0]["name"])
    return Finding("audio", "input", "works", f"{seen}{len(devices)} inputs, default {chosen}", LOOPBACK_HINT, details)
