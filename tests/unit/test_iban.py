"""Kuwaiti IBANs as people type them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.kernel.iban import iban_in, kuwaiti_iban
from tests.unit.generated import QUICK

EXAMPLE = "KW81CBKU0000000000001234560101"
"""The registry's own example (ISO 13616)."""


@pytest.mark.parametrize(
    "typed", [EXAMPLE, EXAMPLE.lower(), "KW81 CBKU 0000 0000 0000 1234 5601 01", "KW٨١CBKU0000000000001234560101"]
)
def test_an_iban_is_read_as_people_type_it(typed: str) -> None:
    assert iban_in(typed) == EXAMPLE


@pytest.mark.parametrize(
    "typed", ["", "KW81", EXAMPLE[:-1], f"{EXAMPLE}1", "KW82CBKU0000000000001234560101", "DE89370400440532013000"]
)
def test_what_is_none_of_a_kuwaiti_bank_is_refused(typed: str) -> None:
    with pytest.raises(ValueError, match="IBAN"):
        iban_in(typed)


@QUICK
@given(st.from_regex(r"[A-Z]{4}", fullmatch=True), st.from_regex(r"[0-9A-Z]{1,22}", fullmatch=True), st.integers(0, 29))
def test_an_account_has_one_iban_and_a_slip_in_it_is_seen(bank: str, account: str, place: int) -> None:
    iban = kuwaiti_iban(bank, account)
    assert iban_in(iban) == iban
    other = "1" if iban[place] == "0" else "0"
    with pytest.raises(ValueError, match="IBAN"):
        iban_in(iban[:place] + other + iban[place + 1 :])
