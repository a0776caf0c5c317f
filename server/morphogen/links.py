"""What a configuration links the instrument to: servers and sources by name, and the sound it listens to.

The place where a new server or source is wired; `app` opens and closes what stands here.
"""

from __future__ import annotations

import sys

from morphogen.config import Config
from morphogen.contracts import Source
from morphogen.grammar import AudioChoice
from morphogen.ports import Ports
from morphogen.registry import resolve
from morphogen.relay import Relay

SHARED_TEXTURES = {"win32": "spout", "darwin": "syphon"}


def default_outputs() -> tuple[str, ...]:
    """Outputs that are open unless `--out -NAME` says otherwise: frames over ZeroMQ, and how programs beside us on this
    platform share pictures."""
    return ("zmq", *(kind for platform, kind in SHARED_TEXTURES.items() if sys.platform == platform))


def servers(config: Config, ports: Ports, relay: Relay) -> dict[str, Source]:
    """Servers and sources in the order in which they are opened; none is open yet."""
    bind, keys = config.bind, config.curve_keys
    osc = (config.osc_bind, ports.osc)
    feedback = [("127.0.0.1", ports.osc_out), *config.osc_out]
    found: dict[str, Source] = {
        "osc_feedback": resolve("SERVERS", "osc_feedback")(feedback),
        "osc": resolve("SOURCES", "osc")(config.osc_bind, ports.osc),
        "zmq_params": resolve("SOURCES", "zmq_params")(bind, ports.params, keys),
        "zmq_control": resolve("SERVERS", "zmq_control")(bind, ports.control, keys),
        "zmq_events": resolve("SERVERS", "zmq_events")(bind, ports.events, keys),
        "zmq_scenes": resolve("SERVERS", "zmq_scenes")(relay, bind, ports.scenes, keys),
        "http": resolve("SERVERS", "http")(bind, ports.http, config.token or None, osc, config.mdns),
    }
    if config.mdns:
        found["mdns"] = resolve("SERVERS", "mdns")((bind, ports.http), osc)
    found["midi"] = resolve("SOURCES", "midi")(config.midi)
    if config.link:
        found["link"] = link(config)
    return found


def link(config: Config) -> Source:
    """Ableton Link, not yet joined. Raises Unavailable when the extra is missing."""
    made: Source = resolve("SOURCES", "link")(config.link_start_stop)
    return made


def listener(choice: AudioChoice) -> tuple[Source | None, float | None, float]:
    """The source of sound that `--audio` names (None: nothing is opened), its tempo if known, and its first beat."""
    if choice.kind in ("none", "osc"):
        return None, None, 0.0
    if choice.kind == "demo":
        from morphogen.audio import demo

        track = resolve("SOURCES", "audio_track")(
            demo.render_demo, title=demo.DEMO_TITLE, bpm=demo.DEMO_BPM, first_beat=demo.DEMO_FIRST_BEAT
        )
        return track, demo.DEMO_BPM, demo.DEMO_FIRST_BEAT
    if choice.kind == "file":
        return resolve("SOURCES", "audio_track")(choice.value), None, 0.0
    return resolve("SOURCES", f"audio_{choice.kind}")(choice.value), None, 0.0
