"""Sessions end: out of reach in that moment, wound up by their agent, then removed."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from cutty_agent.errors import SessionExpired
from cutty_agent.ids import Address
from cutty_agent.ports.store import Lifetime, SessionStore
from cutty_agent.wire.principal import NOBODY, Principal
from session.harness import Client, MakeWorld, Stage, World, eventually

DAY_MS = 86_400_000
ANNA = "user:anna"


class Calendar:
    """A clock of which the test turns the hands; durations run by themselves."""

    def __init__(self) -> None:
        self.ms = 1_790_000_000_000

    def now_ms(self) -> int:
        return self.ms

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()

    def days(self, count: float) -> None:
        self.ms += round(count * DAY_MS)


@pytest.fixture
def calendar() -> Calendar:
    return Calendar()


async def talked(world: World, stage: Stage, text: str, **kwargs: Any) -> Client:
    """A client that has had one answered turn."""
    stage.auto = lambda turn: ["answer to ", turn.text]
    client = await world.join("a", **kwargs)
    await client.ended(client.ask(text))
    return client


async def rows(world: World, session: str = "s") -> int:
    stored = await world.store.messages(world.address(session))
    return 0 if stored is None else len(stored.messages)


async def test_an_expired_session_is_out_of_reach_although_its_rows_are_there(
    make_world: MakeWorld, durable: SessionStore, stage: Stage, calendar: Calendar
) -> None:
    world = make_world(durable, lifetimes={"anonymous_s": 10 * 86_400}, clock=calendar)
    client = await talked(world, stage, "secret")
    calendar.days(9.9)
    assert len(await world.messages()) == 2
    calendar.days(0.2)
    assert await world.messages() == []
    assert await rows(world) == 2
    assert await world.gate.resume(world.address(), NOBODY) is None
    assert await rows(world) == 2
    client.send({"type": "cf_agent_stream_resume_request", "probeId": "p"})
    assert (await client.closed())[0] == 4410
    client.leave()
    assert await rows(world) == 2
    fresh = await world.join("b")
    await fresh.settled()
    assert await rows(world) == 0
    assert "secret" not in json.dumps(fresh.frames)
    assert await world.messages() == []


async def test_activity_puts_the_end_off_and_the_greatest_age_does_not_move(
    make_world: MakeWorld, store: SessionStore, stage: Stage, calendar: Calendar
) -> None:
    world = make_world(lifetimes={"anonymous_s": 86_400, "max_age_s": 2.5 * 86_400}, clock=calendar)
    client = await talked(world, stage, "one")
    for number in range(2):
        calendar.days(0.9)
        await client.ended(client.ask(f"more {number}"))
    card = await store.card(world.address())
    assert card is not None
    assert card.expires_ms == card.created_ms + round(2.5 * DAY_MS)
    calendar.days(0.8)
    assert await world.messages() == []


async def test_signed_in_and_anonymous_sessions_live_differently_and_agents_may_differ(
    make_world: MakeWorld, store: SessionStore, stage: Stage, calendar: Calendar
) -> None:
    world = make_world(lifetimes={"anonymous_s": 1.0, "signed_in_s": 2.0}, clock=calendar)
    world.agent.lifetimes = {"max_age_s": 1.5}  # type: ignore[attr-defined]
    await talked(world, stage, "hi", who="visitor:v")
    await talked(world, stage, "hi", who=ANNA, session="t")
    ends = [await store.card(world.address(name)) for name in ("s", "t")]
    assert [card.expires_ms - card.created_ms for card in ends if card] == [1000, 1500]


async def test_an_open_window_of_a_session_that_expires_is_closed_for_good(
    make_world: MakeWorld, stage: Stage
) -> None:
    world = make_world(lifetimes={"max_age_s": 0.2})
    client = await world.join("a")
    assert (await client.closed())[0] == 4410
    await eventually(
        lambda: client.peer.closed and world.address() in world.registry.slots, "the socket's end"
    )
    client.leave()
    assert world.address() not in world.registry.slots


async def test_the_agent_winds_up_before_anything_is_removed(
    make_world: MakeWorld, durable: SessionStore, stage: Stage, calendar: Calendar
) -> None:
    archived: list[tuple[str, list[str]]] = []
    failing = True

    async def on_expire(self: Any) -> None:
        if failing:
            raise OSError("the archive is away")
        archived.append((self.session.session, [message["parts"][-1]["text"] for message in self.messages]))
        await self.set_state({"too": "late"})

    world = make_world(durable, lifetimes={"anonymous_s": 60}, clock=calendar, on_expire=on_expire)
    for name in ("s", "t"):
        client = await talked(world, stage, f"hello {name}", session=name)
        client.leave()
        world.registry.end(world.registry.slot(world.address(name)), 1012, "asleep")
    calendar.days(1)
    removed = await world.registry.sweeper.sweep()
    assert (removed.sessions, world.registry.sweeper.swept.waiting) == (0, 2)
    assert await rows(world) == 2
    stranger = world.client("late").connect()
    assert (await stranger.closed())[0] == SessionExpired.close_code
    stranger.leave()
    failing = False
    removed = await world.registry.sweeper.sweep()
    assert (removed.sessions, removed.messages) == (2, 4)
    assert sorted(archived) == [
        ("s", ["hello s", "answer to hello s"]),
        ("t", ["hello t", "answer to hello t"]),
    ]
    assert await durable.card(world.address()) is None


async def test_the_sweeper_takes_what_has_expired_and_nothing_else(
    make_world: MakeWorld, durable: SessionStore, stage: Stage, calendar: Calendar
) -> None:
    world = make_world(durable, lifetimes={"anonymous_s": 60}, clock=calendar)
    for number in range(250):
        await durable.claim(
            Address("chat", f"old-{number}"), owner="", now_ms=calendar.ms, lifetime=Lifetime(idle_ms=60_000)
        )
    calendar.days(1)
    await talked(world, stage, "alive")
    removed = await world.registry.sweeper.sweep()
    assert removed.sessions == 250
    assert world.registry.sweeper.swept.sessions == 250
    assert len(await world.messages()) == 2


async def test_an_operator_ends_a_session_now(
    make_world: MakeWorld, durable: SessionStore, stage: Stage
) -> None:
    world = make_world(durable)
    client = await talked(world, stage, "hello")
    await world.gate.expire(world.address())
    assert (await client.closed())[0] == 4410
    assert await durable.card(world.address()) is None


async def test_who_comes_back_after_the_end_begins_anew_and_others_may_too(
    make_world: MakeWorld, durable: SessionStore, stage: Stage, calendar: Calendar
) -> None:
    world = make_world(durable, lifetimes={"signed_in_s": 60}, clock=calendar)
    client = await talked(world, stage, "mine", who=ANNA)
    refused = world.client("b", who="user:bob").connect()
    assert (await refused.closed())[0] == 4404
    calendar.days(1)
    for each in (client, refused):
        each.leave()
    bob = await world.join("b", who="user:bob")
    await bob.settled()
    card = await durable.card(world.address())
    assert card is not None
    assert card.owner == "user:bob"
    stored = await world.gate.messages(world.address(), Principal("user:bob"))
    assert stored == b"[]"
    assert not bob.peer.closed
