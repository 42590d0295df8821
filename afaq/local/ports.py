"""Ports of 127.0.0.1 that stay the same from one start to the next."""

import json
import random
import socket
from collections.abc import Mapping
from pathlib import Path

# Below the ranges from which Linux (32768) and macOS (49152) take the near end of outgoing connections:
# a port remembered from there is soon taken by somebody's client.
CANDIDATES = range(20_000, 30_000)


def claim_ports(file: Path, *names: str) -> Mapping[str, int]:
    """A free port for each name: the one that `file` remembers, or another if that is taken; `file` then knows them."""
    remembered = _read(file)
    ports: dict[str, int] = {}
    for name in names:
        port = remembered.get(name)
        ports[name] = port if port is not None and is_free(port) else _any_free_port(set(ports.values()))
    file.write_text(json.dumps(ports), encoding="ascii")
    return ports


def is_free(port: int) -> bool:
    """Whether a server could listen on the port now. Connections that a former server left in TIME_WAIT don't count."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _any_free_port(taken: set[int]) -> int:
    return next(port for port in random.sample(CANDIDATES, len(CANDIDATES)) if port not in taken and is_free(port))


def _read(file: Path) -> Mapping[str, int]:
    try:
        ports: Mapping[str, int] = json.loads(file.read_text(encoding="ascii"))
    except (FileNotFoundError, ValueError):  # lost or cut off in a crash: other ports will do
        return {}
    return ports
