"""The examples in docs/zeromq.md are run as they stand, on other ports and in a temporary folder."""

from __future__ import annotations

import contextlib
import re
import shlex
import threading
from pathlib import Path

import pytest

from fakes import make_frame
from morphogen import cli, errors
from morphogen.contracts import SinkOptions
from morphogen.frame import TargetSpec
from morphogen_bridges import zmq_rpc
from morphogen_bridges.servers.zmq_control import ZmqControl
from morphogen_bridges.servers.zmq_events import ZmqEvents
from morphogen_bridges.sinks.zmq_frames import ZmqFrames
from morphogen_bridges.sources.zmq_params import ZmqParams
from waiting import until
from zmq_helpers import opened

PAGE = (Path(__file__).parent.parent / "docs" / "zeromq.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^## (\w+)|```(python|sh)\n(.*?)```", PAGE, re.DOTALL | re.MULTILINE)


def examples(section, language="python"):
    current, found = "", []
    for heading, spoken, code in EXAMPLES:
        current = heading or current
        if spoken == language and current == section:
            found.append(code)
    assert found
    return found


def run(code, port, default):
    """Execute an example against `port` instead of the default one."""
    code = code.replace(str(default), str(port))
    for name, values in (("ControlClient", f"port={port}, "), ("EventReader", f"port={port}, ")):
        code = code.replace(f"{name}(", f"{name}({values}").replace(", )", ")")
    exec(compile(code, "docs/zeromq.md", "exec"), {})


@contextlib.contextmanager
def meanwhile(act):
    stop = threading.Event()

    def work():
        while not stop.wait(0.01):
            act()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


@pytest.mark.parametrize("code", examples("Control"))
def test_control(host, code):
    with opened(ZmqControl(port=0), host) as server:
        run(code, server.describe()["port"], 8713)
    assert host.calls[0][1]["name"] == "cosmic/galaxy"


@pytest.mark.parametrize("code", examples("Parameters"))
def test_parameters(host, code):
    with opened(ZmqParams(port=0), host) as source:
        run(code, source.describe()["port"], 8714)
        until(lambda: len(host.params.sets) == 3)


@pytest.mark.parametrize("code", examples("Frames"))
def test_frames(host, code, capsys):
    frame = make_frame(TargetSpec(64, 36), 7)
    with opened(ZmqFrames(SinkOptions(extra={"port": "0"})), host) as sink, meanwhile(lambda: sink.write(frame)):
        run(code, sink.describe()["port"], 8715)
    assert capsys.readouterr().out.startswith("7 (36, 64, 4)")


@pytest.mark.parametrize("code", examples("Events"))
def test_events(host, code, capsys):
    with opened(ZmqEvents(port=0), host) as server, meanwhile(lambda: host.emit("beat", {"beat": 4})):
        run(code, server.describe()["port"], 8716)
    assert "beat" in capsys.readouterr().out


def test_keys(host, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (make,), (connect,) = examples("Keys", "sh"), examples("Keys")
    assert cli.run(shlex.split(make)[1:]) == 0
    with opened(ZmqControl(port=0, keys=tmp_path / "keys"), host) as server:
        run(connect, server.describe()["port"], 8713)
    assert "ok" in capsys.readouterr().out


def test_every_error_code_is_explained():
    codes = {c.code for c in vars(errors).values() if isinstance(c, type) and issubclass(c, errors.MorphogenError)}
    codes |= {zmq_rpc.PARSE, zmq_rpc.INVALID, zmq_rpc.UNKNOWN, zmq_rpc.PARAMS, zmq_rpc.INTERNAL, zmq_rpc.BUSY}
    assert {int(code) for code in re.findall(r"^\| (-32\d+) \|", PAGE, re.MULTILINE)} == codes
