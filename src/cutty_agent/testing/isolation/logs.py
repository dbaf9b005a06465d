"""Reads every log record for content of one session in a record that is bound to another."""

from __future__ import annotations

import contextlib
import logging
import traceback
from collections import Counter
from collections.abc import Iterator, Mapping, MutableMapping
from typing import Any

import structlog

from .finding import Evidence
from .names import Names

_PLAIN = frozenset(vars(logging.makeLogRecord({})))


class LogWatch:
    """Judges records of structlog and of the standard library.

    A record is bound to a session when its field ``session`` names one, or when it names exactly one session at
    all. Records that name no session are nobody's and are not judged.
    """

    def __init__(self, names: Names, evidence: Evidence, counts: Counter[str]) -> None:
        self._names = names
        self._evidence = evidence
        self._counts = counts

    def record(self, event: str, fields: Mapping[str, Any]) -> None:
        """One record: its text and everything bound to it."""
        self._counts["log records"] += 1
        texts = {key: _text(value) for key, value in fields.items()} | {"event": event}
        session = self._bound(texts)
        if session is None:
            return
        for key, text in texts.items():
            for token in self._names.foreign(text, session):
                self._evidence.add(
                    "log", token, session, f"the field {key} of the record {event[:80]!r}", text
                )

    def _bound(self, texts: Mapping[str, str]) -> int | None:
        own = [token for token in self._names.found(texts.get("session", "")) if self._names.is_id(token)]
        everywhere = own or [
            token for text in texts.values() for token in self._names.found(text) if self._names.is_id(token)
        ]
        owners = {self._names.owner(token) for token in everywhere}
        return owners.pop() if len(owners) == 1 else None

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """Hear everything that is logged in between. Records of structlog go no further; a run makes thousands."""
        handler = _Handler(self)
        root = logging.getLogger()
        level, handlers = root.level, [(each, each.level) for each in root.handlers]
        for each, own in handlers:
            each.setLevel(max(own, level))  # what they printed before, and no more
        root.setLevel(min(level, logging.INFO))
        root.addHandler(handler)
        # In place, because loggers that were used before keep this list.
        processors = structlog.get_config()["processors"]
        kept = list(processors)
        processors[:] = [self._take]
        try:
            yield
        finally:
            processors[:] = kept
            root.removeHandler(handler)
            root.setLevel(level)
            for each, own in handlers:
                each.setLevel(own)

    def _take(self, _logger: Any, _method: str, fields: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        known = {**structlog.contextvars.get_contextvars(), **fields}
        self.record(str(known.pop("event", "")), known)
        raise structlog.DropEvent


class _Handler(logging.Handler):
    def __init__(self, watch: LogWatch) -> None:
        super().__init__(logging.NOTSET)
        self._watch = watch

    def emit(self, record: logging.LogRecord) -> None:
        fields = {key: value for key, value in vars(record).items() if key not in _PLAIN}
        if record.exc_info and record.exc_info[1] is not None:
            fields["exc_info"] = record.exc_info[1]
        self._watch.record(record.getMessage(), fields)


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, BaseException):
        return "".join(traceback.format_exception(value))
    try:
        return str(value)
    except Exception:  # a value that cannot be printed would fail in every other handler as well
        return ""
