from __future__ import annotations

import numpy as np
import pytest

from morphogen.audio import demo
from morphogen.audio.features import NAMES, AudioSettings, Extractor
from morphogen.audio.spectrum import Spectrum, fft_size
from music import RATE, groove


def sine(hz, seconds=1.0, level=0.5, rate=RATE):
    return (level * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def run(samples, rate=RATE, block=512, settings=None):
    extractor = Extractor(rate)
    pairs = [p for at in range(0, len(samples), block) for p in extractor.feed(samples[at : at + block], settings)]
    return [raw for raw, _ in pairs], {n: np.array([getattr(f, n) for _, f in pairs]) for n in (*NAMES, "time")}


@pytest.fixture(scope="module")
def music():
    return groove(120, 12)[0]


@pytest.mark.parametrize(
    ("rate", "size"), [(48_000, 2048), (44_100, 2048), (96_000, 4096), (22_050, 1024), (192_000, 8192)]
)
def test_window_lasts_the_same_at_every_rate(rate, size):
    assert fft_size(rate) == size
    assert Spectrum(rate).hop_seconds == pytest.approx(0.01, rel=0.01)


def test_block_size_does_not_matter(music):
    part = music[: 3 * RATE]
    whole = run(part, block=len(part))[1]
    for block in (1, 37, 480, 5000):
        again = run(part[: RATE if block == 1 else len(part)], block=block)[1]
        for name in NAMES:
            np.testing.assert_array_equal(again[name], whole[name][: len(again[name])])


def test_channels_are_averaged(music):
    stereo = np.stack([2 * music[:RATE], np.zeros(RATE, np.float32)], axis=1)
    np.testing.assert_allclose(run(stereo)[1]["bass"], run(music[:RATE])[1]["bass"], atol=1e-5)


@pytest.mark.parametrize("rate", [44_100, 48_000, 96_000])
@pytest.mark.parametrize(("hz", "band"), [(100, "bass"), (1000, "mid"), (8000, "treble")])
def test_a_sine_is_measured_in_its_band(rate, hz, band):
    raw = run(sine(hz, rate=rate), rate)[0][-1]
    assert getattr(raw, band) == pytest.approx(0.5 / np.sqrt(2), rel=0.02)
    assert raw.rms == pytest.approx(0.5 / np.sqrt(2), rel=0.02)
    for other in {"bass", "mid", "treble"} - {band}:
        assert getattr(raw, other) < 0.01
    assert raw.centroid == pytest.approx(hz, rel=0.06)
    assert raw.rolloff == pytest.approx(hz, abs=2 * rate / fft_size(rate))


def test_everything_stays_within_0_and_1(music):
    noise = np.random.default_rng(2).standard_normal(RATE).astype(np.float32)
    _, f = run(np.concatenate([music[:RATE], 50 * noise, 1e-6 * noise, music[:RATE]]))
    for name in NAMES:
        assert f[name].min() >= 0.0, name
        assert f[name].max() <= 1.0, name


def test_silence_is_zero_and_noise_is_not_amplified(music):
    quiet = np.random.default_rng(3).standard_normal(12 * RATE).astype(np.float32) * 10 ** (-72 / 20)
    for samples in (np.zeros(2 * RATE, np.float32), quiet):
        _, f = run(samples)
        assert all(f[name].max() == 0.0 for name in NAMES)
    _, f = run(np.concatenate([music[: 3 * RATE], quiet]))
    late = slice(600, None)
    assert all(f[name][late].max() < 0.02 for name in NAMES)


def test_quiet_music_still_moves(music):
    _, f = run(music * 10 ** (-28 / 20))
    late = slice(800, None)
    for name in ("bass", "rms", "mid", "treble", "flux"):
        assert f[name][late].max() > 0.45, name  # music at -42 dBFS RMS
        assert np.ptp(f[name][late]) > 0.3, name


def test_a_loud_start_pins_nothing(music):
    _, f = run(music)
    for name in ("bass", "mid", "rms", "flux", "treble"):
        assert f[name][50:300].mean() < 0.85, name
        assert np.ptp(f[name][50:300]) > 0.3, name
    burst = np.random.default_rng(4).standard_normal(RATE).astype(np.float32)
    _, f = run(np.concatenate([burst, 0.1 * music, 0.1 * music]))
    for name in ("bass", "rms"):
        assert f[name][-600:].max() > 0.5, name


def test_a_broken_driver_does_not_poison_the_stream(music):
    bad = music[: 2 * RATE].copy()
    bad[1000:1100] = np.nan
    bad[5000] = np.inf
    _, f = run(bad)
    assert all(np.isfinite(f[name]).all() for name in NAMES)
    assert f["bass"][-100:].max() > 0.3


def test_attack_and_release_are_times():
    step = np.concatenate([np.zeros(RATE, np.float32), sine(100, 2.0), np.zeros(2 * RATE, np.float32)])
    fast = run(step, settings=AudioSettings(attack_ms=0, release_ms=0))[1]["bass"]
    slow = run(step, settings=AudioSettings(attack_ms=300, release_ms=1000))[1]["bass"]
    rise = int(np.argmax(slow > 0.632 * fast[250]))
    assert 125 <= rise <= 145
    fall = 300 + int(np.argmax(slow[300:] < 0.368 * slow[299]))
    assert 390 <= fall <= 415


def test_gain_is_applied_before_analysis():
    raws, _ = run(sine(1000), settings=AudioSettings(gain=2.0))
    assert raws[-1].rms == pytest.approx(1.0 / np.sqrt(2), rel=0.02)


def test_onsets_fire_at_the_drums_and_nowhere_else():
    samples = np.zeros(6 * RATE, np.float32)
    times = (1.0, 1.5, 2.25, 3.0, 4.4)
    from morphogen.audio import instruments

    for time in times:
        kick = instruments.kick(RATE)
        samples[round(time * RATE) :][: len(kick)] += 0.7 * kick
    _, f = run(samples)
    for name in ("onset", "beat"):
        hits = f["time"][1:][(f[name][1:] == 1.0) & (f[name][:-1] < 1.0)]
        assert len(hits) == len(times), name
        assert np.all((hits - times > 0) & (hits - times < 0.035)), name


@pytest.mark.parametrize("rate", [0, -1, 10, 10_000_000])
def test_impossible_rates_are_refused(rate):
    with pytest.raises(ValueError, match="sample rate"):
        Spectrum(rate)


@pytest.mark.parametrize("rate", [44_100, 48_000])
def test_agrees_with_librosa(rate, music):
    """Tolerances: float32 spectra against librosa's own, same window and hop, no centring."""
    librosa = pytest.importorskip("librosa", reason="librosa is not installed (extra `analysis`)")
    samples = (music[: 4 * rate] + 0.01 * np.random.default_rng(5).standard_normal(4 * rate)).astype(np.float32)
    spectrum = Spectrum(rate)
    raws = list(spectrum.feed(samples))
    padded = np.concatenate([np.zeros(spectrum.size - spectrum.hop, np.float32), samples])
    options = {"n_fft": spectrum.size, "hop_length": spectrum.hop, "center": False}
    magnitude = np.abs(librosa.stft(padded, **options))
    flux = librosa.onset.onset_strength(S=magnitude, sr=rate, center=False, detrend=False)
    expected = {
        "centroid": librosa.feature.spectral_centroid(S=magnitude, sr=rate)[0],
        "rolloff": librosa.feature.spectral_rolloff(S=magnitude, sr=rate, roll_percent=0.85)[0],
        "rms": librosa.feature.rms(y=padded, frame_length=spectrum.size, hop_length=spectrum.hop, center=False)[0],
        "flux": flux,
    }
    hz = librosa.fft_frequencies(sr=rate, n_fft=spectrum.size)
    power = magnitude**2 * 2 / (spectrum.size * np.sum(np.hanning(spectrum.size + 1)[:-1] ** 2))
    for name, low, high in (("bass", 20, 250), ("mid", 250, 4000), ("treble", 4000, 20_000)):
        expected[name] = np.sqrt(power[(hz >= low) & (hz < high)].sum(axis=0))
    for name, values in expected.items():
        own = np.array([getattr(raw, name) for raw in raws])[1:]
        step = rate / spectrum.size * 1.01 if name == "rolloff" else 1e-6
        np.testing.assert_allclose(own, values[1 : len(own) + 1], rtol=2e-4, atol=step, err_msg=name)


def test_the_demo_track_loops_and_is_mastered():
    samples, rate = demo.render_demo(44_100)
    assert samples.dtype == np.float32
    assert samples.shape == (round(demo.BARS * 4 * 60 / demo.DEMO_BPM * rate), 2)
    assert 0.5 < np.abs(samples).max() < 0.97
    step = np.abs(np.diff(samples, axis=0))
    assert np.abs(samples[0] - samples[-1]).max() < np.percentile(step, 99.9)
    assert loudness(samples, rate) == pytest.approx(-14.0, abs=1.0)
    again = demo.render_demo(44_100)[0]
    np.testing.assert_array_equal(again, samples)


def test_the_demo_track_has_sections():
    samples, rate = demo.render_demo()
    bar = round(4 * 60 / demo.DEMO_BPM * rate)
    level = {at: np.sqrt(np.mean(samples[at * bar : (at + 4) * bar] ** 2)) for at in range(0, demo.BARS, 4)}
    assert level[demo.DROP] > 1.25 * level[demo.BREAK]
    assert level[demo.GROOVE] > 1.2 * level[demo.INTRO]


def loudness(samples, rate):
    """Integrated loudness in LUFS after ITU-R BS.1770: K-weighting as a frequency response, gated 400 ms blocks."""
    z = np.exp(2j * np.pi * np.fft.rfftfreq(len(samples), 1 / rate) / 48_000)  # the filter's poles belong to 48 kHz
    shelf = (1.53512485958697 - 2.69169618940638 / z + 1.19839281085285 / z**2) / (
        1 - 1.69065929318241 / z + 0.73248077421585 / z**2
    )
    highpass = (1 - 2 / z + 1 / z**2) / (1 - 1.99004745483398 / z + 0.99007225036621 / z**2)
    weighted = np.fft.irfft(np.fft.rfft(samples, axis=0) * (shelf * highpass)[:, None], len(samples), axis=0)
    size, hop = round(0.4 * rate), round(0.1 * rate)
    energy = np.array(
        [np.sum(np.mean(weighted[i : i + size] ** 2, axis=0)) for i in range(0, len(samples) - size, hop)]
    )
    energy = energy[energy > 10 ** ((-70 + 0.691) / 10)]
    return -0.691 + 10 * np.log10(energy[energy > 0.1 * energy.mean()].mean())
