"""The test cards."""

import pytest

from simulators.knet.cards import Result, UnknownCardError, result_of


@pytest.mark.parametrize(
    ("card", "result"),
    [
        ("8888880000000001", Result.CAPTURED),
        ("8888880000000002", Result.NOT_CAPTURED),
        ("8888880000000003", Result.DECLINED),
        ("8888880000000004", Result.RESTRICTED),
    ],
)
def test_each_card_has_its_own_end(card: str, result: Result) -> None:
    assert result_of(card, "1234") is result


@pytest.mark.parametrize("card", ["8888880000000001", "8888880000000003"])
def test_a_wrong_pin_takes_nothing(card: str) -> None:
    assert result_of(card, "4321") is Result.NOT_CAPTURED


def test_spaces_and_arabic_digits_are_fine() -> None:
    assert result_of("٨٨٨٨ ٨٨٠٠ ٠٠٠٠ ٠٠٠١", "١٢٣٤") is Result.CAPTURED


@pytest.mark.parametrize("card", ["", "8888880000000005", "not a card"])
def test_other_cards_are_unknown_and_not_repeated(card: str) -> None:
    with pytest.raises(UnknownCardError, match=r"^not a test card$"):
        result_of(card, "1234")
