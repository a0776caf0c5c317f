"""The choice of a graphics card on Windows: COM objects in memory, a registry with one hive, the doctor's flag."""

from __future__ import annotations

import json

import pytest

from fake_windows import Dxgi, Kernel32, Registry
from morphogen import cli, registry
from morphogen.errors import Unavailable
from morphogen_bridges import windows_gpu
from morphogen_bridges.probes import gpu
from morphogen_bridges.windows_gpu import KEY, Adapter, adapters, prefer, preference, preferences, programs

NVIDIA = ("NVIDIA GeForce RTX 4070 Laptop GPU", 0x10DE, 8 << 30, 0)
INTEL = ("Intel(R) Iris(R) Xe Graphics", 0x8086, 128 << 20, 0)
BASIC = ("Microsoft Basic Render Driver", 0x1414, 0, 2)
PYTHON = r"C:\Users\vj\AppData\Local\Programs\Python\Python311\python.exe"
VENV = r"C:\Users\vj\morphogen\.venv\Scripts\python.exe"
RESOLUME = r"C:\Program Files\Resolume Arena\Arena.exe"


@pytest.fixture
def winreg() -> Registry:
    made = Registry()
    yield made
    assert made.open == 0, "every key was closed"


@pytest.fixture
def pc(monkeypatch, winreg):
    """A laptop with two cards on which this Python runs in a virtual environment."""
    dxgi = Dxgi(INTEL, NVIDIA, BASIC)
    libraries = {"dxgi": dxgi, "kernel32": Kernel32(PYTHON)}
    monkeypatch.setattr(windows_gpu, "_windows", libraries.__getitem__)
    monkeypatch.setattr(windows_gpu, "registry", lambda: winreg)
    monkeypatch.setattr("sys.executable", VENV)
    yield dxgi
    assert dxgi.alive == 0, "every COM object was released"


# --- adapters


def test_cards_in_the_order_in_which_this_program_gets_them():
    dxgi = Dxgi(NVIDIA, INTEL, BASIC)
    assert adapters(dxgi) == [
        Adapter(NVIDIA[0], "NVIDIA", 8192, False), Adapter(INTEL[0], "Intel", 128, False),
        Adapter(BASIC[0], "Microsoft", 0, True),
    ]  # fmt: skip
    assert dxgi.alive == 0


def test_no_card_and_no_dxgi():
    assert adapters(Dxgi()) == []
    with pytest.raises(Unavailable, match="0x887a0004"):
        adapters(Dxgi(fails=0x887A0004))


def test_elsewhere_than_on_windows_it_says_what_to_do_instead():
    for ask in (adapters, programs, preferences, prefer, windows_gpu.registry):
        with pytest.raises(Unavailable, match="MORPHOGEN_GPU"):
            ask()


# --- the choice


def test_the_program_is_the_python_behind_the_virtual_environment(monkeypatch):
    monkeypatch.setattr("sys.executable", VENV)
    assert programs(Kernel32(PYTHON)) == [PYTHON, VENV]
    assert programs(Kernel32(VENV)) == [VENV]


def test_what_is_set(winreg):
    assert preferences(winreg) == {}
    winreg.keys[KEY] = {
        RESOLUME: "GpuPreference=1;", PYTHON: "SwapEffectUpgradeEnable=1;GpuPreference=2;",
        "DirectXUserGlobalSettings": "VRROptimizeEnable=0;", "odd": "GpuPreference=;",
    }  # fmt: skip
    assert preferences(winreg) == {RESOLUME: 1, PYTHON: 2}
    assert preference([PYTHON.upper()], winreg) == 2
    assert preference([VENV, RESOLUME], winreg) == 1
    assert preference([VENV], winreg) is None


def test_asking_for_the_fast_card_keeps_other_settings(winreg):
    assert prefer(paths=[PYTHON], winreg=winreg) == [PYTHON]
    assert winreg.keys == {KEY: {PYTHON: "GpuPreference=2;"}}
    winreg.keys[KEY] |= {VENV: "SwapEffectUpgradeEnable=1;GpuPreference=1;", RESOLUME: "GpuPreference=1;"}
    prefer(paths=[PYTHON, VENV.lower()], winreg=winreg)
    assert winreg.keys[KEY] == {
        PYTHON: "GpuPreference=2;", VENV: "SwapEffectUpgradeEnable=1;GpuPreference=2;", RESOLUME: "GpuPreference=1;",
    }  # fmt: skip
    assert preference([VENV], winreg) == 2


def test_a_registry_that_may_not_be_written(winreg):
    winreg.locked = True
    with pytest.raises(Unavailable, match="Settings, System, Display, Graphics"):
        prefer(paths=[PYTHON], winreg=winreg)


# --- the doctor


def test_two_cards_and_no_choice_is_what_makes_receivers_black(pc, winreg):
    winreg.keys[KEY] = {RESOLUME: "GpuPreference=2;"}
    found = gpu.probe()
    assert found.status == "failed"
    assert "Iris(R) Xe Graphics (128 MB), NVIDIA GeForce RTX 4070 Laptop GPU (8192 MB)" in found.summary
    assert "nothing set; Arena.exe: high performance" in found.summary
    assert "--prefer-gpu" in found.cure
    assert json.dumps(found.public())


def test_after_the_choice_all_is_well(pc, winreg):
    prefer()
    assert set(winreg.keys[KEY]) == {PYTHON, VENV}
    found = gpu.probe()
    assert found.status == "works"
    assert "its choice: high performance" in found.summary
    assert found.details["preference"] == 2


@pytest.mark.parametrize(("cards", "status"), [((NVIDIA, BASIC), "works"), ((BASIC,), "failed")])
def test_one_card_or_none(pc, cards, status):
    pc._cards = cards
    found = gpu.probe()
    assert found.status == status
    assert bool(found.cure) == (status == "failed")


def run(capsys, *words):
    """Exit code, stdout and stderr of a command."""
    with pytest.raises(SystemExit) as ended:
        cli.main(list(words))
    return ended.value.code, *capsys.readouterr()


def test_the_flag_sets_the_choice_and_looks(pc, winreg, capsys):
    code, out, err = run(capsys, "doctor", "--prefer-gpu", "--json")
    assert code == 0
    assert {PYTHON, VENV} == set(winreg.keys[KEY])
    assert [(f["name"], f["status"]) for f in json.loads(out)["findings"]] == [("gpu", "works")]
    assert PYTHON in err
    assert "from its next start on" in err.replace("\n", " ")


def test_elsewhere_the_flag_says_why_not(capsys):
    code, _, err = run(capsys, "doctor", "--prefer-gpu")
    assert code == 1
    assert "Windows' own" in err.replace("\n", " ")
    assert registry.table("CLIENTS")["prefer_gpu"].target.startswith("morphogen_bridges.windows_gpu")
