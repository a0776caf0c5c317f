"""The parameters and methods as JSON: for the page, for REST, and as an OSCQuery tree."""

from __future__ import annotations

from typing import Any

from morphogen.contracts import Host
from morphogen.methods import METHODS, REQUIRED, Method
from morphogen.params.describe import listing
from morphogen.params.spec import Param

_TYPE_TAGS = {"float": "f", "int": "i", "bool": "T", "choice": "s"}


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


def tree(host: Host) -> dict[str, Any]:
    """All parameters as an OSCQuery tree (`/morphogen/<group>/<name>`)."""
    groups: dict[str, Any] = {}
    for spec in host.params.specs.values():
        address = f"/morphogen/{spec.group}"
        group = groups.setdefault(spec.group, {"FULL_PATH": address, "ACCESS": 0, "CONTENTS": {}})
        group["CONTENTS"][spec.name] = _node(spec, host.params.get(spec.key))
    root = {"FULL_PATH": "/morphogen", "ACCESS": 0, "CONTENTS": groups}
    return {"FULL_PATH": "/", "ACCESS": 0, "DESCRIPTION": "Morphogen", "CONTENTS": {"morphogen": root}}


def _node(spec: Param, value: Any) -> dict[str, Any]:
    tag = _TYPE_TAGS[spec.kind]
    node: dict[str, Any] = {
        "FULL_PATH": f"/morphogen/{spec.key}",
        "TYPE": ("T" if value else "F") if tag == "T" else tag,
        "VALUE": [value],
        "ACCESS": 3,
        "DESCRIPTION": spec.doc,
        "RANGE": [{"VALS": list(spec.choices)} if spec.choices else {"MIN": spec.minimum, "MAX": spec.maximum}],
        "CLIPMODE": ["both"],
    }
    return node | ({"UNIT": [spec.unit]} if spec.unit else {})
