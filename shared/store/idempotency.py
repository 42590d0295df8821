"""HTTP idempotency: the same key and body get the first answer, whatever has happened since (IETF draft)."""

from collections.abc import Sequence

from shared.kernel.errors import Refused
from shared.store.keyring import Boxes
from shared.store.parts import Parts
from shared.store.statements import SQL
from shared.store.types import AnyConnection, Record
from shared.store.work import Done, Idempotency, KeyReused, Outcome, StillRunning, Work


async def admit_commands(parts: Parts, connection: AnyConnection, works: Sequence[Work]) -> dict[Work, Outcome]:
    """What is known already of the commands that carry a key; the others are free to be done, and their keys held."""
    keyed = [(work, work.idempotency) for work in works if work.idempotency]
    if not keyed:
        return {}
    ids = sorted({key.id for _, key in keyed})
    rows = await connection.fetch(SQL["admit_keys"], ids)
    ours = {row["id"] for row in rows if row["ours"]}
    answers = {row["id"]: row for row in rows if row["status"] is not None}
    boxes = await parts.keyring.boxes(connection, {key.caller for _, key in keyed if key.id in answers})
    known: dict[Work, Outcome] = {}
    for work, key in keyed:
        if key.id in answers:
            known[work] = _first_answer(key, answers[key.id], boxes)
        elif key.id not in ours:
            known[work] = StillRunning()
        ours.discard(key.id)  # a second request with this key in the same group finds the first still running
    return known


def sealed_answer(key: Idempotency, body: bytes, boxes: Boxes) -> str:
    """An answer as it is kept: what a person was told about themselves is sealed with their key."""
    box = boxes[key.caller]
    return "" if box is None else box.seal(body.decode(), f"answer.{key.id}")


def _first_answer(key: Idempotency, row: Record, boxes: Boxes) -> Outcome:
    if bytes(row["body_hash"]).hex() != key.body_hash:
        return KeyReused()
    box = boxes.get(key.caller)
    if box is None:
        return Refused("person-erased")
    return Done(body=box.open(row["answer"], f"answer.{key.id}").encode(), status=row["status"], replayed=True)
