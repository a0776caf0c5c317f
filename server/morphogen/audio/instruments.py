"""The instruments of the demo track: each returns one note as float32, mono (n,) or stereo (2, n).

Plain textbook synthesis (swept sine, shaped noise, additive and wavetable voices), written for speed: notes are made
once and placed often.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Wave = NDArray[np.float32]
TABLE = 4096


def hertz(note: float) -> float:
    """Frequency of a MIDI note number (69 is A4, 440 Hz)."""
    return float(440.0 * 2.0 ** ((note - 69.0) / 12.0))


def seconds(rate: int, duration: float) -> Wave:
    """Time axis (n,) in seconds."""
    return (np.arange(round(duration * rate), dtype=np.float32) / np.float32(rate)).astype(np.float32)


def noise(rate: int, duration: float, low: float, high: float, seed: int) -> Wave:
    """White noise cut to a band (soft edges, one octave), peak about 1, the same on every run."""
    count = round(duration * rate)
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(count, np.float32))
    hz = np.fft.rfftfreq(count, 1.0 / rate) + 1e-9
    spectrum *= 1.0 / (1.0 + (low / hz) ** 4) / (1.0 + (hz / high) ** 4)
    wave = np.fft.irfft(spectrum, count)
    return (wave / (np.abs(wave).max() + 1e-9)).astype(np.float32)


def kick(rate: int) -> Wave:
    """Bass drum: a sine falling from 190 to 47 Hz with a click on top."""
    t = seconds(rate, 0.34)
    phase = 47.0 * t + 140.0 * 0.028 * (1.0 - np.exp(-t / 0.028))
    body = np.sin(2 * np.pi * phase) * np.exp(-t / 0.13) * np.minimum(1.0, (t[-1] - t) / 0.03)
    click = noise(rate, 0.34, 1500.0, 9000.0, 3) * np.exp(-t / 0.004) * 0.35
    return np.tanh(1.6 * body + click).astype(np.float32)


def clap(rate: int) -> Wave:
    """Clap over a snare body, with a short room: stereo (2, n)."""
    t = seconds(rate, 0.45)
    bursts = sum(np.exp(-np.maximum(t - at, 0.0) / 0.009) * (t >= at) for at in (0.0, 0.011, 0.023))
    tail = np.exp(-t / 0.075) + 0.12 * np.exp(-t / 0.2)
    body = np.sin(2 * np.pi * 190.0 * t) * np.exp(-t / 0.05) * 0.5
    sides = [noise(rate, 0.45, 900.0, 8000.0, seed) * (0.5 * bursts + 0.7 * tail) for seed in (11, 12)]
    return (np.stack(sides) * 0.6 + body).astype(np.float32) * fade_out(t)


def hat(rate: int, decay: float = 0.03) -> Wave:
    """Hi-hat; decay 0.03 s closed, 0.12 s open."""
    t = seconds(rate, min(6.0 * decay, 0.5))
    return (noise(rate, float(len(t) / rate), 7000.0, 16_000.0, 21) * np.exp(-t / decay) * fade_out(t)).astype(
        np.float32
    )


def crash(rate: int, duration: float = 3.0) -> Wave:
    """Cymbal, stereo (2, n)."""
    t = seconds(rate, duration)
    sides = [noise(rate, duration, 3500.0, 15_000.0, seed) for seed in (31, 32)]
    return (np.stack(sides) * (np.exp(-t / 0.7) * fade_out(t))).astype(np.float32)


def riser(rate: int, duration: float) -> Wave:
    """Noise that opens upwards and a tone that climbs two octaves, stereo (2, n)."""
    t = seconds(rate, duration)
    x = t / duration
    bands = ((200.0, 900.0), (900.0, 3500.0), (3500.0, 14_000.0))
    centres = (0.35, 0.7, 1.0)
    wave = np.zeros((2, len(t)), np.float32)
    for (low, high), centre in zip(bands, centres, strict=True):
        swell = np.exp(-(((x - centre) / 0.28) ** 2)) * x
        hiss = noise(rate, duration, low, high, int(low)) * swell
        wave[0] += hiss
        wave[1] += np.roll(hiss, rate // 50)  # 20 ms apart is as wide as a second noise, at half the cost
    climb = np.sin(2 * np.pi * 220.0 * duration / np.log(4.0) * (4.0**x - 1.0)) * x**2 * 0.2
    return (wave * 0.7 + climb).astype(np.float32) * np.minimum(1.0, (1.0 - x) / 0.004).astype(np.float32)


def bass(rate: int, note: float, duration: float) -> Wave:
    """Bass note: eleven harmonics whose brightness falls after the attack, over a round sine."""
    t = seconds(rate, duration)
    turn = 2 * np.pi * hertz(note) * t
    wave = 1.1 * np.sin(turn)
    for k in range(2, 12):
        wave += np.sin(k * turn) * (np.exp(-t * k / 0.9) * (0.8 / k))
    envelope = np.minimum(1.0, t / 0.006) * np.minimum(1.0, (duration - t) / 0.02)
    return np.tanh(1.2 * wave * envelope).astype(np.float32)


def pluck(rate: int, note: float, bright: float = 1.0, duration: float = 0.34) -> Wave:
    """Short plucked tone; bright 0 (muffled) to 1."""
    t = seconds(rate, duration)
    turn = 2 * np.pi * hertz(note) * t
    wave = np.zeros(len(t), np.float32)
    for k in range(1, 9):
        wave += np.sin(k * turn) * np.exp(-t * (5.0 + k * (9.0 - 5.0 * bright))) * (1.0 / k ** (2.2 - 1.1 * bright))
    return (wave * np.minimum(1.0, t / 0.002)).astype(np.float32) * fade_out(t)


def lead(rate: int, note: float, duration: float) -> Wave:
    """Singing tone: two detuned soft saws with a late vibrato."""
    t = seconds(rate, duration + 0.25)
    vibrato = 0.004 * np.sin(2 * np.pi * 5.2 * t) * np.minimum(1.0, t / 0.4)
    phase = (hertz(note) * (t + np.cumsum(vibrato) / rate)).astype(np.float32)
    table = saw_table(10)
    wave = table_voice(phase * 0.997, table) + table_voice(phase * 1.003, table)
    envelope = (
        np.minimum(1.0, t / 0.02) * np.exp(-np.maximum(t - duration, 0.0) / 0.06) * (0.6 + 0.4 * np.exp(-t / 0.25))
    )
    return (0.4 * wave * envelope).astype(np.float32) * fade_out(t)


def pad(rate: int, notes: tuple[int, ...], duration: float, harmonics: int) -> Wave:
    """A chord of detuned soft saws that swells and fades over its own ends, stereo (2, n)."""
    t = seconds(rate, duration + 0.5)
    table = saw_table(harmonics)
    wave = np.zeros((2, len(t)), np.float32)
    for index, note in enumerate(notes):
        for side in (0, 1):
            detune = 1.0 + (0.0021 + 0.0004 * index) * (1 if (side + index) % 2 else -1)
            wave[side] += table_voice(
                t * np.float32(hertz(note) * detune) + np.float32(0.37 * index + 0.21 * side), table
            )
    envelope = np.minimum(1.0, t / 0.4) * np.minimum(1.0, (duration + 0.5 - t) / 0.5)
    return wave * (envelope / len(notes)).astype(np.float32)


def saw_table(harmonics: int) -> Wave:
    """One period of a band-limited saw, (TABLE,)."""
    x = np.arange(TABLE) / TABLE
    wave = np.zeros(TABLE)
    for k in range(1, harmonics + 1):
        wave += np.sin(2 * np.pi * k * x) / k * np.cos(0.5 * np.pi * k / (harmonics + 1))
    return wave.astype(np.float32)


def table_voice(turns: Wave, table: Wave) -> Wave:
    """Read a period table at phases given in turns."""
    return table[(turns * np.float32(TABLE)).astype(np.int32) & (TABLE - 1)]


def echo(wave: Wave, step: int, gains: tuple[float, ...]) -> Wave:
    """Ping-pong echoes of a mono note every `step` samples, stereo (2, n)."""
    out = np.zeros((2, len(wave) + step * len(gains)), np.float32)
    out[:, : len(wave)] = wave
    for index, gain in enumerate(gains):
        at = step * (index + 1)
        out[index % 2, at : at + len(wave)] += np.float32(gain) * wave
        out[1 - index % 2, at : at + len(wave)] += np.float32(0.35 * gain) * wave
    return out


def fade_out(t: Wave, length: float = 0.01) -> Wave:
    """Gain that ends at 0, so that no note ends in a click."""
    return np.minimum(1.0, (t[-1] - t) / length).astype(np.float32)
