"""Pages of other origins, without a browser: what their requests may carry, and what they are answered."""

from __future__ import annotations

import pytest

from access.callers import bearer, shown_by, token, visitor_token
from access.house import CANARY, house, rules, said

ELSEWHERE = {"origin": "http://elsewhere.example"}
OWN = {"origin": "http://server"}
PATH = "/agents/chat/s"


async def test_a_cookie_counts_only_for_pages_that_are_named() -> None:
    cookie = shown_by("visitor")
    async with house(allow_origins=("*",)) as at:
        await at.expect(200, "POST", PATH, {**cookie, **OWN}, body=said(CANARY))
        await at.expect(404, "GET", f"{PATH}/get-messages", {**cookie, **ELSEWHERE})
        socket = at.connect(PATH, {**cookie, **ELSEWHERE})
        assert (await socket.ended())[0] == 4404
        assert socket.received == []


@pytest.mark.parametrize("way", ["request", "minting", "socket"])
@pytest.mark.parametrize("origin", [ELSEWHERE, OWN], ids=["elsewhere", "own"])
async def test_nor_may_such_a_page_replace_one(way: str, origin: dict[str, str]) -> None:
    """A browser would take it: cookies do not know of ports, and the visitor would have lost its sessions."""
    async with house(allow_origins=("*",)) as at:
        if way == "socket":
            socket = await at.connect(PATH, origin).greeted()
            assert socket.accepted is not None
            cookies = [value for name, value in socket.accepted.get("headers", ()) if name == b"set-cookie"]
        else:
            path, status = (PATH, 200) if way == "request" else ("/agents/chat", 201)
            answer = await at.expect(status, "POST", path, origin, body=said("hi"))
            cookies = [value.encode() for name, value in answer.headers if name == "set-cookie"]
        assert bool(cookies) == (origin is OWN)


async def test_the_cookie_of_a_minted_session_is_like_any_other() -> None:
    """Without a rule everybody may enter, so the id is all there is to know."""
    async with house(access={"ids": "minted"}, allow_origins=("*",)) as at:
        minted = await at.expect(201, "POST", "/agents/chat", OWN)
        cookie = {"cookie": (minted.header("set-cookie") or "").partition(";")[0]}
        for origin, named in ((OWN, True), ({}, True), (ELSEWHERE, False)):
            socket = at.connect("/agents/chat/default", {**cookie, **origin})
            if named:
                assert (await socket.of_type("cf_agent_identity"))["name"] == minted.json()["id"]
            else:
                assert (await socket.ended())[0] == 4404


@pytest.mark.parametrize(
    "origin", ["http://elsewhere.example", "null", "http://server.elsewhere.example", "http://server:81"]
)
async def test_a_page_that_is_not_let_in_is_refused_whatever_it_shows(origin: str) -> None:
    foreign = {"origin": origin, **bearer(token("ada"))}
    async with house() as at:
        path = await at.session()
        before = await at.seen_by_ada(path)
        for method, below in (
            ("GET", "/get-messages"),
            ("POST", ""),
            ("DELETE", ""),
            ("OPTIONS", ""),
            ("POST", "/ticket"),
        ):
            answer = await at.expect(403, method, path + below, foreign, body=said("forged", "f"))
            assert answer.error["code"] == "origin.refused"
            assert answer.header("access-control-allow-origin") is None
            assert answer.header("set-cookie") is None
        socket = at.connect(path, foreign).send({"type": "cf_agent_chat_clear"})
        assert (await socket.ended())[0] == 4403
        assert socket.received == []
        assert await at.seen_by_ada(path) == before


@pytest.mark.parametrize(
    "host", ["elsewhere.example", "server.elsewhere.example", "elsewhere.example:80", ""]
)
async def test_a_host_that_is_not_ours_is_refused_before_anything_else(host: str) -> None:
    async with house(access=rules(hosts=("server", "*.server.example"))) as at:
        path = await at.session()
        turned = {**bearer(token("ada")), "host": host, "origin": f"http://{host}"}
        answer = await at.expect(400, "GET", f"{path}/get-messages", turned)
        assert CANARY not in answer.body.decode()
        socket = at.connect(path, turned)
        assert (await socket.ended())[0] == 4400
        assert socket.received == []
        for good in ("server", "SERVER:8000", "a.server.example"):
            await at.expect(200, "GET", f"{path}/get-messages", {**bearer(token("ada")), "host": good})


async def test_a_cookie_that_is_false_makes_a_new_visitor_and_opens_nothing() -> None:
    name, made, issued, signature = visitor_token().split(".")
    async with house() as at:
        good = {"cookie": f"cutty_visitor={name}.{made}.{issued}.{signature}"}
        await at.expect(200, "POST", PATH, good, body=said(CANARY))
        for false in (
            f"{name}.{made}.{issued}.{signature[:-2]}AA",
            f"{name}.{made}.{int(issued) + 1}.{signature}",
            f"{name}.{'A' * len(made)}.{issued}.{signature}",
            f"{name}.{made}.{issued}.",
        ):
            answer = await at.expect(404, "GET", f"{PATH}/get-messages", {"cookie": f"cutty_visitor={false}"})
            assert (answer.header("set-cookie") or "").startswith("cutty_visitor=v1.")
            assert CANARY not in answer.body.decode()
