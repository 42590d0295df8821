"""Run all simulators in one process: `python -m simulators`."""

import signal
import sys
from types import FrameType
from typing import NoReturn

import structlog
import uvicorn

from simulators.app import create_app
from simulators.logs import configure_logs
from simulators.settings import Settings

GRACE_SECONDS = 5


def main() -> None:
    """Serve until SIGTERM or SIGINT, then end with 0."""
    configure_logs()
    # uvicorn raises a signal once more when it has shut down: without handlers of ours the process would die of it.
    signal.signal(signal.SIGTERM, _leave)
    signal.signal(signal.SIGINT, _leave)
    settings = Settings()
    config = uvicorn.Config(
        create_app(settings),
        host=settings.host,
        port=settings.port,
        log_config=None,
        # A line for each request would drown what happened, which is logged by name.
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    structlog.stdlib.get_logger().info("simulators_starting", public_url=settings.public_url, port=settings.port)
    uvicorn.Server(config).run()


def _leave(_signal: int, _frame: FrameType | None) -> NoReturn:
    sys.exit(0)


if __name__ == "__main__":
    main()
