"""Connections to a service's database."""

import asyncpg
from pydantic_core import from_json, to_json

from shared.store.statements import SQL
from shared.store.types import Connection, Pool


class NotConfirmed(asyncpg.CannotConnectNowError):
    """Nobody has compared this database with the service's topic yet: for whoever asks, it is away."""


async def open_pool(dsn: str, *, application: str, size: int = 10, only_confirmed: bool = False) -> Pool:
    """A pool whose connections speak JSON as Python values and give up rather than hang.

    Guarantees: a statement ends within 15 s, a wait for a lock within 10 s; a transaction left idle for 15 s is ended
    by the server, so that a process that only seems dead lets go of what it holds.
    `only_confirmed`: a database that was restored or failed over to is away until a worker has compared it with the
    service's topic. Connections that are there go on: a server that is restored has ended them.
    """
    return await asyncpg.create_pool(
        dsn,
        min_size=1,
        max_size=size,
        init=_begin_confirmed if only_confirmed else speak_json,
        reset=_keep_the_session,
        server_settings=server_settings(application),
        command_timeout=30,
    )


async def connect(
    dsn: str, *, application: str, command_timeout: float | None = 30, idle_limit: str | None = None
) -> Connection:
    """One connection with the same manners, for what must keep its session: a leader's lock, a migration.

    `idle_limit`: the server ends the session of who is silent for so long, and with it the locks that it holds.
    """
    settings = server_settings(application) | ({"idle_session_timeout": idle_limit} if idle_limit else {})
    connection = await asyncpg.connect(dsn, server_settings=settings, command_timeout=command_timeout)
    await speak_json(connection)
    return connection


def server_settings(application: str) -> dict[str, str]:
    """The session settings of every connection."""
    return {
        "application_name": application,
        "statement_timeout": "15s",
        "lock_timeout": "10s",
        "idle_in_transaction_session_timeout": "15s",
        "tcp_user_timeout": "15000",
        "jit": "off",
        # A plan that was made while a table was small is kept while it grows: it must not be one that reads all of it.
        "enable_seqscan": "off",
        "enable_bitmapscan": "off",
        "enable_hashjoin": "off",
        "enable_mergejoin": "off",
    }


async def _keep_the_session(_: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Nothing of ours outlives a transaction on a session: there is nothing to reset, and a round trip is spared."""


async def _begin_confirmed(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    await speak_json(connection)
    if not await connection.fetchval(SQL["is_confirmed"]):
        raise NotConfirmed("the database was restored or failed over to; no worker has compared it with its topic yet")


async def speak_json(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    """jsonb values come and go as Python values; bytes are taken for JSON that is already written."""
    await connection.set_type_codec("jsonb", schema="pg_catalog", encoder=_json, decoder=from_json, format="text")


def _json(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else to_json(value).decode()
