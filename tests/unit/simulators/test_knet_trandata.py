"""trandata: sealed as the classic kit seals it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.knet.trandata import UnreadableTrandataError, seal, unseal

KEY = b"0123456789abcdef"


def test_sealing_agrees_with_openssl() -> None:
    # Made with: openssl enc -aes-128-cbc, whose -K and -iv are the hex of the two byte strings.
    assert seal("amt=10.000", KEY) == "C18C71911D933A92DB9DFD5D8E35824A"


@given(st.text(max_size=200))
def test_what_was_sealed_can_be_read(text: str) -> None:
    sealed = seal(text, KEY)
    assert sealed == sealed.upper()
    assert unseal(sealed, KEY) == text


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=100))
def test_anything_else_is_unreadable_or_text_but_never_another_error(noise: str) -> None:
    try:
        unseal(noise, KEY)
    except UnreadableTrandataError:
        return


@pytest.mark.parametrize(
    "trandata",
    [
        pytest.param("", id="nothing"),
        pytest.param("XY", id="not hex"),
        pytest.param("AB", id="not whole blocks"),
        pytest.param(seal("amt=10.000", KEY).lower(), id="lower case"),
        pytest.param(seal("amt=10.000", KEY)[:2] + " " + seal("amt=10.000", KEY)[2:], id="a space within"),
        pytest.param(seal("amt=10.000", b"fedcba9876543210"), id="another key"),
    ],
)
def test_unreadable_trandata_is_told_apart(trandata: str) -> None:
    with pytest.raises(UnreadableTrandataError):
        unseal(trandata, KEY)
