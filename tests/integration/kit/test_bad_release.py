"""A release that can do nothing with what comes stops before it has parked everything, and nothing of it is lost."""

import asyncio
from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid4

import pytest
from aiokafka import AIOKafkaProducer

from shared.functions import Decider
from shared.store.statements import SQL
from tests.conftest import Servers
from tests.integration.kit.conftest import MakeToyshop, Toyshop
from tests.integration.kit.replaying import following, replaying, send
from tests.integration.kit.toy import Moved

KEYS = 40


def broken(*_: Any, **__: Any) -> Any:
    """What the bad release does with every event."""
    raise ValueError("a fault in every reaction")


async def tell(shop: Toyshop, servers: Servers, movers: Sequence[tuple[UUID, UUID]], sequence: int) -> None:
    async with AIOKafkaProducer(bootstrap_servers=servers.kafka) as producer:
        for key, account_id in movers:
            await send(producer, shop.toys.movers, Moved(account_id=account_id, amount=sequence), key, sequence)


@pytest.mark.timeout(120)
async def test_a_bad_release_stops_and_the_next_one_does_all_that_it_has_left(
    make_toyshop: MakeToyshop, servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = (await replaying(make_toyshop, servers)).shop
    movers = [(uuid4(), uuid4()) for _ in range(KEYS)]
    await tell(shop, servers, movers, 1)
    with monkeypatch.context() as release:
        release.setattr(Decider, "send", broken)
        async with following(shop.shell, servers) as consumer:
            while not consumer.paused:
                await asyncio.sleep(0.05)
            parked = len(await shop.jobs_in("parked"))
            await tell(shop, servers, movers, 2)
            await asyncio.sleep(1)
            assert len(await shop.jobs_in("parked")) == parked, "it goes on parking"
            assert await shop.jobs_in("live") == []
    async with following(shop.shell, servers) as consumer:
        await shop.pool.execute(SQL["retry_parked"], None, None, shop.clock.now())
        for _, account_id in movers:
            while (await shop.account(account_id)).balance < 1 + 2:
                await shop.run_jobs()
                await asyncio.sleep(0.02)
        assert not consumer.paused
    assert {(await shop.account(account_id)).balance for _, account_id in movers} == {1 + 2}
    assert await shop.jobs_in("parked") == await shop.jobs_in("live") == []
