"""The CUDA backend through the real cuda-bindings, over a `libcuda.so.1` made here (`stub_libcuda`).

So every call's arguments and results pass through NVIDIA's own conversions, without a driver or a card.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import stub_libcuda

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def found(tmp_path_factory) -> dict:
    pytest.importorskip("cuda.bindings.driver", reason="needs cuda-bindings")
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None or not sys.platform.startswith("linux"):
        pytest.skip("needs Linux and a C compiler")
    folder = tmp_path_factory.mktemp("libcuda")
    (folder / "stub.c").write_text(stub_libcuda.SOURCE)
    build = [compiler, "-shared", "-fPIC", "-o", folder / "libcuda.so.1", folder / "stub.c"]
    subprocess.run(build, check=True, timeout=60)
    environment = {**os.environ, "LD_LIBRARY_PATH": str(folder), "MORPHOGEN_GPU": ""}
    done = subprocess.run(
        [sys.executable, HERE / "stub_libcuda.py"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert not done.stderr, done.stderr[-2000:]
    return json.loads(done.stdout)


def test_pictures_are_the_references(found):
    assert found["worst"] <= 1


def test_the_card_says_who_it_is(found):
    said = found["described"]
    assert (said["adapter"], said["compute"], said["driver"]) == ("NVIDIA Fake", "9.0", "CUDA 12.4")


def test_the_drivers_words_arrive(found):
    assert found["text"].startswith(
        "RenderError: NVIDIA Fake failed in cuLinkAddData: invalid ptx (CUDA_ERROR_INVALID_PTX)"
    )
    assert "no entry `kernel`" in found["text"]  # the compiler's log
    assert found["full"].startswith("RenderError: NVIDIA Fake failed in cuLaunchKernel: out of memory")


def test_the_handle_for_another_process_is_the_drivers(found):
    assert found["same_address"]


def test_everything_is_given_back(found):
    assert found["left"] == {}
    assert found["retained"] == 0
