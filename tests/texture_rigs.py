"""The three outputs that share pictures with programs beside us, each on a pretended computer of its own.

A `Rig` makes sinks and tells what a receiver there sees, always as it should look: RGBA, top row first.
"""

from __future__ import annotations

import gc
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np

from fake_spout import Machine
from fake_syphon import Mac, only
from fake_windows import Touch, Windows
from morphogen.errors import RenderError
from morphogen.publish import options_from
from morphogen_bridges import td_memory
from morphogen_bridges.sinks.spout import SpoutSink
from morphogen_bridges.sinks.syphon import SyphonSink
from morphogen_bridges.sinks.tdshm import TouchSink


class Rig:
    """kind: of the sink. world: the pretended computer, with `offences` and `left()`."""

    kind = ""
    world: Any

    def __init__(self, monkeypatch) -> None:
        raise NotImplementedError

    def make(self, **options):
        return self.cls(options_from(options))

    def seen(self, name: str = "Morphogen") -> np.ndarray | None:
        """What a receiver of that name has."""
        raise NotImplementedError

    def senders(self) -> list[str]:
        raise NotImplementedError

    def made(self) -> int:
        """How many senders were ever made."""
        raise NotImplementedError

    def crash(self, times: int = 1) -> None:
        """The next pictures make the driver throw."""
        self.world.faults += [RuntimeError("the driver fell over") for _ in range(times)]

    def refuse_opening(self) -> None:
        """Nothing can be opened from now on."""
        raise NotImplementedError

    def left(self) -> dict[str, int]:
        gc.collect()
        return self.world.left()


class SpoutRig(Rig):
    kind, cls = "spout", SpoutSink

    def __init__(self, monkeypatch) -> None:
        self.world = Machine()
        self._patch = monkeypatch
        monkeypatch.setitem(sys.modules, "SpoutGL", self.world.module())

    def seen(self, name="Morphogen"):
        return self.world.shared.get(name, {}).get("pixels")

    def senders(self):
        return sorted(self.world.names)

    def made(self):
        return self.world.made

    def refuse_opening(self):
        self._patch.setitem(sys.modules, "SpoutGL", None)


class Textures:
    """The OpenGL backend's textures: bytes by number, and a context that is current once it was asked."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._pixels: dict[int, np.ndarray] = {}
        self.unread: Any = ()
        self.contexts = 1
        self.newest: dict[Any, int] = {}
        machine.read_texture = self._pixels.get

    def draw(self, frame) -> None:
        number = self.newest.setdefault(frame.info.spec, len(self.newest) + 1)
        self._pixels[number] = np.array(frame.pixels)

    def leave(self) -> None:
        self._machine.current.pop(threading.get_ident(), None)

    def texture(self, spec) -> int:
        if spec not in self.newest:
            raise RenderError(f"no picture of {spec.width}x{spec.height} was drawn yet.")
        self._machine.current[threading.get_ident()] = self
        return self.newest[spec]


class SpoutTextureRig(SpoutRig):
    """The same with the OpenGL backend: pictures go from texture to texture, their bytes are rubbish."""

    def __init__(self, monkeypatch) -> None:
        super().__init__(monkeypatch)
        self.textures = Textures(self.world)

    def make(self, **options):
        rig = self

        class Drawn(SpoutSink):
            def open(self, host):
                host.textures = rig.textures
                self.meet(host)
                super().open(host)

            def write(self, frame):
                if self.textured:
                    rig.textures.draw(frame)
                super().write(frame)

        return Drawn(options_from(options))

    def left(self):
        self.world.current.clear()  # the backend's own
        return super().left()


class SyphonRig(Rig):
    kind, cls = "syphon", SyphonSink

    def __init__(self, monkeypatch) -> None:
        self.world = Mac()
        for name, module in self.world.modules().items():
            monkeypatch.setitem(sys.modules, name, module)

    def seen(self, name="Morphogen"):
        server = only(self.world.servers, name)
        return None if server is None or server.surface is None else server.surface[::-1]

    def senders(self):
        return sorted(server.name for server in self.world.servers)

    def made(self):
        return self.world.made

    def refuse_opening(self):
        self.world.metal = False


class TouchRig(Rig):
    kind, cls = "tdshm", TouchSink

    def __init__(self, monkeypatch) -> None:
        self.world = Windows()
        self.touches: dict[str, Touch] = {}
        monkeypatch.setattr(td_memory, "kernel32", lambda: self.world)
        monkeypatch.setattr(td_memory, "named_memory", self.world.memory)

    def seen(self, name="Morphogen"):
        if f"TouchSHMTouchSHM{name}4jhd783h" not in self.world.memories and name not in self.touches:
            return None
        if name not in self.touches:
            self.touches[name] = Touch(self.world, name)
        return self.touches[name].picture()

    def senders(self):
        names = (name for name in self.world.mutexes if name.startswith("MorphogenTouchSHM"))
        return sorted(name.removeprefix("MorphogenTouchSHM") for name in names)

    def made(self):
        return 1  # the name never goes: `senders` tells

    def refuse_opening(self):
        self.world.refuses.add("TouchSHMMorphogenMutex")

    def left(self):
        for touch in self.touches.values():
            touch.close()
        self.touches.clear()
        return super().left()


RIGS = {"spout": SpoutRig, "spout-texture": SpoutTextureRig, "syphon": SyphonRig, "tdshm": TouchRig}


def descriptors() -> int:
    """Open files of this process."""
    return sum(1 for _ in Path("/proc/self/fd").iterdir()) if sys.platform == "linux" else 0
