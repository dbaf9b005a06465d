"""A handler that gives nothing any more is taken over from, as after a crash (protocol 3.10)."""

from __future__ import annotations

import asyncio
import json
from types import SimpleNamespace
from typing import Any

import msgspec

from cutty_agent.core.recovery import EXHAUSTED, Budget
from cutty_agent.engines.memory import MemoryStore
from cutty_agent.ports.store import AppendChunks
from cutty_agent.session.followed import Answer
from cutty_agent.session.stalling import LOOKS, StallWatch
from cutty_agent.stream.live import HIGH_WATER
from cutty_agent.wire.principal import NOBODY
from session.harness import LateStore, MakeWorld, Stage, eventually, of, user

SOON_MS = 40


def body(text: str) -> bytes:
    return json.dumps({"messages": [user("u", text)]}).encode()


async def heard(answer: Answer) -> str:
    chunks = [msgspec.json.decode(each) for batch in [b async for b in answer.bodies()] for each in batch]
    return "".join(chunk.get("delta", "") for chunk in chunks)


async def test_a_stalled_answer_goes_on_under_a_new_id(stage: Stage, make_world: MakeWorld) -> None:
    world = make_world(MemoryStore(), stream_stall_timeout_ms=SOON_MS)
    client, other = await world.join("a"), await world.join("b")
    request = client.ask("one")
    waiting = other.ask("two")
    (await stage.next()).say("half ")
    end = await client.ended(request)
    assert (end["outcome"], end["messageIds"]) == ("recovering", ["u-a1"])
    frame = await client.until(of("cf_agent_chat_recovering"))
    assert frame["recovering"] is True
    scene = await stage.next()
    assert scene.turn.continuation
    assert scene.id != request
    scene.end("whole")
    await client.ended(scene.id)
    (await stage.next()).end("answer")
    await other.ended(waiting)
    assert [text for _, text in await world.texts()] == ["one", "half whole", "two", "answer"]
    assert client.seen("cf_agent_chat_recovering")[-1]["recovering"] is False


async def test_one_that_never_began_begins_again_under_its_own_id(
    stage: Stage, make_world: MakeWorld
) -> None:
    world = make_world(MemoryStore(), stream_stall_timeout_ms=SOON_MS, limits={"turns": 1})
    client = await world.join("a")
    request = client.ask("one")
    await stage.next()
    scene = await stage.next()
    assert scene.id == request
    scene.end("answer")
    assert (await client.ended(request))["outcome"] == "completed"
    assert len(client.ends(request)) == 1
    second = client.ask("two")
    (await stage.next()).end("answer")
    assert (await client.ended(second))["outcome"] == "completed", "the first is not counted any more"


async def test_who_follows_over_http_follows_on(stage: Stage, make_world: MakeWorld) -> None:
    world = make_world(MemoryStore(), stream_stall_timeout_ms=SOON_MS)
    submitting = asyncio.ensure_future(world.gate.submit(world.address(), NOBODY, body("one")))
    await stage.next()
    (await stage.next()).say("half ")
    reading = asyncio.ensure_future(heard(await submitting))
    (await stage.next()).end("whole")
    assert await reading == "half whole"
    ending = (await submitting).ended()
    assert ending is not None
    assert ending.outcome == "completed"


async def test_a_stall_that_comes_back_again_and_again_is_an_error(
    stage: Stage, make_world: MakeWorld
) -> None:
    world = make_world(
        MemoryStore(), stream_stall_timeout_ms=SOON_MS, recovery_budget=Budget(attempts=2, interruptions=2)
    )
    client = await world.join("a")
    request = client.ask("one")
    end = await client.ended(request)
    assert (end["error"], end["body"]) == (True, EXHAUSTED)
    assert len(stage.scenes) == 3
    client.ask("two")
    for _ in range(3):
        await stage.next()
    (await stage.next()).end("fine")
    await client.until(lambda frame: frame.get("outcome") == "completed")


async def test_with_keep_the_partial_answer_is_the_end(stage: Stage, make_world: MakeWorld) -> None:
    world = make_world(MemoryStore(), stream_stall_timeout_ms=SOON_MS, recovery="keep")
    client = await world.join("a")
    request = client.ask("one")
    (await stage.next()).say("half")
    assert (await client.ended(request))["outcome"] == "aborted"
    assert [text for _, text in await world.texts()] == ["one", "half"]
    assert client.seen("cf_agent_chat_recovering") == []


async def test_a_clear_and_a_stop_end_what_would_go_on(stage: Stage, make_world: MakeWorld) -> None:
    for act in ("clear", "cancel"):
        store = LateStore(MemoryStore())
        world = make_world(store, stream_stall_timeout_ms=SOON_MS)
        client = await world.join("a")
        request = client.ask("one")
        (await stage.next()).say("half ")
        await client.reads("half ")
        store.holds = lambda ops: len(ops) > 2  # what keeps the answer and opens the next turn
        await store.stuck()
        actor = world.registry.slot(world.address()).actor
        assert actor is not None
        runner, running = actor.runner, actor.runner.running
        assert running is not None
        if act == "clear":
            client.clear()
            await eventually(lambda r=runner: r.queue.generation == 1, "the clear")
        else:
            client.cancel(request)
            await eventually(lambda r=running: r.stopped, "the stop")
        store.release()
        await client.ended(request)
        await client.settled()
        second = client.ask("two", id=f"second-{act}")
        scene = await stage.next()
        assert scene.id == second, act
        scene.end("answer")
        await client.ended(second)


async def test_waiting_for_the_store_is_no_stall(stage: Stage, make_world: MakeWorld) -> None:
    store = LateStore(MemoryStore())
    world = make_world(store, stream_stall_timeout_ms=SOON_MS)
    client = await world.join("a")
    request = client.ask("one")
    scene = await stage.next()
    store.hold(AppendChunks)
    scene.say("first ")
    await store.stuck()
    for _ in range(2 * HIGH_WATER):
        scene.say("w ")
    other = await world.join("b", session="elsewhere")
    await stall_elsewhere(other, stage)
    store.release()
    scene.end()
    assert (await client.ended(request))["outcome"] == "completed"


async def stall_elsewhere(client: Any, stage: Stage) -> None:
    """Two stalls of another session: more time than the first one has."""
    request = client.ask("elsewhere")
    await stage.next()
    await stage.next()
    (await stage.next()).end("answer")
    await client.ended(request)


async def test_only_looks_without_anything_new_count() -> None:
    stream = SimpleNamespace(made=0, backlog=0)
    running: Any = SimpleNamespace(interrupted=False, producing=True, stalled=False, stream=stream)
    interrupted: list[bool] = []
    watch = StallWatch(running, 1000.0, lambda: interrupted.append(True))
    watch._look()
    for _ in range(3 * LOOKS):
        for _ in range(LOOKS - 1):
            watch._look()
        stream.made += 1
        watch._look()
    assert not interrupted
    for _ in range(LOOKS):
        watch._look()
    assert interrupted == [True]
    assert running.stalled
    watch.end()
