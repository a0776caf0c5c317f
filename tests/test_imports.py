"""The shape of the code: who may import what, what loads at once, and the house rules (DESIGN sections 2 and 10)."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SOURCES = (ROOT / "server", ROOT / "bridges")
FUNCTION_LINES, MODULE_LINES = 40, 300
TABLES = {"morphogen.params.catalog", "morphogen.methods"}  # long because they are tables

# What a bridge may import of the engine: contracts and descriptions, never the engine itself.
FOR_BRIDGES = {
    "morphogen",
    *(f"morphogen.{name}" for name in ("contracts", "frame", "clock", "errors", "log", "methods", "ports", "stub")),
    *(f"morphogen.{name}" for name in ("findings", "sink_options", "priority")),
    *(f"morphogen.params.{name}" for name in ("spec", "catalog", "describe")),
}

# Where each library that drives a device, a protocol or a graphics card may be imported.
_ZMQ = ("morphogen_bridges.zmq_*", "morphogen_bridges.*.zmq*", "morphogen_bridges.clients.*")
HOMES = {
    "zmq": _ZMQ,
    "msgpack": (*_ZMQ, "morphogen_bridges.osc.*"),
    "mido": ("morphogen_bridges.*.midi*", "morphogen_bridges.midi*"),
    "rtmidi": ("morphogen_bridges.*.midi*", "morphogen_bridges.midi*"),
    "sounddevice": ("morphogen_bridges.sources.audio_*", "morphogen_bridges.portaudio*", "morphogen_bridges.audio_*"),
    "soundfile": (
        "morphogen_bridges.sources.audio_*",
        "morphogen_bridges.readers",
        "morphogen.audio.*",
        "morphogen.offline.*",
    ),
    "link": ("morphogen_bridges.sources.link", "morphogen_bridges.probes.link"),
    "aalink": (),
    "soundcard": ("morphogen_bridges.soundcards",),
    "moderngl": ("morphogen.render.*", "morphogen_bridges.window_*"),
    "llvmlite": ("morphogen.render.*", "morphogen.bench.*"),
    "cuda": ("morphogen.render.*",),
    "torch": (
        "morphogen.training.*",
        "morphogen.bench.*",
        "morphogen.library.importer",
        "morphogen.lab.*",
    ),
    "open_clip": ("morphogen.training.clip*",),
    "huggingface_hub": ("morphogen.training.clip*",),
    "librosa": ("morphogen.offline.*", "morphogen.audio.offline"),
    "aiohttp": ("morphogen_bridges.servers.*", "morphogen_bridges.probes.oscquery"),
    "simplejpeg": ("morphogen_bridges.*",),
    "safetensors": ("morphogen.library.*", "morphogen.training.*"),
    "pythonosc": ("morphogen_bridges.osc.*", "morphogen_bridges.*.osc*"),
    "SpoutGL": ("morphogen_bridges.spout_sender",),
    "syphon": ("morphogen_bridges.sinks.syphon", "morphogen_bridges.probes.syphon"),
    "Metal": ("morphogen_bridges.sinks.syphon",),
    "objc": ("morphogen_bridges.sinks.syphon",),
    "winreg": ("morphogen_bridges.windows_gpu",),
    "av": ("morphogen_bridges.video_*", "morphogen_bridges.probes.record", "morphogen.offline.*"),
    "glfw": ("morphogen_bridges.window_*",),
    "cyndilib": (),  # the runtime that it brings is loaded; the package itself stays asleep
    "zeroconf": ("morphogen_bridges.servers.mdns", "morphogen_bridges.probes.mdns"),
    "typer": ("morphogen.cli", "morphogen.cli.*"),
    "rich": ("morphogen.cli", "morphogen.cli.*"),
}
SERVING = ("morphogen.app", "morphogen.loop", "morphogen.instrument", "morphogen.still", "morphogen.publish")


@cache
def modules() -> dict[str, Path]:
    found = {}
    for root in SOURCES:
        for path in sorted(root.rglob("*.py")):
            parts = path.relative_to(root).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


@cache
def tree(name: str) -> ast.Module:
    return ast.parse(modules()[name].read_text(encoding="utf-8"))


@cache
def imports(name: str) -> tuple[str, ...]:
    """Full names that a module imports anywhere, less what is for type checkers only."""
    return tuple(_imports(name))


def _imports(name: str) -> Iterator[str]:
    hidden = {
        id(inner)
        for node in ast.walk(tree(name))
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree(name)):
        if id(node) in hidden:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                yield full if full in modules() else node.module


def loaded_by(code: str) -> set[str]:
    """Top-level names of what a fresh interpreter has loaded after `code`."""
    script = f"{code}\nimport sys, json; print(json.dumps(sorted({{m.split('.')[0] for m in sys.modules}})))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    return set(json.loads(done.stdout.splitlines()[-1]))


def foreign(loaded: set[str]) -> set[str]:
    """Less the standard library and what an interpreter always has (.pth files of the environment)."""
    return {name for name in loaded - loaded_by("") - set(sys.stdlib_module_names) if not name.startswith("_")}


def test_importing_morphogen_loads_little():
    assert foreign(loaded_by("import morphogen")) <= {"morphogen", "numpy"}


def test_the_core_needs_numpy_only():
    code = (
        "import morphogen.contracts, morphogen.params.store, morphogen.registry, morphogen.field.scene, morphogen.ports"
    )
    assert foreign(loaded_by(code)) <= {"morphogen", "numpy"}


def test_the_command_line_starts_without_numpy():
    assert not {"numpy", "zmq", "llvmlite", "aiohttp"} & loaded_by("import morphogen.cli.application")


def test_listing_bridges_imports_none():
    code = "import morphogen.registry as r; [r.table(k) for k in ('SOURCES', 'SINKS', 'SERVERS', 'CLIENTS', 'PROBES')]"
    assert foreign(loaded_by(code)) <= {"morphogen", "morphogen_bridges", "numpy"}


def _try_alone(name: str) -> str:
    """Import one module in a fork of this still empty process; '' or what went wrong."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        message = ""
        try:
            __import__(name)
        except BaseException as error:  # noqa: BLE001  # whatever it is, it is the answer
            message = f"{name}: {type(error).__name__}: {error}"
        os.write(writer, message.encode()[:2000])
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        message = pipe.read().decode()
    os.waitpid(child, 0)
    return message


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_every_module_imports_alone():
    """In any order, so that no module works only because another one was there before it."""
    names = [name for name in modules() if not name.endswith("__main__")]
    code = f"import sys; sys.path.insert(0, {str(ROOT / 'tests')!r}); import numpy, test_imports as t, json\n"
    code += f"print(json.dumps([m for m in map(t._try_alone, {names!r}) if m]))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=170)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == []


@pytest.mark.parametrize("library", HOMES)
def test_libraries_stay_in_their_modules(library):
    strays = [
        name
        for name in modules()
        if any(found.split(".")[0] == library for found in imports(name))
        and not any(fnmatchcase(name, home) for home in HOMES[library])
    ]
    assert not strays, f"{library} is imported in {strays}; its home is {HOMES[library]}"


def test_bridges_import_contracts_only():
    strays = [
        f"{name} imports {found}"
        for name in modules()
        if name.startswith("morphogen_bridges")
        for found in imports(name)
        if found.split(".")[0] == "morphogen" and found not in FOR_BRIDGES
    ]
    assert not strays, f"bridges may import {sorted(FOR_BRIDGES)}"


def test_the_engine_never_imports_bridges():
    strays = [name for name in modules() if name.split(".")[0] == "morphogen"
              if any(found.startswith("morphogen_bridges") for found in imports(name))]  # fmt: skip
    assert not strays


def test_serving_never_imports_training():
    seen, queue = set(), [name for name in SERVING if name in modules()]
    while queue:
        name = queue.pop()
        if name not in seen:
            seen.add(name)
            queue += [found for found in imports(name) if found in modules()]
    assert not [name for name in seen if name.startswith(("morphogen.training", "morphogen.lab"))]


def test_every_module_says_what_it_is():
    silent = [name for name in modules() if not ast.get_docstring(tree(name)) and modules()[name].stat().st_size]
    assert not silent, "a module begins with a docstring"


def test_modules_stay_short():
    lengths = {name: len(path.read_text(encoding="utf-8").splitlines()) for name, path in modules().items()}
    long = {name: length for name, length in lengths.items() if length > MODULE_LINES and name not in TABLES}
    assert not long, f"a module has at most {MODULE_LINES} lines; split by purpose"


def test_functions_stay_short():
    long = {
        f"{name}:{node.lineno} {node.name}": length
        for name in modules()
        for node in ast.walk(tree(name))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        and (length := (node.end_lineno or 0) - node.lineno + 1) > FUNCTION_LINES
    }
    assert not long, f"a function has at most {FUNCTION_LINES} lines"
