"""What a database error means for what was being done."""

import asyncpg

TRANSIENT_CLASSES = ("08", "57", "53")
TRANSIENT_STATES = frozenset({"40001", "40P01", "55P03", "25P03"})
CLIENT_ERRORS = (asyncpg.InterfaceError, asyncpg.InternalClientError, OSError, TimeoutError)
"""What asyncpg raises of a connection that is gone or in between."""
RACES = (asyncpg.UniqueViolationError, asyncpg.DeadlockDetectedError, asyncpg.SerializationError)


class Conflict(Exception):
    """Another transaction was faster; nothing of ours was written, and doing it again will see what it did."""


def is_transient(error: BaseException) -> bool:
    """Whether the same thing can be expected to work a little later: the database is away, busy, or chose another."""
    if isinstance(error, (Conflict, *CLIENT_ERRORS)):
        return True
    if isinstance(error, asyncpg.PostgresError):
        state = error.sqlstate or ""
        return state.startswith(TRANSIENT_CLASSES) or state in TRANSIENT_STATES
    return False


def is_database_error(error: BaseException) -> bool:
    """Whether it came from the database, so that the whole transaction is lost and not one function's work."""
    return isinstance(error, (Conflict, asyncpg.PostgresError, *CLIENT_ERRORS))


def is_locked(error: BaseException) -> bool:
    """Whether a row that was needed is held by another transaction."""
    return isinstance(error, asyncpg.LockNotAvailableError)


def is_conflict(error: BaseException) -> bool:
    """Whether it is a race that was certainly rolled back and that another try decides: a version that moved, a unique
    value that was just taken, a deadlock that the database broke.
    """
    return isinstance(error, (Conflict, *RACES))
