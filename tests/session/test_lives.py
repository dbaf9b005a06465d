"""Sleep, HTTP beside sockets, and the end of a server."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import msgspec
import pytest
from starlette.requests import Request
from starlette.responses import Response

from cutty_agent.agent.base import rpc
from cutty_agent.agent.chat import ChatAgent
from cutty_agent.engines.memory import MemoryStore
from cutty_agent.errors import BadRequest, Busy, ShuttingDown, UnknownAgent
from cutty_agent.ids import Address
from cutty_agent.ports.identity import Identified
from cutty_agent.ports.store import PutTurn, SessionStore
from cutty_agent.session.followed import Answer
from cutty_agent.wire.principal import NOBODY
from session.harness import LateStore, MakeWorld, Scripted, Stage, World, echo, eventually, of, text_of, user


def body(*messages: Any, **extra: Any) -> bytes:
    return json.dumps({"messages": messages, **extra}).encode()


async def heard(answer: Answer) -> str:
    """The text of an answer followed over HTTP."""
    chunks = [msgspec.json.decode(each) for batch in [b async for b in answer.bodies()] for each in batch]
    return "".join(chunk.get("delta", "") for chunk in chunks)


async def test_a_session_sleeps_with_its_sockets_and_wakes_at_the_next_frame(
    durable: SessionStore, stage: Stage, make_world: MakeWorld
) -> None:
    stage.auto = echo("answer")
    world = make_world(durable, lifetimes={"idle_s": 0.05})
    client, other = await world.join("a"), await world.join("b")
    client.send({"type": "cf_agent_state", "state": {"n": 1}})
    await client.ended(client.ask("one"))
    await world.asleep()
    assert client.peer.closed is None
    request = client.ask("two")
    await other.ended(request)
    assert other.text(request) == "answer"
    assert [text for _, text in await world.texts()] == ["one", "answer", "two", "answer"]
    await world.asleep()
    assert [text for _, text in await world.texts()] == ["one", "answer", "two", "answer"]
    client.leave()
    other.leave()
    assert world.registry.slots == {}


async def test_a_session_does_not_sleep_while_a_turn_runs(stage: Stage, make_world: MakeWorld) -> None:
    world = make_world(lifetimes={"idle_s": 0.05})
    client = await world.join("a")
    request = client.ask("one")
    scene = await stage.next()
    neighbour = await world.join("b", session="elsewhere")
    await world.asleep("elsewhere")
    await neighbour.settled()
    await world.asleep("elsewhere")
    assert world.registry.slots[world.address()].actor is not None
    client.leave()
    scene.end("answer")
    await stage.response(1)
    await world.asleep()
    assert await world.texts() == [("user", "one"), ("assistant", "answer")]
    assert request == "r-a1"


async def test_http_turns_show_live_on_sockets(world: World, stage: Stage) -> None:
    client = await world.join("a")
    submitting = asyncio.ensure_future(world.gate.submit(world.address(), NOBODY, body(user("u1", "hi"))))
    scene = await stage.next()
    answer = await submitting
    assert answer.request_id == scene.id
    scene.say("one ")
    await client.reads("one ", scene.id)
    resumed = await world.gate.resume(world.address(), NOBODY)
    assert resumed is not None
    following = [asyncio.ensure_future(heard(each)) for each in (answer, resumed)]
    scene.end("two")
    await client.ended(scene.id)
    assert [await each for each in following] == ["one two", "one two"]
    assert answer.ended() is not None
    assert client.transcripts()[0] == [("user", "hi")]
    assert client.transcripts()[-1] == [("user", "hi"), ("assistant", "one two")]
    assert await world.gate.resume(world.address(), NOBODY) is None


async def test_socket_turns_can_be_followed_and_stopped_over_http(world: World, stage: Stage) -> None:
    client = await world.join("a")
    request = client.ask("hi")
    scene = await stage.next()
    resuming = asyncio.ensure_future(world.gate.resume(world.address(), NOBODY))
    scene.say("half")
    answer = await resuming
    assert answer is not None
    following = asyncio.ensure_future(heard(answer))
    await client.reads("half")
    assert await world.gate.stop(world.address(), NOBODY, request) is True
    assert await following == "half"
    ended = answer.ended()
    assert ended is not None
    assert ended.outcome == "aborted"
    assert (await client.ended(request))["outcome"] == "aborted"


async def test_http_takes_one_message_and_keeps_the_rest(world: World, stage: Stage) -> None:
    stage.auto = echo("answer")
    await heard(await world.gate.submit(world.address(), NOBODY, body(user("u1", "one"))))
    one = json.dumps({"message": user("u2", "two"), "id": "chat", "colour": "red"}).encode()
    await heard(await world.gate.submit(world.address(), NOBODY, one))
    assert [text for _, text in await world.texts()] == ["one", "answer", "two", "answer"]
    assert stage.scenes[-1].turn.body == {"colour": "red"}


async def test_http_is_told_what_is_wrong(stage: Stage, make_world: MakeWorld) -> None:
    world = make_world(limits={"queued_turns": 1, "sockets": 2, "sockets_per_session": 1})
    with pytest.raises(BadRequest, match="messages"):
        await world.gate.submit(world.address(), NOBODY, b"{}")
    with pytest.raises(BadRequest, match="not valid"):
        await world.gate.submit(world.address(), NOBODY, b"\xff")
    with pytest.raises(UnknownAgent, match="Known agents: chat"):
        await world.gate.submit(Address("nope", "s"), NOBODY, body())
    tasks = [asyncio.ensure_future(world.gate.submit(world.address(), NOBODY, body(user("u0", "q"))))]
    await stage.next()
    tasks.append(asyncio.ensure_future(world.gate.submit(world.address(), NOBODY, body(user("u1", "q")))))
    runner = world.registry.slots[world.address()].actor.runner  # type: ignore[union-attr]
    await eventually(lambda: runner.queue.waiting, "a waiting turn")
    with pytest.raises(Busy, match=r"limits\.queued_turns is 1"):
        await world.gate.submit(world.address(), NOBODY, body(user("u2", "q")))
    await world.join("a")
    second = world.client("b").connect()
    code, reason = second.peer.closed or (0, "")
    assert code == 1013
    assert "limits.sockets_per_session is 1" in reason
    second.leave()
    await world.join("b", session="t")
    with pytest.raises(Busy, match=r"limits\.sockets is 2"):
        world.client("c", session="u").connect()
    for scene in stage.scenes:
        scene.end()
    await tasks[0]
    (await stage.next()).end()
    await tasks[1]


async def test_a_dropped_http_request_ends_at_once(stage: Stage, make_world: MakeWorld) -> None:
    world = make_world(message_concurrency="drop")
    client = await world.join("a")
    client.ask("one")
    scene = await stage.next()
    answer = await world.gate.submit(world.address(), NOBODY, body(user("u9", "two")))
    assert await heard(answer) == ""
    ended = answer.ended()
    assert ended is not None
    assert ended.outcome == "skipped"
    scene.end()
    await client.ended("r-a1")


async def test_a_deleted_session_closes_its_sockets_for_good_and_is_forgotten(
    durable: SessionStore, stage: Stage, make_world: MakeWorld
) -> None:
    world = make_world(durable)
    client = await world.join("a")
    client.ask("one")
    (await stage.next()).say("half")
    await client.reads("half")
    assert (await world.gate.delete(world.address())).sessions == 1
    assert (await client.closed())[0] == 4410
    client.leave()
    assert await world.messages() == []
    assert (await world.gate.delete(world.address())).sessions == 0
    assert world.registry.slots == {}
    await world.join("b")
    assert await world.texts() == []


async def test_shutdown_lets_a_turn_finish_within_its_grace(
    durable: SessionStore, stage: Stage, make_world: MakeWorld
) -> None:
    world = make_world(durable)
    client = await world.join("a")
    client.ask("one")
    scene = await stage.next()
    scene.say("half ")
    await client.reads("half ")
    closing = asyncio.ensure_future(world.registry.close(grace_s=4))
    assert (await client.closed())[0] == 1012
    with pytest.raises(ShuttingDown):
        await world.gate.submit(world.address(), NOBODY, body())
    with pytest.raises(ShuttingDown):
        world.client("b").connect()
    scene.end("whole")
    await closing
    stored = await durable.messages(world.address())
    assert stored is not None
    assert b"half whole" in stored.messages[1].body
    assert await durable.interrupted() == []


async def test_shutdown_parks_what_does_not_finish_and_the_next_server_goes_on(
    durable: SessionStore, stage: Stage, make_world: MakeWorld
) -> None:
    world = make_world(durable)
    client = await world.join("a")
    client.ask("one")
    scene = await stage.next()
    waiting = asyncio.ensure_future(world.gate.submit(world.address(), NOBODY, body(user("u-http", "two"))))
    following = asyncio.ensure_future(world.gate.resume(world.address(), NOBODY))
    scene.say("half ")
    await client.reads("half ")
    answer = await following
    assert answer is not None
    reading = asyncio.ensure_future(heard(answer))
    await world.registry.close(grace_s=0)
    assert scene.left
    assert await reading == "half ", "who follows over HTTP is let go"
    queued = (await waiting).ended()
    assert queued is not None
    assert queued.outcome == "recovering"
    assert client.ends() == [], "the turn has not ended"
    world.restarted()
    await world.registry.recover()
    scene = await stage.next()
    assert scene.turn.continuation
    scene.end("whole")
    (await stage.next()).end("second")
    await stage.response(2)
    assert [text for _, text in await world.texts()] == ["one", "half whole", "two", "second"]


async def test_a_client_that_returns_after_a_restart_is_healed(
    durable: SessionStore, stage: Stage, make_world: MakeWorld
) -> None:
    world = make_world(durable)
    client = await world.join("a")
    client.ask("one")
    (await stage.next()).say("half ")
    await client.reads("half ")
    await world.registry.close(grace_s=0)
    client.leave()
    world.restarted()
    stage.auto = echo("whole")
    await world.registry.recover()
    await stage.response(1)
    await client.join()
    assert (await client.probe())["reason"] == "idle"
    frame = await client.until(of("cf_agent_chat_messages"))
    assert frame["connect"] is True
    assert text_of(frame["messages"][-1]) == "half whole"


async def test_a_session_does_not_sleep_while_a_request_is_being_stored(
    stage: Stage, make_world: MakeWorld
) -> None:
    store = LateStore(MemoryStore())
    world = make_world(store, lifetimes={"idle_s": 0.05})
    store.hold(PutTurn)
    submitting = asyncio.ensure_future(world.gate.submit(world.address(), NOBODY, body(user("u", "hi"))))
    await store.stuck()
    await world.join("b", session="elsewhere")
    await world.asleep("elsewhere")
    store.release()
    (await stage.next()).end("answer")
    await heard(await submitting)
    assert await world.texts() == [("user", "hi"), ("assistant", "answer")]


async def test_a_session_does_not_sleep_while_a_stop_is_being_stored(
    stage: Stage, make_world: MakeWorld
) -> None:
    """Whoever waits for the stopped turn over HTTP is told, however slow the store is."""
    store = LateStore(MemoryStore())
    world = make_world(store, lifetimes={"idle_s": 0.05})
    client = await world.join("a")
    client.ask("one")
    await stage.next()
    submitting = asyncio.ensure_future(world.gate.submit(world.address(), NOBODY, body(user("u", "two"))))
    actor = world.registry.slot(world.address()).actor
    assert actor is not None
    await eventually(lambda: len(actor.runner.queue.waiting) == 1, "the second turn in the queue")
    store.holds = lambda ops: [type(op) for op in ops] == [PutTurn]  # the end of a turn that never ran
    stopping = asyncio.ensure_future(world.gate.stop(world.address(), NOBODY, None))
    await store.stuck()
    await eventually(lambda: actor.runner.idle, "the end of the first turn")
    await world.join("b", session="elsewhere")
    await world.asleep("elsewhere")
    store.release()
    assert await stopping
    ending = (await submitting).ended()
    assert ending is not None
    assert ending.outcome == "aborted"


async def test_a_session_does_not_sleep_while_its_agent_answers_a_request(
    stage: Stage, make_world: MakeWorld
) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def on_request(agent: ChatAgent, request: Request) -> Response:
        begun.set()
        await go_on.wait()
        return Response(agent.session.session)

    world = make_world(MemoryStore(), lifetimes={"idle_s": 0.05}, on_request=on_request)
    request = Request({"type": "http", "method": "GET", "path": "/", "headers": [], "query_string": b""})
    asking = asyncio.ensure_future(world.gate.request(world.address(), NOBODY, request))
    await begun.wait()
    await world.join("b", session="elsewhere")
    await world.asleep("elsewhere")
    go_on.set()
    answer = await asking
    assert answer is not None
    assert answer.body == b"s"


@pytest.mark.parametrize("known", ["awake", "asleep", "new"])
async def test_what_a_client_sent_before_it_left_counts(
    stage: Stage, make_world: MakeWorld, known: str
) -> None:
    stage.auto = echo("answer")
    world = make_world(lifetimes={"idle_s": 0.05 if known == "asleep" else 600.0})
    client = world.client("a")
    if known == "new":
        client.connect()
    else:
        await client.join()
    if known == "asleep":
        await world.asleep()
    client.ask("one")
    client.leave()
    await stage.response(1)
    assert await world.texts() == [("user", "one"), ("assistant", "answer")]
    assert world.registry.slots[world.address()].connections == []
    assert world.registry.sockets == 0
    client.connect()
    await client.until(of("cf_agent_chat_messages"))
    assert client.transcripts()[-1] == [("user", "one"), ("assistant", "answer")]


@pytest.mark.parametrize("sends", [True, False])
async def test_what_was_sent_by_a_client_that_left_before_it_was_identified_counts(
    world: World, stage: Stage, sends: bool
) -> None:
    stage.auto = echo("answer")
    identifying: asyncio.Future[Identified] = asyncio.get_running_loop().create_future()
    client = world.client("a")
    client.opening = msgspec.structs.replace(client.opening, identifying=identifying)
    client.connect()
    await asyncio.sleep(0)
    if sends:
        client.ask("one")
    client.leave()
    if sends:
        identifying.set_result(Identified(NOBODY))
        await stage.response(1)
        assert await world.texts() == [("user", "one"), ("assistant", "answer")]
    else:
        await eventually(identifying.cancelled, "the end of a question nobody asks any more")
    assert world.registry.sockets == 0


async def test_sockets_of_which_nobody_knows_who_it_is_count(make_world: MakeWorld) -> None:
    world = make_world(limits={"sockets": 2})
    clients = []
    for label in "abc":
        client = world.client(label)
        identifying: asyncio.Future[Identified] = asyncio.get_running_loop().create_future()
        client.opening = msgspec.structs.replace(client.opening, identifying=identifying)
        if label == "c":
            with pytest.raises(Busy, match=r"limits\.sockets is 2"):
                client.connect()
        else:
            clients.append(client.connect())
    for client in clients:
        client.leave()
    await eventually(lambda: world.registry.unidentified == 0, "the end of both")
    assert (await world.join("d")).peer.closed is None


@pytest.mark.parametrize("frame", ["app", "binary", "rpc"])
async def test_what_the_agent_has_not_dealt_with_waits_as_well(frame: str, make_world: MakeWorld) -> None:
    hold = asyncio.Event()

    async def waits(self: Scripted, *_: object) -> None:
        await hold.wait()

    world = make_world(limits={"early_frames": 5}, on_message=waits, here=rpc(waits))
    client = await world.join("a")
    for _ in range(20):
        if frame == "binary":
            assert client.link is not None
            client.link.receive_binary(b"x")
        elif frame == "app":
            client.send({"type": "mine"})
        else:
            client.send({"type": "rpc", "id": "1", "method": "here", "args": []})
        await asyncio.sleep(0)
    code, reason = await client.closed()
    assert code == 1013
    assert "limits.early_frames" in reason
    hold.set()


async def test_bytes_that_wait_are_bounded(make_world: MakeWorld) -> None:
    go = asyncio.Event()

    async def slow(self: Scripted) -> None:
        await go.wait()

    world = make_world(limits={"frame_bytes": 1024}, on_start=slow)
    client = world.client("a").connect()
    for _ in range(3):
        client.send(json.dumps({"type": "mine", "text": "x" * 900}))
    code, reason = await client.closed()
    assert code == 1013
    assert "limits.frame_bytes" in reason
    go.set()


async def test_what_a_client_sent_before_it_was_closed_from_here_does_not_count(
    world: World, stage: Stage
) -> None:
    client = await world.join("a")
    client.ask("one")
    (conn,) = world.registry.slots[world.address()].connections
    conn.close(4401, "The sign-in was revoked")
    client.leave()
    other = await world.join("b")
    await other.settled()
    assert await world.texts() == []
    assert stage.scenes == []
