"""The Kuwaiti civil ID number: twelve digits, C YYMMDD SSSS K (Public Authority for Civil Information)."""

from datetime import date

_CENTURIES = {"1": 1800, "2": 1900, "3": 2000}
_WEIGHTS = (2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_TO_WESTERN_DIGITS = str.maketrans("٠١٢٣٤٥٦٧٨٩۰۱۲۳۴۵۶۷۸۹", "01234567890123456789")


class InvalidCivilId(ValueError):
    """The number cannot be anybody's; `reason` is a stable slug. The number itself is never in the message."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"not a civil ID number: {reason}")
        self.reason = reason


def parse_civil_id(text: str, *, today: date) -> str:
    """The twelve western digits of a valid civil ID number, from western or Arabic digits with spaces or hyphens.

    Raises InvalidCivilId with the reason `shape`, `century`, `date`, `future` or `check-digit`.
    """
    digits = text.translate(_TO_WESTERN_DIGITS).replace(" ", "").replace("-", "")
    if len(digits) != 12 or not (digits.isascii() and digits.isdigit()):
        raise InvalidCivilId("shape")
    if birth_date_of(digits) > today:
        raise InvalidCivilId("future")
    if check_digit(digits[:11]) != int(digits[11]):
        raise InvalidCivilId("check-digit")
    return digits


def birth_date_of(digits: str) -> date:
    """The birth date that the number carries."""
    century = _CENTURIES.get(digits[0])
    if century is None:
        raise InvalidCivilId("century")
    try:
        return date(century + int(digits[1:3]), int(digits[3:5]), int(digits[5:7]))
    except ValueError:
        raise InvalidCivilId("date") from None


def check_digit(first_eleven: str) -> int | None:
    """The twelfth digit; None where the sum gives 10 or 11, because such serials are not issued."""
    total = sum(weight * int(digit) for weight, digit in zip(_WEIGHTS, first_eleven, strict=True))
    digit = 11 - total % 11
    return digit if digit < 10 else None


def synthetic_civil_id(born_on: date, serial: int) -> str | None:
    """A number with a right check digit for tests and demonstrations; None for a serial that is not issued.

    Refuses dates after 1910: a number that could belong to a living person is never made up.
    """
    if not date(1900, 1, 1) <= born_on <= date(1910, 12, 31):
        raise ValueError("synthetic civil IDs are of people born from 1900 to 1910")
    first_eleven = f"2{born_on:%y%m%d}{serial:04d}"
    digit = check_digit(first_eleven)
    return None if digit is None else f"{first_eleven}{digit}"
