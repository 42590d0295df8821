"""An HTTP/1.1 client that costs next to nothing: one connection, one request at a time, answers with a length."""

import asyncio
from urllib.parse import urlsplit


class Wire:
    """A connection that is kept; opened again where the server has closed it."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._host, self._port = str(parts.hostname), int(parts.port or 80)
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def post(self, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, bytes, dict[bytes, bytes]]:
        """Status, body and headers (names in lower case) of the answer."""
        lines = [f"POST {path} HTTP/1.1", f"Host: {self._host}", f"Content-Length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        message = "\r\n".join(lines).encode() + b"\r\n\r\n" + body
        was_kept = self._writer is not None
        try:
            return await self._exchange(message)
        except (asyncio.IncompleteReadError, ConnectionError):
            self.close()
            if not was_kept:
                raise
        return await self._exchange(message)  # the server has closed what was idle: once more, as every client does

    def close(self) -> None:
        """Ends the connection."""
        if self._writer is not None:
            self._writer.close()
        self._reader = self._writer = None

    async def _exchange(self, message: bytes) -> tuple[int, bytes, dict[bytes, bytes]]:
        if self._reader is None or self._writer is None:
            self._reader, self._writer = await asyncio.open_connection(self._host, self._port)
        self._writer.write(message)
        head = await self._reader.readuntil(b"\r\n\r\n")
        first, *lines = head[:-4].split(b"\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(b":") for line in lines)}
        body = await self._reader.readexactly(int(headers.get(b"content-length", b"0")))
        return int(first.split(b" ", 2)[1]), body, headers
