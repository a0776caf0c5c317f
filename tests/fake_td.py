"""A stand-in for TouchDesigner's `td` module that knows what Derivative's documentation lists, and refuses the rest.

Each operator type carries the parameters that its page names; a parameter, method or attribute that is not written
there raises. It proves agreement with the documentation, not what TouchDesigner does: nobody has run the component in
TouchDesigner here. Pages are those of https://docs.derivative.ca, by the name in `page`.
"""

from __future__ import annotations

import re
import types
from typing import Any

import numpy as np


class tdAttributeError(AttributeError):
    pass


# type -> (page, parameters that the page lists)
DOCUMENTED: dict[str, tuple[str, set[str]]] = {
    "baseCOMP": ("Base_COMP", set()),
    "textDAT": ("Text_DAT", {"language", "extension", "file", "syncfile"}),
    "oscoutDAT": ("OSC_Out_DAT", {"active", "protocol", "address", "port", "localaddress", "localport"}),
    "oscinDAT": ("OSC_In_DAT", {"active", "protocol", "address", "port", "shared", "addscope", "typetag", "splitbundle",
                                "splitmessage", "bundletimestamp", "callbacks", "executeloc", "fromop", "clamp",
                                "maxlines", "clear", "bytes"}),
    "parameterexecuteDAT": ("Parameter_Execute_DAT", {"active", "executeloc", "fromop", "op", "pars", "valuechange",
                            "valueschanged", "onpulse", "expressionchange", "exportchange", "enablechange",
                            "modechange", "custom", "builtin"}),
    "executeDAT": ("Execute_DAT", {"active", "executeloc", "fromop", "start", "create", "exit", "framestart",
                                   "frameend", "playstatechange", "devicechange", "projectpresave", "projectpostsave"}),
    "chopexecuteDAT": ("CHOP_Execute_DAT", {"active", "executeloc", "fromop", "chop", "channel", "offtoon", "whileon",
                                            "ontooff", "whileoff", "valuechange", "freq"}),
    "webclientDAT": ("Web_Client_DAT", {"active", "reqmethod", "url", "uploadfile", "includeheader", "stream",
                                        "timeout", "verifycert", "callbacks", "clear", "clamp", "maxlines",
                                        "asyncrequest"}),
    "oscinCHOP": ("OSC_In_CHOP", {"active", "protocol", "netaddress", "port", "localaddress", "shared", "queued",
                                  "timeslice", "oscaddressscope", "resetpulse"}),
    "inCHOP": ("In_CHOP", {"label", "connectorder"}),
    "outCHOP": ("Out_CHOP", {"label", "connectorder"}),
    "outTOP": ("Out_TOP", {"label", "connectorder"}),
    "scriptTOP": ("Script_TOP", {"callbacks", "setuppars", "modoutsidecook"}),
    "switchTOP": ("Switch_TOP", {"index", "blend", "extend"}),
    "syphonspoutinTOP": ("Syphon_Spout_In_TOP", {"sendername", "usespoutactivesender"}),
    "ndiinTOP": ("NDI_In_TOP", {"active", "name", "extraips", "bandwidth", "hwdecode", "inputpixelformat",
                                "grouptable"}),
}  # fmt: skip
INPUTS = {"switchTOP": 9, "outTOP": 1, "outCHOP": 1}
CUSTOM = re.compile(r"[A-Z][a-z0-9]*")  # Custom_Parameters
# Par_Class
PAR = {"val", "default", "min", "max", "normMin", "normMax", "clampMin", "clampMax", "menuNames", "menuLabels", "help",
       "enable", "readOnly", "expr", "bindExpr", "name", "label", "page", "style"}  # fmt: skip
# Page_Class
STYLES = {"Float", "Int", "Toggle", "Pulse", "Str", "Menu", "StrMenu"}


class Par:
    def __init__(self, owner: Op, name: str, style: str, value: Any) -> None:
        vars(self).update(owner=owner, name=name, style=style, val=value, help="", label=name, readOnly=False,
                          menuNames=[], menuLabels=[], min=0.0, max=1.0, normMin=0.0, normMax=1.0, clampMin=False,
                          clampMax=False, default=value)  # fmt: skip

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in PAR:
            raise tdAttributeError(f"Par has no attribute {name!r}")
        if name == "val":
            value = self._checked(value)
        before = vars(self).get("val")
        vars(self)[name] = value
        if name == "val" and value != before:
            self.owner._changed(self, before)

    def _checked(self, value: Any) -> Any:
        if self.style == "Menu" and self.menuNames and value not in self.menuNames:
            raise ValueError(f"{self.name}: {value!r} is none of {self.menuNames}")
        if self.style in ("Float", "Int") and self.clampMin:
            value = min(max(value, self.min), self.max)
        return {"Int": int, "Float": float, "Toggle": bool, "Str": str, "StrMenu": str}.get(self.style, lambda v: v)(
            value
        )

    def eval(self) -> Any:
        return self.val

    def pulse(self) -> None:
        assert self.style == "Pulse"
        self.owner._pulsed(self)


class Page:
    def __init__(self, owner: Op, name: str) -> None:
        self.owner, self.name = owner, name

    def __getattr__(self, name: str) -> Any:
        style = name.removeprefix("append")
        if not name.startswith("append") or style not in STYLES:
            raise tdAttributeError(f"Page has no attribute {name!r}")

        def append(name: str, *, label: str | None = None, order: int | None = None, replace: bool = True) -> list[Par]:
            if not CUSTOM.fullmatch(name):
                raise ValueError(f"{name!r} is no name of a custom parameter")
            if name in self.owner._custom and not replace:
                raise RuntimeError(f"{name!r} is there already")
            start = {"Float": 0.0, "Int": 0, "Toggle": False}.get(style, "")
            par = Par(self.owner, name, style, start)
            par.label = label or name
            vars(par)["page"] = self
            self.owner._custom[name] = par
            return [par]

        return append


class Pars:
    """`op.par`."""

    def __init__(self, owner: Op) -> None:
        vars(self)["_owner"] = owner

    def __getattr__(self, name: str) -> Par:
        found = self._owner._find(name)
        if found is None:
            raise tdAttributeError(f"{self._owner.kind} has no parameter {name!r}")
        return found

    def __setattr__(self, name: str, value: Any) -> None:
        getattr(self, name).val = value


class Connector:
    def __init__(self, owner: Op) -> None:
        self.owner = owner
        self.connections: list[Connector] = []

    def connect(self, other: Connector) -> None:
        if other.owner.kind[-3:].upper() != self.owner.kind[-3:].upper():
            raise ValueError("only operators of one family can be connected")
        other.connections = [self]


class Channel:
    def __init__(self, name: str) -> None:
        self.name = name


class Op:
    """Any operator. Attributes that are not documented do not exist."""

    __slots__ = (
        "_children", "_custom", "_pages", "_parent", "_pars", "_store", "_world", "cooked", "inputConnectors", "kind",
        "name", "nodeX", "nodeY", "outputConnectors", "picture", "requests", "saved", "sent", "text",
    )  # fmt: skip

    def __init__(self, world: World, kind: str, name: str, parent: Op | None) -> None:
        self._world, self.kind, self.name, self._parent = world, kind, name, parent
        self._children: dict[str, Op] = {}
        self._custom: dict[str, Par] = {}
        self._pages: list[Page] = []
        self._pars = {n: Par(self, n, "any", None) for n in DOCUMENTED[kind][1]}
        self._store: dict[str, Any] = {}
        self.inputConnectors = [Connector(self) for _ in range(INPUTS.get(kind, 0))]
        self.outputConnectors = [Connector(self)]
        self.text, self.nodeX, self.nodeY, self.picture = "", 0, 0, None
        self.sent: list[tuple[str, list[Any]]] = []
        self.requests: list[tuple[str, str]] = []
        self.saved: list[str] = []
        self.cooked = 0

    def _find(self, name: str) -> Par | None:
        return self._custom.get(name) or self._pars.get(name)

    # OP_Class, COMP_Class
    @property
    def par(self) -> Pars:
        return Pars(self)

    @property
    def path(self) -> str:
        return f"{self._parent.path.rstrip('/')}/{self.name}" if self._parent else "/"

    def pars(self, *names: str) -> list[Par]:
        return [found for name in names if (found := self._find(name)) is not None]

    def parent(self) -> Op | None:
        return self._parent

    def op(self, name: str) -> Op | None:
        return self._children.get(name)

    def store(self, key: str, value: Any) -> None:
        self._store[key] = value

    def fetch(self, key: str, default: Any = None) -> Any:
        return self._store.get(key, default)

    def create(self, kind: str, name: str) -> Op:
        self._comp()
        if name in self._children:
            raise RuntimeError(f"{name} is there already")  # TouchDesigner would call it name1
        made = self._children[name] = Op(self._world, kind, name, self)
        return made

    @property
    def customPages(self) -> list[Page]:
        self._comp()
        return list(self._pages)

    def appendCustomPage(self, name: str) -> Page:
        self._comp()
        self._pages.append(Page(self, name))
        return self._pages[-1]

    def save(self, path: str) -> str:
        self._comp()
        self.saved.append(path)
        return path

    def cook(self, force: bool = False, recurse: bool = False) -> None:
        self.cooked += 1
        if self.kind == "scriptTOP":
            self._world.call(self._parent.op(self.par.callbacks.eval()), "onCook", self)

    def _comp(self) -> None:
        if not self.kind.endswith("COMP"):
            raise tdAttributeError(f"{self.kind} is no component")

    # textDAT_Class
    @property
    def module(self) -> Any:
        assert self.kind == "textDAT"
        return self._world.module(self)

    # oscoutDAT_Class
    def sendOSC(self, address: str, args: list[Any] | None = None, asBundle: bool = False,
                useNonStandardTypes: bool = True) -> int:  # fmt: skip
        assert self.kind == "oscoutDAT"
        assert address.startswith("/")
        assert all(isinstance(value, (int, float, str)) for value in args or [])
        self.sent.append((address, list(args or [])))
        return 0

    # webclientDAT_Class
    def request(self, url: str, method: str, **more: Any) -> int:
        assert self.kind == "webclientDAT"
        assert method in ("GET", "POST", "PUT", "DELETE")
        self.requests.append((url, method))
        return len(self.requests)

    # scriptTOP_Class
    def copyNumpyArray(self, array: Any) -> None:
        assert self.kind == "scriptTOP"
        assert array.ndim == 3
        assert 1 <= array.shape[2] <= 4
        assert array.dtype in (np.uint8, np.uint16, np.float32)
        assert array.flags.c_contiguous
        self.picture = array

    def _changed(self, par: Par, before: Any) -> None:
        if par.name in self._custom:
            self._world.watchers(self, "valuechange", "onValueChange", par, before)

    def _pulsed(self, par: Par) -> None:
        self._world.watchers(self, "onpulse", "onPulse", par)


class World(types.ModuleType):
    """The module `td` of one project."""

    def __init__(self) -> None:
        super().__init__("td")
        self._root = Op(self, "baseCOMP", "", None)
        self._modules: dict[Op, tuple[str, Any]] = {}
        self._root.create("baseCOMP", "project1")
        for kind in DOCUMENTED:
            setattr(self, kind, kind)

    def op(self, path: str) -> Op | None:
        found: Op | None = self._root
        for name in filter(None, path.split("/")):
            found = found.op(name) if found else None
        return found

    def module(self, dat: Op) -> Any:
        """A DAT's text as a module; made anew when the text changes. `op` and `parent` as its callbacks see them."""
        text, module = self._modules.get(dat, ("", None))
        if module is None or text != dat.text:
            module = types.ModuleType(dat.name)
            module.op = dat.parent().op
            module.parent = dat.parent
            module.me = dat
            exec(compile(dat.text, dat.name, "exec"), vars(module))
            self._modules[dat] = (dat.text, module)
        return module

    def call(self, dat: Op, name: str, *args: Any) -> None:
        getattr(self.module(dat), name)(*args)

    def watchers(self, comp: Op, switch: str, function: str, *args: Any) -> None:
        for dat in comp._children.values():
            if dat.kind == "parameterexecuteDAT" and dat.par.op.eval() == ".." and getattr(dat.par, switch).eval():
                self.call(dat, function, *args)

    def frame(self, comp: Op, number: int) -> None:
        for dat in list(comp._children.values()):
            if dat.kind == "executeDAT" and dat.par.framestart.eval():
                self.call(dat, "onFrameStart", number)
