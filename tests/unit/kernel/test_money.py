from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.kernel.money import dinars, fils
from tests.unit.generated import QUICK

AMOUNTS = st.integers(0, 10**12 - 1)


@QUICK
@given(AMOUNTS)
def test_an_amount_comes_back_as_it_went(amount_fils: int) -> None:
    assert fils(dinars(amount_fils)) == amount_fils


@QUICK
@given(AMOUNTS)
def test_an_amount_is_written_with_a_dot_and_three_decimals(amount_fils: int) -> None:
    whole, dot, decimals = dinars(amount_fils).partition(".")
    assert dot
    assert len(decimals) == 3
    assert int(whole + decimals) == amount_fils


@pytest.mark.parametrize(
    ("amount_fils", "text"), [(0, "0.000"), (5, "0.005"), (1_860, "1.860"), (18_600, "18.600"), (10_000, "10.000")]
)
def test_amounts_as_the_gateway_writes_them(amount_fils: int, text: str) -> None:
    assert dinars(amount_fils) == text
    assert fils(text) == amount_fils


@pytest.mark.parametrize(
    "text",
    [
        "18.60",
        "1.8600",
        "-1.000",
        "+1.000",
        "1",
        "1.",
        ".500",
        "1,000",
        "1,000.000",
        "1.000 ",
        " 1.000",
        "1.000\n",
        "1e3.000",
        "",
        "nan",
        "1.00x",
        "1234567890.000",
    ],
)
def test_nothing_but_three_decimals_is_read(text: str) -> None:
    with pytest.raises(ValueError, match="three decimals"):
        fils(text)


def test_an_amount_is_never_negative() -> None:
    with pytest.raises(ValueError, match="not negative"):
        dinars(-1)


@QUICK
@given(st.text(max_size=12))
def test_any_text_is_an_amount_or_is_refused(text: str) -> None:
    with suppress(ValueError):
        assert fils(text) >= 0
