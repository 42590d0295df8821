"""How a birth becomes reports: what is sent, and when."""

from datetime import datetime, timedelta
from uuid import uuid4

from pydantic import JsonValue

from simulators.clock import KUWAIT
from simulators.hospital.forms import BirthForm, How, Sex
from simulators.hospital.records import Report, What
from simulators.hospital.switches import Switches

AGENCY = "moh-hospitals"
ERROR_OF_TIME = timedelta(hours=-3)
"""Back in time, because a birth that is yet to come would be refused."""


def reports_of(birth: BirthForm, number: str, switches: Switches, now: datetime) -> tuple[Report, ...]:
    """The reports of a birth."""
    born_at = birth.born_at or _born_at(birth.how, switches, now)
    notice = _body(birth, number, born_at, birth.sex, now)
    match birth.how:
        case How.ONCE | How.LATE:
            return (report(What.NOTICE, notice, now),)
        case How.TWICE:
            return report(What.NOTICE, notice, now), report(What.NOTICE, notice, now)
        case How.WITH_ERROR:
            wrong = _body(birth, number, born_at + ERROR_OF_TIME, birth.sex.other, now)
            right: dict[str, JsonValue] = {"occurred_at": _on_paper(born_at), "sex": birth.sex}
            later = now + timedelta(seconds=switches.correct_after_seconds)
            return report(What.NOTICE, wrong, now), report(What.CORRECTION, right, later)


def report(what: What, body: dict[str, JsonValue] | None, due_at: datetime) -> Report:
    """A report with a key of its own."""
    return Report(id=str(uuid4()), what=what, due_at=due_at, body=body)


def _born_at(how: How, switches: Switches, now: datetime) -> datetime:
    return now - timedelta(days=switches.late_days) if how is How.LATE else now


def _body(birth: BirthForm, number: str, born_at: datetime, sex: Sex, now: datetime) -> dict[str, JsonValue]:
    return {
        "kind": "birth",
        "source": AGENCY,
        "number": number,
        "occurred_at": _on_paper(born_at),
        "noticed_at": _on_paper(now),
        "mother_civil_id": birth.mother_civil_id,
        "father_civil_id": birth.father_civil_id,
        "child": {"sex": sex, "birth_order": birth.birth_order},
    }


def _on_paper(instant: datetime) -> str:
    """As a hospital's clock shows it."""
    return instant.astimezone(KUWAIT).isoformat()
