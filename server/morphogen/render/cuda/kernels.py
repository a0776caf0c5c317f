"""Programs on the card: compiled by LLVM and the driver, kept on disk as machine code, loaded into the context."""

from __future__ import annotations

import ctypes
import threading
from collections import OrderedDict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from morphogen.errors import RenderError
from morphogen.field.network import Shape
from morphogen.field.scene import Program, program
from morphogen.render.cuda import ptx
from morphogen.render.cuda.driver import Card, CardLost
from morphogen.render.objects import ObjectStore
from morphogen.render.scribe import written

CACHED_KERNELS = 24


class Kernel:
    """One program on the card, and the block that its launches carry: the job, then the uniforms."""

    def __init__(self, card: Card, what: Program, code: bytes) -> None:
        self.program = what
        self._module = card.module(code)
        self.function = card.call("cuModuleGetFunction", self._module.handle, b"kernel")
        carried = ptx.carried(what)
        self.constant = None if carried else card.call("cuModuleGetGlobal", self._module.handle, b"uniforms")[0]
        head = ctypes.sizeof(ptx.Job)
        self._block = np.zeros(head + 4 * what.uniform_count, np.uint8)
        self.job = ptx.Job.from_buffer(self._block.data)
        self.uniforms: NDArray[np.float32] = self._block[head:].view(np.float32)
        self._pointers = (ctypes.c_void_p * 1)(self._block.ctypes.data)
        self.arguments = ctypes.addressof(self._pointers)


def _text(shapes: tuple[Shape, ...]) -> str:
    return ptx.ptx(program(shapes))


class Kernels:
    """What was drawn lately, by network shapes. Any thread, with the card current."""

    def __init__(self, card: Card, store: ObjectStore) -> None:
        self._card, self._store = card, store
        self._loaded: OrderedDict[tuple[Any, ...], Kernel] = OrderedDict()
        self._lock = threading.Lock()

    def __contains__(self, what: Program) -> bool:
        return what.shapes in self._loaded

    def prepare(self, what: Program) -> Kernel:
        """Compile, or take what is there. Raises RenderError."""
        with self._lock:
            kernel = self._loaded.get(what.shapes)
            if kernel is not None:
                self._loaded.move_to_end(what.shapes)
                return kernel
        kernel = self._stored(what) or self._compiled(what)
        with self._lock:
            self._loaded[what.shapes] = kernel
            while len(self._loaded) > CACHED_KERNELS:
                self._loaded.popitem(last=False)
        return kernel

    def clear(self) -> None:
        """Forget them; those that a frame still needs stay until it is done."""
        self._loaded.clear()

    def _key(self, what: Program) -> str:
        return self._store.key("cuda", what.shapes, self._card.name, self._card.capability, self._card.driver)

    def _stored(self, what: Program) -> Kernel | None:
        """From disk; None: not there, or this driver does not take it."""
        code = self._store.load(self._key(what))
        if code is None:
            return None
        try:
            return Kernel(self._card, what, code)
        except CardLost:
            raise
        except RenderError:
            return None

    def _compiled(self, what: Program) -> Kernel:
        code = self._card.compiled(written(_text, what.shapes))
        kernel = Kernel(self._card, what, code)
        self._store.save(self._key(what), code)
        return kernel
