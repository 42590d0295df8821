"""Amounts on the wire."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.knet.money import format_amount, parse_amount


@given(st.integers(min_value=1, max_value=9_999_999_999))
def test_an_amount_survives_the_wire(amount_fils: int) -> None:
    assert parse_amount(format_amount(amount_fils)) == amount_fils


@pytest.mark.parametrize(("text", "amount_fils"), [("10.000", 10_000), ("0.005", 5), ("1234.567", 1_234_567)])
def test_amounts_are_read_as_fils(text: str, amount_fils: int) -> None:
    assert parse_amount(text) == amount_fils


@pytest.mark.parametrize(
    "text",
    ["", "10", "10.00", "10.0000", "10,000", "1,000.000", "010.000", "-1.000", "+1.000", "1e3", " 1.000", "1.000\n",
     "0.000", "٣.000", "12345678.000"],
)  # fmt: skip
def test_other_forms_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="amount"):
        parse_amount(text)
