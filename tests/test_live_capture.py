"""The whole way: a sound server plays, the daemon hears it through its sound card input, and the picture moves."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from itertools import pairwise

import numpy as np
import pytest

from fake_sound import wait
from morphogen.errors import Unavailable
from morphogen_bridges import portaudio
from morphogen_bridges.clients.control import ControlClient
from morphogen_bridges.clients.frames import FrameReader
from test_audio_pulse import pulse  # noqa: F401  (a fixture)

RATE = 48_000


def wav(path, samples):
    import soundfile

    soundfile.write(path, samples.astype(np.float32), RATE)
    return path


def bass_tone(seconds):
    return 0.6 * np.sin(2 * np.pi * 80 * np.arange(int(seconds * RATE)) / RATE)


def beats(seconds, bpm=120):
    out = np.zeros(int(seconds * RATE))
    t = np.arange(int(0.18 * RATE)) / RATE
    thump = np.sin(2 * np.pi * (50 + 90 * np.exp(-t * 30)) * t) * np.exp(-t * 18)
    for n in range(int(seconds * bpm / 60)):
        start = int(n * 60 / bpm * RATE)
        out[start : start + len(thump)] += 0.8 * thump[: len(out) - start]
    return out


class Daemon:
    """`morphogen serve` on the null sink's monitor, with what its numbers and its picture do."""

    def __init__(self, env, folder, base):
        command = [sys.executable, "-m", "morphogen", "serve", "--size", "320x180", "--audio", "device:vjmon",
                   "--port-base", str(base), "--seconds", "120"]  # fmt: skip
        self._log = (folder / "log").open("w+")
        self._process = subprocess.Popen(command, env={**env, "MORPHOGEN_HOME": str(folder)}, stderr=self._log)
        self.client = ControlClient("127.0.0.1", base + 3)
        assert wait(self._answers), self.said()
        self.client.call("param.set", values={"time/speed": 0.0, "audio/reaction": 2.0, "output/dither": False})
        self.frames = FrameReader(f"tcp://127.0.0.1:{base + 5}", conflate=True)

    def _answers(self):
        try:
            return self.client.call("ping")["pong"]
        except Unavailable:
            return False

    def said(self):
        self._log.seek(0)
        return self._log.read()

    def feature(self, name):
        return self.client.call("param.get", key=f"audio/{name}")["value"]

    def picture(self):
        picture = self.frames.read(5.0)
        assert picture is not None
        return picture[1][..., :3].astype(int)

    def close(self):
        self.frames.close()
        self._process.terminate()
        self._process.wait(20)
        self.client.close()
        self._log.close()


@pytest.mark.device
def test_a_played_tone_and_a_played_beat_move_the_picture(pulse, tmp_path, port_base):  # noqa: F811
    try:
        portaudio.load()
    except Unavailable as error:
        pytest.skip(str(error))
    if shutil.which("paplay") is None:
        pytest.skip("paplay is not installed (apt install pulseaudio-utils)")
    tone, beat = wav(tmp_path / "tone.wav", bass_tone(20)), wav(tmp_path / "beat.wav", beats(30))
    daemon = Daemon(pulse.env, tmp_path, port_base)
    player = None
    try:
        assert wait(lambda: daemon.feature("bass") == 0.0), daemon.said()
        time.sleep(1.0)  # the speed glides to 0; from then on only the track's progress moves, and very slowly
        still = daemon.picture()
        assert np.abs(daemon.picture() - still).mean() < 0.5, "in silence it stands still"
        player = subprocess.Popen(["paplay", "--device=vj", str(tone)], env=pulse.env)
        assert wait(lambda: daemon.feature("bass") > 0.5), daemon.client.call("stats")["audio"]
        assert wait(lambda: daemon.feature("treble") < 0.1)  # after the click of its beginning
        assert wait(lambda: np.abs(daemon.picture() - still).mean() > 1.0), "the tone does not move the picture"
        player.terminate()
        player.wait(10)
        player = subprocess.Popen(["paplay", "--device=vj", str(beat)], env=pulse.env)
        pulses = []

        def beaten():
            pulses.append(daemon.feature("beat"))
            time.sleep(0.02)
            rises = sum(a < 0.3 and b > 0.6 for a, b in pairwise(pulses))
            return rises >= 6

        assert wait(beaten), pulses[-50:]
        assert wait(lambda: abs(daemon.client.call("stats")["audio"].get("bpm_heard", 0) - 120) < 2.4)
    finally:
        if player is not None and player.poll() is None:
            player.terminate()
            player.wait(10)
        daemon.close()
