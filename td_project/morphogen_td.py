"""Builds the Morphogen component in TouchDesigner. In the Textport (Alt+T), one line:

    import sys; sys.path.insert(0, r"C:/morphogen/td_project"); import morphogen_td; morphogen_td.build()

Say it again at any time: the component is built anew and keeps what was set. Pages and parameters come from the running
Morphogen's own description, or from `description.json` beside this file while it is down. Nothing is installed into
TouchDesigner's Python. Main thread only, as everything in TouchDesigner.
"""

from __future__ import annotations

import json
import re
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
NAME = "morphogen"
HOST, BASE = "127.0.0.1", 8710
SECONDS = 2.0  # that a daemon gets to describe itself: TouchDesigner stands still meanwhile
CHANNELS = ("bass", "mid", "treble", "rms", "centroid", "flux", "onset")  # features that the CHOP input can bring
TEXTS = {"logic": "component.py", "ring": "ring.py"}
_ILLEGAL = re.compile(r"[^a-z0-9]")

# Name, type, place in the network editor, parameters. Types are names of `td`.
OPERATORS: tuple[tuple[str, str, tuple[int, int], dict[str, Any]], ...] = (
    ("logic", "textDAT", (0, 0), {}),
    ("ring", "textDAT", (0, -120), {}),
    ("osc_out", "oscoutDAT", (200, 0), {}),
    ("osc_in", "oscinDAT", (200, -120), {"callbacks": "calls"}),
    ("calls", "textDAT", (0, -240), {}),
    (
        "watch",
        "parameterexecuteDAT",
        (400, 0),
        {"op": "..", "pars": "*", "custom": True, "builtin": False, "valuechange": True, "onpulse": True},
    ),
    ("clock", "executeDAT", (400, -120), {"framestart": True}),
    ("web", "webclientDAT", (200, -240), {"callbacks": "calls"}),
    ("music", "oscinCHOP", (0, -400), {}),
    ("out_music", "outCHOP", (400, -400), {}),
    ("in_audio", "inCHOP", (0, -520), {}),
    ("heard", "chopexecuteDAT", (200, -520), {"chop": "in_audio", "channel": "*", "valuechange": True}),
    ("video_ring", "scriptTOP", (0, -660), {"callbacks": "ring"}),
    ("video_spout", "syphonspoutinTOP", (0, -780), {"usespoutactivesender": False, "sendername": "Morphogen"}),
    ("video_ndi", "ndiinTOP", (0, -900), {"extraips": HOST}),
    ("video", "switchTOP", (200, -660), {}),
    ("out_video", "outTOP", (400, -660), {}),
)
WIRES = (
    ("music", "out_music", 0),
    ("video_ring", "video", 0),
    ("video_spout", "video", 1),
    ("video_ndi", "video", 2),
    ("video", "out_video", 0),
)
VIDEOS = (("ring", "Shared memory"), ("spout", "Spout or Syphon"), ("ndi", "NDI"))  # the order of the switch's inputs
CALLBACKS = {
    "calls": """def onReceiveOSC(dat, rowIndex, message, byteData, timeStamp, address, args, peer):
    op('logic').module.on_osc(parent(), address, args)


def onResponse(webClientDAT, statusCode, headerDict, data, *more):
    op('logic').module.on_response(parent(), statusCode, data)
""",
    "watch": """def onValueChange(par, prev):
    op('logic').module.on_value(parent(), par)


def onPulse(par):
    op('logic').module.on_pulse(parent(), par)
""",
    "clock": """def onFrameStart(frame):
    op('logic').module.on_frame(parent(), frame)
""",
    "heard": """def onValueChange(channel, sampleIndex, val, prev):
    op('logic').module.on_channel(parent(), channel.name, val)
""",
}


def build(parent: Any = None, host: str = HOST, base: int = BASE) -> Any:
    """The component, made or made anew inside `parent` (a COMP; left out: /project1, else the root). host, base: where
    Morphogen listens, `base` as its --port-base. Returns the COMP."""
    import td

    parent = parent or td.op("/project1") or td.op("/")
    known, source = describe(host, base + 2)
    comp = parent.op(NAME) or parent.create(td.baseCOMP, NAME)
    keys = pages(comp, known, host, base)
    comp.store("keys", keys)
    comp.store("base", base)
    network(td, comp, host, base)
    comp.op("logic").module.on_build(comp)
    print(f"Morphogen: {comp.path} has {len(keys)} parameters, described by {source}.")
    return comp


def describe(host: str, port: int) -> tuple[dict[str, Any], str]:
    """({'params': [...], 'styles': [names]}, who said so): the daemon on that HTTP port, else `description.json`."""
    try:
        found = {
            "params": _get(host, port, "params"),
            "styles": [style["name"] for style in _get(host, port, "styles")],
        }
        return found, f"the running Morphogen on {host}:{port}"
    except (OSError, ValueError, KeyError, TypeError) as error:
        print(f"Morphogen does not answer on {host}:{port} ({error}); start it and build again for its own styles.")
        return json.loads((HERE / "description.json").read_text(encoding="utf-8")), "the file description.json"


def _get(host: str, port: int, what: str) -> Any:
    request = urllib.request.Request(f"http://{host}:{port}/api/v1/{what}", headers={"Accept": "application/json"})
    with urllib.request.urlopen(request, timeout=SECONDS) as answer:
        return json.loads(answer.read().decode("utf-8"))


def par_name(key: str) -> str:
    """'view/warp_scale' -> 'Viewwarpscale': one capital first, then lower-case letters and digits only."""
    return _ILLEGAL.sub("", key.lower()).capitalize()


# --- pages


def pages(comp: Any, known: dict[str, Any], host: str, base: int) -> dict[str, Any]:
    """Custom pages and parameters; returns {parameter name: {key, type, choices}} of those that mean one of ours."""
    own = _page(comp, "Morphogen")
    _put(comp, own, "Str", "Status", "Status", "starting", readOnly=True)
    _put(comp, own, "Str", "Host", "Host", host)
    _put(comp, own, "Int", "Base", "Port base", base, min=1024, max=65000)
    _put(
        comp,
        own,
        "Menu",
        "Video",
        "Video by",
        VIDEOS[_best_video()][0],
        menuNames=[n for n, _ in VIDEOS],
        menuLabels=[label for _, label in VIDEOS],
    )
    _put(comp, own, "Str", "Sender", "Sender or output", "Morphogen")
    for name, label in (("Reconnect", "Connect again"), ("Savetox", "Save as .tox")):
        _put(comp, own, "Pulse", name, label)
    styles = _page(comp, "Style")
    _put(
        comp,
        styles,
        "StrMenu",
        "Style",
        "Style",
        (known["styles"] or [""])[0],
        menuNames=known["styles"],
        menuLabels=known["styles"],
    )
    _put(comp, styles, "Float", "Styleseconds", "Seconds", 2.0, min=0.0, max=30.0)
    for name, label in (("Styleload", "Load"), ("Stylenext", "Next"), ("Styleprevious", "Previous")):
        _put(comp, styles, "Pulse", name, label)
    keys = {}
    for spec in known["params"]:
        if not spec["feature"]:
            name = par_name(spec["key"])
            _declare(comp, name, spec)
            keys[name] = {"key": spec["key"], "type": spec["type"], "choices": spec["choices"]}
    return keys


def _declare(comp: Any, name: str, spec: dict[str, Any]) -> None:
    page = _page(comp, spec["group"].capitalize())
    kinds = {"bool": "Toggle", "int": "Int", "choice": "Menu"}
    more: dict[str, Any] = {"help": f"{spec['doc']} {spec['unit']}".strip()}
    if spec["type"] == "choice":
        more |= {"menuNames": spec["choices"], "menuLabels": spec["choices"]}
    elif spec["type"] != "bool":
        more |= {"min": spec["min"], "max": spec["max"]}
    _put(comp, page, kinds.get(spec["type"], "Float"), name, spec["label"], spec["default"], **more)


def _page(comp: Any, name: str) -> Any:
    return next((page for page in comp.customPages if page.name == name), None) or comp.appendCustomPage(name)


def _put(comp: Any, page: Any, kind: str, name: str, label: str, value: Any = None, **more: Any) -> None:
    """A parameter, new or as it is: one that is there keeps its value and takes on the new range, menu and help."""
    there = comp.pars(name)
    par = there[0] if there else getattr(page, f"append{kind}")(name, label=label, replace=False)[0]
    low, high = more.pop("min", None), more.pop("max", None)
    if low is not None:
        par.min = par.normMin = low
        par.max = par.normMax = high
        par.clampMin = par.clampMax = True
    for attribute, content in more.items():
        setattr(par, attribute, content)
    if not there and value is not None:
        par.default = value
        par.val = value


def _best_video() -> int:
    """Index in VIDEOS: Spout and Syphon stay on the card; elsewhere the shared ring, which needs no licence tier."""
    return 1 if sys.platform in ("win32", "darwin") else 0


# --- network


def network(td: Any, comp: Any, host: str, base: int) -> None:
    """All operators inside, wired; those that are there are set anew."""
    ports = {"osc_out": {"address": host, "port": base}, "osc_in": {"port": base + 1}, "music": {"port": base + 11}}
    for name, kind, (x, y), values in OPERATORS:
        made = comp.op(name) or comp.create(getattr(td, kind), name)
        made.nodeX, made.nodeY = x, y
        for par, value in (values | ports.get(name, {})).items():
            setattr(made.par, par, value)
    for name, file in TEXTS.items():
        comp.op(name).text = (HERE / file).read_text(encoding="utf-8")
    for name, text in CALLBACKS.items():
        comp.op(name).text = text
    for source, target, index in WIRES:
        comp.op(source).outputConnectors[0].connect(comp.op(target).inputConnectors[index])
