"""A database a service, with an owner that migrates it and an app role that may do no more than it needs."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlsplit, urlunsplit

import asyncpg

from afaq.services import NAMES


@dataclass(frozen=True)
class Dsns:
    """How a service's two roles reach its database."""

    owner: str
    app: str


async def create_databases(admin_dsn: str, secrets: Mapping[str, str], *, prefix: str = "afaq") -> Mapping[str, Dsns]:
    """Creates what is missing on a server where we may; passwords are set anew each time."""
    connection = await asyncpg.connect(admin_dsn)
    try:
        return {name: await _create_one(connection, admin_dsn, f"{prefix}_{name}", name, secrets) for name in NAMES}
    finally:
        await connection.close()


async def _create_one(
    connection: "asyncpg.Connection[asyncpg.Record]",
    admin_dsn: str,
    database: str,
    name: str,
    secrets: Mapping[str, str],
) -> Dsns:
    roles = {role: secrets[f"{name}.{role}_password"] for role in ("owner", "app")}
    for role, password in roles.items():
        await _set_role(connection, f"{database}_{role}", password)
    if not await connection.fetchval("select 1 from pg_database where datname = $1", database):
        await connection.execute(f'create database "{database}" owner "{database}_owner"')
    await connection.execute(f'revoke connect on database "{database}" from public')
    await connection.execute(f'grant connect on database "{database}" to "{database}_owner", "{database}_app"')
    return Dsns(*(_dsn(admin_dsn, database, f"{database}_{role}", password) for role, password in roles.items()))


async def _set_role(connection: "asyncpg.Connection[asyncpg.Record]", role: str, password: str) -> None:
    exists = await connection.fetchval("select 1 from pg_roles where rolname = $1", role)
    verb = "alter" if exists else "create"
    quoted = await connection.fetchval("select quote_literal($1)", password)
    await connection.execute(f'{verb} role "{role}" login password {quoted}')


def _dsn(admin_dsn: str, database: str, role: str, password: str) -> str:
    parts = urlsplit(admin_dsn)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{role}:{quote(password, safe='')}@{host}", path=f"/{database}"))
