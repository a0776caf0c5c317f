"""Words for shaders: comments that nothing can break out of, names, colours, long lines in pieces."""

from __future__ import annotations

import colorsys
import re
import textwrap
import unicodedata
from collections.abc import Sequence

from morphogen.library.style import Style

WIDTH = 110
HUES = ("red", "orange", "yellow", "lime", "green", "spring green", "turquoise", "azure", "blue", "violet", "magenta",
        "rose")  # fmt: skip


def line(text: str) -> str:
    """The text without line ends, tabs and control characters."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def plain(text: str) -> str:
    """One line of printable ASCII that closes no comment, no string and no element, and continues no line: a style's
    words may come from a stranger."""
    ascii_ = unicodedata.normalize("NFKD", text).encode("ascii", "replace").decode()
    return line(ascii_.translate({ord("\\"): "/", ord("<"): "(", ord(">"): ")", ord("*"): "+"}))


def comment(*paragraphs: str) -> str:
    """Paragraphs as `//` lines; '' is an empty one."""
    lines: list[str] = []
    for paragraph in paragraphs:
        lines += textwrap.wrap(plain(paragraph), WIDTH - 3) or [""]
    return "".join(f"// {one}".rstrip() + "\n" for one in lines)


def identifier(style: Style) -> str:
    """A function's name in every shading language."""
    word = re.sub(r"[^a-z0-9]+", "_", style.name.rpartition("/")[2].lower()).strip("_")
    return f"style_{word or 'unnamed'}"


def colour_name(rgb: Sequence[float]) -> str:
    """'#0a1432, dark blue'."""
    hue, lightness, saturation = colorsys.rgb_to_hls(*rgb)
    code = "#" + "".join(f"{round(255 * c):02x}" for c in rgb)
    if lightness < 0.06 or lightness > 0.96:
        return f"{code}, {'nearly black' if lightness < 0.5 else 'nearly white'}"
    shade = "dark " if lightness < 0.25 else "pale " if lightness > 0.75 else ""
    return f"{code}, {shade}{'grey' if saturation < 0.12 else HUES[round(hue * len(HUES)) % len(HUES)]}"


def header(style: Style, target: str) -> str:
    """Title, prompt, who made it, licence, as a comment."""
    made = "drawn from a seed" if not style.trained else f"trained with the guide {style.guide}"
    told = [f"{style.title}  ({style.name})", *([f'"{style.prompt}"'] if style.prompt else []), ""]
    told += [f"A style of Morphogen for {target}: a network of {style.shape.parameters} numbers, {made}."]
    told += [f"Licence: {style.licence}."] if style.licence else []
    return comment(*told)


def folded(statement: str) -> str:
    """A statement in lines of `WIDTH` at most, broken before a sum or after a comma; its comment goes before it."""
    code, _, told = statement.partition("  // ")
    indent = code[: len(code) - len(code.lstrip())]
    if len(statement) <= WIDTH or (not told and len(code) <= WIDTH):
        return statement
    lines = [f"{indent}// {told}"] if told else []
    now = ""
    for piece in re.split(r"(?= [+-] )|(?<=,) ", code):
        joined = f"{now} {piece}" if now.endswith(",") else now + piece
        if now and len(joined) > WIDTH:
            lines.append(now)
            joined = f"{indent}        {piece.lstrip()}"
        now = joined
    return "\n".join([*lines, now])
