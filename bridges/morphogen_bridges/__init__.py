"""Everything that talks to an outside protocol, device or program: one table of strings for each kind.

Adding an output: copy the sink of `morphogen/stub.py` to `sinks/foo.py`, add one row here, one extra in
pyproject.toml. The contract suite picks it up and names what is missing. Listing imports nothing.
"""

from __future__ import annotations

from typing import Any

_HERE = "morphogen_bridges"

SOURCES: dict[str, dict[str, Any]] = {
    "osc": {"target": f"{_HERE}.sources.osc:OscSource", "doc": "OSC in: UDP, and TCP with SLIP framing."},
    "zmq_params": {"target": f"{_HERE}.sources.zmq_params:ZmqParams", "doc": "Parameters over ZeroMQ PULL."},
    "zmq_leader": {"target": f"{_HERE}.sources.zmq_leader:ZmqLeader", "doc": "Scenes of a leader, for a wall."},
    "link": {
        "target": f"{_HERE}.sources.link:LinkSession",
        "extra": "link",
        "requires": ("link",),
        "doc": "Ableton Link: tempo, beat and bar shared with the room.",
    },
    "midi": {
        "target": f"{_HERE}.sources.midi:MidiSource",
        "extra": "midi",
        "doc": "MIDI controllers: knobs, pads and clock in, lamps and motors back.",
    },
    "audio_device": {"target": f"{_HERE}.sources.audio_device:AudioDevice", "doc": "A sound card's input, by name."},
    "audio_loopback": {
        "target": f"{_HERE}.sources.audio_loopback:AudioLoopback",
        "extra": "loopback",
        "doc": "What this machine plays.",
    },
    "audio_track": {"target": f"{_HERE}.sources.audio_track:AudioTrack", "doc": "A recording, heard and paced."},
}

SINKS: dict[str, dict[str, Any]] = {
    "ndi": {
        "target": f"{_HERE}.sinks.ndi:NdiSink",
        "extra": "ndi",
        "doc": "The picture for every program on this network that knows NDI.",
    },
    "null": {"target": f"{_HERE}.sinks.null:NullSink", "doc": "Takes every frame and forgets it."},
    "png": {"target": f"{_HERE}.sinks.png:PngSink", "doc": "Numbered PNG files in a folder."},
    "record": {
        "target": f"{_HERE}.sinks.record:RecordSink",
        "extra": "video",
        "doc": "The show as a video file, with the sound that is heard.",
    },
    "shm": {"target": f"{_HERE}.sinks.shm:ShmSink", "doc": "A ring of frames in shared memory."},
    "spout": {
        "target": f"{_HERE}.sinks.spout:SpoutSink",
        "extra": "spout",
        "doc": "The picture for every program on this PC that knows Spout (Windows).",
    },
    "syphon": {
        "target": f"{_HERE}.sinks.syphon:SyphonSink",
        "extra": "syphon",
        "doc": "The picture for every program on this Mac that knows Syphon.",
    },
    "tdshm": {"target": f"{_HERE}.sinks.tdshm:TouchSink", "doc": "TouchDesigner's Shared Mem In TOP (Windows)."},
    "window": {
        "target": f"{_HERE}.sinks.window:WindowSink",
        "extra": "window",
        "doc": "A window of this machine, framed or full screen, on any display.",
    },
    "zmq": {"target": f"{_HERE}.sinks.zmq_frames:ZmqFrames", "doc": "Frames over ZeroMQ PUB."},
}

SERVERS: dict[str, dict[str, Any]] = {
    "osc_feedback": {"target": f"{_HERE}.servers.osc_feedback:OscFeedback", "doc": "OSC out: values, beat, style."},
    "zmq_control": {"target": f"{_HERE}.servers.zmq_control:ZmqControl", "doc": "JSON-RPC over ZeroMQ ROUTER."},
    "zmq_events": {"target": f"{_HERE}.servers.zmq_events:ZmqEvents", "doc": "Events over ZeroMQ PUB."},
    "zmq_scenes": {"target": f"{_HERE}.servers.zmq_scenes:ZmqScenes", "doc": "Scenes over ZeroMQ PUB, for followers."},
    "http": {"target": f"{_HERE}.servers.http:HttpServer", "doc": "Web page, REST, WebSocket and OSCQuery."},
    "mdns": {
        "target": f"{_HERE}.servers.mdns:Mdns",
        "extra": "mdns",
        "doc": "Announces OSCQuery and OSC in the network.",
    },
}

CLIENTS: dict[str, dict[str, Any]] = {
    "control": {"target": f"{_HERE}.clients.control:ControlClient", "doc": "What `morphogen ctl` uses."},
    "frames": {"target": f"{_HERE}.clients.frames:FrameReader", "doc": "Frames over ZeroMQ."},
    "events": {"target": f"{_HERE}.clients.events:EventReader", "doc": "Events over ZeroMQ."},
    "shm": {"target": f"{_HERE}.clients.shm:ShmReader", "doc": "Reads the shared-memory ring."},
    "keys": {"target": f"{_HERE}.zmq_curve:make_keys", "doc": "What `morphogen keys` uses."},
    "prefer_gpu": {"target": f"{_HERE}.windows_gpu:prefer", "doc": "What `morphogen doctor --prefer-gpu` uses."},
}

# `probe` answers a Finding; those called `*_devices` answer a list of {name, ...} for `morphogen devices`.
PROBES: dict[str, dict[str, Any]] = {
    "osc": {"target": f"{_HERE}.probes.osc:probe", "doc": "A message moves a parameter."},
    "zmq": {"target": f"{_HERE}.probes.zmq:probe", "doc": "A frame comes back over ZeroMQ."},
    "http": {"target": f"{_HERE}.probes.http:probe", "doc": "The page is served."},
    "ndi": {"target": f"{_HERE}.probes.ndi:probe", "doc": "A picture comes back over NDI, found by its name."},
    "oscquery": {"target": f"{_HERE}.probes.oscquery:probe", "doc": "The tree is served and moves a parameter."},
    "mdns": {"target": f"{_HERE}.probes.mdns:probe", "doc": "What is announced is found."},
    "shm": {"target": f"{_HERE}.probes.shm:probe", "doc": "A frame comes back from shared memory."},
    "png": {"target": f"{_HERE}.probes.png:probe", "doc": "A picture is written and read."},
    "record": {"target": f"{_HERE}.probes.record:probe", "doc": "A second of video is written and read."},
    "spout": {"target": f"{_HERE}.probes.spout:probe", "doc": "A picture comes back over Spout."},
    "syphon": {"target": f"{_HERE}.probes.syphon:probe", "doc": "A picture comes back over Syphon."},
    "tdshm": {"target": f"{_HERE}.probes.tdshm:probe", "doc": "A picture comes back from TouchDesigner's memory."},
    "gpu": {"target": f"{_HERE}.probes.gpu:probe", "doc": "Windows' graphics cards, and which one this Python gets."},
    "window": {"target": f"{_HERE}.probes.window:probe", "doc": "A picture is drawn in a window's context."},
    "audio": {"target": f"{_HERE}.probes.audio:probe", "doc": "Sound inputs."},
    "link": {"target": f"{_HERE}.probes.link:probe", "doc": "Ableton Link's library."},
    "midi": {"target": f"{_HERE}.probes.midi:probe", "doc": "A message to ourselves; the controllers."},
    "audio_devices": {"target": f"{_HERE}.probes.audio:list_devices", "doc": "Sound inputs, as a list."},
    "loopback": {"target": f"{_HERE}.probes.audio:probe_loopback", "doc": "What this machine plays."},
    "loopback_devices": {
        "target": f"{_HERE}.probes.audio:list_loopbacks",
        "doc": "Outputs whose sound can be heard, as a list.",
    },
    "midi_devices": {"target": f"{_HERE}.probes.midi:list_devices", "doc": "MIDI ports, as a list."},
    "display_devices": {"target": f"{_HERE}.probes.window:list_displays", "doc": "Displays, as a list."},
}
