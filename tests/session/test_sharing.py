"""Sessions belong to who opened them; others come by a share, to look on or to take part."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from cutty_agent.agent.base import rpc
from cutty_agent.errors import BadRequest, Forbidden, NotFound
from cutty_agent.ports.store import SessionStore
from cutty_agent.wire.principal import LINK, Principal, link_of
from session.harness import RESPONSE, Client, MakeWorld, Stage, World, of, user

ANNA, BOB, EVE = (Principal(f"user:{name}") for name in ("anna", "bob", "eve"))


async def talked(world: World, stage: Stage) -> Client:
    stage.auto = lambda turn: ["answer to ", turn.text]
    anna = await world.join("a", who=ANNA)
    await anna.ended(anna.ask("a secret"))
    return anna


async def refused(world: World, label: str, who: Principal, **kwargs: Any) -> None:
    client = world.client(label, who=who, **kwargs).connect()
    assert await client.closed() == (4404, "There is no such session for you.")
    assert client.frames == []
    client.leave()


async def test_a_session_belongs_to_who_opened_it(
    make_world: MakeWorld, durable: SessionStore, stage: Stage
) -> None:
    world = make_world(durable)
    anna = await talked(world, stage)
    await refused(world, "e", EVE)
    anna.leave()
    world.registry.end(world.registry.slot(world.address()), 1012, "asleep")
    await refused(world, "e", EVE)
    for call in (
        world.gate.messages(world.address(), EVE),
        world.gate.submit(world.address(), EVE, json.dumps({"messages": [user("u", "x")]}).encode()),
        world.gate.resume(world.address(), EVE),
        world.gate.stop(world.address(), EVE, None),
        world.gate.clear(world.address(), EVE),
        world.gate.share(world.address(), EVE, None, "read"),
        world.gate.shares(world.address(), EVE),
        world.gate.own(world.address(), EVE),
    ):
        with pytest.raises(NotFound):
            await call
    await world.registry.audit.close()
    entries = [row.entry for row in await durable.audit(action="access.refused")]
    assert {entry.actor for entry in entries} == {"user:eve"}
    assert sum(entry.count for entry in entries) == 10
    again = await world.join("a", who=ANNA)
    await again.ended(again.ask("more"))


async def test_strangers_and_the_owner_at_the_same_time(
    make_world: MakeWorld, durable: SessionStore, stage: Stage
) -> None:
    """Everybody comes while the session sleeps: the stranger's wake-up must not take the owner down with it."""
    world = make_world(durable)
    anna = await talked(world, stage)
    anna.leave()
    world.registry.end(world.registry.slot(world.address()), 1012, "asleep")
    eve = world.client("e", who=EVE).connect()
    anna = world.client("a", who=ANNA).connect()
    reading = asyncio.ensure_future(world.gate.resume(world.address(), ANNA))
    assert (await eve.closed())[0] == 4404
    eve.leave()
    await anna.until(of("cf_agent_mcp_servers"))
    assert await reading is None
    assert eve.frames == []


async def test_readers_look_on_and_change_nothing(make_world: MakeWorld, stage: Stage) -> None:
    calls: list[str] = []

    @rpc
    async def rename(self: Any) -> None:
        calls.append("renamed")

    world = make_world(rename=rename)
    anna = await talked(world, stage)
    await world.gate.share(world.address(), ANNA, "user:bob", "read")
    bob = await world.join("b", who=BOB)
    for frame in (
        {"type": "cf_agent_chat_clear"},
        {"type": "cf_agent_chat_messages", "messages": [user("x", "forged")]},
        {"type": "cf_agent_chat_request_cancel", "id": "r-a1"},
        {"type": "cf_agent_tool_result", "toolCallId": "c1", "toolName": "t", "output": 1},
        {"type": "cf_agent_tool_approval", "toolCallId": "c1", "approved": True},
        {"type": "own", "word": 1},
    ):
        before = len(bob.frames)
        bob.send(frame)
        error = await bob.until(lambda each: "error" in each, after=before, what=str(frame))
        assert error["error"]["code"] == "access.forbidden"
    bob.send({"type": "cf_agent_state", "state": {"mine": 1}})
    assert (await bob.until(of("cf_agent_state_error")))["error"] == "Connection is readonly"
    bob.send({"type": "rpc", "id": "call", "method": "rename", "args": []})
    answer = await bob.until(lambda each: each.get("id") == "call")
    assert (answer["success"], answer["error"]) == (False, "Connection is readonly")
    await bob.settled()  # a method that is marked as read-only
    end = await bob.ended(bob.ask("let me in"))
    assert end["type"] == RESPONSE
    assert "readonly" in end["body"]
    with pytest.raises(Forbidden):
        await world.gate.submit(world.address(), BOB, json.dumps({"messages": [user("u", "x")]}).encode())
    with pytest.raises(Forbidden):
        await world.gate.own(world.address(), BOB)
    assert calls == []
    assert stage.heard == []
    assert len(json.loads(await world.gate.messages(world.address(), BOB))) == 2
    request = anna.ask("watch")
    await bob.reads("answer to watch", request)


async def test_writers_take_part_until_the_share_ends(
    make_world: MakeWorld, durable: SessionStore, stage: Stage
) -> None:
    world = make_world(durable)
    await talked(world, stage)
    await world.gate.share(world.address(), ANNA, "user:bob", "write")
    bob = await world.join("b", who=BOB)
    await bob.ended(bob.ask("from bob"))
    with pytest.raises(Forbidden):
        await world.gate.share(world.address(), BOB, "user:eve", "read")
    assert await world.gate.unshare(world.address(), ANNA, "user:bob") is True
    assert (await bob.closed())[0] == 4403
    bob.leave()
    await refused(world, "b", BOB)
    assert await world.gate.unshare(world.address(), ANNA, "user:bob") is False


async def test_a_link_lets_in_whoever_has_it_and_is_stored_only_as_a_hash(
    make_world: MakeWorld, durable: SessionStore, stage: Stage
) -> None:
    world = make_world(durable)
    anna = await talked(world, stage)
    secret = await world.gate.share(world.address(), ANNA, None, "read", for_s=60)
    card = await durable.card(world.address())
    assert card is not None
    assert list(card.grants) == [link_of(secret)]
    guest = Principal(link_of(secret), links=(link_of(secret),))
    looking = await world.join("g", who=guest)
    await looking.settled()
    await refused(world, "h", Principal(f"{LINK}{'0' * 64}", links=(f"{LINK}{'0' * 64}",)))
    anna.leave()
    looking.leave()
    world.registry.end(world.registry.slot(world.address()), 1012, "asleep")
    again = await world.join("g", who=guest)  # wakes it, without owning it
    assert (await durable.card(world.address())).owner == "user:anna"  # type: ignore[union-attr]
    await world.gate.unshare(world.address(), ANNA, secret)
    assert (await again.closed())[0] == 4403
    again.leave()
    await refused(world, "g", guest, session="new")  # who only has a link makes no session


async def test_the_author_may_let_a_client_only_look_on(make_world: MakeWorld, stage: Stage) -> None:
    world = make_world(connection_readonly=lambda self, connection: connection.id == "b")
    await talked(world, stage)
    second = await world.join("b", who=ANNA)
    end = await second.ended(second.ask("may I?"))
    assert "readonly" in end["body"]


async def test_a_visitor_who_signs_in_keeps_the_session(
    make_world: MakeWorld, durable: SessionStore, stage: Stage
) -> None:
    world = make_world(durable)
    stage.auto = lambda turn: ["answer"]
    visitor = await world.join("v", who="visitor:v1")
    await visitor.ended(visitor.ask("before"))
    visitor.leave()
    world.registry.end(world.registry.slot(world.address()), 1012, "asleep")
    signed_in = Principal("user:anna", also=("visitor:v1",))
    anna = await world.join("v", who=signed_in)
    await anna.ended(anna.ask("after"))
    card = await durable.card(world.address())
    assert card is not None
    assert card.owner == "user:anna"
    await refused(world, "w", Principal("visitor:v1"))


async def test_sessions_from_before_the_rule(
    make_world: MakeWorld, durable: SessionStore, stage: Stage
) -> None:
    world = make_world(durable)
    stage.auto = lambda turn: ["answer"]
    nobody = await world.join("n")
    await nobody.ended(nobody.ask("old"))
    nobody.leave()
    world.registry.end(world.registry.slot(world.address()), 1012, "asleep")
    await refused(world, "a", ANNA)
    adopting = make_world(durable, access={"adopt": True})
    anna = await adopting.join("a", who=ANNA)
    await anna.settled()
    found = json.loads(await adopting.gate.messages(adopting.address(), ANNA))
    assert [message["content"] for message in found] == ["old", "answer"]
    await refused(adopting, "e", EVE)


async def test_shares_are_checked(make_world: MakeWorld, stage: Stage) -> None:
    world = make_world()
    await talked(world, stage)
    for grantee, mode in (
        ("bob", "read"),
        ("user:", "read"),
        ("user:" + "x" * 201, "read"),
        ("user:b", "own"),
    ):
        with pytest.raises(BadRequest):
            await world.gate.share(world.address(), ANNA, grantee, mode)  # type: ignore[arg-type]
    for number in range(100):
        await world.gate.share(world.address(), ANNA, f"user:{number}", "read")
    with pytest.raises(BadRequest, match="100 shares"):
        await world.gate.share(world.address(), ANNA, "user:more", "read")


async def test_minted_ids_are_the_servers_to_make(make_world: MakeWorld, stage: Stage) -> None:
    world = make_world(access={"ids": "minted"})
    await refused(world, "a", ANNA)
    address = await world.gate.mint("chat", ANNA)
    assert len(address.session) == 34
    anna = await world.join("a", who=ANNA, session=address.session)
    await anna.settled()
    await refused(world, "e", EVE, session=address.session)


async def test_default_is_everybodys_own(make_world: MakeWorld, stage: Stage) -> None:
    world = make_world()
    stage.auto = lambda turn: ["to ", turn.principal.id]
    names = set()
    for who in (ANNA, BOB):
        client = await world.join(who.id, who=who, session="default")
        names.add((await client.until(of("cf_agent_identity")))["name"])
        await client.ended(client.ask("who am I?"))
        assert client.text() == f"to {who.id}"
    assert len(names) == 2
    assert "default" not in names
