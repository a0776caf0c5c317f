"""The control methods, declared once: ZeroMQ control, HTTP, `ctl`, OSC commands and the docs table derive from this.

The implementation is in `instrument.py`; a test fails where the two differ.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from morphogen.errors import UsageError

REQUIRED: Any = object()


@dataclass(frozen=True)
class Arg:
    """One argument: kind is 'str', 'int', 'float', 'bool', 'bytes', 'any', 'map' or 'list'; default REQUIRED if none."""

    name: str
    kind: str
    doc: str
    default: Any = REQUIRED


@dataclass(frozen=True)
class Method:
    """One control method; `result` describes what it answers."""

    name: str
    doc: str
    result: str
    args: tuple[Arg, ...] = ()


_SECONDS = Arg("seconds", "float", "Length of the change; left out: `transition/seconds`.", None)
_ON = Arg("on", "str", "`now`, `beat` or `bar`; left out: as `transition/quantise` says.", None)
_SHOWN = "`{generation, frame, name}` of the first frame that shows it"

METHODS: tuple[Method, ...] = (
    Method("ping", "Is anyone there?", "`{pong: true, time_ns}`"),
    Method("version", "Versions of program and wire formats.", "`{version, protocol, python}`"),
    Method("stats", "Frame rate, late frames, drops, inputs.", "map, as `serve --json` prints"),
    Method("shutdown", "End the daemon gracefully.", "`{stopping: true}`"),
    Method("style.list", "All styles found.", "list of `{name, title, series, prompt, guide, score, shape, trained, path}`"),
    Method("style.current", "The running style.", "`{name, title, prompt, shape, generation, slot, weights}`"),
    Method("style.load", "Change to a style by name or file.", _SHOWN,
           (Arg("name", "str", "`series/name` or a path."), _SECONDS, _ON)),
    Method("style.put", "Change to a style sent along: a packed datagram, a style file, or a PNG that carries one.", _SHOWN,
           (Arg("blob", "bytes", "What `styles pack` or `styles share` wrote, or the file itself."), _SECONDS, _ON)),
    Method("style.share", "A style as a picture that carries it: drop it on a page, or give it to `--style`.",
           "`{name, png}`, the PNG as bytes", (Arg("name", "str", "As for `style.load`; left out: what runs now.", ""),)),
    Method("style.morph", "Hold a mixture of styles: the running one and another.", _SHOWN,
           (Arg("name", "str", "`series/name` or a path."), Arg("position", "float", "0 the running style, 1 the other."))),
    Method("style.next", "The next slot of the bank.", _SHOWN, (_SECONDS, _ON)),
    Method("style.previous", "The slot before.", _SHOWN, (_SECONDS, _ON)),
    Method("style.slot", "A slot of the bank.", _SHOWN, (Arg("slot", "int", "From 1."), _SECONDS, _ON)),
    Method("style.weight", "Bend one weight of the running style.", "`{index, value}`",
           (Arg("index", "int", "From 0, in tensor order."), Arg("value", "float", "New weight."))),
    Method("style.weights", "The weights of the running style, and what each does.",
           "`{name, generation, total, first, values: [...], names: [...]}`",
           (Arg("first", "int", "From 0, in tensor order.", 0), Arg("count", "int", "At most 4096.", 4096))),
    Method("layer.load", "Lay a style over the show; `layer/...` says how. What is seen of the one before fades first.",
           "`{name}`, once it has taken its place", (Arg("name", "str", "`series/name` or a path."),)),
    Method("layer.clear", "Take the layer away.", "`{name}`, empty, once it is gone"),
    Method("bank.set", "Fill the bank.", "`{slots: [names]}`",
           (Arg("slots", "list", "Names, first slot first; empty: all styles."),)),
    Method("bank.list", "What lies in the bank.", "`{slots: [names], current}`"),
    Method("param.list", "All parameters with range, unit and value.", "list of maps"),
    Method("param.get", "One parameter.", "`{key, value, normalised}`", (Arg("key", "str", "`group/name`."),)),
    Method("param.set", "Set one parameter or several.", "`{set: n}`",
           (Arg("key", "str", "`group/name`.", ""), Arg("value", "any", "In its own unit.", None),
            Arg("values", "map", "`{key: value}` instead.", None),
            Arg("normalised", "bool", "Values are 0..1 over the range.", False))),
    Method("color.lut", "Load a look-up table, the last step of all colours; see `color/lut_amount`.",
           "`{path, name, size, note}`", (Arg("path", "str", "A .cube file; left out: none any more.", ""),)),
    Method("mod.list", "The modulation matrix.", "`{sources: [...], curves: [...], routes: [...]}`"),
    Method("mod.set", "Replace the modulation matrix.", "`{routes: n}`",
           (Arg("routes", "list", "`{source, target, amount, curve}` each."),)),
    Method("snapshot.store", "Keep all parameters and the style.", "`{slot}`", (Arg("slot", "int", "From 1."),)),
    Method("snapshot.recall", "Glide back to what was kept.", "`{slot}`",
           (Arg("slot", "int", "From 1."), Arg("seconds", "float", "Length of the glide.", 0.0), _ON)),
    Method("snapshot.list", "Which snapshots are kept.", "`{slots: {n: {style, layer, params, routes}}}`"),
    Method("tempo.set", "Fix the tempo; 0 follows the music again.", "`{bpm, source, choice}`",
           (Arg("bpm", "float", "20 to 400, or 0."),)),
    Method("tempo.tap", "One tap of the tempo.", "`{bpm, source, choice}`"),
    Method("tempo.beat", "This is the beat, now, and the first of a bar.", "`{bpm, source, choice}`"),
    Method("tempo.source", "Choose who leads the tempo; a tempo held by hand is let go.", "`{bpm, source, choice}`",
           (Arg("name", "str", "auto, manual, link, midi, track or audio; left out: only tells.", ""),)),
    Method("tempo.link", "Join or leave the Ableton Link session of this network.", "`{on}`",
           (Arg("on", "bool", "Left out: only tells.", None),)),
    Method("audio.devices", "Inputs of this machine.", "list of `{name, channels, rate, default}`"),
    Method("audio.select", "Listen to something else.", "`{audio}`",
           (Arg("source", "str", "As `serve --audio` takes it: demo, none, osc, file:PATH, device:NAME, loopback."),)),
    Method("output.list", "The running outputs.", "list of `{id, kind, name, width, height, written, dropped, ...}`"),
    Method("output.open", "Open an output.", "`{id, name}`",
           (Arg("kind", "str", "zmq, shm, png, null ..."), Arg("options", "map", "As `--out` takes them.", None))),
    Method("output.set", "Rename or resize an output.", "`{id, name}`",
           (Arg("id", "str", "As `output.list` says."), Arg("options", "map", "What changes."))),
    Method("output.close", "Close an output.", "`{id}`", (Arg("id", "str", "As `output.list` says."),)),
    Method("record.start", "Record the show with the sound that is heard, into a new file.", "`{id, file, encoder}`",
           (Arg("path", "str", "File or folder; left out: a file by date and time in the folder of videos.", ""),
            Arg("options", "map", "As `--out record` takes them.", None))),
    Method("record.stop", "End the recording and close its file.",
           "`{id, file, seconds, frames, dropped, size, error}`; dropped: pictures of the file without a frame of their own",
           (Arg("id", "str", "As `record.start` says; left out: the newest.", ""),)),
    Method("show.get", "Size of the show, the backend that draws it, and which others there are.",
           "`{size, backend, backends: [names]}`"),
    Method("show.set", "Change size or backend while the show runs.", "as `show.get`",
           (Arg("size", "str", "`WIDTHxHEIGHT`; left out: stays.", ""),
            Arg("backend", "str", "auto, cpu, opengl, cuda or numpy; left out: stays.", ""))),
    Method("controls.list", "What controllers and foreign OSC addresses do, and what of the files is not understood.",
           "`{rules: [{address, target, mode, own, ...}], learning, file, problems: [{file, line, message, cure}]}`"),
    Method("controls.learn", "The next control that moves gets this target; answers when it is known.",
           "the rule: `{address, target, mode, ...}`",
           (Arg("target", "str", "A parameter or a command, as `view/zoom`, `style.slot 3`, `tempo.tap`."),
            Arg("seconds", "float", "How long to wait.", 20.0),
            Arg("fields", "map", "Fields of the rule that are not to be guessed, as `{mode, low, high}`.", None))),
    Method("controls.cancel", "Learn no longer.", "`{cancelled}`"),
    Method("controls.set", "Add a rule, or change the one with this address and target.", "the rule",
           (Arg("address", "str", "As `controls.list` says."), Arg("target", "str", "As for `controls.learn`."),
            Arg("fields", "map", "What is not as usual: `{mode, low, high, curve, ...}`.", None))),
    Method("controls.remove", "Forget what a control does.", "`{removed: n}`",
           (Arg("address", "str", "As `controls.list` says."),
            Arg("target", "str", "Only this of its rules; left out: all.", ""))),
    Method("state.save", "Write the whole state to disk now.", "`{path}`"),
)  # fmt: skip

BY_NAME: dict[str, Method] = {method.name: method for method in METHODS}


def bind(method: Method, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Check and complete the arguments of one call. Raises UsageError that names the argument."""
    known = {arg.name for arg in method.args}
    unknown = set(map(str, arguments)) - known
    if unknown:
        raise UsageError(f"{method.name} has no argument {sorted(unknown)[0]!r}.",
                         f"It takes: {', '.join(sorted(known)) or 'none'}.")  # fmt: skip
    bound = {}
    for arg in method.args:
        value = arguments.get(arg.name, arg.default)
        if value is REQUIRED:
            raise UsageError(f"{method.name} needs {arg.name!r}.", arg.doc)
        bound[arg.name] = value if value is arg.default else _convert(method, arg, value)
    return bound


def _convert(method: Method, arg: Arg, value: Any) -> Any:
    kinds: dict[str, Any] = {
        "str": str, "int": (int, float), "float": (int, float), "bool": (bool, int), "bytes": (bytes, bytearray),
        "map": dict, "list": (list, tuple), "any": object,
    }  # fmt: skip
    if not isinstance(value, kinds[arg.kind]) or (arg.kind in ("int", "float") and isinstance(value, bool)):
        raise UsageError(f"{method.name}: {arg.name!r} must be {arg.kind}, got {type(value).__name__}.", arg.doc)
    if arg.kind in ("int", "float"):
        if not abs(value) <= sys.float_info.max:
            raise UsageError(f"{method.name}: {arg.name!r} must be finite.", arg.doc)
        if arg.kind == "int" and value != int(value):
            raise UsageError(f"{method.name}: {arg.name!r} must be a whole number, got {value:g}.", arg.doc)
        return int(value) if arg.kind == "int" else float(value)
    return value
