"""Runs of Pydantic AI agents with models that need no network."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, TypeAlias

import pytest
from pydantic import BaseModel
from pydantic_ai import Agent, ModelRetry
from pydantic_ai.exceptions import (
    ContentFilterError,
    FallbackExceptionGroup,
    ModelAPIError,
    ModelHTTPError,
    UnexpectedModelBehavior,
    UserError,
)
from pydantic_ai.messages import ModelMessage, ModelRequest, ToolReturn, UserPromptPart
from pydantic_ai.models.function import AgentInfo, DeltaThinkingPart, DeltaToolCall, FunctionModel
from pydantic_ai.models.test import TestModel
from pydantic_ai.ui.vercel_ai.response_types import DataChunk, SourceUrlChunk

from cutty_agent.agent.model_errors import explain
from cutty_agent.agent.turn import Turn
from cutty_agent.errors import ConfigError, ModelError, TooLarge
from cutty_agent.ids import Address
from cutty_agent.wire.chunks import Chunk, UIMessage

Deltas: TypeAlias = AsyncIterator[str | dict[int, DeltaThinkingPart] | dict[int, DeltaToolCall]]


def user(text: str) -> UIMessage:
    return {"id": "u1", "role": "user", "parts": [{"type": "text", "text": text}]}


def turn(*messages: UIMessage, **options: Any) -> Turn:
    return Turn(session=Address("chat", "s1"), request_id="r1", messages=[*messages], **options)


async def collect(stream: AsyncIterator[Chunk]) -> list[Chunk]:
    return [chunk async for chunk in stream]


async def record(stream: AsyncIterator[Chunk], seen: list[Chunk]) -> None:
    """Like collect, but what came before an error is kept."""
    async for chunk in stream:
        seen += [chunk]


def types(chunks: list[Chunk]) -> list[str]:
    return [chunk["type"] for chunk in chunks]


async def thinking(messages: list[ModelMessage], info: AgentInfo) -> Deltas:
    yield {0: DeltaThinkingPart(content="Let me ")}
    yield {0: DeltaThinkingPart(content="think.", signature="sig")}
    yield "Done."


async def test_reasoning_streams_before_the_text_and_keeps_its_signature() -> None:
    chunks = await collect(turn(user("hi")).run(Agent(FunctionModel(stream_function=thinking))))
    assert types(chunks) == [
        *("start", "start-step", "reasoning-start", "reasoning-delta", "reasoning-delta", "reasoning-end"),
        *("text-start", "text-delta", "text-end", "finish-step", "finish"),
    ]
    assert (
        "".join(chunk["delta"] for chunk in chunks if chunk["type"] == "reasoning-delta") == "Let me think."
    )
    [end] = [chunk for chunk in chunks if chunk["type"] == "reasoning-end"]
    assert end["providerMetadata"]["pydantic_ai"]["signature"] == "sig"
    assert len({chunk["id"] for chunk in chunks if "id" in chunk}) == 2


async def test_a_tool_s_sources_and_data_reach_the_client() -> None:
    agent = Agent(TestModel())

    @agent.tool_plain
    def look_up() -> ToolReturn:
        source = SourceUrlChunk(source_id="1", url="https://example.com", title="Example")
        return ToolReturn("found", metadata=[source, DataChunk(type="data-hits", data={"n": None})])

    chunks = await collect(turn(user("hi")).run(agent))
    assert {"type": "source-url", "sourceId": "1", "url": "https://example.com", "title": "Example"} in chunks
    assert {"type": "data-hits", "data": {"n": None}} in chunks


async def test_an_invalid_input_is_a_tool_input_error_and_the_model_may_retry() -> None:
    async def retrying(messages: list[ModelMessage], info: AgentInfo) -> Deltas:
        if len(messages) == 1:
            yield {0: DeltaToolCall("double", '{"n": "many"}', tool_call_id="c1")}
        elif len(messages) == 3:
            yield {0: DeltaToolCall("double", '{"n": 13}', tool_call_id="c2")}
        else:
            yield "gave up"

    agent = Agent(FunctionModel(stream_function=retrying), retries=3)

    @agent.tool_plain
    def double(n: int) -> int:
        raise ModelRetry("13 is unlucky")

    chunks = await collect(turn(user("hi")).run(agent))
    [invalid] = [chunk for chunk in chunks if chunk["type"] == "tool-input-error"]
    [failed] = [chunk for chunk in chunks if chunk["type"] == "tool-output-error"]
    assert (invalid["toolCallId"], invalid["input"]) == ("c1", {"n": "many"})
    assert (failed["toolCallId"], failed["errorText"]) == ("c2", "13 is unlucky")
    assert types(chunks)[-1] == "finish"


async def test_an_error_of_a_tool_is_the_author_s_own() -> None:
    agent = Agent(TestModel())

    @agent.tool_plain
    def broken() -> str:
        raise ZeroDivisionError("of the author")

    chunks: list[Chunk] = []
    with pytest.raises(ZeroDivisionError):
        await record(turn(user("hi")).run(agent), chunks)
    assert types(chunks)[-2:] == ["tool-output-error", "finish-step"]
    assert "of the author" not in str(chunks)


async def test_typed_output_and_output_validators_still_work() -> None:
    class Answer(BaseModel):
        n: int

    typed = Agent(TestModel(custom_output_args={"n": 7}), output_type=Answer)
    chunks = await collect(turn(user("hi")).run(typed))
    assert {"n": 7} in [chunk["input"] for chunk in chunks if chunk["type"] == "tool-input-available"]

    checked = Agent(TestModel(custom_output_text="fine"))
    seen: list[str] = []

    @checked.output_validator
    def check(text: str) -> str:
        seen.append(text)
        return text

    await collect(turn(user("hi")).run(checked))
    assert seen[-1] == "fine"


async def test_options_reach_the_run() -> None:
    asked: list[list[ModelMessage]] = []

    async def note(messages: list[ModelMessage], info: AgentInfo) -> Deltas:
        asked.append(messages)
        yield "ok"

    agent: Agent[None, str] = Agent("test", instructions="agent's own")
    system = {"id": "s", "role": "system", "parts": [{"type": "text", "text": "be nice"}]}
    before = [ModelRequest(parts=[UserPromptPart("earlier")])]
    for trusted in (False, True):
        await collect(
            turn(system, user("hi")).run(
                agent,
                model=FunctionModel(stream_function=note),
                instructions="more",
                message_history=before,
                system_messages=trusted,
            )
        )
    without, with_system = ([vars(part)["content"] for one in seen for part in one.parts] for seen in asked)
    assert without == ["earlier", "hi"]
    assert [with_system[0], with_system[-1]] == without
    assert "be nice" in with_system[1]
    assert asked[0][-1].instructions == "agent's own\n\nmore"  # type: ignore[union-attr]  # the last is a request


async def test_the_name_of_a_model_is_enough() -> None:
    chunks = await collect(turn(user("hi")).run("test"))
    assert "success" in "".join(chunk["delta"] for chunk in chunks if chunk["type"] == "text-delta")


async def test_a_model_without_a_key_is_a_config_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    with pytest.raises(ConfigError, match="not set up"):
        await collect(turn(user("hi")).run("anthropic:claude-sonnet-4-5"))


SECRET = "sk-canary"


@pytest.mark.parametrize(
    ("error", "kind", "says"),
    [
        (ModelHTTPError(401, "m", {"message": SECRET}), ModelError, "HTTP 401"),
        (ModelHTTPError(429, "m", SECRET), ModelError, "HTTP 429"),
        (ModelHTTPError(418, "m", SECRET), ModelError, "HTTP 418"),
        (ModelAPIError("m", SECRET), ModelError, "provider failed"),
        (ContentFilterError(SECRET), ModelError, "content filter"),
        (UnexpectedModelBehavior(SECRET, SECRET), ModelError, "cannot use"),
        (UserError(SECRET), ConfigError, "not set up"),
        (
            FallbackExceptionGroup("all", [ValueError(), ModelHTTPError(503, "m", SECRET)]),
            ModelError,
            "HTTP 503",
        ),
    ],
)
def test_errors_are_explained_without_a_secret(error: Exception, kind: type[Exception], says: str) -> None:
    explained = explain(error)
    assert type(explained) is kind
    assert says in str(explained)
    assert SECRET not in str(explained)


def test_errors_of_others_are_left_alone() -> None:
    own = TooLarge("too large", remedy="less")
    assert explain(own) is own
    assert explain(KeyError("x")) is None
