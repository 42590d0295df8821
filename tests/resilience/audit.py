"""The auditor, asked by tests."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from afaq.access import open_shells
from afaq.audit import audit
from afaq.audit.outside import Deployment
from shared.messaging.brokers import Brokers
from tests.conftest import RunningStack


async def violations(platform: RunningStack, *acknowledged: Mapping[str, Any]) -> list[str]:
    """What the auditor finds, once all is quiet. `acknowledged`: requests that people were told are accepted."""
    async with open_shells(platform.stack.environments) as shells:
        outside = Deployment(Brokers(bootstrap=platform.endpoints.kafka), platform.endpoints.urls["simulators"])
        known = frozenset(UUID(request["id"]) for request in acknowledged)
        return (await audit(shells, outside, acknowledged=known, patience_seconds=30)).violations
