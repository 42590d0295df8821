from contextlib import suppress
from datetime import date

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from shared.kernel.civil_id import InvalidCivilId, birth_date_of, check_digit, parse_civil_id, synthetic_civil_id
from tests.unit.generated import QUICK

TODAY = date(2026, 11, 24)
A_NUMBER = "200010100028"
NUMBERS = (
    st.builds(synthetic_civil_id, st.dates(date(1900, 1, 1), date(1910, 12, 31)), st.integers(0, 9999))
    .filter(bool)
    .map(str)
)


def reason(text: str, *, today: date = TODAY) -> str:
    """Why a number is refused."""
    with pytest.raises(InvalidCivilId) as refused:
        parse_civil_id(text, today=today)
    return refused.value.reason


@pytest.mark.parametrize("digits", [A_NUMBER, "200123100016"])
def test_a_number_with_a_right_check_digit_is_taken(digits: str) -> None:
    assert parse_civil_id(digits, today=TODAY) == digits


def test_a_number_carries_the_birth_date() -> None:
    assert birth_date_of(A_NUMBER) == date(1900, 1, 1)
    assert birth_date_of("200123100016") == date(1900, 12, 31)
    assert birth_date_of("312022900000") == date(2012, 2, 29)


def test_a_number_is_read_from_arabic_digits_with_spaces_and_hyphens() -> None:
    assert parse_civil_id("٢٠٠٠١٠١٠٠٠٢٨", today=TODAY) == A_NUMBER
    assert parse_civil_id("۲۰۰۰۱۰۱۰۰۰۲۸", today=TODAY) == A_NUMBER
    assert parse_civil_id(" 2000-1010 ٠٠٢٨ ", today=TODAY) == A_NUMBER


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("200022900014", "date"),
        ("200013200018", "date"),
        ("200001000014", "date"),
        ("399123100017", "future"),
        ("400010100028", "century"),
        ("000010100028", "century"),
        ("", "shape"),
        ("20001010002", "shape"),
        ("2000101000280", "shape"),
        ("20001010002x", "shape"),
        ("20001010002²", "shape"),
        ("२०००१०१०००२८", "shape"),
        ("200010100029", "check-digit"),
    ],
)
def test_a_number_that_cannot_be_anybodys_is_refused_with_the_reason(text: str, expected: str) -> None:
    assert reason(text) == expected


def test_a_child_is_born_before_it_has_a_number() -> None:
    assert reason(A_NUMBER, today=date(1899, 12, 31)) == "future"
    assert parse_civil_id(A_NUMBER, today=date(1900, 1, 1)) == A_NUMBER


def test_a_serial_without_a_check_digit_is_not_issued() -> None:
    assert check_digit("20101010003") is None
    assert {reason(f"20101010003{digit}") for digit in range(10)} == {"check-digit"}


def test_a_refusal_never_repeats_the_number() -> None:
    with pytest.raises(InvalidCivilId) as refused:
        parse_civil_id("200010100029", today=TODAY)
    assert "0001010" not in str(refused.value)


@QUICK
@given(NUMBERS)
def test_a_synthetic_number_is_a_number(digits: str) -> None:
    assert parse_civil_id(digits, today=TODAY) == digits
    assert birth_date_of(digits).year <= 1910


@QUICK
@given(NUMBERS, st.integers(1, 9))
def test_any_other_last_digit_is_refused(digits: str, more: int) -> None:
    assert reason(f"{digits[:11]}{(int(digits[11]) + more) % 10}") == "check-digit"


@QUICK
@given(NUMBERS, st.integers(0, 11), st.integers(1, 9))
def test_one_mistyped_digit_is_found(digits: str, place: int, more: int) -> None:
    mistyped = f"{digits[:place]}{(int(digits[place]) + more) % 10}{digits[place + 1 :]}"
    assert reason(mistyped) in {"century", "date", "future", "check-digit"}


@QUICK
@given(NUMBERS, st.integers(0, 10))
def test_two_neighbours_that_changed_places_are_found(digits: str, place: int) -> None:
    swapped = f"{digits[:place]}{digits[place + 1]}{digits[place]}{digits[place + 2 :]}"
    assume(swapped != digits)
    assert reason(swapped) in {"century", "date", "future", "check-digit"}


@QUICK
@given(st.text(max_size=20))
def test_any_text_is_a_number_or_is_refused(text: str) -> None:
    with suppress(InvalidCivilId):
        assert len(parse_civil_id(text, today=TODAY)) == 12


@pytest.mark.parametrize("born_on", [date(1899, 12, 31), date(1911, 1, 1), date(1990, 5, 5)])
def test_a_number_of_somebody_who_may_live_is_never_made_up(born_on: date) -> None:
    with pytest.raises(ValueError, match="1900 to 1910"):
        synthetic_civil_id(born_on, 1)
