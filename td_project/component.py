"""What the component does; this text lies in its DAT `logic` and is called by the callbacks of its other operators.

Values go out by OSC and come back by OSC. What came in is remembered and not sent out again, else a knob and the
picture would chase each other. `comp` is always the component. Main thread only.
"""

import json

POLL = 60  # frames between two questions how it goes
SILENT = 3  # questions without an answer, after which Morphogen counts as away
SUBSCRIBE = 300  # frames between two subscriptions of the CHOP: a daemon that was started anew forgets
ON_PULSE = {"Stylenext": "/morphogen/style/next", "Styleprevious": "/morphogen/style/previous"}
VIDEOS = ("ring", "spout", "ndi")
FEATURES = ("bass", "mid", "treble", "rms", "centroid", "flux", "onset")

heard = {}  # parameter name -> the value that came in last
state = {"asked": 0, "connected": False}


def on_build(comp):
    """After building, and after the component was loaded from a .tox."""
    heard.clear()
    state.update(asked=0, connected=False)
    _video(comp)
    _ask(comp)


def on_value(comp, par):
    """Somebody, or an incoming message, moved one of the parameters."""
    name = par.name
    if name in ("Host", "Base"):
        _connect(comp)
        return
    if name in ("Video", "Sender"):
        _video(comp)
        return
    spec = comp.fetch("keys", {}).get(name)
    if spec is None:
        return
    value = par.eval()
    if name in heard and _same(heard[name], value):
        return
    heard.pop(name, None)
    _send(comp, "/morphogen/" + spec["key"], [_outgoing(spec, value)])


def on_pulse(comp, par):
    """A button."""
    if par.name == "Styleload":
        _send(comp, "/morphogen/style/load", [comp.par.Style.eval(), float(comp.par.Styleseconds.eval())])
    elif par.name in ON_PULSE:
        _send(comp, ON_PULSE[par.name], [])
    elif par.name == "Reconnect":
        _connect(comp)
    elif par.name == "Savetox":
        comp.save("morphogen.tox")


def on_osc(comp, address, args):
    """Feedback from Morphogen."""
    if not address.startswith("/morphogen/") or not args:
        return
    key = address[len("/morphogen/") :]
    if key == "style/current":
        _take(comp, "Style", str(args[0]))
        return
    for name, spec in comp.fetch("keys", {}).items():
        if spec["key"] == key:
            _take(comp, name, _incoming(spec, args[0]))
            return


def on_channel(comp, name, value):
    """A channel of the CHOP input moved: music that TouchDesigner analyses drives Morphogen."""
    if name in FEATURES:
        _send(comp, "/morphogen/audio/" + name, [min(max(float(value), 0.0), 1.0)])


def on_frame(comp, frame):
    """Every frame: a picture from the ring; now and then a question."""
    if comp.par.Video.eval() == "ring":
        comp.op("video_ring").cook(force=True)
    if frame % POLL == 0:
        _ask(comp)
    if frame % SUBSCRIBE == 0:
        _subscribe(comp)


def on_response(comp, code, data):
    """The answer to `_ask`."""
    status = code.get("code") if isinstance(code, dict) else code
    if status != 200:
        return
    try:
        stats = json.loads(data.decode("utf-8") if isinstance(data, bytes) else data)
        text = f"connected: {stats['style']}, {stats['fps']:.0f} frames a second, {stats['late']} late"
    except (ValueError, KeyError, TypeError):
        return
    state["asked"] = 0
    if not state["connected"]:
        state["connected"] = True
        _subscribe(comp)
    _say(comp, text)


# --- inside


def _connect(comp):
    host, base = comp.par.Host.eval(), int(comp.par.Base.eval())
    comp.store("base", base)
    comp.op("osc_out").par.address = host
    comp.op("osc_out").par.port = base
    comp.op("osc_in").par.port = base + 1
    comp.op("music").par.port = base + 11
    on_build(comp)


def _video(comp):
    source, sender = comp.par.Video.eval(), comp.par.Sender.eval()
    comp.op("video").par.index = VIDEOS.index(source)
    comp.op("video_spout").par.sendername = sender
    comp.op("video_ndi").par.name = sender
    comp.op("video_ndi").par.active = source == "ndi"


def _ask(comp):
    if state["asked"] >= SILENT:
        state["connected"] = False
        _say(comp, "not connected: start Morphogen (`python3 start.py`), or check host and port base")
    state["asked"] += 1
    port = comp.fetch("base", 8710) + 2
    comp.op("web").request(f"http://{comp.par.Host.eval()}:{port}/api/v1/stats", "GET")


def _subscribe(comp):
    _send(comp, "/morphogen/feedback/subscribe", [comp.fetch("base", 8710) + 11])


def _send(comp, address, args):
    comp.op("osc_out").sendOSC(address, args)


def _say(comp, text):
    if comp.par.Status.eval() != text:
        comp.par.Status.val = text


def _take(comp, name, value):
    heard[name] = value
    par = comp.pars(name)[0]
    if not _same(par.eval(), value):
        par.val = value


def _same(a, b):
    if isinstance(a, str) or isinstance(b, str):
        return a == b
    return abs(float(a) - float(b)) <= 1e-5 * max(1.0, abs(float(a)), abs(float(b)))


def _outgoing(spec, value):
    if spec["type"] == "choice":
        return spec["choices"].index(value)
    if spec["type"] in ("bool", "int"):
        return int(value)
    return float(value)


def _incoming(spec, value):
    if spec["type"] == "choice":
        return value if isinstance(value, str) else spec["choices"][int(value)]
    if spec["type"] == "bool":
        return bool(value)
    return int(value) if spec["type"] == "int" else float(value)
