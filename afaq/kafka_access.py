"""Kafka's users: one a service, one for operators' tools; what they may do, and where their passwords come from."""

import os

from afaq.local.errors import StackError
from afaq.services import NAMES, functions_of
from shared.contracts.topics import TOPICS
from shared.messaging.access import Access, access_of, access_of_operator

OPERATOR = "operator"


def accesses() -> list[Access]:
    """What every user may do, from the services' declarations."""
    return [*(access_of(functions_of(name)) for name in NAMES), access_of_operator(OPERATOR, TOPICS)]


def passwords_told() -> dict[str, str]:
    """Every user's password, from the environment. Raises StackError naming the variable that lacks."""
    try:
        return {user: os.environ[password_variable(user)] for user in (*NAMES, OPERATOR)}
    except KeyError as missing:
        raise StackError(
            f"{missing.args[0]} is not set: `afaq secrets new` makes the password of every user."
        ) from None


def password_variable(user: str) -> str:
    """The variable with a user's password."""
    return f"AFAQ_{user.upper()}_KAFKA_PASSWORD"
