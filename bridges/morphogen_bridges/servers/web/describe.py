"""The parameters and methods as JSON, for the page and for REST."""

from __future__ import annotations

from typing import Any

from morphogen.contracts import Host
from morphogen.methods import METHODS, REQUIRED, Method
from morphogen.params.describe import listing


def params(host: Host) -> list[dict[str, Any]]:
    """Every parameter in catalog order, as `param.list` answers."""
    return listing({key: host.params.get(key) for key in host.params.specs})


def methods() -> list[dict[str, Any]]:
    """Every control method with its arguments."""
    return [_method(method) for method in METHODS]


def _method(method: Method) -> dict[str, Any]:
    arguments = [
        {"name": arg.name, "kind": arg.kind, "doc": arg.doc, "required": arg.default is REQUIRED}
        | ({} if arg.default is REQUIRED else {"default": arg.default})
        for arg in method.args
    ]
    return {"name": method.name, "doc": method.doc, "result": method.result, "args": arguments}
