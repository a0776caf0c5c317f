"""Everything that `morphogen serve` can be told, declared once.

Each field of `Config` is the one declaration of its option: name, default, help and how its text is read. The command
line, the TOML file of `--config` and the table in the docs derive from it. The command line beats the file, the file
beats the defaults.
"""

from __future__ import annotations

import ipaddress
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from morphogen.character import STYLES, read_cast
from morphogen.errors import UsageError
from morphogen.grammar import (
    BACKENDS,
    TEMPO_CHOICES,
    nearest,
    read_audio,
    read_backend,
    read_bool,
    read_file_path,
    read_folder,
    read_fps,
    read_host,
    read_leader,
    read_out,
    read_port_base,
    read_quality,
    read_region,
    read_seconds,
    read_size,
    read_target,
    read_tempo,
    read_text,
    read_threads,
    read_token,
)
from morphogen.ports import DEFAULT_BASE, Ports
from morphogen.region import Region

EXPORTERS = 9100


@dataclass(frozen=True)
class Option:
    """How one option looks from outside.

    name: as in `--name` and in the TOML file. field: attribute of `Config`. read: text or TOML value -> checked value,
    raises UsageError. flag: takes no value on the command line. repeat: may be given several times.
    """

    name: str
    field: str
    default: Any
    metavar: str
    help: str
    read: Any
    panel: str
    flag: bool = False
    repeat: bool = False
    shown: str = ""


def _option(default: Any, metavar: str, doc: str, read: Any, panel: str, *, name: str = "", shown: str = "") -> Any:
    """A dataclass field that carries its `Option` as metadata. shown: the default in words."""
    extra = {"metavar": metavar, "help": doc, "read": read, "panel": panel, "name": name, "shown": shown}
    return field(default=default, metadata=extra)


_PICTURE, _SOUND, _OUT, _NETWORK, _RUN = "Picture", "Sound", "Outputs", "Network", "Running"


@dataclass(frozen=True)
class Config:
    """Start-up choices of the daemon; immutable. Build one with `build`, which checks what depends on each other."""

    size: tuple[int, int] = _option(
        (1920, 1080), "WxH", "Size of the picture in pixels.", read_size, _PICTURE, shown="1920x1080"
    )
    fps: float = _option(60.0, "N", "Frames a second, 1 to 1000; 0 draws as fast as it can.", read_fps, _PICTURE)
    style: str = _option(
        "", "NAME|FILE", "Style to begin with, as `morphogen styles list` names it, or a style file.",
        read_text, _PICTURE, shown="the first of the library",
    )  # fmt: skip
    lut: str = _option("", "FILE", "Look-up table for the colours, a .cube file.", read_text, _PICTURE, shown="none")
    character: dict[str, str] | None = _option(
        None, "high=NAME,...", "Styles that `transition/character` chooses from when the music is high, bright, medium "
        "or low.", read_cast, _PICTURE, shown=", ".join(STYLES.values()),
    )  # fmt: skip
    backend: str = _option("auto", "NAME", f"What draws: {', '.join(BACKENDS)}.", read_backend, _PICTURE)
    quality: str = _option(
        "auto", "auto|full", "auto draws large pictures at half or a third of their size when the frame rate would "
        "suffer; full never does.", read_quality, _PICTURE,
    )  # fmt: skip
    threads: int = _option(0, "N", "Threads that draw on the CPU; 0 uses every core.", read_threads, _PICTURE)
    region: Region | None = _option(
        None, "x,y,w,h@WxH", "Draw only this part of a larger canvas, always whole: one tile of a wall. It sets the "
        "size.", read_region, _PICTURE, shown="the whole picture",
    )  # fmt: skip
    audio: str = _option(
        "demo", "SOURCE", "What it listens to: demo, none, osc, file:PATH, device:NAME, or what this machine plays: "
        "loopback, loopback:NAME.", read_audio, _SOUND,
    )  # fmt: skip
    link: bool = _option(
        False, "", "Join the Ableton Link session of this network: tempo, beat and bar are shared with everyone in it. "
        "Speaks multicast on every network this machine is in. Needs the extra `link`.", read_bool, _SOUND,
    )  # fmt: skip
    link_start_stop: bool = _option(
        False,
        "",
        "Link leads only while the session plays: start and stop of the others count.",
        read_bool,
        _SOUND,
    )
    tempo: str = _option(
        "auto", "SOURCE", f"Who leads the tempo: {', '.join(TEMPO_CHOICES)}. auto: Link, then you, MIDI clock, a track "
        "of known tempo, what it hears.", read_tempo, _SOUND,
    )  # fmt: skip
    outs: tuple[str, ...] = _option(
        (), "NAME[:k=v,...]", "Add an output (shm, png, null ...), or take one away with `-NAME`. May be repeated.",
        read_out, _OUT, name="out", shown="zmq and web",
    )  # fmt: skip
    follow: tuple[str, int] | None = _option(
        None, "tcp://HOST:PORT", "Draw the scenes of another Morphogen, the leader, frame by frame; with --region a "
        f"tile, else a mirror. Its port is {Ports().scenes}.", read_leader, _NETWORK, shown="plays by itself",
    )  # fmt: skip
    bind: str = _option(
        "127.0.0.1", "ADDRESS", "Where page, control and parameters listen. Beyond this machine it needs --token and "
        "--curve-keys.", read_host, _NETWORK,
    )  # fmt: skip
    osc_bind: str = _option("127.0.0.1", "ADDRESS", "Where OSC listens; 0.0.0.0 lets tablets in.", read_host, _NETWORK)
    osc_out: tuple[tuple[str, int], ...] = _option(
        (), "HOST:PORT", "Send OSC feedback there too. May be repeated.", read_target, _NETWORK,
        shown="only to this machine",
    )  # fmt: skip
    port_base: int = _option(
        DEFAULT_BASE, "N", "First port; all others follow it (see the table of ports).", read_port_base, _NETWORK
    )
    mdns: bool = _option(
        False, "", "Announce OSCQuery and OSC, so that other programs find them (needs morphogen[mdns]).", read_bool,
        _NETWORK,
    )  # fmt: skip
    token: str = _option("", "SECRET", "What the page and its API ask for.", read_token, _NETWORK, shown="none")
    curve_keys: Path | None = _option(
        None, "DIR", "Folder with the CURVE keys of ZeroMQ control and parameters.", read_folder, _NETWORK, shown="none"
    )
    midi: tuple[str, ...] = _option(
        (), "all|none|NAME", "MIDI controllers to listen to: all, none, or a part of a port's name. May be repeated.",
        read_text, _NETWORK, shown="all",
    )  # fmt: skip
    maps: tuple[Path, ...] = _option(
        (), "FILE.toml", "What controllers do, from a file more; only read. May be repeated.", read_file_path, _NETWORK,
        name="map", shown="your own file only",
    )  # fmt: skip
    resume: bool = _option(False, "", "Go on where the last run stopped: style, parameters, bank.", read_bool, _RUN)
    show: bool = _option(False, "", "Open the page in the browser.", read_bool, _RUN)
    seconds: float | None = _option(None, "N", "Stop after so many seconds.", read_seconds, _RUN, shown="runs on")
    json: bool = _option(False, "", "Print what was measured as one JSON object on the last line.", read_bool, _RUN)
    verbose: bool = _option(False, "", "Say more.", read_bool, _RUN)
    config: Path | None = None

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is allowed but perhaps not meant; one line each."""
        found = []
        last = Ports(self.port_base).scenes
        if self.port_base <= DEFAULT_BASE + 1000 and last >= EXPORTERS:
            found.append(f"ports {self.port_base} to {last} reach into 9100 and up, where metrics "
                         "exporters sit; a base below 9093 is safer.")  # fmt: skip
        if not is_loopback(self.osc_bind):
            found.append(f"OSC is open on {self.osc_bind}: everyone in this network can play along.")
        if self.follow:
            said = {"style": self.style, "audio": self.audio != "demo", "resume": self.resume, "osc-out": self.osc_out,
                    "osc-bind": self.osc_bind != "127.0.0.1"}  # fmt: skip
            found += [f"--{name} is for the leader to say; a follower leaves it out." for name in said if said[name]]
        return tuple(found)


def _declared() -> tuple[Option, ...]:
    found = []
    for item in fields(Config):
        meta = dict(item.metadata)
        if not meta:
            continue
        name = meta.pop("name") or item.name.replace("_", "-")
        shown = meta.pop("shown") or ("off" if item.default is False else f"{item.default:g}"
                                      if isinstance(item.default, float) else str(item.default))  # fmt: skip
        flag, repeat = item.default is False, item.default == ()
        found.append(Option(name, item.name, item.default, flag=flag, repeat=repeat, shown=shown, **meta))
    return tuple(found)


OPTIONS: tuple[Option, ...] = _declared()
BY_NAME: dict[str, Option] = {option.name: option for option in OPTIONS}


def build(given: Mapping[str, Any] | None = None, file: Path | None = None) -> Config:
    """A checked Config from command-line texts (`{field: text}`, None where not given) and an optional TOML file.

    Raises UsageError that names the option and its cure.
    """
    values = read_file(file) if file else {}
    by_field = {option.field: option for option in OPTIONS}
    for key, text in (given or {}).items():
        if text is not None and text is not False and text != []:
            option = by_field[key]
            values[key] = _read(option, text, f"--{option.name}")
    config = Config(**values, config=file)
    _check_open(config)
    _check_wall(config, "size" in values)
    return replace(config, size=config.region.size) if config.region else config


def read_file(path: Path) -> dict[str, Any]:
    """{field: value} of a TOML file. Keys are the option names; `_` and `-` are alike. Raises UsageError."""
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}.", "Name an existing TOML file.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(
            f"{path} is not valid TOML: {error}.", 'Write one `name = value` a line, texts in "".'
        ) from error
    values = {}
    for key, value in raw.items():
        name = key.replace("_", "-")
        if name not in BY_NAME:
            raise UsageError(f"{path} has an unknown option {key!r}.", nearest(name, BY_NAME))
        values[BY_NAME[name].field] = _read(BY_NAME[name], value, f"{path}: {key}")
    return values


def _read(option: Option, value: Any, where: str) -> Any:
    try:
        if not option.repeat:
            return option.read(value)
        listed = value if isinstance(value, (list, tuple)) else [value]
        return tuple(option.read(one) for one in listed)
    except UsageError as error:
        raise UsageError(f"{where}: {error.message}", error.cure) from error


def _check_open(config: Config) -> None:
    """Nobody opens a stage to the network by accident."""
    missing = [name for name, value in (("--token", config.token), ("--curve-keys", config.curve_keys)) if not value]
    if missing and not is_loopback(config.bind):
        raise UsageError(f"--bind {config.bind} opens the instrument to the network without {' and '.join(missing)}.",
                         "Give both --token SECRET and --curve-keys DIR, or for OSC alone use --osc-bind.")  # fmt: skip


def _check_wall(config: Config, sized: bool) -> None:
    region = config.region
    if region and sized and config.size != region.size:
        width, height = config.size
        raise UsageError(f"--size {width}x{height} and --region {region} are two different sizes.",
                         "Leave out --size; --out NAME:size=WxH gives one output another size.")  # fmt: skip
    if config.follow and not is_loopback(config.follow[0]) and config.curve_keys is None:
        raise UsageError(f"--follow {config.follow[0]} is another machine, and a leader lets in only whom it knows.",
                         "Give --curve-keys DIR with the leader's server.key and a client key.")  # fmt: skip


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach `host`. A name other than localhost counts as open."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def options_table() -> str:
    """All options of `serve` as a Markdown table."""
    rows = ["| option | default | what it does |", "| --- | --- | --- |"]
    for option in OPTIONS:
        metavar = option.metavar.replace("|", "\\|")
        rows.append(f"| `--{option.name}{' ' + metavar if metavar else ''}` | {option.shown} | {option.help} |")
    return "\n".join(rows)
