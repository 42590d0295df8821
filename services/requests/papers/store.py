"""Where papers are kept: a local folder or a bucket, by its address. What is there is never replaced."""

from pathlib import Path
from uuid import UUID

from obstore.exceptions import AlreadyExistsError
from obstore.store import LocalStore, from_url


class PaperStore:
    """Papers by their documents' ids, sealed."""

    def __init__(self, url: str) -> None:
        is_local = url.startswith("file://")
        # A bucket's credentials come from the environment.
        self._store = LocalStore(Path(url.removeprefix("file://")), mkdir=True) if is_local else from_url(url)

    async def get(self, document_id: UUID) -> bytes | None:
        """What is kept; None where nothing is yet."""
        try:
            found = await self._store.get_async(_path(document_id))
        except FileNotFoundError:
            return None
        return bytes(await found.bytes_async())

    async def put(self, document_id: UUID, content: bytes) -> None:
        """Keeps it, unless something is kept already."""
        try:
            await self._store.put_async(_path(document_id), content, mode="create")
        except AlreadyExistsError:
            return


def _path(document_id: UUID) -> str:
    return f"documents/{document_id.hex[-2:]}/{document_id}.pdf.sealed"
