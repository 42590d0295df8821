"""What waits for somebody is counted: by index, in few reads, whatever has piled up."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from prometheus_client import REGISTRY

from afaq.access import open_shell
from afaq.services import compose
from services.notifications import queries as notifications
from services.payments import queries as payments
from services.requests import queries as requests
from shared.kernel.clock import MovableClock
from shared.observability import metrics
from shared.store.shell import Shell
from tests.conftest import RunningStack
from tests.support import a_person, approve, pay, submit, until_status

MEASURES: Mapping[str, Any] = {
    "requests": requests.measure,
    "payments": payments.Measure(),
    "notifications": notifications.measure,
}


@asynccontextmanager
async def shell_of(platform: RunningStack, name: str) -> AsyncIterator[Shell]:
    async with open_shell(name, platform.stack.environments[name]) as shell:
        clock = MovableClock(platform.directory / "clock-offset")  # other tests may have moved it on
        shell.parts = replace(shell.parts, clock=clock)
        yield shell


async def measured(platform: RunningStack, name: str, metric: str, **labels: str) -> float:
    async with shell_of(platform, name) as shell:
        await MEASURES[name](shell)
    return REGISTRY.get_sample_value(metric, labels) or 0.0


async def test_a_request_is_counted_with_whom_it_waits_for_and_its_task_with_the_agency(platform: RunningStack) -> None:
    api, person = platform.api, await a_person(platform.api)
    applicants = await measured(platform, "requests", "afaq_requests_waiting", owner="applicant")
    agencies = await measured(platform, "requests", "afaq_requests_waiting", owner="agency")
    tasks = await measured(platform, "requests", "afaq_tasks_open", agency="moi-traffic")
    request = await submit(api, person)
    assert await measured(platform, "requests", "afaq_requests_waiting", owner="applicant") == applicants + 1
    await pay(api, person, request)
    await until_status(api, person, request, "in_progress")

    async def has_a_task() -> bool:
        return await measured(platform, "requests", "afaq_tasks_open", agency="moi-traffic") == tasks + 1

    await api.until(has_a_task, "task")
    assert await measured(platform, "requests", "afaq_requests_waiting", owner="agency") == agencies + 1
    assert await measured(platform, "requests", "afaq_tasks_oldest_seconds", agency="moi-traffic") > 0
    await approve(api, request)
    await until_status(api, person, request, "fulfilled")
    assert await measured(platform, "requests", "afaq_tasks_open", agency="moi-traffic") == tasks


async def test_money_that_is_owed_is_counted_until_it_is_given_back(
    platform: RunningStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    api, person = platform.api, await a_person(platform.api)
    request = await submit(api, person)
    await pay(api, person, request)
    await until_status(api, person, request, "in_progress")
    await api.put("simulators", "/knet/switches", {"down": True})
    try:
        await api.post("requests", f"/requests/{request['id']}/withdraw", None, person.token)

        async def is_owed() -> bool:
            return await measured(platform, "payments", "afaq_owed", kind="refund") >= 1

        await api.until(is_owed, "refund that is due")
        assert await measured(platform, "payments", "afaq_owed_oldest_seconds", kind="refund") > 0
    finally:
        await api.put("simulators", "/knet/switches", {"down": False})
    monkeypatch.setattr(payments, "SETTLED", payments.SETTLED * 0)
    monkeypatch.setattr(payments, "LEDGER_PAGE", 2)
    measure = payments.Measure()
    metrics.LEDGER_FILS.clear()
    async with shell_of(platform, "payments") as shell:
        await measure(shell)
        assert REGISTRY.get_sample_value("afaq_ledger_fils", {"account": "gateway"}) is None  # a page is not the ledger

        async def adds_up() -> bool:
            """At some moment at which nobody books anything."""
            for _ in range(await shell.parts.pool.fetchval("select count(*) from transfers")):
                await measure(shell)
            balances = {one.account: one.balance_fils for one in await payments.balances(shell.parts.pool)}
            return REGISTRY.get_sample_value("afaq_ledger_fils", {"account": "gateway"}) == balances["gateway"]

        await api.until(adds_up, "the ledger's balance in its gauge")
    told = [
        sample.value for family in REGISTRY.collect() for sample in family.samples if sample.name == "afaq_ledger_fils"
    ]
    assert sum(told) == 0


async def test_a_basket_that_is_given_back_whole_is_owed_too(platform: RunningStack) -> None:
    async with shell_of(platform, "payments") as shell, shell.parts.pool.acquire() as connection:

        async def refunds_owed() -> int:
            rows = await connection.fetch(payments.SQL["owed"], shell.parts.clock.now(), 10_000)
            return next(int(row["cases"]) for row in rows if row["kind"] == "refund")

        trying = connection.transaction()
        await trying.start()
        before = await refunds_owed()
        await connection.execute(
            "insert into baskets (id, correlation_id, version, shape, state, updated_at) "
            "values ($1, $1, 1, 1, $2, now())",
            uuid4(),
            {"status": "refund_due"},
        )
        assert await refunds_owed() == before + 1
        await trying.rollback()


@pytest.mark.parametrize(
    ("name", "statement", "arguments"),
    [
        ("requests", requests.SQL["waiting_tasks"], ("now()", "10000")),
        ("requests", requests.SQL["waiting_requests"], ("array['agency']", "10000")),
        ("payments", payments.SQL["owed"], ("now()", "10000")),
        ("payments", payments.SQL["booked_since"], ("now()", f"'{'0' * 32}'::uuid", "now()", "50000")),
        ("notifications", notifications.SQL["unsent_messages"], ("now()", "array['SendSms']", "10000")),
    ],
)
async def test_nothing_is_counted_by_reading_a_table(
    platform: RunningStack, name: str, statement: str, arguments: tuple[str, ...]
) -> None:
    for number, argument in reversed(list(enumerate(arguments, start=1))):
        statement = statement.replace(f"${number}", argument)
    async with shell_of(platform, name) as shell:
        plan = "\n".join(row[0] for row in await shell.parts.pool.fetch(f"explain {statement}"))
    assert "Seq Scan" not in plan


def test_services_have_their_waits_measured(platform: RunningStack, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in MEASURES:
        for variable, value in platform.stack.environments[name].items():
            monkeypatch.setenv(variable, value)
        assert compose(name).measure is not None
