"""Sound: which inputs there are, and which outputs can be heard."""

from __future__ import annotations

from typing import Any

from morphogen.findings import Finding, version


def list_devices() -> list[dict[str, Any]]:
    """Inputs: [{name, channels, rate, default, hostapi}]; fresh, unless a stream is open. Raises Unavailable."""
    from morphogen_bridges import portaudio

    portaudio.rescan()
    return [{key: value for key, value in row.items() if key != "index"} for row in portaudio.devices("input")]


def list_loopbacks() -> list[dict[str, Any]]:
    """Outputs that `--audio loopback:NAME` can hear: [{name, default}], the default first. Raises Unavailable."""
    from morphogen_bridges import soundcards

    return [{"name": output.name, "default": output.default} for output in soundcards.outputs()]


def probe() -> Finding:
    """List the inputs; no input is no failure (the demo track and files need none)."""
    devices = list_devices()
    seen = f"sounddevice {version('sounddevice')}, "
    details = {"devices": devices}
    if not devices:
        cure = "Plug one in, or start the sound server; `--audio demo` and files work without."
        return Finding("audio", "input", "absent", f"{seen}no input", cure, details)
    chosen = next((row["name"] for row in devices if row["default"]), devices[0]["name"])
    cure = "To hear what this machine plays: `--audio loopback`."
    return Finding("audio", "input", "works", f"{seen}{len(devices)} inputs, default {chosen}", cure, details)


def probe_loopback() -> Finding:
    """Whether what this machine plays can be heard, and from which outputs. Raises Unavailable."""
    rows = list_loopbacks()
    seen, details = f"soundcard {version('soundcard')}, ", {"outputs": rows}
    if not rows:
        return Finding("loopback", "input", "absent", f"{seen}no output", "Plug one in.", details)
    return Finding("loopback", "input", "works", f"{seen}{len(rows)} outputs, default {rows[0]['name']}", "", details)
