"""A process that dies, and the one that comes after it (protocol 3.10; protocol 8, number 19)."""

from __future__ import annotations

import pytest

from cutty_agent.core.recovery import EXHAUSTED, Budget
from cutty_agent.ports.store import SessionStore
from session.harness import Client, MakeWorld, Stage, World, of, text_of, tool_call


async def cut_off(world: World, stage: Stage, *said: str, more: int = 0) -> tuple[Client, list[str]]:
    """A process that dies while it answers, with ``more`` requests waiting; the socket is gone with it."""
    client = await world.join("a")
    requests = [client.ask("question 0")]
    scene = await stage.next()
    scene.say(*said)
    if said:
        await client.reads(said[-1])
    requests += [client.ask(f"question {n + 1}") for n in range(more)]
    await client.settled()
    world.restarted()
    return client, requests


async def test_8_19_a_partial_answer_is_continued_and_appears_once(
    durable: SessionStore, stage: Stage, make_world: MakeWorld
) -> None:
    world = make_world(durable)
    client, (request,) = await cut_off(world, stage, "one ", "two ")
    await client.join()
    scene = await stage.next()
    assert scene.turn.continuation
    assert scene.id != request
    assert scene.texts == [("user", "question 0"), ("assistant", "one two ")]
    probe = await client.probe()
    assert probe["type"] in {"cf_agent_stream_pending", "cf_agent_stream_resuming"}
    assert client.seen("cf_agent_chat_recovering")[0]["recovering"] is True
    scene.say("three ")
    await client.until(of("cf_agent_stream_resuming"))
    client.ack(scene.id)
    await client.reads("three ")
    scene.end("four")
    end = await client.ended(scene.id)
    assert (end["outcome"], end["messageIds"]) == ("completed", ["u-a1"])
    assert client.text(scene.id) == "one two three four", "shown as one message"
    assert client.seen("cf_agent_chat_recovering")[-1]["recovering"] is False
    texts = [("user", "question 0"), ("assistant", "one two three four")]
    assert await world.texts() == texts
    late = await world.join("b")
    late.ack(request)
    assert (await late.ended(request))["outcome"] == "recovering"
    world.restarted()
    await world.registry.recover()
    assert await world.texts() == texts
    assert len(stage.scenes) == 2


async def test_8_19_a_turn_that_had_shown_nothing_runs_again_under_its_own_id(
    durable: SessionStore, stage: Stage, make_world: MakeWorld
) -> None:
    world = make_world(durable)
    _, (request,) = await cut_off(world, stage)
    await world.registry.recover()
    scene = await stage.next()
    assert (scene.id, scene.turn.continuation) == (request, False)
    client = await world.join("a")
    assert (await client.probe())["id"] == request
    scene.end("answer")
    await client.ended(request)
    assert await world.texts() == [("user", "question 0"), ("assistant", "answer")]


async def test_8_19_retry_forgets_the_partial_answer(
    durable: SessionStore, stage: Stage, make_world: MakeWorld
) -> None:
    world = make_world(durable, recovery="retry")
    _, (request,) = await cut_off(world, stage, "wrong ")
    await world.registry.recover()
    scene = await stage.next()
    assert scene.texts == [("user", "question 0")]
    assert scene.id != request
    scene.end("right")
    await stage.response(1)
    assert await world.texts() == [("user", "question 0"), ("assistant", "right")]


async def test_8_19_keep_ends_the_turn_with_what_there_was(
    durable: SessionStore, stage: Stage, make_world: MakeWorld
) -> None:
    world = make_world(durable, recovery="keep")
    client, (request,) = await cut_off(world, stage, "half")
    await world.registry.recover()
    assert await world.texts() == [("user", "question 0"), ("assistant", "half")]
    await client.join()
    assert (await client.probe())["reason"] == "idle"
    frame = await client.until(of("cf_agent_chat_messages"))
    assert frame["connect"] is True
    assert text_of(frame["messages"][-1]) == "half"
    client.ack(request)
    assert (await client.ended(request))["outcome"] == "aborted"
    assert len(stage.scenes) == 1


async def test_8_19_who_returns_before_the_server_has_looked_for_cut_off_turns_is_healed_too(
    durable: SessionStore, stage: Stage, make_world: MakeWorld
) -> None:
    world = make_world(durable, recovery="keep")
    client, _ = await cut_off(world, stage, "half")
    await client.join()
    assert (await client.probe())["reason"] == "idle"
    frame = await client.until(of("cf_agent_chat_messages"))
    assert text_of(frame["messages"][-1]) == "half"


async def test_8_19_a_spent_budget_ends_with_an_error_that_is_kept(
    durable: SessionStore, stage: Stage, make_world: MakeWorld
) -> None:
    world = make_world(durable, recovery_budget=Budget(interruptions=1))
    await cut_off(world, stage, "one ")
    await world.registry.recover()
    scene = await stage.next()
    scene.say("two ")
    client = await world.join("b")
    await client.until(of("cf_agent_stream_resuming"))
    world.restarted()
    await world.registry.recover()
    client = await world.join("c")
    assert (await client.probe())["id"] == scene.id
    client.ack(scene.id)
    end = await client.ended(scene.id)
    assert (end["error"], end["body"]) == (True, EXHAUSTED)
    assert await world.texts() == [("user", "question 0"), ("assistant", "one two ")]
    assert len(stage.scenes) == 2


async def test_8_19_a_turn_that_waits_for_the_visitor_is_parked(
    durable: SessionStore, stage: Stage, make_world: MakeWorld
) -> None:
    world = make_world(durable)
    client = await world.join("a")
    client.ask("use your tools")
    scene = await stage.next()
    scene.say("Wait. ", tool_call("c1"))
    await client.until(lambda frame: "tool-input-available" in frame.get("body", ""))
    world.restarted()
    await world.registry.recover()
    client = await world.join("b")
    assert (await client.probe())["reason"] == "idle"
    client.tool_result("c1", 1, autoContinue=True)
    scene = await stage.next()
    assert scene.turn.continuation
    scene.end("Thanks.")
    await client.ended(scene.id)
    assert await world.texts() == [("user", "use your tools"), ("assistant", "Wait. Thanks.")]


@pytest.mark.parametrize("crashes", [1, 2, 3])
async def test_8_19_queued_messages_keep_their_order_over_crashes(
    durable: SessionStore, stage: Stage, make_world: MakeWorld, crashes: int
) -> None:
    world = make_world(durable)
    await cut_off(world, stage, "answer 0", more=2)
    for n in range(crashes):
        await world.registry.recover()
        scene = await stage.next()
        assert scene.turn.continuation, "the turn that was cut off goes on before those that wait"
        if n < crashes - 1:
            scene.say(f" and {n}")
            client = await world.join(f"tab{n}")
            await client.until(of("cf_agent_stream_resuming"))
            world.restarted()
    scene.end(" end")
    for n in (1, 2):
        scene = await stage.next()
        assert scene.texts[-1] == ("user", f"question {n}")
        scene.end(f"answer {n}")
    await stage.response(3)
    texts = await world.texts()
    assert [role for role, _ in texts] == ["user", "assistant"] * 3
    assert [text for role, text in texts if role == "user"] == [f"question {n}" for n in range(3)]
    assert texts[1][1].startswith("answer 0")
    assert [texts[3][1], texts[5][1]] == ["answer 1", "answer 2"]
    assert [message["id"] for message in await world.messages()].__len__() == 6


async def test_8_19_two_recovered_turns_stay_distinct(
    durable: SessionStore, stage: Stage, make_world: MakeWorld
) -> None:
    world = make_world(durable)
    client = await world.join("a")
    client.ask("one")
    (await stage.next()).say("first ")
    await client.reads("first ")
    world.restarted()
    await world.registry.recover()
    (await stage.next()).end("whole")
    await stage.response(1)
    client = await world.join("b")
    client.messages = await world.messages()
    client.ask("two")
    (await stage.next()).say("second ")
    await client.reads("second ")
    world.restarted()
    await world.registry.recover()
    (await stage.next()).end("whole")
    await stage.response(2)
    messages = await world.messages()
    assert [text_of(message) for message in messages] == ["one", "first whole", "two", "second whole"]
    assert len({message["id"] for message in messages}) == 4


async def test_the_process_that_lost_the_session_disturbs_nobody(
    durable: SessionStore, stage: Stage, make_world: MakeWorld
) -> None:
    world = make_world(durable)
    old = await world.join("a")
    old.ask("question")
    lost = await stage.next()
    lost.say("one ")
    await old.reads("one ")
    world.restarted()
    new = await world.join("b")
    scene = await stage.next()
    lost.end("from the grave")
    code, _ = await old.closed()
    assert code == 1012
    assert old.ends() == [], "the turn goes on elsewhere: its end is not told here"
    scene.say("two")
    await new.until(of("cf_agent_stream_resuming"))
    scene.end()
    await new.ended(scene.id)
    assert await world.texts() == [("user", "question"), ("assistant", "one two")]


async def test_a_frame_to_a_session_that_is_served_elsewhere_closes_1012(
    durable: SessionStore, stage: Stage, make_world: MakeWorld
) -> None:
    world = make_world(durable)
    old = await world.join("a")
    world.restarted()
    new = await world.join("b")
    old.ask("too late")
    code, _ = await old.closed()
    assert code == 1012
    await new.settled()
    assert await world.texts() == []
    assert stage.scenes == []


async def test_a_turn_that_is_cancelled_while_it_is_recovered_ends_aborted(
    durable: SessionStore, stage: Stage, make_world: MakeWorld
) -> None:
    world = make_world(durable)
    await cut_off(world, stage, "half ")
    client = await world.join("a")
    scene = await stage.next()
    client.cancel(scene.id)
    assert (await client.ended(scene.id))["outcome"] == "aborted"
    assert await world.texts() == [("user", "question 0"), ("assistant", "half ")]


async def test_state_and_body_of_a_request_survive_a_crash(
    durable: SessionStore, stage: Stage, make_world: MakeWorld
) -> None:
    world = make_world(durable)
    client = await world.join("a")
    tools = [{"name": "getTime", "parameters": {}}]
    client.ask("question", clientTools=tools, colour="red")
    (await stage.next()).say("half")
    await client.reads("half")
    world.restarted()
    await world.registry.recover()
    scene = await stage.next()
    assert (scene.turn.body, scene.turn.client_tools) == ({"colour": "red"}, tools)
    scene.end()
