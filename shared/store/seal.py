"""Seals of the log: what is published at once is hashed onto the seal before (ADR 15)."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from shared.store.statements import SQL
from shared.store.types import AnyConnection


@dataclass(frozen=True)
class Seal:
    """The head of a chain; `hash` is SHA-256 over the hash before and the digests of the rows that it covers."""

    number: int
    hash: bytes

    def next(self, digests: Iterable[bytes]) -> "Seal":
        """The seal of these rows, in this order."""
        return Seal(self.number + 1, hashlib.sha256(self.hash + b"".join(digests)).digest())


NO_SEAL = Seal(0, b"")


async def last_seal(connection: AnyConnection) -> Seal:
    """The newest seal of a service's log."""
    row = await connection.fetchrow(SQL["last_seal"])
    return NO_SEAL if row is None else Seal(row["number"], bytes(row["hash"]))
