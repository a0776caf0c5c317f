"""One page of HTML that plays a style by itself: WebGL2, sliders, the microphone. It asks nothing of any network."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from dataclasses import asdict
from typing import Any

from morphogen.export.inputs import VIEW, Input, grade, sound, speed, view
from morphogen.export.plain import picture, uniforms
from morphogen.export.style import body, section, template
from morphogen.export.words import header, line
from morphogen.library.style import Style
from morphogen.params.catalog import BY_KEY


def export(style: Style) -> str:
    """The whole page. Its own policy lets nothing run but its own script, so a style's words stay words."""
    script, css = template("page.js"), template("page.css")
    made = f"{style.name}, a style of Morphogen: {style.shape.parameters} numbers."
    parts = {
        "TITLE": html.escape(line(style.title)), "PROMPT": html.escape(line(style.prompt)), "SHADER": _shader(style),
        "MADE": html.escape(line(f"{made} Licence: {style.licence}." if style.licence else made)),
        "INPUTS": _inert(_inputs(style)), "SCRIPT": script, "STYLE": css,
        "SCRIPT_HASH": _hash(script), "STYLE_HASH": _hash(css),
    }  # fmt: skip
    return re.sub(r"@([A-Z_]+)@", lambda found: parts[found[1]], template("page.html"))


def _shader(style: Style) -> str:
    """Comments in it are `words.plain`, so it cannot end its element."""
    inputs = [*view(), *grade(), *sound(style.network)]
    return (
        f"#version 300 es\n{header(style, 'the web')}\nprecision highp float;\nprecision highp int;\n"
        f"uniform vec2 resolution;\nuniform float time;\n{uniforms(inputs)}out vec4 colour;\n{body(style)}"
        f"{section('one pixel')}void main() {{\n"
        f"{picture(style, '(gl_FragCoord.xy - 0.5 * resolution) / resolution.y', 'time')}"
        "    colour = vec4(rgb, 1.0);\n}\n"
    )


def _inputs(style: Style) -> list[dict[str, Any]]:
    groups = {"Sound": sound(style.network), "Time": [speed()], "View": view(), "Colour": grade()}
    return [asdict(i) | {"group": group, "log": _log(i)} for group, inputs in groups.items() for i in inputs]


def _log(i: Input) -> bool:
    return i.name in VIEW and BY_KEY[VIEW[i.name]].scale == "log"


def _inert(value: Any) -> str:
    """JSON that ends no element."""
    return json.dumps(value).replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
