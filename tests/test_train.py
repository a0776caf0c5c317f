"""From a sentence to a style file: orders, plans, a tiny run end to end, interruption, and every way to go wrong."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import numpy as np
import pytest

from morphogen.cli import run as cli
from morphogen.clock import ManualClock
from morphogen.errors import MorphogenError, StateError, StyleError, UsageError
from morphogen.field.cppn import evaluate
from morphogen.library.style import load_style
from morphogen.training import checkpoint, guided, make
from morphogen.training import judge as judging
from morphogen.training import plan as plans
from morphogen.training import run as runs
from morphogen.training.calm import Calmed, Drive, Reading, turned
from morphogen.training.canvas import Canvas
from morphogen.training.colours import HUES, of_words, rgb, stops
from morphogen.training.concept import targets, variants
from morphogen.training.fit import Fit, search, wide
from morphogen.training.guided import Ascent, movement
from morphogen.training.judge import Judgement, best, judge
from morphogen.training.order import Order
from morphogen.training.plan import make_plan
from morphogen.training.run import Run
from morphogen.training.states import BANDS, FRAME_INPUTS, LOOP, held_out_states, moment, training_states
from morphogen.training.table import CONCEPTS

torch = pytest.importorskip("torch", reason="PyTorch is not installed (extra `train`)")


SAFE, FLASHING = Reading(1.0, 0.0, (0, 0), False), Reading(6.0, 0.5, (0, 60), False)


@pytest.fixture(autouse=True)
def tiny(monkeypatch):
    """Fewer moments and lines: the same run, a tenth of the time; at the tests' own priority."""
    monkeypatch.setattr(make, "only_when_idle", contextlib.nullcontext)
    monkeypatch.setattr(make, "calm", lambda network: Calmed(network, SAFE, SAFE, {}, 0.5))  # tests/test_calm.py
    monkeypatch.setattr(runs, "MOMENTS", 4)
    for module in (guided, judging):
        monkeypatch.setattr(module, "LINES", 16)
    monkeypatch.setattr(runs, "FITTED", (runs.Stage("fit", 2, 6, 16), runs.Stage("fine", 2, 3, 16)))


def test_it_leaves_the_arithmetic_of_its_thread_as_it_was():
    with make.humble(1):
        assert 5e-324 * 1.0 == 0.0
    assert 5e-324 * 1.0 > 0.0


SMALL = {"guide": "none", "seeds": 48, "steps": 8}


class Redness:
    """A guide's aim that likes red."""

    understandings: tuple = ()

    def describe(self):
        return {}

    def score(self, images):
        return images[:, 0].mean((1, 2)) - images[:, 2].mean((1, 2))

    def loss(self, images):
        return 1 - self.score(images)

    def line(self):
        return "understood: red"


class Meaning:
    """What a guide understood."""

    def __init__(self, structures=(), colours=(), unknown=()):
        self._kinds = {"structure": structures, "colour": colours}
        self.unknown = [type("Word", (), {"word": word})() for word in unknown]

    def concepts(self, kind):
        return self._kinds[kind]


def trained(order: Order, aim=None, **kw) -> Run:
    return Run(order, make_plan(order, CONCEPTS), aim, clock=ManualClock(), **kw)


# --- orders


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"prompt": "  "}, "empty"),
        ({"prompt": "star " * 200}, "1000 characters"),
        ({"prompt": "two\nlines"}, "line breaks"),
        ({"guide": "oracle"}, "--guide"),
        ({"arch": "4L_256D"}, "--arch"),
        ({"method": "magic"}, "--method"),
        ({"seeds": 0}, "--seeds"),
        ({"steps": -1}, "--steps"),
        ({"literal": 1.5}, "--literal"),
        ({"colours": "#12,red"}, "--colours"),
        ({"reference": "a.png", "guide": "none"}, "for a guide"),
        ({"method": "seed", "guide": "none"}, "cannot do without"),
    ],
)
def test_a_bad_order_says_what_is_wrong_and_what_helps(change, words):
    with pytest.raises(UsageError, match=words) as caught:
        Order(**{"prompt": "galaxy", **change})
    assert caught.value.cure


def test_an_order_writes_the_command_that_repeats_it():
    order = Order("blue galaxy, it's far", seed=7, literal=0.3, arch="3L_4D")
    assert order.command() == """morphogen train 'blue galaxy, it'"'"'s far' --arch 3L_4D --seed 7 --literal 0.3"""


# --- plans


@pytest.mark.parametrize(
    ("prompt", "concept"),
    [
        ("spinning cosmic galaxy with swirling nebula clouds, stars and cosmic dust", "galaxy"),
        ("flowing nebula clouds with stellar nurseries", "nebula"),
        ("Black hole accretion disk with matter streams", "black_hole"),
        ("biological cell division with flowing membranes", "cell_division"),
        ("microscopic organisms swimming with flagella", "microbes"),
        ("microscopic organic solvents with diffusion and fluid dynamics", "solvents"),
        ("Neural networks with synaptic connections", "neurons"),
        ("Blood vessel branching with fluid flow", "vessels"),
        ("Neon geometric pink and blue", "neon"),
        ("Digital corruption red black", "glitch"),
        ("Soft watercolor gentle colors", "watercolor"),
    ],
)
def test_the_seeds_prompts_find_their_concepts(prompt, concept):
    plan = make_plan(Order(prompt, guide="none"), CONCEPTS)
    assert plan.concept is not None
    assert plan.concept.name == concept


def test_colours_of_the_prompt_become_the_palette():
    plan = make_plan(Order("crimson neurons", guide="none"), CONCEPTS)
    assert np.array_equal(plan.palette, stops(HUES["red"]))
    assert make_plan(Order("neurons", guide="none"), CONCEPTS).palette is None


def test_colours_that_are_given_beat_those_of_the_words():
    plan = make_plan(Order("crimson neurons", guide="none", colours="#ffffff, #000040"), CONCEPTS)
    shown = 1 / (1 + np.exp(-plan.palette))
    assert shown[0] == pytest.approx([0.004, 0.004, 0.251], abs=0.01)
    assert shown[4] == pytest.approx([0.996] * 3, abs=0.01)


def test_a_black_hole_is_not_painted_black():
    assert make_plan(Order("black hole", guide="none"), CONCEPTS).palette is None


def test_a_guide_knows_words_better():
    meaning = Meaning(("ripples",), ("teal",), ("flibber",))
    plan = make_plan(Order("a flibber on the pond", guide="concepts"), CONCEPTS, meaning)
    assert plan.concept is CONCEPTS["sea"]
    assert plan.unknown == ("flibber",)
    assert np.array_equal(plan.palette, stops(HUES["teal"]))


def test_words_without_a_generator_are_left_to_the_guide():
    plan = make_plan(Order("a cathedral", guide="concepts"), CONCEPTS, Meaning())
    assert plan.concept is None
    assert plan.shape.inputs[:2] == ("warp_x", "warp_y")


def test_without_a_guide_unknown_words_are_refused():
    with pytest.raises(UsageError, match="cathedral") as caught:
        make_plan(Order("a cathedral", guide="none"), CONCEPTS)
    assert "galaxy" in caught.value.cure


def test_loose_networks_read_plain_coordinates():
    loose = make_plan(Order("galaxy", guide="none", literal=0.2), CONCEPTS)
    assert loose.shape.inputs[:3] == ("x", "y", "r")
    assert "swirl_x" not in loose.shape.inputs
    assert loose.gain > make_plan(Order("galaxy", guide="none"), CONCEPTS).gain


# --- colours


def test_colour_words_blend_from_dark_to_bright():
    both = of_words(["blue", "rainbow", "pink"])
    assert both is not None
    assert np.array_equal(both[0], stops(HUES["blue"])[0])
    assert np.array_equal(both[4], stops(HUES["pink"])[4])
    assert of_words(["rainbow"]) is None
    with pytest.raises(ValueError, match="no colour"):
        rgb("#12345")


# --- concepts


def luminance(concept, states, seed=3):
    canvas = Canvas(64, 36, tuple(states))
    return targets(concept, canvas, variants(concept, np.random.default_rng(seed), 2, concept.inputs)).reshape(
        2, len(states), -1
    )


@pytest.mark.parametrize("name", CONCEPTS)
def test_every_concept_is_worth_looking_at_and_moves(name):
    concept = CONCEPTS[name]
    heard = [moment(4.0), *(moment(4.0, **{band: 0.9}) for band in BANDS), moment(9.0)]
    places = luminance(concept, heard)
    assert float(places.std(2).min()) > 0.04, "there is nothing to see"
    moved = (places[:, 1:] - places[:, :1]).abs().mean((0, 2)).tolist()
    for what, change in zip((*BANDS, "time"), moved, strict=True):
        assert change > 0.003, f"{what} moves nothing"
    assert set(concept.roles) == set(BANDS)
    assert all(len(palette) == 5 and stops(palette).shape == (5, 3) for palette in concept.palettes)


def test_moments_cover_the_loop_silence_and_every_band():
    states = training_states(np.random.default_rng(0))
    times = sorted(state["time"] for state in states)
    assert times[0] < 2
    assert times[-1] > LOOP - 2
    assert sum(all(state[band] == 0 for band in BANDS) for state in states) == len(states) // 3
    for band in BANDS:
        assert any(state[band] > 0.6 for state in states)
    assert not {s["time"] for s in held_out_states()} & set(times)


# --- fit and ascent


def test_the_fit_comes_nearer_and_time_runs_in_loops():
    order = Order("galaxy", **SMALL)
    plan, rng = make_plan(order, CONCEPTS), np.random.default_rng(5)
    states = training_states(rng, 6)
    chosen = variants(plan.concept, rng, 8, plan.shape.inputs)
    fitted = search(plan.concept, plan.shape, chosen, states, rng, 64, kept=3)
    fit = Fit(plan.concept, fitted, states, rng, lines=16)
    before = fit.judge().clone()
    for n in range(40):
        fit.step(n / 40)
    assert float((fit.judge() / before).max()) < 0.6
    turns = fitted.batch.tensors[0][:, :, plan.shape.inputs.index("time")].detach() * LOOP / (2 * np.pi)
    assert torch.allclose(turns, turns.round(), atol=1e-5)


def test_the_search_keeps_no_network_twice_and_few_for_one_sample():
    order = Order("galaxy", **SMALL)
    plan, rng = make_plan(order, CONCEPTS), np.random.default_rng(2)
    chosen = variants(plan.concept, rng, 16, plan.shape.inputs)
    fitted = search(plan.concept, plan.shape, chosen, training_states(rng), rng, 64, kept=8)
    owners = [id(variant) for variant in fitted.variants]
    assert fitted.batch.count == 8
    assert max(owners.count(owner) for owner in owners) <= 2
    assert len({tuple(row.tolist()) for row in fitted.batch.tensors[1].detach()}) == 8


def pictures(fitted, canvas):
    one = fitted.pick([0])
    return one.batch.pictures(canvas.batch(one.batch, one.shapes)).detach()


def test_ascent_follows_the_guide_and_keeps_to_the_anchor():
    run = trained(Order("galaxy", **SMALL))
    fitted = run.go().fitted
    free = Ascent(Redness(), fitted.pick([0]).batch, fitted.shapes[:1], run.states, np.random.default_rng(0))
    held = Ascent(
        Redness(),
        fitted.pick([0]).batch,
        fitted.shapes[:1],
        run.states,
        np.random.default_rng(0),
        lambda c: pictures(fitted, c),
        anchor=50,
    )
    start = judge(fitted.pick([0]).batch, fitted.shapes[:1], Redness())[0].score
    for ascent in (free, held):
        for n in range(15):
            ascent.step(n / 15)
    freed, bound = (judge(a.batch, fitted.shapes[:1], Redness())[0].score for a in (free, held))
    assert freed > start + 0.02
    assert abs(bound - start) < 0.5 * abs(freed - start)


def test_movement_is_the_change_from_the_first_moment():
    fitted = trained(Order("galaxy", **SMALL)).go().fitted
    canvas = Canvas(wide(8), 8, (moment(0), moment(0), moment(0, bass=0.9)))
    moved = movement(fitted.batch, canvas.batch(fitted.batch, fitted.shapes), 3).detach()
    assert float(moved[:, 0].max()) == 0
    assert float(moved[:, 1].min()) > 0


def test_empty_pictures_lose_against_any_other():
    def verdict(score, contrast):
        return Judgement(score, score, score, contrast, {})

    assert best([verdict(0.9, 0.01), verdict(0.1, 0.2), verdict(0.3, 0.1)], [0.0, 0.1, 0.1]) == 2
    assert best([verdict(0.5, 0.2), verdict(0.4, 0.2)], [0.2, 0.05]) == 1, "what is lost of the target counts"
    assert best([verdict(None, 0.2), verdict(None, 0.2)], [0.3, 0.1]) == 1


# --- runs


def test_the_same_order_gives_the_same_style():
    one, two, other = (trained(Order("galaxy", **SMALL, seed=seed)).go() for seed in (4, 4, 5))
    a, b, c = (r.fitted.network(r.row).flat for r in (one, two, other))
    assert np.array_equal(a, b)
    assert not np.array_equal(a, c)


def test_an_interrupted_run_goes_on_where_it_was(tmp_path):
    order, part = Order("galaxy", **SMALL), tmp_path / "g.part"
    seen = []

    def stop(progress):
        seen.append(progress.done)
        if len(seen) == 5:
            raise KeyboardInterrupt

    first = trained(order, watch=stop, part=part).go()
    assert first.stopped
    assert part.exists()
    rest = []
    second = trained(order, watch=lambda p: rest.append(p.done), part=part).go(resume=True)
    assert not second.stopped
    assert rest[0] > seen[-1]
    assert rest[-1] == 1
    assert not part.exists()


def test_a_stranger_s_or_broken_checkpoint_is_refused(tmp_path):
    order, part = Order("galaxy", **SMALL), tmp_path / "g.part"
    with pytest.raises(StateError, match="no unfinished run"):
        trained(order, part=part).go(resume=True)

    def stop(_):
        raise KeyboardInterrupt

    trained(order, watch=stop, part=part).go()
    with pytest.raises(StateError, match="another run"):
        trained(Order("galaxy", **SMALL, seed=1), part=part).go(resume=True)
    part.write_bytes(part.read_bytes()[:-40])
    with pytest.raises(StateError, match="damaged"):
        trained(order, part=part).go(resume=True)


def test_the_guide_alone_leads_where_no_generator_knows_the_words():
    order = Order("a cathedral", guide="concepts", seeds=32, steps=10)
    plan = make_plan(order, CONCEPTS, Meaning())
    result = Run(order, plan, Redness(), clock=ManualClock()).go()
    assert result.judgement.score is not None
    assert result.fitted.network(result.row).shape.inputs[:2] == ("warp_x", "warp_y")


def test_the_seeds_method_keeps_their_start_and_range():
    order = Order("galaxy", guide="concepts", method="seed", steps=3)
    plan = make_plan(order, CONCEPTS, Meaning())
    network = Run(order, plan, Redness(), clock=ManualClock()).go().fitted.network(0)
    assert network.extent == pytest.approx(np.pi)
    assert network.shape.parameters == 107
    assert float(np.abs(network.tensors[1]).max()) < 0.01  # zero biases, three small steps later


# --- files and the command line


def test_a_style_file_holds_all_that_is_needed_to_make_it_again(tmp_path):
    out = tmp_path / "own" / "galaxy.safetensors"
    prepared = make.prepare(Order("blue galaxy", **SMALL))
    style, result = make.train(prepared, out, lambda _: None)
    read = load_style(out)
    assert read.trained
    assert read.prompt == "blue galaxy"
    assert read.name == "own/galaxy"
    assert read.training == "morphogen train 'blue galaxy' --guide none --seeds 48 --steps 8 -o galaxy"
    assert read.audio_roles["beat"]
    assert read.extra["understood"] == ["galaxy", "blue"]
    assert set(read.extra["moves"]) == {*BANDS, "time"}
    assert out.with_suffix(".png").exists()
    canvas = Canvas(32, 16, (moment(5.0, bass=0.7),))
    x, y = (c.numpy().astype(float) for c in canvas.grid())
    truth = np.stack(evaluate(read.network, {"x": x, "y": y}, canvas.states[0].values))
    one = result.fitted.pick([result.row])
    seen = one.batch.pictures(canvas.batch(one.batch, one.shapes)).detach().numpy()[0]
    assert np.abs(truth - seen).max() < 1.5 / 255
    assert set(style.network.shape.inputs) - set(FRAME_INPUTS)


def test_what_was_calmed_is_judged_again_and_told(monkeypatch, tmp_path, capsys):
    def halved(network):
        return Calmed(turned(network, {Drive("bass"): 0.5}), FLASHING, SAFE, {"bass": 0.5}, 0.5)

    prepared = make.prepare(Order("blue galaxy", **SMALL))
    found = trained(prepared.order).go()
    monkeypatch.setattr(make, "calm", halved)
    result = make.calmed(prepared, found)
    at = found.fitted.batch.shape.inputs.index("bass")
    before, after = (r.fitted.network(r.row).tensors[0][:, at] for r in (found, result))
    assert np.array_equal(after, before / 2)
    assert result.judgement.moves["bass"] < found.judgement.moves["bass"]
    assert result.seconds == found.seconds + 0.5
    assert cli(arguments(tmp_path)) == 0
    assert "It keeps the strict limit of flashes on loud music; turned down: bass to 50 %." in capsys.readouterr().err
    told = load_style(tmp_path / "g.safetensors").extra["flashes"]
    assert told == {"strict": True, "before": 6.0, "after": 1.0, "turned_down": {"bass": 0.5}}


def test_calming_can_be_left_out_and_is_never_part_of_the_original_way(monkeypatch, tmp_path):
    monkeypatch.setattr(make, "calm", lambda network: pytest.fail("nobody asked for that"))
    assert cli(arguments(tmp_path, "--no-calm")) == 0
    style = load_style(tmp_path / "g.safetensors")
    assert "flashes" not in style.extra
    assert style.training.endswith("--no-calm -o g")
    original = make.Prepared(
        Order("galaxy", method="seed"), make_plan(Order("galaxy"), CONCEPTS, Meaning()), None, None
    )
    found = trained(Order("galaxy", **SMALL)).go()
    assert make.calmed(original, found) is found


def test_an_output_that_cannot_be_written_is_told_before_the_work(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StyleError, match="cannot be written"):
        make.checked_output(tmp_path / "file" / "style")
    (tmp_path / "dir.safetensors").mkdir()
    with pytest.raises(StyleError, match="folder"):
        make.checked_output(tmp_path / "dir")
    assert make.checked_output(tmp_path / "new" / "style") == tmp_path / "new" / "style.safetensors"
    assert not list((tmp_path / "new").iterdir())


def arguments(tmp_path: Path, *more: str) -> list[str]:
    return ["train", "galaxy", "-o", str(tmp_path / "g"), "--guide", "none", "--seeds", "48", "--steps", "9", *more]


def test_the_command_writes_takes_and_says_what_came_out(tmp_path, capsys):
    assert cli(arguments(tmp_path, "--takes", "2", "--json")) == 0
    told = capsys.readouterr()
    out = json.loads(told.out)
    assert [Path(row["path"]).name for row in out] == ["g.safetensors", "g-2.safetensors"]
    assert "understood: galaxy" in told.err
    one, two = (load_style(row["path"]) for row in out)
    assert not np.array_equal(one.network.flat, two.network.flat)
    assert "--take 1" in two.training
    assert not list(tmp_path.glob("*.part")) + list(tmp_path.glob("*.preview.png"))


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["train", "", "-o", "x"], "empty"),
        (["train", "галактика", "-o", "x", "--guide", "none"], "names a concept"),
        (["train", "galaxy", "-o", "x", "--takes", "0"], "--takes"),
        (["train", "galaxy", "-o", "x", "--guide", "concpts"], "Did you mean concepts?"),
    ],
)
def test_wrong_usage_is_one_line_with_a_cure(words, says, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert cli(words) == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("morphogen: ")
    assert says in error


def test_interrupted_at_the_terminal_the_best_so_far_is_a_style(tmp_path, monkeypatch, capsys):
    from morphogen.training.preview import Preview

    def stop(self, progress):
        if progress.done > 0.5:
            raise KeyboardInterrupt

    monkeypatch.setattr(Preview, "look", stop)
    assert cli(arguments(tmp_path)) == 0
    assert "--resume" in capsys.readouterr().err
    assert load_style(tmp_path / "g.safetensors").extra["stopped"] is True
    monkeypatch.undo()
    assert cli(arguments(tmp_path, "--resume")) == 0
    assert load_style(tmp_path / "g.safetensors").extra["stopped"] is False


def test_a_stopped_series_of_takes_goes_on_with_the_unfinished_one(tmp_path, monkeypatch, capsys):
    from morphogen.training.preview import Preview

    def stop(self, progress):
        if self._path.name.startswith("g-2") and progress.done > 0.5:
            raise KeyboardInterrupt

    monkeypatch.setattr(Preview, "look", stop)
    assert cli(arguments(tmp_path, "--takes", "3")) == 0
    assert sorted(path.name for path in tmp_path.glob("*.safetensors")) == ["g-2.safetensors", "g.safetensors"]
    before = (tmp_path / "g.safetensors").read_bytes()
    monkeypatch.undo()
    assert cli(arguments(tmp_path, "--takes", "3", "--resume")) == 0
    assert len(list(tmp_path.glob("*.safetensors"))) == 3
    assert not load_style(tmp_path / "g-2.safetensors").extra["stopped"]
    assert (tmp_path / "g.safetensors").read_bytes() == before
    capsys.readouterr()


def test_errors_are_all_of_one_family():
    assert issubclass(StateError, MorphogenError)
    assert checkpoint.part_path(Path("a/b.safetensors")) == Path("a/b.safetensors.part")


def test_auto_takes_the_widest_network_that_is_drawn_in_time(monkeypatch):
    def widths(frame):
        monkeypatch.setattr(plans, "FRAME", frame)
        return [make_plan(Order(p, guide="none"), CONCEPTS).shape.widths[1] for p in ("eye", "tendrils", "mycelium")]

    assert widths(plans.FRAME) == [8, 8, 8]
    assert widths(170) == [8, 6, 4]
    assert make_plan(Order("eye", guide="none", arch="3L_4D"), CONCEPTS).shape.widths[1] == 4
