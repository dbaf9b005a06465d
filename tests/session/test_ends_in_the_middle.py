"""What ends while something else is under way: erasure, expiry, clear, stop, and a wake-up that fails."""

from __future__ import annotations

import asyncio
import gc
import json
import weakref
from collections.abc import AsyncIterator, Awaitable, Sequence

import pytest

from cutty_agent import Turn
from cutty_agent.clock import SystemClock
from cutty_agent.errors import StoreUnavailable
from cutty_agent.ids import Address
from cutty_agent.ports.passing import PassingStore
from cutty_agent.ports.store import AppendChunks, Op, PutMessage, PutState, SessionStore
from cutty_agent.session.actor import Actor
from cutty_agent.wire.principal import NOBODY, Principal
from session.harness import LateStore, MakeWorld, Scripted, World, eventually, user, within


class Shifted(SystemClock):
    """The time, and what somebody has put it forward by."""

    forward_ms = 0

    def now_ms(self) -> int:
        return super().now_ms() + self.forward_ms


class Failing(PassingStore):
    """Refuses commits from the moment somebody says so."""

    fails = False

    def commit(self, address: Address, epoch: int, ops: Sequence[Op], **when: int) -> Awaitable[None]:
        return self._refuse() if self.fails else super().commit(address, epoch, ops, **when)

    async def _refuse(self) -> None:
        raise StoreUnavailable("The disk is full.", remedy="Make room.")


def actor_of(world: World) -> Actor:
    actor = world.registry.slots[world.address()].actor
    assert actor is not None
    return actor


def body(text: str) -> bytes:
    return json.dumps({"messages": [user(f"u-{text}", text)]}).encode()


# -- what was set aside of a budget


def held(world: World) -> tuple[int, int]:
    account = world.registry.limiter._spending._total.find(None)
    assert account is not None
    return account.holds, account.held_tokens


async def test_a_cleared_turn_counts_what_it_has_used(make_world: MakeWorld, store: SessionStore) -> None:
    async def answer(self: Scripted, turn: Turn) -> AsyncIterator[str]:
        turn.usage.input_tokens += 400_000
        turn.usage.requests += 1
        yield "expensive"
        await asyncio.Event().wait()

    world = make_world(limits={"total_tokens_per_day": 300_000}, on_chat_message=answer)
    client = await world.join("a", who=Principal("user:anna"))
    request = client.ask("hi")
    await client.reads("expensive", request)
    client.clear()
    await client.ended(request)
    spent = await store.spent(day_ms=world.clock.now_ms(), owner="user:anna")
    assert spent.tokens == 400_000
    assert held(world) == (0, 0)
    refused = await client.ended(client.ask("again"))
    assert "tokens_per_day" in refused["body"]


async def test_nothing_stays_set_aside_for_a_turn_that_stalled(make_world: MakeWorld) -> None:
    world = make_world(limits={"total_tokens_per_day": 1_000_000}, stream_stall_timeout_ms=60)
    client = await world.join("a")
    client.ask("hi")
    (await world.stage.next()).say("part")
    (await world.stage.next()).end("done")
    await eventually(lambda: actor_of(world).runner.idle, "the end of both turns")
    assert held(world) == (0, 0)


async def test_nothing_stays_set_aside_for_an_answer_that_is_too_large(make_world: MakeWorld) -> None:
    world = make_world(limits={"total_tokens_per_day": 1_000_000, "message_bytes": 1024})
    client = await world.join("a")
    request = client.ask("hi")
    (await world.stage.next()).end(*["x" * 500] * 4)
    ended = await client.ended(request)
    assert "message_bytes" in ended["body"]
    assert held(world) == (0, 0)


async def test_nothing_stays_set_aside_for_a_session_that_is_loaded_anew(make_world: MakeWorld) -> None:
    world = make_world(limits={"total_tokens_per_day": 1_000_000})
    client = await world.join("a")
    client.ask("hi")
    (await world.stage.next()).say("x")
    await client.reads("x")
    actor = actor_of(world)
    actor.broken()
    await client.closed()
    await eventually(lambda: actor.runner._task is None, "the end of the turn")
    assert held(world) == (0, 0)


# -- erasure


async def test_a_session_erased_while_it_wakes_is_not_served(
    make_world: MakeWorld, store: SessionStore
) -> None:
    before = make_world()
    before.stage.auto = lambda turn: ["secret answer"]
    client = await before.join("a")
    await client.ended(client.ask("my secret"))
    client.leave()
    await before.registry.close(grace_s=1)
    started = asyncio.Event()

    async def slow(self: Scripted) -> None:
        started.set()
        await asyncio.Event().wait()

    world = make_world(on_start=slow)
    client = world.client("b").connect()
    await within(started.wait(), "the wake-up")
    asked = asyncio.ensure_future(world.gate.submit(world.address(), NOBODY, body("hi")))
    await asyncio.sleep(0)
    removed = await world.gate.delete(world.address())
    assert removed.sessions == 1
    code, reason = await client.closed()
    assert code == 4410
    assert "deleted" in reason
    with pytest.raises(Exception, match="deleted"):
        await within(asked, "the refusal")
    assert await store.card(world.address()) is None
    assert await world.texts() == []


# -- expiry


async def test_a_session_that_ends_as_somebody_comes_has_one_place(make_world: MakeWorld) -> None:
    clock = Shifted()
    world = make_world(clock=clock, lifetimes={"anonymous_s": 1000.0})
    world.stage.auto = lambda turn: ["ok"]
    answer = await world.gate.submit(world.address(), NOBODY, body("one"))
    async for _ in answer.bodies():
        pass
    clock.forward_ms = 2_000_000  # the machine was asleep: no timer has run
    world.stage.auto = None
    await world.gate.submit(world.address(), NOBODY, body("two"))
    assert await world.gate.resume(world.address(), NOBODY) is not None
    assert list(world.registry.awake) == [world.registry.slots[world.address()]]
    assert await world.gate.stop(world.address(), NOBODY, None)


async def test_a_socket_that_finds_its_session_ended_is_answered(make_world: MakeWorld) -> None:
    clock = Shifted()
    world = make_world(clock=clock, lifetimes={"anonymous_s": 1000.0})
    world.stage.auto = lambda turn: ["ok"]
    answer = await world.gate.submit(world.address(), NOBODY, body("one"))
    async for _ in answer.bodies():
        pass
    clock.forward_ms = 2_000_000
    client = await world.join("y")
    assert (await client.ended(client.ask("hello")))["outcome"] == "completed"
    client.leave()
    assert world.registry.sockets == 0


async def test_what_runs_on_does_not_bring_an_expired_session_back(
    make_world: MakeWorld, store: SessionStore
) -> None:
    clock, over = Shifted(), asyncio.Event()

    async def answer(self: Scripted, turn: Turn) -> AsyncIterator[str]:
        yield "secret"
        try:
            await asyncio.Event().wait()
        finally:
            try:
                await self.set_state({"left": True})
            finally:
                over.set()

    world = make_world(clock=clock, lifetimes={"anonymous_s": 100.0}, on_chat_message=answer)
    client = await world.join("a")
    client.ask("hi")
    await client.reads("secret")
    clock.forward_ms = 120_000
    world.registry.end_if_expired(world.registry.slots[world.address()])
    await within(over.wait(), "the handler's end")
    card = await store.card(world.address())
    assert card is None or card.expires_ms <= clock.now_ms()


# -- a wake-up that fails, and memory that is given up


async def test_a_session_that_cannot_start_counts_no_turns(make_world: MakeWorld) -> None:
    before = make_world()
    client = await before.join("a")
    client.ask("hi")
    await before.stage.next()
    await before.registry.close(grace_s=0)

    async def fails(self: Scripted) -> None:
        raise RuntimeError("the database is down")

    world = make_world(on_start=fails)
    for _ in range(3):
        client = world.client("b").connect()
        await client.closed()
        client.leave()
    assert world.registry.limiter._turns == 0


async def test_a_share_that_ends_one_day_keeps_no_session_in_memory(make_world: MakeWorld) -> None:
    world = make_world()
    client = await world.join("a")
    actor = actor_of(world)
    await actor.share(None, "read", for_s=30 * 86_400)
    gone = weakref.ref(actor.agent)
    actor.broken()
    client.leave()
    del actor

    def forgotten() -> bool:
        gc.collect()
        return gone() is None

    await eventually(forgotten, "the end of the session's memory")


async def test_who_follows_over_http_is_let_go_when_the_store_fails(
    make_world: MakeWorld, store: SessionStore
) -> None:
    failing = Failing(store)
    world = make_world(failing, stream_stall_timeout_ms=50)
    answer = await world.gate.submit(world.address(), NOBODY, body("one"))
    (await world.stage.next()).say("x")
    failing.fails = True

    async def follow() -> None:
        async for _ in answer.bodies():
            pass

    await within(follow(), "the end of the stream")
    ended = answer.ended()
    assert ended is not None
    assert ended.outcome == "recovering"
    failing.fails = False


# -- clear and stop


async def test_a_clear_during_the_takeover_of_a_stalled_turn_is_kept(
    make_world: MakeWorld, store: SessionStore
) -> None:
    late = LateStore(store)
    world = make_world(late, stream_stall_timeout_ms=100)
    client = await world.join("a")
    request = client.ask("hi")
    scene = await world.stage.next()
    scene.say("one ")
    await client.reads("one")
    runner = actor_of(world).runner
    running = runner.running
    assert running is not None
    late.hold(AppendChunks)
    scene.say("two ")  # its write takes longer than the handler may be silent
    await late.stuck()
    await eventually(lambda: running.stalled, "the stall")
    client.clear()
    await eventually(lambda: runner.queue.generation != running.ticket.generation, "the clear")
    late.release()
    assert (await client.ended(request))["outcome"] == "aborted"
    await client.settled()
    assert await world.texts() == []
    assert not any(turn.open for turn in await store.turns(world.address()))


@pytest.mark.parametrize("what", ["state", "messages"])
async def test_a_stop_during_a_write_of_the_handler_leaves_memory_and_store_alike(
    what: str, make_world: MakeWorld, store: SessionStore
) -> None:
    late = LateStore(store)

    async def answer(self: Scripted, turn: Turn) -> AsyncIterator[str]:
        if turn.text != "write":
            yield "said"
            return
        late.hold(PutState, PutMessage)
        if what == "state":
            await self.set_state({"paid": True})
        else:
            await self.save_messages([user("u-x", "follow up")])
        yield "written"

    world = make_world(late, on_chat_message=answer)
    client = await world.join("a")
    request = client.ask("write")
    await late.stuck()
    client.cancel(request)
    await client.settled()
    late.release()
    assert (await client.ended(request))["outcome"] == "aborted"
    actor = actor_of(world)
    await eventually(lambda: actor.runner.idle and not actor.working, "rest")
    if what == "state":
        assert actor.state == {"paid": True}
        assert await store.state(world.address()) == b'{"paid":true}'
        assert client.seen("cf_agent_state")
        return
    stored = await store.messages(world.address())
    assert stored is not None
    ids = [json.loads(message.body)["id"] for message in stored.messages]
    assert "u-x" in ids
    assert ids == [row.id for row in actor.transcript.rows]
    assert not any(turn.open for turn in await store.turns(world.address()))
    assert world.registry.limiter._turns == 0
