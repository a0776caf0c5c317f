"""Four ways to a style from the same sentence: `python bench/compare.py [-o FOLDER] [NAME ...]` (needs torch).

    seed     the seeds' method: one random network, Adam at 0.001 for 800 steps, all twelve inputs on +-pi, led by the
             guide `concepts` (theirs was CLIP; the whole difference is the method's, not the guide's)
    guide    the guide alone: searched networks on a domain warp with a palette, as for words that no generator knows
    fit      the fit alone: the generator's targets, no guide looks
    ours     the shipped file; what it cost is measured by training it once more (`whole`)

Training goes first, each in a process of its own, into FOLDER, and is not done again; then all is measured, and only
what is not known of the very same file: interrupt it as you like. Writes compare.json, compare.md, compare-N.jpg.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import multiprocessing
import shlex
import sys
import time
from collections.abc import Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, as_completed
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent))

from compare_sheets import pages, table
from library import LIBRARY
from morphogen.errors import MorphogenError
from morphogen.library.find import Library
from morphogen.library.style import Style, load_style, to_bytes
from style_figures import Bench
from style_judge import Judge

TRAINED = ("seed", "guide", "fit", "whole")
WAYS = ("seed", "guide", "fit", "ours")
CEILING = 16  # of the judge's own pictures
CEILING_SEED = 91_000_000  # that no training used
Row = dict[str, Any]


def main(argv: Sequence[str] | None = None) -> int:
    given = _options(argv)
    try:
        library = Library()
        styles = [library.find(name) for name in given.names or [wish.name for wish in LIBRARY]]
        failed = train_all(styles, given)
        if given.train_only:
            return 1 if failed else 0
        bench = Bench(())
        rows = measured(bench, styles, [info.prompt for info in library.list()], given.output)
    except MorphogenError as error:
        print(f"compare: {error}", file=sys.stderr)
        return error.exit_code
    if not rows:
        return 1
    (given.output / "compare.json").write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    (given.output / "compare.md").write_text(table(rows), encoding="utf-8")
    written = pages(bench, given.output, rows, lambda way, name: file_of(styles, given.output, way, name))
    bench.close()
    print(table(rows))
    _say(f"Wrote compare.json, compare.md, {', '.join(path.name for path in written)} in {given.output}.")
    return 1 if failed else 0


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench/compare.py", description="Four ways to a style.")
    parser.add_argument("names", nargs="*", metavar="NAME|FILE", help="left out: all that were trained")
    parser.add_argument("-o", "--output", type=Path, default=Path("out/compare"), help="folder for what is written")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="trainings at once, a thread each")
    parser.add_argument("--steps", type=int, default=0, metavar="N", help="of each training; left out: its own")
    parser.add_argument("--seeds", type=int, default=1024, metavar="N", help="random networks that are searched")
    parser.add_argument("--ways", default=",".join(TRAINED), metavar="A,B", help="train only these ways")
    parser.add_argument("--train-only", action="store_true", help="train, and measure another time")
    return parser.parse_args(argv)


# --- training


def train_all(styles: Sequence[Style], given: argparse.Namespace) -> int:
    """Each style by each way, where it is not there yet. Returns how many failed; the others go on."""
    jobs: dict[Any, str] = {}
    failed = 0
    with workers(given.jobs) as pool:
        for style in styles:
            for way in given.ways.split(","):
                path = file_of(styles, given.output, way, style.name)
                if not _cost_file(path).exists():
                    words = (way, style.prompt, _take(style), given.steps, given.seeds, path)
                    jobs[pool.submit(one, *words)] = f"{way} {style.name}"
        for count, job in enumerate(as_completed(jobs), 1):
            try:
                cost = job.result()
                said = f"{cost['cpu_s']} s, {cost['mb']} MB"
            except Exception as error:  # noqa: BLE001  the others go on
                failed += 1
                said = f"{type(error).__name__}: {error}"
            _say(f"{count}/{len(jobs)} {jobs[job]}: {said}")
    return failed


def workers(jobs: int) -> Executor:
    """A new process for each training: the most that it holds is what this one took."""
    return ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn"), max_tasks_per_child=1)


def one(way: str, prompt: str, take: int, steps: int, seeds: int, path: Path) -> Row:
    """Train one style; in a process of its own. cpu_s: of one core, from words to file; mb: the most that was held."""
    from morphogen.training import make

    path.parent.mkdir(parents=True, exist_ok=True)
    wall, cpu = time.perf_counter(), time.process_time()
    with make.humble(1):
        make.train(prepared(way, prompt, take, steps, seeds), path, lambda _: None)
    cost = {"cpu_s": round(time.process_time() - cpu, 1), "wall_s": round(time.perf_counter() - wall, 1),
            "mb": most_memory()}  # fmt: skip
    _cost_file(path).write_text(json.dumps(cost), encoding="utf-8")
    return cost


def prepared(way: str, prompt: str, take: int, steps: int = 0, seeds: int = 1024) -> Any:
    """The training of one way (`make.Prepared`). All plans come from what the guide understood, so that the fit alone
    draws in the same colours. What flashes too much is turned down in ours only: the others show their method."""
    from morphogen.training import make
    from morphogen.training.order import Order
    from morphogen.training.plan import make_plan

    order = Order(prompt, take=take, steps=steps, seeds=seeds, method="seed" if way == "seed" else "fit",
                  calm=way == "whole")  # fmt: skip
    whole = make.prepare(order)
    if way == "guide":
        return replace(whole, plan=make_plan(order, {}, whole.aim.understandings[0]))
    if way == "fit":
        return replace(whole, order=replace(order, guide="none"), aim=None)
    return whole


def most_memory() -> int:
    """The most memory that this process held so far, in MB. Linux keeps it for the program alone; `getrusage` there
    also counts the parent's before the start."""
    status = Path("/proc/self/status")
    if status.exists():
        lines = dict(line.split(":", 1) for line in status.read_text().splitlines())
        return int(lines["VmHWM"].split()[0]) * 1024 // 1_000_000
    import resource

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(most * (1 if sys.platform == "darwin" else 1024)) // 1_000_000


def file_of(styles: Sequence[Style], folder: Path, way: str, name: str) -> Path:
    """Where a way's style lies; ours where it was found."""
    if way == "ours":
        found = next(style.path for style in styles if style.name == name)
        assert found is not None
        return found
    return folder / way / f"{name}.safetensors"


def _cost_file(path: Path) -> Path:
    return path.with_suffix(".cost.json")


def _take(style: Style) -> int:
    """Which of several tries the shipped style is, as its command says."""
    words = shlex.split(style.training)
    return int(words[words.index("--take") + 1]) if "--take" in words else 0


# --- measuring


def measured(bench: Bench, styles: Sequence[Style], prompts: Sequence[str], folder: Path) -> list[Row]:
    """One row a style that all ways are there of: name, prompt, ceiling (the judge's rank of its own pictures), and of
    each way the figures."""
    from morphogen.training.guides import open_guide

    judge = Judge([*prompts, *(style.prompt for style in styles)])
    guide, rows = open_guide("concepts"), []
    kept_at = folder / "figures.json"
    kept: Row = json.loads(kept_at.read_text(encoding="utf-8")) if kept_at.exists() else {}
    texts = hashlib.sha256("\n".join(judge.texts).encode()).hexdigest()[:16]
    for style in styles:
        paths = {way: file_of(styles, folder, way, style.name) for way in WAYS}
        missing = [way for way, path in paths.items() if not path.exists()]
        if missing:
            _say(f"{style.name} is left out: {', '.join(missing)} not trained yet.")
            continue
        row: Row = {"name": style.name, "prompt": style.prompt, "ceiling": ceiling(judge, guide, style.prompt)}
        for way, path in paths.items():
            read = load_style(path)
            key = f"{hashlib.sha256(to_bytes(read)).hexdigest()[:16]} {texts}"
            known = kept.get(f"{way} {style.name}", {})
            if known.get("key") != key:
                known = {"key": key, **figures(bench, judge, guide, read)}
                kept[f"{way} {style.name}"] = known
                kept_at.write_text(json.dumps(kept), encoding="utf-8")
                _say(f"{way} {style.name}: rank {known['rank']}, score {known['score']:.2f}")
            spent = _cost_file(file_of(styles, folder, "whole" if way == "ours" else way, style.name))
            row[way] = known | (json.loads(spent.read_text()) if spent.exists() else {})
        rows.append(row)
    return rows


def figures(bench: Bench, judge: Judge, guide: Any, style: Style) -> Row:
    """The judge's rank; the guide's score over nine moments, the worst of them, and over three that no training saw,
    whichever way the style was made; least contrast."""
    from morphogen.training.guides import aim
    from morphogen.training.judge import judge as look
    from morphogen.training.torch_field import stack

    verdict = look(stack([style.network]), [style.network.geometry], aim(guide, style.prompt))[0]
    return {**judge.rank(bench, style), "score": verdict.score, "worst": verdict.worst, "unseen": verdict.unseen,
            "contrast": verdict.contrast, "moves": dict(verdict.moves),
            "parameters": style.shape.parameters}  # fmt: skip


def ceiling(judge: Judge, guide: Any, prompt: str) -> int:
    """The judge's rank of the prompt for pictures of its leading structure (and colour) by the generators that the
    judge itself was trained with: better than this no style can be expected to do."""
    import torch

    from morphogen.training.concepts.samples import draw

    known = guide.understand(prompt)
    colours = known.concepts("colour")[:1]
    batch = draw(known.concepts("structure")[0], CEILING, 256, CEILING_SEED, "far", colours, plainly=True,
                 every_pair=True)  # fmt: skip
    with torch.no_grad():
        seen = judge.guide.embed(batch.pictures).numpy().astype(np.float64)
    mean = (seen @ judge.directions.T).mean(0)
    return int(1 + (mean > mean[judge.texts.index(prompt)]).sum())


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
