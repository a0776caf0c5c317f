from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import types
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from morphogen import __version__, cli, registry
from morphogen.cli import complete, ctl
from morphogen.errors import MorphogenError, StyleError, Unavailable, UsageError
from morphogen.field.network import init_glow, preset
from morphogen.library.style import Style, load_style
from morphogen.methods import BY_NAME as METHODS_BY_NAME
from morphogen.methods import METHODS, bind
from waiting import until

VERBS = ("serve", "still", "ctl", "styles", "keys", "devices", "doctor", "bench")


def run(capsys, *words: str) -> tuple[int, str, str]:
    code = cli.run(words)
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def one_line(err: str) -> str:
    """Every error is one line that says who speaks and ends with a cure."""
    lines = [line for line in err.splitlines() if line]
    assert len(lines) == 1, err
    assert lines[0].startswith("morphogen: ")
    assert lines[0].endswith((".", "?", ")"))
    return lines[0]


class FakeControl:
    """Stands in for the ZeroMQ client: checks each call against the method table and notes it."""

    calls: list[tuple[str, dict]] = []  # noqa: RUF012
    made: list[tuple] = []  # noqa: RUF012
    answers: dict = {}  # noqa: RUF012

    def __init__(self, host, port, keys, timeout):
        self.made.append((host, port, keys, timeout))

    def call(self, method, /, **params):
        self.calls.append((method, bind(METHODS_BY_NAME[method], params)))
        answer = self.answers.get(method, {})
        if isinstance(answer, MorphogenError):
            raise answer
        return answer

    def close(self):
        pass


@pytest.fixture
def control(monkeypatch):
    monkeypatch.setattr(FakeControl, "calls", [])
    monkeypatch.setattr(FakeControl, "made", [])
    monkeypatch.setattr(FakeControl, "answers", {})
    real = registry.resolve
    monkeypatch.setattr(
        registry,
        "resolve",
        lambda kind, name: FakeControl if (kind, name) == ("CLIENTS", "control") else real(kind, name),
    )
    return FakeControl


@pytest.fixture
def fake_app(monkeypatch):
    """`morphogen.app` as the command line sees it; `configs` is what it was given."""
    configs = []

    def serve(config, announce):
        configs.append(config)
        announce("Playing.")
        return {"frames": 120, "fps": 60.0, "late": 0, "size": [1920, 1080]}

    monkeypatch.setitem(sys.modules, "morphogen.app", types.SimpleNamespace(serve=serve))
    return configs


@pytest.fixture
def fake_still(monkeypatch):
    asked = []

    def still_bands(style, size, moment, sets, backend, layer, table):
        asked.append((style.name, size, moment, dict(sets), backend))
        yield np.full((size[1], size[0], 4), 200, np.uint8)

    def first_style(library, name):
        return Style(init_glow(preset("3L_4D"), 5), name or "starter/first")

    module = types.SimpleNamespace(still_bands=still_bands, first_style=first_style)
    monkeypatch.setitem(sys.modules, "morphogen.still", module)
    return asked


# --- as a whole


def test_version(capsys):
    assert run(capsys, "--version") == (0, f"morphogen {__version__}\n", "")


@pytest.mark.parametrize("words", [(), *((verb,) for verb in VERBS), ("ctl", "load"), ("styles", "draw")])
def test_help(capsys, words):
    code, out, err = run(capsys, *words, "--help")
    assert (code, err) == (0, "")
    assert "Usage: morphogen" in out
    assert run(capsys, *words, "-h")[1] == out


def test_help_names_every_verb(capsys):
    out = run(capsys, "--help")[1]
    assert all(verb in out for verb in VERBS)


@pytest.mark.parametrize(("words", "what"), [
    (("plya",), "No such command 'plya'"),
    (("serve", "--fsp", "3"), "--fsp"),
    (("serve", "--fps", "quick"), "--fps: 'quick' is not a number"),
    (("serve", "--fps"), "--fps"),
    (("still",), "--output"),
    (("ctl", "slot", "0"), "slot"),
    (("ctl", "slot", "two"), "integer"),
    (("ctl", "set", "view/zom", "2"), "Did you mean view/zoom?"),
    (("ctl", "call", "style.laod"), "Did you mean style.load?"),
    (("ctl", "snapshot", "keep", "1"), "snapshot cannot 'keep'"),
    (("ctl", "blackout", "maybe"), "Write on or off"),
    (("styles", "draw", "--init", "hot"), "Choose glow or seed"),
    (("doctor", "numpi"), "Did you mean numpy?"),
])  # fmt: skip
def test_wrong_usage_is_one_line_and_2(capsys, words, what):
    code, out, err = run(capsys, *words)
    assert (code, out) == (2, "")
    assert what in one_line(err)


@pytest.mark.parametrize(("error", "code"), [
    (StyleError("it broke.", "Mend it."), 1),
    (UsageError("it was wrong.", "Do it right."), 2),
    (OSError(28, "No space left on device", "/x/y.png"), 1),
    (ModuleNotFoundError("No module named 'zmq'", name="zmq"), 1),
])  # fmt: skip
def test_what_a_verb_raises_becomes_one_line(capsys, fake_app, monkeypatch, error, code):
    def serve(config, announce):
        raise error

    monkeypatch.setattr(sys.modules["morphogen.app"], "serve", serve)
    got, _out, err = run(capsys, "serve")
    assert got == code
    one_line(err)


def test_ctrl_c_is_130(capsys, fake_app, monkeypatch):
    def serve(config, announce):
        raise KeyboardInterrupt

    monkeypatch.setattr(sys.modules["morphogen.app"], "serve", serve)
    assert run(capsys, "serve")[:2] == (130, "")


def test_a_bug_is_not_dressed_up(fake_app, monkeypatch):
    def serve(config, announce):
        raise RuntimeError("bug")

    monkeypatch.setattr(sys.modules["morphogen.app"], "serve", serve)
    with pytest.raises(RuntimeError, match="bug"):
        cli.run(["serve"])


# --- serve


def test_serve_hands_over_the_config(capsys, fake_app):
    code, out, err = run(capsys, "serve", "--size", "640x360", "--out", "-web", "--out", "shm:name=a", "--resume")
    assert (code, out) == (0, "")
    assert "Playing." in err
    (config,) = fake_app
    assert (config.size, config.outs, config.resume) == ((640, 360), ("-web", "shm:name=a"), True)


def test_serve_json_is_the_last_line_of_stdout(capsys, fake_app):
    code, out, _err = run(capsys, "serve", "--seconds", "2", "--json")
    assert code == 0
    assert json.loads(out.splitlines()[-1])["frames"] == 120


def test_serve_reads_a_file_and_warns(capsys, fake_app, tmp_path):
    file = tmp_path / "show.toml"
    file.write_text("port-base = 9100\nfps = 30\n")
    code, _out, err = run(capsys, "serve", "--config", str(file), "--fps", "25")
    assert code == 0
    assert "metrics exporters" in err
    assert (fake_app[0].fps, fake_app[0].port_base) == (25.0, 9100)


# --- still


def test_still_writes_a_png(capsys, fake_still, tmp_path):
    target = tmp_path / "new" / "out.png"
    words = ("still", "--style", "a/b", "--size", "32x18", "--time", "2.5", "--set", "view/zoom=2", "-o", str(target))
    code, out, err = run(capsys, *words)
    assert (code, out) == (0, "")
    assert "32 x 18" in err
    assert fake_still == [("a/b", (32, 18), 2.5, {"view/zoom": "2"}, "auto")]
    with Image.open(target) as picture:
        assert (picture.size, picture.mode) == ((32, 18), "RGB")
    assert [path.name for path in target.parent.iterdir()] == ["out.png"]
    assert load_style(target).name == "a/b", "whoever gets the picture can play it"


@pytest.mark.parametrize(("setting", "what"), [
    ("view/zoom", "not KEY=VALUE"), ("view/zom=2", "Did you mean view/zoom?"), ("view/zoom=big", "cannot take 'big'"),
    ("view/zoom=nan", "not a finite number"),
])  # fmt: skip
def test_still_refuses_wrong_settings(capsys, fake_still, tmp_path, setting, what):
    code, _out, err = run(capsys, "still", "--set", setting, "-o", str(tmp_path / "a.png"))
    assert code in (1, 2)
    assert what in one_line(err)
    assert not list(tmp_path.iterdir())


def test_a_still_that_cannot_be_written_says_so(capsys, fake_still, tmp_path):
    (tmp_path / "file").write_bytes(b"before")
    code, _out, err = run(capsys, "still", "--size", "32x18", "-o", str(tmp_path / "file" / "a.png"))
    assert (code, "cannot be written" in one_line(err)) == (1, True)
    assert (tmp_path / "file").read_bytes() == b"before"


# --- ctl


@pytest.mark.parametrize(("words", "method", "params"), [
    ("load a/b --seconds 2 --on bar", "style.load", {"name": "a/b", "seconds": 2.0, "on": "bar"}),
    ("next", "style.next", {}),
    ("previous --seconds 0", "style.previous", {"seconds": 0.0}),
    ("slot 3", "style.slot", {"slot": 3}),
    ("set view/rotate -30", "param.set", {"key": "view/rotate", "value": "-30"}),
    ("stats", "stats", {}),
    ("tap", "tempo.tap", {}),
    ("bpm 128", "tempo.set", {"bpm": 128.0}),
    ("snapshot store 1", "snapshot.store", {"slot": 1}),
    ("snapshot recall 2 --seconds 4", "snapshot.recall", {"slot": 2, "seconds": 4.0}),
    ("blackout", "param.set", {"key": "output/blackout", "value": True}),
    ("blackout off", "param.set", {"key": "output/blackout", "value": False}),
    ("audio device:Mic", "audio.select", {"source": "device:Mic"}),
    ("open shm:width=64,height=36", "output.open", {"kind": "shm", "options": {"width": "64", "height": "36"}}),
    ("close shm-1", "output.close", {"id": "shm-1"}),
    ("shutdown", "shutdown", {}),
    ("call style.slot slot=2", "style.slot", {"slot": 2}),
    ("style.load name=a/b", "style.load", {"name": "a/b"}),
])  # fmt: skip
def test_ctl_calls_the_method(capsys, control, words, method, params):
    code, _out, err = run(capsys, "ctl", *words.split())
    assert (code, err) == (0, "")
    ((called, bound),) = control.calls
    assert called == method
    assert {key: bound[key] for key in params} == params


def test_ctl_loads_a_file_by_its_full_path(capsys, control, tmp_path, monkeypatch):
    (tmp_path / "mine.safetensors").write_bytes(b"x")
    monkeypatch.chdir(tmp_path)
    run(capsys, "ctl", "load", "mine.safetensors")
    assert Path(control.calls[0][1]["name"]) == (tmp_path / "mine.safetensors").resolve()


def test_ctl_share_writes_the_picture(capsys, control, tmp_path, monkeypatch):
    control.answers["style.share"] = {"name": "a/b", "png": b"picture"}
    monkeypatch.chdir(tmp_path)
    code, out, err = run(capsys, "ctl", "share", "-o", "new/now.png")
    assert (code, err, "a/b in a picture of 0 kB" in out) == (0, "", True)
    assert (tmp_path / "new" / "now.png").read_bytes() == b"picture"
    (tmp_path / "mine.safetensors").write_bytes(b"x")
    assert json.loads(run(capsys, "ctl", "share", "mine.safetensors", "-o", "m.png", "--json")[1])["bytes"] == 7
    run(capsys, "ctl", "share", "cosmic/galaxy", "-o", "g.png")
    asked = [bound["name"] for _method, bound in control.calls]
    assert asked == ["", str((tmp_path / "mine.safetensors").resolve()), "cosmic/galaxy"]
    code, _out, err = run(capsys, "ctl", "share", "-o", "a.jpg")
    assert (code, "only a PNG carries a style" in one_line(err), len(control.calls)) == (2, True, 3)


def test_ctl_prints_lists_as_tables_and_as_json(capsys, control):
    control.answers["param.list"] = [{"key": "view/zoom", "value": 1.5, "min": 0.05, "max": 20, "doc": "[b]x"}]
    out = run(capsys, "ctl", "params")[1]
    assert "view/zoom" in out
    assert "[b]x" in out, "texts are not read as markup"
    assert json.loads(run(capsys, "ctl", "params", "--json")[1])[0]["value"] == 1.5
    assert json.loads(run(capsys, "ctl", "--json", "params")[1])[0]["value"] == 1.5


def test_ctl_get_prints_the_value_alone(capsys, control):
    control.answers["param.get"] = {"key": "view/zoom", "value": 1.5}
    assert run(capsys, "ctl", "get", "view/zoom")[1] == "1.5\n"


def test_ctl_finds_the_daemon(capsys, control, tmp_path):
    run(capsys, "ctl", "tap")
    run(capsys, "ctl", "--port-base", "8800", "tap", "--timeout", "2")
    run(capsys, "ctl", "--port-base", "8800", "tap", "--port-base", "8900", "--host", "10.0.0.9",
        "--curve-keys", str(tmp_path))  # fmt: skip
    assert control.made == [
        ("127.0.0.1", 8713, None, 10.0), ("127.0.0.1", 8803, None, 2.0), ("10.0.0.9", 8903, tmp_path, 10.0),
    ]  # fmt: skip


def test_ctl_passes_on_what_the_daemon_says(capsys, control):
    control.answers["style.load"] = StyleError("there is no style 'x/y'.", "See `morphogen styles list`.")
    code, _out, err = run(capsys, "ctl", "load", "x/y")
    assert code == 1
    assert one_line(err) == "morphogen: there is no style 'x/y'. See `morphogen styles list`."


def test_ctl_without_a_daemon_says_so(capsys, port_base):
    pytest.importorskip("morphogen_bridges.clients.control")
    code, out, err = run(capsys, "ctl", "stats", "--port-base", str(port_base), "--timeout", "0.5")
    assert (code, out) == (1, "")
    one_line(err)


def test_every_method_can_be_called():
    known = {command.name for command in ctl.app.registered_commands}
    assert not [method.name for method in METHODS if "." in method.name and method.name not in known]


def test_arguments_are_json_or_text():
    assert ctl.read_arguments(["a=1", "b=x/y", 'c={"d": [1]}', "e=", "f=true"]) == {
        "a": 1, "b": "x/y", "c": {"d": [1]}, "e": "", "f": True,
    }  # fmt: skip
    with pytest.raises(UsageError, match="not KEY=VALUE"):
        ctl.read_arguments(["x"])


# --- styles


@pytest.fixture
def home(monkeypatch, tmp_path):
    monkeypatch.setenv("MORPHOGEN_HOME", str(tmp_path))
    return tmp_path


def test_styles_draw_list_show(capsys, home):
    code, _out, err = run(capsys, "styles", "draw", "--seed", "7", "--name", "own/test", "--title", "Test [one]")
    assert (code, (home / "styles" / "own" / "test.safetensors").is_file()) == (0, True)
    assert "own/test" in err
    listed = json.loads(run(capsys, "styles", "list", "--json")[1])
    mine = next(row for row in listed if row["name"] == "own/test")
    assert set(mine) == {"name", "title", "series", "prompt", "guide", "score", "shape", "trained", "path"}
    assert (mine["title"], mine["series"], mine["trained"]) == ("Test [one]", "own", False)
    assert "Test [one]" in run(capsys, "styles", "list")[1]
    shown = json.loads(run(capsys, "styles", "show", "own/test", "--json")[1])
    assert (shown["seed"], shown["parameters"]) == (7, 107)
    assert "styles draw" in run(capsys, "styles", "show", "own/test")[1]


def test_styles_pack(capsys, home, tmp_path):
    run(capsys, "styles", "draw", "--name", "own/test")
    code, _out, _err = run(capsys, "styles", "pack", "own/test", "-o", str(tmp_path / "p" / "a.bin"))
    assert code == 0
    assert 0 < (tmp_path / "p" / "a.bin").stat().st_size <= 1200


def test_styles_thumb_draws_the_small_picture(capsys, home):
    run(capsys, "styles", "draw", "--name", "own/a-test")
    assert run(capsys, "styles", "thumb", "own/a-test")[0] == 0
    assert (home / "styles" / "own" / "a-test.png").is_file()


def test_styles_share_and_everything_that_takes_the_picture(capsys, home, tmp_path):
    run(capsys, "styles", "draw", "--name", "own/test", "--title", "A test", "--seed", "7")
    picture = tmp_path / "given" / "Test.PNG"
    code, _out, err = run(capsys, "styles", "share", "own/test", "-o", str(picture), "--size", "64x36", "--time", "3")
    assert (code, "own/test in a picture of" in err, "as a file, not as a photo" in err) == (0, True, True)
    (home / "styles" / "own" / "test.safetensors").unlink()
    assert json.loads(run(capsys, "styles", "show", str(picture), "--json")[1])["seed"] == 7
    assert run(capsys, "styles", "pack", str(picture), "-o", str(tmp_path / "a.bin"))[0] == 0
    assert run(capsys, "styles", "share", str(picture), "-o", str(tmp_path / "again.png"), "--size", "64x36")[0] == 0
    still = ["still", "--style", str(picture), "--size", "64x36", "-o", str(tmp_path / "still.png")]
    assert run(capsys, *still)[0] == 0
    assert json.loads(run(capsys, "styles", "show", str(tmp_path / "still.png"), "--json")[1])["seed"] == 7
    with Image.open(tmp_path / "still.png") as pixels:
        pixels.save(tmp_path / "bare.png")
    code, _out, err = run(capsys, "still", "--style", str(tmp_path / "bare.png"), "-o", str(tmp_path / "b.png"))
    assert (code, "bare.png: it is a picture without a style in it." in one_line(err)) == (1, True)


def test_styles_share_writes_pngs_only(capsys, home, tmp_path):
    code, _out, err = run(capsys, "styles", "share", "starter/ember", "-o", str(tmp_path / "a.jpg"))
    assert (code, "only a PNG carries a style" in one_line(err)) == (2, True)
    assert not list(tmp_path.glob("*.jpg"))


def test_styles_import_keeps_a_picture_among_your_own(capsys, home, tmp_path):
    picture, file = tmp_path / "given.png", home / "styles" / "own" / "ember.safetensors"
    run(capsys, "styles", "share", "starter/ember", "-o", str(picture), "--size", "64x36")
    for _ in range(2):  # the same again is no other style
        code, _out, err = run(capsys, "styles", "import", str(picture))
        assert (code, "own/ember" in err, file.is_file(), file.with_suffix(".png").is_file()) == (0, True, True, True)
    listed = [row["name"] for row in json.loads(run(capsys, "styles", "list", "--json")[1])]
    assert "own/ember" in listed
    assert "starter/ember" in listed
    before = file.read_bytes()
    run(capsys, "styles", "draw", "--name", "x/ember", "-o", str(tmp_path / "other.safetensors"))
    code, _out, err = run(capsys, "styles", "import", str(tmp_path / "other.safetensors"))
    assert (code, "you have another style own/ember. Keep both with --name" in one_line(err)) == (2, True)
    assert file.read_bytes() == before
    assert run(capsys, "styles", "import", str(tmp_path / "other.safetensors"), "--name", "own/second")[0] == 0
    assert run(capsys, "styles", "import", str(tmp_path / "other.safetensors"), "--replace")[0] == 0
    assert file.read_bytes() != before
    elsewhere = tmp_path / "elsewhere.safetensors"
    assert run(capsys, "styles", "import", str(picture), "-o", str(elsewhere), "--name", "a/b")[0] == 0
    assert json.loads(run(capsys, "styles", "show", str(elsewhere), "--json")[1])["name"] == "a/b"


def test_an_unknown_style_is_1_with_a_cure(capsys, home):
    code, _out, err = run(capsys, "styles", "show", "no/such")
    assert code == 1
    assert "no/such" in one_line(err)


# --- keys


def test_keys_are_made_once(capsys, tmp_path):
    folder = tmp_path / "new" / "keys"
    code, out, err = run(capsys, "keys", str(folder))
    pairs = "server.key, server.key_secret, clients/client.key, clients/client.key_secret"
    assert (code, out, err) == (0, "", f"Wrote {pairs} to {folder}.\n")
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert len(before) == 4
    code, out, err = run(capsys, "keys", str(folder))
    assert (code, out) == (1, "")
    assert one_line(err).endswith("nothing was written. Choose another folder, or add a client with --client NAME.")
    code, _out, err = run(capsys, "keys", str(folder), "--client", "tablet", "--client", "client")
    assert (code, err) == (0, f"Wrote clients/tablet.key, clients/tablet.key_secret to {folder}.\n")
    assert before.items() <= {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}.items()


def test_keys_go_to_no_folder_of_a_client(capsys, tmp_path):
    (tmp_path / "server.key").write_text("of another computer")
    code, _out, err = run(capsys, "keys", str(tmp_path))
    assert code == 2
    assert "another computer's daemon" in one_line(err)
    assert [path.name for path in tmp_path.iterdir()] == ["server.key"]


def test_keys_for_a_name_that_is_no_file_name(capsys, tmp_path):
    code, _out, err = run(capsys, "keys", str(tmp_path / "k"), "--client", "../me")
    assert code == 2
    assert "cannot be a client's name" in one_line(err)


# --- doctor, devices


@pytest.fixture
def probes(monkeypatch):
    from morphogen import selftest
    from morphogen.findings import Finding

    table = {
        "good": lambda: Finding("good", "output", "works", "seen"),
        "audio_devices": lambda: [{"name": "Mic", "channels": 2}],
        "midi_devices": list,
    }
    monkeypatch.setattr(selftest, "BACKEND_CHECKS", {})
    monkeypatch.setattr(registry, "table", lambda kind: table)
    monkeypatch.setattr(registry, "resolve", lambda kind, name: table[name])
    return table


def test_doctor_tells_what_works(capsys, probes):
    assert run(capsys, "doctor")[0] == 0
    said = json.loads(run(capsys, "doctor", "--json")[1])
    assert said["ok"] is True
    assert [(f["name"], f["status"]) for f in said["findings"]] == [("good", "works")]


def test_what_is_absent_is_no_failure_but_what_breaks_is(capsys, probes):
    def absent():
        raise Unavailable("no such card.", "Buy one.")

    def broken():
        raise ValueError("driver said\nno")

    probes["absent"] = absent
    assert run(capsys, "doctor", "absent")[0] == 0
    probes["broken"] = broken
    code, out, _err = run(capsys, "doctor", "--json")
    assert code == 1
    found = {f["name"]: f for f in json.loads(out)["findings"]}
    assert (found["absent"]["status"], found["absent"]["cure"]) == ("absent", "Buy one.")
    assert (found["broken"]["status"], found["broken"]["summary"]) == ("failed", "ValueError: driver said")
    assert "Traceback" in run(capsys, "doctor", "broken", "--verbose")[2]


def test_devices_lists_names(capsys, probes):
    code, out, err = run(capsys, "devices", "--json")
    assert (code, err) == (0, "midi: nothing found.\n")
    assert json.loads(out) == {"audio": [{"name": "Mic", "channels": 2}], "midi": []}
    assert "Mic" in run(capsys, "devices")[1]


# --- completion, and as a process


def test_a_daemon_plays_obeys_and_ends(capsys, home, port_base):
    """The whole way: serve as a process, ctl over ZeroMQ, one JSON object at the end."""
    base = str(port_base)
    words = ["serve", "--size", "64x36", "--audio", "none", "--seconds", "170", "--json", "--port-base", base]
    daemon = subprocess.Popen(
        [sys.executable, "-m", "morphogen", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:

        def plays():
            assert daemon.poll() is None, daemon.communicate()
            code, out, _err = run(capsys, "ctl", "stats", "--json", "--port-base", base)
            return code == 0 and json.loads(out)["frames"] > 0  # it answers before the first frame is out

        until(plays, "the daemon's first frame", 90)
        assert run(capsys, "ctl", "set", "view/rotate", "-30", "--port-base", base)[0] == 0
        assert run(capsys, "ctl", "get", "view/rotate", "--port-base", base)[1] == "-30.0\n"
        assert run(capsys, "ctl", "snapshot", "recall", "9", "--port-base", base)[0] == 1
        assert run(capsys, "ctl", "shutdown", "--port-base", base) == (0, "stopping\n", "")
        out, err = daemon.communicate(timeout=60)
    finally:
        daemon.kill()
        daemon.wait()
    assert daemon.returncode == 0, err
    numbers = json.loads(out.splitlines()[-1])
    assert set(numbers) >= {"frames", "fps", "frame_ms", "late", "dropped", "backend", "size", "rss_mb", "osc"}
    assert numbers["frames"] > 0
    assert "Page" in err


def test_completion_of_names_and_keys(home):
    assert "view/zoom" in dict(complete.param_keys("view/z"))
    assert not dict(complete.param_keys("nothing"))
    assert "shm" in dict(complete.outputs("s"))
    assert list(complete.audio_sources("f")) == ["file:"]
    assert list(complete.backends("cp")) == ["cpu"]
    assert "starter/ember" in list(complete.style_names("starter/e"))


def process(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "morphogen", *words]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=60, check=False, env={**os.environ, **environment}
    )


def test_as_a_process():
    assert process("--version").stdout == f"morphogen {__version__}\n"
    wrong = process("serve", "--fps", "x")
    assert (wrong.returncode, wrong.stdout) == (2, "")
    one_line(wrong.stderr)


def test_the_shell_completes():
    words = {"_MORPHOGEN_COMPLETE": "complete_bash", "COMP_WORDS": "morphogen ctl set view/zo", "COMP_CWORD": "3"}
    assert process(**words).stdout.split() == ["view/zoom"]


@pytest.mark.skipif(os.name != "posix", reason="children's processor time")
def test_help_comes_fast():
    """Measured 0.3 s on an idle machine. Processor time, the best of three: other programs run too."""
    best = 9.0
    for _ in range(3):
        before = os.times()
        process("--help")
        after = os.times()
        best = min(best, after.children_user + after.children_system - before.children_user - before.children_system)
    assert best < 0.8


def test_a_closed_pipe_is_quiet():
    command = f"{sys.executable} -m morphogen ctl --help | head -c 10"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, timeout=60, check=False)
    assert "Traceback" not in done.stderr


def test_links_between_the_pages_lead_somewhere():
    root = Path(__file__).resolve().parent.parent
    for page in (root / "README.md", root / "CONTRIBUTING.md", root / "docs" / "README.md", root / "docs" / "cli.md"):
        for target in re.findall(r"\]\(([^)#]+)", page.read_text(encoding="utf-8")):
            if "://" not in target:
                assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_the_reference_tells_every_verb_and_option():
    from morphogen.cli.reference import markdown
    from morphogen.config import OPTIONS

    text = markdown()
    for verb in (*VERBS, "ctl set", "styles draw"):
        assert f"`morphogen {verb}" in text
    for option in OPTIONS:
        assert f"| `--{option.name}`" in text
