"""Structured logs: one JSON object a line on standard output, without personal data."""

import logging
import sys
from typing import Any

import structlog
from opentelemetry import trace


def start_logging(service: str, *, level: str = "INFO") -> None:
    """Sends structlog's and the standard library's records to standard output, each with the service and its trace."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _named(service),
        _add_trace,
        _name_the_exception,
    ]
    structlog.configure(
        processors=[*shared, structlog.processors.JSONRenderer(ensure_ascii=False)],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level)),
        logger_factory=structlog.PrintLoggerFactory(sys.stdout),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(ensure_ascii=False),
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=level, force=True)
    for noisy in ("uvicorn.access", "aiokafka", "faststream"):
        logging.getLogger(noisy).setLevel(logging.ERROR)


def _named(service: str) -> Any:
    def add(_: Any, __: str, event: dict[str, Any]) -> dict[str, Any]:
        return {**event, "service": service}

    return add


def _add_trace(_: Any, __: str, event: dict[str, Any]) -> dict[str, Any]:
    context = trace.get_current_span().get_span_context()
    return {**event, "trace_id": f"{context.trace_id:032x}"} if context.is_valid else event


def _name_the_exception(_: Any, __: str, event: dict[str, Any]) -> dict[str, Any]:
    """An exception is told by its type and place: its text may quote what a person has typed."""
    info = event.pop("exc_info", None)
    error = sys.exc_info()[1] if info is True else info[1] if isinstance(info, tuple) else info
    if not isinstance(error, BaseException):
        return event
    frames = []
    trace_back = error.__traceback__
    while trace_back is not None:
        code = trace_back.tb_frame.f_code
        frames.append(f"{code.co_filename.rsplit('/', 1)[-1]}:{trace_back.tb_lineno} in {code.co_name}")
        trace_back = trace_back.tb_next
    return {**event, "fault": type(error).__name__, "frames": frames[-8:]}
