"""What happened inside one turn: calls of models and tools, for its record and for OpenTelemetry."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final, Literal

import msgspec
from opentelemetry import trace as otel
from opentelemetry.trace import SpanKind, StatusCode, Tracer

from ..ids import Address
from ..wire.chunks import Chunk
from ..wire.turn_record import Span

MAX_SPANS: Final = 50
"""Spans kept in the record of one turn; further ones are only traced."""

MAX_NAME: Final = 100
"""Characters of a name that are kept: names of tools may come from a client."""

NO_TRACER: Final[Tracer] = otel.NoOpTracer()

CANCELLED: Final = "cancelled"
"""The error of a call that ended because its turn was stopped."""

MARKS: Final = frozenset(
    {
        "start-step",
        "finish-step",
        "tool-input-available",
        "tool-output-available",
        "tool-output-error",
        "tool-output-denied",
    }
)
"""Chunks that say when a call begins and ends."""

Attributes = Mapping[str, str | int | float | bool]


def system_ms() -> int:
    """Milliseconds since 1970 by the machine's clock."""
    return time.time_ns() // 1_000_000


class Call(msgspec.Struct, gc=False):
    """A call that runs. ``ended_ms`` is set when its end is known and only not confirmed yet; ``order`` counts from 1 in
    the order of beginnings."""

    order: int
    kind: Literal["model", "tool"]
    name: str
    start_ms: int
    start_ns: int
    ended_ms: int = 0


class Noted(msgspec.Struct):
    """What is learned of a call while it runs: OpenTelemetry attributes."""

    attributes: dict[str, str | int | float | bool] = {}
    error: str = ""


class TurnTrace:
    """Belongs to one turn and one session; never holds anybody's text.

    Calls come from two sides: an adapter that runs a framework itself says exactly when they begin and end
    (:meth:`call`); of everything else the chunks tell (:meth:`note`), and then a step of the answer stands for a call
    of a model. While an adapter runs (:meth:`exact`), chunks are not looked at, so nothing is counted twice.
    """

    __slots__ = ("_begun", "_exact", "_now_ms", "_open", "_spans", "_tracer", "address", "dropped")

    def __init__(
        self, address: Address, *, tracer: Tracer = NO_TRACER, now_ms: Callable[[], int] = system_ms
    ) -> None:
        self.address = address
        self.dropped = 0
        self._tracer = tracer
        self._now_ms = now_ms
        self._begun = 0
        self._spans: list[tuple[int, Span]] = []
        self._open: dict[str, Call] = {}
        self._exact = 0

    # -- exactly

    @contextmanager
    def exact(self) -> Iterator[None]:
        """Meanwhile calls are told with :meth:`call`."""
        self._exact += 1
        try:
            yield
        finally:
            self._exact -= 1

    @contextmanager
    def call(
        self,
        kind: Literal["model", "tool"],
        name: str,
        attributes: Attributes,
        *,
        traced: bool = True,
        control: tuple[type[BaseException], ...] = (),
    ) -> Iterator[Noted]:
        """A call that begins now and ends with the block; with ``traced`` it is the current OpenTelemetry span.

        Exceptions of ``control`` pass through it without being errors.
        """
        name, noted, start_ms, order = name[:MAX_NAME], Noted(), self._now_ms(), self._next()
        tracer = self._tracer if traced else NO_TRACER
        span = tracer.start_span(
            f"{'chat' if kind == 'model' else 'execute_tool'} {name}",
            kind=SpanKind.CLIENT if kind == "model" else SpanKind.INTERNAL,
            attributes={**_of(self.address, kind, name), **attributes},
        )
        try:
            if traced:
                with otel.use_span(span, record_exception=False, set_status_on_exception=False):
                    yield noted
            else:
                yield noted
        except control:
            raise
        except BaseException as error:
            noted.error = CANCELLED if _is_cancellation(error) else type(error).__qualname__
            raise
        finally:
            if noted.attributes:
                span.set_attributes(noted.attributes)
            if noted.error:
                span.set_attribute("error.type", noted.error)
                span.set_status(StatusCode.ERROR)
            span.end()
            self._keep(order, Span(kind, name, start_ms, self._now_ms(), noted.error))

    # -- from the chunks

    def note(self, chunk: Chunk) -> None:
        """One of :data:`MARKS` passed by."""
        if self._exact:
            return
        kind = chunk.get("type")
        if kind == "start-step":
            self._begin("step", "model", "model")
        elif kind == "finish-step":
            self._end("step")
        elif kind == "tool-input-available":
            step = self._open.get("step")
            if step is not None:  # the last call of a tool is the last that the model said in this step
                step.ended_ms = self._now_ms()
            if len(self._open) < MAX_SPANS:
                self._begin(_key(chunk), "tool", str(chunk.get("toolName"))[:MAX_NAME])
        elif kind == "tool-output-available":
            if not chunk.get("preliminary"):
                self._end(_key(chunk))
        elif kind == "tool-output-error":
            self._end(_key(chunk), "tool_error")
        else:
            self._open.pop(_key(chunk), None)

    def finish(self, error: str = "") -> tuple[Span, ...]:
        """The turn is over; what still runs has ended with it. Returns all calls in the order of their beginnings.

        Without an ``error`` a tool without a result is one that waits for a client or an approval, and no call.
        """
        if not self._begun:
            return ()
        for key, call in list(self._open.items()):
            if error or call.kind == "model":
                self._end(key, error)
        self._open.clear()
        return tuple(span for _, span in sorted(self._spans, key=_order))

    # -- inside

    def _begin(self, key: str, kind: Literal["model", "tool"], name: str) -> None:
        self._open[key] = Call(self._next(), kind, name, self._now_ms(), time.time_ns())

    def _next(self) -> int:
        self._begun += 1
        return self._begun

    def _end(self, key: str, error: str = "") -> None:
        call = self._open.pop(key, None)
        if call is None:
            return
        if (
            call.kind == "tool"
        ):  # of models there is too little to tell here: their own instrumentations do it
            self._emit(key.removeprefix("tool:"), call, error)
        ended_ms = call.ended_ms or self._now_ms()
        self._keep(call.order, Span(call.kind, call.name, call.start_ms, ended_ms, error))

    def _emit(self, call_id: str, call: Call, error: str) -> None:
        span = self._tracer.start_span(
            f"execute_tool {call.name}",
            attributes={
                **_of(self.address, "tool", call.name),
                "gen_ai.tool.call.id": call_id[:MAX_NAME],
            },
            start_time=call.start_ns,
        )
        if error:
            span.set_attribute("error.type", error)
            span.set_status(StatusCode.ERROR)
        span.end()

    def _keep(self, order: int, span: Span) -> None:
        if len(self._spans) < MAX_SPANS:
            self._spans.append((order, span))
        else:
            self.dropped += 1


def _of(address: Address, kind: str, name: str) -> dict[str, str | int | float | bool]:
    """What every span of a call carries."""
    named: dict[str, str | int | float | bool] = {
        "gen_ai.conversation.id": address.session,
        "gen_ai.agent.name": address.agent,
    }
    if kind == "tool":
        return named | {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": name}
    return named | {"gen_ai.operation.name": "chat", "gen_ai.request.model": name}


def _key(chunk: Chunk) -> str:
    return f"tool:{chunk.get('toolCallId')}"


def _order(kept: tuple[int, Span]) -> int:
    return kept[0]


def _is_cancellation(error: BaseException) -> bool:
    return isinstance(error, asyncio.CancelledError | GeneratorExit)
