"""What people come for: fees, another party, a hold and a payout; births bring automatic services and missing facts."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random
from typing import Any

from shared.contracts.identity import Residence
from tests.simulation.world import definitions

FINES = "unpaid_traffic_fines_fils"


@dataclass(frozen=True)
class Errand:
    """A service, the form that is handed in, and what registers know of who comes; `in_days`: facts that are dates."""

    service: str
    share: float
    form: Mapping[str, Any]
    residence: Residence = Residence.CITIZEN
    facts: Mapping[str, Any] = field(default_factory=dict)
    in_days: Mapping[str, int] = field(default_factory=dict)
    may_have_fines: bool = False

    @property
    def version(self) -> int:
        """The version of the service that is published."""
        return next(definition.version for definition in definitions() if definition.id == self.service)

    def facts_of_somebody(self, chance: Random, today: date) -> dict[str, Any]:
        """What registers know of one who may have this."""
        dates = {name: (today + timedelta(days=days)).isoformat() for name, days in self.in_days.items()}
        fines = 30_000 if self.may_have_fines and chance.random() < 0.6 else 0
        return {**self.facts, **dates, FINES: fines}


RENEWAL = Errand(
    "driving-licence-renewal",
    0.7,
    {"delivery": "digital"},
    facts={"sees_well_enough": True},
    in_days={"driving_licence_expires_on": 20},
)
ERRANDS = (
    RENEWAL,
    Errand(  # another party has to agree
        "address-change",
        0.1,
        {"governorate": "HA", "area": "Salmiya", "block": "10", "street": "5", "building": "7"},
        facts={"has_civil_id": True},
    ),
    Errand(  # waits until fines are paid
        "residency-renewal",
        0.1,
        {"years": 1},
        Residence.RESIDENT,
        facts={"unpaid_state_debts_fils": 0, "has_biometrics": True, "is_insured": False},
        in_days={"residency_expires_on": 20, "work_permit_valid_until": 300},
        may_have_fines=True,
    ),
    Errand(  # pays out
        "marriage-loan",
        0.1,
        {"monthly_salary_fils": 900_000},
        facts={"is_married": True, "has_marriage_loan": False, "monthly_salary_fils": 900_000},
    ),
)


def chosen(chance: Random) -> Errand:
    """One of them, as often as it is its share."""
    return chance.choices(ERRANDS, [errand.share for errand in ERRANDS])[0]
