"""How this process logs: readable lines on a terminal, JSON otherwise. Nobody's text or token is logged."""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any, Literal

import structlog
from opentelemetry import trace

from .. import access


def configure(format: Literal["auto", "console", "json"], level: str) -> None:
    """Send structlog and the standard library's loggers to standard error in one form."""
    readable = format == "console" or (format == "auto" and sys.stderr.isatty())
    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="%H:%M:%S" if readable else "iso", utc=not readable),
    ]
    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(),
            pad_event_to=22,
            # Tracebacks without the values of variables: they hold what visitors wrote.
            exception_formatter=structlog.dev.plain_traceback,
        )
        if readable
        else structlog.processors.JSONRenderer()
    )
    formatter = Formatter(
        [add_trace, *([] if readable else [name_all, _without_messages]), scrub, renderer],
        foreign=[*shared, structlog.stdlib.PositionalArgumentsFormatter()],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in ("uvicorn", "uvicorn.error"):
        logging.getLogger(name).handlers[:] = []
        logging.getLogger(name).propagate = True
    logging.getLogger("uvicorn.error").setLevel("WARNING")
    # httpx2 is what the SDKs of model providers have gone over to; it logs every request, as httpx does.
    for name in ("httpx", "httpcore", "httpx2", "httpcore2", "watchfiles"):
        logging.getLogger(name).setLevel("WARNING")
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )


class Formatter(structlog.stdlib.ProcessorFormatter):
    """structlog's, but a record of ours is not copied before it is rendered, which took a third of the time."""

    def __init__(
        self, render: list[structlog.typing.Processor], *, foreign: list[structlog.typing.Processor]
    ) -> None:
        super().__init__(foreign_pre_chain=foreign, processors=[self.remove_processors_meta, *render])
        self._render = render

    def format(self, record: logging.LogRecord) -> str:
        event: Any = record.msg
        if not isinstance(event, dict):
            return super().format(record)
        event = event.copy()  # other handlers may want it too
        for processor in self._render:
            event = processor(None, "", event)
        return str(event)


@contextmanager
def quiet(level: int = logging.WARNING) -> Iterator[None]:
    """Only warnings and errors (or what ``level`` says), on standard error: for commands whose output is for somebody else."""
    before = structlog.get_config()
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    try:
        yield
    finally:
        structlog.configure(**before)


def _without_messages(_logger: Any, _name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """The traceback of an error without what the errors say: that may quote what a visitor wrote. A terminal, where an
    author looks on, gets both."""
    found = event.pop("exc_info", None)
    if found is True:
        found = sys.exc_info()
    error = found[1] if isinstance(found, tuple) else found
    if isinstance(error, BaseException):
        event["exception"] = _outline(error)
    return event


def _outline(error: BaseException) -> str:
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    before = f"{_outline(cause)}\n" if cause is not None else ""
    name = f"{type(error).__module__}.{type(error).__qualname__}"
    return f"{before}{''.join(traceback.format_tb(error.__traceback__))}{name}"


def scrub(_logger: Any, _name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Blank tokens, tickets and other secrets in every text of a record."""
    for key, value in event.items():
        if isinstance(value, str):
            event[key] = access.scrub(value)
    return event


NAMES = ("agent", "session", "connection", "turn")
"""What every record of a session names in JSON, so that a query for one of them needs to know no others."""


def name_all(_logger: Any, _name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Complete a record of a session: what it does not name is ``null``."""
    if "session" in event and str(event.get("logger", "")).startswith("cutty_agent"):
        for name in NAMES:
            event.setdefault(name, None)
    return event


def add_trace(_logger: Any, _name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Name the OpenTelemetry span in which this was logged, where there is one."""
    context = trace.get_current_span().get_span_context()
    if context.is_valid:
        event["trace_id"] = f"{context.trace_id:032x}"
        event["span_id"] = f"{context.span_id:016x}"
    return event
