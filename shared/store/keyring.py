"""Subject keys: a data key a person, wrapped by the service's master key (AES-256-GCM, envelope encryption)."""

import base64
import os
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pydantic_core import from_json, to_json

from shared.store.statements import SQL
from shared.store.types import AnyConnection, Record

_NONCE_BYTES = 12
_VERSION = b"\x01"


class SubjectBox:
    """Seals and opens what belongs to one person."""

    def __init__(self, key: bytes) -> None:
        self._aead = AESGCM(key)

    def seal(self, value: Any, bound_to: str) -> str:
        """base64 of version, nonce and ciphertext; opens only with the same `bound_to`."""
        nonce = os.urandom(_NONCE_BYTES)
        return base64.b64encode(
            _VERSION + nonce + self._aead.encrypt(nonce, to_json(value), bound_to.encode())
        ).decode()

    def open(self, sealed: str, bound_to: str) -> Any:
        """The value. Raises cryptography's InvalidTag where it was altered or moved from its place."""
        raw = base64.b64decode(sealed)
        nonce, ciphertext = raw[1 : 1 + _NONCE_BYTES], raw[1 + _NONCE_BYTES :]
        return from_json(self._aead.decrypt(nonce, ciphertext, bound_to.encode()))


Boxes = Mapping[UUID, SubjectBox | None]


class KeyRing:
    """Reads, makes and destroys subject keys. Nothing is cached: a destroyed key is gone for every process at once."""

    def __init__(self, master_key: bytes | AESGCM) -> None:
        if isinstance(master_key, bytes) and len(master_key) != 32:
            raise ValueError("the master key has 32 bytes, given as base64")
        self._master = AESGCM(master_key) if isinstance(master_key, bytes) else master_key

    async def boxes(self, connection: AnyConnection, subjects: Iterable[UUID]) -> Boxes:
        """The boxes of those subjects that have a key; None where the key was destroyed."""
        wanted = list(set(subjects))
        if not wanted:
            return {}
        return self.opened(await connection.fetch(SQL["subject_keys"], wanted))

    def opened(self, rows: Iterable[Record]) -> Boxes:
        """The boxes of those persons whose wrapped keys these rows hold (`subject_id`, `wrapped`)."""
        wrapped = {row["subject_id"]: row["wrapped"] for row in rows if row["subject_id"] is not None}
        return {subject: self._box(subject, key) for subject, key in wrapped.items()}

    async def boxes_made(self, connection: AnyConnection, subjects: Iterable[UUID]) -> Boxes:
        """The boxes of all these subjects, with keys made for those that had none."""
        wanted = set(subjects)
        known = await self.boxes(connection, wanted)
        missing = wanted - known.keys()
        if not missing:
            return known
        in_order = sorted(missing)
        wrapped = [self._wrap(subject) for subject in in_order]
        made = self.opened(await connection.fetch(SQL["create_subject_keys"], in_order, wrapped))
        return {**known, **made, **await self.boxes(connection, missing - made.keys())}

    async def destroy(self, connection: AnyConnection, subjects: Iterable[UUID], at: datetime) -> None:
        """Destroys the keys of these subjects, for good."""
        await connection.execute(SQL["destroy_subject_keys"], sorted(set(subjects)), at)

    def for_one_transaction(self) -> "KeyRing":
        """A ring that reads each key once: for one transaction, in which it stays what it is."""
        return _Remembering(self._master)

    def _wrap(self, subject: UUID) -> bytes:
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._master.encrypt(nonce, AESGCM.generate_key(256), subject.bytes)

    def _box(self, subject: UUID, wrapped: bytes | None) -> SubjectBox | None:
        if wrapped is None:
            return None
        return SubjectBox(self._master.decrypt(wrapped[:_NONCE_BYTES], wrapped[_NONCE_BYTES:], subject.bytes))


class _Remembering(KeyRing):
    """What one transaction has read of the keys."""

    def __init__(self, master_key: AESGCM) -> None:
        super().__init__(master_key)
        self._found: dict[UUID, SubjectBox | None] = {}

    async def boxes(self, connection: AnyConnection, subjects: Iterable[UUID]) -> Boxes:
        wanted = set(subjects)
        self._found.update(await super().boxes(connection, wanted - self._found.keys()))
        return {subject: self._found[subject] for subject in wanted if subject in self._found}

    def opened(self, rows: Iterable[Record]) -> Boxes:
        boxes = super().opened(rows)
        self._found.update(boxes)
        return boxes

    async def destroy(self, connection: AnyConnection, subjects: Iterable[UUID], at: datetime) -> None:
        gone = set(subjects)
        await super().destroy(connection, gone, at)
        self._found.update(dict.fromkeys(gone))
