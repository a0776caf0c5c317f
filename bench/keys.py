"""Which keys are heard: `python bench/keys.py [--chorales N] [FILE ...]`. Prints Markdown tables and the cost of a hop.
`python bench/keys.py --picture FILE` draws a style in all 24 keys instead: major above, minor below, in fifths.

Cadences in all 24 keys under several conditions, modulations, the demo track, then the files; each piece beside what
librosa's CQT chroma of the whole piece says, by the same profiles, where librosa is installed. `--chorales`: so many
chorales by Bach in major and as many in minor, where music21 is installed, transposed and played by turns on five
timbres, with drums, in noise and out of tune; the truth is the key signature where the last bass note confirms it.
"""

from __future__ import annotations

import random
import sys
import time
from collections import Counter
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from morphogen.audio.key import EVERY, PROFILES, Key, KeyTracker
from morphogen.offline.track import demo_track, read_track
from test_key import NOISE, RATE, cadence, drums, listen, note

BEAT = 0.6
CONDITIONS = {
    "cadences": {},
    "noise as loud": {"noise": 0.16},
    "30 cents flat": {"cents": -30},
    "30 cents sharp": {"cents": 30},
    "pure tones": {"harmonics": 1},
    "bright, 20 harmonics": {"harmonics": 20},
}
MOVES = (("C major", 0, False, "G major", 7, False), ("C major", 0, False, "A minor", 9, True),
         ("C major", 0, False, "E major", 4, False), ("A minor", 9, True, "F# minor", 6, True))  # fmt: skip


def index(key):
    return key.tonic + 12 * key.minor


def relation(heard, truth):
    """MIREX's score of a key: 1 the key, 0.5 a fifth away, 0.3 the relative, 0.2 the parallel one."""
    if heard is None:
        return 0.0
    apart = (heard.tonic - truth.tonic) % 12
    if heard.minor == truth.minor:
        return {0: 1.0, 5: 0.5, 7: 0.5}.get(apart, 0.0)
    return 0.3 if apart == (3 if truth.minor else 9) else 0.2 if apart == 0 else 0.0


def conditions():
    print("| 24 cadences of 8 s | right at the end | first answer after |\n| --- | --- | --- |")
    for name, how in CONDITIONS.items():
        count(name, lambda tonic, minor, how=how: cadence(tonic, minor, **how))
    count("with drums", lambda tonic, minor: cadence(tonic, minor) + drums(8))


def count(name, make):
    right, first = 0, []
    for minor in (False, True):
        for tonic in range(12):
            said = listen(make(tonic, minor))
            right += said[-1] is not None and index(said[-1]) == tonic + 12 * minor
            first.append(next((n for n, key in enumerate(said, 1) if key), 99) * EVERY / 100)
    print(f"| {name} | {right} | {np.median(first):.1f} s |", flush=True)


def moves():
    print("\n| after 16 s | to | heard after | on the way |\n| --- | --- | --- | --- |")
    for name, tonic, minor, other, to, small in MOVES:
        said = listen(np.concatenate([cadence(tonic, minor, 8), cadence(to, small, 12)]))
        names = [str(key) for key in said]
        late = f"{names.index(other) / 5 - 16:.1f} s" if other in names else "not in 24 s"
        between = [key for key in dict.fromkeys(names[80:]) if key not in (name, other)]
        print(f"| {name} | {other} | {late} | {', '.join(between) or '-'} |", flush=True)


def chorales(number):
    from music21 import corpus

    pieces = {False: [], True: []}
    names = [str(path) for path in corpus.getComposer("bach")]
    random.Random(1).shuffle(names)
    for name in names:
        found = scored(corpus.parse(name))
        if found and len(pieces[found[1]]) < number:
            pieces[found[1]].append(found)
        if min(map(len, pieces.values())) >= number:
            break
    rows = []
    for n, piece in enumerate(pieces[False] + pieces[True]):
        truth, sound = played(piece, n)
        said = [key for key in listen(sound) if key]
        times = Counter(map(index, said))
        most = Key(*reversed(divmod(times.most_common(1)[0][0], 12)), 1.0) if times else None
        changes = sum(index(a) != index(b) for a, b in pairwise(said))
        share = np.mean([index(key) == index(truth) for key in said]) if said else 0.0
        near = np.mean([relation(key, truth) >= 0.3 for key in said]) if said else 0.0
        rows.append((most is not None and index(most) == index(truth), relation(most, truth), share, near,
                     changes / max(len(sound) / RATE / 60, 1e-9)))  # fmt: skip
    most, score, share, near, changes = np.mean(rows, axis=0)
    print(
        f"\n{len(rows)} chorales: most of the time in the right key {100 * most:.0f} % (MIREX score {score:.2f}); "
        f"right {100 * share:.0f} % of the time, or a neighbour {100 * near:.0f} %; {changes:.1f} changes a minute."
    )


def scored(score):
    """(tonic, minor, [(beat, beats, MIDI note)]), or None where the last bass note is no tonic of the signature."""
    flat = score.flatten()
    signature, last = flat.getElementsByClass("KeySignature").first(), score.parts[-1].flatten().notes.last()
    if signature is None or last is None or not last.isNote:
        return None
    major = signature.sharps * 7 % 12
    tonic = last.pitch.pitchClass
    if tonic not in (major, (major + 9) % 12):
        return None
    notes = [(float(n.offset), float(n.quarterLength), p.midi) for n in flat.notes for p in n.pitches]
    return tonic, tonic != major, notes


def played(piece, n, seconds=30.0):
    tonic, minor, notes = piece
    up = n * 5 % 12 - 6
    cents, harmonics = (0, -30, 30, 15)[n % 4], (1, 3, 8, 12, 20)[n % 5]
    out = np.zeros(round((min(max(at + long for at, long, _ in notes) * BEAT, seconds) + 1) * RATE), np.float32)
    for at, long, midi in notes:
        begin, length = round(at * BEAT * RATE), max(long, 0.25) * BEAT
        if begin < len(out) - RATE:
            wave = note(midi + up - 60, length, cents, harmonics)[: len(out) - begin]
            out[begin : begin + len(wave)] += wave.astype(np.float32)
    out *= 0.15 / np.sqrt(np.mean(out * out))
    out += 0.02 * np.resize(NOISE, len(out))
    if n % 3 == 2:
        out += drums(len(out) / RATE)
    return Key((tonic + up) % 12, minor, 1.0), out


def piece(name, samples, rate):
    """What was heard how long, beside librosa's answer for the whole piece; returns microseconds a hop."""
    tracker, hop, said = KeyTracker(rate), rate // 100, Counter()
    sound = samples.mean(axis=1)
    begin = time.thread_time()
    for at in range(0, len(sound) - hop, hop):
        tracker.step(sound[at : at + hop])
        said[str(tracker.key or "nothing yet")] += 1
    cost = (time.thread_time() - begin) / max(len(sound) // hop, 1)
    heard = ", ".join(f"{key} {100 * n / said.total():.0f} %" for key, n in said.most_common(4))
    print(f"| {name} | {heard} | {reference(sound, rate)} |", flush=True)
    return 1e6 * cost


def reference(sound, rate):
    try:
        import librosa
    except ImportError:
        return "-"
    small = librosa.resample(sound[: 120 * rate], orig_sr=rate, target_sr=22_050)
    harmonic = librosa.effects.harmonic(small, margin=3.0)
    chroma = librosa.feature.chroma_cqt(y=harmonic, sr=22_050).mean(axis=1)
    best = int(np.argmax(PROFILES @ (chroma - chroma.mean())))
    return str(Key(best % 12, best >= 12, 1.0))


def read(path):
    """A song called song.ogg goes by its folder's name."""
    track = read_track(Path(path))
    return replace(track, name=Path(path).parent.name) if track.name == "song" else track


def picture(path, name="cosmic/galaxy", size=(160, 90)):
    from PIL import Image, ImageDraw

    from morphogen.library.find import Library
    from morphogen.offline.rehearsal import Rehearsal
    from morphogen.render import create

    sheet, renderer = Image.new("RGB", (12 * size[0], 2 * size[1])), create("cpu")
    with Rehearsal(Library().find(name), renderer) as rehearsal:
        scene = rehearsal.hold(20.0, rms=0.5, bass=0.5, mid=0.4, treble=0.3, centroid=0.5)
        for minor in (False, True):
            for step in range(12):
                key = Key((7 * step + 9 * minor) % 12, minor, 1.0)
                turned = replace(scene, grade=replace(scene.grade, hue=key.place))
                drawn = Image.fromarray(rehearsal.draw(turned, size)[..., :3])
                ImageDraw.Draw(drawn).text((6, 4), str(key), fill="white")
                sheet.paste(drawn, (step * size[0], minor * size[1]))
    renderer.close()
    sheet.save(path, optimize=True)


def main(words):
    if words[:1] == ["--picture"]:
        picture(words[1])
        return
    conditions()
    moves()
    if words[:1] == ["--chorales"]:
        chorales(int(words[1]))
        words = words[2:]
    print("\n| piece | heard | librosa, whole piece |\n| --- | --- | --- |")
    tracks = [demo_track(), *map(read, words)]
    costs = [piece(track.name, track.samples, track.rate) for track in tracks]
    print(f"\n{np.median(costs):.0f} us of processor time a 10 ms hop (median).")


if __name__ == "__main__":
    main(sys.argv[1:])
