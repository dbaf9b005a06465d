"""AI SDK 4 and bare front ends beside new ones (protocol 5.1 to 5.3)."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from cutty_agent.wire.principal import NOBODY
from session.harness import (
    RESPONSE,
    Client,
    Stage,
    World,
    chat_request,
    eventually,
    of,
    part_of,
    text_of,
    tool_call,
    within,
)

CHUNKS: list[object] = [
    {"type": "start-step"},
    "Let me ",
    "look. ",
    tool_call("c1", "getWeather", {"city": "Oslo"}),
    {"type": "tool-output-available", "toolCallId": "c1", "output": {"temp": 4}},
    {"type": "finish-step"},
    {"type": "start-step"},
    "Cold.",
    {"type": "finish-step"},
]


def v4_request(id: str, text: str) -> dict[str, Any]:
    message = {"id": f"u-{id}", "role": "user", "content": text, "parts": [{"type": "text", "text": text}]}
    return chat_request(id, json.dumps({"id": "chat", "messages": [message]}), url="/api/chat")


def raw_request(id: str, text: str) -> dict[str, Any]:
    message = {"id": f"u-{id}", "role": "user", "content": text, "metadata": {"page": "/"}}
    return chat_request(id, json.dumps({"messages": [message]}))


async def test_5_1_a_v4_client_gets_data_stream_lines(world: World, stage: Stage) -> None:
    client = await world.join("a")
    client.send(v4_request("r1", "hi"))
    (await stage.next()).end(*CHUNKS)
    end = await client.ended("r1")
    assert end == {"type": RESPONSE, "id": "r1", "body": "", "done": True}
    stored = (await world.messages())[1]
    text = "".join(frame["body"] for frame in client.responses("r1"))
    assert text.endswith("\n")
    lines = [(line[0], json.loads(line[2:])) for line in text.splitlines()]
    assert lines == [
        ("f", {"messageId": stored["id"]}),
        ("0", "Let me "),
        ("0", "look. "),
        ("9", {"toolCallId": "c1", "toolName": "getWeather", "args": {"city": "Oslo"}}),
        ("a", {"toolCallId": "c1", "result": {"temp": 4}}),
        ("e", {"finishReason": "tool-calls", "isContinued": False}),
        ("f", {"messageId": stored["id"]}),
        ("0", "Cold."),
        ("e", {"finishReason": "stop", "isContinued": False}),
        ("d", {"finishReason": "stop"}),
    ]


async def test_5_2_a_raw_client_gets_one_line_in_a_frame_and_one_end(world: World, stage: Stage) -> None:
    client = await world.join("nobody", labelled=False)
    client.send(raw_request("r1", "hi"))
    (await stage.next()).end(*CHUNKS)
    await client.ended("r1")
    stored = (await world.messages(dialect="raw"))[1]
    bodies = [frame["body"] for frame in client.responses("r1")]
    assert bodies == [
        f'f:{{"messageId":"{stored["id"]}"}}\n',
        '0:"Let me "\n',
        '0:"look. "\n',
        '0:"Cold."\n',
        'e:{"finishReason":"stop","isContinued":false}\n',
    ]
    assert [frame["done"] for frame in client.responses("r1")] == [False] * 4 + [True]
    assert stored["content"] == "Let me look. Cold."
    assert not any(
        isinstance(frame.get(key), str) for frame in client.frames for key in ("content", "message")
    )


async def test_5_3_the_minimal_frame_is_answered_under_a_new_id(world: World, stage: Stage) -> None:
    client = await world.join("nobody", labelled=False)
    client.send({"message": "Generate 10 rows", "context": {"page": "/generate"}})
    scene = await stage.next()
    assert scene.texts == [("user", "Generate 10 rows")]
    scene.end("done")
    await client.ended(scene.id)
    assert [frame["body"][:2] for frame in client.responses(scene.id)] == ["f:", "0:", "e:"]
    first = (await world.messages(dialect="raw"))[0]
    assert (first["metadata"], first["content"]) == ({"page": "/generate"}, "Generate 10 rows")
    client.send({"message": "more"})
    scene = await stage.next()
    assert [text for _, text in scene.texts] == ["Generate 10 rows", "done", "more"]
    scene.end("more")
    await client.ended(scene.id)


async def test_errors_reach_older_clients_in_their_own_way(world: World, stage: Stage) -> None:
    v4, raw = await world.join("a"), await world.join("nobody", labelled=False)
    v4.send(v4_request("r1", "hi"))
    (await stage.next()).say("half").end({"type": "error", "errorText": "no more"})
    await v4.ended("r1")
    assert '3:"no more"\n' in [frame["body"] for frame in v4.responses("r1")]
    raw.send(raw_request("r2", "hi"))
    (await stage.next()).end({"type": "error", "errorText": "no more"})
    await raw.ended("r2")
    assert [frame["body"][:2] for frame in raw.responses("r2")][-2:] == ["0:", "e:"]
    assert '0:"no more"\n' in [frame["body"] for frame in raw.responses("r2")]
    raw.send(chat_request("r3", "{"))
    end = await raw.ended("r3")
    assert end["body"].startswith("e:")


async def test_all_dialects_share_a_session(world: World, stage: Stage) -> None:
    v5, v4 = await world.join("a"), await world.join("b")
    raw = await world.join("nobody", labelled=False)
    for number, (client, frame) in enumerate(
        [(v4, v4_request("r0", "from v4")), (raw, raw_request("r1", "from raw"))]
    ):
        client.send(frame)
        (await stage.next()).end(f"answer {number}")
        for tab in (v5, v4, raw):
            await tab.ended(f"r{number}")
    request = v5.ask("from v5")
    (await stage.next()).end("answer 2")
    for tab in (v5, v4, raw):
        await tab.ended(request)
    assert v5.text(request) == "answer 2"
    assert '0:"answer 2"\n' in "".join(frame["body"] for frame in v4.responses(request))
    assert '0:"answer 2"\n' in [frame["body"] for frame in raw.responses(request)]
    transcript = v4.seen("cf_agent_chat_messages")[-1]["messages"]
    assert [message["content"] for message in transcript][-2:] == ["from v5", "answer 2"]
    assert all(message["parts"][0]["type"] == "text" for message in transcript)


async def test_a_queued_turn_that_ends_does_not_disturb_the_running_translation(
    world: World, stage: Stage
) -> None:
    client = await world.join("a")
    client.send(v4_request("r1", "hi"))
    scene = await stage.next()
    scene.say({"type": "start-step"}, "one ", tool_call("c1"))
    await client.until(lambda frame: "9:" in frame.get("body", ""))
    client.send(v4_request("r2", "queued"))
    client.cancel("r2")
    await client.ended("r2")
    scene.say({"type": "tool-output-available", "toolCallId": "c1", "output": 1}, {"type": "finish-step"})
    scene.end()
    await client.ended("r1")
    lines = "".join(frame["body"] for frame in client.responses("r1")).splitlines()
    assert [line[0] for line in lines] == ["f", "0", "9", "a", "e", "d"]


async def test_updates_of_messages_are_withheld_from_older_clients(world: World, stage: Stage) -> None:
    v5, raw = await world.join("a"), await world.join("nobody", labelled=False)
    raw.send(raw_request("r1", "hi"))
    (await stage.next()).end("ok")
    await raw.ended("r1")
    request = v5.ask("tools")
    (await stage.next()).end(tool_call("c1"))
    await v5.ended(request)
    v5.tool_result("c1", 1)
    await v5.until(of("cf_agent_message_updated"))
    await v5.settled()
    assert raw.seen("cf_agent_message_updated") == []


async def test_5_5_a_bare_front_end_is_known_before_its_first_request(world: World, stage: Stage) -> None:
    v5 = await world.join("a")
    bare = await world.join("nobody", labelled=False, by_query=True)
    request = v5.ask("hi")
    (await stage.next()).end("one ", "two")
    await v5.ended(request)
    lines = [frame["body"] for frame in bare.frames if frame["type"] == "cf_agent_use_chat_response"]
    assert lines, "it sees the answer live"
    assert all(line[:2] in {"f:", "0:", "e:"} for line in lines)
    [transcript] = [frame for frame in bare.frames if frame["type"] == "cf_agent_chat_messages"][-1:]
    assert [message["content"] for message in transcript["messages"]] == ["hi", "one two"]


# -- a client that sends the results of its tools inside of the assistant message (protocol 5.1)


def settled(message: dict[str, Any], call: str, result: object) -> dict[str, Any]:
    """The message as AI SDK 4 sends it again, with the result of one call."""
    invocations = [
        {**each, "state": "result", "result": result} if each["toolCallId"] == call else each
        for each in message["toolInvocations"]
    ]
    by_call = {each["toolCallId"]: each for each in invocations}
    parts = [
        {**part, "toolInvocation": by_call[part["toolInvocation"]["toolCallId"]]}
        if part["type"] == "tool-invocation"
        else part
        for part in message["parts"]
    ]
    return {**message, "revisionId": "r", "toolInvocations": invocations, "parts": parts}


def again(id: str, messages: list[dict[str, Any]], **body: object) -> dict[str, Any]:
    return chat_request(id, json.dumps({"id": "chat", "messages": messages, **body}), url="/api/chat")


async def asked(world: World, stage: Stage, *items: object) -> tuple[Client, list[dict[str, Any]]]:
    """A v4 client whose answer called tools of its own, and the transcript as it holds it."""
    client = await world.join("a")
    client.send(v4_request("r1", "what time is it?"))
    (await stage.next()).end({"type": "start-step"}, *items, {"type": "finish-step"})
    await client.ended("r1")
    return client, await world.messages(dialect="v4")


async def lines_of(client: Client, request: str) -> list[tuple[str, Any]]:
    await client.ended(request)
    text = "".join(frame["body"] for frame in client.responses(request))
    return [(line[0], json.loads(line[2:])) for line in text.splitlines()]


async def test_5_1_results_sent_again_continue_their_message(world: World, stage: Stage) -> None:
    client, [user, called] = await asked(world, stage, "Let me see. ", tool_call("c1"))
    other = await world.join("b")
    client.send(again("r2", [user, settled(called, "c1", "12:00")], temperature=0.2))
    scene = await stage.next()
    assert scene.turn.continuation
    assert part_of(scene.turn.messages[-1], "c1")["output"] == "12:00"
    assert scene.turn.body == {"temperature": 0.2}
    scene.end("It is noon.")
    lines = await lines_of(client, "r2")
    assert ("0", "It is noon.") in lines
    assert "Let me see. " not in [value for _, value in lines]
    messages = await world.messages()
    assert [(m["role"], text_of(m)) for m in messages] == [
        ("user", "what time is it?"),
        ("assistant", "Let me see. It is noon."),
    ]
    assert messages[1]["id"] == called["id"]
    assert part_of(messages[1], "c1")["output"] == "12:00"
    await other.ended("r2")
    assert all(frame["continuation"] for frame in other.responses("r2"))
    assert other.transcripts()[-1] == await world.texts()
    [_, shown] = await world.messages(dialect="v4")
    assert shown["content"] == "Let me see. It is noon."
    client.send(again("r3", [user, shown, {"id": "u2", "role": "user", "content": "thanks", "parts": []}]))
    scene = await stage.next()
    assert not scene.turn.continuation
    scene.end("You are welcome.")
    await client.ended("r3")
    assert len(await world.messages()) == 4


async def test_5_1_one_tool_after_the_other(world: World, stage: Stage) -> None:
    client, [user, called] = await asked(world, stage, tool_call("c1"))
    client.send(again("r2", [user, settled(called, "c1", 1)]))
    (await stage.next()).end({"type": "start-step"}, "And ", tool_call("c2"), {"type": "finish-step"})
    await client.ended("r2")
    [user, called] = await world.messages(dialect="v4")
    client.send(again("r3", [user, settled(called, "c2", 2)]))
    (await stage.next()).end({"type": "start-step"}, "done.", {"type": "finish-step"})
    await client.ended("r3")
    messages = await world.messages()
    assert len(messages) == 2
    assert text_of(messages[1]) == "And done."
    assert [part_of(messages[1], call)["output"] for call in ("c1", "c2")] == [1, 2]


async def test_5_1_a_confirmed_tool_of_the_server_runs_in_the_same_message(
    world: World, stage: Stage
) -> None:
    client, [user, called] = await asked(world, stage, tool_call("c1", "pay", {"sum": 5}))
    client.send(again("r2", [user, settled(called, "c1", "Yes, confirmed.")]))
    (await stage.next()).end(
        {"type": "tool-output-available", "toolCallId": "c1", "output": "paid"},
        {"type": "start-step"},
        "Paid.",
    )
    lines = await lines_of(client, "r2")
    assert ("a", {"toolCallId": "c1", "result": "paid"}) in lines
    messages = await world.messages()
    assert len(messages) == 2
    assert part_of(messages[1], "c1")["output"] == "paid"
    assert text_of(messages[1]) == "Paid."


async def test_5_1_a_client_that_sends_no_ids_continues_too(world: World, stage: Stage) -> None:
    """``useChat`` of AI SDK 4 over HTTP."""
    _, messages = await asked(world, stage, "Let me see. ", tool_call("c1", input={"zone": "UTC"}))
    bare = [
        {key: message[key] for key in ("role", "content", "parts", "toolInvocations") if key in message}
        for message in (messages[0], settled(messages[1], "c1", "12:00"))
    ]
    body = json.dumps({"id": "chat", "messages": bare}).encode()
    answer = asyncio.ensure_future(world.gate.submit(world.address(), NOBODY, body))
    scene = await stage.next()
    assert scene.turn.continuation
    scene.end("It is noon.")
    assert (await within(answer, "the answer")).dialect == "v4"
    await eventually(lambda: world.registry.slots[world.address()].actor.runner.idle, "the end")
    assert (await world.texts())[1:] == [("assistant", "Let me see. It is noon.")]


async def test_5_1_a_crash_in_the_middle_leaves_one_message(world: World, stage: Stage) -> None:
    client, [user, called] = await asked(world, stage, "Let me see. ", tool_call("c1"))
    client.send(again("r2", [user, settled(called, "c1", "12:00")]))
    (await stage.next()).say("It is ")
    await client.until(lambda frame: "It is" in str(frame.get("body")))
    world.restarted()
    client = await world.join("b")
    scene = await stage.next()
    assert scene.turn.continuation
    scene.end("noon.")
    await client.ended(scene.id)
    messages = await world.messages()
    assert len(messages) == 2
    assert text_of(messages[1]) == "Let me see. It is noon."


async def test_5_1_a_result_sent_while_another_answer_is_written_continues_behind_it(
    world: World, stage: Stage
) -> None:
    client, [user, called] = await asked(world, stage, tool_call("c1"))
    other = await world.join("b")
    client.send(again("r2", [user, settled(called, "c1", 1)]))
    scene = await stage.next()
    scene.say("one ")
    await client.until(lambda frame: "one" in str(frame.get("body")))
    other.send(again("r3", [user, settled(called, "c1", 2)]))
    await other.settled()
    scene.end()
    follow = await stage.next()
    assert follow.turn.continuation
    follow.end("two")
    await other.ended("r3")
    messages = await world.messages()
    assert [text_of(message) for message in messages] == ["what time is it?", "one two"]
    assert part_of(messages[1], "c1")["output"] == 1, "the first write wins"


async def test_5_1_what_is_no_answer_to_the_calls_of_the_last_message_is_a_turn_of_its_own(
    world: World, stage: Stage
) -> None:
    client, [user, called] = await asked(world, stage, tool_call("c1"), tool_call("c2"))
    client.send(again("r2", [user, settled(called, "c1", 1)]))  # one is open still
    scene = await stage.next()
    assert not scene.turn.continuation
    scene.end("alone")
    await client.ended("r2")
    foreign = {**called, "id": "elsewhere", "toolInvocations": [], "parts": [], "content": "mine"}
    client.send(again("r3", [user, foreign]))
    scene = await stage.next()
    assert not scene.turn.continuation
    scene.end("also alone")
    await client.ended("r3")
