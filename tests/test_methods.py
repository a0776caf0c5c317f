from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from morphogen.errors import UsageError
from morphogen.methods import BY_NAME, METHODS, REQUIRED, Arg, Method, bind

EVERY = Method(
    "test.every", "", "",
    (Arg("text", "str", "A text.", "x"), Arg("whole", "int", "A whole number.", 1),
     Arg("real", "float", "A number.", None), Arg("flag", "bool", "Yes or no.", False),
     Arg("blob", "bytes", "Bytes.", None), Arg("map", "map", "A map.", None),
     Arg("list", "list", "A list.", None), Arg("any", "any", "Anything.", None)),
)  # fmt: skip
KINDS = {"str", "int", "float", "bool", "any", "bytes", "map", "list"}


def test_left_out_arguments_take_their_defaults():
    assert bind(EVERY, {}) == {arg.name: arg.default for arg in EVERY.args}
    assert bind(BY_NAME["style.load"], {"name": "a/b"}) == {"name": "a/b", "seconds": None, "on": None}


@pytest.mark.parametrize(
    ("name", "value", "bound"),
    [("text", "", ""), ("whole", 3, 3), ("whole", 3.0, 3), ("real", 2, 2.0), ("real", 2.5, 2.5), ("flag", True, True),
     ("blob", b"\0", b"\0"), ("blob", bytearray(b"a"), b"a"), ("map", {"a": 1}, {"a": 1}), ("list", [1], [1]),
     ("list", (1,), (1,)), ("any", None, None), ("any", "x", "x"), ("any", [1], [1])],
)  # fmt: skip
def test_values_of_the_right_kind_are_taken(name, value, bound):
    result = bind(EVERY, {name: value})[name]
    assert result == bound
    if name in ("whole", "real"):
        assert type(result) is (int if name == "whole" else float)


@pytest.mark.parametrize(
    ("name", "value"),
    [("text", 5), ("text", b"x"), ("whole", "3"), ("whole", True), ("real", "2"), ("real", False), ("real", [1]),
     ("flag", "yes"), ("flag", 0.5), ("blob", "text"), ("map", [1]), ("map", "a"), ("list", "abc"), ("list", {"a": 1})],
)  # fmt: skip
def test_values_of_the_wrong_kind_are_refused_by_name(name, value):
    with pytest.raises(UsageError) as caught:
        bind(EVERY, {name: value})
    arg = next(arg for arg in EVERY.args if arg.name == name)
    assert f"'{name}' must be {arg.kind}" in caught.value.message
    assert type(value).__name__ in caught.value.message
    assert "test.every" in caught.value.message
    assert caught.value.cure == arg.doc
    assert caught.value.code == -32602


@pytest.mark.parametrize("name", ["whole", "real"])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_non_finite_numbers_are_refused(name, value):
    with pytest.raises(UsageError, match=f"'{name}' must be finite") as caught:
        bind(EVERY, {name: value})
    assert caught.value.cure


def test_unknown_names_are_refused_with_the_known_ones():
    with pytest.raises(UsageError, match="no argument 'sconds'") as caught:
        bind(BY_NAME["style.load"], {"name": "a", "sconds": 1})
    assert caught.value.cure == "It takes: name, on, seconds."
    with pytest.raises(UsageError, match="ping has no argument 'x'") as caught:
        bind(BY_NAME["ping"], {"x": 1})
    assert caught.value.cure == "It takes: none."


@pytest.mark.parametrize(
    "method", [m for m in METHODS if any(a.default is REQUIRED for a in m.args)], ids=lambda m: m.name
)
def test_missing_arguments_are_named_with_their_meaning(method):
    first = next(arg for arg in method.args if arg.default is REQUIRED)
    with pytest.raises(UsageError) as caught:
        bind(method, {})
    assert caught.value.message == f"{method.name} needs '{first.name}'."
    assert caught.value.cure == first.doc


def test_the_table_is_sound():
    assert len(BY_NAME) == len(METHODS)
    for method in METHODS:
        assert method.name == method.name.lower()
        assert method.doc
        assert method.result
        names = [arg.name for arg in method.args]
        assert len(set(names)) == len(names)
        optional = [arg.default is not REQUIRED for arg in method.args]
        assert optional == sorted(optional), f"{method.name}: positional calls need the required arguments first"
        for arg in method.args:
            assert arg.kind in KINDS
            assert arg.doc
            if arg.default not in (REQUIRED, None):
                assert bind(method, _filled(method) | {arg.name: arg.default})[arg.name] == arg.default


def _filled(method):
    samples = {"str": "a", "int": 1, "float": 1.0, "bool": True, "bytes": b"", "any": 1, "map": {}, "list": []}
    return {arg.name: samples[arg.kind] for arg in method.args if arg.default is REQUIRED}


_any = st.none() | st.booleans() | st.integers(-(1 << 63), 1 << 64) | st.floats() | st.text() | st.binary()
_any = _any | st.lists(_any, max_size=2) | st.dictionaries(st.text(), _any, max_size=2)


@given(method=st.sampled_from([*METHODS, EVERY]), data=st.data())
def test_binding_gives_all_arguments_or_says_what_is_wrong(method, data):
    names = st.sampled_from([a.name for a in method.args] or ["x"]) | st.text(max_size=5)
    arguments = data.draw(st.dictionaries(names, _any, max_size=4))
    said = None
    bound = {}
    try:
        bound = bind(method, arguments)
    except UsageError as error:
        said = error
    if said is None:
        assert list(bound) == [arg.name for arg in method.args]
    else:
        assert method.name in said.message
        assert said.cure
