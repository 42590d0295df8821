"""Apache Kafka's jars: fetched once into a cache of the user's, and used only if each is the one that is locked.

`kafka-jars.sha256` beside this module says for every jar its SHA-256 and its Maven coordinate. Fetching by coordinate
needs no dependency resolution, so what runs is what was locked, whatever the repository has become since.
"""

import hashlib
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from afaq.local.errors import StackError

KAFKA_VERSION = "4.3.1"
LOCK_FILE = Path(__file__).with_name("kafka-jars.sha256")
AT_ONCE = 6
ATTEMPTS = 3


@dataclass(frozen=True)
class Jar:
    """One jar as it must be; the coordinate is group:artifact:version."""

    sha256: str
    coordinate: str

    @property
    def name(self) -> str:
        """Its file name."""
        _, artifact, version = self.coordinate.split(":")
        return f"{artifact}-{version}.jar"


def cache_folder() -> Path:
    """Where what was fetched is kept for all checkouts: AFAQ_CACHE_DIR, or else ~/.cache/afaq."""
    return Path(os.environ.get("AFAQ_CACHE_DIR") or Path.home() / ".cache" / "afaq").resolve()


def kafka_jars(say: Callable[[str], None]) -> Sequence[Path]:
    """All jars of the broker, in a stable order, each hashed just now; those that lack are fetched.

    Raises `StackError` naming the jar that is not as locked, is not Kafka's, or cannot be had.
    """
    folder = cache_folder() / f"kafka-{KAFKA_VERSION}"
    folder.mkdir(parents=True, exist_ok=True)
    jars = locked_jars()
    _refuse_strangers(folder, jars)
    _fetch(folder, [jar for jar in jars if not (folder / jar.name).exists()], say)
    for jar in jars:
        _refuse_if_altered(folder / jar.name, jar)
    return [folder / jar.name for jar in jars]


def locked_jars() -> Sequence[Jar]:
    """What the lock file says."""
    return [Jar(*line.split()) for line in LOCK_FILE.read_text(encoding="ascii").splitlines()]


def sha256_of(file: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def download(coordinate: str, scratch: Path) -> Path:
    """Fetches one jar into the empty folder `scratch`. Raises whatever jgo, or what is below it, raises."""
    from jgo.config import GlobalSettings  # here: it takes a while to import, and is needed once
    from jgo.maven import MavenContext

    # A repository of its own for each: jgo takes the half of a jar that an interrupted download left for the whole.
    # The user's settings may name a mirror.
    maven = MavenContext(repo_cache=scratch, remote_repos=GlobalSettings.load().repositories or None, timeout=20)
    group, artifact, version = coordinate.split(":")
    return maven.project(group, artifact).at_version(version).artifact().resolve()


def _refuse_strangers(folder: Path, jars: Sequence[Jar]) -> None:
    known = {jar.name for jar in jars}
    for file in folder.glob("*.jar"):
        if file.name not in known:
            raise StackError(f"{file} is not one of Kafka {KAFKA_VERSION}'s jars; delete it and start again.")


def _refuse_if_altered(file: Path, jar: Jar) -> None:
    if sha256_of(file) != jar.sha256:
        raise StackError(f"{file} is not the jar that {LOCK_FILE.name} locks; delete it and start again.")


def _fetch(folder: Path, jars: Sequence[Jar], say: Callable[[str], None]) -> None:
    if not jars:
        return
    say(f"fetching Apache Kafka {KAFKA_VERSION}: {len(jars)} jars into {folder}, this once")
    pool = ThreadPoolExecutor(AT_ONCE)
    try:
        for count, _ in enumerate(pool.map(lambda jar: _fetch_one(folder, jar), jars), 1):
            if count % 10 == 0:
                say(f"fetched {count} of {len(jars)} jars")
    finally:
        pool.shutdown(cancel_futures=True)  # after a failure the others would fail too, one timeout after the other


def _fetch_one(folder: Path, jar: Jar) -> None:
    """Puts the jar into the folder, whole and right, or not at all."""
    for attempts_left in reversed(range(ATTEMPTS)):
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            try:
                file = download(jar.coordinate, Path(scratch))
            except Exception as error:  # jgo documents none of its own, and whatever it is, the answer is the same
                if attempts_left:
                    time.sleep(1)
                    continue
                raise StackError(
                    f"Kafka's {jar.name} could not be fetched ({type(error).__name__}); start again with Internet "
                    f"access, or copy {folder} from a machine that has it."
                ) from error
            if sha256_of(file) != jar.sha256:
                raise StackError(
                    f"The Maven repository's {jar.name} is not the one that {LOCK_FILE.name} locks; do not use that "
                    f"repository, or copy {folder} from a machine that has it."
                )
            file.replace(folder / jar.name)
            return
