"""What the instrument says of itself: the short state ten times a second, the long numbers, the news of a style."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import morphogen
from morphogen.stats import resident_mb

if TYPE_CHECKING:
    from morphogen.instrument import Instrument


def state(instrument: Instrument) -> dict[str, Any]:
    """The event `state`; cheap. Render thread."""
    stats, tempo, drawn = instrument.loop.stats, instrument.frame_tempo, instrument.renderer.describe()
    width, height = instrument.show_size
    key = instrument.audio.key
    return {
        "fps": round(stats.fps_now, 1),
        "late": stats.late,
        "frames": stats.frames,
        "dropped": sum(instrument.publisher.dropped().values()),
        "style": instrument.stage.style.name,
        "generation": instrument.stage.generation,
        "slot": instrument.stage.slot,
        "layer": instrument.overlay.style.name if instrument.overlay.style else "",
        "bpm": round(tempo.bpm, 2),
        "tempo_source": tempo.source,
        "confidence": round(tempo.confidence, 3),
        "tempo_choice": instrument.transport.choice,
        "link_peers": instrument.rig.peers() if hasattr(instrument, "rig") else None,
        "audio": instrument.audio.kind,
        "level_db": round(instrument.audio.level_db, 1),
        "key": str(key) if key else "",
        "key_confidence": round(key.confidence, 2) if key else 0.0,
        "backend": instrument.renderer.name,
        "size": f"{width}x{height}",
        "half": drawn.get("half", []),
        "inner": drawn.get("inner", {}),
        "record": instrument.recording.now,
        "changes": {**instrument.caller.changes, "controls": instrument.controls.changes},
        "learning": instrument.controls.learning,
    }


def stats(instrument: Instrument) -> dict[str, Any]:
    """Everything that is counted, as `serve --json` prints it. Any thread."""
    rig = instrument.rig.stats() if hasattr(instrument, "rig") else {}
    width, height = instrument.show_size
    tempo = instrument.frame_tempo
    return {
        **instrument.loop.stats.public(),
        "dropped": instrument.publisher.dropped(),
        "backend": instrument.renderer.name,
        "renderer": instrument.renderer.describe(),
        "size": f"{width}x{height}",
        "rss_mb": resident_mb(),
        "version": morphogen.__version__,
        "style": instrument.stage.style.name,
        "generation": instrument.stage.generation,
        "audio": instrument.audio.stats(),
        "tempo": {"bpm": round(tempo.bpm, 2), "source": tempo.source, "choice": instrument.transport.choice},
        **rig,
    }


def style(instrument: Instrument, seconds: float) -> dict[str, Any]:
    """The event `style`: what runs now, and how long the change took."""
    running = instrument.stage.style
    return {
        "name": running.name,
        "title": running.title,
        "prompt": running.prompt,
        "generation": instrument.stage.generation,
        "slot": instrument.stage.slot,
        "shape": str(running.shape),
        "seconds": seconds,
    }
