"""Makes papers in processes of their own: setting a page holds the interpreter, and people wait for answers."""

import asyncio
import multiprocessing
import os
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from typing import Any
from uuid import UUID

from services.requests.papers.render import paper_of, render
from services.requests.papers.seal import PaperKey, code_in, sign
from services.requests.sealed_store import SealedStore, box_of
from shared.store.shell import Shell

_PROCESSES = 2


class PaperMaker:
    """The paper of a document: made when it is first asked for, then the same for ever.

    It is kept sealed with its holder's key, so that erasing the person makes it unreadable like everything else.
    """

    def __init__(self, store: SealedStore, key: PaperKey, public_url: str) -> None:
        self._store = store
        self._key = key
        self._public_url = public_url.rstrip("/")
        context = multiprocessing.get_context("spawn")
        self._pool = ProcessPoolExecutor(_PROCESSES, mp_context=context, initializer=_end_with_parent)

    async def paper(self, shell: Shell, document_id: UUID, holder_id: UUID, claims: Mapping[str, Any]) -> bytes | None:
        """The signed PDF; None of an erased holder."""
        box = await box_of(shell, holder_id)
        if box is None:
            return None
        place = f"documents/{document_id.hex[-2:]}/{document_id}.pdf"
        kept = await self._store.get(place, box)
        if kept is None:
            paper = paper_of(claims, f"{self._public_url}/verify/{claims['code']}")
            made = await asyncio.get_running_loop().run_in_executor(self._pool, _make, paper, self._key)
            await self._store.put(place, made, box)
            kept = await self._store.get(place, box)  # another replica may have been first
        return kept

    async def code_in(self, pdf: bytes) -> str | None:
        """The verification code of a genuine paper."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, code_in, pdf, self._key)

    def close(self) -> None:
        """Ends the processes."""
        self._pool.shutdown(cancel_futures=True)


def _make(paper: Mapping[str, Any], key: PaperKey) -> bytes:
    return sign(render(paper), key)


def _end_with_parent() -> None:
    """A killed parent would leave its pool behind: each of its processes watches for that."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(0)

    threading.Thread(target=watch, daemon=True).start()
