"""Turns as OpenTelemetry spans: one root for each, from its acceptance to its end."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from importlib.metadata import version
from typing import Final

from opentelemetry import context as otel_context
from opentelemetry import trace as otel
from opentelemetry.context import Context
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    Span,
    SpanContext,
    StatusCode,
    TraceFlags,
    Tracer,
    TracerProvider,
)

from ..ids import Address
from ..wire.turn_record import TurnRecord

MAX_COMMITS: Final = 64
"""Commits of one turn that are noted on its span."""

_WRITTEN = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")


LOOK_S = 0.2
"""How often to look whether there is an SDK, in seconds; asking costs more than everything else without one."""


class Tracing:
    """Makes the root spans. Without an OpenTelemetry SDK in the process nothing is made, and nothing is paid for it.

    A root has no parent, whatever the context it is made in: a session outlives the request that woke it, and its
    turns must not end up in the trace of another caller.
    """

    def __init__(self, provider: TracerProvider | None = None) -> None:
        """``provider``: the one to use instead of the process's."""
        self._provider = provider
        self._looked_s = -LOOK_S
        self._found = False
        self.tracer: Tracer = otel.get_tracer("cutty_agent", version("cutty-agent"), tracer_provider=provider)

    def _active(self) -> bool:
        """Whether somebody set up an SDK; the application may do that at any time, and is noticed within a moment."""
        now_s = time.monotonic()
        if now_s - self._looked_s > LOOK_S:
            self._looked_s, self._found = now_s, self._look()
        return self._found

    def _look(self) -> bool:
        provider = self._provider or otel.get_tracer_provider()
        return not isinstance(provider, otel.ProxyTracerProvider | otel.NoOpTracerProvider)

    def root(self, address: Address, request_id: str, kind: str, *, earlier: str = "") -> Span | None:
        """A span for a turn that was accepted, linked to that of an ``earlier`` run of it; ``None`` when none is made."""
        if not self._active():
            return None
        cause = otel.get_current_span().get_span_context()
        before = context_of(earlier)
        links = [Link(cause)] if cause.is_valid else []
        if before is not None:
            links.append(Link(before, {"cutty.link": "recovers"}))
        span = self.tracer.start_span(
            f"invoke_agent {address.agent}",
            context=Context(),
            links=links,
            attributes={
                "gen_ai.operation.name": "invoke_agent",
                "gen_ai.agent.name": address.agent,
                "gen_ai.conversation.id": address.session,
                "cutty.turn.id": request_id,
                "cutty.turn.kind": kind,
            },
        )
        return span if span.get_span_context().is_valid else None

    def interrupted(self, address: Address, record: TurnRecord, action: str) -> None:
        """A turn was found open that another process had begun: its own span may have been lost with that process, so
        this one stands in its trace, below it, from the acceptance until now."""
        earlier = context_of(record.trace)
        if earlier is None:
            return
        self.tracer.start_span(
            f"recover_turn {address.agent}",
            context=otel.set_span_in_context(NonRecordingSpan(earlier), Context()),
            start_time=record.accepted_ms * 1_000_000 or None,
            attributes={
                "gen_ai.agent.name": address.agent,
                "gen_ai.conversation.id": address.session,
                "cutty.turn.id": record.request_id,
                "cutty.recovery.action": action,
                "error.type": "interrupted",
            },
        ).end()


class TurnRoots:
    """The root spans of the turns of one awake session that run or wait."""

    __slots__ = ("_address", "_commits", "_failed", "_spans", "_tracing")

    def __init__(self, tracing: Tracing, address: Address) -> None:
        self._tracing = tracing
        self._address = address
        self._spans: dict[str, Span] = {}
        self._commits: dict[str, int] = {}
        self._failed: dict[str, str] = {}

    @property
    def tracer(self) -> Tracer:
        """For the spans below."""
        return self._tracing.tracer

    def begin(self, request_id: str, kind: str, *, earlier: str = "") -> str:
        """Begin a turn's span; how the record names it, empty when there is none."""
        span = self._tracing.root(self._address, request_id, kind, earlier=earlier)
        if span is None:
            return ""
        self._spans[request_id] = span
        return written(span.get_span_context())

    def resume(self, record: TurnRecord) -> None:
        """A turn that was accepted before a restart, and only waited, waits again; unless it has its span already."""
        if record.request_id not in self._spans:
            self.begin(record.request_id, record.kind, earlier=record.trace)

    def interrupted(self, record: TurnRecord, action: str) -> None:
        """See :meth:`Tracing.interrupted`."""
        if record.trace:
            self._tracing.interrupted(self._address, record, action)

    def running(self, request_id: str) -> AbstractContextManager[None]:
        """The turn runs: its span is the current one of this task, and nothing else of the outer context is there."""
        span = self._spans.get(request_id)
        return _current(span) if span is not None else _NO_SPAN

    def committed(self, request_id: str, chunks: int) -> None:
        """Chunks of a running turn are durable."""
        span = self._spans.get(request_id)
        if span is None:
            return
        count = self._commits[request_id] = self._commits.get(request_id, 0) + 1
        if count <= MAX_COMMITS:
            span.add_event("cutty.commit", {"cutty.commit.chunks": chunks})

    def failed(self, request_id: str, error: BaseException) -> None:
        """The handler of a running turn raised this; its text is somebody's, its type is not."""
        if request_id in self._spans:
            self._failed[request_id] = type(error).__qualname__

    def end(self, record: TurnRecord) -> None:
        """The end of a turn is durable."""
        if not self._spans:
            return
        span = self._spans.pop(record.request_id, None)
        commits = self._commits.pop(record.request_id, 0)
        error = self._failed.pop(record.request_id, "turn_error")
        if span is None:
            return
        span.add_event("cutty.commit", {"cutty.commit.final": True})
        span.set_attributes(
            {
                "cutty.turn.outcome": record.outcome or "",
                "cutty.turn.commits": commits + 1,
                "gen_ai.usage.input_tokens": record.input_tokens,
                "gen_ai.usage.output_tokens": record.output_tokens,
                "cutty.cost.nanodollars": record.cost_nano,
            }
        )
        if record.model:
            span.set_attribute("gen_ai.request.model", record.model)
        if record.outcome == "error":
            _fail(span, error)
        span.end()

    def give_up(self, request_id: str, reason: str, *, error: str = "") -> None:
        """A turn ends here without an end in the store: it was not accepted, or goes on elsewhere or later."""
        if not self._spans:
            return
        span = self._spans.pop(request_id, None)
        self._commits.pop(request_id, None)
        self._failed.pop(request_id, None)
        if span is not None:
            span.set_attribute("cutty.turn.outcome", reason)
            if error:
                _fail(span, error)
            span.end()

    def give_up_all(self, reason: str) -> None:
        """What still runs or waits goes on elsewhere or later."""
        for request_id in list(self._spans):
            self.give_up(request_id, reason, error=reason)


_NO_SPAN = nullcontext()


@contextmanager
def _current(span: Span) -> Iterator[None]:
    span.add_event("cutty.turn.started")
    token = otel_context.attach(otel.set_span_in_context(span, Context()))
    try:
        yield
    finally:
        otel_context.detach(token)


def written(context: SpanContext) -> str:
    """As in the header ``traceparent``."""
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"


def context_of(text: str) -> SpanContext | None:
    """What :func:`written` wrote; ``None`` for anything else."""
    match = _WRITTEN.fullmatch(text)
    if match is None:
        return None
    found = SpanContext(int(match[1], 16), int(match[2], 16), True, TraceFlags(int(match[3], 16)))
    return found if found.is_valid else None


def _fail(span: Span, reason: str) -> None:
    span.set_attribute("error.type", reason)
    span.set_status(StatusCode.ERROR)
