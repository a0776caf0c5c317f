"""Programs on the card: compiled by LLVM and the driver, kept on disk as machine code, loaded into the context."""

from __future__ import annotations

import ctypes
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from morphogen.errors import RenderError
from morphogen.field.network import Shape
from morphogen.field.scene import Program, program
from morphogen.render.cuda import finish, ptx
from morphogen.render.cuda.driver import Card, CardLost
from morphogen.render.objects import ObjectStore
from morphogen.render.scribe import written
from morphogen.render.wide.samples import sampled

CACHED_KERNELS = 64
Loaded = TypeVar("Loaded")


class Kernel:
    """One program on the card, and the block that its launches carry: the job, then the uniforms."""

    def __init__(self, card: Card, what: Program, code: bytes) -> None:
        self.program = what
        self._module = card.module(code)
        self.function = card.call("cuModuleGetFunction", self._module.handle, b"kernel")
        carried = ptx.carried(what)
        self.constant = None if carried else card.call("cuModuleGetGlobal", self._module.handle, b"uniforms")[0]
        kind = ptx.job_type(what)
        head = ctypes.sizeof(kind)
        self._block = np.zeros(head + 4 * what.uniform_count, np.uint8)
        self.job = kind.from_buffer(self._block.data)
        self.uniforms: NDArray[np.float32] = self._block[head:].view(np.float32)
        self._pointers = (ctypes.c_void_p * 1)(self._block.ctypes.data)
        self.arguments = ctypes.addressof(self._pointers)


def _text(shapes: tuple[Shape, ...], several: bool = False) -> str:
    if any(map(sampled, shapes)):
        return finish.text(program(shapes))
    return ptx.ptx(program(shapes), several) if several else ptx.ptx(program(shapes))


class Kernels:
    """What was drawn lately, by network shapes. Any thread, with the card current."""

    def __init__(self, card: Card, store: ObjectStore) -> None:
        self._card, self._store = card, store
        self._loaded: OrderedDict[tuple[Any, ...], Kernel] = OrderedDict()
        self._lock = threading.Lock()

    def has(self, what: Program, several: bool = False) -> bool:
        """Whether `prepare` would answer at once."""
        return (what.shapes, several) in self._loaded

    def prepare(self, what: Program, several: bool = False) -> Kernel:
        """Compile, or take what is there. several: samples a pixel. Raises RenderError."""
        key = (what.shapes, several)
        with self._lock:
            kernel = self._loaded.get(key)
            if kernel is not None:
                self._loaded.move_to_end(key)
                return kernel
        kernel = self.made(lambda code: Kernel(self._card, what, code), _text, *(key if several else key[:1]))
        with self._lock:
            self._loaded[key] = kernel
            while len(self._loaded) > CACHED_KERNELS:
                self._loaded.popitem(last=False)
        return kernel

    def clear(self) -> None:
        """Forget them; those that a frame still needs stay until it is done."""
        self._loaded.clear()

    def made(self, load: Callable[[bytes], Loaded], write: Callable[..., str], *arguments: Any) -> Loaded:
        """What `load` makes of machine code: from disk, or of the text that `write(*arguments)` gives; then it is kept.
        Raises RenderError."""
        card = self._card
        key = self._store.key("cuda", write.__module__, arguments, card.name, card.capability, card.driver)
        code = self._store.load(key)
        if code is not None:
            try:
                return load(code)
            except CardLost:
                raise
            except RenderError:  # this driver does not take it
                code = None
        code = card.compiled(written(write, *arguments))
        loaded = load(code)
        self._store.save(key, code)
        return loaded
