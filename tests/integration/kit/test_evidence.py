"""The auditor's evidence of a database: all of it, however many pages that takes."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from uuid import uuid4

from afaq.audit.evidence import Differing, Ledgers, Published
from afaq.audit.gather import PAGE, gather
from shared.contracts.topics import Topic
from tests.integration.kit.conftest import Toyshop
from tests.integration.kit.toy import Deposit


class Nothing:
    """Outside, where nothing was published and nobody did anything."""

    async def records(self, topics: Iterable[Topic]) -> Mapping[str, Sequence[Published]]:
        return defaultdict(list)

    async def ledgers(self) -> Ledgers:
        return Ledgers()


async def test_a_log_of_several_pages_is_read_and_projected_whole(shop: Toyshop) -> None:
    accounts = [uuid4() for _ in range(PAGE + 203)]
    for start in range(0, len(accounts), 100):
        await shop.shell.handle(*(shop.toys.account.send(id, Deposit(4)) for id in accounts[start : start + 100]))
    evidence = (await gather({"toys": shop.shell}, Nothing(), frozenset())).services["toys"]
    assert sorted(event.aggregate_id for event in evidence.log) == sorted(accounts)
    assert evidence.states["account"].keys() == set(accounts)
    assert (evidence.folded, evidence.misfolded) == (len(accounts), [])
    assert evidence.projections == [Differing("movements", len(accounts), [])]
