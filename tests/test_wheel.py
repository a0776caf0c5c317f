"""What `pip install` brings: a wheel with everything that is not code in it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).resolve().parent.parent
CODE = {".py", ".pyc"}


@pytest.fixture(scope="module")
def packed(tmp_path_factory):
    """Built without a network and without an environment of its own: 2 s."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert built.returncode == 0, built.stderr
    (path,) = folder.glob("*.whl")
    with ZipFile(path) as wheel:
        yield {info.filename: info.file_size for info in wheel.infolist()}


def beside_the_code(top: str, under: str) -> dict[str, int]:
    """Files of the checkout that are no code, as a wheel should name them, with their sizes."""
    base = ROOT / top
    found = (path for path in (base / under).rglob("*") if path.is_file() and path.suffix not in CODE)
    return {path.relative_to(base).as_posix(): path.stat().st_size for path in found}


def test_the_styles_lie_where_an_installed_library_looks(packed):
    wanted = {f"morphogen/{name}": size for name, size in beside_the_code("", "styles").items()}
    assert len(wanted) >= 2 * 47
    assert wanted.items() <= packed.items()


@pytest.mark.parametrize(("top", "package", "surely"), [
    ("server", "morphogen", "morphogen/training/weights/concepts.safetensors"),
    ("server", "morphogen", "morphogen/training/weights/judge.safetensors"),
    ("server", "morphogen", "morphogen/training/concepts/vocabulary.toml"),
    ("server", "morphogen", "morphogen/render/blue_noise.npy"),
    ("bridges", "morphogen_bridges", "morphogen_bridges/servers/web/static/index.html"),
])  # fmt: skip
def test_weights_words_and_pages_come_along(packed, top, package, surely):
    wanted = beside_the_code(top, package)
    assert surely in wanted
    assert wanted.items() <= packed.items()


def test_nothing_else_does(packed):
    tops = {name.partition("/")[0] for name in packed}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"morphogen", "morphogen_bridges"}
    assert not [name for name in packed if "__pycache__" in name or "/tests/" in name]
