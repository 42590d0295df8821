"""A service's store for operators' tools: from the environment, else from the local stack that runs here."""

import json
import os
from base64 import b64decode
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from afaq.local.errors import StackError
from afaq.services import NAMES, functions_of
from shared.kernel.clock import the_clock
from shared.messaging.brokers import Brokers
from shared.store.keyring import KeyRing
from shared.store.pool import open_pool
from shared.store.shell import Shell

LOCAL = (Path(".afaq"), Path(".afaq/demo"))


@asynccontextmanager
async def open_shell(name: str, given: Mapping[str, str] | None = None) -> AsyncIterator[Shell]:
    """The shell of a service, without any of its processes; its environment is `given`, or found."""
    if name not in NAMES:
        raise StackError(f"There is no service {name}; there are {', '.join(NAMES)}.")
    environment = environment_of(name) if given is None else given
    prefix = f"AFAQ_{name.upper()}"
    try:
        dsn, master_key = environment[f"{prefix}_POSTGRES_DSN"], environment[f"{prefix}_MASTER_KEY"]
    except KeyError as missing:
        raise StackError(f"No local stack runs here: start one with `afaq up`, or set {missing}.") from None
    pool = await open_pool(dsn, application=f"afaq-tools-{name}", size=4)
    try:
        yield await Shell.open(functions_of(name), pool, KeyRing(b64decode(master_key)), the_clock())
    finally:
        await pool.close()


@asynccontextmanager
async def open_shells(given: Mapping[str, Mapping[str, str]] | None = None) -> AsyncIterator[Mapping[str, Shell]]:
    """The shells of all services; their environments are `given`, or found."""
    async with AsyncExitStack() as stack:
        environments = {name: None if given is None else given[name] for name in NAMES}
        yield {name: await stack.enter_async_context(open_shell(name, found)) for name, found in environments.items()}


def running_stack(directory: Path) -> dict[str, Any]:
    """What the stack of a directory says of itself. Raises StackError where none runs there."""
    file = directory / "stack.json"
    if not file.exists():
        raise StackError(f"No stack runs in {directory}: start one with `afaq up`.")
    described: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return described


def environment_of(name: str) -> dict[str, str]:
    """What a service is told: by the environment, else by the local stack that runs here."""
    return {**_local_environment(name), **os.environ}


def brokers_here() -> Brokers:
    """The brokers of the environment, else of the local stack that runs here. Raises StackError without either."""
    running = next((directory for directory in LOCAL if (directory / "stack.json").exists()), None)
    if "AFAQ_KAFKA_BOOTSTRAP" in os.environ:
        try:
            return Brokers()
        except ValidationError as error:
            raise StackError(what_is_wrong(error, "AFAQ_KAFKA_")) from None
    if running is None:
        raise StackError("No local stack runs here: start one with `afaq up`, or set AFAQ_KAFKA_BOOTSTRAP.")
    return Brokers(bootstrap=running_stack(running)["kafka"])


def what_is_wrong(error: ValidationError, prefix: str) -> str:
    """Which variables are missing or wrong, a line each; their values are not repeated, they may be secrets."""
    found = []
    for fault in error.errors(include_input=False, include_url=False):
        said = "not set" if fault["type"] == "missing" else fault["msg"]
        variables = [field if field.isupper() else f"{prefix}{field.upper()}" for field in map(str, fault["loc"][:1])]
        found.append(f"  {': '.join([*variables, said])}")
    return "\n".join(["set these environment variables (see deploy/README.md):", *found])


def _local_environment(name: str) -> dict[str, str]:
    running = next((directory for directory in LOCAL if (directory / "stack.json").exists()), None)
    return {} if running is None else dict(running_stack(running)["environments"][name])
