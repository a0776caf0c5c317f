"""The style report: reaction to music, flashes, picture, cost and pictures of styles.

    python bench/styles.py                            all of the library, into out/styles
    python bench/styles.py starter/ember mine.safetensors --audio LOUD.ogg -o /tmp/report
    python bench/styles.py --judge --study SHEET.png  with the judge model's rank (needs torch), beside a study's sheet

What was measured is kept beside the report and not measured again while the style's file is the same: interrupt it as
you like. Writes report.json, report.md, sheet-N.png (twelve styles each) and study.png.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parent))

from morphogen.errors import MorphogenError
from morphogen.library.find import Library
from morphogen.library.style import Style, to_bytes
from morphogen.offline.track import demo_track, read_track
from style_figures import BANDS, PARTS, RESTLESS, STATIC, Bench
from style_judge import Judge
from style_sheets import beside, cells, pages

VERSION = 3  # of the measures: another one measures anew
Row = dict[str, Any]


def main(argv: Sequence[str] | None = None) -> int:
    options = _options(argv)
    library = Library()
    try:
        names = options.names or library.names()
        styles = [library.find(name) for name in names]
        tracks = [demo_track(), *([read_track(options.audio)] if options.audio else [])]
        judge = Judge([info.prompt for info in library.list()] + [s.prompt for s in styles]) if options.judge else None
    except MorphogenError as error:
        print(f"styles: {error}", file=sys.stderr)
        return error.exit_code
    bench, folder = Bench(tracks), options.output
    folder.mkdir(parents=True, exist_ok=True)
    wanted = [part for part in PARTS if not options.only or part in options.only]
    rows, blocks = [], []
    for n, style in enumerate(styles, 1):
        row = measure(bench, style, folder, wanted, judge, lambda text, n=n: _say(f"[{n}/{len(styles)}] {text}"))
        rows.append(row)
        blocks.append((_picture(bench, style, folder), style.name, style.prompt, caption(row)))
    bench.close()
    (folder / "report.json").write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    (folder / "report.md").write_text(table(rows), encoding="utf-8")
    written = pages(folder, blocks)
    if options.study:
        written += [path for path in [beside(options.study, folder / "study.png", blocks)] if path]
    print(table(rows))
    _say(f"Wrote report.json, report.md, {', '.join(path.name for path in written)} in {folder}.")
    return 0


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench/styles.py", description="The style report.")
    parser.add_argument("names", nargs="*", metavar="NAME|FILE", help="left out: all of the library")
    parser.add_argument("-o", "--output", type=Path, default=Path("out/styles"), help="folder for what is written")
    parser.add_argument("--audio", type=Path, help="a loud track, beside the demo")
    parser.add_argument("--only", action="append", choices=list(PARTS), help="measure only this part; may be repeated")
    parser.add_argument("--judge", action="store_true", help="rank by the judge model, too (needs torch)")
    parser.add_argument("--study", type=Path, metavar="PNG", help="a study's sheet of ten columns, put beside ours")
    return parser.parse_args(argv)


def measure(
    bench: Bench, style: Style, folder: Path, parts: Sequence[str], judge: Judge | None, say: Callable[[str], None]
) -> Row:
    """One style's row; only what is not known of this very style is measured. Kept after each part."""
    kept = folder / "figures" / f"{style.name.replace('/', '-')}.json"
    tracks = [track.name for track in bench.tracks]
    row = _known(kept, style)
    if row.get("tracks") != tracks:
        row.pop("music", None)
        row["tracks"] = tracks
    work = {part: PARTS[part] for part in parts}
    if judge is not None:
        work["judge"] = judge.rank
        if row.get("texts") != judge.texts:
            row.pop("judge", None)
            row["texts"] = judge.texts
    for part, measured in work.items():
        if part in row:
            continue
        start = perf_counter()
        row[part] = measured(bench, style)
        say(f"{style.name}: {part}, {perf_counter() - start:.1f} s")
        kept.parent.mkdir(exist_ok=True)
        kept.write_text(json.dumps(row), encoding="utf-8")
    return {key: value for key, value in row.items() if key != "texts"}


def _known(kept: Path, style: Style) -> Row:
    """What was measured of this very style before; else a new row."""
    key = f"{VERSION} {_hash(style)}"
    try:
        row = json.loads(kept.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        row = {}
    return row if row.get("key") == key else {"name": style.name, "prompt": style.prompt, "key": key}


def _hash(style: Style) -> str:
    return hashlib.sha256(to_bytes(style)).hexdigest()[:24]


def _picture(bench: Bench, style: Style, folder: Path) -> Image.Image:
    path = folder / "cells" / f"{style.name.replace('/', '-')}-{VERSION}-{_hash(style)}.png"
    if not path.is_file():
        path.parent.mkdir(exist_ok=True)
        cells(bench, style).save(path)
    return Image.open(path).convert("RGB")


# --- what is written


def caption(row: Row) -> str:
    """A line for under the pictures."""
    wrong = complaints(row)
    if wrong:
        return "!" + ", ".join(wrong)
    reaction = row.get("reaction", {}).get("bare", {})
    return "  ".join(f"{band} {100 * found['change']:.0f} %" for band, found in reaction.items())


def complaints(row: Row) -> list[str]:
    """What a person should look at."""
    found = []
    if "reaction" in row:
        silence = row["reaction"]["silence"]
        if min(s["change"] for s in silence.values()) < STATIC:
            found.append("static in silence")
        if max(s["way"] for s in silence.values()) > RESTLESS:
            found.append("restless in silence")
        deaf = [band for band, f in row["reaction"]["bare"].items() if f["change"] < STATIC]
        found += [f"deaf to {', '.join(deaf)}"] if deaf else []
    if "music" in row and not all(track["safe"] for track in row["music"].values()):
        broadcast = all(track["broadcast"] for track in row["music"].values())
        found.append("flashes in places" if broadcast else "flashes")
    if "guards" in row:
        found += [f"{row['guards']['empty']} empty"] if row["guards"]["empty"] else []
        found += ["cut off"] if max(row["guards"]["cut"], row["guards"]["white"]) > 0.25 else []
    return found


COLUMNS: tuple[tuple[str, Callable[[Row], Any]], ...] = (
    *((f"{band} %", lambda r, b=band: _percent(r["reaction"]["bare"][b]["change"])) for band in BANDS),
    ("seen %", lambda r: _percent(max(f["visible"] for f in r["reaction"]["bare"].values()))),
    ("silence %/s", lambda r: _percent(r["reaction"]["silence"]["early"]["change"])),
    ("in an hour", lambda r: _percent(r["reaction"]["silence"]["hour"]["change"])),
    ("moved by music %", lambda r: " / ".join(_percent(t["moved"]) for t in r["music"].values())),
    ("follows", lambda r: " / ".join(f"{t['follows']:.2f}" for t in r["music"].values())),
    ("flashes", lambda r: " / ".join(f"{t['flash']['most']:g}" for t in r["music"].values())),
    ("area %", lambda r: " / ".join(f"{100 * t['flash']['area']:.0f}" for t in r["music"].values())),
    ("red", lambda r: " / ".join(f"{t['red']['most']:g}" for t in r["music"].values())),
    ("of the picture %", lambda r: " / ".join(f"{100 * t['flash']['whole']:.0f}" for t in r["music"].values())),
    ("safe", lambda r: _verdict([t["safe"] for t in r["music"].values()])),
    ("on television", lambda r: _verdict([t["broadcast"] for t in r["music"].values()])),
    ("brightness", lambda r: "{:.2f}-{:.2f}".format(*r["guards"]["mean"])),
    ("contrast, least", lambda r: f"{r['guards']['contrast']:.2f}"),
    ("unseen", lambda r: f"{r['guards']['contrast_unseen']:.2f}"),
    ("cut %", lambda r: _percent(r["guards"]["cut"])),
    ("slow gradient %", lambda r: _percent(r["guards"]["bands"])),
    ("1080p ms, predicted", lambda r: r["cost"]["predicted_ms"]),
    ("measured", lambda r: r["cost"]["whole_ms"]),
    ("live", lambda r: f"{r['cost']['live_ms']} at {r['cost']['inner']}"),
    ("rank", lambda r: f"{r['judge']['rank']} of {r['judge']['of']}"),
    ("look at", lambda r: ", ".join(complaints(r))),
)


def table(rows: Sequence[Row]) -> str:
    """One Markdown table; columns that nothing was measured for are left out."""
    cells_ = [[_cell(value, row) for _, value in COLUMNS] for row in rows]
    used = [n for n in range(len(COLUMNS)) if any(line[n] for line in cells_)]
    lines = [["style", *(COLUMNS[n][0] for n in used)], ["---"] * (1 + len(used))]
    lines += [[f"`{row['name']}`", *(line[n] for n in used)] for row, line in zip(rows, cells_, strict=True)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _cell(value: Callable[[Row], Any], row: Row) -> str:
    try:
        found = value(row)
    except KeyError:
        return ""
    return "" if found is None else str(found)


def _verdict(passed: Sequence[bool]) -> str:
    return "yes" if all(passed) else "**no**"


def _percent(share: float) -> str:
    return f"{100 * share:.1f}"


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
