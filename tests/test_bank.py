from __future__ import annotations

import pytest

from morphogen.errors import StateError, UsageError
from morphogen.library.bank import Bank

NAMES = ("starter/abyss", "starter/ember", "starter/tidal")


def test_an_empty_bank_says_how_to_fill_it():
    bank = Bank()
    assert (len(bank), bank.slot, bank.current, bank.names) == (0, 0, None, ())
    for call in (bank.next, bank.previous, lambda: bank.select(1)):
        with pytest.raises(StateError, match=r"the bank is empty. Fill it with `bank.set`"):
            call()


def test_slots_count_from_one_and_wrap():
    bank = Bank(NAMES)
    assert [bank.next() for _ in range(4)] == [*NAMES, NAMES[0]]
    assert bank.slot == 1
    assert [bank.previous() for _ in range(3)] == [NAMES[2], NAMES[1], NAMES[0]]
    assert bank.select(3) == bank.current == NAMES[2]


def test_previous_on_a_fresh_bank_takes_the_last():
    assert Bank(NAMES).previous() == NAMES[2]


@pytest.mark.parametrize("slot", [0, -1, 4])
def test_a_missing_slot_is_named_with_those_that_are(slot):
    bank = Bank(NAMES)
    bank.select(2)
    with pytest.raises(StateError, match=rf"there is no slot {slot}\. The bank has slots 1 to 3\."):
        bank.select(slot)
    assert bank.slot == 2


def test_filling_anew_keeps_the_current_style_in_place():
    bank = Bank(NAMES)
    bank.select(3)
    bank.set(("a/b", "starter/tidal"))
    assert bank.slot == 2
    bank.set(("a/b",))
    assert (bank.slot, bank.current) == (0, None)
    assert bank.next() == "a/b"


def test_a_style_loaded_by_name_moves_the_slot():
    bank = Bank((*NAMES, "starter/abyss"))
    assert bank.locate("starter/tidal") == 3
    assert bank.next() == "starter/abyss"
    assert bank.locate("starter/abyss") == 4, "the same name in two slots keeps the one that is on"
    assert bank.locate("somewhere/else") == 0
    assert bank.next() == NAMES[0]


def test_bad_names_and_endless_banks_are_refused():
    with pytest.raises(UsageError, match=r"a slot needs a style's name, got 7"):
        Bank(["a/b", 7])  # type: ignore[list-item]
    with pytest.raises(UsageError, match=r"a bank of 1001 styles is too long. 1000 slots"):
        Bank(["a/b"] * 1001)
