"""`python -m afaq.local.kafka_lock` writes `kafka-jars.sha256` anew, for a new `KAFKA_VERSION`. Needs the network."""

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import jgo

from afaq.local.kafka_jars import KAFKA_VERSION, LOCK_FILE, download, sha256_of


def resolve() -> Sequence[str]:
    """The coordinates of the broker, of all that it needs, and of the binding by which it logs to log4j.

    The binding is named and not resolved along: log4j's bill of materials would pull kafka-clients back to 3.9.1.
    Raises `ValueError` when a part of Kafka came out in another version nevertheless.
    """
    artifacts = jgo.resolve(f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}")
    if odd := [str(part) for part in artifacts if part.groupId == "org.apache.kafka" and part.version != KAFKA_VERSION]:
        raise ValueError(f"not of version {KAFKA_VERSION}: {', '.join(odd)}")
    log4j = next(part.version for part in artifacts if part.artifactId == "log4j-core")
    coordinates = {f"{part.groupId}:{part.artifactId}:{part.version}" for part in artifacts}
    return sorted(coordinates | {f"org.apache.logging.log4j:log4j-slf4j-impl:{log4j}"})


def lock_line(coordinate: str) -> str:
    """One line of the lock file; the jar is downloaded for it."""
    with tempfile.TemporaryDirectory() as scratch:
        return f"{sha256_of(download(coordinate, Path(scratch)))}  {coordinate}"


def main() -> None:
    """Resolves, downloads, hashes and writes."""
    try:
        lines = [lock_line(coordinate) for coordinate in resolve()]
    except ValueError as error:
        sys.exit(str(error))
    LOCK_FILE.write_text("\n".join(lines) + "\n", encoding="ascii")


if __name__ == "__main__":
    main()
