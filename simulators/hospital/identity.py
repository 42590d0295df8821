"""The platform's identity service as a hospital meets it: tell of a birth, correct it, take it back."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from pydantic import BaseModel, ValidationError

from simulators.hospital.records import Report, What
from simulators.hospital.writing import AGENCY
from simulators.officer import Officer, PlatformAwayError

_PATHS: Final = {
    What.NOTICE: "/life-events",
    What.CORRECTION: f"/life-events/{AGENCY}/{{number}}/correction",
    What.ANNULMENT: f"/life-events/{AGENCY}/{{number}}/annulment",
}


@dataclass(frozen=True)
class Outcome:
    """What identity made of a report; a refusal has a code, if it is a problem as it should be."""

    status: int
    code: str | None = None


class _Problem(BaseModel):
    code: str


class Identity:
    """Life events, through an officer's connection."""

    def __init__(self, officer: Officer, *, identity_url: str) -> None:
        """Take what is needed."""
        self._officer = officer
        self._identity_url = identity_url

    async def tell(self, number: str, report: Report) -> Outcome:
        """Send a report; raises PlatformAwayError when it is to be sent again."""
        answer = await self._officer.call(
            AGENCY,
            "POST",
            self._identity_url + _PATHS[report.what].format(number=number),
            headers={"Idempotency-Key": f'"{report.id}"'},
            json=report.body,
        )
        if answer.status == HTTPStatus.CONFLICT and answer.says_later:
            raise PlatformAwayError(f"HTTP {answer.status}")
        if answer.status < HTTPStatus.MULTIPLE_CHOICES:
            return Outcome(answer.status)
        return Outcome(answer.status, _code(answer.body))


def _code(body: bytes) -> str | None:
    try:
        return _Problem.model_validate_json(body).code
    except ValidationError:
        return None
