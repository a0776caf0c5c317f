from __future__ import annotations

import socket
from collections.abc import Iterator

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
