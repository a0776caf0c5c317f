"""Recording: what is in the file, whether sound and pictures are in step, and what happens when something fails."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fakes import FakeHost, make_frame
from morphogen import log
from morphogen.app import App
from morphogen.cli.ctl_record import _where
from morphogen.config import build
from morphogen.errors import StateError, Unavailable, UsageError
from morphogen.findings import attempt
from morphogen.frame import Frame, PixelFormat, TargetSpec
from morphogen.publish import Publisher
from morphogen.sink_options import options_from
from morphogen_bridges import video_codecs, video_disk, video_place
from morphogen_bridges.osc import addresses
from morphogen_bridges.probes.card import card, check
from morphogen_bridges.probes.record import probe
from morphogen_bridges.sinks import record
from morphogen_bridges.sinks.null import NullSink
from morphogen_bridges.sinks.record import RecordSink
from morphogen_bridges.video_grid import Grid
from morphogen_bridges.video_sound import RATE, Tap, Track
from video_eye import clicks, flashes, heard, needs_ffmpeg, pictures, probed, times
from waiting import until

pytest.importorskip("av", reason="needs PyAV: pip install av")
SPEC = TargetSpec(64, 36)
START = 100.0  # clock seconds of the first frame


@pytest.fixture
def host():
    return FakeHost(size=(64, 36))


def at(frame: Frame, seconds: float) -> Frame:
    frame.info = replace(frame.info, time_ns=round((START + seconds) * 1e9))
    return frame


def opened(host, folder, **options) -> RecordSink:
    sink = RecordSink(options_from({"path": f"{folder}/", **options}))
    sink.open(host)
    return sink


def play(host, sink, seconds=2.0, fps=60, spec=SPEC, flash=(), begin=0.0, **more) -> None:
    """Frames and as much sound; where `flash` (seconds) says so, a white picture and a click begin together."""
    count = round(seconds * fps)
    tone = np.zeros((round(seconds * RATE), 2), np.float32)
    for second in flash:
        tone[round(second * RATE) :][:480] = 0.8
    white = {round(second * fps) for second in flash}
    for n in range(count):
        block = tone[round(n * RATE / fps) : round((n + 1) * RATE / fps)]
        for listener in host.audio.hearers:
            listener(block, RATE, START + begin + (n + 1) / fps)
        sink.write(at(make_frame(spec, n, fill=255 if n in white else 0), begin + n / fps))


def said(host, event):
    return [data for topic, data in host.events if topic == "output" and data["event"] == event]


def only(folder: Path) -> Path:
    (found,) = folder.iterdir()
    return found


# --- the file


@needs_ffmpeg
@pytest.mark.parametrize(
    ("suffix", "codec", "tag"), [("mp4", "h264", "avc1"), ("mov", "h265", "hvc1"), ("mkv", "h264", "[0][0][0][0]")]
)
def test_what_ffprobe_says(host, tmp_path, suffix, codec, tag):
    sink = opened(host, tmp_path, path=tmp_path / f"take.{suffix}", codec=codec)
    play(host, sink, 1.5)
    sink.close()
    found = probed(tmp_path / f"take.{suffix}")
    video, audio = found["video"], found["audio"]
    assert video["codec_name"] == {"h264": "h264", "h265": "hevc"}[codec]
    assert video["codec_tag_string"] == tag
    assert (video["width"], video["height"], video["pix_fmt"]) == (64, 36, "yuv420p")
    assert (video["color_range"], video["color_space"], video["color_transfer"], video["color_primaries"]) == (
        "tv", "bt709", "bt709", "bt709",
    )  # fmt: skip
    assert video["r_frame_rate"] == video["avg_frame_rate"] == "60/1"
    assert (audio["codec_name"], audio["sample_rate"], audio["channels"]) == ("aac", "48000", 2)
    assert float(found["format"]["duration"]) == pytest.approx(1.5, abs=0.03)
    assert float(video["start_time"]) == 0
    begins = times(tmp_path / f"take.{suffix}")
    assert begins == pytest.approx([n / 60 for n in range(90)], abs=0.0011)  # Matroska counts milliseconds
    assert said(host, "recorded")[0]["frames"] == 90
    assert said(host, "recorded")[0]["bytes"] == (tmp_path / f"take.{suffix}").stat().st_size


@needs_ffmpeg
@pytest.mark.parametrize("layout", [PixelFormat.RGBA8, PixelFormat.BGRA8])
@pytest.mark.parametrize("size", [(320, 180), (321, 181)])
def test_the_picture_comes_back(host, tmp_path, layout, size):
    """Colours, levels, rows: the test card is read from the file. An odd size gets its last column and row twice."""
    sink = opened(host, tmp_path, audio=0, quality="best", preset="medium")
    sent = card(size, layout, index=11)
    for n in range(3):
        sink.write(at(sent, n / 60))
    sink.close()
    seen = pictures(only(tmp_path))
    assert len(seen) == 3
    verdict = check(seen[-1][: size[1], : size[0]], sent)
    assert verdict.ok(32), verdict
    assert verdict.index == 11
    height, width = seen.shape[1:3]
    assert (width % 2, height % 2) == (0, 0)
    assert (width - size[0], height - size[1]) == (size[0] % 2, size[1] % 2)


@needs_ffmpeg
def test_sizes_and_options_of_its_own(host, tmp_path):
    sink = opened(host, tmp_path, path=tmp_path / "%Y" / "set", fps=25, bitrate="2M", audio=0, codec="libx264")
    play(host, sink, 1.0, fps=25, spec=TargetSpec(17, 3))
    sink.close()
    path = tmp_path / time.strftime("%Y") / "set.mp4"
    found = probed(path)
    assert "audio" not in found
    assert host.audio.hearers == []
    assert (found["video"]["width"], found["video"]["height"]) == (18, 16)
    assert found["video"]["r_frame_rate"] == "25/1"
    assert sink.describe()["encoder"] == "libx264"


@needs_ffmpeg
def test_television_rates_stay_exact(tmp_path):
    host = FakeHost(size=(64, 36))
    host.show_fps = 59.94
    sink = opened(host, tmp_path)
    play(host, sink, 1.0, fps=60_000 / 1_001)
    sink.close()
    assert probed(only(tmp_path))["video"]["r_frame_rate"] == "60000/1001"


# --- in step


@needs_ffmpeg
@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_a_clap_is_seen_and_heard_together(host, tmp_path, suffix):
    sink = opened(host, tmp_path, path=tmp_path / f"clap.{suffix}")
    play(host, sink, 2.5, flash=(0.5, 1.0, 2.0))
    sink.close()
    path = only(tmp_path)
    assert flashes(path) == pytest.approx([0.5, 1.0, 2.0], abs=0.0011)
    assert clicks(path) == pytest.approx([0.5, 1.0, 2.0], abs=0.001)


@needs_ffmpeg
def test_the_sound_waits_as_the_pictures_do(host, tmp_path):
    """audio/delay holds the pictures back until the sound arrives in the room; the file has it as the room does."""
    host.params.set("audio/delay", 200)
    sink = opened(host, tmp_path)
    play(host, sink, 1.5, flash=(0.5,))
    sink.close()
    assert clicks(only(tmp_path)) == pytest.approx([0.7], abs=0.001)


@needs_ffmpeg
def test_missing_frames_are_repeated_and_change_no_time(host, tmp_path):
    sink = opened(host, tmp_path)
    for n in range(120):
        if not 30 <= n < 50 and n % 7:
            sink.write(at(make_frame(SPEC, n, fill=255 if n >= 60 else 0), n / 60))
    sink.close()
    path = only(tmp_path)
    assert times(path) == pytest.approx([n / 60 for n in range(118)], abs=1e-4)  # frames 1 to 118
    assert flashes(path) == pytest.approx([59 / 60], abs=1e-4)
    assert said(host, "recorded")[0]["repeated"] == 20 + 13


@needs_ffmpeg
def test_an_encoder_that_is_behind_is_not_fed_repetitions(host, tmp_path):
    sink = opened(host, tmp_path)
    for n in (0, 1, 2, 40, 41, 80):
        host.clock.advance(START + n / 60 + 1.0 - host.clock.now())
        sink.write(at(make_frame(SPEC, n), n / 60))
    sink.close()
    assert times(only(tmp_path)) == pytest.approx([n / 60 for n in (0, 1, 2, 40, 41, 80)], abs=1e-4)
    report = said(host, "recorded")[0]
    assert (report["frames"], report["repeated"], report["seconds"]) == (6, 75, 1.35)


def test_the_grid_takes_jitter_for_what_it_is():
    grid = Grid(60)
    late = np.abs(np.random.default_rng(1).normal(0, 0.004, 600))
    assert [grid.place(5 + n / 60 + late[n]) for n in range(600)] == list(range(600))
    assert abs(grid.time(0) - 5) < 0.006, "the origin is the mean of the frames, not the first one"
    assert grid.place(5 + 599.2 / 60) is None, "more frames than pictures"
    assert grid.place(5 + 620 / 60) == 620


def test_a_wrong_rate_does_not_stretch_time():
    grid = Grid(60)
    places = [grid.place(n / 50) for n in range(500)]
    assert places == sorted(set(places))
    assert abs(places[-1] / 60 - 499 / 50) < 2 / 60


# --- the sound


def run(track: Track) -> np.ndarray:
    parts = []
    while (part := track.take()) is not None:
        parts.append(part)
    return np.concatenate(parts, axis=1)


def test_a_card_whose_clock_drifts_stays_in_step():
    """0.1 %, twenty times a bad card: after half a minute 30 ms without correction."""
    track, tone = Track(0.0), np.sin(np.arange(384) * 2 * np.pi / 48).astype(np.float32)
    for n in range(3_750):
        track.put(tone, RATE, (n + 1) * 0.008 * 1.001 + 0.002 * (n % 3))
    assert track.length / RATE == pytest.approx(30 * 1.001, abs=0.006)
    out = run(track)[0]
    assert np.abs(np.diff(out)).max() < 0.15, "no clicks where a sample came in"


def test_gaps_are_silence_and_other_rates_fit_in():
    track, ones = Track(10.0), np.ones((441, 1), np.float32)
    for n in range(100):
        track.put(np.full(480, 0.5, np.float32), RATE, 10 + (n + 1) * 0.01)
    for n in range(100):
        track.put(ones, 44_100, 13 + (n + 1) * 0.01)
    track.finish(14.5)
    out = run(track)
    assert out.shape == (2, round(4.5 * RATE))
    loud = np.abs(out[0]) > 0.25
    assert np.flatnonzero(loud)[[0, -1]] / RATE == pytest.approx([0.0, 4.0], abs=0.002)
    assert loud[: RATE - 500].all()
    assert not loud[RATE + 500 : 3 * RATE - 500].any()
    assert loud[3 * RATE + 500 : 4 * RATE - 500].all()


def test_what_was_heard_before_the_first_picture_is_left_out():
    track = Track(10.0)
    track.put(np.linspace(0, 1, RATE, dtype=np.float32), RATE, 10.25)
    assert run(track)[0] == pytest.approx(np.linspace(0.75, 1, RATE // 4), abs=1e-3)


def test_every_channel_is_in_the_track():
    track = Track(0.0)
    track.put(np.tile(np.float32([0.4, 0.8, 0.0, 0.0]), (4_800, 1)), RATE, 0.1)
    assert run(track)[:, 2_000] == pytest.approx([0.2, 0.4])


def test_silence_follows_the_pictures_where_nobody_plays():
    track, tap = Track(0.0), Tap()
    for n in range(60):
        track.pad(n / 10)
    assert 5.3 * RATE < track.length < 6 * RATE
    assert list(tap.take()) == []


# --- where


def test_places(tmp_path, monkeypatch):
    monkeypatch.setattr("platformdirs.user_videos_dir", lambda: str(tmp_path / "Videos"))
    default = video_place.place("")
    assert default.parent == tmp_path / "Videos" / "Morphogen"
    assert time.strptime(default.stem, "%Y-%m-%d %H.%M.%S")
    assert video_place.place(str(tmp_path)).parent == tmp_path
    assert video_place.place(f"{tmp_path}/new/").parent == tmp_path / "new"
    assert video_place.place("/x/take 1") == Path("/x/take 1.mp4")
    assert video_place.place("/x/v1.5") == Path("/x/v1.5.mp4")
    with pytest.raises(UsageError, match=r"no video file\. Let it end in \.mp4, \.mov, \.mkv"):
        video_place.place("/x/take.avi")


def test_nothing_is_written_over(host, tmp_path):
    for _ in range(3):
        sink = opened(host, tmp_path, path=tmp_path / "deep" / "take.mp4")
        play(host, sink, 0.1)
        sink.close()
    assert sorted(p.name for p in (tmp_path / "deep").iterdir()) == ["take-2.mp4", "take-3.mp4", "take.mp4"]


def test_without_a_frame_nothing_is_left(host, tmp_path):
    opened(host, tmp_path).close()
    assert list(tmp_path.iterdir()) == []


def test_another_size_and_a_long_pause_begin_another_file(host, tmp_path):
    sink = opened(host, tmp_path, path=tmp_path / "a.mkv")
    play(host, sink, 0.2)
    play(host, sink, 0.2, spec=TargetSpec(32, 32), begin=0.2)
    play(host, sink, 0.2, spec=TargetSpec(32, 32), begin=60.0)
    sink.reconfigure(options_from({"codec": "h265"}, sink.options))
    play(host, sink, 0.2, spec=TargetSpec(32, 32), begin=60.2)
    sink.close()
    assert [Path(e["file"]).name for e in said(host, "recorded")] == ["a.mkv", "a-2.mkv", "a-2-2.mkv", "a-3.mkv"]
    assert [e["frames"] for e in said(host, "recorded")] == [12] * 4


# --- what fails


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"codec": "theora"}, r"codec='theora' is not understood\. Allowed: h264, h265, or one encoder of h264_nvenc"),
        ({"quality": "fine"}, r"quality='fine' .* Allowed: low, medium, high, best, or 0 \(best\) to 51"),
        ({"quality": "52"}, "quality='52'"),
        ({"preset": "warp"}, r"preset='warp' .* Allowed: ultrafast"),
        ({"bitrate": "lots"}, r"bitrate='lots' .* as 20M"),
        ({"bitrate": "12"}, r"100k to 1000M"),
        ({"audio": "loud"}, r"audio='loud' .* Allowed: 1 or 0"),
        ({"path": "x.gif"}, r"Let it end in"),
    ],
)
def test_wrong_options_are_named(host, tmp_path, options, message):
    sink = RecordSink(options_from({"path": f"{tmp_path}/", **options}))
    with pytest.raises(UsageError, match=message):
        sink.open(host)
    assert list(tmp_path.iterdir()) == []
    assert host.audio.hearers == []


def test_a_wrong_change_leaves_the_recording_as_it_is(host, tmp_path):
    sink = opened(host, tmp_path)
    with pytest.raises(UsageError, match="warp"):
        sink.reconfigure(options_from({"preset": "warp"}, sink.options))
    play(host, sink, 0.1)
    sink.close()
    assert said(host, "recorded")[0]["frames"] == 6


def test_without_pyav_the_cure_is_named(host, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(Unavailable, match=r'needs the package PyAV\. pip install "morphogen\[video\]"'):
        opened(host, tmp_path)
    found = attempt("record", "output", probe)
    assert (found.status, found.cure) == ("absent", 'pip install "morphogen[video]"')


def test_an_encoder_that_is_not_there_is_named(host, tmp_path):
    present = {name for name in video_codecs.CODECS["h264"] if name in video_codecs.library().codecs_available}
    missing = [name for names in video_codecs.CODECS.values() for name in names if name not in present]
    with pytest.raises(Unavailable, match=r"no encoder for .*Choose codec=h264"):
        opened(host, tmp_path, codec=next(name for name in missing if "amf" in name or "videotoolbox" in name))


def test_a_folder_that_cannot_be_written(host, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(Unavailable, match=r"cannot record to .*Choose another place with path="):
        opened(host, tmp_path, path=f"{tmp_path}/file/take.mp4")
    denied = video_place.explained(tmp_path / "x.mp4", PermissionError(errno.EACCES, "Permission denied"))
    assert "cannot write to" in str(denied)
    assert "Choose another place" in denied.cure


def test_too_little_room_is_said_before_it_begins(host, tmp_path, monkeypatch):
    monkeypatch.setattr(record, "FLOOR", 1 << 60)
    with pytest.raises(Unavailable, match=r"MB are free where .* lies\. Make room there"):
        opened(host, tmp_path)
    assert list(tmp_path.iterdir()) == []


@needs_ffmpeg
def test_a_disk_that_fills_up_ends_the_recording_with_a_whole_file(host, tmp_path, monkeypatch):
    sink = opened(host, tmp_path)
    play(host, sink, 1.5)
    monkeypatch.setattr(record, "FLOOR", 1 << 60)
    play(host, sink, 1.5, begin=1.5)
    assert not sink.watched()
    path = only(tmp_path)
    assert "less than" in said(host, "stopped")[0]["error"]
    assert float(probed(path)["format"]["duration"]) == pytest.approx(2.0, abs=0.1)
    assert sink.describe()["ended"]
    sink.close()
    assert len(said(host, "stopped")) == 1


@needs_ffmpeg
def test_a_full_disk_keeps_what_is_written_and_the_show(tmp_path, monkeypatch):
    """The disk takes 300 kB. The output closes itself; another one gets every frame meanwhile."""
    put = video_disk.Disk._put

    def full(disk, position, data):
        if position + len(data) > 300_000:
            raise OSError(errno.ENOSPC, "No space left on device")
        put(disk, position, data)

    monkeypatch.setattr(video_disk.Disk, "_put", full)
    host = FakeHost(size=(64, 36))
    publisher = Publisher(host, offline=True)

    def close(id: str) -> None:  # as the real one does: not on the thread of the output
        threading.Thread(target=publisher.close, args=(id,), daemon=True).start()

    host.answers = {"output.list": publisher.list, "output.close": close}
    options = {"path": f"{tmp_path}/", "quality": "0", "audio": "0"}
    publisher.open("record", options, RecordSink)
    publisher.open("null", {}, NullSink)
    noise = np.random.default_rng(0)
    for n in range(300):
        plan = publisher.plan(n / 60)
        for target in plan:
            target.pixels[:] = noise.integers(0, 255, target.pixels.size, np.uint8)
        publisher.publish(plan, n, round((START + n / 60) * 1e9), 0)
    until(lambda: [row["id"] for row in publisher.list()] == ["null"])
    until(lambda: publisher.list()[0]["written"] == 300)
    publisher.close_all()
    assert said(host, "stopped")[0]["error"].startswith("the disk is full where")
    message = next(data for topic, data in host.events if topic == "log")
    assert message["level"] == "error"
    assert message["message"].startswith("The recording")
    assert "Make room there" in message["cure"]
    assert len(pictures(only(tmp_path), torn=True)) >= 60, "the second that is written plays"


KILLED = """
import sys, time
sys.path.insert(0, {tests!r})
from test_record import *
host = FakeHost(size=(64, 36))
sink = opened(host, {folder!r}, path={path!r})
for n in range(100):
    play(host, sink, 1.0, begin=n, flash=(0.5,))
    print(n, flush=True)
    time.sleep(0.05)
"""


@needs_ffmpeg
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs kill -9")
@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_what_a_power_cut_leaves_plays(tmp_path, suffix):
    path = tmp_path / f"cut.{suffix}"
    script = KILLED.format(tests=str(Path(__file__).parent), folder=str(tmp_path), path=str(path))
    child = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    for line in child.stdout:
        if int(line) >= 4:
            break
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    child.stdout.close()
    seen = flashes(path)
    assert len(seen) >= 2
    assert seen == pytest.approx([n + 0.5 for n in range(len(seen))], abs=0.0011)
    assert clicks(path)[: len(seen)] == pytest.approx(seen, abs=0.002)


def test_a_disk_that_pauses_does_not_hold_up_who_writes(tmp_path, monkeypatch):
    (tmp_path / "x").touch()
    go = threading.Event()
    put = video_disk.Disk._put
    monkeypatch.setattr(video_disk.Disk, "_put", lambda disk, position, data: (go.wait(), put(disk, position, data)))
    monkeypatch.setattr(video_disk, "MOST", 1_000)
    monkeypatch.setattr(video_disk, "PATIENCE", 0.01)
    disk = video_disk.Disk(tmp_path / "x", lambda: 0.0)
    for n in range(10):
        disk.write(bytes([n]) * 100)
    disk.write(b"x" * 900)  # one has been taken out by now, or this waits and fails

    def flood() -> None:
        for _ in range(20):
            disk.write(b"y" * 100)

    with pytest.raises(OSError, match="the disk has not answered"):
        flood()
    go.set()
    with pytest.raises(OSError, match="has not answered"):
        disk.finish(5)


def test_it_says_when_it_falls_behind(host, tmp_path, caplog):
    log.setup()
    sink = opened(host, tmp_path)
    with caplog.at_level("WARNING", "morphogen.record"):
        log.get("record").addHandler(caplog.handler)
        for n in range(0, 300, 3):
            sink.write(at(make_frame(SPEC, n), n / 60))
        log.get("record").removeHandler(caplog.handler)
    sink.close()
    assert len(caplog.records) == 1
    assert "falls behind, 40 of 61 pictures repeated: a smaller size=" in caplog.text
    assert len(said(host, "recording")) == 4


# --- the button


@pytest.fixture
def app(tmp_path, monkeypatch, port_base):
    monkeypatch.setenv("MORPHOGEN_HOME", str(tmp_path / "home"))
    app = App(build({"size": "64x36", "audio": "none", "port_base": str(port_base), "backend": "numpy"}))
    app.open()
    thread = threading.Thread(target=app.run, daemon=True)
    thread.start()
    yield app
    app.instrument.loop.stop()
    thread.join(10)
    app.close()


@needs_ffmpeg
def test_start_and_stop_while_the_show_runs(app, tmp_path):
    def call(method, **arguments):
        return app.instrument.call(method, arguments).result(20)

    with pytest.raises(StateError, match=r"nothing is being recorded\. Begin with record\.start"):
        call("record.stop")
    started = call("record.start", path=str(tmp_path / "show.mp4"), options={"preset": "ultrafast"})
    assert started == {"id": "record", "file": str(tmp_path / "show.mp4"), "encoder": started["encoder"]}
    with pytest.raises(StateError, match=r"a recording is running already: .*show\.mp4"):
        call("record.start")
    until(lambda: (app.instrument.state()["record"] or {}).get("frames", 0) > 0)
    row = next(row for row in call("output.list") if row["kind"] == "record")
    assert (row["file"], row["width"], row["height"]) == (started["file"], 64, 36)
    call("show.set", size="32x32")  # the recording keeps its own
    stopped = call("record.stop")
    assert app.instrument.state()["record"] is None
    assert stopped["file"] == started["file"]
    assert stopped["error"] == ""
    assert stopped["size"] == Path(stopped["file"]).stat().st_size
    found = probed(tmp_path / "show.mp4")
    assert (found["video"]["width"], found["video"]["height"]) == (64, 36)
    assert float(found["video"]["duration"]) == pytest.approx(stopped["seconds"], abs=0.02)
    assert sorted(p.name for p in tmp_path.glob("*.mp4")) == ["show.mp4"]


def test_osc_has_the_button_without_a_path():
    rows = {row.address: row for row in addresses.COMMANDS}
    for act in ("start", "stop"):
        row = rows[f"/morphogen/record/{act}"]
        assert (row.method, row.types, row.button) == (f"record.{act}", "", True)


def test_ctl_reads_places_and_options(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    here = str(Path.cwd())
    assert _where("") == ("", {})
    assert _where("take.mp4") == (f"{here}/take.mp4", {})
    assert _where("takes/:codec=h265,quality=best") == (f"{here}/takes/", {"codec": "h265", "quality": "best"})
    assert _where(":audio=0") == ("", {"audio": "0"})


def test_the_probe_proves_it():
    found = attempt("record", "output", probe)
    assert (found.status, found.cure) == ("works", ""), found


@needs_ffmpeg
def test_stereo_survives(host, tmp_path):
    sink = opened(host, tmp_path)
    wave = np.sin(2 * np.pi * 500 * np.arange(RATE) / RATE)
    host.audio.hearers[0](np.stack([0.5 * wave, 0 * wave], 1).astype(np.float32), RATE, START + 1)
    for n in range(60):
        sink.write(at(make_frame(SPEC, n), n / 60))
    sink.close()
    left, right = heard(only(tmp_path))
    assert np.abs(left[5_000:40_000]).max() == pytest.approx(0.5, abs=0.05)
    assert np.abs(right[5_000:40_000]).max() < 0.02
