"""The only cards that the gateway knows: test cards, each with an end of its own."""

from enum import StrEnum


class Result(StrEnum):
    """How an attempt ended. Only CAPTURED means that money was taken."""

    CAPTURED = "CAPTURED"
    NOT_CAPTURED = "NOT CAPTURED"
    DECLINED = "DECLINED"
    RESTRICTED = "RESTRICTED"
    CANCELLED = "CANCELLED"
    TIMEDOUT = "TIMEDOUT"


TEST_CARDS = {
    "8888880000000001": Result.CAPTURED,
    "8888880000000002": Result.NOT_CAPTURED,
    "8888880000000003": Result.DECLINED,
    "8888880000000004": Result.RESTRICTED,
}
TEST_PIN = "1234"


class UnknownCardError(ValueError):
    """Not a test card. Perhaps somebody's own, so its number is neither kept nor repeated."""


def result_of(card: str, pin: str) -> Result:
    """What the card's bank says; spaces between digits and Arabic-Indic digits are fine."""
    result = TEST_CARDS.get(_digits(card))
    if result is None:
        raise UnknownCardError("not a test card")
    return result if _digits(pin) == TEST_PIN else Result.NOT_CAPTURED


def _digits(typed: str) -> str:
    return "".join(
        str(int(character)) if character.isdecimal() else character for character in typed if character != " "
    )
