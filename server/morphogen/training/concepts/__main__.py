"""Make and measure the concept guide.

python -m morphogen.training.concepts train [--which concepts|judge] [--seconds S] [--device cuda] [-o FILE]
python -m morphogen.training.concepts evaluate [--weights FILE] [--quick] [--device cuda]
python -m morphogen.training.concepts sheet -o FILE.png [--family near|far]
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from morphogen.errors import MorphogenError
from morphogen.training.concepts import evaluate, learn, model, store
from morphogen.training.concepts.vocabulary import vocabulary

PLANS = {
    "concepts": learn.Plan(arch="conv", family="near", seed=1, steps=100_000, seconds=300),
    "judge": learn.Plan(arch="patch", family="far", seed=2, steps=100_000, seconds=130, hard=0.0, rate=1.5e-3),
}


def _say(line: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def train(args: argparse.Namespace) -> None:
    """Train one model, save it, measure it."""
    from dataclasses import asdict, replace

    plan = replace(PLANS[args.which], device=args.device)
    changed = {
        "seconds": args.seconds,
        "steps": args.steps,
        "batch": args.batch,
        "pool": args.pool,
        "fresh": args.fresh,
    }
    changed |= {"every": args.every, "seed": args.seed}
    plan = replace(plan, **{name: value for name, value in changed.items() if value is not None})
    lines: list[dict[str, float]] = []

    def note(line: dict[str, float]) -> None:
        lines.append(line)
        if len(lines) % 5 == 1 or line["done"] >= 1:
            _say(dict(line))

    begin = store.load(Path(args.begin))[0] if args.begin else None
    params = learn.train(plan, note, begin)
    about = {"which": args.which, "plan": asdict(plan), "steps": lines[-1]["step"], "loss": lines[-1]["loss"]}
    about["parameters"] = model.count(plan.arch, len(vocabulary().tokens))
    out = Path(args.output or store.FOLDER / store.NAMES[args.which])
    store.save(out, params, about)
    if args.log:
        Path(args.log).write_text("\n".join(json.dumps(line) for line in lines), encoding="utf-8")
    _say({"saved": str(out), "bytes": out.stat().st_size, **about})


def measure(args: argparse.Namespace) -> None:
    """Print all figures as JSON."""
    names = [args.weights] if args.weights else [str(store.FOLDER / name) for name in store.NAMES.values()]
    for name in names:
        params, _ = store.load(Path(name), args.device)
        figures = evaluate.report(params, quick=args.quick)
        _say({"weights": Path(name).name, **figures})
        if args.output:
            Path(args.output).write_text(json.dumps(figures, indent=1), encoding="utf-8")


def sheet(args: argparse.Namespace) -> None:
    """Four pictures of each structure, to look at."""
    import numpy as np
    from PIL import Image, ImageDraw

    from morphogen.training.concepts.samples import draw
    from morphogen.training.concepts.vocabulary import EXTRA_STRUCTURES

    names, size = [*vocabulary().concepts["structure"], *EXTRA_STRUCTURES], 72
    rows = -(-len(names) // 4)
    image = Image.new("RGB", (4 * (4 * size + 90), rows * size))
    for k, name in enumerate(names):
        pictures = draw(name, 4, size, 7, args.family).pictures.permute(0, 2, 3, 1).numpy()
        x, y = k // rows * (4 * size + 90), k % rows * size
        ImageDraw.Draw(image).text((x + 2, y + 30), name, fill=(255, 255, 0))
        for j, picture in enumerate((pictures * 255).round().astype(np.uint8)):
            image.paste(Image.fromarray(picture), (x + 90 + j * size, y))
    image.save(args.output)


def main(argv: Sequence[str] | None = None) -> int:
    """Returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m morphogen.training.concepts", description=(__doc__ or "").split("\n")[0]
    )
    verbs = parser.add_subparsers(dest="verb", required=True)
    for name, action in (("train", train), ("evaluate", measure), ("sheet", sheet)):
        verb = verbs.add_parser(name, help=(action.__doc__ or "").split("\n")[0])
        verb.set_defaults(action=action)
        verb.add_argument("-o", "--output")
        verb.add_argument("--device", default="cpu")
        if name == "train":
            verb.add_argument("--which", choices=sorted(PLANS), default="concepts")
            verb.add_argument("--log")
            verb.add_argument("--begin", help="weights to go on from")
            verb.add_argument("--seed", type=int)
            verb.add_argument("--seconds", type=float)
            for option in ("steps", "batch", "pool", "fresh", "every"):
                verb.add_argument(f"--{option}", type=int)
        elif name == "evaluate":
            verb.add_argument("--weights")
            verb.add_argument("--quick", action="store_true")
        else:
            verb.add_argument("--family", choices=("near", "far"), default="near")
    args = parser.parse_args(argv)
    try:
        args.action(args)
    except MorphogenError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
