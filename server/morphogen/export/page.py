"""One page of HTML that plays a style by itself: WebGL2, sliders, the microphone. It asks nothing of any network."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from dataclasses import asdict
from typing import Any

from morphogen.export.inputs import VIEW, Input, Look, grade, palette, speed, view
from morphogen.export.plain import picture, uniforms
from morphogen.export.style import body, section, template
from morphogen.export.words import header, line
from morphogen.params.catalog import BY_KEY


def export(look: Look) -> str:
    """The whole page. Its own policy lets nothing run but its own script, so a style's words stay words."""
    style = look.style
    script, css = template("page.js"), template("page.css")
    made = f"{style.name}, a style of Morphogen: {style.shape.parameters} numbers."
    parts = {
        "TITLE": html.escape(line(style.title)), "PROMPT": html.escape(line(style.prompt)), "SHADER": _shader(look),
        "MADE": html.escape(line(f"{made} Licence: {style.licence}." if style.licence else made)),
        "INPUTS": _inert(_inputs(look)), "SCRIPT": script, "STYLE": css,
        "SCRIPT_HASH": _hash(script), "STYLE_HASH": _hash(css),
    }  # fmt: skip
    return re.sub(r"@([A-Z_]+)@", lambda found: parts[found[1]], template("page.html"))


def _shader(look: Look) -> str:
    """Comments in it are `words.plain`, so it cannot end its element."""
    declared = uniforms([*look.sliders, *look.sound])
    return (
        f"#version 300 es\n{header(look.style, 'the web')}\nprecision highp float;\nprecision highp int;\n"
        f"uniform vec2 resolution;\nuniform float time;\n{declared}out vec4 colour;\n{body(look)}"
        f"{section('one pixel')}void main() {{\n"
        f"{picture(look, '(gl_FragCoord.xy - 0.5 * resolution) / resolution.y', 'time')}"
        "    colour = vec4(rgb, 1.0);\n}\n"
    )


def _inputs(look: Look) -> list[dict[str, Any]]:
    colours = [*palette(look.palettes, look.chosen), *grade()]
    groups = {"Sound": look.sound, "Time": [speed()], "Colour": colours, "View": view()}
    return [asdict(i) | {"group": group, "log": _log(i)} for group, inputs in groups.items() for i in inputs]


def _log(i: Input) -> bool:
    return i.name in VIEW and BY_KEY[VIEW[i.name]].scale == "log"


def _inert(value: Any) -> str:
    """JSON that ends no element."""
    return json.dumps(value).replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
