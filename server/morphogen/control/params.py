"""Parameters, modulation and snapshots."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import TYPE_CHECKING, Any

from morphogen.control.styles import bring
from morphogen.cues import moment
from morphogen.errors import StyleError, UsageError
from morphogen.field.scene import program
from morphogen.params.describe import listing

if TYPE_CHECKING:
    from morphogen.instrument import Instrument

ORIGIN = "control"


def _list(instrument: Instrument) -> list[dict[str, Any]]:
    return listing({key: instrument.params.value(key) for key in instrument.params.specs})


def _get(instrument: Instrument, key: str) -> dict[str, Any]:
    value = instrument.params.value(key)
    spec = instrument.params.specs[key]
    return {"key": key, "value": spec.public(value), "normalised": spec.to_normalised(value)}


def _set(
    instrument: Instrument, key: str, value: Any, values: dict[str, Any] | None, normalised: bool
) -> dict[str, Any]:
    wanted = dict(values or {})
    if key:
        wanted[key] = value
    if not wanted:
        raise UsageError("param.set needs `key` and `value`, or `values`.", 'As {"key": "view/zoom", "value": 2}.')
    params = instrument.params
    for k, v in wanted.items():
        if normalised and (isinstance(v, bool) or not isinstance(v, (int, float))):
            raise UsageError(f"{k}: a normalised value is a number.", "Send 0 to 1.")
    # All are checked before any is set.
    specs = {k: params.spec(k) for k in wanted}
    checked = {k: specs[k].from_normalised(v) if normalised else specs[k].check(v) for k, v in wanted.items()}
    for k, v in checked.items():
        params.set(k, v, ORIGIN)
    return {"set": len(wanted)}


def _mod_list(instrument: Instrument) -> dict[str, Any]:
    return instrument.matrix.describe()


def _mod_set(instrument: Instrument, routes: list[Any]) -> dict[str, Any]:
    instrument.matrix.set_routes(list(routes))
    return {"routes": len(instrument.matrix.routes())}


def _store(instrument: Instrument, slot: int) -> dict[str, Any]:
    layer = instrument.overlay.style
    instrument.snapshots.store(slot, instrument.stage.style.name, layer.name if layer else "")
    return {"slot": slot}


def _recall(instrument: Instrument, slot: int, seconds: float, on: str | None) -> Future[Any] | dict[str, Any]:
    """The slow part first: at its moment the styles and the parameters move in the same frame."""
    when = moment(on, instrument.params.get("transition/quantise"))
    kept = instrument.snapshots.kept(slot, seconds)
    answer: dict[str, Any] = {"slot": slot}
    if kept.style and kept.style != instrument.stage.style.name:
        try:
            style = instrument.library.find(kept.style)
        except StyleError:
            answer["style"] = "gone"
        else:
            bring(instrument, style, seconds, when, instrument.bank.locate(style.name))

    layer_back = _layer_back(instrument, kept.layer, answer)

    def move() -> dict[str, Any]:
        instrument.snapshots.move(kept, seconds, "snapshot")
        layer_back()
        return answer

    return move() if when == "now" else instrument.cues.hold(when, move)


def _layer_back(instrument: Instrument, name: str | None, answer: dict[str, Any]) -> Callable[[], Any]:
    """What puts the layer's style back, read and compiled already; nothing where it lies there or was not kept."""
    now = instrument.overlay.style
    if name is None or name == (now.name if now else ""):
        return lambda: None
    if not name:
        return partial(instrument.overlay.request, None)
    try:
        style = instrument.library.find(name)
    except StyleError:
        answer["layer"] = "gone"
        return lambda: None
    instrument.prepare(program((style.shape,)))
    return partial(instrument.overlay.request, style)


def _snapshots(instrument: Instrument) -> dict[str, Any]:
    return {"slots": instrument.snapshots.list()}


CALLS: dict[str, Callable[..., Any]] = {
    "param.list": _list,
    "param.get": _get,
    "param.set": _set,
    "mod.list": _mod_list,
    "mod.set": _mod_set,
    "snapshot.store": _store,
    "snapshot.recall": _recall,
    "snapshot.list": _snapshots,
}
