"""Real provider code against a local OpenAI-compatible server: what a turn streams, fails with and leaves behind."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from pydantic_ai import Agent, RunContext
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider
from pydantic_ai.usage import UsageLimits

from contract.openai_server import KEY, OpenAIServer, openai_server
from cutty_agent.agent.models import resolve
from cutty_agent.agent.turn import Turn
from cutty_agent.errors import BadRequest, ModelError
from cutty_agent.ids import Address
from cutty_agent.wire.chunks import Chunk, UIMessage

GET_TIME = {
    "name": "getTime",
    "description": "The visitor's time.",
    "parameters": {"type": "object", "properties": {"zone": {"type": "string"}}},
}


@pytest.fixture(scope="module")
def running() -> Iterator[OpenAIServer]:
    with openai_server() as server:
        yield server


@pytest.fixture
def server(running: OpenAIServer) -> OpenAIServer:
    running.requests.clear()
    running.keys.clear()
    running.disconnected.clear()
    return running


@pytest.fixture
async def model(server: OpenAIServer) -> OpenAIChatModel:
    return OpenAIChatModel("llama3:8b", provider=OpenAIProvider(base_url=server.url, api_key=KEY))


def user(text: str, id: str = "u1") -> UIMessage:
    return {"id": id, "role": "user", "parts": [{"type": "text", "text": text}]}


def assistant(*parts: dict[str, Any], id: str = "a1") -> UIMessage:
    return {"id": id, "role": "assistant", "parts": [*parts]}


def turn(*messages: UIMessage, session: str = "s1", **options: Any) -> Turn:
    return Turn(session=Address("chat", session), request_id="r1", messages=[*messages], **options)


async def collect(stream: AsyncIterator[Chunk]) -> list[Chunk]:
    return [chunk async for chunk in stream]


async def record(stream: AsyncIterator[Chunk], seen: list[Chunk]) -> None:
    """Like collect, but what came before an error is kept."""
    async for chunk in stream:
        seen += [chunk]


def kinds(chunks: list[Chunk]) -> list[str]:
    """The types in order, repeated ones once."""
    types = [chunk["type"] for chunk in chunks]
    return [kind for at, kind in enumerate(types) if at == 0 or types[at - 1] != kind]


def text_of(chunks: list[Chunk]) -> str:
    return "".join(chunk["delta"] for chunk in chunks if chunk["type"] == "text-delta")


def only(chunks: list[Chunk], kind: str) -> Chunk:
    [chunk] = [chunk for chunk in chunks if chunk["type"] == kind]
    return chunk


async def test_text_streams_in_protocol_order_and_usage_is_recorded(server: OpenAIServer) -> None:
    asked = turn(user("hello over there"))
    chunks = await collect(resolve("llama3:8b", server.url).run(asked))
    assert kinds(chunks) == [
        "start",
        "start-step",
        "text-start",
        "text-delta",
        "text-end",
        "finish-step",
        "finish",
    ]
    assert text_of(chunks) == "hello over there "
    assert chunks[0] == {"type": "start"}
    assert chunks[-1] == {"type": "finish", "finishReason": "stop"}
    assert len({chunk["id"] for chunk in chunks if chunk["type"].startswith("text-")}) == 1
    assert (asked.usage.input_tokens, asked.usage.output_tokens, asked.usage.requests) == (11, 7, 1)
    assert asked.usage.model == "local-model-1"
    assert server.requests[0]["model"] == "llama3:8b"


async def test_a_key_of_the_environment_is_not_sent_to_a_base_url(
    server: OpenAIServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    await collect(resolve("openai:llama3", server.url).run(turn(user("hi"))))
    await collect(resolve("llama3", server.url, "my-key").run(turn(user("hi"))))
    assert server.keys == ["Bearer none", "Bearer my-key"]


async def test_instructions_and_the_conversation_reach_the_model(server: OpenAIServer) -> None:
    choice = resolve("llama3", server.url, instructions="You are Cutty.")
    await collect(
        choice.run(turn(user("one"), assistant({"type": "text", "text": "ein"}), user("two", "u2")))
    )
    sent = [(message["role"], message["content"]) for message in server.requests[0]["messages"]]
    assert sent == [("system", "You are Cutty."), ("user", "one"), ("assistant", "ein"), ("user", "two")]


async def test_a_server_tool_runs_and_the_model_reads_its_result(
    server: OpenAIServer, model: OpenAIChatModel
) -> None:
    agent: Agent[str, str] = Agent(model, deps_type=str)

    @agent.tool
    def get_weather(ctx: RunContext[str], city: str) -> dict[str, Any]:
        return {"city": city, "asked_by": ctx.deps, "wind": None}

    asked = turn(user('call get_weather {"city": "Oslo"}'))
    chunks = await collect(asked.run(agent, deps="s1"))
    assert kinds(chunks) == [
        *("start", "start-step", "tool-input-start", "tool-input-delta", "tool-input-available"),
        *("tool-output-available", "finish-step"),
        *("start-step", "text-start", "text-delta", "text-end", "finish-step", "finish"),
    ]
    deltas = [chunk["inputTextDelta"] for chunk in chunks if chunk["type"] == "tool-input-delta"]
    assert json.loads("".join(deltas)) == only(chunks, "tool-input-available")["input"] == {"city": "Oslo"}
    output = only(chunks, "tool-output-available")
    assert output["output"] == {"city": "Oslo", "asked_by": "s1", "wind": None}
    assert text_of(chunks).startswith("The tool said: ")
    assert "Oslo" in text_of(chunks)
    assert (asked.usage.requests, asked.usage.input_tokens) == (2, 22)


async def test_a_client_tool_ends_the_run_and_its_result_continues_it(
    server: OpenAIServer, model: OpenAIChatModel
) -> None:
    agent = Agent(model)
    question = user('call getTime {"zone": "CET"}')
    chunks = await collect(turn(question, client_tools=[GET_TIME]).run(agent))
    assert kinds(chunks)[-3:] == ["tool-input-available", "finish-step", "finish"]
    assert chunks[-1] == {"type": "finish", "finishReason": "tool-calls"}
    call = only(chunks, "tool-input-available")
    assert (call["toolName"], call["input"]) == ("getTime", {"zone": "CET"})
    [declared] = server.requests[0]["tools"]
    assert declared["function"]["name"] == "getTime"
    assert declared["function"]["parameters"]["properties"] == {"zone": {"type": "string"}}

    answered = assistant(
        {"type": "step-start"},
        {
            "type": "tool-getTime",
            "toolName": "getTime",
            "toolCallId": call["toolCallId"],
            "state": "output-available",
            "input": {"zone": "CET"},
            "output": {"t": "12:00"},
        },
    )
    chunks = await collect(turn(question, answered, client_tools=[GET_TIME], continuation=True).run(agent))
    assert text_of(chunks) == 'The tool said: {"t":"12:00"}'
    assert [message["role"] for message in server.requests[1]["messages"]] == ["user", "assistant", "tool"]


async def test_a_client_tool_cannot_take_the_place_of_a_server_tool(
    server: OpenAIServer, model: OpenAIChatModel
) -> None:
    agent = Agent(model)

    @agent.tool_plain(name="getTime")
    def get_time() -> str:
        return "from the server"

    chunks = await collect(turn(user("call getTime {}"), client_tools=[GET_TIME]).run(agent))
    assert only(chunks, "tool-output-available")["output"] == "from the server"
    assert len(server.requests[0]["tools"]) == 1


@pytest.mark.parametrize(
    ("tool", "field"),
    [({"name": "no spaces"}, "name"), ({}, "name"), ({"name": "x", "parameters": [1]}, "parameters")],
)
async def test_a_malformed_client_tool_is_refused_before_a_request(
    server: OpenAIServer, model: OpenAIChatModel, tool: dict[str, Any], field: str
) -> None:
    with pytest.raises(BadRequest, match=field):
        await collect(turn(user("hi"), client_tools=[tool]).run(Agent(model)))
    assert server.requests == []


async def test_an_approval_is_asked_for_and_decides(server: OpenAIServer, model: OpenAIChatModel) -> None:
    agent = Agent(model)
    deleted: list[str] = []

    @agent.tool_plain(requires_approval=True)
    def delete_file(name: str) -> str:
        deleted.append(name)
        return f"{name} is gone"

    question = user('call delete_file {"name": "a.txt"}')
    chunks = await collect(turn(question).run(agent))
    call = only(chunks, "tool-input-available")["toolCallId"]
    assert only(chunks, "tool-approval-request") == {
        "type": "tool-approval-request",
        "approvalId": call,
        "toolCallId": call,
    }
    assert deleted == []

    def answered(approved: bool) -> UIMessage:
        return assistant(
            {
                "type": "tool-delete_file",
                "toolCallId": call,
                "state": "approval-responded",
                "input": {"name": "a.txt"},
                "approval": {"id": call, "approved": approved, "isAutomatic": False},
            }
        )

    chunks = await collect(turn(question, answered(False), continuation=True).run(agent))
    assert only(chunks, "tool-output-denied")["toolCallId"] == call
    assert deleted == []
    chunks = await collect(turn(question, answered(True), continuation=True).run(agent))
    assert only(chunks, "tool-output-available")["output"] == "a.txt is gone"
    assert deleted == ["a.txt"]
    assert text_of(chunks) == "The tool said: a.txt is gone"
    assert kinds(chunks).count("start-step") == kinds(chunks).count("finish-step")


async def test_an_approved_call_runs_beside_a_client_result_of_the_same_step(
    server: OpenAIServer, model: OpenAIChatModel
) -> None:
    agent = Agent(model)

    @agent.tool_plain(requires_approval=True)
    def delete_file(name: str) -> str:
        return f"{name} is gone"

    question = user('call delete_file {"name": "a"} + getTime {}')
    step = assistant(
        {"type": "step-start"},
        {
            "type": "tool-delete_file",
            "toolCallId": "c0",
            "state": "approval-responded",
            "input": {"name": "a"},
            "approval": {"id": "c0", "approved": True},
        },
        {
            "type": "tool-getTime",
            "toolCallId": "c1",
            "state": "output-available",
            "input": {},
            "output": "noon",
        },
    )
    await collect(turn(question, step, client_tools=[GET_TIME], continuation=True).run(agent))
    results = {m["tool_call_id"]: m["content"] for m in server.requests[0]["messages"] if m["role"] == "tool"}
    assert results == {"c0": "a is gone", "c1": "noon"}


async def test_every_tool_call_in_the_history_has_a_result_for_the_model(
    server: OpenAIServer, model: OpenAIChatModel
) -> None:
    def part(id: str, state: str, **more: Any) -> dict[str, Any]:
        return {"type": "tool-t", "toolCallId": id, "state": state, "input": {}, **more}

    parts = [
        part(
            "done", "output-available", output={"kind": "binary", "media_type": "image/png", "data": {"x": 1}}
        ),
        part("failed", "output-error", errorText="no"),
        part("denied", "output-denied", approval={"id": "denied", "approved": False, "reason": "never"}),
        part("waiting", "input-available"),
        part("asked", "approval-requested", approval={"id": "asked"}),
    ]
    messages = [user("hi"), *(assistant({"type": "step-start"}, p, id=p["toolCallId"]) for p in parts)]
    await collect(turn(*messages, user("again", "u2")).run(Agent(model)))
    sent = server.requests[0]["messages"]
    calls = {call["id"] for message in sent for call in message.get("tool_calls") or ()}
    results = {message["tool_call_id"] for message in sent if message["role"] == "tool"}
    assert calls == results >= {"done", "failed", "denied"}
    assert sent[-1]["role"] == "user"


async def test_a_cut_off_answer_is_continued(server: OpenAIServer, model: OpenAIChatModel) -> None:
    partial = assistant({"type": "text", "text": "Once upon a"})
    chunks = await collect(turn(user("a story"), partial, continuation=True).run(Agent(model)))
    assert [message["role"] for message in server.requests[0]["messages"]] == ["user", "assistant", "user"]
    assert text_of(chunks).startswith("Continue")


@pytest.mark.parametrize(
    ("status", "says"),
    [
        (400, "rejected the request"),
        (401, "refused the credentials"),
        (403, "refused the credentials"),
        (404, "does not know this model"),
        (429, "limits the rate"),
        (500, "not available"),
        (503, "not available"),
    ],
)
async def test_a_refusal_is_explained_without_the_provider_s_words(
    server: OpenAIServer, model: OpenAIChatModel, status: int, says: str
) -> None:
    with pytest.raises(ModelError, match=says) as caught:
        await collect(turn(user(f"error {status}")).run(Agent(model)))
    assert f"HTTP {status}" in caught.value.sentence
    assert KEY not in str(caught.value)
    assert "Incorrect" not in str(caught.value)
    assert caught.value.__cause__ is not None


async def test_a_connection_that_breaks_closes_the_open_part_first(
    server: OpenAIServer, model: OpenAIChatModel
) -> None:
    asked = turn(user("break"))
    seen: list[Chunk] = []
    with pytest.raises(ModelError, match="connection"):
        await record(asked.run(Agent(model)), seen)
    assert kinds(seen)[-3:] == ["text-delta", "text-end", "finish-step"]
    assert asked.usage.requests == 1


async def test_a_server_that_is_not_there(model: OpenAIChatModel) -> None:
    choice = resolve("llama3", "http://127.0.0.1:1/v1")
    with pytest.raises(ModelError, match="connection"):
        await collect(choice.run(turn(user("hi"))))


async def test_limits_and_time_outs_of_the_run_are_explained(
    server: OpenAIServer, model: OpenAIChatModel
) -> None:
    with pytest.raises(ModelError, match="usage limit"):
        await collect(turn(user("hi")).run(Agent(model), usage_limits=UsageLimits(request_limit=0)))
    with pytest.raises(ModelError, match="in time"):
        await collect(turn(user("hang")).run(Agent(model), timeout=0.3))


async def test_a_stop_hangs_up_on_the_provider(server: OpenAIServer, model: OpenAIChatModel) -> None:
    started = asyncio.Event()
    asked = turn(user("hang"))

    async def consume() -> None:
        async for chunk in asked.run(Agent(model)):
            if chunk["type"] == "text-delta":
                started.set()

    task = asyncio.create_task(consume())
    await asyncio.wait_for(started.wait(), 10)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert asked.usage.requests == 1
    assert await asyncio.to_thread(server.disconnected.wait, 10), "the provider saw no disconnect"


async def test_closing_the_stream_hangs_up_too(server: OpenAIServer, model: OpenAIChatModel) -> None:
    stream: Any = turn(user("hang")).run(Agent(model))
    async for chunk in stream:
        if chunk["type"] == "text-delta":
            break
    await stream.aclose()
    assert await asyncio.to_thread(server.disconnected.wait, 10), "the provider saw no disconnect"


async def test_closing_a_handler_that_passes_the_run_on_hangs_up_too(
    server: OpenAIServer, model: OpenAIChatModel
) -> None:
    asked = turn(user("hang"))

    async def handler() -> AsyncIterator[Chunk]:
        async for chunk in asked.run(Agent(model)):
            yield chunk

    stream: Any = handler()
    async for chunk in stream:
        if chunk["type"] == "text-delta":
            break
    await stream.aclose()
    await asked.close()
    assert asked.usage.requests == 1
    assert await asyncio.to_thread(server.disconnected.wait, 10), "the provider saw no disconnect"


async def test_sessions_on_one_shared_agent_never_mix(server: OpenAIServer, model: OpenAIChatModel) -> None:
    agent: Agent[str, str] = Agent(model, deps_type=str, instructions="shared")

    @agent.tool
    def whoami(ctx: RunContext[str]) -> str:
        return f"canary-{ctx.deps}"

    async def talk(session: str, text: str) -> tuple[str, Turn]:
        tools = [{**GET_TIME, "name": f"tool_{session}"}]
        asked = turn(user(text), session=session, client_tools=tools)
        return text_of(await collect(asked.run(agent, deps=session))), asked

    names = [f"s{number}" for number in range(8)]
    told = await asyncio.gather(*(talk(name, f"canary-{name} " * 20) for name in names))
    called = await asyncio.gather(*(talk(name, "call whoami {}") for name in names))
    for name, (text, asked), (answer, _) in zip(names, told, called, strict=True):
        assert set(text.split()) == {f"canary-{name}"}
        assert answer == f"The tool said: canary-{name}"
        assert asked.usage.requests == 1
    for request in server.requests:
        body = json.dumps(request)
        assert sum(f"tool_{name}" in body for name in names) == 1
    assert len(agent.toolsets) == 1
