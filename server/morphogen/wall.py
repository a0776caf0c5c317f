"""The composition of a follower: one machine of a wall that draws what a leader, an ordinary daemon, composes."""

from __future__ import annotations

from typing import Any

from morphogen.app import Announce, App, serve
from morphogen.config import Config, is_loopback
from morphogen.contracts import Source
from morphogen.folders import cache_folder
from morphogen.follow import Follower
from morphogen.instrument import Instrument
from morphogen.library.find import Library
from morphogen.registry import resolve
from morphogen.render.switch import switch
from morphogen.still import first_style, warm_up


class _Forgetful:
    """Instead of the autosaver: a follower has no state of its own."""

    def start(self) -> None:
        """Nothing to save."""

    def close(self) -> None:
        """Nothing was saved."""


class FollowerApp(App):
    """A daemon that listens to its leader only. Outputs, page, control and events are as everywhere."""

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self._autosaver = _Forgetful()  # type: ignore[assignment]

    def _build(self) -> Instrument:
        config = self.config
        assert config.follow is not None
        library = Library()
        style = first_style(library, "")
        renderer = switch(config.backend, config.threads, cache_folder())
        follower = Follower(self._clock, library, style, renderer, config.size, config.follow)
        follower.rig = self
        follower.publisher.region = config.region
        self._follower = follower
        warm_up(renderer, style.network)
        return follower

    def _servers(self) -> dict[str, Source]:
        config, ports = self.config, self.ports
        assert config.follow is not None
        host, port = config.follow
        # On loopback its own servers need no keys: those of the folder are for the leader.
        served = None if is_loopback(config.bind) else config.curve_keys
        return {
            "zmq_control": resolve("SERVERS", "zmq_control")(config.bind, ports.control, served),
            "zmq_events": resolve("SERVERS", "zmq_events")(config.bind, ports.events, served),
            "http": resolve("SERVERS", "http")(config.bind, ports.http, config.token or None),
            "zmq_leader": resolve("SOURCES", "zmq_leader")(host, port, self._follower.inbox.put, config.curve_keys),
        }

    def _first_audio(self) -> None:
        """Sound reaches the leader only."""

    def describe(self) -> list[str]:
        """Lines that tell a person what is open."""
        config, ports = self.config, self.ports
        lines = [f"Follows   {self._links['zmq_leader'].describe()['url']}, waiting for its first scene"]
        if config.region:
            lines.append(f"Region    {config.region}")
        lines.append(f"Page      {self._links['http'].describe()['url']}")
        lines.append(f"ZeroMQ    {ports.control} control, {ports.events} events")
        for row in self.instrument.publisher.list():
            lines.append(f"Output    {row['id']}: {row['name']}, {row['width']}x{row['height']}")
        return lines


def follow(config: Config, announce: Announce = print) -> dict[str, Any]:
    """`app.serve` for a follower."""
    return serve(config, announce, FollowerApp)
