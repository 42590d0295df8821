"""Structured logs: one JSON object a line on standard output, each saying that a simulator wrote it."""

import logging
import sys

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger


def _say_simulator(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    event["simulator"] = True
    return event


def configure_logs() -> None:
    """Send structlog's and the standard library's records (uvicorn's) the same way out."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _say_simulator,
        structlog.processors.dict_tracebacks,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder(allow=())],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(ensure_ascii=False),
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=logging.INFO, force=True)
    # aiosmtpd's own: each line that a sender says, with people's addresses in it.
    logging.getLogger("mail.log").setLevel(logging.ERROR)
