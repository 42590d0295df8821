"""Whatever was done to the platform: when a module is through with it, the auditor finds nothing."""

from collections.abc import AsyncIterator

import pytest

from tests.conftest import RunningStack
from tests.resilience.audit import violations

UNPUBLISHED = "I11 requests: service_versions test-"
"""Tests of the API put services of their own into the catalogue of this platform, and publish none of them."""


@pytest.fixture(scope="module", autouse=True)
async def audited(platform: RunningStack) -> AsyncIterator[None]:
    """Asks the auditor after a module. A module with platforms of its own says instead who audits them."""
    yield
    assert [found for found in await violations(platform) if not found.startswith(UNPUBLISHED)] == []
