"""The input and the track against a real sound server: unplugged and plugged in again."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from fake_sound import wait
from morphogen.errors import Unavailable
from morphogen_bridges import portaudio

PATHS = [str(Path(__file__).parent.parent / part) for part in ("tests", "server", "bridges")]
PLAYER = """
import sys, time, numpy as np
sys.path[:0] = {paths!r}
from fakes import FakeHost
from morphogen.clock import WallClock
from morphogen.audio.engine import AudioEngine
from morphogen.audio.features import AudioSettings
from morphogen.tempo import Transport
from morphogen_bridges.sources.audio_device import AudioDevice, list_devices
from morphogen_bridges.sources.audio_track import AudioTrack

host = FakeHost()
host.clock = WallClock()
host.audio = AudioEngine(host.clock, Transport(), AudioSettings)
device = AudioDevice("vjmon")
device.open(host)
tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(48000) / 48000)
other = FakeHost()
other.clock = WallClock()
track = AudioTrack(tone.astype(np.float32), 48000, title="tone")
track.open(other)

def until(what, condition):
    for _ in range(1500):
        if condition():
            print(what, flush=True)
            return
        time.sleep(0.02)
    raise SystemExit(what + " did not happen: %s %s %s" % (device.stats(), track.describe(), host.audio.stats()))

def hears():
    f = host.audio.features(host.clock.now())
    return f.rms > 0.5 and f.mid > 0.5 and f.treble < 0.1 and -13 < host.audio.level_db < -8

until("heard", hears)
assert track.heard, track.describe()
track.close()
assert any(row["name"] == "vjmon" for row in list_devices())
print("unplug", flush=True)
until("gone", lambda: not device.stats()["connected"])
until("faded", lambda: host.audio.features(host.clock.now()).rms == 0)
print("plug", flush=True)
until("back", lambda: device.stats()["rebinds"] == 1)
blocks = device.stats()["blocks"]
until("listening", lambda: device.stats()["blocks"] > blocks + 20)
device.close()
host.audio.close()
print("done", flush=True)
"""


class Pulse:
    """A sound server of the test's own: its socket and its state lie in one folder; ended by its own process id."""

    def __init__(self, folder: Path) -> None:
        self.socket = folder / "pulse.sock"
        conf = folder / "asound.conf"
        conf.write_text(
            "</usr/share/alsa/alsa.conf>\n"
            'pcm.vjmon { type pulse device "vj.monitor" hint { show on description "monitor" } }\n'
            "pcm.!default { type pulse }\nctl.!default { type pulse }\n"
        )
        self.env = {
            **os.environ, "PULSE_SERVER": f"unix:{self.socket}", "ALSA_CONFIG_PATH": str(conf), "HOME": str(folder),
            "XDG_RUNTIME_DIR": str(folder), "PULSE_RUNTIME_PATH": str(folder), "PULSE_STATE_PATH": str(folder),
        }  # fmt: skip
        self.process: subprocess.Popen[bytes] | None = None

    def start(self):
        self.process = subprocess.Popen(
            ["pulseaudio", "-n", "--daemonize=no", "--exit-idle-time=-1", "--disable-shm=true", "--use-pid-file=no",
             "-L", f"module-native-protocol-unix auth-anonymous=1 socket={self.socket}",
             "-L", "module-null-sink sink_name=vj rate=48000 channels=2"],
            env=self.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        ask = ["pactl", "info"]
        assert wait(lambda: subprocess.run(ask, env=self.env, capture_output=True, check=False).returncode == 0)

    def stop(self):
        if self.process is not None:
            self.process.terminate()
            self.process.wait(10)
            self.process = None


@pytest.fixture
def pulse(tmp_path):
    for tool in ("pulseaudio", "pactl"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed (apt install pulseaudio pulseaudio-utils libasound2-plugins)")
    server = Pulse(tmp_path)
    server.start()
    yield server
    server.stop()


def play_beside(pulse, folder: Path, script: str) -> None:
    """Run `script` in a process of its own and do to the sound server what it says ('unplug', 'plug'), until 'done'."""
    path = folder / "player.py"
    path.write_text(script)
    player = subprocess.Popen(
        [sys.executable, str(path)], env=pulse.env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    said = []
    try:
        for line in player.stdout:
            said.append(line.strip())
            if said[-1] == "unplug":
                pulse.stop()
            if said[-1] == "plug":
                pulse.start()
        assert player.wait(20) == 0, "\n".join(said[-30:])
    finally:
        if player.poll() is None:
            player.kill()
            player.wait(10)
        player.stdout.close()
    assert "done" in said


@pytest.mark.device
def test_a_real_sound_server_heard_unplugged_and_heard_again(pulse, tmp_path):
    try:
        portaudio.load()
    except Unavailable as error:
        pytest.skip(str(error))
    play_beside(pulse, tmp_path, PLAYER.format(paths=PATHS))
