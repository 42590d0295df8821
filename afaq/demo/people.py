"""Synthetic persons: civil IDs with right check digits and birth dates that no living person can have."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import count
from typing import Any

from shared.kernel.civil_id import synthetic_civil_id

GIVEN = [
    ("فهد", "Fahad"), ("نورة", "Noura"), ("سالم", "Salem"), ("مريم", "Maryam"), ("يوسف", "Yousef"), ("شيخة", "Shaikha"),
    ("بدر", "Bader"), ("دلال", "Dalal"), ("خالد", "Khaled"), ("هيا", "Haya"), ("ناصر", "Nasser"), ("لولوة", "Lulwa"),
]  # fmt: skip
FAMILY = [
    ("التجريبي", "Al-Tajribi"), ("المثالي", "Al-Mithali"), ("الافتراضي", "Al-Iftiradi"), ("النموذجي", "Al-Namudhaji"),
]  # fmt: skip


@dataclass(frozen=True)
class SyntheticPerson:
    """Somebody who does not exist; `form` is what a registrar posts."""

    civil_id: str
    form: dict[str, Any]


def synthetic_people(how_many: int, *, today: date, now: str) -> list[SyntheticPerson]:
    """Fahad first, then the others; always the same people."""
    choose = random.Random(20_260_101)
    ids = _civil_ids()
    people = [_person(next(ids), GIVEN[0], FAMILY[0], today, now)]
    people += [_person(next(ids), choose.choice(GIVEN), choose.choice(FAMILY), today, now) for _ in range(how_many - 1)]
    return people


def the_parents(couple: int = 0) -> tuple[SyntheticPerson, SyntheticPerson]:
    """Maryam, who is reached by short messages in Arabic, and Khaled, whose number is dead: mail reaches him.

    Each `couple` has civil IDs of its own.
    """
    born_on = date(1910, 12, 31)
    ids = (number for serial in count(1 + 100 * couple) if (number := synthetic_civil_id(born_on, serial)) is not None)
    common = {"residence": "citizen", "facts": {}}
    maryam = {"name": {"ar": "مريم المثالي", "en": "Maryam Al-Mithali"}, "language": "ar"}
    khaled = {"name": {"ar": "خالد المثالي", "en": "Khaled Al-Mithali"}, "language": "en"}
    reached = [("+96550000001", "maryam@example.test"), ("+96550000002", "khaled@example.test")]
    forms = [
        {**common, **person, "civil_id": next(ids), "mobile": mobile, "email": email}
        for person, (mobile, email) in zip((maryam, khaled), reached, strict=True)
    ]
    first, second = (SyntheticPerson(str(form["civil_id"]), form) for form in forms)
    return first, second


def _civil_ids() -> Iterator[str]:
    for number in count():
        born_on = date(1900, 1, 1) + timedelta(days=number % 3650)
        civil_id = synthetic_civil_id(born_on, 1 + number // 3650)
        if civil_id is not None:
            yield civil_id


def _person(civil_id: str, given: tuple[str, str], family: tuple[str, str], today: date, now: str) -> SyntheticPerson:
    expires_on = today + timedelta(days=20)
    form = {
        "civil_id": civil_id,
        "name": {"ar": f"{given[0]} {family[0]}", "en": f"{given[1]} {family[1]}"},
        "residence": "citizen",
        "mobile": None,
        "language": "ar",
        "facts": {
            "driving_licence_expires_on": {"value": expires_on.isoformat(), "source": "moi-traffic", "as_of": now},
            "unpaid_traffic_fines_fils": {"value": 0, "source": "moi-traffic", "as_of": now},
            "sees_well_enough": {"value": True, "source": "moh-centres", "as_of": now},
        },
    }
    return SyntheticPerson(civil_id, form)
