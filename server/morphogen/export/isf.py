"""ISF 2.0 (docs.isf.video): a fragment shader whose first comment is JSON that declares its sliders."""

from __future__ import annotations

import json
from typing import Any

from morphogen.export.inputs import Input, grade, sound, speed, view
from morphogen.export.plain import picture
from morphogen.export.style import body, section
from morphogen.export.words import header, plain
from morphogen.library.style import Style


def export(style: Style) -> str:
    """The whole .fs file. The host declares the uniforms from the JSON."""
    about = {
        "ISFVSN": "2",
        "DESCRIPTION": plain(style.prompt or style.title),
        "CREDIT": plain(f"{style.title}, a style of Morphogen. {style.licence}".strip()),
        "CATEGORIES": ["Generator", "Morphogen"],
        "INPUTS": [_input(i) for i in [*sound(style.network), speed(), *view(), *grade()]],
    }
    # Nothing in it can end the comment: '/' after '*' may be escaped in JSON.
    told = _written(about).replace("*/", "*\\/")
    where = "(isf_FragNormCoord - 0.5) * RENDERSIZE / RENDERSIZE.y"
    drawn = picture(style, where, "TIME * speed").replace("mirrored,", "float(mirrored),")
    return (
        f"/*{told}*/\n\n{header(style, 'ISF hosts')}{body(style)}{section('one pixel')}void main() {{\n{drawn}"
        "    gl_FragColor = vec4(rgb, 1.0);\n}\n"
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
    if i.kind == "choice":
        return told | {"TYPE": "long", "VALUES": list(range(len(i.choices))), "LABELS": list(i.choices),
                       "DEFAULT": int(i.default)}  # fmt: skip
    return told | {"TYPE": "float", "DEFAULT": i.default, "MIN": i.low, "MAX": i.high}
