"""Checks a deployment, changes nothing, and says what to do: databases, permissions, keys, clocks, Kafka, backlog, and
whether each log and its topic know the same.
"""

from base64 import b64decode
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import asyncpg
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError
from cryptography.exceptions import InvalidTag

from afaq.access import brokers_here, environment_of
from afaq.local.errors import StackError
from afaq.services import NAMES, functions_of, migrations_of
from shared.contracts.topics import TOPICS, Topic
from shared.messaging.standing import compare
from shared.messaging.topic_pages import TopicsUnreadable
from shared.store.keyring import KeyRing
from shared.store.migrate import KIT, read_migrations
from shared.store.pool import connect
from shared.store.statements import SQL
from shared.store.types import AnyConnection as Connection

POSTGRES = 180_000
SKEW_SECONDS = 1.0
OLD_SECONDS = 30.0


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at: all is well if `wrong` is None, else what is wrong and what to do."""

    place: str
    what: str
    wrong: str | None = None
    do: str | None = None


def known_here() -> Sequence[str]:
    """The services whose databases we are told of: all, or in a service's own pod that service; all where none is."""
    told = [name for name in NAMES if f"AFAQ_{name.upper()}_POSTGRES_DSN" in environment_of(name)]
    return told or NAMES


async def examine(names: Sequence[str]) -> AsyncIterator[Finding]:
    """Every finding about these services and the topics that they write and read, as soon as it is made."""
    for name in names:
        async for finding in _examine_service(name):
            yield finding
    kafka = await _kafka(topics_of(names))
    for finding in kafka:
        yield finding
    if all(finding.wrong is None for finding in kafka):
        for name in names:
            for finding in await _standing(name):
                yield finding


def topics_of(names: Sequence[str]) -> list[Topic]:
    """What these services write and read: all that the user of one of them may see."""
    services = [functions_of(name) for name in names]
    read = {topic.name for service in services for topic in service.reads}
    return [topic for topic in TOPICS if topic.owner in names or topic.name in read]


async def _examine_service(name: str) -> AsyncIterator[Finding]:
    prefix, environment = f"AFAQ_{name.upper()}", environment_of(name)
    dsn = environment.get(f"{prefix}_POSTGRES_DSN")
    if dsn is None:
        yield Finding(
            name, "settings", f"{prefix}_POSTGRES_DSN is not set", "set it, or run where the local stack runs"
        )
        return
    try:
        connection = await asyncpg.connect(dsn, timeout=5)
    except (OSError, asyncpg.PostgresError, TimeoutError) as error:
        wrong = f"the database does not let us in: {type(error).__name__}"
        yield Finding(name, "database", wrong, f"start PostgreSQL, check {prefix}_POSTGRES_DSN and the role's password")
        return
    try:
        for check in (_version, _clock, _migrations, _log_is_safe, _access_keys, _parked, _outbox):
            yield await check(name, connection)
        yield await _master_key(name, connection, environment.get(f"{prefix}_MASTER_KEY"))
    finally:
        await connection.close()


async def _version(name: str, connection: Connection) -> Finding:
    number = int(await connection.fetchval("show server_version_num"))
    wrong = None if number >= POSTGRES else f"PostgreSQL is {number // 10_000}"
    return Finding(name, "PostgreSQL 18", wrong, "upgrade the server: what is written here needs version 18")


async def _clock(name: str, connection: Connection) -> Finding:
    before = datetime.now(UTC)
    theirs = await connection.fetchval("select clock_timestamp()")
    skew = abs((theirs - before).total_seconds())
    wrong = None if skew < SKEW_SECONDS else f"the database's clock is {skew:.1f} s off"
    return Finding(name, "clock", wrong, "have both machines follow the same time servers (NTP)")


async def _migrations(name: str, connection: Connection) -> Finding:
    rows = await connection.fetch("select folder, name, checksum from migrations")
    applied = {(row["folder"], row["name"]): row["checksum"] for row in rows}
    found = [*read_migrations("kit", KIT), *read_migrations(name, migrations_of(name))]
    wanted = {(m.folder, m.name): m.checksum for m in found}
    missing = sorted(m.name for m in found if (m.folder, m.name) not in applied and not m.contracts)
    changed = sorted(key[1] for key, checksum in wanted.items() if applied.get(key, checksum) != checksum)
    newer = sorted(file for folder, file in applied.keys() - wanted.keys())
    if changed:
        return Finding(
            name, "migrations", f"changed after being applied: {', '.join(changed)}", "restore the files; add new ones"
        )
    if missing:
        return Finding(
            name, "migrations", f"not applied: {', '.join(missing)}", f"run `afaq migrate {name}` with the owner's DSN"
        )
    wrong = f"of a newer release: {', '.join(newer)}" if newer else None
    return Finding(name, "migrations", wrong, "run this release's code nowhere, or the newer code everywhere")


async def _log_is_safe(name: str, connection: Connection) -> Finding:
    may = await connection.fetchrow(
        "select has_table_privilege('event_log', 'insert') as add, has_table_privilege('event_log', 'update') "
        "or has_table_privilege('event_log', 'delete') or has_table_privilege('event_log', 'truncate') as change"
    )
    assert may is not None
    wrong = None if may["add"] else "the app role may not add to the event log"
    if may["change"]:
        wrong = "the app role may change the event log, which is for ever"
    return Finding(name, "permissions", wrong, f"run `afaq migrate {name}`: it grants what is needed and no more")


async def _access_keys(name: str, connection: Connection) -> Finding:
    wrong = (
        None if await connection.fetchval("select count(*) from access_keys") else "no key of access tokens is known"
    )
    return Finding(name, "access keys", wrong, "start identity once; look at this service's place on identity.keys")


async def _parked(name: str, connection: Connection) -> Finding:
    parked = await connection.fetchval("select count(*) from jobs where state = 'parked'")
    wrong = f"{parked} jobs are parked, and others may wait behind them" if parked else None
    return Finding(
        name, "parked", wrong, f"look at `afaq parked list {name}`, mend the cause, then `afaq parked retry`"
    )


async def _outbox(name: str, connection: Connection) -> Finding:
    oldest = await connection.fetchval("select extract(epoch from clock_timestamp() - min(created_at)) from outbox")
    wrong = f"an event has not been published for {oldest:.0f} s" if oldest and oldest > OLD_SECONDS else None
    return Finding(name, "outbox", wrong, "see that a worker runs, and its log: Kafka may be away or refuse the topic")


async def _master_key(name: str, connection: Connection, key: str | None) -> Finding:
    do = "give it the key that this database was written with; without it personal data cannot be read"
    if key is None:
        return Finding(name, "master key", f"AFAQ_{name.upper()}_MASTER_KEY is not set", do)
    some = await connection.fetchval("select subject_id from subject_keys where wrapped is not null limit 1")
    try:
        await KeyRing(b64decode(key)).boxes(connection, [] if some is None else [some])
    except (InvalidTag, ValueError):
        return Finding(name, "master key", "it does not open what is stored here", do)
    return Finding(name, "master key")


async def _kafka(topics: Sequence[Topic]) -> list[Finding]:
    try:
        brokers = brokers_here()
    except StackError as error:
        return [Finding("kafka", "settings", str(error), "set it, or run where the local stack runs")]
    admin = AIOKafkaAdminClient(**brokers.client_options)
    try:
        await admin.start()
    except (KafkaError, OSError) as error:
        do = "start the brokers; check the address, the password and the certificate"
        return [Finding("kafka", "brokers", f"no broker lets us in: {type(error).__name__}", do)]
    try:
        return [Finding("kafka", "brokers"), *await _topics(admin, topics)]
    finally:
        await admin.close()


async def _topics(admin: AIOKafkaAdminClient, topics: Sequence[Topic]) -> list[Finding]:
    existing = set(await admin.list_topics())
    described = {
        topic["topic"]: topic for topic in await admin.describe_topics([t.name for t in topics if t.name in existing])
    }
    configured = await _configured(admin, described)
    findings = []
    for topic in topics:
        if topic.name not in described:
            do = "run `afaq topics`; or `afaq kafka-access`, if it is there and we may not see it"
            findings.append(Finding("kafka", topic.name, "it is not there", do))
            continue
        partitions = len(described[topic.name]["partitions"])
        wrong = None if partitions == topic.partitions else f"{partitions} partitions instead of {topic.partitions}"
        do = "partitions are for ever: keys would change places; make the topic anew, and refill it from the log"
        policy = configured.get(topic.name, {}).get("cleanup.policy")  # None: a service's own user may not see it
        if wrong is None and policy is not None and policy != topic.config["cleanup.policy"]:
            wrong, do = (
                f"cleanup.policy is {policy}",
                f"set it to {topic.config['cleanup.policy']}: else events are lost",
            )
        findings.append(Finding("kafka", topic.name, wrong, do))
    return findings


async def _standing(name: str) -> list[Finding]:
    """How a service's log and topic stand to each other; nothing where its database has been missed already."""
    dsn, service, place = (
        environment_of(name).get(f"AFAQ_{name.upper()}_POSTGRES_DSN"),
        functions_of(name),
        "log and topic",
    )
    try:
        connection = await connect(dsn or "", application="afaq-doctor")
    except (OSError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError):
        return []
    try:
        found = await compare(connection, service.events, brokers_here())
        is_confirmed = await connection.fetchval(SQL["is_confirmed"])
    except asyncpg.UndefinedTableError:  # its migrations have been missed already
        return []
    except TopicsUnreadable as error:
        return [Finding(name, place, str(error), "see that the topic is there, and may be read")]
    finally:
        await connection.close()
    findings = []
    if found.contradicting:
        wrong = f"{len(found.contradicting)} numbers are of other events on the topic than in the log"
        do = f"stop {name}; `afaq replay recover {name}` names them"
        findings.append(Finding(name, place, wrong, do))
    if len(found.missing) > len(found.contradicting):
        wrong = f"the topic has {len(found.missing) - len(found.contradicting)} events that the log has not"
        do = f"the database was restored: stop {name}, then `afaq replay recover {name}`"
        findings.append(Finding(name, place, wrong, do))
    if found.lacking and found.since:
        wrong = f"the log has {found.lacking} published events that the topic has not"
        since = found.since.strftime("%Y-%m-%dT%H:%M:%SZ")
        do = f"Kafka has lost them: `afaq replay redrive --service {name} --from {since}`, then with `--snapshots`"
        findings.append(Finding(name, place, wrong, do))
    if not findings and not is_confirmed:
        wrong = "the database was restored or failed over to, and is not compared with its topic yet"
        findings.append(Finding(name, place, wrong, "start a worker: it compares them before anybody works"))
    return findings or [Finding(name, place)]


async def _configured(admin: AIOKafkaAdminClient, names: Iterable[str]) -> dict[str, dict[str, Any]]:
    resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
    found: dict[str, dict[str, Any]] = {}
    for reply in await admin.describe_configs(resources) if resources else ():
        for _, _, _, name, entries in reply.resources:
            found[name] = {entry[0]: entry[1] for entry in entries}
    return found
