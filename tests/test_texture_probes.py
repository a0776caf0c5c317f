"""The doctor's loop-backs of Spout, Syphon and TouchDesigner's memory: whole, harmed, and not here."""

from __future__ import annotations

import json

import numpy as np
import pytest

from morphogen.findings import attempt
from morphogen.registry import resolve
from texture_rigs import RIGS, SpoutRig, SyphonRig, TouchRig

KINDS = ["spout", "syphon", "tdshm"]


@pytest.fixture(params=KINDS)
def rig(request, monkeypatch):
    made = RIGS[request.param](monkeypatch)
    yield made
    assert made.world.offences == []
    assert made.left() == {}
    assert made.senders() == []


def tried(kind):
    found = attempt(kind, "output", resolve("PROBES", kind))
    assert json.dumps(found.public())
    return found


def test_the_card_comes_back(rig):
    found = tried(rig.kind)
    assert (found.status, found.cure) == ("works", "")
    assert "colour, flip, alpha and size right, 99 dB" in found.summary
    assert found.details["milliseconds"] > 0


HARMS = {
    "red and blue swapped": lambda picture: picture[..., [2, 1, 0, 3]],
    "upside down": lambda picture: picture[::-1],
    "alpha is lost: all opaque": lambda picture: np.concatenate([picture[..., :3], picture[..., 3:] * 0 + 255], -1),
    "160x90 pixels instead of 320x180": lambda picture: picture[::2, ::2],
}


@pytest.mark.parametrize("words", HARMS)
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_wrong_on_the_way_is_called_by_its_name(kind, words, monkeypatch):
    rig = RIGS[kind](monkeypatch)
    harm = HARMS[words]
    if isinstance(rig, SpoutRig):
        monkeypatch.setattr("fake_spout.SpoutSender._put", harmed_spout(harm))
    elif isinstance(rig, SyphonRig):
        monkeypatch.setattr("fake_syphon.SyphonMetalServer.publish_frame_texture", harmed_syphon(harm))
    else:
        monkeypatch.setattr("morphogen_bridges.td_memory.TouchMemory.write", harmed_touch(harm))
    found = tried(kind)
    assert found.status == "failed"
    assert words in found.summary
    assert found.cure


def harmed_spout(harm):
    from fake_spout import SpoutSender

    real = SpoutSender._put
    return lambda self, pixels, invert: real(self, harm(pixels), invert)


def harmed_syphon(harm):
    from fake_syphon import SyphonMetalServer

    real = SyphonMetalServer.publish_frame_texture

    def publish(self, texture, **more):
        real(self, texture, **more)
        self.surface = np.array(harm(self.surface[::-1])[::-1])

    return publish


def harmed_touch(harm):
    from morphogen.frame import PixelFormat, TargetSpec
    from morphogen_bridges.td_memory import TouchMemory, header

    real = TouchMemory.write

    def write(self, head, rows):
        picture = np.ascontiguousarray(harm(rows[::-1].reshape(len(rows), -1, 4)))
        height, width = picture.shape[:2]
        spec = TargetSpec(width, height, PixelFormat.BGRA8)
        return real(self, header("1", spec), picture.reshape(height, -1)[::-1])

    return write


def test_nothing_comes_back(monkeypatch):
    rig = SpoutRig(monkeypatch)
    monkeypatch.setattr("fake_spout.SpoutReceiver.receiveImage", lambda *arguments: False)
    found = tried("spout")
    assert (found.status, "nothing came back" in found.summary) == ("failed", True)
    assert "gpu" in found.cure
    assert rig.left() == {}


def test_a_sender_that_is_called_otherwise_is_found_all_the_same(monkeypatch):
    import os

    rig = SpoutRig(monkeypatch)
    rig.world.foreign(f"Morphogen-probe-{os.getpid()}")
    found = tried("spout")
    assert found.status == "works"
    assert found.details["senders"] == [f"Morphogen-probe-{os.getpid()}"]


def test_syphon_without_a_directory_or_a_client(monkeypatch):
    rig = SyphonRig(monkeypatch)
    monkeypatch.setattr("morphogen_bridges.probes.syphon.SECONDS", 0.05)
    monkeypatch.setattr("fake_syphon.SyphonServerDirectory.servers", property(lambda self: []))
    found = tried("syphon")
    assert (found.status, "not in the directory" in found.summary) == ("failed", True)
    assert rig.left() == {}


def test_touch_memory_without_its_info(monkeypatch):
    rig = TouchRig(monkeypatch)
    monkeypatch.setattr("morphogen_bridges.td_memory.Info.begin", lambda self, postfix: None)
    found = tried("tdshm")
    assert (found.status, "info is not there" in found.summary) == ("failed", True)
    assert rig.left() == {}


@pytest.mark.parametrize(("kind", "reason"), [("spout", "Windows only"), ("syphon", "macOS only"),
                                              ("tdshm", "Windows only"), ("gpu", "Windows' own")])  # fmt: skip
def test_not_here_and_why(kind, reason):
    found = tried(kind)
    assert found.status == "absent"
    assert reason in found.summary.replace("is Windows' own", "Windows' own")
    assert found.cure
