"""A TCP proxy that makes trouble between a service and its database, and one that understands PostgreSQL's COMMIT."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import Callable
from typing import Any

Address = tuple[str, int]
CHUNK_BYTES = 65_536
STARTUP_CODES = frozenset({80877103, 80877104})  # SSLRequest and GSSENCRequest: another start of the session follows
COMMIT = b"COMMIT;\x00"  # as asyncpg's transactions send it, by the simple query protocol
RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Link:
    """One connection through the proxy: what the client has, and what the server has."""

    def __init__(self, client: asyncio.StreamWriter, server: asyncio.StreamWriter) -> None:
        self.client = client
        self.server = server
        self.is_one_way = False
        self.is_silent = False
        self.awaits_commit = False
        self.frontend = Frontend()

    def close(self) -> None:
        """Both ends, as when each has closed."""
        self.client.close()
        self.server.close()

    def reset(self) -> None:
        """Both ends at once, with what is under way lost."""
        for end in (self.client, self.server):
            own: Any = end.get_extra_info("socket")
            with contextlib.suppress(OSError):
                own.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
            end.transport.abort()


class Frontend:
    """Finds the COMMITs in what a client of PostgreSQL sends."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._has_begun = False

    def commits(self, data: bytes) -> bool:
        """Whether a COMMIT is complete with this data."""
        self._buffer += data
        found = False
        while (message := self._next()) is not None:
            found |= message[:1] == b"Q" and message[5:] == COMMIT
        return found

    def _next(self) -> bytes | None:
        header = 1 if self._has_begun else 0  # the first message has no letter
        if len(self._buffer) < (5 if self._has_begun else 8):
            return None
        length = header + int.from_bytes(self._buffer[header : header + 4], "big")
        if len(self._buffer) < length:
            return None
        message = bytes(self._buffer[:length])
        del self._buffer[:length]
        if not self._has_begun:
            self._has_begun = int.from_bytes(message[4:8], "big") not in STARTUP_CODES
        return message


class Proxy:
    """Listens on a port of its own and carries to `upstream`, which is asked for at each connection.

    Troubles begin when they are set and end when they are taken back: `delay_seconds` for each piece of an answer,
    `bytes_per_second` in either direction, `is_cut` (no connection comes through). `reset`, `half_close`,
    `silence` and `lose_commits` strike at connections that are there.
    """

    def __init__(self, upstream: Callable[[], Address]) -> None:
        self._upstream = upstream
        self._links: set[Link] = set()
        self._server: asyncio.Server | None = None
        self.delay_seconds = 0.0
        self.bytes_per_second = 0
        self.is_cut = False
        self.commits_to_lose = 0
        self.lost_commits = 0
        self.port = 0

    async def start(self) -> None:
        """Returns once it listens."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Ends it and all that goes through it."""
        assert self._server is not None
        self._server.close()
        self.reset()
        await self._server.wait_closed()

    def heal(self) -> None:
        """Nothing is wrong any more; connections that were cut stay cut."""
        self.delay_seconds, self.bytes_per_second, self.is_cut, self.commits_to_lose = 0.0, 0, False, 0

    def cut(self) -> None:
        """Every connection ends, and new ones are closed at once, until it is healed."""
        self.is_cut = True
        for link in list(self._links):
            link.close()

    def reset(self) -> None:
        """Every connection ends with a reset."""
        for link in list(self._links):
            link.reset()

    def half_close(self) -> None:
        """The clients see their connections end, and the server does not: its sessions live on with all they hold."""
        for link in list(self._links):
            link.is_one_way = True
            link.client.close()

    def silence(self) -> None:
        """Nothing comes through connections that are there, either way, as when the machine behind them is gone."""
        for link in list(self._links):
            link.is_silent = True

    def lose_commits(self, count: int) -> None:
        """The next so many COMMITs reach the server, and their answers do not come back."""
        self.commits_to_lose = count

    async def _serve(self, reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        try:
            if self.is_cut:
                raise ConnectionRefusedError
            back, server = await asyncio.open_connection(*self._upstream())
        except OSError:
            client.close()
            return
        link = Link(client, server)
        self._links.add(link)
        try:
            async with asyncio.TaskGroup() as directions:
                directions.create_task(self._to_server(reader, link))
                directions.create_task(self._to_client(back, link))
        finally:
            self._links.discard(link)
            link.close()

    async def _to_server(self, reader: asyncio.StreamReader, link: Link) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(CHUNK_BYTES):
                if link.frontend.commits(data) and self.commits_to_lose > 0:
                    self.commits_to_lose -= 1
                    link.awaits_commit = True
                if not link.is_silent:
                    await self._carry(data, link.server)
        if not link.is_one_way:
            link.server.close()

    async def _to_client(self, reader: asyncio.StreamReader, link: Link) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(CHUNK_BYTES):
                if link.awaits_commit:
                    self.lost_commits += 1
                    link.reset()
                    return
                if self.delay_seconds:
                    await asyncio.sleep(self.delay_seconds)
                if not link.is_one_way and not link.is_silent:
                    await self._carry(data, link.client)
        link.client.close()

    async def _carry(self, data: bytes, writer: asyncio.StreamWriter) -> None:
        if self.bytes_per_second:
            await asyncio.sleep(len(data) / self.bytes_per_second)
        writer.write(data)
        await writer.drain()
