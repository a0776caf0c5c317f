"""`morphogen styles clip`, `card` and `export`: a style as a short animated picture, in words, and for other hosts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from morphogen.cli import complete
from morphogen.cli.output import counting, note, print_table
from morphogen.grammar import read_size

Name = Annotated[str, typer.Argument(metavar="NAME|FILE", autocompletion=complete.style_names)]


def add_to(app: typer.Typer) -> None:
    """The commands of this module."""
    app.command("clip")(clip)
    app.command("card")(card)
    app.command("export")(export)


def clip(
    name: Name,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help=".webp, .png (APNG) or .gif.")],
    seconds: Annotated[float, typer.Option(metavar="N", help="Length of the loop.")] = 4.0,
    size: Annotated[str, typer.Option(metavar="WxH", help="Size in pixels.")] = "320x180",
    fps: Annotated[float, typer.Option(metavar="N", help="Frames a second.")] = 20.0,
    audio: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Music that moves it; its loudest part is taken.",
                                  show_default="the demo track")
    ] = None,
    quality: Annotated[int, typer.Option(metavar="1..100", help="Of WebP: picture against size.")] = 70,
    time: Annotated[float, typer.Option(metavar="SECONDS", help="Moment of the style's own time.")] = 20.0,
) -> None:  # fmt: skip
    """A short animated picture that loops without a seam, moved by music."""
    from morphogen.folders import cache_folder
    from morphogen.library.atomic import write
    from morphogen.library.find import Library
    from morphogen.offline.clip import Wish, encode, kind_of, record
    from morphogen.offline.track import demo_track, read_track
    from morphogen.render import SAFE, create

    kind_of(output)
    wish = Wish(seconds, read_size(size), fps, quality, time)
    style = Library().find(name)
    track = demo_track() if audio is None else read_track(audio)
    renderer = create(SAFE, cache=cache_folder())
    try:
        with counting("Drawing") as watch:
            pictures = record(style, renderer, track, wish, watch)
    finally:
        renderer.close()
    data = encode(pictures, output, fps, quality)
    write(output, data)
    note(f"Wrote {output}: {len(pictures)} frames, {len(data) / 1000:.0f} kB.")


def card(
    name: Name, markdown: Annotated[bool, typer.Option("--markdown", help="For a page or a README.")] = False
) -> None:
    """A style in words: prompt, guide, score, what was understood, how it moves."""
    from morphogen.library.card import card as of
    from morphogen.library.find import Library

    found = of(Library().find(name))
    if markdown:
        print(found.markdown(), end="")
        return
    rows = [("name", found.name), ("title", found.title), ("prompt", found.prompt or "none")]
    rows += [(what.lower(), text) for what, text in found.rows]
    print_table(("what", "value"), [*rows, *((f"{who} moves", how) for who, how in found.moves)], ("cyan",))


def export(
    target: Annotated[str, typer.Argument(metavar="html|isf|touchdesigner|shadertoy|glsl", help="For which host.")],
    name: Name,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="File to write; left out: the style's name.")
    ] = None,
    palette: Annotated[
        str, typer.Option(metavar="NAME[,NAME...]", help="Palettes to choose from there, or 'all'; the first is on.")
    ] = "",
) -> None:
    """A style for another host: a shader, or a page that plays by itself. Time, sound, view and colour are inputs."""
    from morphogen.export.table import TARGETS
    from morphogen.export.table import export as as_text
    from morphogen.library.atomic import write
    from morphogen.library.find import Library

    style = Library().find(name)
    text = as_text(style, target, palette)
    to = output or Path(style.name.rpartition("/")[2] + TARGETS[target].suffix)
    write(to, text.encode())
    note(f"Wrote {to}: {style.title} for {target}, {len(text) / 1000:.0f} kB.")
