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
        },
    }
    return SyntheticPerson(civil_id, form)
