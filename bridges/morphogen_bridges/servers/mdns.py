"""mDNS: tells the network where OSCQuery (`_oscjson._tcp`) and OSC (`_osc._udp`) are, so that nobody types addresses.

Each service is announced where it can be reached and nowhere else: one that is bound to 127.0.0.1 only on the loopback
interface, since announcing 127.0.0.1 to a network breaks the browsers of others (VRChat, issue 169). zeroconf looks for
a second of the same name for about a second, so all of it runs on a thread of its own.
"""

from __future__ import annotations

import ipaddress
import itertools
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from morphogen import log
from morphogen.contracts import Host, Source
from morphogen.errors import Unavailable
from morphogen_bridges.osc.identity import host_name, instance_name

OSCQUERY, OSC = "_oscjson._tcp.local.", "_osc._udp.local."
LOOK_SECONDS = 1.3  # a responder that has just spoken may keep silent for a second (RFC 6762, section 6)
_ANY = ("", "0.0.0.0", "::")
_log = log.get("mdns")


@dataclass(frozen=True)
class Service:
    """kind: OSCQUERY or OSC. bind: the address that it listens on, as given at start."""

    kind: str
    bind: str
    port: int


def reached_at(bind: str) -> list[str]:
    """Addresses (IPv4, else IPv6) of this machine at which a server that is bound to `bind` is reached."""
    if bind in _ANY:
        return _own_addresses()
    return ["127.0.0.1" if bind == "localhost" else bind.strip("[]")]


def _own_addresses() -> list[str]:
    import ifaddr

    found = [str(ip.ip) for adapter in ifaddr.get_adapters() for ip in adapter.ips if ip.is_IPv4]
    return [ip for ip in found if not ipaddress.ip_address(ip).is_loopback] or ["127.0.0.1"]


class Mdns(Source):
    """Announces OSCQuery and OSC while it is open, and takes them back when it closes. Each (address, port) as bound.

    A name that somebody else has already gets a number; `describe` tells what was registered. Raises Unavailable from
    `open` without zeroconf.
    """

    name: ClassVar[str] = "mdns"

    def __init__(self, http: tuple[str, int] = ("127.0.0.1", 8712), osc: tuple[str, int] = ("127.0.0.1", 8710)) -> None:
        super().__init__()
        self._services = (Service(OSCQUERY, *http), Service(OSC, *osc))
        self._name = instance_name(osc[1])
        self._registered: dict[str, str] = {}
        self._errors = 0

    def stats(self) -> dict[str, Any]:
        """announced {service: its registered name}, errors."""
        return {"announced": dict(self._registered), "errors": self._errors}

    def describe(self) -> dict[str, Any]:
        return {"url": "", "name": self._name, "announced": dict(self._registered)}

    def _open(self, host: Host) -> None:
        try:
            import zeroconf  # noqa: F401
        except ImportError as error:
            raise Unavailable("--mdns needs zeroconf.", "pip install 'morphogen[mdns]'") from error
        self._registered, self._errors = {}, 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="mdns", daemon=True)
        self._thread.start()

    def _close(self) -> None:
        self._stop.set()
        self._thread.join(2.0)

    def _run(self) -> None:
        """Register, wait, take back: on one thread, so that closing cannot overtake opening."""
        opened = [responder for place in self._places() if (responder := self._announce(*place)) is not None]
        self._stop.wait()
        for responder in opened:
            try:
                responder.close()  # says goodbye for everything that it has registered
            except Exception as error:  # noqa: BLE001  the network may be gone by now: the show ends all the same
                _log.debug("taking back: %r", error)
        self._registered = {}

    def _places(self) -> Iterator[tuple[tuple[str, ...], list[Service]]]:
        """Services by the addresses at which they are reached: one responder listens there, and only there."""
        found: dict[tuple[str, ...], list[Service]] = {}
        for service in self._services:
            found.setdefault(tuple(reached_at(service.bind)), []).append(service)
        yield from found.items()

    def _announce(self, addresses: tuple[str, ...], services: Sequence[Service]) -> Any:
        from zeroconf import Zeroconf

        responder = None
        try:
            responder = Zeroconf(interfaces=list(addresses))
            taken = self._taken(responder, [service.kind for service in services])
            for service in services:
                if not self._stop.is_set():
                    self._register(responder, service, addresses, taken)
        except Exception as error:  # noqa: BLE001  whatever the network does, the show goes on without being announced
            self._errors += 1
            _log.warning("mDNS on %s: %s. Type the address by hand; a firewall on UDP 5353 is the usual reason.",
                         ", ".join(addresses), error or type(error).__name__)  # fmt: skip
        return responder

    def _taken(self, responder: Any, kinds: list[str]) -> set[str]:
        """Names that others have. zeroconf asks, too, but for an answer to itself alone: on one machine that may reach
        the wrong one of two programs (tried: two Morphogens had one name)."""
        from zeroconf import DNSQuestionType, ServiceBrowser

        names: set[str] = set()

        def heard(zeroconf: Any, service_type: str, name: str, state_change: Any) -> None:
            names.add(name)

        browser = ServiceBrowser(responder, kinds, handlers=[heard], question_type=DNSQuestionType.QM)
        self._stop.wait(LOOK_SECONDS)
        browser.cancel()
        return names

    def _register(self, responder: Any, service: Service, addresses: Sequence[str], taken: set[str]) -> None:
        from zeroconf import ServiceInfo

        names = (f"{self._name}{f' {n}' if n > 1 else ''}.{service.kind}" for n in itertools.count(1))
        info = ServiceInfo(
            service.kind, next(name for name in names if name not in taken), service.port,
            parsed_addresses=list(addresses), properties={"txtvers": "1"}, server=f"{host_name(service.port)}.",
        )  # fmt: skip
        responder.register_service(info, allow_name_change=True)
        self._registered[service.kind] = info.name
