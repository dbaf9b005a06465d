"""Tickets: once, soon, for one session, from pages of one origin, and worth what its caller may do."""

from __future__ import annotations

import pytest

from access.callers import bearer, shown_by, token
from access.house import House, house, rules, said
from unit.access_lab import NOW_S, ManualClock

ADA = bearer(token("ada"))
PAGE = "http://server"


async def ticket(at: House, path: str, who: dict[str, str], **headers: str) -> str:
    answer = await at.expect(201, "POST", f"{path}/ticket", {**who, **headers})
    assert answer.header("cache-control") == "no-store"
    found: str = answer.json()["ticket"]
    return found


async def refused(at: House, address: str, headers: dict[str, str] | None = None) -> None:
    socket = at.connect(address, headers)
    assert (await socket.ended())[0] == 4401
    assert socket.received == []


async def test_a_ticket_opens_its_session_once() -> None:
    async with house(access=rules(visitors=False)) as at:
        path = await at.session()
        address = f"{path}?ticket={await ticket(at, path, ADA)}"
        opened = await at.connect(address).greeted()
        await refused(at, address)
        assert (await opened.call("look"))["success"]
        await at.expect(401, "GET", address.replace("?", "/get-messages?"), {})


async def test_it_is_good_for_a_request_as_well() -> None:
    async with house(access=rules(visitors=False)) as at:
        path = await at.session()
        address = f"{path}/get-messages?ticket={await ticket(at, path, ADA)}"
        for _ in range(2):
            assert len((await at.expect(200, "GET", address, {})).json()) == 2
        await at.connect(address.replace("/get-messages?", "?")).greeted()  # as the official hook does it
        await at.expect(401, "GET", address, {})


async def test_it_opens_the_callers_own_default_session() -> None:
    async with house() as at:
        path = "/agents/chat/default"
        await at.connect(f"{path}?ticket={await ticket(at, path, ADA)}").greeted()


async def test_it_is_for_one_session_and_void_when_it_was_tried_on_another() -> None:
    async with house() as at:
        mine, other = await at.session(), await at.session()
        shown = await ticket(at, mine, ADA)
        await refused(at, f"{other}?ticket={shown}")
        await refused(at, f"{mine}?ticket={shown}")


@pytest.mark.parametrize(("made_by", "used_by"), [(PAGE, None), (None, PAGE)])
async def test_it_is_for_pages_of_one_origin(made_by: str | None, used_by: str | None) -> None:
    def of(origin: str | None) -> dict[str, str]:
        return {} if origin is None else {"origin": origin}

    async with house() as at:
        path = await at.session()
        shown = await ticket(at, path, ADA, **of(made_by))
        await refused(at, f"{path}?ticket={shown}", of(used_by))
        shown = await ticket(at, path, ADA, **of(made_by))
        await at.connect(f"{path}?ticket={shown}", of(made_by)).greeted()


async def test_a_false_ticket_is_not_helped_by_a_good_token() -> None:
    async with house() as at:
        path = await at.session()
        await refused(at, f"{path}?ticket=made-up", ADA)
        await at.expect(401, "GET", f"{path}/get-messages?ticket=made-up", ADA)


@pytest.mark.parametrize("caller", ["other", "visitor"])
async def test_a_ticket_lets_nobody_in_whom_the_session_would_not(caller: str) -> None:
    async with house() as at:
        path = await at.session()
        socket = at.connect(f"{path}?ticket={await ticket(at, path, shown_by(caller))}")
        assert (await socket.ended())[0] == 4404
        assert socket.received == []


async def test_a_readers_ticket_reads() -> None:
    async with house() as at:
        path = await at.session()
        socket = await at.connect(f"{path}?ticket={await ticket(at, path, shown_by('reader'))}").greeted()
        socket.send({"type": "cf_agent_state", "state": 1})
        assert (await socket.of_type("cf_agent_state_error"))["error"] == "Connection is readonly"


async def test_it_ends_soon_and_never_after_the_token_it_was_got_with() -> None:
    clock = ManualClock()
    ada, brief = bearer(token("ada", exp=NOW_S + 3600)), bearer(token("ada", exp=NOW_S + 10))
    path = "/agents/chat/s"
    async with house(access=rules(visitors=False, ticket_s=30), clock=clock) as at:
        await at.expect(200, "POST", path, ada, body=said("hi"))
        late, soon = await ticket(at, path, ada), await ticket(at, path, brief)
        clock.go_on(11)
        await refused(at, f"{path}?ticket={soon}")
        await at.connect(f"{path}?ticket={await ticket(at, path, ada)}").greeted()
        clock.go_on(20)
        await refused(at, f"{path}?ticket={late}")
        await at.expect(401, "POST", f"{path}/ticket", brief)
