"""Instants and days in requests: written as ISO 8601, and never a number that would be taken for one."""

from datetime import date
from typing import Annotated

from pydantic import AwareDatetime, BeforeValidator


def _written(value: object) -> object:
    if not isinstance(value, str):
        raise ValueError("this is written as ISO 8601")  # noqa: TRY004 pydantic answers a ValueError
    return value


Instant = Annotated[AwareDatetime, BeforeValidator(_written)]
Day = Annotated[date, BeforeValidator(_written)]
