"""Every OSC address that is no parameter: the commands and Synesthesia's outputs. Data; the docs derive from it."""

from __future__ import annotations

from dataclasses import dataclass

PREFIX = "/morphogen/"
NORM = "/morphogen/norm/"
WEIGHT = "/morphogen/weight/"


Range = tuple[float | None, float | None]
_SECONDS: Range = (0, 600)


@dataclass(frozen=True)
class Command:
    """One address that runs a control method.

    types: OSC letters of the arguments, optional ones after '[' ('s[f'); names: the method's arguments, in order.
    button: also takes one number, as pads send 1 on press and 0 on release; 0 does nothing.
    continuous: a fader; of many in one batch only the last is done. ranges: (lowest, highest) of each argument as far
    as there are any; what lies outside is refused. units: of each argument, in the words of `nodes.UNITS`.
    """

    address: str
    method: str
    doc: str
    types: str = ""
    names: tuple[str, ...] = ()
    button: bool = False
    continuous: bool = False
    ranges: tuple[Range | None, ...] = ()
    units: tuple[str, ...] = ()

    @property
    def letters(self) -> str:
        """Types without the bracket."""
        return self.types.replace("[", "")

    @property
    def required(self) -> int:
        """How many arguments there must be."""
        return len(self.types.partition("[")[0])


COMMANDS: tuple[Command, ...] = (
    Command(
        "/morphogen/style/load",
        "style.load",
        "Change to a style, in so many seconds.",
        "s[f",
        ("name", "seconds"),
        ranges=(None, _SECONDS),
        units=("", "s"),
    ),
    Command("/morphogen/style/next", "style.next", "The next slot of the bank.", button=True),
    Command("/morphogen/style/previous", "style.previous", "The slot before.", button=True),
    Command(
        "/morphogen/style/slot",
        "style.slot",
        "A slot of the bank, from 1, in so many seconds.",
        "i[f",
        ("slot", "seconds"),
        ranges=((1, 1000), _SECONDS),
        units=("", "s"),
    ),
    Command("/morphogen/layer/load", "layer.load", "Lay a style over the show.", "s", ("name",)),
    Command("/morphogen/layer/clear", "layer.clear", "Take the layer away.", button=True),
    Command("/morphogen/style/blob", "style.put", "Change to a style sent as a packed datagram.", "b", ("blob",)),
    Command(
        "/morphogen/tempo/bpm",
        "tempo.set",
        "Fix the tempo (20-400); 0 follows the music again.",
        "f",
        ("bpm",),
        continuous=True,
        ranges=((0, 400),),
        units=("bpm",),
    ),
    Command("/morphogen/tempo/tap", "tempo.tap", "One tap of the tempo.", button=True),
    Command("/morphogen/tempo/beat", "tempo.beat", "This is the beat, now.", button=True),
    Command(
        "/morphogen/snapshot/store",
        "snapshot.store",
        "Keep all parameters and the style, from 1.",
        "i",
        ("slot",),
        ranges=((1, 64),),
    ),
    Command(
        "/morphogen/snapshot/recall",
        "snapshot.recall",
        "Glide back to what was kept, in so many seconds.",
        "i[f",
        ("slot", "seconds"),
        ranges=((1, 64), (0, 3600)),
        units=("", "s"),
    ),
    Command(
        "/morphogen/controls/learn",
        "controls.learn",
        "The next control that moves gets this target: a parameter or a command.",
        "s",
        ("target",),
    ),
    Command("/morphogen/controls/cancel", "controls.cancel", "Learn no longer.", button=True),
    # Without a path: who may play along from a tablet need not be allowed to choose where files are written.
    Command("/morphogen/record/start", "record.start", "Record into a file in the folder of videos.", button=True),
    Command("/morphogen/record/stop", "record.stop", "End the recording.", button=True),
)


@dataclass(frozen=True)
class Reading:
    """One value that Morphogen only says (`tempo/bpm` is a command, too). key: the address without `PREFIX`."""

    key: str
    doc: str
    type: str = "f"
    range: Range | None = None
    unit: str = ""


READINGS: tuple[Reading, ...] = (
    Reading("beat/phase", "Position inside the beat.", range=(0, 1)),
    Reading("beat/bar_phase", "Position inside the bar.", range=(0, 1)),
    Reading("beat/pulse", "1 for the first tenth of a second of a beat.", range=(0, 1)),
    Reading("beat/count", "Beats counted."),
    Reading("beat/bar", "Bars counted."),
    Reading("tempo/bpm", "Beats a minute.", range=(0, 400), unit="bpm"),
    Reading("state/fps", "Frames a second.", unit="Hz"),
    Reading("state/late", "Frames that came too late so far."),
    Reading("style/current", "Name of the running style.", "s"),
    Reading("style/generation", "Rises by one at every change of style."),
)

PING = "/morphogen/ping"
PONG = "/morphogen/pong"
SUBSCRIBE = "/morphogen/feedback/subscribe"

# What Synesthesia sends when "Output Audio Variables" is on (its manual, page "OSC"): 0..1 levels of its bands, hits
# (transients), beat and tempo. Its four bands meet our three: `midhigh` has no counterpart.
SYNESTHESIA = {
    "/audio/level/all": "audio/rms",
    "/audio/level/bass": "audio/bass",
    "/audio/level/mid": "audio/mid",
    "/audio/level/high": "audio/treble",
    "/audio/level/treble": "audio/treble",
    "/audio/hits/all": "audio/onset",
    "/audio/beat/onbeat": "audio/beat",
}
SYNESTHESIA_BEAT = "/audio/beat/onbeat"
SYNESTHESIA_BPM = ("/audio/bpm/bpm", "/audio/bpm")

# Known and without use here: not counted as wrong, or every show with Synesthesia would look broken.
SYNESTHESIA_UNUSED = frozenset(
    [f"/audio/{group}/{band}" for group in ("presence", "time") for band in ("all", "bass", "mid", "midhigh", "high")]
    + [f"/audio/hits/{band}" for band in ("bass", "mid", "midhigh", "high")]
    + [f"/audio/bpm/bpm{wave}{n}" for wave in ("sin", "tri") for n in ("", "2", "4", "8")]
    + ["/audio/level/midhigh", "/audio/level/raw", "/audio/time/curved", "/audio/energy/intensity", "/audio/timecode"]
    + ["/audio/beat/beattime", "/audio/beat/randomonbeat", "/audio/beat/toggleonbeat"]
    + ["/audio/bpm/bpmconfidence", "/audio/bpm/bpmtwitcher"]
)
