"""A small reference player for ISF 2.0, from its specification (docs.isf.video): what a host declares for a shader."""

from __future__ import annotations

import json
import re
from typing import Any

TYPES = {"float": "float", "bool": "bool", "event": "bool", "long": "int", "point2D": "vec2", "color": "vec4"}
GIVEN = ("int PASSINDEX", "vec2 RENDERSIZE", "float TIME", "float TIMEDELTA", "vec4 DATE", "int FRAMEINDEX")


def described(text: str) -> dict[str, Any]:
    """The JSON of a shader's first comment, held to the specification."""
    found = re.match(r"\s*/\*(.*?)\*/", text, re.DOTALL)
    assert found, "an ISF begins with a comment"
    about = json.loads(found[1])
    assert about["ISFVSN"] == "2"
    assert set(about) <= {"ISFVSN", "VSN", "DESCRIPTION", "CREDIT", "CATEGORIES", "INPUTS", "PASSES", "IMPORTED"}
    assert all(isinstance(one, str) for one in about["CATEGORIES"])
    for one in about["INPUTS"]:
        assert set(one) <= {"NAME", "LABEL", "TYPE", "DEFAULT", "MIN", "MAX", "IDENTITY", "VALUES", "LABELS"}
        assert one["TYPE"] in TYPES
        assert re.fullmatch(r"[A-Za-z]\w*", one["NAME"])
        if one["TYPE"] == "bool":
            assert isinstance(one["DEFAULT"], bool)
        if one["TYPE"] == "float":
            assert one["MIN"] <= one["DEFAULT"] <= one["MAX"]
        if one["TYPE"] == "long":
            assert len(one["VALUES"]) == len(one["LABELS"])
            assert all(isinstance(value, int) for value in one["VALUES"])
            assert one["DEFAULT"] in one["VALUES"]
    names = [one["NAME"] for one in about["INPUTS"]]
    assert len(set(names)) == len(names)
    return about


def declared(text: str, modern: bool = True) -> str:
    """The fragment shader that the host compiles: GLSL 3.30, or that of WebGL 1."""
    inputs = [f"{TYPES[one['TYPE']]} {one['NAME']}" for one in described(text)["INPUTS"]]
    lines = [f"uniform {what};" for what in (*GIVEN, *inputs)]
    if modern:
        head = ["#version 330 core", "out vec4 isf_colour;", "#define gl_FragColor isf_colour"]
        return "\n".join([*head, *lines, "in vec2 isf_FragNormCoord;", text])
    return "\n".join(["precision highp float;", *lines, "varying vec2 isf_FragNormCoord;", text])


def values(text: str) -> dict[str, float]:
    """What the sliders say at first."""
    return {one["NAME"]: one["DEFAULT"] for one in described(text)["INPUTS"]}


def typed(text: str, values: dict[str, Any]) -> dict[str, Any]:
    """These values, whole numbers where the shader declares them."""
    whole = {one["NAME"] for one in described(text)["INPUTS"] if one["TYPE"] in ("long", "bool")}
    return {name: int(value) if name in whole else value for name, value in values.items()}
