"""The measurements as tables for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def table(result: dict[str, Any]) -> str:
    """Markdown: machine, drawing times, presets, ratios to the baselines, compile time, accuracy."""
    parts = [
        _machine(result),
        _drawing(result["draw"]),
        _presets(result["presets"]),
        _ratios(result),
        [_compiling(row) for row in result["compile"]],
        [_accuracy(row) for row in result["accuracy"]],
    ]
    return "\n" + "\n\n".join("\n".join(lines) for lines in parts if lines) + "\n"


def _markdown(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    if not rows:
        return []
    lines = [heads, ["---"] * len(heads), *rows]
    return [f"| {' | '.join(line)} |" for line in lines]


def _machine(result: dict[str, Any]) -> list[str]:
    machine, limit = result["machine"], result["limit"]
    lines = [
        f"{machine['processor']} ({machine['simd']}), {machine['threads']} threads, LLVM through llvmlite "
        f"{machine['llvmlite']}; one thread does {limit['fma']:.2f} G multiply-adds and {limit['div']:.2f} G divisions "
        f"of {limit['lanes']} floats a second."
    ]
    for name, about in result["cards"].items():
        if "adapter" in about:
            memory = f", {about['card_mb']:g} MB of its memory" if "card_mb" in about else ""
            lines.append(f"{name}: {about['adapter']}{memory}.")
    return lines + [f"{name}: not here. {why}" for name, why in result["absent"].items()]


def _drawing(rows: Sequence[dict[str, Any]]) -> list[str]:
    heads = ("backend", "size", "threads", "field ms", "limit ms", "field / limit", "scene ms", "scene fps",
             "processor ms", "cross-fade ms")  # fmt: skip
    return _markdown(heads, [
        (r["backend"], r["size"], str(r["threads"] or ""), f"{r['field_ms']:.2f}", _number(r.get("limit_ms")),
         _number(r.get("field_to_limit")), f"{r['scene_ms']:.2f}", f"{r['scene_fps']:.0f}", f"{r['cpu_ms']:.2f}",
         f"{r['fade_ms']:.2f}")
        for r in rows
    ])  # fmt: skip


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _presets(rows: Sequence[dict[str, Any]]) -> list[str]:
    return _markdown(("backend", "preset", "size", "field ms", "fps"), [
        (r["backend"], r["preset"], r["size"], _number(r.get("field_ms")) or r["why"], _number(r.get("fps")))
        for r in rows
    ])  # fmt: skip


def _ratios(result: dict[str, Any]) -> list[str]:
    ours = {(r["backend"], r["size"], r["threads"]): r["scene_ms"] for r in result["draw"]}
    backends = sorted({backend for backend, *_ in ours})
    rows = []
    for row in result["baselines"]:
        if "ms" not in row:
            rows.append(
                [row["name"], str(row.get("threads", "")), f"not measured: {row['why']}", *[""] * len(backends)]
            )
            continue
        mine = [ours.get((name, row["size"], row["threads"]), ours.get((name, row["size"], 0))) for name in backends]
        rows.append([row["name"], str(row["threads"]), f"{row['ms']:.1f}",
                     *(f"{row['ms'] / ms:.1f}x" if ms else "" for ms in mine)])  # fmt: skip
    heads = ("beside it, same run", "threads", "ms", *(f"{name}'s scene is faster by" for name in backends))
    return _markdown(heads, rows)


def _compiling(c: dict[str, Any]) -> str:
    return (
        f"Compiling for {c['backend']}: a new shape {c['shape_s'] * 1e3:.0f} ms, a cross-fade's pair "
        f"{c['pair_s'] * 1e3:.0f} ms, new weights {c['weights_s'] * 1e3:.2f} ms."
    )


def _accuracy(a: dict[str, Any]) -> str:
    where = f" ({a['where']})" if a["where"] else ""
    return (
        f"Accuracy of {a['backend']} over {a['networks']} networks, also after ten hours: at most {a['max_levels']} "
        f"level of 255{where}, {a['share_off'] * 100:.4f} % of the values off."
    )
