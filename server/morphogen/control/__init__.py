"""What each control method does: one function a method, `function(instrument, **arguments)`.

Names, arguments and docs are declared in `methods.py`; a test holds the two together. A function returns a plain value
or a Future of one. Those in `SLOW` read files, compile or open devices and run on the control thread; those in `ASIDE`
on another.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from morphogen.control import colour, controls, layer, params, record, show, styles, system, tempo

CALLS: dict[str, Callable[..., Any]] = {
    **styles.CALLS, **params.CALLS, **system.CALLS, **show.CALLS, **tempo.CALLS, **controls.CALLS,
    **record.CALLS, **layer.CALLS, **colour.CALLS,
}  # fmt: skip
SLOW = frozenset(
    {
        "style.list", "style.load", "style.put", "style.morph", "style.next", "style.previous", "style.slot",
        "bank.set",
        "snapshot.recall", "audio.devices", "audio.select", "output.open", "output.set", "output.close", "state.save",
        "show.set", "tempo.link", "record.start", "record.stop", "layer.load", "layer.clear", "color.lut",
    }
)  # fmt: skip
ASIDE = frozenset({"style.share"})  # so slow that the others on the control thread must not wait for it
