"""Who may write and read what on Kafka: as the services declare it, put in force by an administrator."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

from shared.contracts.topics import Topic
from shared.functions import Service
from shared.messaging.brokers import MECHANISM, Brokers
from shared.messaging.consumer import group_of

ITERATIONS = 8192
ANSWER_SECONDS = 30.0


@dataclass(frozen=True)
class Access:
    """What a user may do: write and read topics, read in a group, and look at how topics are configured."""

    user: str
    writes: frozenset[str] = frozenset()
    reads: frozenset[str] = frozenset()
    group: str | None = None
    sees_configuration: bool = False


def access_of(service: Service) -> Access:
    """A service writes its own topics, and reads them and those that it declares."""
    own = {service.events.name, *(snapshot.topic.name for snapshot in service.snapshots)}
    reads = own | {topic.name for topic in service.reads}
    return Access(service.name, frozenset(own), frozenset(reads), group_of(service))


def access_of_operator(user: str, topics: Iterable[Topic]) -> Access:
    """Operators' tools read every topic and its configuration, and write nothing."""
    return Access(user, reads=frozenset(topic.name for topic in topics), sees_configuration=True)


async def put_in_force(accesses: Sequence[Access], passwords: Mapping[str, str], brokers: Brokers) -> None:
    """Sets each user's password, gives what it may, and takes away what else it had. Others' users are left alone.

    `brokers` are reached as an administrator. Raises KafkaException where they refuse, or are not there in time.
    """
    admin = AdminClient(librdkafka_options(brokers))
    await asyncio.to_thread(_set_passwords, admin, passwords)
    for access in accesses:
        await asyncio.to_thread(_set_permissions, admin, access)


def _set_passwords(admin: AdminClient, passwords: Mapping[str, str]) -> None:
    how = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, ITERATIONS)
    wanted = [UserScramCredentialUpsertion(user, how, password.encode()) for user, password in passwords.items()]
    _wait(admin.alter_user_scram_credentials(wanted, request_timeout=ANSWER_SECONDS).values())


def _set_permissions(admin: AdminClient, access: Access) -> None:
    wanted, principal = set(_bindings(access)), _principal(access)
    every = (ResourceType.ANY, None, ResourcePatternType.ANY, principal, None, AclOperation.ANY, AclPermissionType.ANY)
    found = set(admin.describe_acls(AclBindingFilter(*every), request_timeout=ANSWER_SECONDS).result())
    if wanted - found:
        _wait(admin.create_acls(list(wanted - found), request_timeout=ANSWER_SECONDS).values())
    if found - wanted:
        superfluous = [_exactly(binding) for binding in found - wanted]
        _wait(admin.delete_acls(superfluous, request_timeout=ANSWER_SECONDS).values())


def _bindings(access: Access) -> Iterable[AclBinding]:
    """WRITE and READ imply DESCRIBE, and WRITE on any topic lets a producer be idempotent."""
    principal = _principal(access)
    for topic in access.writes:
        yield _allowed(principal, ResourceType.TOPIC, topic, AclOperation.WRITE)
    for topic in access.reads:
        yield _allowed(principal, ResourceType.TOPIC, topic, AclOperation.READ)
        if access.sees_configuration:
            yield _allowed(principal, ResourceType.TOPIC, topic, AclOperation.DESCRIBE_CONFIGS)
    if access.group is not None:
        yield _allowed(principal, ResourceType.GROUP, access.group, AclOperation.READ)


def _allowed(principal: str, kind: ResourceType, name: str, operation: AclOperation) -> AclBinding:
    return AclBinding(kind, name, ResourcePatternType.LITERAL, principal, "*", operation, AclPermissionType.ALLOW)


def _exactly(binding: AclBinding) -> AclBindingFilter:
    return AclBindingFilter(
        binding.restype,
        binding.name,
        binding.resource_pattern_type,
        binding.principal,
        binding.host,
        binding.operation,
        binding.permission_type,
    )


def _principal(access: Access) -> str:
    return f"User:{access.user}"


def _wait(answers: Iterable["Future[Any]"]) -> None:
    for answer in answers:
        answer.result()


def librdkafka_options(brokers: Brokers) -> dict[str, str]:
    """librdkafka's own words for what all other clients are given."""
    password = brokers.password and brokers.password.get_secret_value()
    options = {
        "bootstrap.servers": brokers.bootstrap,
        "security.protocol": brokers.protocol,
        "ssl.ca.location": brokers.ca_file,
        "ssl.certificate.location": brokers.certificate_file,
        "ssl.key.location": brokers.certificate_file,
        "sasl.mechanism": password and MECHANISM,
        "sasl.username": brokers.username,
        "sasl.password": password,
    }
    return {name: str(value) for name, value in options.items() if value is not None}
