"""Refusals of a session: which limit, its value, when to try again; and nothing of the refused stays."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from cutty_agent.agent.turn import Turn
from cutty_agent.errors import LimitReached, SessionParked
from cutty_agent.ports.store import SessionStore
from cutty_agent.wire.principal import Principal
from session.harness import MakeWorld, Stage, user

ANNA = Principal("user:anna")


async def test_too_many_turns_are_refused_with_the_time_to_wait(make_world: MakeWorld, stage: Stage) -> None:
    world = make_world(limits={"requests_per_minute": 2})
    stage.auto = lambda turn: ["answer"]
    client = await world.join("a")
    for text in ("one", "two"):
        assert "error" not in await client.ended(client.ask(text))
    end = await client.ended(client.ask("three"))
    assert end["error"] is True
    assert "limits.requests_per_minute is 2. Try again in " in end["body"]
    assert [text for role, text in await world.texts() if role == "user"] == ["one", "two"]
    other = await world.join("b", session="t")
    assert "error" not in await other.ended(other.ask("mine"))


async def test_a_flood_of_frames_closes_the_socket_and_it_may_come_back(
    make_world: MakeWorld, stage: Stage
) -> None:
    world = make_world(limits={"frames_burst": 20, "frames_per_second": 1})
    client = await world.join("a")
    for number in range(21):
        client.send({"type": "own", "number": number})
    code, reason = await client.closed()
    assert code == 1013
    assert "limits.frames_per_second is 1" in reason
    client.leave()


async def test_sockets_are_counted_by_caller_and_given_back(make_world: MakeWorld) -> None:
    world = make_world(limits={"sockets_per_principal": 1})
    first = await world.join("a", who=ANNA)
    with pytest.raises(LimitReached, match=r"limits\.sockets_per_principal is 1"):
        world.client("b", who=ANNA, session="t").connect()
    await world.join("c", who="user:bob", session="u")
    first.leave()
    await world.join("b", who=ANNA, session="t")


async def test_turns_are_counted_until_they_end_however_they_do(
    make_world: MakeWorld, durable: SessionStore, stage: Stage
) -> None:
    world = make_world(durable, limits={"turns_per_principal": 2})
    client = await world.join("a", who=ANNA)
    first = client.ask("one")
    scene = await stage.next()
    second = client.ask("two")
    refused = await client.ended(client.ask("three"))
    assert "limits.turns_per_principal is 2" in refused["body"]
    client.cancel(second)
    await client.ended(second)
    scene.fail(ValueError("broken"))
    await client.ended(first)
    fourth = client.ask("four")
    (await stage.next()).say("half")
    await client.reads("half", fourth)
    client.clear()
    await client.ended(fourth)
    fifth = client.ask("five")
    await stage.next()
    world.restarted()  # the turn goes on there, and is counted there
    await world.registry.recover()
    scene = await stage.next()
    assert scene.id == fifth
    again = await world.join("a", who=ANNA)
    sixth = again.ask("six")
    assert "limits.turns_per_principal" in (await again.ended(again.ask("seven")))["body"]
    scene.end()
    (await stage.next()).end()
    await again.ended(sixth)


async def test_a_session_that_runs_away_is_parked_and_shown_and_let_go(
    make_world: MakeWorld, durable: SessionStore, stage: Stage
) -> None:
    async def on_chat_response(self: Any, response: Any) -> None:
        await self.save_messages([user(f"again-{response.request_id}", "and again")])

    world = make_world(durable, limits={"runaway_turns_per_minute": 5}, on_chat_response=on_chat_response)
    stage.auto = lambda turn: ["answer"]
    client = await world.join("a")
    client.ask("start")

    async def parked() -> AsyncIterator[str]:
        while True:
            found = await durable.card(world.address())
            if found is not None and found.parked:
                yield found.parked
                return
            await stage.news.until(lambda: True, "a turn")

    reason = await anext(parked())
    assert "runaway_turns_per_minute" in reason
    assert len(stage.scenes) <= 6
    [row] = await durable.sessions(parked=True)
    assert (row.address, row.parked) == (world.address(), reason)
    end = await client.ended(client.ask("still there?"))
    assert reason in end["body"]
    with pytest.raises(SessionParked):
        await world.gate.submit(
            world.address(), Principal(), b'{"messages":[{"id":"u","role":"user","parts":[]}]}'
        )
    client.leave()
    world.registry.end(world.registry.slot(world.address()), 1012, "asleep")
    again = await world.join("z")  # it can still be read
    assert reason in (await again.ended(again.ask("now?")))["body"]
    await world.gate.park(world.address(), None)
    world.agent.on_chat_response = lambda self, response: _nothing()  # type: ignore[attr-defined]
    assert "error" not in await again.ended(again.ask("and now?"))
    assert await durable.sessions(parked=True) == []


async def _nothing() -> None:
    pass


async def test_a_budget_is_reserved_before_the_model_and_settled_after(
    make_world: MakeWorld, durable: SessionStore, stage: Stage
) -> None:
    def answer(turn: Turn) -> list[object]:
        turn.usage.input_tokens, turn.usage.output_tokens, turn.usage.model = 300, 100, "gpt-4o"
        return ["answer"]

    stage.auto = answer
    world = make_world(durable, limits={"tokens_per_day": 1000, "reserve_tokens": 100})
    client = await world.join("a", who=ANNA)
    for text in ("one", "two"):
        assert "error" not in await client.ended(client.ask(text))
    spent = await durable.spent(day_ms=world.clock.now_ms(), owner=ANNA.id)
    assert spent.tokens == 800
    assert spent.cost_nano > 0
    end = await client.ended(client.ask("a long one " + "x" * 600))
    assert "limits.tokens_per_day is 1000" in end["body"]
    assert len(stage.scenes) == 2  # the model was not asked
    bob = await world.join("b", who="user:bob", session="t")
    assert "error" not in await bob.ended(bob.ask("mine"))
    world.restarted()
    again = await world.join("a", who=ANNA, session="u")
    end = await again.ended(again.ask("in another session " + "x" * 600))
    assert "limits.tokens_per_day is 1000" in end["body"]


async def test_a_history_has_a_size(make_world: MakeWorld, stage: Stage) -> None:
    world = make_world(limits={"history_bytes": 2000})
    stage.auto = lambda turn: ["answer"]
    client = await world.join("a")
    await client.ended(client.ask("x" * 900))
    end = await client.ended(client.ask("y" * 1200))
    assert "limits.history_bytes is 2000" in end["body"]
    assert [role for role, _ in await world.texts()] == ["user", "assistant"]
