"""How many parts a short message takes; two who have counted apart from each other must agree."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.notifications.domain.sms import parts_of, plain
from simulators.sms.parts import parts_of as parts_at_the_companies
from tests.unit.generated import QUICK

LETTERS = "aZ0 @é\n\r\x1b\f^{}[]~|\\€شسٱ١،\u2068\u2069\u200f\u00a0\u202f’–—ç🎉𐎀e\u0301\t\x00"
COMMON = st.sampled_from(LETTERS)
RUNS = st.tuples(COMMON | st.characters(codec="utf-8"), st.integers(1, 170)).map(lambda run: run[0] * run[1])
TEXTS = st.lists(RUNS, max_size=5).map("".join) | st.text(COMMON, max_size=320)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", 1),
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 153 * 2, 2),
        ("a" * (153 * 2 + 1), 3),
        ("a" * 153 * 3, 3),
        ("ش" * 70, 1),
        ("ش" * 71, 2),
        ("ش" * 67 * 2, 2),
        ("ش" * (67 * 2 + 1), 3),
        ("a" * 69 + "ش", 1),
        ("a" * 70 + "ش", 2),
        ("a" * 158 + "€", 1),
        ("a" * 159 + "€", 2),
        ("€" * 80, 1),
        ("€" * 81, 2),
        ("a" * 152 + "€" + "a" * 151, 2),
        ("a" * 152 + "€" + "a" * 152, 3),
        ("a" * 151 + "€" + "a" * 153, 2),
        ("🎉" * 35, 1),
        ("🎉" * 36, 2),
        ("🎉" * 33 * 2, 2),
        ("🎉" * (33 * 2 + 1), 3),
        ("ش" * 66 + "🎉" + "ش" * 65, 2),
        ("ش" * 66 + "🎉" + "ش" * 66, 3),
        ("ش" * 65 + "🎉" + "ش" * 67, 2),
    ],
)
def test_a_text_takes_as_many_parts_as_the_air_has_room_for(text: str, parts: int) -> None:
    assert parts_of(text) == parts
    assert parts_at_the_companies(text) == parts


@settings(QUICK, max_examples=400)
@given(TEXTS)
def test_we_and_the_companies_count_the_same(text: str) -> None:
    assert parts_of(text) == parts_at_the_companies(text)


@QUICK
@given(TEXTS)
def test_a_plain_text_takes_no_more_parts_and_is_plain_for_good(text: str) -> None:
    assert parts_of(plain(text)) <= parts_of(text)
    assert plain(plain(text)) == plain(text)


def test_marks_that_no_phone_needs_do_not_make_an_english_text_longer() -> None:
    marked = "\u2068KWD\u00a010.000\u2069 \u2013 the bank’s\u202freference\u200f\u200e —"
    assert plain(marked) == "KWD 10.000 - the bank's reference -"
    assert parts_of(plain(marked * 3)) == 1
    assert parts_of(marked * 3) > 1
