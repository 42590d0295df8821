"""Audits a local stack: the demonstration's, a benchmark's, a test's."""

from uuid import UUID

from afaq.access import open_shells
from afaq.audit.audit import Audited, audit
from afaq.audit.outside import Deployment
from afaq.local.stack import Endpoints, Stack
from shared.messaging.brokers import Brokers


async def audit_stack(
    stack: Stack, endpoints: Endpoints, *, acknowledged: frozenset[UUID] = frozenset(), patience_seconds: float = 20.0
) -> Audited:
    """What the auditor finds in a running stack."""
    outside = Deployment(Brokers(bootstrap=endpoints.kafka), endpoints.urls["simulators"])
    async with open_shells(stack.environments) as shells:
        return await audit(shells, outside, acknowledged=acknowledged, patience_seconds=patience_seconds)
