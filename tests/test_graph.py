"""The expression graph: one table of operations, lowered completely, branches that cost nothing when off."""

from __future__ import annotations

import numpy as np
import pytest

from morphogen.field import graph
from morphogen.field.graph import OPS, Evaluator, Node, branch, clamp, cos_turns, fma, fract, op, pixel_input, uniform
from morphogen.field.inputs import PIXEL_INPUTS
from morphogen.field.network import PRESETS, SEED_INPUTS, Shape, preset
from morphogen.field.scene import program
from morphogen.render.lowering import Lowering

SPECIAL = {"const", "uniform", "input", "branch", "pick", "network"}


def value(node: Node, uniforms=(), **inputs):
    return Evaluator(np.array(uniforms, float), {k: np.asarray(v, float) for k, v in inputs.items()})(node)


def reachable(nodes) -> set[Node]:
    seen: set[Node] = set()

    def walk(item):
        if isinstance(item, tuple):
            for part in item:
                walk(part)
        elif isinstance(item, Node) and item not in seen:
            seen.add(item)
            walk(item.args)

    walk(tuple(nodes))
    return seen


@pytest.mark.parametrize("name", OPS)
def test_every_operation_is_lowered(name):
    """One method for each row of the table, taking as many arguments."""
    method = getattr(Lowering, f"_{name}", None)
    assert method is not None, f"render/lowering.py does not know how to lower {name!r}"
    assert method.__code__.co_argcount - 1 == OPS[name].arity
    assert not method.__code__.co_flags & 0x0C  # *args would hide a wrong count


@pytest.mark.parametrize("name", sorted(set(OPS) - {"lookup"}))  # which needs a table: tests/test_colour_parity.py
def test_every_operation_has_a_meaning_and_a_line(name):
    args = [np.array([0.25, 0.5]) + i for i in range(OPS[name].arity)]
    result = value(op(name, *(pixel_input(c) for c in "abcd"[: len(args)])), **dict(zip("abcd", args, strict=False)))
    assert result.shape == (2,)
    assert np.isfinite(result).all()
    assert OPS[name].doc


def test_programs_use_known_operations_only():
    shapes = [preset(name) for name in PRESETS] + [Shape((*PIXEL_INPUTS, *SEED_INPUTS[2:]), (("abs", "relu"),))]
    for shape in shapes:
        made = program((shape, shapes[0]))
        nodes = reachable((*made.row, *made.joined, *(c for one in made.pictures for c in one), made.finish))
        assert {node.op for node in nodes} <= set(OPS) | SPECIAL


@pytest.mark.parametrize("call", [lambda: op("sine", 1.0), lambda: op("fma", 1.0, 2.0), lambda: op("exp2")])
def test_what_is_not_in_the_table_is_refused_by_name(call):
    with pytest.raises(ValueError, match=r"operation '(sine|fma|exp2)' with \d arguments is not in the table"):
        call()


def test_an_operation_nobody_lowers_fails_by_name():
    """A node that slips past the table (a typo in a new pattern) names itself on every backend."""
    from llvmlite import ir

    module = ir.Module("m")
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), [ir.PointerType()]), "f")
    builder = ir.IRBuilder(function.append_basic_block())
    lowering = Lowering(builder, 4, function.args[0], program((preset("2L_4D"),)))
    with pytest.raises((AttributeError, ValueError, KeyError), match="wobble"):
        lowering.lower(Node("wobble", ()))
    with pytest.raises(KeyError, match="wobble"):
        value(Node("wobble", ()))


def test_operators_and_functions_mean_what_they_look_like():
    a, b = pixel_input("a"), pixel_input("b")
    given = {"a": [2.0, -3.5], "b": [0.5, 4.0]}
    x, y = np.array(given["a"]), np.array(given["b"])
    table = [
        (a + b, x + y), (a - b, x - y), (a * b, x * y), (a / b, x / y), (-a, -x), (abs(a), abs(x)),
        (1 + a, 1 + x), (1 - a, 1 - x), (2 * a, 2 * x), (2 / a, 2 / x), (a + 1, x + 1), (a / 2, x / 2),
        (fma(a, b, 3.0), x * y + 3), (clamp(a), np.clip(x, 0, 1)), (clamp(a, -1, 4), np.clip(x, -1, 4)),
        (fract(a), x - np.floor(x)), (cos_turns(a), np.cos(2 * np.pi * x)), (graph.sin_turns(a), np.sin(2 * np.pi * x)),
        (op("less", a, b, 10.0, 20.0), np.where(x < y, 10, 20)),
        (op("atan2_turns", a, b), np.arctan2(x, y) / (2 * np.pi)),
        (op("log2", b), np.log2(y)),
        (op("exp2", a), 2.0**x), (op("exp2_neg", abs(a)), 2.0 ** -abs(x)), (op("sqrt", b), np.sqrt(y)),
        (op("min", a, b), np.minimum(x, y)), (op("max", a, b), np.maximum(x, y)),
    ]  # fmt: skip
    for node, expected in table:
        np.testing.assert_allclose(value(node, **given), expected, atol=1e-12)


def test_exponents_are_clamped():
    a = pixel_input("a")
    big = np.array([1e4, -1e4, 127.0])
    np.testing.assert_array_equal(value(op("exp2", a), a=big), [2.0**126, 2.0**-126, 2.0**126])
    np.testing.assert_array_equal(value(op("exp2_neg", a), a=[1e4, 0.0]), [2.0**-126, 1.0])
    np.testing.assert_array_equal(value(op("log2", a), a=[0.0, -1.0, 2.0**-130]), [-126.0] * 3)


def test_a_uniform_is_read_from_its_slot():
    assert value(uniform(2) * 10.0, uniforms=(1, 2, 3)) == 30


def counted(monkeypatch, *names: str) -> dict[str, int]:
    calls = dict.fromkeys(names, 0)

    def counting(name, inner):
        def call(*args):
            calls[name] += 1
            return inner(*args)

        return call

    for name in names:
        entry = OPS[name]
        monkeypatch.setitem(OPS, name, graph.Op(entry.arity, counting(name, entry.numpy), entry.doc))
    return calls


def test_the_side_not_taken_is_not_evaluated(monkeypatch):
    calls = counted(monkeypatch, "sqrt", "floor")
    a = pixel_input("a")
    chosen, second = branch(uniform(0), (op("sqrt", a), a), (op("floor", a), -a))
    for flag, expected, taken in ((1.0, 3.0, "sqrt"), (0.0, 9.0, "floor")):
        calls.update(sqrt=0, floor=0)
        evaluator = Evaluator(np.array([flag]), {"a": np.array(9.0)})
        assert evaluator(chosen) == expected
        assert evaluator(second) == (9.0 if flag else -9.0)
        assert calls == {name: int(name == taken) for name in calls}


def test_a_branch_needs_more_than_a_half():
    node = branch(uniform(0), (1.0,), (2.0,))[0]
    assert [value(node, uniforms=[flag]) for flag in (0.0, 0.5, 0.51, 1.0)] == [2, 2, 1, 1]


def test_a_shared_node_is_computed_once(monkeypatch):
    calls = counted(monkeypatch, "sqrt")
    root = op("sqrt", pixel_input("a"))
    total = root
    for _ in range(20):
        total = total + total  # a tree of a million leaves, a graph of 21 nodes
    evaluator = Evaluator(np.zeros(0), {"a": np.array(4.0)})
    assert evaluator(total + root) == 2.0 * 2**20 + 2.0
    assert calls["sqrt"] == 1


def test_a_network_node_is_asked_once_for_all_its_channels():
    asked = []

    def network(index, xy):
        asked.append(index)
        return [xy[0] + c for c in range(3)]

    field = Node("network", (0, (pixel_input("a"), pixel_input("a"))))
    picks = [Node("pick", (field, c)) for c in range(3)]
    evaluator = Evaluator(np.zeros(0), {"a": np.array(1.0)}, network)
    assert [float(evaluator(p)) for p in picks] == [1.0, 2.0, 3.0]
    assert asked == [0]


def test_a_program_is_made_once_for_a_shape():
    a, b = preset("3L_4D"), preset("2L_8D")
    assert program((a,)) is program((a,))
    assert program((a, b)) is not program((b, a))
    assert program((a, b)).uniform_count == program((b, a)).uniform_count
