from __future__ import annotations

import contextlib
import random
import socket
from collections.abc import Callable, Iterator

import pytest

from fakes import FakeHost


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--regenerate-golden", action="store_true", help="write the golden pictures anew (look before committing)"
    )


@pytest.fixture
def host() -> FakeHost:
    return FakeHost()


@pytest.fixture
def free_port() -> int:
    """A port that was free on 127.0.0.1, for UDP and TCP, a moment ago."""
    for _ in range(50):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp:
            tcp.bind(("127.0.0.1", 0))
            port = tcp.getsockname()[1]
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
                try:
                    udp.bind(("127.0.0.1", port))
                except OSError:
                    continue
                return port
    raise RuntimeError("no free port")


@pytest.fixture(autouse=True, scope="session")
def own_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """State, styles and compiled code of the tests lie aside from the user's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MORPHOGEN_HOME", str(tmp_path_factory.mktemp("home")))
        yield


@pytest.fixture
def port_bases() -> Iterator[Callable[[], int]]:
    """Call it for the first of eight ports in a row for a whole daemon: free for TCP and UDP, and not another test's.

    Below 32768, where Linux begins (others at 49152) to hand ports out to clients: up there any connection of any
    program may take one between this look and the daemon's start. A ninth port is held meanwhile, as a sign for
    tests that run at the same time.
    """
    with contextlib.ExitStack() as claims:
        yield lambda: eight_ports(claims)


@pytest.fixture
def port_base(port_bases: Callable[[], int]) -> int:
    """One of them."""
    return port_bases()


def eight_ports(claims: contextlib.ExitStack) -> int:
    """As `port_bases` gives them; for fixtures that outlive a test."""
    for start in random.SystemRandom().sample(range(20_000, 32_000, 16), 500):
        with contextlib.ExitStack() as claim, contextlib.ExitStack() as look:
            try:
                claim.enter_context(socket.socket()).bind(("127.0.0.1", start + 8))
                for port in range(start, start + 8):
                    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                        look.enter_context(socket.socket(socket.AF_INET, kind)).bind(("127.0.0.1", port))
            except OSError:
                continue
            claims.push(claim.pop_all())
            return start
    raise RuntimeError("no eight free ports in a row")
