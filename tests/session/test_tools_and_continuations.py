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
    Scene,
    Stage,
    World,
    approval,
    call_tools,
    of,
    part_of,
    text_of,
    tool_call,
    within,
)


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


# -- 3.8: when no continuation is needed, and when a sibling never answers


def steps(*items: object) -> list[object]:
    return [{"type": "start-step"}, *items, {"type": "finish-step"}]


async def answered_in_mid_answer(client: Client, stage: Stage, call: str = "c1") -> tuple[Scene, str]:
    """A turn that has called a tool and goes on, while the visitor's side answered the call."""
    request = client.ask("use your tools")
    scene = await stage.next()
    scene.say({"type": "start-step"}, tool_call(call), {"type": "finish-step"})
    await client.until(lambda frame: "finish-step" in frame.get("body", ""))
    client.tool_result(call, 1, autoContinue=True)
    await updated(client, call, "output-available")
    return scene, request


async def test_3_8_no_continuation_behind_an_answer_that_came_to_its_own_end(
    stage: Stage, make_world: MakeWorld
) -> None:
    store = LateStore(MemoryStore())
    world = make_world(store)
    client = await world.join("a")
    scene, request = await answered_in_mid_answer(client, stage)
    store.hold(PutMessage)
    scene.end(*steps("It is noon."), {"type": "finish", "finishReason": "stop"})
    await store.stuck()
    actor = world.registry.slots[world.address()].actor
    assert actor is not None
    wanted = actor.continuation.request_id
    assert wanted is not None
    reader = actor.runner.watch(wanted)
    store.release()
    await client.ended(request)
    assert (await within(reader, "the end of the continuation")).outcome == "aborted"
    assert (await client.probe())["reason"] == "idle"
    follow = client.ask("next")
    (await stage.next()).end("fine")
    await client.ended(follow)
    assert len(stage.scenes) == 2, "no turn in between"
    assert [text for _, text in await world.texts()] == ["use your tools", "It is noon.", "next", "fine"]


async def test_3_8_waiters_are_released_when_no_continuation_is_needed(world: World, stage: Stage) -> None:
    client = await world.join("a")
    scene, request = await answered_in_mid_answer(client, stage)
    other = await world.join("b")
    queued = other.ask("queued behind it")
    await other.settled()
    scene.end(*steps("It is noon."), {"type": "finish", "finishReason": "stop"})
    await client.ended(request)
    (await stage.next()).end("answered")
    await client.ended(queued)
    probe = await client.probe()  # within the time in which results are gathered, so it may be told to wait
    if probe["type"] == "cf_agent_stream_pending":
        none = await client.until(of("cf_agent_stream_resume_none"))
        assert "reason" not in none
    assert (await client.probe("later"))["reason"] == "idle"
    assert len(stage.scenes) == 2


@pytest.mark.parametrize(
    "rest",
    [
        [*steps("Too long"), {"type": "finish", "finishReason": "length"}],
        [{"type": "finish", "finishReason": "stop"}],
        [],
        ["and so on"],
    ],
    ids=["another reason", "no step behind the call", "nothing behind the call", "text of the same step"],
)
async def test_3_8_an_answer_that_has_not_read_the_result_is_continued(
    world: World, stage: Stage, rest: list[object]
) -> None:
    client = await world.join("a")
    scene, request = await answered_in_mid_answer(client, stage)
    scene.end(*rest)
    await client.ended(request)
    follow = await stage.next()
    assert follow.turn.continuation
    follow.end("noon")
    await client.ended(follow.id)


async def test_3_8_an_approved_call_that_has_not_run_is_continued(world: World, stage: Stage) -> None:
    client = await world.join("a")
    request = client.ask("pay")
    scene = await stage.next()
    scene.say({"type": "start-step"}, *approval("c1"), {"type": "finish-step"})
    await client.until(lambda frame: "finish-step" in frame.get("body", ""))
    client.approve("c1", True, autoContinue=True)
    await updated(client, "c1", "approval-responded")
    scene.end(*steps("Please confirm above."), {"type": "finish", "finishReason": "stop"})
    await client.ended(request)
    follow = await stage.next()
    assert follow.turn.continuation
    follow.end({"type": "tool-output-available", "toolCallId": "c1", "output": "paid"})
    await client.ended(follow.id)


async def test_3_8_a_result_behind_the_end_is_continued_also_where_one_in_mid_answer_was_not(
    world: World, stage: Stage
) -> None:
    client = await world.join("a")
    request = client.ask("use your tools")
    scene = await stage.next()
    scene.say({"type": "start-step"}, tool_call("c1"), tool_call("c2"), {"type": "finish-step"})
    await client.until(lambda frame: "finish-step" in frame.get("body", ""))
    client.tool_result("c1", 1, autoContinue=True)
    await updated(client, "c1", "output-available")
    scene.end(*steps("Half of it."), {"type": "finish", "finishReason": "stop"})
    await client.ended(request)
    client.tool_result("c2", 2, autoContinue=True)
    follow = await stage.next()
    assert follow.turn.continuation
    follow.end("All of it.")
    await client.ended(follow.id)


async def test_3_8_a_sibling_that_never_answers_fails_after_its_time(
    stage: Stage, make_world: MakeWorld
) -> None:
    world = make_world(lifetimes={"tool_answer_s": 0.2, "idle_s": 0.05})
    client, other = await world.join("a"), await world.join("b")
    await call_tools(client, stage, tool_call("c1"), tool_call("c2"), *approval("c3"))
    client.tool_result("c1", 1, autoContinue=True)
    scene = await stage.next()
    assert scene.turn.continuation
    for tab in (client, other):
        await updated(tab, "c2", "output-error")
        await updated(tab, "c3", "output-error")
    last = scene.turn.messages[-1]
    assert part_of(last, "c1")["output"] == 1
    assert part_of(last, "c2")["errorText"] == "The tool did not answer within 0.2 seconds."
    client.tool_result("c2", "too late", autoContinue=True)
    await client.settled()
    scene.end("One of them.")
    await client.ended(scene.id)
    assert part_of((await world.messages())[1], "c2")["state"] == "output-error"
    assert len(stage.scenes) == 2


async def test_3_8_a_sibling_has_its_time_from_the_last_answer_on_and_none_where_nothing_is_to_go_on(
    stage: Stage, make_world: MakeWorld
) -> None:
    world = make_world(lifetimes={"tool_answer_s": 0.2})
    client = await world.join("a")
    await call_tools(client, stage, tool_call("c1"), tool_call("c2"))
    client.tool_result("c1", 1)  # no continuation is wanted, so nobody waits for the sibling
    other = await world.join("b", session="elsewhere")
    await call_tools(other, stage, tool_call("x"), tool_call("y"))
    other.tool_result("x", 1, autoContinue=True)
    (await stage.next()).end("given up in the meantime")
    await updated(other, "y", "output-error")
    assert part_of((await world.messages())[1], "c2")["state"] == "input-available"


async def test_3_8_a_cleared_conversation_fails_no_calls(stage: Stage, make_world: MakeWorld) -> None:
    world = make_world(lifetimes={"tool_answer_s": 0.1})
    client = await world.join("a")
    await call_tools(client, stage, tool_call("c1"), tool_call("c2"))
    client.tool_result("c1", 1, autoContinue=True)
    assert (await client.probe())["type"] == "cf_agent_stream_pending"
    client.clear()
    client.messages.clear()
    other = await world.join("b", session="elsewhere")
    await call_tools(other, stage, tool_call("x"), tool_call("y"))
    other.tool_result("x", 1, autoContinue=True)
    (await stage.next()).end("later than the other would have been")
    await updated(other, "y", "output-error")
    assert await world.texts() == []
    assert not [frame for frame in client.seen("cf_agent_message_updated") if "output-error" in str(frame)]


async def test_3_8_the_last_sibling_opens_the_barrier_also_when_it_asks_for_nothing_itself(
    world: World, stage: Stage
) -> None:
    client = await world.join("a")
    await call_tools(client, stage, tool_call("c1"), tool_call("c2"))
    client.tool_result("c1", 1, autoContinue=True)
    # Past the time in which results are gathered, by a turn that takes its time.
    other = await world.join("b", session="elsewhere")
    await call_tools(other, stage, tool_call("x"))
    other.tool_result("x", 1, autoContinue=True)
    (await stage.next()).end("elsewhere")
    client.tool_result("c2", None, state="output-error", autoContinue=False)
    scene = await stage.next()
    assert scene.turn.continuation
    scene.end("One of them.")
    await client.ended(scene.id)
