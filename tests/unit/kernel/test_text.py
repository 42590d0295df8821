import pytest
from pydantic import ValidationError

from shared.kernel.text import Language, LocalizedText, folded
from tests.unit.builders import a_text


def test_a_text_is_said_in_either_language() -> None:
    said = LocalizedText(ar="رخصة", en="licence")
    assert said.in_language(Language.ARABIC) == "رخصة"
    assert said.in_language(Language.ENGLISH) == "licence"


@pytest.mark.parametrize(
    "words", [{"ar": "", "en": "x"}, {"ar": "x", "en": ""}, {"ar": "x"}, {"en": "x"}, {"ar": "x", "en": " "}]
)
def test_neither_language_is_left_out(words: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        LocalizedText.model_validate(words)


@pytest.mark.parametrize("character", ["\x00", "\x07", "\x1b", "\x7f"])
def test_a_text_has_no_characters_that_no_screen_shows(character: str) -> None:
    with pytest.raises(ValidationError):
        a_text(f"some{character}words")


def test_a_text_may_have_lines_and_an_end_that_is_blank() -> None:
    assert a_text("one\n\ttwo \r\n").en == "one\n\ttwo"


def test_a_third_language_is_refused_and_not_dropped() -> None:
    with pytest.raises(ValidationError):
        LocalizedText.model_validate({"ar": "x", "en": "x", "fr": "x"})


def test_a_text_is_never_changed() -> None:
    with pytest.raises(ValidationError):
        a_text().ar = "other"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("written", "searched"),
    [
        ("إصدار", "اصدار"),
        ("آفاق", "افاق"),
        ("رُخْصَة", "رخصه"),
        ("مستشفى", "مستشفي"),
        ("المـــدنية", "المدنيه"),
        ("مؤسسة", "موسسه"),
        ("٣٠ يومًا", "30 يوما"),
        ("Licence", "licence"),
        ("Résumé", "resume"),
    ],
)
def test_what_is_spelled_in_several_ways_is_searched_in_one(written: str, searched: str) -> None:
    assert folded(written) == searched
    assert folded(folded(written)) == searched
