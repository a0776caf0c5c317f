"""A frame that stays on the card, for whoever can read it there: DLPack, CUDA array interface, another process."""

from __future__ import annotations

from typing import Any

import numpy as np

from morphogen.errors import Unavailable
from morphogen.frame import PixelFormat, TargetSpec
from morphogen.render.cuda import ptx
from morphogen.render.cuda.driver import Memory


class DeviceFrame:
    """Pixels (height, width, 4), uint8 in the order of `spec.format` or float16, on card number `device`. Complete when
    handed out, so readers need not wait for any stream. Keeps the memory alive; the picture in it changes (see
    `CudaRenderer.device_frame`). row_bytes: from one row to the next, a multiple of 16.

    torch.as_tensor, cupy.asarray and numba read it as it is; torch.from_dlpack by way of cuda-core.
    """

    def __init__(self, memory: Memory, spec: TargetSpec, device: int) -> None:
        self.memory, self.spec, self.device = memory, spec, device
        self.address = memory.address
        self.shape = (spec.height, spec.width, 4)
        self.row_bytes = ptx.pitch(spec.width) * spec.row_bytes // spec.width
        self._kind = np.dtype(np.float16 if spec.format is PixelFormat.RGBA16F else np.uint8)

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        """Version 3; numba.readthedocs.io, "CUDA Array Interface"."""
        return {
            "version": 3, "typestr": self._kind.str, "shape": self.shape,
            "strides": (self.row_bytes, 4 * self._kind.itemsize, self._kind.itemsize),
            "data": (self.address, False), "stream": None,
        }  # fmt: skip

    def __dlpack_device__(self) -> tuple[int, int]:
        return 2, self.device  # kDLCUDA

    def __dlpack__(self, **wishes: Any) -> Any:
        """A capsule of cuda-core's making. Raises Unavailable without it."""
        try:
            from cuda.core import Buffer
            from cuda.core.utils import StridedMemoryView
        except ImportError as error:
            raise Unavailable(
                f"DLPack needs cuda-core 1.2 ({error}).", 'Install it: pip install "morphogen[cuda]".'
            ) from None
        whole = Buffer.from_handle(self.address, self.memory.size, owner=self.memory)
        strides = (self.row_bytes // self._kind.itemsize, 4, 1)
        view = StridedMemoryView.from_buffer(whole, self.shape, strides, dtype=self._kind)
        return view.__dlpack__(**wishes)
