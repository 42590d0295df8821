"""The composed stack in the hands of a test: its parts by name, and what can be done to them."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp.abc import AbstractResolver, ResolveResult

URLS = {
    "identity": "http://identity.localhost:8081",
    "requests": "http://requests.localhost:8082",
    "payments": "http://payments.localhost:8083",
    "notifications": "http://notifications.localhost:8084",
    "sign-in": "http://sign-in.localhost:8091",
    "simulators": "http://127.0.0.1:8090",
}
HEALS = {"kill": ("start", "--wait"), "pause": ("unpause",)}


async def compose(*arguments: str, given: bytes | None = None, must: bool = True, **variables: str) -> tuple[int, str]:
    """Runs Compose; its exit code, and what it wrote. Where it `must` go well, fails with that."""
    process = await asyncio.create_subprocess_exec(
        "docker-compose",
        *arguments,
        stdin=asyncio.subprocess.PIPE if given is not None else asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, **variables},
    )
    out, err = await process.communicate(given)
    assert process.returncode == 0 or not must, f"docker-compose {' '.join(arguments)}:\n{out.decode()}{err.decode()}"
    return process.returncode or 0, out.decode()


async def asked_inside(part: str, script: bytes, *arguments: str) -> str:
    """What a script of ours says that runs as the part itself, with what it knows and where it reaches."""
    command = ["exec", "-T", part, "python", "-", *arguments]
    _, said = await compose(*command, given=script)
    return said


@asynccontextmanager
async def struck(part: str, act: str) -> AsyncIterator[None]:
    """A part is killed or paused, and comes back at the end."""
    await compose(act, part)
    try:
        yield
    finally:
        await compose(*HEALS[act], part)


class Loopback(AbstractResolver):
    """Finds every name on this machine, as browsers find those that end with .localhost."""

    async def resolve(self, host: str, port: int = 0, family: int = 0) -> list[ResolveResult]:
        """The loopback address."""
        return [ResolveResult(hostname=host, host="127.0.0.1", port=port, family=2, proto=0, flags=0)]

    async def close(self) -> None:
        """Nothing is held."""
