from __future__ import annotations

import json
import math
import re

import msgpack
import pytest

from morphogen.clock import ManualClock
from morphogen.errors import ParamError
from morphogen.methods import METHODS
from morphogen.params import describe
from morphogen.params.catalog import BY_KEY, FEATURES, PARAMS, RESERVED_GROUPS
from morphogen.params.store import ParamStore


def test_osc_addresses_are_the_promised_ones() -> None:
    assert describe.osc_address(BY_KEY["view/zoom"]) == "/morphogen/view/zoom"
    assert describe.norm_address(BY_KEY["view/zoom"]) == "/morphogen/norm/view/zoom"
    assert {describe.osc_address(BY_KEY[f"audio/{name}"]) for name in FEATURES} >= {"/morphogen/audio/bass"}


def test_no_address_meets_a_command_or_another() -> None:
    own = [describe.osc_address(p) for p in PARAMS]
    normalised = [describe.norm_address(p) for p in PARAMS]
    assert len({*own, *normalised}) == 2 * len(PARAMS)
    for address in own:
        _, root, group, name = address.split("/")
        assert root == "morphogen"
        assert group not in RESERVED_GROUPS
        assert name
        assert not set(address) & set(" #*,?[]{}")  # OSC 1.0: not allowed in names


def test_a_parameter_as_a_map() -> None:
    assert describe.as_dict(BY_KEY["view/mirror"], "both") == {
        "key": "view/mirror",
        "group": "view",
        "name": "mirror",
        "label": "Mirror",
        "doc": "Mirrors one half of the screen onto the other.",
        "type": "choice",
        "unit": "",
        "min": 0,
        "max": 3,
        "default": "off",
        "value": "both",
        "normalised": 1.0,
        "scale": "linear",
        "clip": "clip",
        "choices": ["off", "x", "y", "both"],
        "smoothing": 0.0,
        "feature": False,
        "rebuild": False,
        "osc": "/morphogen/view/mirror",
    }
    zoom = describe.as_dict(BY_KEY["view/zoom"], 2)
    assert zoom["value"] == 2.0
    assert zoom["normalised"] == pytest.approx(math.log(40) / math.log(400))
    with pytest.raises(ParamError, match="view/zoom refuses nan"):
        describe.as_dict(BY_KEY["view/zoom"], math.nan)


def test_the_listing_travels_and_shows_live_values() -> None:
    store = ParamStore(ManualClock())
    store.set("view/zoom", 3.0)
    store.set("output/blackout", True)
    listing = describe.listing({key: store.get(key) for key in store.specs})
    assert [entry["key"] for entry in listing] == [p.key for p in PARAMS]
    assert listing[0]["value"] == 3.0
    assert json.loads(json.dumps(listing, allow_nan=False)) == listing
    assert msgpack.unpackb(msgpack.packb(listing)) == listing
    assert [e["value"] for e in describe.listing({})] == [p.public(p.default) for p in PARAMS]


def test_cli_help_has_one_line_for_each() -> None:
    lines = describe.cli_help().splitlines()
    assert len(lines) == len(PARAMS)
    first = re.sub(r" {2,}", "  ", lines[0])
    assert first == "view/zoom  0.05 to 20  [1]  Magnification; 2 shows everything twice as large. (factor)"
    assert "0.3" in describe.default_text(BY_KEY["lfo3/rate"])
    assert all(len(line) < 140 for line in lines)


def test_tables_hold_everything() -> None:
    params = describe.params_table()
    assert all(f"| `{p.key}` |" in params for p in PARAMS)
    assert "### audio (measured)" in params
    methods = describe.methods_table()
    assert all(f"| `{m.name}` | {m.doc} |" in methods for m in METHODS)
    assert "`seconds` (float, optional = `0.0`)" in methods

    class Fire:
        address, doc, types, names = "/morphogen/x", "Fires a|b.", "s[f", ("name", "seconds")

    osc = describe.osc_table([Fire()])
    assert "| `/morphogen/x` | s name, [f seconds] | Fires a\\|b. |" in osc
    assert all(f"| `{describe.osc_address(p)}` |" in osc for p in PARAMS)
    rows = [line for line in osc.splitlines() if line.startswith("|")]
    assert {line.replace("\\|", "").count("|") for line in rows} == {4, 6}
