"""Helpers of what runs in a browser: an exported page's address, a player of ISF in WebGL 1, pictures back."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path

import numpy as np
from PIL import Image

import devtools
import isf_player
from exporting import HEARD, SIZE, told
from morphogen.export import inputs
from morphogen.export.table import export
from morphogen.library.style import Style

SOFTWARE = ("--use-angle=swiftshader", "--enable-unsafe-swiftshader")
SHOT = "(morphogen.draw(), document.querySelector('#picture').toDataURL())"
PLAY = """(text, values) => {
  const canvas = Object.assign(document.createElement('canvas'), {width: WIDTH, height: HEIGHT});
  const gl = canvas.getContext('webgl', {alpha: false, antialias: false}), program = gl.createProgram();
  const vertex = 'attribute vec2 at; varying vec2 isf_FragNormCoord; ' +
    'void main() { isf_FragNormCoord = 0.5 * at + 0.5; gl_Position = vec4(at, 0.0, 1.0); }';
  for (const [kind, source] of [[gl.VERTEX_SHADER, vertex], [gl.FRAGMENT_SHADER, text]]) {
    const shader = gl.createShader(kind);
    gl.shaderSource(shader, source); gl.compileShader(shader); gl.attachShader(program, shader);
    if (!gl.getShaderParameter(shader, gl.COMPILE_STATUS)) throw new Error(gl.getShaderInfoLog(shader));
  }
  gl.linkProgram(program); gl.useProgram(program);
  gl.bindBuffer(gl.ARRAY_BUFFER, gl.createBuffer());
  gl.bufferData(gl.ARRAY_BUFFER, new Float32Array([-1, -1, 3, -1, -1, 3]), gl.STATIC_DRAW);
  gl.enableVertexAttribArray(gl.getAttribLocation(program, 'at'));
  gl.vertexAttribPointer(gl.getAttribLocation(program, 'at'), 2, gl.FLOAT, false, 0, 0);
  for (let n = 0; n < gl.getProgramParameter(program, gl.ACTIVE_UNIFORMS); n++) {
    const {name, type} = gl.getActiveUniform(program, n), place = gl.getUniformLocation(program, name);
    if (type === gl.FLOAT_VEC2) gl.uniform2f(place, ...values[name]);
    else if (type === gl.FLOAT) gl.uniform1f(place, values[name]); else gl.uniform1i(place, values[name]);
  }
  gl.drawArrays(gl.TRIANGLES, 0, 3);
  return canvas.toDataURL();
}""".replace("WIDTH", str(SIZE[0])).replace("HEIGHT", str(SIZE[1]))


def pixels(url: str) -> np.ndarray:
    picture = Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2])))
    return np.asarray(picture.convert("RGB")).astype(int)


def complaints(page: devtools.Browser) -> list[str]:
    """Less the driver's own talk about its speed: reading pictures back makes it wait."""
    return [said for said in page.complaints if "GL Driver Message" not in said]


def address(style: Style, folder: Path, **more: object) -> str:
    file = folder / f"{style.name.replace('/', '-')}.html"
    file.write_text(export(style, "html"), encoding="utf-8")
    return f"{file.as_uri()}#{'&'.join(f'{key}={value}' for key, value in more.items())}"


async def drawn(page: devtools.Browser, style: Style, folder: Path, time: float = 7.0) -> np.ndarray:
    """What the page draws at a moment of HEARD."""
    heard = {name: HEARD[feature] for name, feature in inputs.HEARD.items()}
    await page.open("about:blank")
    await page.open(address(style, folder, time=time, freeze=1, panel=0, scale=1, **heard))
    await page.until(f"window.morphogen && document.querySelector('#picture').width === {SIZE[0]}")
    return pixels(await page.run(SHOT))


def played(style: Style, time: float = 7.0) -> str:
    """A script that plays the style's ISF at the same moment."""
    text = export(style, "isf")
    words = isf_player.values(text) | told(style) | {"TIME": time, "RENDERSIZE": list(SIZE)}
    return f"({PLAY})({json.dumps(isf_player.declared(text, modern=False))}, {json.dumps(words)})"
