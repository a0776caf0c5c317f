"""The measurements as a table for people."""

from __future__ import annotations

from typing import Any


def table(result: dict[str, Any]) -> str:
    """Markdown: machine, drawing times, ratios to the baselines, compile time, accuracy."""
    machine, limit = result["machine"], result["limit"]
    lines = [
        "",
        f"{machine['processor']} ({machine['simd']}), {machine['threads']} threads, LLVM through llvmlite "
        f"{machine['llvmlite']}; one thread does {limit['fma']:.2f} G multiply-adds and {limit['div']:.2f} G divisions "
        f"of {limit['lanes']} floats a second.",
        "",
        "| size | threads | field ms | limit ms | field / limit | scene ms | scene fps | cross-fade ms |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    lines += [
        f"| {r['size']} | {r['threads']} | {r['field_ms']:.2f} | {r['limit_ms']:.2f} | {r['field_to_limit']:.2f} | "
        f"{r['scene_ms']:.2f} | {r['scene_fps']:.0f} | {r['fade_ms']:.2f} |"
        for r in result["draw"]
    ]
    lines += ["", *_ratios(result), "", _compiling(result["compile"]), _accuracy(result["accuracy"]), ""]
    return "\n".join(lines)


def _ratios(result: dict[str, Any]) -> list[str]:
    rows = result["baselines"]
    if not rows:
        return []
    lines = ["| beside it, same run | threads | ms | the scene is faster by |", "| --- | --- | --- | --- |"]
    ours = {(r["size"], r["threads"]): r["scene_ms"] for r in result["draw"]}
    for row in rows:
        if "ms" not in row:
            lines.append(f"| {row['name']} | {row.get('threads', '')} | not measured: {row['why']} | |")
            continue
        mine = ours.get((row["size"], row["threads"])) if "size" in row else None
        ratio = f"{row['ms'] / mine:.1f}x" if mine else ""
        lines.append(f"| {row['name']} | {row['threads']} | {row['ms']:.1f} | {ratio} |")
    return lines


def _compiling(c: dict[str, float]) -> str:
    return (
        f"Compiling: a new shape {c['shape_s'] * 1e3:.0f} ms, a cross-fade's pair {c['pair_s'] * 1e3:.0f} ms, "
        f"new weights {c['weights_s'] * 1e3:.2f} ms."
    )


def _accuracy(a: dict[str, Any]) -> str:
    where = f" ({a['where']})" if a["where"] else ""
    return (
        f"Accuracy over {a['networks']} networks, also after ten hours: at most {a['max_levels']} level of 255{where}, "
        f"{a['share_off'] * 100:.4f} % of the values off."
    )
