"""A store that fails at every moment: one end for each request, and a session that can be used afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from cutty_agent.engines.memory import MemoryStore
from cutty_agent.errors import StoreUnavailable
from cutty_agent.testing.faults import Fault, FaultyStore
from cutty_agent.wire.principal import NOBODY
from session.harness import Client, MakeWorld, Stage, World, echo, eventually, user

FAULTS = [Fault.REFUSED, Fault.UNANSWERED]


def nth(number: int, fault: Fault) -> Iterator[Fault | None]:
    yield from [None] * number
    yield fault


async def over(world: World, client: Client, request: str) -> None:
    """The request has ended, or the socket was closed without an end."""
    await client.peer.news.until(lambda: client.ends(request) or client.peer.closed, "an end or a close")


async def usable(world: World, stage: Stage) -> list[tuple[str, str]]:
    """A new question is answered, at the second try if the planned fault meets it; returns the transcript."""
    stage.auto = echo("fine")
    for attempt in ("later 1", "later 2", "later 3"):
        client = await world.join_or_not(attempt)
        if client is None:
            continue
        client.request(attempt, [user(attempt, "q")])
        await over(world, client, attempt)
        if any(end["outcome"] == "completed" for end in client.ends(attempt)):
            return await world.texts()
    raise AssertionError("the session is not usable")


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("at", range(6))
async def test_one_failing_commit_at_any_moment_of_a_turn(
    stage: Stage, make_world: MakeWorld, at: int, fault: Fault
) -> None:
    store = FaultyStore(MemoryStore(), nth(at, fault))
    world = make_world(store)
    client, other = await world.join("a"), await world.join("b")
    request = client.ask("hi")
    await eventually(lambda: stage.scenes or client.ends(request) or client.peer.closed, "a beginning")
    if stage.scenes:
        scene = await stage.next()
        for word in ("one ", "two ", "three "):
            scene.say(word)
            await asyncio.sleep(0)
        scene.end()
    await over(world, client, request)
    ends = client.ends(request)
    assert len(ends) <= 1
    assert ends or client.peer.closed
    told = ends[0]["outcome"] if ends else None
    texts = await usable(world, stage)
    assert len(client.ends(request)) <= 1
    answers = [text for role, text in texts if role == "assistant"]
    assert answers[-1] == "fine"
    if told == "completed":
        assert answers[0] == "one two three ", "what was acknowledged is there"
        assert other.text(request) == client.text(request) == "one two three "
    if told == "error":
        assert len(stage.scenes) <= 2, "a request whose client was told of a failure does not run again"
    assert texts.count(("user", "hi")) <= 1
    snapshot = await store.inner.claim(world.address(), owner=None, now_ms=0)
    assert not any(turn.open for turn in snapshot.turns)


@pytest.mark.parametrize("fault", FAULTS)
async def test_what_was_shown_stays_when_only_the_answer_cannot_be_stored(
    stage: Stage, make_world: MakeWorld, fault: Fault
) -> None:
    """As on a disk with room for a short record and not for the answer."""
    plan: list[Fault | None] = []
    store = FaultyStore(MemoryStore(), iter(lambda: plan.pop(0) if plan else None, object()))
    world = make_world(store)
    client = await world.join("a")
    request = client.ask("hi")
    (await stage.next()).say("shown ")
    await client.reads("shown ")
    plan.append(fault)
    client.cancel(request)
    await over(world, client, request)
    texts = await usable(world, stage)
    assert texts[:2] == [("user", "hi"), ("assistant", "shown ")]
    assert len(stage.scenes) <= 3, "it did not run again"


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("strategy", ["queue", "latest", "merge"])
@pytest.mark.parametrize("at", range(7))
async def test_one_failing_commit_among_queued_turns(
    stage: Stage, make_world: MakeWorld, at: int, fault: Fault, strategy: str
) -> None:
    stage.auto = echo("answer")
    store = FaultyStore(MemoryStore(), nth(at, fault))
    world = make_world(store, message_concurrency=strategy)
    client = await world.join("a")
    requests = [client.ask(text) for text in ("one", "two", "three")]
    for request in requests:
        await over(world, client, request)
    texts = await usable(world, stage)
    for request in requests:
        assert len(client.ends(request)) <= 1
        assert len([scene for scene in stage.scenes if scene.id == request]) <= 2
    users = [text for role, text in texts if role == "user"]
    for request, text in zip(requests, ("one", "two", "three"), strict=True):
        if any(end["outcome"] == "completed" for end in client.ends(request)):
            assert any(text in user for user in users), "what was acknowledged is there"
    snapshot = await store.inner.claim(world.address(), owner=None, now_ms=0)
    assert not any(turn.open for turn in snapshot.turns)


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("what", ["cancel", "clear", "set", "tool", "state"])
async def test_a_failing_commit_of_another_frame_reloads_the_session(
    stage: Stage, make_world: MakeWorld, what: str, fault: Fault
) -> None:
    plan: list[Fault | None] = []
    store = FaultyStore(MemoryStore(), iter(lambda: plan.pop(0) if plan else None, object()))
    world = make_world(store)
    client = await world.join("a")
    request = client.ask("hi")
    scene = await stage.next()
    queued = client.ask("queued")
    if what == "tool":
        client.cancel(queued)
        scene.end({"type": "tool-input-available", "toolCallId": "c1", "toolName": "t", "input": {}})
        await client.ended(request)
        await client.ended(queued)
    await client.settled()
    plan.append(fault)
    match what:
        case "cancel":
            client.cancel(queued)
        case "clear":
            client.clear()
        case "set":
            client.send(
                {
                    "type": "cf_agent_chat_messages",
                    "messages": [*client.messages, {**client.messages[0], "id": "n"}],
                }
            )
        case "tool":
            client.tool_result("c1", 1)
        case "state":
            client.send({"type": "cf_agent_state", "state": 1})
    code, _ = await client.closed()
    assert code == 1012
    texts = await usable(world, stage)
    assert texts[-1] == ("assistant", "fine")
    assert (("user", "hi") in texts) is not (what == "clear" and fault is Fault.UNANSWERED)
    fresh = await world.join("c")
    if what == "state":
        states = [frame["state"] for frame in fresh.seen("cf_agent_state")]
        assert states == ([1] if fault is Fault.UNANSWERED else [])


async def test_a_refused_request_over_http_is_an_error_and_does_not_run(
    stage: Stage, make_world: MakeWorld
) -> None:
    stage.auto = echo("fine")
    store = FaultyStore(MemoryStore(), nth(0, Fault.UNANSWERED))
    world = make_world(store)
    with pytest.raises(StoreUnavailable):
        await world.gate.submit(
            world.address(), NOBODY, b'{"messages":[{"id":"u","role":"user","parts":[]}]}'
        )
    texts = await usable(world, stage)
    assert len(stage.scenes) == 1
    assert texts[-1] == ("assistant", "fine")


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_claim_that_fails_closes_the_socket_and_the_next_one_works(
    stage: Stage, make_world: MakeWorld, fault: Fault
) -> None:
    world = make_world(FaultyStore(MemoryStore(), claims=nth(0, fault)))
    client = world.client("a").connect()
    code, _ = await client.closed()
    assert code == 1011
    client.leave()
    assert world.registry.slots == {}
    assert (await usable(world, stage))[-1] == ("assistant", "fine")


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("at", range(3))
async def test_a_commit_that_fails_during_recovery(
    stage: Stage, make_world: MakeWorld, at: int, fault: Fault
) -> None:
    inner = MemoryStore()
    world = make_world(inner)
    client = await world.join("a")
    client.ask("one")
    (await stage.next()).say("half ")
    await client.reads("half ")
    client.ask("two")
    await client.settled()
    world.store = FaultyStore(inner, nth(at, fault))
    world.restarted()
    stage.auto = echo("end")
    await world.registry.recover()
    for _ in range(3):
        if (await world.join_or_not("x")) is not None:
            break
    texts = await usable(world, stage)
    # A fault may also meet the answer to the second question, which is then lost; its client is told of that.
    lost = [role for role, _ in texts] == ["user", "assistant", "user", "user", "assistant"]
    assert lost or [role for role, _ in texts] == ["user", "assistant"] * 3
    if lost:
        tab = await world.join("told")
        tab.request("r-a2", [])
        assert (await tab.ended("r-a2"))["error"] is True
    assert texts[1][1].startswith("half ")
    assert texts[1][1].count("half ") == 1
