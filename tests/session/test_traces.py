"""Turns as OpenTelemetry spans, read back from the SDK's exporter in memory."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode
from pydantic_ai import Agent as Model
from pydantic_ai import Tool
from pydantic_ai.messages import ModelMessage, ModelResponse
from pydantic_ai.models.function import AgentInfo, DeltaToolCall, FunctionModel
from pydantic_ai.models.instrumented import InstrumentationSettings

from cutty_agent.agent.chat import ChatAgent
from cutty_agent.agent.turn import Turn
from cutty_agent.clock import SystemClock
from cutty_agent.config import Settings
from cutty_agent.engines.memory import MemoryStore
from cutty_agent.ids import Address
from cutty_agent.ports.store import SessionStore
from cutty_agent.session.gate import SessionGate
from cutty_agent.session.metrics import Metrics
from cutty_agent.session.registry import Registry
from cutty_agent.session.telemetry import Telemetry
from cutty_agent.session.tracing import context_of
from cutty_agent.wire.turn_record import TurnRecord, decode_turn
from session.harness import Stage, World, eventually, scripted, settings, tool_call


class Traced(World):
    """A world whose spans and figures are kept."""

    def __init__(self, store: SessionStore, stage: Stage, agent: Any, provider: TracerProvider) -> None:
        super().__init__(store, stage, settings(), agent, SystemClock())
        self.metrics = Metrics()
        self.registry = Registry(
            store, {"chat": agent}, self.settings, self.clock, telemetry=Telemetry(self.metrics, provider)
        )
        self.gate = SessionGate(self.registry)

    async def record(self, request_id: str, session: str = "s") -> TurnRecord:
        stored = await self.store.turns(Address("chat", session))
        return next(decode_turn(turn.record) for turn in stored if turn.id == request_id)


class Spans:
    """What was exported."""

    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()
        self.provider = TracerProvider()
        self.provider.add_span_processor(SimpleSpanProcessor(self.exporter))

    def all(self) -> list[ReadableSpan]:
        return list(self.exporter.get_finished_spans())

    def named(self, name: str) -> list[ReadableSpan]:
        return [span for span in self.all() if span.name == name]

    def root(self, turn: str) -> ReadableSpan:
        found = [
            span
            for span in self.all()
            if span.name.startswith("invoke_agent") and of(span)["cutty.turn.id"] == turn
        ]
        assert len(found) == 1, [(span.name, of(span)) for span in self.all()]
        return found[0]


def of(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


def parent(span: ReadableSpan) -> int | None:
    return span.parent.span_id if span.parent is not None else None


def span_id(span: ReadableSpan) -> int:
    assert span.context is not None
    return span.context.span_id


def trace_id(span: ReadableSpan) -> int:
    assert span.context is not None
    return span.context.trace_id


@pytest.fixture
def spans() -> Spans:
    return Spans()


@pytest.fixture
async def make(spans: Spans, stage: Stage, durable: SessionStore) -> AsyncIterator[Any]:
    worlds: list[Traced] = []

    def make(agent: Any = None, **attributes: Any) -> Traced:
        world = Traced(durable, stage, agent or scripted(stage, **attributes), spans.provider)
        worlds.append(world)
        return world

    yield make
    for world in worlds:
        await world.close()


async def test_a_turn_is_one_root_span(make: Any, stage: Stage, spans: Spans) -> None:
    world = make()
    client = await world.join("a")
    request = client.ask("hello")
    (await stage.next()).end("Hi ", "you")
    await client.ended(request)
    root = spans.root(request)
    assert root.name == "invoke_agent chat"
    assert root.parent is None
    attributes = of(root)
    assert attributes["gen_ai.operation.name"] == "invoke_agent"
    assert attributes["gen_ai.conversation.id"] == "s"
    assert attributes["gen_ai.agent.name"] == "chat"
    assert attributes["cutty.turn.outcome"] == "completed"
    assert root.status.status_code is StatusCode.UNSET
    events = [event.name for event in root.events]
    assert events[0] == "cutty.turn.started"
    assert events.count("cutty.commit") >= 1
    assert "hello" not in root.to_json()
    assert "Hi" not in root.to_json()
    record = await world.record(request)
    written = context_of(record.trace)
    assert written is not None
    assert (written.trace_id, written.span_id) == (trace_id(root), span_id(root))


async def test_the_context_of_one_turn_is_not_found_in_another(make: Any, stage: Stage, spans: Spans) -> None:
    world = make()
    a, b = await world.join("a", session="a"), await world.join("b", session="b")
    first, second = a.ask("one"), b.ask("two")
    one, two = await stage.next(), await stage.next()
    for scene in (one, two):
        scene.end("x")
    await a.ended(first)
    await b.ended(second)
    third = a.ask("three")
    (await stage.next()).end("y")
    await a.ended(third)
    roots = [spans.root(each) for each in (first, second, third)]
    assert [root.parent for root in roots] == [None, None, None]
    assert len({trace_id(root) for root in roots}) == 3
    assert [of(root)["gen_ai.conversation.id"] for root in roots] == ["a", "b", "a"]


async def test_a_turn_asked_for_inside_another_span_is_linked_and_not_below_it(
    make: Any, stage: Stage, spans: Spans
) -> None:
    stage.auto = lambda turn: ["ok"]
    world = make()
    tracer = spans.provider.get_tracer("application")
    with tracer.start_as_current_span("POST /agents") as outer:
        body = json.dumps(
            {"messages": [{"id": "u", "role": "user", "parts": [{"type": "text", "text": "x"}]}]}
        )
        answer = await world.gate.submit(Address("chat", "s"), principal(), body.encode())
        async for _ in answer.bodies():
            pass
    root = spans.root(answer.request_id)
    assert root.parent is None
    assert [link.context.span_id for link in root.links] == [outer.get_span_context().span_id]


def principal() -> Any:
    from cutty_agent.wire.principal import NOBODY

    return NOBODY


async def test_tools_of_the_chunk_stream_are_children(make: Any, stage: Stage, spans: Spans) -> None:
    world = make()
    client = await world.join("a")
    request = client.ask("what time")
    scene = await stage.next()
    scene.say({"type": "start-step"}, tool_call("c1"), tool_call("c2", "fail"), tool_call("c3", "client"))
    scene.say({"type": "tool-output-available", "toolCallId": "c1", "output": "secret-noon"})
    scene.say({"type": "tool-output-error", "toolCallId": "c2", "errorText": "secret-oops"})
    scene.end({"type": "finish-step"})
    await client.ended(request)
    root = spans.root(request)
    (tool,), (failed,) = spans.named("execute_tool getTime"), spans.named("execute_tool fail")
    assert parent(tool) == parent(failed) == span_id(root)
    assert of(tool)["gen_ai.operation.name"] == "execute_tool"
    assert of(tool)["gen_ai.tool.name"] == "getTime"
    assert of(tool)["gen_ai.tool.call.id"] == "c1"
    assert "error.type" not in of(tool)
    assert of(failed)["error.type"] == "tool_error"
    assert spans.named("execute_tool client") == []  # it waits for the visitor
    assert "secret" not in "".join(span.to_json() for span in spans.all())
    record = await world.record(request)
    assert [(span.kind, span.name, span.error) for span in record.spans] == [
        ("model", "model", ""),
        ("tool", "getTime", ""),
        ("tool", "fail", "tool_error"),
    ]
    assert all(span.end_ms >= span.start_ms > 0 for span in record.spans)


async def test_a_stopped_turn_ends_its_spans(make: Any, stage: Stage, spans: Spans) -> None:
    world = make()
    client = await world.join("a")
    request = client.ask("long")
    scene = await stage.next()
    scene.say("some ", tool_call("c1", "slow"))
    await client.reads("some")
    await eventually(lambda: '"slow"' in json.dumps(client.chunks()), "the call")
    client.cancel(request)
    await client.ended(request)
    root = spans.root(request)
    assert of(root)["cutty.turn.outcome"] == "aborted"
    (tool,) = spans.named("execute_tool slow")
    assert of(tool)["error.type"] == "cancelled"
    assert parent(tool) == span_id(root)


async def test_a_failing_turn_names_the_type_and_not_the_text(make: Any, stage: Stage, spans: Spans) -> None:
    world = make()
    client = await world.join("a")
    request = client.ask("x")
    (await stage.next()).fail(ZeroDivisionError("secret text"))
    await client.ended(request)
    root = spans.root(request)
    assert of(root)["error.type"] == "ZeroDivisionError"
    assert root.status.status_code is StatusCode.ERROR
    assert "secret" not in root.to_json()


async def test_a_crash_loses_no_span(make: Any, stage: Stage, spans: Spans) -> None:
    """The process dies: its open span is never exported. The next process tells of it in the same trace, and what it
    does instead is linked to it."""
    world = make()
    client = await world.join("a")
    request = client.ask("tell me")
    scene = await stage.next()
    scene.say("once upon")
    await client.reads("once")
    lost = context_of((await world.record(request)).trace)
    assert lost is not None
    assert spans.all() == []
    again = Traced(world.store, stage, world.agent, spans.provider)
    await again.registry.recover()
    (await stage.next()).end(" a time")

    await eventually(lambda: spans.named("invoke_agent chat"), "the end of the turn that follows")
    records = [decode_turn(turn.record) for turn in await world.store.turns(Address("chat", "s"))]
    (marker,) = spans.named("recover_turn chat")
    assert trace_id(marker) == lost.trace_id
    assert parent(marker) == lost.span_id
    assert of(marker)["error.type"] == "interrupted"
    follow = next(record for record in records if record.request_id != request)
    root = spans.root(follow.request_id)
    assert [link.context.span_id for link in root.links] == [lost.span_id]
    assert root.parent is None
    assert of(root)["cutty.turn.outcome"] == "completed"
    assert 'cutty_turns_recovered_total{action="continue"} 1.0' in again.metrics.text().decode()
    await again.close()


async def test_turns_that_never_run_or_are_parked_end_their_spans(
    make: Any, stage: Stage, spans: Spans
) -> None:
    world = make()
    client = await world.join("a")
    running, waiting = client.ask("one"), client.ask("two")
    scene = await stage.next()
    scene.say("half")
    await client.reads("half")
    client.cancel(waiting)
    await client.ended(waiting)
    assert of(spans.root(waiting))["cutty.turn.outcome"] == "aborted"
    await world.registry.close(grace_s=0)
    root = spans.root(running)
    assert of(root)["cutty.turn.outcome"] == "interrupted"
    assert root.status.status_code is StatusCode.ERROR


async def test_a_cleared_conversation_leaves_no_open_span(make: Any, stage: Stage, spans: Spans) -> None:
    world = make()
    client = await world.join("a")
    running, waiting = client.ask("one"), client.ask("two")
    await stage.next()
    client.clear()
    await client.ended(running)
    await client.ended(waiting)
    assert {of(span)["cutty.turn.id"] for span in spans.all()} == {running, waiting}
    assert of(spans.root(running))["cutty.turn.outcome"] == "aborted"
    assert of(spans.root(waiting))["cutty.turn.outcome"] == "skipped"


async def test_hooks_and_later_turns_do_not_run_in_a_finished_span(
    make: Any, stage: Stage, spans: Spans
) -> None:
    seen: list[tuple[str, int]] = []

    def current(where: str) -> None:
        seen.append((where, trace.get_current_span().get_span_context().span_id))

    class Looks(ChatAgent):
        async def on_chat_message(self, turn: Turn) -> AsyncIterator[object]:
            current(turn.request_id)
            yield "ok"

        async def on_chat_response(self, response: Any) -> None:
            current("hook")

    world = make(Looks)
    client = await world.join("a")
    for number in (1, 2):
        await client.ended(client.ask("x"))
        await eventually(lambda number=number: len(seen) == 2 * number, "the hook")
    turns = [(name, found) for name, found in seen if name != "hook"]
    assert [found for name, found in seen if name == "hook"] == [0, 0]
    assert [found for _, found in turns] == [span_id(spans.root(name)) for name, _ in turns]
    assert len(turns) == 2


# -- Pydantic AI


async def calls_a_tool(messages: list[ModelMessage], info: AgentInfo) -> AsyncIterator[Any]:
    if any(isinstance(message, ModelResponse) for message in messages):
        yield "It is noon."
    else:
        yield {0: DeltaToolCall("clock", "{}", tool_call_id="c1")}


def chat_with(model: Model[Any, Any]) -> type[ChatAgent]:
    class Chat(ChatAgent):
        async def on_chat_message(self, turn: Turn) -> AsyncIterator[object]:
            async for chunk in turn.run(model):
                yield chunk

    return Chat


async def clock() -> str:
    """What time it is."""
    trace.get_current_span().set_attribute("seen.inside", True)
    return "secret-noon"


async def test_calls_of_a_model_and_its_tools_are_children(make: Any, spans: Spans) -> None:
    model: Model[Any, Any] = Model(FunctionModel(stream_function=calls_a_tool), tools=[Tool(clock)])
    world = make(chat_with(model))
    client = await world.join("a")
    request = client.ask("secret-question")
    await client.ended(request)
    root = spans.root(request)
    chats = [span for span in spans.all() if of(span)["gen_ai.operation.name"] == "chat"]
    (tool,) = [span for span in spans.all() if of(span)["gen_ai.operation.name"] == "execute_tool"]
    assert len(chats) == 2
    assert {parent(span) for span in [*chats, tool]} == {span_id(root)}
    assert {trace_id(span) for span in spans.all()} == {trace_id(root)}
    assert all(of(span)["gen_ai.conversation.id"] == "s" for span in spans.all())
    assert chats[0].name == f"chat {of(chats[0])['gen_ai.request.model']}"
    total = sum(of(span)["gen_ai.usage.output_tokens"] for span in chats)
    assert of(root)["gen_ai.usage.output_tokens"] == total > 0
    assert of(tool)["seen.inside"] is True
    assert len(spans.all()) == 4
    assert "secret" not in "".join(span.to_json() for span in spans.all())
    record = await world.record(request)
    assert [(span.kind, span.error) for span in record.spans] == [("model", ""), ("tool", ""), ("model", "")]
    assert record.spans[1].name == "clock"
    assert record.tools == ("clock",)


async def test_spans_of_a_run_that_the_application_instruments_are_not_doubled(
    make: Any, spans: Spans
) -> None:
    model: Model[Any, Any] = Model(FunctionModel(stream_function=calls_a_tool), tools=[Tool(clock)])
    model.instrument = InstrumentationSettings(tracer_provider=spans.provider, include_content=False)
    world = make(chat_with(model))
    client = await world.join("a")
    request = client.ask("x")
    await client.ended(request)
    root = next(span for span in spans.all() if "cutty.turn.id" in of(span))
    assert len([span for span in spans.all() if of(span)["gen_ai.operation.name"] == "chat"]) == 2
    assert len([span for span in spans.all() if of(span)["gen_ai.operation.name"] == "execute_tool"]) == 1
    assert {trace_id(span) for span in spans.all()} == {trace_id(root)}
    record = await world.record(request)
    assert [span.kind for span in record.spans] == ["model", "tool", "model"]


async def test_a_stopped_tool_ends_its_span(make: Any, spans: Spans) -> None:
    begun = asyncio.Event()

    async def forever() -> str:
        """Wait."""
        begun.set()
        await asyncio.Event().wait()
        return ""

    async def calls(messages: list[ModelMessage], info: AgentInfo) -> AsyncIterator[Any]:
        yield {0: DeltaToolCall("forever", "{}", tool_call_id="c1")}

    model: Model[Any, Any] = Model(FunctionModel(stream_function=calls), tools=[Tool(forever)])
    world = make(chat_with(model))
    client = await world.join("a")
    request = client.ask("x")
    await begun.wait()
    client.cancel(request)
    await client.ended(request)
    (tool,) = spans.named("execute_tool forever")
    root = spans.root(request)
    assert of(tool)["error.type"] == "cancelled"
    assert parent(tool) == span_id(root)
    assert of(root)["cutty.turn.outcome"] == "aborted"
    assert [(span.name, span.error) for span in (await world.record(request)).spans][-1] == (
        "forever",
        "cancelled",
    )


async def test_without_an_sdk_nothing_is_made(stage: Stage) -> None:
    store = MemoryStore()
    world = World(store, stage, Settings(), scripted(stage), SystemClock())
    client = await world.join("a")
    request = client.ask("x")
    (await stage.next()).end("y")
    await client.ended(request)
    (stored,) = await store.turns(Address("chat", "s"))
    assert decode_turn(stored.record).trace == ""
    await world.close()
    await store.close()
