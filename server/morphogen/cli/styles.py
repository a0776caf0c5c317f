"""`morphogen styles`: what is in the library, and making, packing and importing styles."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Annotated, Any

import typer

from morphogen.cli import complete
from morphogen.cli.output import note, print_json, print_table, read_png
from morphogen.cli.still import busy
from morphogen.errors import UsageError
from morphogen.grammar import read_size

app = typer.Typer(help="The library: list, show, draw, share, pack and import styles.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="NAME|FILE", autocompletion=complete.style_names)]
AsJson = Annotated[bool, typer.Option("--json", help="As one line of JSON.")]
Out = Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="File to write.")]
Picture = Annotated[Path, typer.Option("--output", "-o", metavar="OUT.png", help="File to write.")]


@app.command("list")
def list_(json: AsJson = False) -> None:
    """All styles, yours and those that came along."""
    from morphogen.library.find import Library

    found = Library().list()
    if json:
        print_json([info.public() for info in found], indent=None)
        return
    columns = ("name", "title", "prompt", "shape", "guide", "score")
    rows = [[getattr(info, column) for column in columns] for info in found if not info.error]
    print_table(columns, rows, ("cyan",))
    for info in found:
        if info.error:
            note(f"Not usable: {info.path}: {info.error}")


@app.command("show")
def show(name: Name, json: AsJson = False) -> None:
    """All that is known about one style."""
    from morphogen.library.find import Library
    from morphogen.library.geometry import words
    from morphogen.library.style import describe

    style = Library().find(name)
    known = describe(style) | {
        "shape": str(style.shape),
        "parameters": style.shape.parameters,
        "path": str(style.path) if style.path else None,
    }
    if json:
        print_json(known, indent=None)
    else:
        known["geometry"] = words(style.shape.inputs, style.network.geometry)
        shown = {key: value for key, value in known.items() if value not in ("", None, {}, [])}
        print_table(("what", "value"), ((key, _words(value)) for key, value in shown.items()), ("cyan",))


def _words(value: Any) -> Any:
    if isinstance(value, dict):
        return "; ".join(f"{key}: {text}" for key, text in value.items())
    return ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else value


@app.command("pack")
def pack(name: Name, output: Out) -> None:
    """A style as one datagram, to send over OSC or ZeroMQ."""
    from morphogen.library.find import Library
    from morphogen.library.pack import pack as to_datagram

    data = to_datagram(Library().find(name))
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_bytes(data)
    note(f"Wrote {output}: {len(data)} bytes.")


@app.command("share")
def share(
    name: Name,
    output: Picture,
    size: Annotated[str, typer.Option(metavar="WxH", help="Size in pixels.")] = "512x288",
    time: Annotated[float, typer.Option(metavar="SECONDS", help="Moment of the style's own time.")] = 20.0,
) -> None:
    """A style as a picture that carries it: drop it on the page, or give it to --style, and it plays."""
    from morphogen.library.atomic import write
    from morphogen.library.find import Library
    from morphogen.share import share as draw_picture

    read_png(output)
    width, height = read_size(size)
    style = Library().find(name)
    with busy(f"Drawing {style.title}, {width} x {height}"):
        data = draw_picture(style, (width, height), time)
    write(output, data)
    note(f"Wrote {output}: {style.name} in a picture of {len(data) / 1000:.0f} kB. Send it as a file, not as a photo.")


@app.command("thumb")
def thumb(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME ...]", help="Left out: all that lack one.", autocompletion=complete.style_names),
    ] = None,
    time: Annotated[float, typer.Option(metavar="SECONDS", help="Moment of the style's own time.")] = 20.0,
) -> None:
    """Draw the small pictures beside the style files."""
    from morphogen.library.find import Library
    from morphogen.library.thumb import save_thumbnail

    library = Library()
    for name in names or [info.name for info in library.list() if not info.error and info.thumbnail is None]:
        note(f"Wrote {save_thumbnail(library.find(name), seconds=time)}.")


@app.command("draw")
def draw(
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="File to write; left out: your own library.")
    ] = None,
    preset: Annotated[str, typer.Option(metavar="NAME", help="Size of the network.")] = "3L_4D",
    init: Annotated[str, typer.Option(metavar="glow|seed", help="How the weights are drawn.")] = "glow",
    seed: Annotated[int, typer.Option(metavar="N", help="The same seed draws the same style.", min=0)] = 0,
    inputs: Annotated[str, typer.Option(metavar="x,y,...", help="What it sees and hears; left out: all.")] = "",
    units: Annotated[bool, typer.Option("--units", help="Activations differ from unit to unit.")] = False,
    gain: Annotated[float, typer.Option(metavar="X", help="Wildness of the hidden layers.")] = 5.0,
    extent: Annotated[float, typer.Option(metavar="X", help="Coordinate at the upper edge.")] = 0.5,
    pace: Annotated[float, typer.Option(metavar="X", help="How fast it moves by itself.")] = 1.0,
    reaction: Annotated[float, typer.Option(metavar="X", help="How strongly music moves it.")] = 1.0,
    ear: Annotated[int, typer.Option(metavar="N", help="How it hears, drawn anew; 0: as its seed has it.", min=0)] = 0,
    contrast: Annotated[float, typer.Option(metavar="X", help="Factor on the output weights.")] = 1.0,
    harmony: Annotated[float, typer.Option(metavar="X", help="0 independent colours, 1 one single hue.")] = 0.0,
    head: Annotated[
        str,
        typer.Option(
            metavar="rgb|palette|rgba|palette_alpha", help="Three channels, or one through colours; or these and alpha."
        ),
    ] = "rgb",
    name: Annotated[str, typer.Option(metavar="series/name", help="Its name.")] = "",
    title: Annotated[str, typer.Option(metavar="TEXT", help="Its title, for people.")] = "",
    licence: Annotated[str, typer.Option(metavar="NAME", help="What others may do with it.")] = "MIT",
) -> None:
    """A new style from a seed alone, untrained."""
    from morphogen.library.draw import Recipe
    from morphogen.library.draw import draw as draw_style

    listed = tuple(word.strip() for word in inputs.split(",")) if inputs else Recipe().inputs
    recipe = Recipe(
        preset, seed, _init(init), listed, units, gain, extent, pace, reaction, contrast, harmony, head, ear
    )
    _save(draw_style(recipe, name, title, licence), output)


def _init(text: str) -> Any:
    if text not in ("glow", "seed"):
        raise UsageError(f"there is no init {text[:40]!r}.", "Choose glow or seed.")
    return text


def _save(style: Any, output: Path | None) -> None:
    """To `output`, or into the user's own library under the style's name."""
    from morphogen.folders import styles_folder
    from morphogen.library.style import SUFFIX, save_style

    target = output or styles_folder() / f"{style.name}{SUFFIX}"
    save_style(style, target)
    note(f"Wrote {target}: {style.name}, {style.shape.parameters} parameters.")


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A PNG that carries a style, a style file, or a .pth.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="File to write; left out: your own library.")
    ] = None,
    name: Annotated[str, typer.Option(metavar="series/name", help="Its name; left out: own/<its own name>.")] = "",
    extent: Annotated[
        float, typer.Option(metavar="X", help="For .pth: coordinate at the upper edge; 0.5 as the old stage showed.")
    ] = math.pi,
    replace: Annotated[bool, typer.Option("--replace", help="Even if you have another of this name.")] = False,
) -> None:
    """Keep a style that came as a picture, a file or an old .pth network in your library."""
    from morphogen.folders import styles_folder
    from morphogen.library.importer import import_any
    from morphogen.library.style import SUFFIX, save_style, to_bytes
    from morphogen.library.thumb import save_thumbnail

    with busy(f"Reading {file.name}"):
        style = import_any(file, extent)
    # Among your own, whatever it calls itself: a stranger's starter/ember must not hide the one that came along.
    kept = name or f"own/{style.name.rpartition('/')[2]}"
    style = dataclasses.replace(style, name=kept, series="", path=None)
    if output:
        _save(style, output)
        return
    target = styles_folder() / f"{kept}{SUFFIX}"
    if target.exists() and not replace and target.read_bytes() != to_bytes(style):
        raise UsageError(f"you have another style {kept}.", "Keep both with --name series/name, or say --replace.")
    save_thumbnail(save_style(style, target))
    note(f"Wrote {target} and its picture: {kept}, {style.shape.parameters} parameters.")
