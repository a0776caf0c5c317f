"""ISF 2.0 (docs.isf.video): a fragment shader whose first comment is JSON that declares its sliders."""

from __future__ import annotations

import json
from typing import Any

from morphogen.export.inputs import Input, Look, speed
from morphogen.export.plain import opaque, picture
from morphogen.export.style import body, section
from morphogen.export.words import header, plain


def export(look: Look) -> str:
    """The whole .fs file. The host declares the uniforms from the JSON."""
    style = look.style
    about = {
        "ISFVSN": "2",
        "DESCRIPTION": plain(style.prompt or style.title),
        "CREDIT": plain(f"{style.title}, a style of Morphogen. {style.licence}".strip()),
        "CATEGORIES": ["Generator", "Morphogen"],
        "INPUTS": [_input(i) for i in [*look.sound, speed(), *look.sliders]],
    }
    # Nothing in it can end the comment: '/' after '*' may be escaped in JSON.
    told = _written(about).replace("*/", "*\\/")
    where = "(isf_FragNormCoord - 0.5) * RENDERSIZE / RENDERSIZE.y"
    drawn = picture(look, where, "TIME * speed", whole="float({})")
    return (
        f"/*{told}*/\n\n{header(style, 'ISF hosts')}{body(look)}{section('one pixel')}void main() {{\n{drawn}"
        f"    gl_FragColor = vec4(rgb, {opaque(look)});\n}}\n"
    )


def _written(about: dict[str, Any]) -> str:
    """JSON with a line for each key and each input."""
    lines = []
    for key, value in about.items():
        text = json.dumps(value)
        if key == "INPUTS":
            text = "[\n" + ",\n".join(f"    {json.dumps(one)}" for one in value) + "\n  ]"
        lines.append(f'  "{key}": {text}')
    return "{\n" + ",\n".join(lines) + "\n}"


def _input(i: Input) -> dict[str, Any]:
    told: dict[str, Any] = {"NAME": i.name, "LABEL": i.label.capitalize()}
    if i.kind == "switch":
        return told | {"TYPE": "bool", "DEFAULT": bool(i.default)}
    if i.kind == "choice":
        return told | {"TYPE": "long", "VALUES": list(range(len(i.choices))), "LABELS": list(i.choices),
                       "DEFAULT": int(i.default)}  # fmt: skip
    return told | {"TYPE": "float", "DEFAULT": i.default, "MIN": i.low, "MAX": i.high}
