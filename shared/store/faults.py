"""What a database error means for what was being done."""

import asyncpg

TRANSIENT_CLASSES = ("08", "57", "53")
TRANSIENT_STATES = frozenset({"40001", "40P01", "55P03", "25P03"})


class Conflict(Exception):
    """Another transaction was faster; nothing of ours was written, and doing it again will see what it did."""


def is_transient(error: BaseException) -> bool:
    """Whether the same thing can be expected to work a little later: the database is away, busy, or chose another."""
    if isinstance(error, Conflict | OSError | TimeoutError | asyncpg.InterfaceError):
        return True
    if isinstance(error, asyncpg.PostgresError):
        state = error.sqlstate or ""
        return state.startswith(TRANSIENT_CLASSES) or state in TRANSIENT_STATES
    return False


def is_database_error(error: BaseException) -> bool:
    """Whether it came from the database, so that the whole transaction is lost and not one function's work."""
    return isinstance(error, Conflict | OSError | TimeoutError | asyncpg.PostgresError | asyncpg.InterfaceError)


def is_conflict(error: BaseException) -> bool:
    """Whether it is a race that another try decides: a version that moved, or a unique value that was just taken."""
    return isinstance(error, Conflict | asyncpg.UniqueViolationError)
