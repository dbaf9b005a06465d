"""Requests, results and stops in an order, or of a kind, that a well-behaved client rarely sends."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from cutty_agent import Turn
from cutty_agent.ports.store import SessionStore
from cutty_agent.wire.principal import NOBODY
from session.harness import (
    MakeWorld,
    Scripted,
    Stage,
    World,
    approval,
    call_tools,
    chat_request,
    part_of,
    tool_call,
    user,
)

# -- trimmed histories (protocol 3.11, Trim)


async def test_what_was_trimmed_does_not_come_back_out_of_order(make_world: MakeWorld) -> None:
    world = make_world(max_persisted_messages=3)
    world.stage.auto = lambda turn: [f"to {turn.text}"]
    client = await world.join("a")
    for number, text in enumerate(("one", "two", "three"), 1):
        await client.ended(client.ask(text))
        last = (await world.messages())[-1]
        client.messages.append(last)
        stored = await world.texts()
        assert stored[-2:] == [("user", text), ("assistant", f"to {text}")]
        assert len(stored) == min(3, 2 * number)
    assert await world.texts() == [("assistant", "to two"), ("user", "three"), ("assistant", "to three")]


async def test_a_trimmed_history_is_regenerated_at_its_end(make_world: MakeWorld) -> None:
    world = make_world(max_persisted_messages=3)
    world.stage.auto = lambda turn: [f"to {turn.text}"]
    client = await world.join("a")
    for text in ("one", "two", "three"):
        await client.ended(client.ask(text))
        client.messages.append((await world.messages())[-1])
    world.stage.auto = lambda turn: [f"again to {turn.text}"]
    client.send(
        chat_request("again", json.dumps({"messages": client.messages[:-1], "trigger": "regenerate-message"}))
    )
    await client.ended("again")
    assert (await world.texts())[-2:] == [("user", "three"), ("assistant", "again to three")]


# -- what is said about a call while the answer is written (protocol 3.7, 3.10)


@pytest.mark.parametrize("kind", ["result", "denial"])
async def test_what_was_said_in_the_middle_of_an_answer_survives_a_crash(
    kind: str, make_world: MakeWorld, durable: SessionStore
) -> None:
    world = make_world(durable)
    client = await world.join("a")
    client.ask("use your tools")
    scene = await world.stage.next()
    scene.say(*(approval("c1") if kind == "denial" else [tool_call("c1")]), "so ")
    await client.reads("so ")
    if kind == "denial":
        client.approve("c1", False)
    else:
        client.tool_result("c1", "noon")
    await client.settled()
    world.restarted()
    again = await world.join("a")
    message = (await world.messages())[1]
    part = part_of(message, "c1")
    if kind == "denial":
        assert part["state"] == "output-denied"
    else:
        assert (part["state"], part["output"]) == ("output-available", "noon")
    again.tool_result("c1", "something else")
    await again.settled()
    assert part_of((await world.messages())[1], "c1") == part


async def test_what_was_said_is_in_the_answer_and_not_in_the_record_at_its_end(
    world: World, stage: Stage, store: SessionStore
) -> None:
    client = await world.join("a")
    request = client.ask("use your tools")
    scene = await stage.next()
    scene.say(tool_call("c1"))
    await client.until(lambda frame: "c1" in str(frame.get("body")))
    client.tool_result("c1", "noon")
    await client.settled()
    scene.end("done")
    await client.ended(request)
    assert part_of((await world.messages())[1], "c1")["output"] == "noon"
    assert all(not turn.open and b"settled" not in turn.record for turn in await store.turns(world.address()))


# -- a cleared turn that takes its time to end (protocol 3.6)


async def test_a_cleared_turn_is_gone_while_its_handler_closes(make_world: MakeWorld) -> None:
    leave = asyncio.Event()

    async def answer(self: Scripted, turn: Turn) -> AsyncIterator[object]:
        yield tool_call("c1")
        yield "secret"
        try:
            await asyncio.Event().wait()
        finally:
            await leave.wait()

    world = make_world(on_chat_message=answer)
    client = await world.join("a")
    request = client.ask("hi")
    await client.reads("secret")
    client.clear()
    await client.settled()
    other = await world.join("b")
    assert not other.seen("cf_agent_stream_resuming")
    assert (await other.probe())["reason"] == "idle"
    other.ack(request)
    client.tool_result("c1", "noon", autoContinue=True)
    await client.settled()
    await other.settled()
    assert "secret" not in other.text()
    assert not client.seen("cf_agent_message_updated")
    assert await world.gate.resume(world.address(), NOBODY) is None
    leave.set()
    assert (await client.ended(request))["outcome"] == "aborted"
    late = await world.join("c")
    late.ack(request)
    await late.settled()
    assert "secret" not in late.text()
    assert await world.texts() == []


# -- half a character (JavaScript cuts text between the two halves of an emoji)


async def test_half_a_character_is_replaced(world: World, stage: Stage) -> None:
    stage.auto = lambda turn: ["half \ud83d", " and whole \U0001f600"]
    client = await world.join("a")
    client.send(chat_request("r", json.dumps({"messages": [user("u", "cut \ud83d")]})))
    ended = await client.ended("r")
    assert ended["outcome"] == "completed"
    assert await world.texts() == [("user", "cut �"), ("assistant", "half � and whole \U0001f600")]
    client.send(json.dumps({"type": "cf_agent_state", "state": {"text": "\udc00 \\ud83d \U0001f600"}}))
    await client.settled()
    (state,) = [slot.actor.state for slot in world.registry.slots.values() if slot.actor is not None]
    assert state == {"text": "� \\ud83d \U0001f600"}


# -- continuations


async def test_a_continuation_that_is_refused_says_so(make_world: MakeWorld) -> None:
    world = make_world(limits={"requests_per_minute": 1})
    client = await world.join("a")
    await call_tools(client, world.stage, tool_call("c1"))
    client.tool_result("c1", "noon", autoContinue=True)
    ended = await client.until(lambda frame: frame.get("done") and frame.get("error"), what="the refusal")
    assert ended["continuation"] is True
    assert "requests_per_minute" in ended["body"]
    assert (await client.probe())["reason"] == "idle"


async def test_an_open_sibling_keeps_what_is_wanted(make_world: MakeWorld) -> None:
    world = make_world(lifetimes={"idle_s": 0.2})
    client = await world.join("a")
    await call_tools(client, world.stage, tool_call("c1"), tool_call("c2"))
    client.tool_result("c1", "noon", autoContinue=True)
    await client.settled()
    slot = world.registry.slots[world.address()]
    swept = slot.actor
    for _ in range(3):
        world.registry._sweep()
    assert slot.actor is swept
    client.tool_result("c2", "midnight")
    scene = await world.stage.next()
    assert scene.turn.continuation
    scene.end("both")


async def test_a_continuation_belongs_to_the_request_that_ran(world: World, stage: Stage) -> None:
    client = await world.join("a")
    first = client.ask("use your tools", colour="red")
    scene = await stage.next()
    second = client.ask("never runs", colour="blue")
    await client.settled()
    client.cancel(second)
    await client.ended(second)
    scene.end(tool_call("c1"))
    await client.ended(first)
    client.tool_result("c1", "noon", autoContinue=True)
    scene = await stage.next()
    assert scene.turn.body == {"colour": "red"}
    scene.end("done")


@pytest.mark.parametrize("call", ["call_1", 'call "1"', "call\\1", "call\n1"])
async def test_a_call_is_found_by_its_whole_id(call: str, world: World, stage: Stage) -> None:
    client = await world.join("a")
    await call_tools(client, stage, tool_call(call))
    request = client.ask("more")
    (await stage.next()).end(f"I said {call} ", tool_call(call + "0"))
    await client.ended(request)
    client.tool_result(call, "noon")
    await client.settled()
    assert part_of((await world.messages())[1], call)["output"] == "noon"


# -- others' questions, and those who wait


async def test_a_regenerate_of_another_tab_leaves_the_running_question(world: World, stage: Stage) -> None:
    a = await world.join("a")
    first = a.ask("one")
    (await stage.next()).end("first")
    await a.ended(first)
    b = await world.join("b")
    question = user("u-a1", "one")
    running = a.ask("two")
    scene = await stage.next()
    b.send(chat_request("again", json.dumps({"messages": [question], "trigger": "regenerate-message"})))
    await b.settled()
    scene.end("second")
    await a.ended(running)
    (await stage.next()).end("anew")
    await b.ended("again")
    assert ("user", "two") in await world.texts()


@pytest.mark.parametrize("how", ["socket", "http"])
async def test_who_waits_for_a_stopped_turn_is_told_that_nothing_comes(
    how: str, make_world: MakeWorld
) -> None:
    world = make_world(message_concurrency={"strategy": "debounce", "debounceMs": 60_000})
    client = await world.join("a")
    first = client.ask("one")
    scene = await world.stage.next()
    second = client.ask("two")
    await client.settled()
    scene.end("done")
    await client.ended(first)
    other = await world.join("b")
    assert (await other.probe())["type"] == "cf_agent_stream_pending"
    if how == "socket":
        client.cancel(second)
    else:
        await world.gate.stop(world.address(), NOBODY, None)
    await client.ended(second)
    await other.until(lambda frame: frame["type"] == "cf_agent_stream_resume_none" and "probeId" not in frame)


async def test_a_request_sent_again_on_a_new_socket_gets_its_end_there(make_world: MakeWorld) -> None:
    world = make_world(message_concurrency="latest")
    other = await world.join("b")
    running = other.ask("long")
    scene = await world.stage.next()
    client = await world.join("a")
    waiting = client.ask("waits")
    await client.settled()
    client.leave()
    again = await world.join("a")
    again.request(waiting, client.messages)
    other.ask("newer")
    assert (await again.ended(waiting))["outcome"] == "skipped"
    scene.end("done")
    await other.ended(running)
    (await world.stage.next()).end("done")


async def test_all_other_keys_of_a_body_are_the_applications(world: World, stage: Stage) -> None:
    client = await world.join("a")
    for value in ("text", 42, None):
        request = client.ask("hi", id=None, messageId="m", colour="red")
        scene = await stage.next()
        assert scene.turn.body == {"messageId": "m", "colour": "red"}
        scene.end("ok")
        await client.ended(request)
        body = {"messages": client.messages, "trigger": "submit-message", "id": value}
        client.send(chat_request(f"with-{value}", json.dumps(body)))
        scene = await stage.next()
        assert scene.turn.body == {"id": value}
        scene.end("ok")
        await client.ended(f"with-{value}")
