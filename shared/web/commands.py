"""From an HTTP request to a command, and from its commit to the answer."""

from dataclasses import dataclass
from hashlib import sha256
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Header, Request, Response

from shared.functions import Send
from shared.kernel.ids import derive_id
from shared.store.job_runner import JobRunner
from shared.store.shell import Shell
from shared.store.work import Answer, Idempotency
from shared.web.auth import AnyCaller, Caller
from shared.web.problems import Problem


@dataclass(frozen=True)
class RequestKey:
    """The client's `Idempotency-Key`, for this caller and route."""

    caller: Caller
    id: UUID
    body_hash: str

    def kept_with(self, status: int) -> Idempotency:
        """The row that keeps the answer."""
        return Idempotency(self.id, self.body_hash, self.caller.id, status)


async def request_key(
    request: Request,
    caller: AnyCaller,
    idempotency_key: Annotated[str | None, Header(min_length=1, max_length=255)] = None,
) -> RequestKey:
    """Reads the key; every command that a person sends must have one, so that it can be repeated safely."""
    if idempotency_key is None:
        raise Problem("idempotency-key-missing")
    route = f"{request.method} {request.url.path}"
    asked = sha256(await request.body())
    for_whom = request.headers.get("on-behalf-of")
    if for_whom is not None:  # the same body for somebody else is another request
        asked.update(f"\n{for_whom}".encode())
    return RequestKey(caller, derive_id("http", caller.id, route, idempotency_key), asked.hexdigest())


async def _shell(request: Request) -> Shell:  # not `def`: FastAPI would send it to a thread each time
    shell: Shell = request.app.state.shell
    return shell


async def _jobs(request: Request) -> JobRunner:
    jobs: JobRunner = request.app.state.jobs
    return jobs


IdempotencyKey = Annotated[RequestKey, Depends(request_key)]
TheShell = Annotated[Shell, Depends(_shell)]
TheJobs = Annotated[JobRunner, Depends(_jobs)]


async def perform(
    shell: Shell,
    *commands: Send,
    caller: Caller,
    key: RequestKey,
    answer: Answer,
    status: int = 202,
    on_behalf_of: UUID | None = None,
    urgent: bool = False,
) -> Response:
    """Has the commands done, all or none, and answers after the commit; a repeat gets the first answer.

    `on_behalf_of`: for whom the caller acts, if for somebody else; that they may has been checked.
    """
    done = await shell.handle(
        *commands,
        actor=caller.actor,
        on_behalf_of=None if on_behalf_of in (None, caller.id) else str(on_behalf_of),
        key=key.kept_with(status),
        answer=answer,
        urgent=urgent,
    )
    headers = {"Idempotency-Replayed": "true"} if done.replayed else None
    return Response(done.body, done.status, headers, media_type="application/json")
