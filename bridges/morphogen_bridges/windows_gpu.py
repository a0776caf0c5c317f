"""Which graphics cards Windows has, which one a program gets, and how to ask for the fast one.

Spout's receivers open the sender's texture on their own card: on a laptop with two, both sides must be on the same one
or the picture stays black. Windows keeps the choice for each program by the path of its .exe (build 17134 and later):

    HKEY_CURRENT_USER\\Software\\Microsoft\\DirectX\\UserGpuPreferences   "C:\\...\\python.exe" = "GpuPreference=2;"

0 leaves it to Windows, 1 saves power, 2 is fast; other settings may stand beside it. DXGI lists for each program the
card first that it gets. A virtual environment's python.exe only starts the real one, and that one's path counts.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from morphogen.errors import Unavailable

KEY = r"Software\Microsoft\DirectX\UserGpuPreferences"
SETTING = "GpuPreference"
WORDS = {0: "left to Windows", 1: "power saving", 2: "high performance"}
FAST = 2
_SOFTWARE = 2  # DXGI_ADAPTER_FLAG_SOFTWARE
_VENDORS = {0x10DE: "NVIDIA", 0x1002: "AMD", 0x8086: "Intel", 0x1414: "Microsoft", 0x5143: "Qualcomm"}
_RELEASE, _ENUM_ADAPTERS1, _GET_DESC1 = 2, 12, 10  # places in the tables of IDXGIFactory1 and IDXGIAdapter1


@dataclass(frozen=True)
class Adapter:
    """A graphics card. memory_mb: its own memory. software: Windows' stand-in, no card at all."""

    name: str
    vendor: str
    memory_mb: int
    software: bool


class _Guid(ctypes.Structure):
    _fields_ = (("a", ctypes.c_uint32), ("b", ctypes.c_uint16), ("c", ctypes.c_uint16), ("d", ctypes.c_uint8 * 8))


class Description(ctypes.Structure):
    """DXGI_ADAPTER_DESC1."""

    _fields_ = (
        ("name", ctypes.c_uint16 * 128), ("vendor", ctypes.c_uint32), ("device", ctypes.c_uint32),
        ("subsystem", ctypes.c_uint32), ("revision", ctypes.c_uint32), ("own_memory", ctypes.c_size_t),
        ("own_system_memory", ctypes.c_size_t), ("shared_memory", ctypes.c_size_t), ("luid", ctypes.c_uint32 * 2),
        ("flags", ctypes.c_uint32),
    )  # fmt: skip


_FACTORY1 = _Guid(0x770AAE78, 0xF26F, 0x4DBA, (ctypes.c_uint8 * 8)(0xA8, 0x29, 0x25, 0x3C, 0x83, 0xD1, 0xB3, 0x87))


def _windows(library: str) -> Any:
    """One of Windows' libraries. Raises Unavailable elsewhere."""
    if sys.platform == "win32":
        return ctypes.WinDLL(library)
    raise Unavailable(
        "the choice of a graphics card for each program is Windows' own.",
        "Here MORPHOGEN_GPU=0, 1 ... chooses the card of the OpenGL backend.",
    )


def registry() -> Any:
    """The module winreg. Raises Unavailable elsewhere."""
    _windows("kernel32")
    import winreg

    return winreg


def _method(thing: ctypes.c_void_p, place: int, *arguments: Any) -> Callable[..., int]:
    """A method of a COM object. On 64 bit there is one way to call, so this is not Windows' alone."""
    table = ctypes.cast(thing, ctypes.POINTER(ctypes.POINTER(ctypes.c_void_p))).contents
    call: Callable[..., int] = ctypes.CFUNCTYPE(ctypes.c_uint32, ctypes.c_void_p, *arguments)(table[place] or 0)
    return call


def adapters(dxgi: Any = None) -> list[Adapter]:
    """The cards of this machine, the one that this program gets first. Raises Unavailable."""
    library = dxgi or _windows("dxgi")
    factory = ctypes.c_void_p()
    failed = library.CreateDXGIFactory1(ctypes.byref(_FACTORY1), ctypes.byref(factory)) & 0xFFFFFFFF
    if failed:
        raise Unavailable(f"Windows does not list its graphics cards ({failed:#x}).", "Update the graphics driver.")
    found: list[Adapter] = []
    try:
        enumerate_ = _method(factory, _ENUM_ADAPTERS1, ctypes.c_uint32, ctypes.POINTER(ctypes.c_void_p))
        while len(found) < 32:
            adapter = ctypes.c_void_p()
            if enumerate_(factory, len(found), ctypes.byref(adapter)):  # DXGI_ERROR_NOT_FOUND behind the last
                break
            found.append(_described(adapter))
    finally:
        _method(factory, _RELEASE)(factory)
    return found


def _described(adapter: ctypes.c_void_p) -> Adapter:
    description = Description()
    try:
        failed = _method(adapter, _GET_DESC1, ctypes.POINTER(Description))(adapter, ctypes.byref(description))
    finally:
        _method(adapter, _RELEASE)(adapter)
    if failed:
        return Adapter("unknown", "", 0, False)
    letters = bytes(description.name).decode("utf-16-le", "replace").partition("\0")[0].strip()
    vendor = _VENDORS.get(description.vendor, f"{description.vendor:#06x}")
    return Adapter(letters, vendor, description.own_memory >> 20, bool(description.flags & _SOFTWARE))


def programs(kernel32: Any = None) -> list[str]:
    """Paths under which Windows may know this program: that of the process first, then what was started."""
    library = kernel32 or _windows("kernel32")
    room = (ctypes.c_uint16 * 32768)()
    # HMODULE None: the process itself. In a virtual environment that is the Python which it was made with.
    length = library.GetModuleFileNameW(None, ctypes.byref(room), len(room))
    own = bytes(room)[: 2 * length].decode("utf-16-le", "replace")
    return list(dict.fromkeys(path for path in (own, sys.executable) if path))


def preferences(winreg: Any = None) -> dict[str, int]:
    """What is set for each program: path -> 0, 1 or 2. Those without a choice of card are left out."""
    winreg = winreg or registry()
    try:
        key = winreg.OpenKey(winreg.HKEY_CURRENT_USER, KEY, 0, winreg.KEY_READ)
    except FileNotFoundError:
        return {}
    found: dict[str, int] = {}
    with key:
        count = winreg.QueryInfoKey(key)[1]
        for index in range(count):
            name, value, _ = winreg.EnumValue(key, index)
            choice = _settings(value).get(SETTING, "")
            if choice.isdigit():
                found[name] = int(choice)
    return found


def _settings(value: Any) -> dict[str, str]:
    parts = (part.partition("=") for part in str(value).split(";") if "=" in part)
    return {name.strip(): text.strip() for name, _, text in parts}


def preference(paths: list[str], winreg: Any = None) -> int | None:
    """The choice for the first of these programs that has one. Windows does not tell capitals apart in paths."""
    known = {path.lower(): choice for path, choice in preferences(winreg).items()}
    return next((known[path.lower()] for path in paths if path.lower() in known), None)


def prefer(choice: int = FAST, paths: list[str] | None = None, winreg: Any = None) -> list[str]:
    """Set the choice for this program, other settings kept; it holds from its next start on. Returns the paths. Raises
    Unavailable elsewhere than on Windows and where the registry may not be written."""
    winreg = winreg or registry()
    paths = paths if paths is not None else programs()
    try:
        with winreg.CreateKeyEx(winreg.HKEY_CURRENT_USER, KEY, 0, winreg.KEY_READ | winreg.KEY_WRITE) as key:
            for path in paths:
                _write(winreg, key, path, choice)
    except OSError as error:
        raise Unavailable(
            f"Windows does not let the choice of a graphics card be written ({error}).",
            "Set it by hand: Settings, System, Display, Graphics.",
        ) from error
    return paths


def _write(winreg: Any, key: Any, path: str, choice: int) -> None:
    try:
        before, _ = winreg.QueryValueEx(key, path)
    except FileNotFoundError:
        before = ""
    settings = {**_settings(before), SETTING: str(choice)}
    winreg.SetValueEx(key, path, 0, winreg.REG_SZ, "".join(f"{name}={text};" for name, text in settings.items()))
