"""Compiled code that outlives the process: found again, never trusted blindly."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from drawing import draw, scene
from morphogen.render import objects
from morphogen.render.cpu import machine
from morphogen.render.cpu.renderer import CpuRenderer
from morphogen.render.objects import ObjectStore


@pytest.fixture
def compiled(monkeypatch) -> list[str]:
    """Names of the kernels that were really compiled."""
    made: list[str] = []
    original = machine._compiled

    def counted(kind, *args):
        made.append(kind.__name__)
        return original(kind, *args)

    monkeypatch.setattr(machine, "_compiled", counted)
    return made


def picture(cache: Path | None) -> np.ndarray:
    renderer = CpuRenderer(1, cache)
    try:
        return draw(renderer, scene(), (70, 9))
    finally:
        renderer.close()


def test_the_second_start_compiles_nothing_and_draws_the_same(tmp_path, compiled):
    first = picture(tmp_path)
    assert compiled == ["SceneKernel", "UpscaleKernel", "ThirdKernel"]
    assert len(list(tmp_path.glob("kernels/*.o"))) == len(compiled)
    assert np.array_equal(picture(tmp_path), first)
    assert len(compiled) == 3


def test_without_a_folder_nothing_is_kept(tmp_path, compiled):
    picture(None)
    picture(None)
    assert len(compiled) == 6


@pytest.mark.parametrize(
    "spoil", [lambda data: data[:-1], lambda data: data[:40], lambda data: b"", lambda data: data[::-1]]
)
def test_a_spoiled_file_is_compiled_anew(tmp_path, compiled, spoil):
    first = picture(tmp_path)
    for path in tmp_path.glob("kernels/*.o"):
        path.write_bytes(spoil(path.read_bytes()))
    assert np.array_equal(picture(tmp_path), first)
    assert len(compiled) == 6
    picture(tmp_path)
    assert len(compiled) == 6  # and kept again


def test_other_code_is_another_key(monkeypatch):
    store = ObjectStore()
    before = store.key("kernel", (1, 2))
    assert store.key("kernel", (1, 2)) == before != store.key("kernel", (1, 3))
    monkeypatch.setattr(objects, "_source", lambda: "a later version")
    assert store.key("kernel", (1, 2)) != before


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="Windows keeps the folder in the user's profile")
def test_code_that_others_could_have_written_is_not_run(tmp_path, compiled):
    picture(tmp_path)
    (tmp_path / "kernels").chmod(0o777)
    picture(tmp_path)
    assert len(compiled) == 6


def test_a_folder_that_cannot_be_made_costs_only_time(tmp_path, compiled):
    (tmp_path / "kernels").write_text("a file in the way")
    picture(tmp_path)
    assert len(compiled) == 3


def test_the_oldest_go_first(tmp_path, monkeypatch):
    monkeypatch.setattr(objects, "KEPT", 3)
    store = ObjectStore(tmp_path / "kernels")
    for i in range(3):
        store.save(f"k{i}", b"code")
        os.utime(tmp_path / f"kernels/k{i}.o", ns=(i * 10**9, i * 10**9))
    assert store.load("k0") == b"code"  # used now: it is the youngest
    store.save("k3", b"more")
    assert sorted(path.stem for path in (tmp_path / "kernels").iterdir()) == ["k0", "k2", "k3"]
