"""Every fee goes to the account of one agency. The ledger only appends; a balance that each updates would wait."""

import asyncio
import uuid

import asyncpg

from afaq.demo.client import Api
from afaq.demo.renewal import AGENCY
from benchmarks import gate
from benchmarks.cpu import Accounts
from benchmarks.crowd import FEE_FILS, Crowd, gathered
from benchmarks.figures import Sample, latencies
from benchmarks.journey import Failed, new_session
from benchmarks.lab import Lab
from benchmarks.load import closed_loop
from benchmarks.measure import cpu_ms
from benchmarks.platform import running
from benchmarks.scenarios.scenario import Ratio, Scenario

AFAQ, APPEND, HOT_ROW = "afaq", "bare append", "bare append and hot balance"
AT_ONCE, CONNECTIONS = 16, 8
SCHEMA = """
create table transfers (id uuid primary key, debit text not null, credit text not null, amount_fils bigint not null);
create table balances (account text primary key, balance_fils bigint not null);
insert into balances values ('agency', 0);
"""
INSERT = "insert into transfers values ($1, 'gateway', 'agency', 10000)"
WITH_BALANCE = """
with appended as (insert into transfers values ($1, 'gateway', 'agency', 10000))
update balances set balance_fils = balance_fils + 10000 where account = 'agency'
"""


async def run(lab: Lab) -> list[Sample]:
    """All three in turn, on fresh servers."""
    samples = []
    for round in range(1, lab.options.rounds + 1):
        async with (
            lab.servers(AFAQ) as servers,
            running(servers) as platform,
            gathered(lab, platform, AFAQ) as crowd,
        ):
            samples.append(await _afaq(lab, crowd, round))
        samples += [await _bare(lab, round, APPEND, INSERT), await _bare(lab, round, HOT_ROW, WITH_BALANCE)]
    return samples


async def _afaq(lab: Lab, crowd: Crowd, round: int) -> Sample:
    accounts, took, errors, numbers = crowd.platform.accounts(), list[float](), list[str](), iter(range(10**9))

    async def act(_: int) -> None:
        try:
            ends = await crowd.make(next(numbers))
            took.append(ends.instants[3] - ends.instants[0])
        except Failed as error:
            errors.append(str(error))

    before = accounts.read()
    await closed_loop(act, workers=AT_ONCE, seconds=lab.options.seconds)
    used = accounts.read().since(before)
    sample = Sample(AFAQ, round, {"per second": len(took) / used.at, **latencies(took, "from fee to payment ")})
    sample.cpu_ms = cpu_ms(used, max(1, len(took)))
    sample.problems += gate.check_errors(len(errors), len(took) + len(errors)) + gate.check_load(used)
    sample.problems += await _ledger(crowd, len(took))
    sample.noise += gate.check_noise(used)
    return sample


async def _ledger(crowd: Crowd, paid: int) -> list[str]:
    """The accounts as an operator sees them: their sum is nothing, and what came in is what is owed."""
    async with new_session() as session:
        api = Api(crowd.platform.urls, session)
        ledger = await api.get("payments", "/ledger/balances", await api.sign_in(role="operator"))
    found = {account["account"]: account["balance_fils"] for account in ledger["accounts"]}
    expected = {"gateway": paid * FEE_FILS, f"agency:{AGENCY}": -paid * FEE_FILS}
    return gate.check_counts({**found, "sum": ledger["sum_fils"]}, {**expected, "sum": 0})


async def _bare(lab: Lab, round: int, system: str, statement: str) -> Sample:
    async with lab.servers(system, kafka=False) as servers:
        dsn = await servers.create_database("bench_payments")
        connections = [await asyncpg.connect(dsn) for _ in range(CONNECTIONS)]
        await connections[0].execute(SCHEMA)
        done = 0

        async def act(worker: int) -> None:
            nonlocal done
            await connections[worker].execute(statement, uuid.uuid4())
            done += 1

        accounts = Accounts(servers.roots)
        before = accounts.read()
        await closed_loop(act, workers=CONNECTIONS, seconds=min(10.0, lab.options.seconds))
        used = accounts.read().since(before)
        stored = await connections[0].fetchval("select count(*) from transfers")
        await asyncio.gather(*(connection.close() for connection in connections))
    sample = Sample(system, round, {"per second": done / used.at})
    sample.cpu_ms = cpu_ms(used, done)
    sample.noise += gate.check_noise(used)
    sample.problems += gate.check_counts({"transfers": stored}, {"transfers": done})
    return sample


SCENARIO = Scenario(
    name="hot_account",
    question="Does one account that everybody pays into hold anybody up, and is the ledger right?",
    piece="payment",
    run=run,
    ratios=[Ratio(APPEND, HOT_ROW, "per second")],
)
