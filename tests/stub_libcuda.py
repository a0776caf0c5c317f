"""A `libcuda.so.1` with `fake_cuda` inside, so that the real cuda-bindings can be run where there is no driver.

Run as a program by `test_cuda_bindings.py`, with the library's folder in LD_LIBRARY_PATH: it draws with the CUDA
backend through the real bindings and prints what it found as JSON.
"""

from __future__ import annotations

import ctypes
import json
import sys
import traceback
from collections.abc import Callable
from typing import Any

import fake_cuda
from drawing import VALUES, apart, draw, glow, scene
from fake_cuda import FakeDriver
from morphogen.errors import RenderError
from morphogen.field.network import SEED_INPUTS, Shape, init_glow
from morphogen.field.scene import Scene, program
from morphogen.frame import PixelFormat, TargetSpec
from morphogen.render.cuda import ptx, wide
from morphogen.render.cuda.renderer import CudaRenderer
from morphogen.render.numpy import NumpyRenderer

# The bindings ask this one function for all others. What was not set answers CUDA_ERROR_NOT_SUPPORTED.
SOURCE = """
#include <string.h>
static struct { char name[64]; void *call; } table[256];
static int count;
static int missing(void) { return 801; }
void stub_set(const char *name, void *call) { strncpy(table[count].name, name, 63); table[count++].call = call; }
int cuGetProcAddress_v2(const char *name, void **call, int version, unsigned long long flags, int *status) {
    *call = (void *)missing;
    for (int i = 0; i < count; i++) if (!strcmp(table[i].name, name)) *call = table[i].call;
    if (status) *status = 0;
    return 0;
}
int cuGetProcAddress(const char *name, void **call, int version, unsigned long long flags) {
    return cuGetProcAddress_v2(name, call, version, flags, 0);
}
"""
N, U, Z, H, S = ctypes.c_int, ctypes.c_uint, ctypes.c_size_t, ctypes.c_uint64, ctypes.c_char_p
# name -> (what it gives through its first argument or None, its other arguments), as in NVIDIA's cuda.h; H: a handle
# or an address
PLAIN: dict[str, tuple[Any, list[Any]]] = {
    "cuInit": (None, [U]), "cuDeviceGetCount": (N, []), "cuDeviceGet": (N, [N]), "cuDriverGetVersion": (N, []),
    "cuDevicePrimaryCtxRetain": (H, [N]), "cuDevicePrimaryCtxRelease": (None, [N]), "cuCtxPushCurrent": (None, [H]),
    "cuCtxPopCurrent": (H, []), "cuMemAlloc": (H, [Z]), "cuMemFree": (None, [H]), "cuMemHostAlloc": (H, [Z, U]),
    "cuMemFreeHost": (None, [H]), "cuStreamCreate": (H, [U]), "cuStreamDestroy": (None, [H]),
    "cuEventCreate": (H, [U]), "cuEventDestroy": (None, [H]), "cuModuleUnload": (None, [H]),
    "cuFuncSetAttribute": (None, [H, N, N]), "cuEventElapsedTime": (ctypes.c_float, [H, H]),
    "cuModuleLoadData": (H, [S]), "cuLinkDestroy": (None, [H]),
    "cuModuleGetFunction": (H, [H, S]), "cuMemcpyHtoDAsync": (None, [H, H, Z, H]),
    "cuMemcpyDtoDAsync": (None, [H, H, Z, H]), "cuMemsetD8Async": (None, [H, ctypes.c_ubyte, Z, H]),
    "cuMemcpyDtoHAsync": (None, [H, H, Z, H]), "cuEventRecord": (None, [H, H]), "cuEventSynchronize": (None, [H]),
    "cuStreamSynchronize": (None, [H]), "cuLaunchKernel": (None, [H, U, U, U, U, U, U, U, H, H, H]),
}  # fmt: skip


class Stub:
    """Fills the library's table with calls of `fake`."""

    def __init__(self, fake: FakeDriver) -> None:
        self.fake = fake
        self.kept: list[Any] = []
        self.logs: dict[int, tuple[bytearray, int]] = {}
        self._library = ctypes.CDLL("libcuda.so.1")
        self._library.stub_set.argtypes = [S, ctypes.c_void_p]
        for name, (given, arguments) in PLAIN.items():
            self._plain(name, given, arguments)
        self._set("cuGetErrorString", [N, H], lambda code, to: self._text("cuGetErrorString", code, to))
        self._set("cuGetErrorName", [N, H], lambda code, to: self._text("cuGetErrorName", code, to))
        self._set("cuDeviceGetName", [H, N, N], self._name)
        self._set("cuDeviceGetAttribute", [H, N, N], self._attribute)
        self._set("cuLinkCreate", [U, H, H, H], self._linker)
        self._set("cuLinkAddData", [H, N, S, Z, S, U, H, H], self._add)
        self._set("cuLinkComplete", [H, H, H], self._complete)
        self._set("cuModuleGetGlobal", [H, H, H, S], self._global)
        self._set("cuIpcGetMemHandle", [H, H], self._handle)

    def _set(self, name: str, arguments: list[Any], call: Callable[..., int]) -> None:
        def guarded(*given: Any) -> int:
            try:
                return int(call(*given))
            except Exception:  # noqa: BLE001  nothing may be thrown through C
                traceback.print_exc()
                return 999

        self.kept.append(ctypes.CFUNCTYPE(N, *arguments)(guarded))
        self._library.stub_set(name.encode(), ctypes.cast(self.kept[-1], ctypes.c_void_p))

    def _plain(self, name: str, given: Any, arguments: list[Any]) -> None:
        def call(*all_given: Any) -> int:
            result = getattr(self.fake, name)(*(all_given[1:] if given else all_given))
            if given and not result[0]:
                given.from_address(all_given[0]).value = result[1]
            return int(result[0])

        self._set(name, [H, *arguments] if given else arguments, call)

    def _text(self, name: str, code: int, to: int) -> int:
        self.kept.append(ctypes.create_string_buffer(getattr(self.fake, name)(fake_cuda.CUresult(code))[1]))
        H.from_address(to).value = ctypes.addressof(self.kept[-1])
        return 0

    def _name(self, to: int, length: int, device: int) -> int:
        ctypes.memmove(to, self.fake.cuDeviceGetName(length, device)[1], length)
        return 0

    def _attribute(self, to: int, which: int, device: int) -> int:
        N.from_address(to).value = self.fake.cuDeviceGetAttribute(fake_cuda.CUdevice_attribute(which), device)[1]
        return 0

    def _linker(self, count: int, options: int, values: int, to: int) -> int:
        names = list((N * count).from_address(options))
        places = list((H * count).from_address(values))
        assert names == [5, 6], names
        log = bytearray(places[1])
        code, linker = self.fake.cuLinkCreate(count, names, (log, places[1]))
        self.logs[linker] = log, places[0]
        H.from_address(to).value = linker
        return int(code)

    def _add(self, linker: int, kind: int, data: bytes, size: int, name: bytes, *options: int) -> int:
        (code,) = self.fake.cuLinkAddData(linker, kind, data + b"\0", size, name, options[0], (), ())
        log, place = self.logs[linker]
        ctypes.memmove(place, bytes(log), len(log))
        return int(code)

    def _complete(self, linker: int, to: int, size: int) -> int:
        code, address, found = self.fake.cuLinkComplete(linker)
        H.from_address(to).value, Z.from_address(size).value = address, found
        return int(code)

    def _global(self, to: int, size: int, module: int, name: bytes) -> int:
        _, address, found = self.fake.cuModuleGetGlobal(module, name)
        H.from_address(to).value, Z.from_address(size).value = address, found
        return 0

    def _handle(self, to: int, address: int) -> int:
        handle = self.fake.cuIpcGetMemHandle(address)[1]
        ctypes.memmove(to, handle.getPtr(), fake_cuda.HANDLE_BYTES)
        return 0


def pictures(renderer: CudaRenderer) -> int:
    """Largest error over trail, crop of formats, weights in the launch and in constant memory."""
    reference, worst = NumpyRenderer(), 0
    for spec in (TargetSpec(41, 24), TargetSpec(7, 5, PixelFormat.BGRA8, flip=True)):
        for n in range(3):
            what = scene(values=VALUES | {"time": n / 10}, trail=0.5)
            worst = max(worst, apart(draw(renderer, what, spec), draw(reference, what, spec)))
    shape = Shape(SEED_INPUTS, (("sin",) * 16, ("cos",) * 16, ("gaussian",) * 16))
    what = Scene((init_glow(shape, 1, hidden_gain=1.5), init_glow(shape, 2, hidden_gain=1.5)), VALUES, 0.5)
    assert not ptx.carried(what.program)
    worst = max(worst, apart(draw(renderer, what, (24, 10)), draw(reference, what, (24, 10))))
    renderer.limit(1.0)  # by the card's clock
    wide.TRIAL, wide.TRIAL_SAMPLES = Shape(("x", "y"), (("sin",) * 17,)), 64
    what = scene(init_glow(Shape(SEED_INPUTS, (("sin",) * 17,)), 1))
    worst = max(worst, apart(draw(renderer, what, (9, 6)), draw(reference, what, (9, 6))))
    return worst


def refusal(work: Callable[[], Any]) -> str:
    try:
        work()
    except RenderError as error:
        return f"{type(error).__name__}: {error}"
    return "nothing"


def main() -> None:
    fake = FakeDriver()
    stub = Stub(fake)
    found: dict[str, Any] = {"stub": len(stub.kept)}
    renderer = CudaRenderer()
    found["described"] = renderer.describe()
    found["worst"] = pictures(renderer)
    spec = TargetSpec(41, 24)
    frame = renderer.device_frame(spec)
    found["same_address"] = int.from_bytes(renderer.ipc_handle(spec)[:8], "little") == frame.address
    write, ptx.ptx = ptx.ptx, lambda program: "// nothing\n"
    found["text"] = refusal(lambda: renderer.prepare(program((Shape(("x", "y"), (("sin",) * 5,)),))))
    ptx.ptx = write
    fake.fail["cuLaunchKernel"] = 2
    found["full"] = refusal(lambda: draw(renderer, scene(glow(5)), (8, 8)))
    fake.fail.clear()
    renderer.close()
    found["left"], found["retained"] = fake.left(), fake.retained
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
