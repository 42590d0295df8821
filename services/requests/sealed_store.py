"""Where files are kept: a local folder or a bucket, by its address; each sealed with the key of whose it is.

What is there is never replaced. Erasing the person makes it unreadable like everything else of theirs.
"""

import base64
from pathlib import Path
from uuid import UUID

from obstore.exceptions import AlreadyExistsError
from obstore.store import LocalStore, from_url

from shared.store.keyring import SubjectBox
from shared.store.shell import Shell


async def box_of(shell: Shell, person_id: UUID) -> SubjectBox | None:
    """What seals and opens a person's files; None of one who was erased, or of whom nothing was ever sealed."""
    async with shell.parts.pool.acquire() as connection:
        return (await shell.parts.keyring.boxes(connection, [person_id])).get(person_id)


class SealedStore:
    """Files by their places, such as `documents/3f/….pdf`."""

    def __init__(self, url: str) -> None:
        is_local = url.startswith("file://")
        # A bucket's credentials come from the environment.
        self._store = LocalStore(Path(url.removeprefix("file://")), mkdir=True) if is_local else from_url(url)

    async def get(self, place: str, box: SubjectBox) -> bytes | None:
        """What is kept; None where nothing is yet."""
        try:
            found = await self._store.get_async(f"{place}.sealed")
        except FileNotFoundError:
            return None
        sealed = bytes(await found.bytes_async()).decode()
        return base64.b64decode(box.open(sealed, _bound_to(place)))

    async def put(self, place: str, content: bytes, box: SubjectBox) -> None:
        """Keeps it, unless something is kept already."""
        sealed = box.seal(base64.b64encode(content).decode(), _bound_to(place)).encode()
        try:
            await self._store.put_async(f"{place}.sealed", sealed, mode="create")
        except AlreadyExistsError:
            return


def _bound_to(place: str) -> str:
    """A sealed file opens under its own name only."""
    return place.rpartition("/")[2]
