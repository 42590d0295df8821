"""Audits a platform: what is on its way is looked at again, what stays wrong is a violation."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from afaq.audit.gather import Outside, gather
from afaq.audit.invariants import Finding, check_all
from shared.store.shell import Shell

AGAIN_AFTER_SECONDS = 1.0


@dataclass(frozen=True)
class Audited:
    """What was found, after how many looks and how long."""

    findings: Sequence[Finding]
    looks: int
    seconds: float

    @property
    def violations(self) -> list[str]:
        """Everything that is wrong, each with its invariant."""
        return [f"{finding.id} {offender}" for finding in self.findings for offender in finding.offenders]


async def audit(
    shells: Mapping[str, Shell],
    outside: Outside,
    *,
    acknowledged: frozenset[UUID] = frozenset(),
    patience_seconds: float = 20.0,
    say: Callable[[str], None] = lambda _: None,
) -> Audited:
    """Checks every invariant. It only reads.

    A live system moves on while it is read: what offends is looked at again until nothing does, or until the patience
    ends; then only what has offended each time is a violation.
    """
    began = time.monotonic()
    findings = check_all(await gather(shells, outside, acknowledged))
    looks = 1
    while any(finding.offenders for finding in findings) and time.monotonic() - began < patience_seconds:
        say(f"{sum(len(finding.offenders) for finding in findings)} things are on their way or wrong; looking again")
        await asyncio.sleep(AGAIN_AFTER_SECONDS)
        again = check_all(await gather(shells, outside, acknowledged))
        findings = [_still(before, after) for before, after in zip(findings, again, strict=True)]
        looks += 1
    return Audited(findings, looks, time.monotonic() - began)


def _still(before: Finding, after: Finding) -> Finding:
    """What offends now and did before."""
    return replace(after, offenders=[found for found in after.offenders if found in set(before.offenders)])
