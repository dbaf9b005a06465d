"""Shares over the wire: links and principals, to read and to write, their ends with a socket open."""

from __future__ import annotations

import asyncio

import pytest

from access.asgi import Frame, Socket
from access.callers import bearer, shown_by, token
from access.house import CANARY, Chat, House, house, rules, said
from cutty_agent.agent.host import Connection
from unit.access_lab import NOW_S, ManualClock

ADA, BOB = bearer(token("ada")), bearer(token("bob"))
GUESTS = {
    "nobody": ({}, rules(visitors=False)),
    "visitor": (shown_by("visitor"), rules()),
    "user": (BOB, rules()),
}


async def shared(at: House, path: str, **share: object) -> Frame:
    found: Frame = (await at.expect(201, "POST", f"{path}/shares", ADA, body=share)).json()
    return found


async def may_write(socket: Socket) -> bool:
    """Whether a socket may set the state."""
    before = len(socket.frames)
    socket.send({"type": "cf_agent_state", "state": {"by": "a guest"}})
    await socket.call("look")
    refusals = [frame for frame in socket.frames[before:] if frame.get("type") == "cf_agent_state_error"]
    assert all(frame["error"] == "Connection is readonly" for frame in refusals)
    return not refusals


@pytest.mark.parametrize("guest", GUESTS)
@pytest.mark.parametrize("mode", ["read", "write"])
async def test_a_link_lets_in_whoever_has_it(mode: str, guest: str) -> None:
    who, access = GUESTS[guest]
    async with house(access=access) as at:
        path = await at.session()
        link = await shared(at, path, mode=mode)
        assert link["url"] == f"{path}?share={link['secret']}"
        socket = await at.connect(link["url"], who).greeted()
        assert await may_write(socket) == (mode == "write")
        by_header = {**who, "x-cutty-share": link["secret"]}
        told = (await at.expect(200, "GET", f"{path}/get-messages", by_header)).json()
        assert CANARY in told[0]["content"]
        await at.expect(403 if mode == "read" else 200, "POST", link["url"], who, body=said("more", "u2"))
        for owners in ("shares", "export"):
            await at.expect(403, "GET", f"{path}/{owners}", by_header)
        await at.expect(403, "DELETE", path, by_header)
        # One character less, and it is no link at all.
        wrong = at.connect(link["url"][:-1], who)
        assert (await wrong.ended())[0] == 4404
        assert wrong.received == []
        # Nor is it one to another session.
        assert (await at.connect(f"{await at.session()}?share={link['secret']}", who).ended())[0] == 4404


@pytest.mark.parametrize("guest", GUESTS)
async def test_a_link_that_is_ended_closes_what_it_opened(guest: str) -> None:
    who, access = GUESTS[guest]
    async with house(access=access) as at:
        path = await at.session()
        link = await shared(at, path, mode="write")
        ada, socket = await at.owner(path), await at.connect(link["url"], who).greeted()
        await at.expect(200, "DELETE", f"{path}/shares/{link['secret']}", ADA)
        assert (await socket.ended())[0] == 4403
        told = len(socket.received)
        await at.expect(200, "POST", path, ADA, body=said("alone again", "u2"))
        assert (await ada.call("look"))["success"]
        assert len(socket.received) == told
        await at.expect(404, "GET", link["url"].replace("?", "/get-messages?"), who)
        assert (await at.connect(link["url"], who).ended())[0] == 4404


@pytest.mark.parametrize("link", [True, False], ids=["link", "principal"])
async def test_a_share_that_ends_by_itself_closes_what_it_opened(link: bool) -> None:
    """The clock is in charge: nothing happens before the end, and nothing is sent after it."""
    clock = ManualClock()
    clock.go_on(0.9)
    ada, bob = (bearer(token(user, exp=NOW_S + 3600)) for user in ("ada", "bob"))
    path = "/agents/chat/s"
    async with house(clock=clock) as at:
        await at.expect(200, "POST", path, ada, body=said(CANARY))
        share = {"mode": "write", "seconds": 0.05, "principal": None if link else "user:bob"}
        made = (await at.expect(201, "POST", f"{path}/shares", ada, body=share)).json()
        address = made["url"] if link else path
        socket = await at.connect(address, bob).greeted()
        assert await may_write(socket)
        clock.go_on(0.05)
        assert (await socket.ended())[0] == 4403
        told = len(socket.received)
        await at.expect(200, "POST", path, ada, body=said("alone again", "u2"))
        assert len(socket.received) == told
        await at.expect(
            404, "GET", address.replace("?", "/get-messages?") if link else f"{path}/get-messages", bob
        )
        assert (await at.connect(address, bob).ended())[0] == 4404


async def test_a_share_that_changes_changes_open_sockets_and_two_are_worth_the_better() -> None:
    async with house() as at:
        path = await at.session()
        link = await shared(at, path, mode="read")
        socket = await at.connect(link["url"], BOB).greeted()
        assert not await may_write(socket)
        await shared(at, path, mode="write", principal="user:bob")
        assert await may_write(socket)
        await shared(at, path, mode="read", principal="user:bob")
        assert not await may_write(socket)
        await shared(at, path, mode="write", principal="user:bob")
        await at.expect(200, "DELETE", f"{path}/shares/user%3Abob", ADA)
        assert not await may_write(socket)
        assert socket.closed is None, "the link is still good"
        await at.expect(200, "DELETE", f"{path}/shares/{link['secret']}", ADA)
        assert (await socket.ended())[0] == 4403


async def test_no_share_is_worth_more_than_the_author_allows() -> None:
    class Careful(Chat):
        def connection_readonly(self, connection: Connection) -> bool:
            return connection.principal.id == "user:bob"

    async with house(agent=Careful) as at:
        path = await at.session()
        for mode in ("write", "read", "write"):
            await shared(at, path, mode=mode, principal="user:bob")
            assert not await may_write(await at.connect(path, BOB).greeted())
        open_before = await at.connect(path, BOB).greeted()
        await shared(at, path, mode="write", principal="user:bob")
        assert not await may_write(open_before)


async def test_an_end_that_comes_while_a_socket_is_being_let_in_is_not_missed() -> None:
    """Whichever comes first, the socket does not stay."""
    async with house() as at:
        path = await at.session()
        for number in range(20):
            await shared(at, path, mode="read", principal="user:bob")
            socket = at.connect(path, BOB)
            for _ in range(number):
                await asyncio.sleep(0)
            await at.expect(200, "DELETE", f"{path}/shares/user%3Abob", ADA)
            assert (await socket.ended())[0] in {4403, 4404}


@pytest.mark.parametrize(
    "share",
    [
        {},
        {"mode": "own"},
        {"mode": "read", "principal": "bob"},
        {"mode": "read", "principal": "user:"},
        {"mode": "read", "principal": "link:" + "0" * 64},
        {"mode": "read", "principal": "operator"},
        {"mode": "read", "principal": ""},
        {"mode": "read", "seconds": 0},
        {"mode": "read", "seconds": -1},
        {"mode": "read", "seconds": 1e308},
        {"mode": "read", "secret": "chosen"},
    ],
    ids=str,
)
async def test_a_share_that_cannot_be_is_refused(share: Frame) -> None:
    async with house() as at:
        path = await at.session()
        before = await at.seen_by_ada(path)
        answer = await at.expect(400, "POST", f"{path}/shares", ADA, body=share)
        assert answer.error["remedy"]
        assert await at.seen_by_ada(path) == before
