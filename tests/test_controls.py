"""What controllers do: rules, take-over, encoders, held buttons, learning; and the file they are kept in."""

from __future__ import annotations

import math

import pytest

from fakes import FakeHost
from morphogen.controls import targets
from morphogen.controls.binding import decode
from morphogen.controls.book import read, write
from morphogen.controls.engine import HUSH, MAX_KNOWN, MAX_RULES, Engine
from morphogen.controls.files import ControlFiles
from morphogen.controls.learn import WINDOW
from morphogen.controls.rules import CURVES, FIELDS, make
from morphogen.errors import StateError, UsageError
from morphogen.params.catalog import BY_KEY

KNOB = "midi/nanoKONTROL2/cc/1/16"
PAD = "midi/APC MINI/note/1/0"


def step(number):
    return number / 127


@pytest.fixture
def rig(host):
    host.slot = 0
    engine = Engine(host.params, host.call, host.clock.now, lambda: host.slot)
    return host, engine


def rule(address, target, **fields):
    return make({"address": address, "target": target, **fields})


def follow(engine, address, *values):
    for value in values:
        assert engine.feel(address, value)


# --- rules


@pytest.mark.parametrize(
    ("given", "field"),
    [({"mode": "fast"}, "mode"), ({"curve": "x"}, "curve"), ({"low": math.nan}, "low"), ({"high": math.inf}, "high"),
     ({"high": 10**400}, "high"), ({"step": 0}, "step"), ({"input": [1, 1]}, "input"),
     ({"input": [0, math.nan]}, "input"),
     ({"input": 5}, "input"), ({"invert": 1}, "invert"), ({"encoding": "x"}, "encoding"), ({"lamp": 128}, "lamp"),
     ({"colour": 3}, "colour"), ({"address": ""}, "address"), ({"address": "usb/1"}, "address"),
     ({"target": "x" * 300}, "target"), ({"address": "midi/a\nb/cc/1/1"}, "address")],
)  # fmt: skip
def test_bad_rules_are_refused_by_field_with_a_cure(given, field):
    with pytest.raises(UsageError, match=f"'{field}'") as caught:
        make({"address": KNOB, "target": "view/zoom", **given})
    assert caught.value.cure


@pytest.mark.parametrize(
    ("text", "said"),
    [("view/zomm", "Did you mean view/zoom"), ("shutdown", "neither a parameter nor a command"),
     ("record.start x.mp4", "too many arguments"), ("style.slot one", "must be int"),
     ("style.load 'a", "quotes come in pairs"),
     ("controls.learn view/x", "neither"), ("output.open png", "neither"), ("", "neither")],
)  # fmt: skip
def test_bad_targets_are_refused_with_the_nearest(rig, text, said):
    _, engine = rig
    with pytest.raises(UsageError) as caught:
        engine.check(rule(KNOB, text or " x"))
    assert said.lower() in str(caught.value).lower()


@pytest.mark.parametrize("low", ["much", "200 apples", "nan%"])
def test_ends_that_do_not_fit_are_refused(rig, low):
    with pytest.raises(UsageError, match=r"'low' cannot be .* for view/zoom"):
        rig[1].check(rule(KNOB, "view/zoom", low=low))


def test_all_that_is_said_of_a_rule_reads_back_the_same():
    said = rule(KNOB, "view/zoom", mode="relative", low=0.5, high="75%", curve="s", invert=True, pickup=False,
                encoding="offset", step=0.02, input=[0, 127], lamp=3)  # fmt: skip
    assert set(said.public()) == {name for name, _ in FIELDS}
    assert make(said.public()) == said
    assert read(write(said), lambda _: None).rules == [said]


@pytest.mark.parametrize("curve", CURVES)
def test_curves_go_back_where_they_came_from(curve):
    there, back, _ = CURVES[curve]
    for n in range(101):
        assert back(there(n / 100)) == pytest.approx(n / 100, abs=1e-9)
    assert (there(0.0), there(1.0)) == (0.0, 1.0)


# --- faders


def test_a_fader_moves_its_parameter_between_its_ends(rig):
    host, engine = rig
    engine.put(rule(KNOB, "color/exposure", low=-1, high=1, pickup=False))
    follow(engine, KNOB, 0.0)
    assert host.params.get("color/exposure") == pytest.approx(-1)
    follow(engine, KNOB, 1.0)
    assert host.params.get("color/exposure") == pytest.approx(1)
    assert host.params.sets[-1][2] == f"controls:{KNOB}"


def test_logarithmic_parameters_are_felt_evenly_and_upside_down_if_asked(rig):
    host, engine = rig
    engine.put(rule(KNOB, "view/zoom", pickup=False, invert=True))
    follow(engine, KNOB, 0.5)
    assert host.params.get("view/zoom") == pytest.approx(1.0)  # the middle of 0.05 to 20 by ratio
    follow(engine, KNOB, 0.0)
    assert host.params.get("view/zoom") == pytest.approx(20)


def test_osc_says_its_own_numbers(rig):
    host, engine = rig
    engine.put(rule("osc/composition/opacity", "output/master", input=[0, 255]))
    follow(engine, "osc/composition/opacity", 51)
    assert host.params.get("output/master") == pytest.approx(0.2), "OSC has no take-over unless asked"
    assert not engine.feel("osc/composition/other", 1)


def test_a_fader_takes_over_where_it_passes_the_value(rig):
    host, engine = rig
    engine.put(rule(KNOB, "color/saturation"))  # 1 of 0..3
    follow(engine, KNOB, step(100), step(80), step(60))
    assert host.params.get("color/saturation") == 1.0
    follow(engine, KNOB, step(40))
    assert host.params.get("color/saturation") == pytest.approx(3 * 40 / 127)
    host.params.set("color/saturation", 2.5, "web:1")  # another hand
    follow(engine, KNOB, step(45))
    assert host.params.get("color/saturation") == 2.5
    follow(engine, KNOB, step(105))  # within a step or two of 2.5
    assert host.params.get("color/saturation") == pytest.approx(3 * 105 / 127)


def test_numbers_that_are_none_are_taken_and_ignored(rig):
    host, engine = rig
    engine.put(rule(KNOB, "view/x", pickup=False))
    for value in (math.nan, math.inf, -math.inf):
        assert engine.feel(KNOB, value)
    assert not engine.feel("midi/other/cc/1/1", math.nan)
    assert host.params.sets == []


def test_one_knob_may_move_two_things_and_stars_fit_any_device(rig):
    host, engine = rig
    engine.put(rule("midi/*/cc/1/16", "view/x", pickup=False))
    engine.put(rule("midi/nano*/cc/1/16", "view/y", pickup=False))
    follow(engine, KNOB, 1.0)
    assert (host.params.get("view/x"), host.params.get("view/y")) == (4, 4)
    assert engine.feel("midi/other/cc/1/16", 0.0)
    assert (host.params.get("view/x"), host.params.get("view/y")) == (-4, 4)


# --- encoders


@pytest.mark.parametrize(
    ("encoding", "right", "left"),
    [("twos", (1, 3), (127, 125)), ("sign", (1, 3), (65, 67)), ("offset", (65, 67), (63, 61))],
)
def test_encoders_count_in_three_ways(encoding, right, left):
    assert [decode(encoding, step(n)) for n in (*right, *left)] == [1, 3, -1, -3]


def test_an_encoder_steps_and_stops_at_its_ends(rig):
    host, engine = rig
    engine.put(rule(KNOB, "output/master", mode="relative", step=0.1, low=0.3))
    follow(engine, KNOB, step(127), step(127))
    assert host.params.get("output/master") == pytest.approx(0.8)
    follow(engine, KNOB, *[step(120)] * 5)
    assert host.params.get("output/master") == pytest.approx(0.3)


def test_an_encoder_goes_round_where_the_parameter_does(rig):
    host, engine = rig
    engine.put(rule(KNOB, "color/hue", mode="relative", step=0.1))
    follow(engine, KNOB, step(127))
    assert host.params.get("color/hue") == pytest.approx(0.9)


def test_a_click_is_one_where_there_are_whole_numbers_only(rig):
    host, engine = rig
    engine.put(rule(KNOB, "view/kaleidoscope", mode="relative"))
    engine.put(rule("osc/wheel", "view/mirror"))
    follow(engine, KNOB, step(1), step(1), step(127), step(2))
    assert host.params.get("view/kaleidoscope") == 3
    for _ in range(3):
        engine.feel("osc/wheel", 0.12, relative=True)
    assert host.params.get("view/mirror") == "x", "three eighths of a range of four: one whole step"


# --- buttons


def test_a_held_button_goes_back_to_what_it_was(rig):
    host, engine = rig
    engine.put(rule(PAD, "output/blackout", mode="momentary"))
    engine.put(rule(PAD, "view/zoom", mode="momentary", high=4))
    host.params.set("view/zoom", 2.0)
    follow(engine, PAD, 0.3)
    assert (host.params.get("output/blackout"), host.params.get("view/zoom")) == (True, pytest.approx(4))
    follow(engine, PAD, 0.0)
    assert (host.params.get("output/blackout"), host.params.get("view/zoom")) == (False, 2.0)


def test_what_another_hand_took_meanwhile_is_left_alone(rig):
    host, engine = rig
    engine.put(rule(PAD, "view/zoom", mode="momentary", high=4))
    follow(engine, PAD, 1.0)
    host.params.set("view/zoom", 3.0, "web:1")
    follow(engine, PAD, 0.0)
    assert host.params.get("view/zoom") == 3.0


def test_a_controller_that_goes_away_lets_go(rig):
    host, engine = rig
    engine.put(rule(PAD, "output/blackout", mode="momentary"))
    engine.put(rule(KNOB, "output/freeze", mode="momentary"))
    follow(engine, PAD, 1.0)
    follow(engine, KNOB, 1.0)
    engine.let_go("midi/APC MINI/")
    assert (host.params.get("output/blackout"), host.params.get("output/freeze")) == (False, True)
    follow(engine, PAD, 1.0)
    assert host.params.get("output/blackout") is True


def test_a_toggle_changes_at_every_press_also_without_releases(rig):
    host, engine = rig
    engine.put(rule(PAD, "view/polar", mode="toggle"))
    seen = []
    for value in (1.0, 0.0, 1.0, 1.0, 0.0):
        follow(engine, PAD, value)
        seen.append(host.params.get("view/polar"))
    assert seen == [True, True, False, True, True]


def test_a_fader_on_a_trigger_fires_once_on_its_way_up(rig):
    host, engine = rig
    engine.put(rule(KNOB, "tempo.tap", mode="trigger"))
    follow(engine, KNOB, *(step(n) for n in range(0, 120, 3)))
    assert host.calls == [("tempo.tap", {})]


def test_commands_with_their_arguments(rig):
    host, engine = rig
    engine.put(rule(PAD, "style.slot 3", mode="trigger"))
    engine.put(rule("midi/keys/program/1", "style.slot"))
    follow(engine, PAD, 1.0, 0.0)
    follow(engine, "midi/keys/program/1", step(0), step(0), step(5))
    assert [(method, said["slot"]) for method, said in host.calls] == [("style.slot", n) for n in (3, 1, 1, 6)]


def test_a_command_that_fails_ends_nothing(rig, caplog):
    host, engine = rig
    host.answers["style.slot"] = StateError("slot 9 is empty.", "Fill it.")
    engine.put(rule(PAD, "style.slot 9", mode="trigger"))
    follow(engine, PAD, 1.0, 0.0, 1.0)
    assert "slot 9 is empty. Fill it." in caplog.text


# --- lamps


def test_lamps_show_what_is(rig):
    host, engine = rig
    for number, (target, fields) in enumerate(
        [("view/polar", {"mode": "toggle", "lamp": 3}), ("style.slot 2", {"mode": "trigger"}),
         ("tempo.tap", {"mode": "trigger"}),
         ("color/contrast", {"curve": "square", "invert": True}), ("output/blackout", {"mode": "momentary"})]
    ):  # fmt: skip
        engine.put(rule(f"midi/a/cc/1/{number}", target, **fields))
    engine.put(rule("midi/b/cc/1/1", "view/x"))
    host.params.set("view/polar", True)
    host.params.set("color/contrast", 0.75)  # a quarter of 0..3: half of the way by the square
    host.slot = 2
    lit = engine.lights("midi/a/")
    assert lit == {"midi/a/cc/1/0": 3 / 127, "midi/a/cc/1/1": 1.0, "midi/a/cc/1/3": 0.5, "midi/a/cc/1/4": 0.0}


def test_a_motor_does_not_fight_the_hand(rig):
    host, engine = rig
    engine.put(rule(KNOB, "output/master", pickup=False))
    follow(engine, KNOB, 0.4)
    assert engine.lights("midi/") == {}
    host.clock.advance(HUSH)
    assert engine.lights("midi/") == {KNOB: pytest.approx(0.4)}


# --- keeping them


def test_rules_are_changed_and_removed(rig):
    _, engine = rig
    told = []
    engine.edited = lambda put, removed: told.append(([one.target for one in put], list(removed)))
    engine.put(rule(KNOB, "view/x"))
    engine.put(rule(KNOB, "view/y"))
    engine.put(rule(KNOB, "view/x", invert=True))
    assert [(one.target, one.invert, own) for one, own in engine.rules()] == [
        ("view/x", True, True),
        ("view/y", False, True),
    ]
    assert engine.remove(KNOB, "view/x") == 1
    assert engine.remove(KNOB) == 1
    with pytest.raises(StateError, match="no rule of yours"):
        engine.remove(KNOB)
    assert told[-2:] == [([], [(KNOB, "view/x")]), ([], [(KNOB, "view/y")])]
    assert engine.changes >= 5


def test_what_is_lent_is_hidden_by_what_is_ones_own(rig):
    host, engine = rig
    engine.load(
        [rule(KNOB, "view/x", pickup=False)],
        [rule(KNOB, "view/y", pickup=False), rule(PAD, "view/polar", mode="toggle")],
    )
    follow(engine, KNOB, 1.0)
    follow(engine, PAD, 1.0)
    assert [host.params.get(key) for key in ("view/x", "view/y", "view/polar")] == [4, 0, True]
    with pytest.raises(StateError, match="--map"):
        engine.remove(PAD)


def test_rules_that_stay_keep_what_they_remember(rig):
    host, engine = rig
    held = rule(PAD, "output/blackout", mode="momentary")
    engine.put(held)
    follow(engine, PAD, 1.0)
    engine.load([rule(KNOB, "view/x"), held])
    follow(engine, PAD, 0.0)
    assert host.params.get("output/blackout") is False


def test_there_is_an_end_to_rules_and_to_addresses(rig):
    _, engine = rig
    engine.load(rule(f"osc/{n}", "view/x") for n in range(MAX_RULES + 5))
    assert len(engine.rules()) == MAX_RULES
    with pytest.raises(StateError, match="already"):
        engine.put(rule(KNOB, "view/y"))
    for n in range(MAX_KNOWN + 10):
        engine.feel(f"osc/stranger/{n}", 1.0)
    assert len(engine._known) <= MAX_KNOWN
    assert len(engine._recent) <= MAX_KNOWN


# --- learning


def learnt(host, engine, future, seconds=WINDOW):
    engine.tick(host.clock.now())
    assert not future.done()
    host.clock.advance(seconds)
    engine.tick(host.clock.now())
    return future.result(0)


@pytest.mark.parametrize(
    ("target", "address", "values", "expected"),
    [("view/zoom", KNOB, [step(n) for n in (60, 61, 63, 66)], {"mode": "absolute"}),
     ("view/zoom", KNOB, [step(64)], {"mode": "absolute"}),
     ("view/zoom", KNOB, [step(n) for n in (1, 1, 1, 2, 1)], {"mode": "relative"}),
     ("view/zoom", KNOB, [step(n) for n in (127, 127, 126, 126)], {"mode": "relative"}),
     ("view/zoom", KNOB, [step(n) for n in (1, 1, 1, 65, 65, 65)], {"mode": "relative", "encoding": "sign"}),
     ("view/zoom", KNOB, [step(n) for n in (65, 65, 65, 63, 63)], {"mode": "relative", "encoding": "offset"}),
     ("view/zoom", KNOB, [1.0, 0.0], {"mode": "momentary"}),
     ("view/polar", KNOB, [1.0, 0.0], {"mode": "toggle"}),
     ("output/blackout", PAD, [0.7], {"mode": "momentary"}),
     ("output/strobe", PAD, [0.7, 0.0], {"mode": "momentary"}),
     ("view/mirror", PAD, [0.7], {"mode": "toggle"}),
     ("style.slot 4", PAD, [0.7], {"mode": "trigger"}),
     ("style.slot", "midi/keys/program/1", [step(3)], {"mode": "absolute"}),
     ("view/x", "midi/keys/bend/1", [0.5, 0.6, 0.61], {"mode": "absolute"}),
     ("view/x", "osc/fader", [0.1, 0.2], {"mode": "absolute"}),
     ("view/x", "osc/fader", [3.0, 90.0], {"mode": "absolute", "input": [0.0, 100.0]}),
     ("view/x", "osc/fader", [-0.2, 0.4], {"mode": "absolute", "input": [-1.0, 1.0]}),
     ("view/polar", "osc/button", [1.0, 0.0], {"mode": "toggle"})],
)  # fmt: skip
def test_learning_guesses_what_kind_of_control_it_is(rig, target, address, values, expected):
    host, engine = rig
    future = engine.learn(target)
    assert engine.learning == target
    follow(engine, address, *values)
    assert learnt(host, engine, future) == {"address": address, "target": target, **expected}
    assert engine.learning == ""
    assert host.params.sets == [], "while learning nothing moves"


def test_the_control_that_was_learnt_is_in_the_hand_at_once(rig):
    host, engine = rig
    future = engine.learn("color/saturation")
    follow(engine, KNOB, step(100), step(101))
    learnt(host, engine, future)
    follow(engine, KNOB, step(103))
    assert host.params.get("color/saturation") == pytest.approx(3 * 103 / 127)


def test_a_control_that_is_learnt_anew_forgets_what_it_did(rig):
    host, engine = rig
    engine.put(rule(KNOB, "view/x"))
    future = engine.learn("view/y")
    follow(engine, KNOB, step(5), step(7))
    learnt(host, engine, future)
    assert [one.target for one, _ in engine.rules()] == ["view/y"]


def test_a_fader_of_14_bits_and_a_touched_one_are_learnt_as_faders(rig):
    host, engine = rig
    future = engine.learn("view/x")
    engine.feel("midi/big/note/1/104", 1.0)  # touch
    for n in range(4):
        engine.feel("midi/big/cc/1/1", step(50))
        engine.feel("midi/big/cc/1/33", step(n))
        engine.feel("midi/big/cc14/1/1", (50 * 128 + n) / 16383)
    assert learnt(host, engine, future)["address"] == "midi/big/cc14/1/1"


def test_what_streams_by_itself_is_not_learnt(rig):
    host, engine = rig
    engine.feel("osc/meter", 0.3)
    future = engine.learn("view/x")
    engine.feel("osc/meter", 0.5)
    engine.feel(PAD, 0.0)  # the release of something pressed before
    host.clock.advance(1.0)
    engine.tick(host.clock.now())
    assert not future.done()
    follow(engine, KNOB, step(9))
    assert learnt(host, engine, future)["address"] == KNOB


def test_a_hand_that_moved_already_is_heard_after_a_rest(rig):
    host, engine = rig
    engine.feel(KNOB, 0.3)
    future = engine.learn("view/x")
    for n in range(5):
        host.clock.advance(0.2)
        engine.feel(KNOB, step(50 + n))
    engine.tick(host.clock.now())
    assert engine.learning == "view/x"
    host.clock.advance(0.5)
    engine.feel(KNOB, step(70))
    assert learnt(host, engine, future)["address"] == KNOB


def test_fields_that_are_given_are_not_guessed(rig):
    host, engine = rig
    future = engine.learn("view/zoom", given={"mode": "absolute", "low": 1, "high": 2})
    follow(engine, PAD, 0.5)
    assert learnt(host, engine, future) == {
        "address": PAD,
        "target": "view/zoom",
        "mode": "absolute",
        "low": 1.0,
        "high": 2.0,
    }


def test_learning_ends_with_nothing_moved_cancelled_or_another(rig):
    host, engine = rig
    first, second = engine.learn("view/x"), engine.learn("view/y", 3.0)
    with pytest.raises(StateError, match="view/y is learnt instead"):
        first.result(0)
    host.clock.advance(3.0)
    engine.tick(host.clock.now())
    with pytest.raises(StateError, match="Nothing moved"):
        second.result(0)
    third = engine.learn("view/x")
    assert engine.cancel()
    assert not engine.cancel()
    with pytest.raises(StateError, match="cancelled"):
        third.result(0)
    assert not engine.feel(KNOB, 0.5)


@pytest.mark.parametrize(
    ("target", "seconds"), [("nothing/here", 5.0), ("view/x", 0.0), ("view/x", 1e9), ("view/x", math.nan)]
)
def test_what_cannot_be_learnt_is_said_at_once(rig, target, seconds):
    with pytest.raises(UsageError):
        rig[1].learn(target, seconds)
    assert rig[1].learning == ""


# --- the file

FILE = """# mine

# the big knob
[[control]]
address = "midi/x/cc/1/1"
target = "view/zoom"  # closer
low = 0.5

[[control]]
address = "midi/x/cc/1/2"
target = "view/zoomm"

[[control]]
address = "midi/x/cc/1/3
target = "view/x"

[[control]]
address = "midi/x/cc/1/4"
target = "view/x"
low = nan

[knobs]
a = 1

[[control]]
address = "midi/x/cc/1/5"
target = "view/y"
"""


def check(one):
    targets.find(one, BY_KEY)


def test_a_slip_of_the_pen_costs_one_rule_and_names_its_line():
    book = read(FILE, check)
    assert [one.target for one in book.rules] == ["view/zoom", "view/y"]
    assert [problem.line for problem in book.problems] == [11, 14, 20, 22]
    said = [f"{problem.message} {problem.cure}" for problem in book.problems]
    for text, part in zip(
        said, ("Did you mean view/zoom", "Write one", "'low' must be a finite number", "[[control]]"), strict=True
    ):
        assert part in text
    assert book.text == FILE


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "a = 1\n",
        "[[control]]\n",
        "[[control]]\ncontrol = 3",
        "]]]",
        "\x00",
        "[[control]]\n" + "x=" + "[" * 9000,
    ],
)
def test_any_text_is_read_without_falling_over(text):
    book = read(text, check)
    assert book.rules == []
    assert book.text == text
    assert bool(book.problems) == bool(text.strip())


def test_changing_a_rule_leaves_the_rest_of_the_file_as_it_was():
    book = read(FILE, check).put(rule("midi/x/cc/1/1", "view/zoom", low=2)).put(rule(KNOB, "view/x"))
    assert "# the big knob\n[[control]]" in book.text
    assert "low = 2.0" in book.text
    assert "low = 0.5" not in book.text
    assert book.text.index("[knobs]") > book.text.index('"midi/x/cc/1/3\n'), "broken blocks stay where they are"
    assert [one.target for one in read(book.text, check).rules] == ["view/zoom", "view/y", "view/x"]
    gone = book.remove("midi/x/cc/1/1", "view/zoom")
    assert "the big knob" not in gone.text
    assert gone.text.startswith("# mine\n")


@pytest.fixture
def kept(rig, tmp_path):
    _, engine = rig
    files = ControlFiles(engine, tmp_path / "deep" / "controls.toml")
    engine.edited = files._edited
    files.poll()
    return engine, files, tmp_path / "deep" / "controls.toml"


def test_what_is_learnt_is_written_down_and_read_again(kept, host):
    engine, files, path = kept
    assert not path.exists()
    engine.put(rule(KNOB, "view/x", low=-1))
    files.poll()
    assert path.read_text(encoding="utf-8").startswith("# What the controllers do.")
    again = Engine(host.params, host.call, host.clock.now)
    ControlFiles(again, path).poll()
    assert [one for one, _ in again.rules()] == [rule(KNOB, "view/x", low=-1)]


def test_what_is_typed_and_what_is_learnt_meanwhile_are_both_kept(kept):
    engine, files, path = kept
    engine.put(rule(KNOB, "view/x"))
    files.poll()
    path.write_text(path.read_text() + '\n[[control]]\naddress = "osc/a"\ntarget = "view/y"\n')
    engine.put(rule(PAD, "view/polar", mode="toggle"))
    files.poll()
    assert {one.target for one, _ in engine.rules()} == {"view/x", "view/y", "view/polar"}
    assert path.read_text().count("[[control]]") == 3
    path.write_text("[[control]]\nmode = 5\n")
    files.poll()
    assert engine.rules() == []
    assert files.problems()[0]["file"] == str(path)


def test_a_file_that_cannot_be_read_or_written_costs_nothing(kept, caplog):
    engine, files, path = kept
    engine.put(rule(KNOB, "view/x"))
    files.poll()
    path.write_bytes(b"\xff\xfe broken")
    files.poll()
    engine.put(rule(PAD, "view/y"))
    files.poll()
    assert len(engine.rules()) == 2
    assert path.read_bytes() == b"\xff\xfe broken", "what cannot be read is not written over"
    assert "cannot be read" in files.problems()[0]["message"]
    path.unlink()
    path.mkdir()
    files.poll()
    path.rmdir()
    path.parent.rmdir()
    path.parent.write_text("in the way")
    engine.put(rule(PAD, "view/zoom"))
    files.poll()
    assert "lives until the end of the show" in caplog.text
    path.parent.unlink()
    files.poll()
    assert "view/zoom" in path.read_text()


def test_a_link_stays_a_link(kept, tmp_path):
    engine, files, path = kept
    real = tmp_path / "mine.toml"
    real.write_text("# in my collection\n")
    path.parent.mkdir()
    path.symlink_to(real)
    engine.put(rule(KNOB, "view/x"))
    files.poll()
    assert path.is_symlink()
    assert "view/x" in real.read_text()


def test_files_that_are_lent_are_read_and_never_written(rig, tmp_path):
    _, engine = rig
    lent = tmp_path / "venue.toml"
    lent.write_text(write(rule(KNOB, "view/x")))
    files = ControlFiles(engine, tmp_path / "controls.toml", [lent])
    files.open()
    try:
        engine.put(rule(PAD, "view/y"))
    finally:
        files.close()
    assert [(one.target, own) for one, own in engine.rules()] == [("view/y", True), ("view/x", False)]
    assert lent.read_text() == write(rule(KNOB, "view/x"))
    assert "view/y" in (tmp_path / "controls.toml").read_text()


def test_the_host_of_tests_promises_what_the_engine_does():
    promised = {name for name in dir(FakeHost().controls) if not name.startswith("_")}
    assert {"feel", "let_go", "lights", "newest_only"} <= promised
    assert all(callable(getattr(Engine, name)) for name in ("feel", "let_go", "lights", "newest_only"))
