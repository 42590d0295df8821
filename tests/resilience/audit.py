"""The auditor, asked by tests."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from afaq.audit.local import audit_stack
from tests.conftest import RunningStack


async def violations(platform: RunningStack, *acknowledged: Mapping[str, Any]) -> list[str]:
    """What the auditor finds, once all is quiet. `acknowledged`: requests that people were told are accepted."""
    known = frozenset(UUID(request["id"]) for request in acknowledged)
    audited = await audit_stack(platform.stack, platform.endpoints, acknowledged=known, patience_seconds=30)
    return audited.violations
