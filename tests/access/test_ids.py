"""Which session an id means, and to whom: the users' own ids, ``default``, minted ids, sessions from before a rule."""

from __future__ import annotations

import pytest

from access.asgi import Answer, Socket
from access.callers import bearer, shown_by, token, visitor_token
from access.house import CANARY, house, rules, said
from access.test_table import ANYBODYS, BODIES, ROUTES, rows
from cutty_agent.engines.memory import MemoryStore
from session.harness import eventually

ADA, BOB = bearer(token("ada")), bearer(token("bob"))


async def identity(socket: Socket) -> str:
    """The name of the session a socket was let into."""
    found: str = (await socket.of_type("cf_agent_identity"))["name"]
    return found


USERS = [
    ("user-ada-session-1700000000", "ada", True),
    ("user-ada-session-1700000000-x9", "ada", True),
    ("user-ada-session-1700000000", "bob", False),
    ("user-ada-session-1", "ada-session-1", False),
    ("user-ada-session-1-session-2", "ada", False),
    ("user-ada-session-1-session-2", "ada-session-1", True),
    ("user-ada-session-", "ada", False),
    ("user-ada-session-1700000000", None, False),
    ("user--session-1700000000", None, False),
    ("project-7", "bob", True),
]


@pytest.mark.parametrize(("session", "user", "good"), USERS)
async def test_ids_that_name_a_user_are_that_users(session: str, user: str | None, good: bool) -> None:
    who = bearer(token(user)) if user is not None else shown_by("visitor")
    async with house(access=rules(user_ids=True)) as at:
        path = f"/agents/chat/{session}"
        answers = [
            await at.ask("POST", path, who, body=said("hi")),
            await at.ask("GET", f"{path}/get-messages", who),
        ]
        socket = at.connect(path, who)
        if good:
            await socket.greeted()
            assert [answer.status for answer in answers] == [200, 200]
        else:
            assert (await socket.ended())[0] == 4404
            assert socket.received == []
            assert [answer.status for answer in answers] == [404, 404]


async def test_without_that_rule_such_an_id_is_like_any_other() -> None:
    async with house() as at:
        await at.expect(200, "POST", "/agents/chat/user-ada-session-1", BOB, body=said("mine now"))
        await at.expect(404, "POST", "/agents/chat/user-ada-session-1", ADA, body=said("too late"))


async def test_default_is_a_session_of_each_callers_own() -> None:
    path = "/agents/chat/default"
    async with house() as at:
        visitors = [{"cookie": f"cutty_visitor={visitor_token()}"} for _ in range(2)]
        callers = [ADA, BOB, *visitors]
        for number, who in enumerate(callers):
            await at.expect(200, "POST", path, who, body=said(f"of caller {number}"))
        names = set()
        for number, who in enumerate(callers):
            told = (await at.expect(200, "GET", f"{path}/get-messages", who)).json()
            assert [message["content"] for message in told] == [
                f"of caller {number}",
                f"{CANARY} answers of caller {number}",
            ]
            names.add(name := await identity(at.connect(path, who)))
            await at.expect(404, "GET", f"/agents/chat/{name}/get-messages", callers[number - 1])
        assert len(names) == 4
        assert "default" not in names


async def test_a_new_visitor_is_named_once_and_keeps_its_sessions() -> None:
    path = "/agents/chat/s"
    async with house() as at:
        answer = await at.expect(200, "POST", path, {}, body=said("first"))
        cookie = (answer.header("set-cookie") or "").partition(";")[0]
        assert cookie.startswith("cutty_visitor=v1.")
        again = await at.expect(200, "GET", f"{path}/get-messages", {"cookie": cookie})
        assert again.header("set-cookie") is None
        assert again.json()[0]["content"] == "first"
        socket = at.connect("/agents/chat/default")
        await socket.greeted()
        assert socket.accepted is not None
        named = dict(socket.accepted["headers"])[b"set-cookie"].decode()
        assert "HttpOnly" in named
        assert "SameSite=Lax" in named
        await at.expect(404, "GET", f"{path}/get-messages", {"cookie": named.partition(";")[0]})


async def test_minted_ids_are_the_servers_alone_to_make() -> None:
    async with house(access=rules(ids="minted")) as at:
        answer = await at.expect(201, "POST", "/agents/chat", ADA)
        minted = answer.json()
        assert len(minted["id"]) == 34
        assert answer.header("location") == minted["url"] == f"/agents/chat/{minted['id']}"
        await at.expect(200, "POST", minted["url"], ADA, body=said(CANARY))
        assert await identity(at.connect(minted["url"], ADA)) == minted["id"]
        kept = (answer.header("set-cookie") or "").partition(";")[0]
        assert await identity(at.connect("/agents/chat/default", {**ADA, "cookie": kept})) == minted["id"]
        assert (await at.connect("/agents/chat/default", {**BOB, "cookie": kept}).ended())[0] == 4404


OF_A_SESSION = [
    route
    for route in rows(ROUTES)
    if route.partition(" ")[2].startswith("/agents/{agent}/{session}") and route not in ANYBODYS
]


@pytest.mark.parametrize("route", OF_A_SESSION)
async def test_a_minted_session_of_another_is_like_one_that_does_not_exist(route: str) -> None:
    """Status, headers and text of the two answers are the same, so that nobody learns which ids there are."""
    method, template = route.split(" ")
    async with house(access=rules(ids="minted")) as at:
        adas = (await at.expect(201, "POST", "/agents/chat", ADA)).json()["url"]
        await at.expect(200, "POST", adas, ADA, body=said(CANARY))
        nobodys = f"{adas[:-4]}0000"
        answers: list[Answer] = []
        for session in (adas, nobodys):
            path = template.replace("/agents/{agent}/{session}", session)
            path = path.replace("{name}", "user:rita").replace("{path}", "notes")
            answers.append(await at.ask(method, path, BOB, body=BODIES.get(route)))
        assert answers[0] == answers[1]
        assert answers[0].status == 404
        assert CANARY not in answers[0].body.decode()


async def test_a_socket_to_it_ends_the_same_way_too() -> None:
    async with house(access=rules(ids="minted")) as at:
        adas = (await at.expect(201, "POST", "/agents/chat", ADA)).json()["url"]
        await at.owner(adas)
        ends = []
        for path in (adas, f"{adas[:-4]}0000"):
            socket = at.connect(path, BOB)
            ends.append((await socket.ended(), socket.received, socket.accepted))
        assert ends[0] == ends[1]
        assert ends[0][0][0] == 4404
        assert ends[0][1] == []


async def test_sessions_from_before_the_rule_wait_for_their_operator() -> None:
    store = MemoryStore()
    async with house(access={}, store=store) as at:
        await at.expect(200, "POST", "/agents/chat/old", {}, body=said("of long ago"))
    async with house(store=store.reopened()) as at:
        for who in (ADA, shown_by("visitor"), {}):
            await at.expect(404, "GET", "/agents/chat/old/get-messages", who)
            assert (await at.connect("/agents/chat/old", who).ended())[0] == 4404


@pytest.mark.parametrize("who", [ADA, {}], ids=["user", "visitor"])
async def test_sessions_from_before_the_rule_may_be_adopted_by_the_first_who_comes(
    who: dict[str, str],
) -> None:
    store = MemoryStore()
    async with house(access={}, store=store) as at:
        await at.expect(200, "POST", "/agents/chat/old", {}, body=said("of long ago"))
    async with house(access=rules(adopt=True), store=store.reopened()) as at:
        # Looking is not taking, and shows nothing.
        assert (await at.expect(200, "GET", "/agents/chat/old/get-messages", BOB)).json() == []
        first = at.connect("/agents/chat/old", who)
        await first.greeted()
        for later in (BOB, shown_by("visitor"), {}):
            await at.expect(404, "GET", "/agents/chat/old/get-messages", later)
            assert (await at.connect("/agents/chat/old", later).ended())[0] == 4404
        await first.leave()
        assert (await at.row("/agents/chat/old"))["owner"].startswith("user:ada" if who else "visitor:")


async def test_a_link_adopts_nothing() -> None:
    store = MemoryStore()
    async with house(access={}, store=store) as at:
        await at.expect(200, "POST", "/agents/chat/old", {}, body=said("of long ago"))
        link = (await at.expect(201, "POST", "/agents/chat/old/shares", {}, body={"mode": "read"})).json()
    async with house(access=rules(adopt=True, visitors=False), store=store.reopened()) as at:
        await at.connect(link["url"]).greeted()
        assert (await at.row("/agents/chat/old"))["owner"] == ""
        # It keeps the session awake, which keeps nobody from adopting it.
        assert (await at.expect(200, "GET", "/agents/chat/old/get-messages", BOB)).json() == []
        await at.connect("/agents/chat/old", ADA).greeted()
        await at.expect(404, "POST", "/agents/chat/old", BOB, body=said("too late"))
        await at.expect(200, "POST", "/agents/chat/old", ADA, body=said("mine"))
        assert (await at.row("/agents/chat/old"))["owner"] == "user:ada"


async def test_a_visitor_who_signs_in_keeps_the_session_and_the_cookie_alone_opens_it_no_more() -> None:
    visitor = shown_by("visitor")
    path = "/agents/chat/s"
    async with house(lifetimes={"idle_s": 0.05}) as at:
        await at.expect(200, "POST", path, visitor, body=said("before"))
        await at.expect(404, "GET", f"{path}/get-messages", ADA)
        both = {**ADA, **visitor}
        told = (await at.expect(200, "GET", f"{path}/get-messages", both)).json()
        assert [message["content"] for message in told] == ["before", f"{CANARY} answers before"]
        await eventually(lambda: not at.awake(path), "sleep")
        await at.expect(200, "POST", path, both, body=said("after", "u2"))
        assert (await at.row(path))["owner"] == "user:ada"
        await at.expect(404, "GET", f"{path}/get-messages", visitor)
        await at.expect(200, "GET", f"{path}/get-messages", ADA)
