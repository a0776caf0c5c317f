"""The list of shipped styles in the docs; `python -m morphogen.library.styles_doc docs/styles.md` refreshes it."""

from __future__ import annotations

import sys
from pathlib import Path

from morphogen.library.find import Library

BEGIN, END = "<!-- generated:styles -->", "<!-- /generated -->"


def styles_table(library: Library) -> str:
    """A Markdown table of the library's shipped styles."""
    rows = ["| name | shape | weights | made by |", "| --- | --- | --- | --- |"]
    for info in library.list():
        if info.own or info.error:
            continue
        made = f"{info.guide} {info.score or ''}, “{info.prompt}”" if info.trained else f"untrained, seed {info.seed}"
        rows.append(f"| `{info.name}` | {info.shape} | {info.parameters} | {made} |")
    return "\n".join(rows)


def refresh(path: Path) -> None:
    """Rewrite the list between the marks of a Markdown file."""
    before, _, rest = path.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    table = styles_table(Library(user_dir=Path("nowhere")))
    path.write_text(f"{before}{BEGIN}\n{table}\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    refresh(Path(sys.argv[1]))
