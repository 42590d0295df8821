"""Errors of the domain, each with a stable slug; the words for people live in the services' `errors.yaml`."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID


class Refused(Exception):
    """A command that cannot be done as things stand; nothing has changed.

    `code` is a stable slug; `details` are shown to the caller and hold no personal data of others.
    """

    def __init__(self, code: str, details: Mapping[str, Any] | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.details = dict(details or {})


class NotYet(Exception):
    """An event refers to something that another topic has still to bring: its key waits and is tried again."""

    def __init__(self, kind: str, id: UUID) -> None:
        super().__init__(f"{kind} {id} is not known here yet")
        self.kind = kind
        self.id = id


class TryLater(Exception):
    """An effect's target has no answer yet or is away: the job is tried again.

    `fault` tells trouble at the target (it counts against the circuit) from an answer that is merely still open.
    """

    def __init__(self, why: str, *, after_seconds: float | None = None, fault: bool = True) -> None:
        super().__init__(why)
        self.after_seconds = after_seconds
        self.fault = fault
