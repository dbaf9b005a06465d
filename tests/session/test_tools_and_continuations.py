"""Client tools, approvals and what goes on by itself after them (protocol 8, numbers 24 to 35)."""

from __future__ import annotations

import json

import pytest

from cutty_agent.engines.memory import MemoryStore
from cutty_agent.ports.store import PutMessage
from cutty_agent.wire.principal import NOBODY
from session.harness import (
    Client,
    LateStore,
    MakeWorld,
    Stage,
    World,
    approval,
    of,
    part_of,
    text_of,
    tool_call,
)


async def call_tools(client: Client, stage: Stage, *items: object, **body: object) -> str:
    """A finished turn that made these calls."""
    request = client.ask("use your tools", **body)
    (await stage.next()).end(*items)
    await client.ended(request)
    return request


async def updated(client: Client, call: str, state: str) -> None:
    await client.until(
        lambda frame: (
            frame["type"] == "cf_agent_message_updated"
            and part_of(frame["message"], call).get("state") == state
        ),
        what=f"{call} {state}",
    )


async def test_8_24_unknown_calls_are_ignored(world: World, stage: Stage) -> None:
    client = await world.join("a")
    client.tool_result("nope", 1, autoContinue=True)
    client.approve("nope", True, autoContinue=True)
    await call_tools(client, stage, tool_call("c1"))
    at = len(client.frames)
    client.tool_result("nope", 1, autoContinue=True)
    client.approve("nope", True, autoContinue=True)
    await client.settled()
    assert {frame["type"] for frame in client.frames[at:]} == {"rpc"}
    assert (await client.probe())["reason"] == "idle"


async def test_8_25_the_first_write_wins(world: World, stage: Stage) -> None:
    client = await world.join("a")
    await call_tools(client, stage, tool_call("c1"), *approval("c2"))
    client.tool_result("c1", "first")
    client.approve("c2", False)
    client.tool_result("c1", "second")
    client.tool_result("c2", "too late")
    client.approve("c2", True)
    await client.settled()
    message = (await world.messages())[1]
    assert part_of(message, "c1")["output"] == "first"
    assert part_of(message, "c2")["state"] == "output-denied"
    assert len(client.seen("cf_agent_message_updated")) == 2


async def test_8_26_error_results_and_results_after_an_approval(world: World, stage: Stage) -> None:
    client = await world.join("a")
    await call_tools(client, stage, tool_call("c1"), *approval("c2"))
    client.tool_result("c1", None, state="output-error")
    client.approve("c2", True)
    client.tool_result("c2", "done")
    await client.settled()
    message = (await world.messages())[1]
    assert part_of(message, "c1")["errorText"] == "Tool execution denied by user"
    part = part_of(message, "c2")
    assert (part["state"], part["output"]) == ("output-available", "done")
    assert part["approval"] == {"id": "a-c2", "approved": True}


async def test_8_27_continuations_are_asked_for_coalesced_and_followed_up_once(
    world: World, stage: Stage
) -> None:
    client = await world.join("a")
    await call_tools(client, stage, tool_call("c1"), tool_call("c2"), tool_call("c3"))
    client.tool_result("c1", 1)
    await updated(client, "c1", "output-available")
    assert (await client.probe())["reason"] == "idle", "no autoContinue, no continuation"
    client.tool_result("c2", 2, autoContinue=True)
    client.tool_result("c3", 3, autoContinue=True)
    scene = await stage.next()
    scene.say("so ", tool_call("c4"))
    await client.reads("so ")
    client.tool_result("c4", 4, autoContinue=True)
    await updated(client, "c4", "output-available")
    scene.end()
    follow = await stage.next()
    follow.end("finally")
    await client.ended(follow.id)
    await client.settled()
    assert len(stage.scenes) == 3
    assert len(await world.messages()) == 2
    assert (await client.probe("last"))["reason"] == "idle"


async def test_8_28_the_barrier_opens_when_the_last_parallel_call_is_answered(
    world: World, stage: Stage
) -> None:
    client = await world.join("a")
    await call_tools(client, stage, tool_call("c1"), tool_call("c2"))
    client.tool_result("c1", 1, autoContinue=True)
    probe = await client.probe()
    assert probe["type"] == "cf_agent_stream_pending"
    # Past the time in which results are gathered, by a turn that takes its time.
    other = await world.join("b", session="elsewhere")
    await call_tools(other, stage, tool_call("x"))
    other.tool_result("x", 1, autoContinue=True)
    (await stage.next()).end("elsewhere")
    assert len(stage.scenes) == 3
    client.tool_result("c2", 2, autoContinue=True)
    scene = await stage.next()
    assert scene.id == probe["id"]
    assert scene.turn.continuation
    scene.end("both")
    resuming = await client.until(of("cf_agent_stream_resuming"))
    assert resuming["id"] == probe["id"]
    await client.ended(scene.id)


async def test_8_29_8_32_a_continuation_extends_the_message_and_observers_see_it_live(
    world: World, stage: Stage
) -> None:
    client, other = await world.join("a"), await world.join("b")
    first = await call_tools(client, stage, "Let me see. ", tool_call("c1"))
    client.tool_result("c1", "12:00", autoContinue=True)
    pending = await client.probe()
    assert pending["type"] == "cf_agent_stream_pending"
    scene = await stage.next()
    assert part_of(scene.turn.messages[-1], "c1")["output"] == "12:00"
    scene.say(
        {"type": "start", "messageId": "other"},
        {"type": "reasoning-start", "id": "r"},
        {"type": "reasoning-delta", "id": "r", "delta": "hm"},
        {"type": "reasoning-end", "id": "r"},
        "It is noon.",
    )
    await other.reads("It is noon.")
    assert (await client.until(of("cf_agent_stream_resuming")))["id"] == scene.id
    await client.settled()
    assert client.responses(scene.id) == [], "nothing before the ACK"
    client.ack(scene.id)
    await client.until(lambda frame: frame.get("replayComplete"))
    scene.say(" Lunch!")
    scene.end()
    end = await client.ended(scene.id)
    assert (end["outcome"], end["messageIds"]) == ("completed", ["u-a1"])
    # The owner sees the message rebuilt from its first part, under its id, and not as a continuation.
    stored = (await world.messages())[1]
    starts = [chunk for chunk in client.chunks(scene.id) if chunk["type"] == "start"]
    assert starts[0]["messageId"] == stored["id"]
    assert client.text(scene.id) == "Let me see. It is noon. Lunch!"
    assert not any("continuation" in frame for frame in client.responses(scene.id))
    # The observer gets flagged frames without a message id.
    assert all(frame["continuation"] for frame in other.responses(scene.id))
    assert all("messageId" not in chunk for chunk in other.chunks(scene.id))
    kinds = [chunk["type"] for chunk in other.chunks(scene.id)]
    assert kinds.index("reasoning-start") < kinds.index("reasoning-delta")
    assert text_of(stored) == "Let me see. It is noon. Lunch!"
    assert client.transcripts()[-1] == other.transcripts()[-1] == await world.texts()
    assert len(client.seen("cf_agent_stream_resuming")) == 1
    assert other.seen("cf_agent_stream_resuming") == []
    assert len(other.ends()) == len(client.ends()) == 2
    order = [
        frame["type"]
        for frame in client.frames
        if frame["type"] == "cf_agent_chat_messages" or (frame.get("done") and frame.get("id") == scene.id)
    ]
    assert order[0] == "cf_agent_chat_messages", "the transcript comes before done"
    assert first != scene.id


async def test_8_29_chained_approvals_keep_the_earlier_parts(world: World, stage: Stage) -> None:
    client = await world.join("a")
    await call_tools(client, stage, *approval("c1"))
    client.approve("c1", True, autoContinue=True)
    (await stage.next()).end(
        {"type": "tool-output-available", "toolCallId": "c1", "output": "paid"}, *approval("c2")
    )
    await updated(client, "c1", "approval-responded")
    await client.until(lambda frame: frame.get("continuation") and frame.get("done"))
    client.approve("c2", False, autoContinue=True)
    scene = await stage.next()
    scene.end("Done.")
    await client.ended(scene.id)
    messages = await world.messages()
    assert len(messages) == 2
    assert part_of(messages[1], "c1")["state"] == "output-available"
    assert part_of(messages[1], "c2")["state"] == "output-denied"
    assert text_of(messages[1]) == "Done."


async def test_8_30_a_replayed_call_neither_doubles_nor_reverts(world: World, stage: Stage) -> None:
    client = await world.join("a")
    await call_tools(client, stage, tool_call("c1"))
    client.tool_result("c1", "12:00", autoContinue=True)
    scene = await stage.next()
    scene.end(
        {"type": "tool-input-start", "toolCallId": "c1", "toolName": "getTime"}, tool_call("c1"), "noon"
    )
    await client.ended(scene.id)
    message = (await world.messages())[1]
    calls = [part for part in message["parts"] if part.get("toolCallId") == "c1"]
    assert [part["state"] for part in calls] == ["output-available"]
    assert not any(chunk["type"].startswith("tool-input") for chunk in client.chunks(scene.id))


async def test_8_31_a_continuation_has_the_body_and_tools_of_its_request(world: World, stage: Stage) -> None:
    client = await world.join("a")
    tools = [{"name": "getTime", "parameters": {"type": "object"}}]
    await call_tools(client, stage, tool_call("c1"), clientTools=tools, temperature=0.2)
    client.tool_result("c1", 1, autoContinue=True)
    scene = await stage.next()
    assert (scene.turn.body, scene.turn.client_tools) == ({"temperature": 0.2}, tools)
    scene.end(tool_call("c2"))
    await client.ended(scene.id)
    own = [{"name": "other", "parameters": {}}]
    client.tool_result("c2", 2, autoContinue=True, clientTools=own)
    scene = await stage.next()
    assert (scene.turn.body, scene.turn.client_tools) == ({"temperature": 0.2}, own)
    scene.end("x")
    await client.ended(scene.id)
    client.clear()
    client.messages.clear()
    request = client.ask("fresh")
    scene = await stage.next()
    assert (scene.turn.body, scene.turn.client_tools) == (None, [])
    scene.end("x")
    await client.ended(request)


async def test_8_31_a_later_request_does_not_change_what_a_continuation_is_given(
    world: World, stage: Stage
) -> None:
    client, other = await world.join("a"), await world.join("b")
    client.ask("use your tools", colour="red")
    scene = await stage.next()
    scene.say(tool_call("c1"))
    await client.until(lambda frame: "tool-input-available" in frame.get("body", ""))
    client.tool_result("c1", 1, autoContinue=True)
    await updated(client, "c1", "output-available")
    other.ask("something else", colour="blue")
    await other.settled()
    scene.end()
    (await stage.next()).end("answered")
    continued = await stage.next()
    assert continued.turn.continuation
    assert continued.turn.body == {"colour": "red"}
    continued.end("x")
    await client.ended(continued.id)


async def test_8_32_a_probe_of_another_tab_is_told_that_the_continuation_is_owned(
    world: World, stage: Stage
) -> None:
    client, other = await world.join("a"), await world.join("b")
    await call_tools(client, stage, tool_call("c1"), tool_call("c2"))
    client.tool_result("c1", 1, autoContinue=True)
    assert (await client.probe())["type"] == "cf_agent_stream_pending"
    assert (await other.probe())["reason"] == "continuation-owned"
    client.leave()
    assert (await other.probe("p2"))["type"] == "cf_agent_stream_pending", "the owner is gone"
    other.tool_result("c2", 2, autoContinue=True)
    scene = await stage.next()
    scene.end("x")
    await other.until(of("cf_agent_stream_resuming"))


@pytest.mark.parametrize("late", [False, True])
async def test_8_33_results_that_come_while_the_answer_streams_reach_everyone(
    stage: Stage, make_world: MakeWorld, late: bool
) -> None:
    """Also at the moment at which the answer is being stored: neither write may undo the other."""
    store = LateStore(MemoryStore())
    world = make_world(store)
    client, other = await world.join("a"), await world.join("b")
    request = client.ask("use your tools")
    scene = await stage.next()
    scene.say(tool_call("c1"))
    await client.until(lambda frame: "tool-input-available" in frame.get("body", ""))
    if late:
        store.hold(PutMessage)
        scene.end("still ")
        await store.stuck()
    client.tool_result("c1", "12:00")
    if late:
        store.release()
    await updated(client, "c1", "output-available")
    await updated(other, "c1", "output-available")
    if not late:
        scene.end("talking")
    await client.ended(request)
    assert part_of((await world.messages())[1], "c1")["output"] == "12:00"
    world.restarted()
    assert part_of((await world.messages())[1], "c1")["output"] == "12:00"


async def test_8_34_a_failed_continuation_ends_with_an_error_and_the_next_request_works(
    world: World, stage: Stage
) -> None:
    client = await world.join("a")
    await call_tools(client, stage, tool_call("c1"))
    client.tool_result("c1", 1, autoContinue=True)
    scene = await stage.next()
    scene.fail(RuntimeError("broken"))
    end = await client.ended(scene.id)
    assert (end["error"], end["continuation"]) == (True, True)
    request = client.ask("again")
    (await stage.next()).end("fine")
    assert (await client.ended(request))["outcome"] == "completed"


async def test_8_34_a_continuation_without_output_ends_with_none(world: World, stage: Stage) -> None:
    client = await world.join("a")
    await call_tools(client, stage, "Look. ", tool_call("c1"))
    client.tool_result("c1", 1, autoContinue=True)
    assert (await client.probe())["type"] == "cf_agent_stream_pending"
    scene = await stage.next()
    scene.end()
    await client.until(of("cf_agent_stream_resume_none"))
    assert (await client.ended(scene.id))["outcome"] == "completed"
    assert text_of((await world.messages())[1]) == "Look. "


@pytest.mark.parametrize("by", ["clear", "cancel"])
async def test_8_35_a_continuation_given_up_before_it_starts_ends_with_none(
    world: World, stage: Stage, by: str
) -> None:
    client = await world.join("a")
    await call_tools(client, stage, tool_call("c1"), tool_call("c2"))
    client.tool_result("c1", 1, autoContinue=True)
    pending = await client.probe()
    assert pending["type"] == "cf_agent_stream_pending"
    following = world.gate.resume(world.address(), NOBODY)
    if by == "clear":
        client.clear()
    else:
        client.cancel(pending["id"])
    none = await client.until(of("cf_agent_stream_resume_none"))
    assert "reason" not in none
    assert await following is None
    assert len(stage.scenes) == 1
    assert (await client.probe("p2"))["reason"] == "idle"


async def test_8_35_clear_of_a_queued_continuation(world: World, stage: Stage) -> None:
    client = await world.join("a")
    await call_tools(client, stage, tool_call("c1"))
    client.tool_result("c1", 1, autoContinue=True)
    scene = await stage.next()
    scene.say("half")
    await client.reads("half")
    client.clear()
    await client.ended(scene.id)
    await client.settled()
    assert await world.texts() == []


async def test_an_approval_message_is_not_stored_twice(world: World, stage: Stage) -> None:
    client = await world.join("a")
    request = client.ask("pay")
    (await stage.next()).end("May I? ", *approval("c1"))
    await client.ended(request)
    client.approve("c1", True, autoContinue=True)
    scene = await stage.next()
    scene.say({"type": "tool-output-available", "toolCallId": "c1", "output": "paid"}, "Paid.")
    await client.reads("Paid.")
    world.restarted()
    client = await world.join("b")
    scene = await stage.next()
    scene.end(" Really.")
    await client.ended(scene.id)
    messages = await world.messages()
    assert [message["role"] for message in messages] == ["user", "assistant"]
    assert text_of(messages[1]) == "May I? Paid. Really."
    assert json.dumps(messages[1]).count('"toolCallId": "c1"') == 1
