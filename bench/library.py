"""Trains the styles that are shipped: `python bench/library.py -o FOLDER [NAME ...] [--takes 4] [--jobs 2]`.

Each style is one line of the table; `take` is the one that was chosen, by eye and by score, among several
(`--takes`). Without it just the chosen ones are made, into FOLDER/<series>/<name>.safetensors, each with its picture.
What is there already stays: an interrupted run goes on.

`python bench/library.py --calm -o styles [NAME ...]` turns down, in FOLDER, what flashes too much, as the last step of
a training does, and judges it again; of starters, which are drawn, the `--reaction` in their command.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from morphogen.library.style import Style


@dataclass(frozen=True)
class Wish:
    """One style of the library. colours: five, where the words' own are flat or muddy on what it draws."""

    name: str
    title: str
    prompt: str
    take: int = 0
    colours: str = ""


LIBRARY = (
    Wish(
        "cosmic/galaxy",
        "Galaxy",
        "spinning cosmic galaxy with swirling nebula clouds, stars and cosmic dust perturbed by gravitational waves",
    ),
    Wish("cosmic/nebula", "Nebula", "flowing nebula clouds with stellar nurseries", take=2),
    Wish("cosmic/supernova", "Supernova", "supernova explosion with spiral shockwave patterns", take=1),
    Wish("cosmic/black_hole", "Black Hole", "black hole accretion disk with matter streams", take=1),
    Wish("cosmic/cosmic_web", "Cosmic Web", "dark matter cosmic web with galaxy clusters", take=3),
    Wish(
        "organic/cell_division",
        "Cell Division",
        "biological cell division with flowing membranes and organic structures",
        take=1,
    ),
    Wish(
        "organic/microorganisms", "Microorganisms", "microscopic organisms swimming with flagella and organic movement"
    ),
    Wish("organic/solvents", "Solvents", "microscopic organic solvents with diffusion and fluid dynamics", take=2),
    Wish("organic/neurons", "Neurons", "neural networks with synaptic connections and electric pulses"),
    Wish(
        "organic/blood_vessels",
        "Blood Vessels",
        "blood vessel branching with fluid flow",
        colours="#0a0210,#4a0616,#c0142a,#f05a4a,#ffd8c0",
    ),
    Wish(
        "mood/cyberpunk_neon",
        "Cyberpunk Neon",
        "neon geometric cyberpunk in pink and blue",
        take=4,
        colours="#030212,#2a0a6a,#ff2a8a,#3ae0ff,#f2ffff",
    ),
    Wish(
        "mood/organic_flow",
        "Organic Flow",
        "organic flowing tendrils in yellow and green with strong contrast",
        take=4,
        colours="#010803,#0a4a24,#4ab81e,#f4f04a,#fffde0",
    ),
    Wish("mood/nature_fractal", "Nature Fractal", "organic fractals of nature in brown and green", take=1),
    Wish("mood/pastel_watercolor", "Pastel Watercolor", "soft pastel watercolor with gentle colors"),
    Wish("nature/flames", "Flames", "burning orange flames", take=1),
    Wish(
        "nature/aurora",
        "Aurora",
        "green aurora over a dark sky",
        take=1,
        colours="#020616,#0a2f5a,#16b07a,#a8ffb8,#f4d8ff",
    ),
    Wish("nature/sea", "Sea", "deep blue ocean waves"),
    Wish("nature/lightning", "Lightning", "violet lightning in storm clouds", take=1),
    Wish("nature/smoke", "Smoke", "drifting blue smoke", take=4, colours="#030409,#14284a,#4a86c0,#b8dcf0,#ffffff"),
    Wish("nature/lava", "Lava", "glowing red lava", colours="#060203,#4a0a08,#d02a0a,#ff8a1e,#fff0a0"),
    Wish("nature/marble", "Marble", "marble with golden veins", take=1),
    Wish("nature/mycelium", "Mycelium", "glowing mycelium", take=2),
    Wish("nature/coral", "Coral", "pink coral reef", take=1, colours="#020a1a,#0a3a6a,#e04a8a,#ffb09a,#fff6e0"),
    Wish("nature/eye", "Eye", "green eye with a dark pupil", take=3),
    Wish("nature/flower", "Flower", "pink lotus flower", colours="#06040f,#2a1050,#d03a90,#ffa0b8,#fff2d0"),
)


def file_of(wish: Wish, folder: Path, take: int, several: bool) -> Path:
    """Where a take goes."""
    return folder / (f"{wish.name}-{take}.safetensors" if several else f"{wish.name}.safetensors")


def one(wish: Wish, path: Path, take: int, steps: int) -> dict[str, Any]:
    """Train one take, in a process of its own."""
    from morphogen.library.style import save_style
    from morphogen.library.thumb import save_thumbnail
    from morphogen.training import make
    from morphogen.training.order import Order

    start, cpu = time.perf_counter(), time.process_time()
    path.parent.mkdir(parents=True, exist_ok=True)
    order = Order(wish.prompt, take=take, steps=steps, colours=wish.colours)
    with make.humble(1):
        style, result = make.train(make.prepare(order), path, lambda _: None)
    style = save_style(replace(style, title=wish.title), path)
    save_thumbnail(style, path.with_suffix(".png"))
    verdict = result.judgement
    return {"name": wish.name, "take": take, "score": verdict.score, "worst": verdict.worst, "empty": verdict.empty,
            "moves": dict(verdict.moves), "contrast": verdict.contrast, "wall_s": round(time.perf_counter() - start, 1),
            "cpu_s": round(time.process_time() - cpu, 1)}  # fmt: skip


def pick(wish: Wish, takes: Path, folder: Path) -> None:
    """The chosen take under its own name."""
    from morphogen.library.style import load_style, save_style
    from morphogen.library.thumb import save_thumbnail

    style = load_style(file_of(wish, takes, wish.take, several=True))
    command = style.training.rpartition(" -o ")[0]
    path = file_of(wish, folder, wish.take, several=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    stem = wish.name.partition("/")[2]
    style = save_style(replace(style, name=wish.name, title=wish.title, training=f"{command} -o {stem}"), path)
    save_thumbnail(style, path.with_suffix(".png"))


def calm(path: Path) -> str:
    """Turn one style down, in its file; what was done. A style that was is measured only."""
    from morphogen.library.style import load_style, save_style
    from morphogen.library.thumb import save_thumbnail
    from morphogen.training.make import humble

    style = load_style(path)
    with humble(1):
        again, said = _calm_trained(style) if style.trained else _calm_drawn(style)
    save_thumbnail(save_style(again, path), path.with_suffix(".png"))
    return said


def _calm_trained(style: Style) -> tuple[Style, str]:
    from morphogen.training import calm, make
    from morphogen.training.judge import judge
    from morphogen.training.order import Order
    from morphogen.training.torch_field import stack

    done = calm.calm(style.network)
    before = style.extra.get("flashes")
    told = done.describe()
    if before and not done.kept:
        told |= {"before": before["before"], "turned_down": before["turned_down"]}
    extra = {**style.extra, "flashes": told}
    if not done.kept:
        return replace(style, extra=extra), done.line()
    aim = make.prepare(Order(style.prompt, guide=style.guide)).aim
    verdict = judge(stack([done.network]), [done.network.geometry], aim)[0]
    extra |= {"worst": verdict.worst, "unseen": verdict.unseen, "contrast": round(verdict.contrast, 4),
              "moves": dict(verdict.moves)}  # fmt: skip
    return replace(
        style, network=done.network, score=verdict.score, extra=extra
    ), f"{done.seconds:.1f} s, {done.line()}"


def _calm_drawn(style: Style) -> tuple[Style, str]:
    """The highest reaction, to three digits, with which it keeps the limit; and on the demo track, too: starters hear
    centroid, rolloff and flux as well, which music moves more than the rehearsal does."""
    from morphogen.library.draw import draw, parse_command
    from morphogen.training.calm import read

    recipe = parse_command(style.training)
    if read(style.network).calm:
        return style, "keeps the strict limit of flashes on loud music"
    low, high = 0.0, recipe.reaction
    while high - low > 0.02 * recipe.reaction:
        middle = (low + high) / 2
        calm = read(draw(replace(recipe, reaction=middle)).network).calm
        low, high = (middle, high) if calm else (low, middle)
    # A little less, so that rounding never gives more.
    reaction = float(f"{0.995 * low:.3g}") if low > 0.1 * recipe.reaction else recipe.reaction
    again = draw(replace(recipe, reaction=reaction), style.name, style.title, style.licence)
    while not _safe_on_the_demo(again) and reaction > 0.1 * recipe.reaction:
        reaction = float(f"{0.8 * reaction:.3g}")
        again = draw(replace(recipe, reaction=reaction), style.name, style.title, style.licence)
    return again, f"reaction {recipe.reaction:g} to {reaction:g}"


def _safe_on_the_demo(style: Style) -> bool:
    """Whether it keeps the strict limit in the demo's loudest 20 s."""
    from morphogen.flash import FlashMeter
    from morphogen.offline.rehearsal import Rehearsal
    from morphogen.offline.track import demo_track
    from morphogen.render.cpu.renderer import CpuRenderer
    from morphogen.training.calm import SIZE

    renderer, track, meter = CpuRenderer(1), demo_track(), FlashMeter(SIZE, 60)
    with Rehearsal(style, renderer) as rehearsal:
        for scene in rehearsal.play(track, track.loudest(20.0), 20.0, 60, 5.0):
            meter.feed(rehearsal.draw(scene, SIZE))
            if not meter.safe:
                break
    renderer.close()
    return meter.safe


def calm_all(names: list[str], folder: Path) -> int:
    """Those of the folder that are named, or all."""
    for path in sorted(folder.glob("*/*.safetensors")):
        name = f"{path.parent.name}/{path.stem}"
        if not names or name in names:
            print(f"{name}: {calm(path)}", flush=True)
    return 0


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help="only these")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--takes", type=int, default=0, metavar="N", help="takes 0 to N - 1 of each, to choose from")
    parser.add_argument("--jobs", type=int, default=max((os.cpu_count() or 2) // 2, 1), metavar="N")
    parser.add_argument("--pick", type=Path, metavar="FOLDER", help="take the chosen ones from the takes in FOLDER")
    parser.add_argument("--calm", action="store_true", help="turn down what flashes too much in FOLDER")
    parser.add_argument("--steps", type=int, default=0, metavar="N", help="for a quick try")
    given = parser.parse_args(words)
    if given.calm:
        return calm_all(given.names, given.output)
    chosen = [wish for wish in LIBRARY if not given.names or wish.name in given.names]
    if given.pick:
        for wish in chosen:
            pick(wish, given.pick, given.output)
        return 0
    work = [(wish, take) for take in range(max(given.takes, 1)) for wish in chosen]
    if not given.takes:
        work = [(wish, wish.take) for wish in chosen]
    found, failed = [], 0
    with ProcessPoolExecutor(given.jobs) as pool:
        jobs = {}
        for wish, take in work:
            path = file_of(wish, given.output, take, bool(given.takes))
            if not path.exists():
                jobs[pool.submit(one, wish, path, take, given.steps)] = (wish, take)
        for count, job in enumerate(as_completed(jobs), 1):
            wish, take = jobs[job]
            try:
                found.append(job.result())
                said = f"{found[-1]['score']:.2f}, {found[-1]['wall_s']} s"
            except Exception as error:  # noqa: BLE001  the others go on
                failed += 1
                said = f"{type(error).__name__}: {error}"
            print(f"{count}/{len(jobs)} {wish.name} take {take}: {said}", flush=True)
    (given.output / "library.json").write_text(json.dumps(found, indent=1))
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
