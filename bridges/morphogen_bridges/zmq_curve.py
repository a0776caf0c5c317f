"""CURVE for the ZeroMQ bridges: key files, and who may connect.

A keys folder holds `server.key` (public), `server.key_secret`, and in `clients/` the public `NAME.key` of everyone
who may connect. A client needs `server.key` and its own `NAME.key_secret`. Files are those of `zmq.auth`.

pyzmq's own ThreadAuthenticator polls through asyncio, which on Windows' event loop needs tornado; ours is one REP
socket on one thread. It reads `clients/` anew at each handshake: keys are added and withdrawn while the show runs.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

from morphogen.errors import Unavailable, UsageError
from morphogen_bridges.zmq_common import SocketThread, context

if TYPE_CHECKING:
    import zmq

_ZAP = "inproc://zeromq.zap.01"
_MAKE = "Make keys with `morphogen keys DIR`"


def make_keys(folder: Path, clients: tuple[str, ...] = ("client",)) -> list[Path]:
    """Create the server's key pair and one for each client name in `folder`; returns the files written.

    Existing keys are kept, so that a client can be added later; a client's too whose secret part has moved to its own
    computer. Secret files are readable by their owner only. Raises UsageError for a client name that is not a plain
    file name or a folder that is a client's own, Unavailable without CURVE or write access.
    """
    import zmq.auth

    _need_curve()
    for name in clients:
        if not name or not all(c.isalnum() or c in "-_" for c in name):
            raise UsageError(f"{name!r} cannot be a client's name.", "Use letters, digits, - and _.")
    if (folder / "server.key").exists() and not (folder / "server.key_secret").exists():
        raise UsageError(f"{folder} holds the key of another computer's daemon.", "Choose another folder.")
    written: list[Path] = []
    try:
        (folder / "clients").mkdir(parents=True, exist_ok=True)
        for base in (folder / "server", *(folder / "clients" / name for name in clients)):
            public, secret = base.with_name(base.name + ".key"), base.with_name(base.name + ".key_secret")
            # An empty secret file is what an interrupted attempt left.
            if secret.stat().st_size if secret.exists() else public.exists():
                continue
            secret.touch(0o600)
            zmq.auth.create_certificates(base.parent, base.name)
            written += [public, secret]
    except OSError as error:
        raise Unavailable(f"Keys cannot be written to {folder}: {error}.", "Choose a folder of your own.") from error
    return written


def secure_server(socket: zmq.Socket[bytes], keys: Path) -> Ticket:
    """Admit only clients whose public key lies in `keys/clients`. Call before bind; close the ticket after the
    socket. Raises Unavailable with the cure."""
    import zmq

    _need_curve()
    if not (keys / "clients").is_dir():
        raise Unavailable(f"{keys} has no folder `clients` with the public keys of clients.", f"{_MAKE}.")
    public, secret = _load(keys / "server.key_secret", secret=True)
    ticket = _authenticator.admit(keys / "clients")
    socket.curve_secretkey = secret
    socket.curve_publickey = public
    socket.curve_server = True
    socket.zap_domain = ticket.domain
    socket.setsockopt(zmq.ZAP_ENFORCE_DOMAIN, 1)  # else libzmq lets everyone in while no handler is there
    return ticket


def secure_client(socket: zmq.Socket[bytes], keys: Path) -> None:
    """Show our key and insist on the server's. `keys`: a keys folder (its client `client` is used), a folder with
    `server.key` and one `NAME.key_secret`, or that secret file itself. Raises Unavailable with the cure."""
    _need_curve()
    file = _client_file(keys)
    public, secret = _load(file, secret=True)
    folders = (file.parent, file.parent.parent)
    server_file = next((f / "server.key" for f in folders if (f / "server.key").is_file()), file.parent / "server.key")
    server, _ = _load(server_file, secret=False)
    socket.curve_publickey = public
    socket.curve_secretkey = secret
    socket.curve_serverkey = server


def _client_file(keys: Path) -> Path:
    if not keys.is_dir():
        return keys
    for folder in (keys / "clients", keys):
        if (folder / "client.key_secret").is_file():
            return folder / "client.key_secret"
        found = sorted(p for p in folder.glob("*.key_secret") if p.name != "server.key_secret")
        if len(found) == 1:
            return found[0]
        if found:
            names = ", ".join(p.name for p in found)
            raise Unavailable(f"{folder} holds several client keys: {names}.", "Name one of these files.")
    raise Unavailable(f"{keys} holds no client key (NAME.key_secret).", f"{_MAKE}, or copy yours here.")


def _load(file: Path, secret: bool) -> tuple[bytes, bytes]:
    import zmq.auth

    cure = f"{_MAKE}, or copy the file from the computer that has it."
    if not file.is_file():
        raise Unavailable(f"The key file {file} is missing.", cure)
    try:
        public, private = zmq.auth.load_certificate(file)
    except (OSError, ValueError) as error:
        raise Unavailable(f"The key file {file} cannot be read: {error}.", cure) from error
    if secret and private is None:
        raise Unavailable(f"{file} holds only a public key.", f"Use the file ending in .key_secret. {_MAKE}.")
    if any(key is not None and len(key) != 40 for key in (public, private)):
        raise Unavailable(f"{file} is damaged: a key is not 40 characters long.", cure)
    return public, private or b""


def _need_curve() -> None:
    context()
    import zmq

    if not zmq.has("curve"):
        raise Unavailable("This pyzmq was built without CURVE.", "Install the wheel: pip install --force pyzmq.")


class Ticket:
    """One server's use of the shared authenticator."""

    def __init__(self, domain: bytes, owner: Authenticator) -> None:
        self.domain = domain
        self._owner = owner

    def close(self) -> None:
        """Give it back; idempotent. The last one ends the authenticator's thread."""
        self._owner.dismiss(self.domain)


class Authenticator:
    """Answers libzmq's question "may this key come in?" (ZAP, RFC 27) for all servers of the process, since a context
    has room for one handler only. Runs while there is a server with keys."""

    def __init__(self) -> None:
        self._folders: dict[bytes, Path] = {}
        self._lock = threading.Lock()
        self._count = 0
        self._thread: SocketThread | None = None

    def admit(self, folder: Path) -> Ticket:
        """Let the keys in `folder` into one more server."""
        with self._lock:
            self._count += 1
            domain = b"morphogen-%d" % self._count
            if self._thread is None:
                self._start()
            self._folders[domain] = folder
        return Ticket(domain, self)

    def dismiss(self, domain: bytes) -> None:
        """Forget a server; with the last one the thread ends."""
        with self._lock:
            self._folders.pop(domain, None)
            if self._folders or self._thread is None:
                return
            self._thread.stop()
            self._thread = None

    def _start(self) -> None:
        import zmq

        socket = context().socket(zmq.REP)
        socket.linger = 0
        try:
            socket.bind(_ZAP)
        except zmq.ZMQError as error:
            socket.close(0)
            raise Unavailable(f"Keys cannot be checked: {error.strerror}.", "Restart morphogen.") from error
        # Closing alone frees the name only when the last peer has let go: not within 2 s, measured.
        self._thread = SocketThread(
            "zmq_curve", socket, on_read=lambda: self._answer(socket), on_close=lambda: socket.unbind(_ZAP)
        )
        self._thread.start()

    def _answer(self, socket: zmq.Socket[bytes]) -> None:
        request = socket.recv_multipart()
        number = request[1] if len(request) > 1 else b""
        good = False
        try:
            good = self._allowed(request)
        finally:  # a handler that does not answer would block every later handshake
            status = (b"200", b"OK", b"client") if good else (b"400", b"unknown key", b"")
            socket.send_multipart([b"1.0", number, *status, b""])

    def _allowed(self, request: list[bytes]) -> bool:
        from zmq.auth import load_certificate
        from zmq.utils import z85

        if len(request) != 7 or request[0] != b"1.0" or request[5] != b"CURVE" or len(request[6]) != 32:
            return False
        folder = self._folders.get(request[2])
        if folder is None:
            return False
        wanted = z85.encode(request[6])
        for file in sorted(folder.glob("*.key")):
            try:
                if load_certificate(file)[0] == wanted:
                    return True
            except (OSError, ValueError):
                continue  # a damaged file admits nobody and keeps nobody else out
        return False


_authenticator = Authenticator()
