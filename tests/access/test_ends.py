"""The end of what a caller shows, with sockets open: tokens that expire, principals and tokens that are revoked."""

from __future__ import annotations

import asyncio

import pytest

from access.callers import OPERATOR, bearer, token, visitor_token
from access.house import CANARY, House, house, operators, rules, said
from cutty_agent.engines.memory import MemoryStore
from cutty_agent.ids import Address
from unit.access_lab import NOW_S, ManualClock

PATH = "/agents/chat/s"


async def revoke(at: House, **body: object) -> int:
    answer = await at.expect(200, "POST", "/admin/revocations", bearer(OPERATOR), body=body)
    found: int = answer.json()["closed"]
    return found


async def test_a_socket_ends_with_the_token_that_opened_it() -> None:
    clock = ManualClock()
    clock.go_on(0.95)  # what is left is measured with this clock, and waited for with the machine's
    brief, long = bearer(token("ada", exp=NOW_S + 1)), bearer(token("ada", exp=NOW_S + 3600))
    async with house(access=rules(visitors=False), clock=clock) as at:
        await at.expect(200, "POST", PATH, long, body=said(CANARY))
        ending, staying = await at.connect(PATH, brief).greeted(), await at.connect(PATH, long).greeted()
        clock.go_on(0.05)
        assert (await ending.ended())[0] == 4401
        told = len(ending.received)
        await at.expect(200, "POST", PATH, long, body=said("more", "u2"))
        await staying.call("look")
        assert len(ending.received) == told
        assert staying.closed is None
        again = at.connect(PATH, brief)
        assert (await again.ended())[0] == 4401
        assert again.received == []
        await at.expect(401, "GET", f"{PATH}/get-messages", brief)


@pytest.mark.parametrize(
    "way", ["authorization", "query", "subprotocol"], ids=["header", "query", "subprotocol"]
)
async def test_that_holds_however_the_token_was_shown(way: str) -> None:
    clock = ManualClock()
    clock.go_on(0.95)
    shown = token("ada", exp=NOW_S + 1)
    headers = {
        "authorization": bearer(shown),
        "query": {},
        "subprotocol": {"sec-websocket-protocol": f"cutty, cutty.bearer.{shown}"},
    }[way]
    async with house(clock=clock) as at:
        socket = await at.connect(f"{PATH}?token={shown}" if way == "query" else PATH, headers).greeted()
        assert socket.accepted is not None
        assert shown not in str(socket.accepted)
        assert (await at.row(PATH))["owner"] == "user:ada"
        clock.go_on(0.05)
        assert (await socket.ended())[0] == 4401


async def test_a_revoked_principal_is_out_at_once_and_everybody_else_stays() -> None:
    async with house() as at:
        path = await at.session()
        sockets = {
            user: await at.connect(path, bearer(token(user))).greeted() for user in ("ada", "rita", "walt")
        }
        assert await revoke(at, key="user:walt") == 1
        assert (await sockets["walt"].ended())[0] == 4401
        for user in ("ada", "rita"):
            assert (await sockets[user].call("look"))["success"]
        for answer in (
            await at.ask("GET", f"{path}/get-messages", bearer(token("walt"))),
            await at.ask("POST", f"{path}/ticket", bearer(token("walt"))),
        ):
            assert (answer.status, answer.error["code"]) == (401, "auth.required")
        again = at.connect(path, bearer(token("walt")))
        assert (await again.ended())[0] == 4401
        assert again.received == []


async def test_a_ticket_of_a_revoked_principal_is_void() -> None:
    async with house() as at:
        path, walt = await at.session(), bearer(token("walt"))
        ticket = (await at.expect(201, "POST", f"{path}/ticket", walt)).json()["ticket"]
        await revoke(at, key="user:walt")
        assert (await at.connect(f"{path}?ticket={ticket}").ended())[0] == 4401


async def test_one_token_can_be_revoked_by_its_id() -> None:
    lost, kept = bearer(token("ada", jti="lost-phone")), bearer(token("ada", jti="desk"))
    async with house() as at:
        path = await at.session()
        phone, desk = await at.connect(path, lost).greeted(), await at.connect(path, kept).greeted()
        assert await revoke(at, key="lost-phone") == 1
        assert (await phone.ended())[0] == 4401
        assert (await desk.call("look"))["success"]
        await at.expect(401, "GET", f"{path}/get-messages", lost)
        await at.expect(200, "GET", f"{path}/get-messages", kept)


async def test_a_revoked_visitor_is_refused_and_not_renamed() -> None:
    cookie = {"cookie": f"cutty_visitor={visitor_token()}"}
    async with house() as at:
        await at.expect(200, "POST", PATH, cookie, body=said("hi"))
        socket = await at.connect(PATH, cookie).greeted()
        assert await revoke(at, key=(await at.row(PATH))["owner"]) == 1
        assert (await socket.ended())[0] == 4401
        answer = await at.expect(401, "GET", f"{PATH}/get-messages", cookie)
        assert answer.header("set-cookie") is None


async def test_a_revocation_with_an_end_ends() -> None:
    clock = ManualClock()
    ada = bearer(token("ada", exp=NOW_S + 3600))
    async with house(clock=clock) as at:
        await at.expect(200, "POST", PATH, ada, body=said("hi"))
        await revoke(at, key="user:ada", seconds=60)
        await at.expect(401, "GET", f"{PATH}/get-messages", ada)
        clock.go_on(61)
        await at.expect(200, "GET", f"{PATH}/get-messages", ada)


@pytest.mark.parametrize("seconds", [0, -5, 1e300])
async def test_a_revocation_that_would_be_none_is_refused(seconds: float) -> None:
    async with house() as at:
        body = {"key": "user:ada", "seconds": seconds}
        await at.expect(400, "POST", "/admin/revocations", bearer(OPERATOR), body=body)


async def test_an_erased_session_is_gone_for_everybody_and_its_sockets_are_told() -> None:
    async with house() as at:
        path = await at.session()
        sockets = [await at.connect(path, bearer(token(user))).greeted() for user in ("ada", "rita")]
        await at.expect(200, "DELETE", operators(path), bearer(OPERATOR))
        assert [(await socket.ended())[0] for socket in sockets] == [4410, 4410]
        await at.expect(404, "GET", f"{path}/export", bearer(token("ada")))
        # Whoever comes next may begin anew under that id; nothing of the old one is there.
        assert (await at.expect(200, "GET", f"{path}/get-messages", bearer(token("bob")))).json() == []


async def test_a_users_id_may_hold_a_slash() -> None:
    user = bearer(token("team/ada"))
    async with house() as at:
        await at.expect(200, "POST", PATH, user, body=said("hi"))
        exported = await at.expect(200, "GET", "/admin/principals/user%3Ateam%2Fada/export", bearer(OPERATOR))
        assert exported.body.startswith(b"PK")
        erased = await at.expect(200, "DELETE", "/admin/principals/user%3Ateam%2Fada", bearer(OPERATOR))
        assert (erased.json()["subject"], erased.json()["sessions"]) == ("user:team/ada", 1)


@pytest.mark.parametrize("action", ["park", "unpark", "expire"])
async def test_what_needs_an_agent_says_so_for_a_session_whose_agent_is_gone(action: str) -> None:
    store = MemoryStore()
    await store.claim(Address("gone", "old"), owner="user:ada", now_ms=1)
    async with house(store=store) as at:
        path = f"/admin/sessions/gone/old/{action}"
        answer = await at.expect(404, "POST", path, bearer(OPERATOR))
        assert answer.error["code"] == "agent.unknown"


@pytest.mark.parametrize("way", ["unshared", "revoked", "share ends"])
async def test_who_may_look_on_no_longer_follows_no_answer_over_http_either(way: str) -> None:
    async with house() as at:
        path, ada = await at.session(), bearer(token("ada"))
        share = {"mode": "write", "principal": "user:bob", **({"seconds": 2} if way == "share ends" else {})}
        await at.expect(201, "POST", f"{path}/shares", ada, body=share)
        socket, bob = await at.owner(path), bearer(token("bob"))
        asking = asyncio.create_task(at.ask("POST", path, bob, body=said("wait", "u2")))
        await socket.frame(lambda frame: "tool-approval-request" in str(frame.get("body")))
        resuming = asyncio.create_task(at.ask("GET", f"{path}/stream", bob))
        reading = asyncio.create_task(at.ask("GET", f"{path}/stream", bearer(token("rita"))))
        link = await at.ask("GET", f"{path}/stream", bob, whole=False)  # all of them follow by now
        assert link.status == 200
        if way == "unshared":
            await at.expect(200, "DELETE", f"{path}/shares/user%3Abob", ada)
        elif way == "revoked":
            await revoke(at, key="user:bob")
        for lost in (await asking, await resuming):
            assert lost.status == 200
            assert b"tool-approval-request" in lost.body
            assert b"[DONE]" not in lost.body
        assert not reading.done()
        await at.expect(200, "POST", f"{path}/stop", ada)
        kept = await reading
        assert kept.body.endswith(b"[DONE]\n\n")
