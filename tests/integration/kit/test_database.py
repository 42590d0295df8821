"""The database: migrations, what the app role may do, and every statement on the migrated schema."""

import asyncio
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest

from afaq.local.databases import create_databases
from afaq.secrets.made import local_secrets
from afaq.services import NAMES, functions_of, migrations_of
from shared.store.job_runner import ALL, OF_KEY, OTHERS, URGENT
from shared.store.migrate import MigrationRefused, migrate
from shared.store.replay import verify_states
from shared.store.statements import SQL, Statements, recording
from tests.conftest import Servers
from tests.integration.kit.conftest import APP, Toyshop
from tests.integration.kit.toy import Deposit, Open, Withdraw


async def test_the_app_role_can_neither_change_nor_delete_what_has_happened(shop: Toyshop) -> None:
    await shop.shell.handle(shop.toys.account.send(uuid4(), Deposit(1)))
    for statement in ("update event_log set actor = 'me'", "delete from event_log", "truncate event_log"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await shop.pool.execute(statement)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await shop.pool.execute("create table mine (id int)")


async def test_a_migration_that_was_changed_after_it_was_applied_is_refused(shop: Toyshop, tmp_path: Path) -> None:
    file = tmp_path / "0001_first.sql"
    file.write_text("create table first (id int)")
    assert await migrate(shop.owner_dsn, "toys", tmp_path, app_role=APP) == ["0001_first"]
    assert await migrate(shop.owner_dsn, "toys", tmp_path, app_role=APP) == []
    file.write_text("create table second (id int)")
    with pytest.raises(MigrationRefused, match="0001_first"):
        await migrate(shop.owner_dsn, "toys", tmp_path, app_role=APP)


async def test_a_migration_that_fails_leaves_nothing_behind(shop: Toyshop, tmp_path: Path) -> None:
    (tmp_path / "0001_broken.sql").write_text("create table half (id int); select 1 / 0")
    with pytest.raises(asyncpg.DivisionByZeroError):
        await migrate(shop.owner_dsn, "toys", tmp_path, app_role=APP)
    assert await shop.pool.fetchval("select to_regclass('half')") is None


async def test_what_takes_something_away_waits_until_it_is_told_to(shop: Toyshop, tmp_path: Path) -> None:
    (tmp_path / "0001_old.sql").write_text("create table old (id int)")
    (tmp_path / "0002_drop_old.sql").write_text("-- contract: bigger has taken its place\ndrop table old")
    (tmp_path / "0003_bigger.sql").write_text("create table bigger (id int)")
    assert await migrate(shop.owner_dsn, "toys", tmp_path, app_role=APP) == ["0001_old", "0003_bigger"]
    assert await migrate(shop.owner_dsn, "toys", tmp_path, app_role=APP, contract=True) == ["0002_drop_old"]
    assert await shop.pool.fetchval("select to_regclass('old')") is None


async def test_four_processes_that_migrate_at_once_do_it_once_index_built_beside_the_work(
    shop: Toyshop, tmp_path: Path
) -> None:
    (tmp_path / "0001_table.sql").write_text("create table big as select n from generate_series(1, 1000) n")
    (tmp_path / "0002_index.sql").write_text("-- no-transaction\ncreate index concurrently big_n on big (n)")
    applied = await asyncio.gather(*(migrate(shop.owner_dsn, "toys", tmp_path, app_role=APP) for _ in range(4)))
    assert sorted(applied) == [[], [], [], ["0001_table", "0002_index"]]
    assert await shop.pool.fetchval("select indisvalid from pg_index where indexrelid = 'big_n'::regclass")


async def test_an_index_whose_making_was_broken_off_is_made_anew_and_no_other_is_touched(
    shop: Toyshop, tmp_path: Path
) -> None:
    (tmp_path / "0001_table.sql").write_text("create table big as select n % 10 as n from generate_series(1, 20) n")
    index = "-- no-transaction\ncreate unique index concurrently if not exists big_n on big (n)"
    (tmp_path / "0002_index.sql").write_text(index)
    with pytest.raises(asyncpg.UniqueViolationError):
        await migrate(shop.owner_dsn, "toys", tmp_path, app_role=APP)
    owner = await asyncpg.connect(shop.owner_dsn)
    with pytest.raises(asyncpg.UniqueViolationError):  # an operator's, as it is there while they make it
        await owner.execute("create unique index concurrently operators on big (n)")
    await owner.execute("delete from big where ctid not in (select min(ctid) from big group by n)")
    await owner.close()
    assert await migrate(shop.owner_dsn, "toys", tmp_path, app_role=APP) == ["0002_index"]
    is_valid = "select indisvalid from pg_index where indexrelid = to_regclass($1)"
    assert await shop.pool.fetchval(is_valid, "big_n")
    assert await shop.pool.fetchval(is_valid, "operators") is False


@pytest.fixture(scope="module")
async def service_dsns(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The four services' databases, migrated as in production."""
    secrets = local_secrets(tmp_path_factory.mktemp("secrets") / "secrets.json")
    dsns = await create_databases(servers.postgres, secrets, prefix="prepared")
    for name in NAMES:
        await migrate(dsns[name].owner, name, migrations_of(name), app_role=f"prepared_{name}_app")
    return {name: dsns[name].app for name in NAMES}


@pytest.mark.parametrize("name", NAMES)
async def test_every_statement_can_be_prepared_on_the_migrated_schema(name: str, service_dsns: dict[str, str]) -> None:
    connection = await asyncpg.connect(service_dsns[name])
    tables = [decider.table for decider in functions_of(name).deciders]
    texts = [text for statement in SQL.names() for text in _texts(SQL[statement], tables)]
    own = Path(import_module(f"services.{name}").__file__ or "").parent / "sql"
    texts += [Statements(own)[statement] for statement in Statements(own).names()]
    for text in texts:
        await connection.prepare(text)
    await connection.close()
    assert len(texts) > 30


def _texts(text: str, tables: list[str]) -> list[str]:
    """The statement for each table that it can be about; those about other identifiers on tables that every kit has."""
    if "{role}" in text:
        return []
    if "{which}" in text:
        return [text.format(which=which) for which in (URGENT, OTHERS, OF_KEY, ALL)]
    if "{writes}" in text:
        (upsert,) = _texts(SQL["upsert_rows"], tables)
        saves = tuple(_texts(SQL["save_states"], tables))
        return [recording((), ()), recording(saves, ()), recording((), (upsert,)), recording(saves, (upsert,))]
    if "{changes}" in text:
        filled = {"columns": "key_id, jwk", "key": "key_id", "changes": "update set jwk = excluded.jwk"}
        return [text.format(table="access_keys", **filled)]
    if "{subject}" in text:
        subjects = ("t.id", "null::uuid", "(t.state ->> 'person_id')::uuid")
        return [text.format(table=table, subject=subject) for table in tables for subject in subjects]
    if "{columns}" in text or "{by}" in text:
        return [text.format(table=table, columns="id", by="id") for table in tables]
    return [text.format(table=table) for table in tables] if "{table}" in text else [text]


@pytest.mark.parametrize(
    ("name", "statement", "arguments"),
    [
        ("requests", "open_tasks", (["moi-traffic"], uuid4(), 50)),
        ("requests", "requests_of_applicant", (uuid4(), uuid4(), 50)),
        ("requests", "open_tasks_of_person", (uuid4(), uuid4(), 50)),
        ("requests", "offers_of_person", (uuid4(), uuid4(), 50)),
        ("payments", "payments_of_payer", (uuid4(), uuid4(), 50, None)),
        ("notifications", "messages_of_person", (uuid4(), datetime.now(UTC), uuid4(), 50)),
    ],
)
async def test_lists_are_read_by_an_index(
    name: str, statement: str, arguments: tuple[object, ...], service_dsns: dict[str, str]
) -> None:
    connection = await asyncpg.connect(service_dsns[name])
    await connection.execute("set enable_seqscan = off")
    text = Statements(Path(import_module(f"services.{name}").__file__ or "").parent / "sql")[statement]
    plan = "\n".join(row[0] for row in await connection.fetch(f"explain {text}", *arguments))
    await connection.close()
    below_the_page = plan.partition("Nested Loop")[2] or plan  # several agencies' pages are merged by a sort
    assert "Index" in below_the_page and "Seq Scan" not in plan and "Sort  (" not in below_the_page, plan


async def test_folding_the_log_gives_every_state_also_of_the_erased(shop: Toyshop) -> None:
    owner, account_id = uuid4(), uuid4()
    await shop.shell.handle(
        shop.toys.account.send(account_id, Open(owner)), shop.toys.account.send(uuid4(), Deposit(4))
    )
    await shop.shell.handle(shop.toys.account.send(account_id, Deposit(9)))
    await shop.shell.handle(shop.toys.account.send(account_id, Withdraw(2)))
    async with shop.pool.acquire() as connection:
        await shop.shell.parts.keyring.destroy(connection, [owner], shop.clock.now())
    found = await verify_states(shop.shell)
    assert (found.aggregates, found.events, found.differing) == (2, 4, [])


async def test_a_state_that_is_not_what_its_events_make_is_reported(shop: Toyshop) -> None:
    account_id = uuid4()
    await shop.shell.handle(shop.toys.account.send(account_id, Deposit(9)))
    await shop.pool.execute("update accounts set state = jsonb_set(state, '{balance}', '10')")
    assert (await verify_states(shop.shell)).differing == [account_id]
