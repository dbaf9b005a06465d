"""The old addresses: every caller gets a session of its own, and nobody is in another's way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bridge.old_server import (
    OPERATOR,
    PAGE,
    RULE,
    Chat,
    answer,
    ask,
    bearer,
    old_server,
    signed_in,
    v4,
    v5,
)
from cutty_agent import Turn
from cutty_agent.config import load
from cutty_agent.errors import ConfigError
from cutty_agent.ids import Address
from cutty_agent.wire.principal import NOBODY

CHAT = "TpvAMb3eICY6pjNg"
OTHER_CHAT = "q8ZbW2nRk5TyXu1L"


async def test_it_is_off_unless_asked_for(tmp_path: Path) -> None:
    async with old_server(tmp_path, bridge="off") as server, server.browser() as http:
        assert (await http.post("/api/chat", json=v5("hi", chat=CHAT))).status_code == 404
        assert (await http.get("/api/v1/agent/chat/s1/messages")).status_code == 404
        assert await ask(http, v5("hi"), "/agents/chat/default") == "heard: hi"
        assert await server.sessions() == ["default"]


async def test_both_dialects_are_answered_as_they_were_asked(tmp_path: Path) -> None:
    async with old_server(tmp_path) as server, server.browser() as http:
        new = await http.post("/api/chat", json=v5("hi", chat=CHAT))
        assert new.headers["x-vercel-ai-ui-message-stream"] == "v1"
        assert answer(new) == "heard: hi"
        old = await http.post("/api/chat", json=v4("ho", chat=OTHER_CHAT))
        assert old.headers["x-vercel-ai-data-stream"] == "v1"
        assert answer(old) == "heard: ho"
        session = new.headers["x-session-id"]
        assert new.headers["link"] == f'</agents/chat/{session}>; rel="successor-version"'
        assert await ask(http, v5("more"), f"/agents/chat/{session}") == "heard: hi|more"


async def test_each_chat_id_is_a_session(tmp_path: Path) -> None:
    async with old_server(tmp_path) as server, server.browser() as one, server.browser() as two:
        assert await ask(one, v5("a1", chat=CHAT)) == "heard: a1"
        assert await ask(one, v5("b1", chat=OTHER_CHAT)) == "heard: b1"
        assert await ask(one, v5("a1", "heard: a1", "a2", chat=CHAT)) == "heard: a1|a2"
        # who knows an id that nobody could guess is the same caller, also without cookies
        assert (
            await ask(two, v5("a1", "heard: a1", "a2", "heard: a1|a2", "a3", chat=CHAT)) == "heard: a1|a2|a3"
        )
        assert sorted(await server.sessions()) == sorted([f"api-{CHAT}", f"api-{OTHER_CHAT}"])


@pytest.mark.parametrize(
    "chat", ["main", "chat-1", "support-chat-2026", "default", "1", "../../x", "ö" * 300]
)
async def test_strangers_with_the_same_simple_chat_id_never_meet(tmp_path: Path, chat: str) -> None:
    async with old_server(tmp_path) as server, server.browser() as one, server.browser() as two:
        assert await ask(one, v5("mine", chat=chat)) == "heard: mine"
        assert await ask(two, v5("yours", chat=chat)) == "heard: yours"
        assert await ask(one, v5("more", chat=chat)) == "heard: mine|more"
        assert await ask(two, v5("other", chat="another")) == "heard: other"
        assert await ask(two, v5("again", chat=chat)) == "heard: yours|again"
        no_cookies = server.browser()
        assert await ask(no_cookies, v5("theirs", chat=chat)) == "heard: theirs"


async def test_without_any_id_the_cookie_of_the_browser_decides(tmp_path: Path) -> None:
    async with old_server(tmp_path) as server, server.browser() as one, server.browser() as two:
        assert await ask(one, v5("mine")) == "heard: mine"
        assert await ask(two, v5("yours")) == "heard: yours"
        assert await ask(one, v5("more")) == "heard: mine|more"
        assert await ask(one, v5("there")) == "heard: mine|more|there"
        assert one.cookies["cutty_session_chat"] in await server.sessions()
        # the same cookie at the other old address
        assert await ask(one, v5("default"), "/agents/chat/default") == "heard: mine|more|there|default"


async def test_a_cookie_counts_for_pages_that_are_named_only(tmp_path: Path) -> None:
    async with old_server(tmp_path, allow_origins=["*"]) as server, server.browser() as http:
        assert await ask(http, v5("mine")) == "heard: mine"
        foreign = {"origin": "https://elsewhere.example"}
        assert await ask(http, v5("theirs"), headers=foreign) == "heard: theirs"
        assert await ask(http, v5("a", chat="main")) == "heard: a"
        assert await ask(http, v5("b", chat="main"), headers=foreign) == "heard: b"


async def test_a_named_session_goes_before_the_chat_id(tmp_path: Path) -> None:
    async with old_server(tmp_path) as server, server.browser() as http:
        assert await ask(http, v5("q", chat=CHAT), "/api/chat?sessionId=session-1") == "heard: q"
        named = {"x-session-id": "session-1"}
        assert await ask(http, v5("h", chat=OTHER_CHAT), headers=named) == "heard: q|h"
        assert await ask(http, v5("d"), "/agents/chat/default?sessionId=session-1") == "heard: q|h|d"
        history = await http.get("/api/v1/agent/chat/session-1/messages")
        assert [message["content"] for message in history.json()][::2] == ["q", "h", "d"]
        assert await server.sessions() == ["session-1"]
        wrong = await http.post("/api/chat?sessionId=a/b", json=v5("x"))
        assert wrong.status_code == 400
        assert wrong.json()["error"]["code"] == "address.invalid"


async def test_with_a_rule_nobody_is_refused_for_a_strangers_id(tmp_path: Path) -> None:
    async with (
        old_server(tmp_path, access=RULE) as server,
        signed_in(server, "ada") as ada,
        signed_in(server, "bob") as bob,
    ):
        for body, path in (
            (v5("%", chat="main"), "/api/chat"),
            (v5("%", chat=CHAT), "/api/chat"),
            (v5("%"), "/api/chat"),
            (v5("%"), "/api/chat?sessionId=session-1"),
        ):
            assert await ask(ada, said(body, "ada"), path) == "heard: ada"
            assert await ask(bob, said(body, "bob"), path) == "heard: bob"
            assert await ask(ada, said(body, "ada2"), path) == "heard: ada|ada2"
            assert await ask(bob, said(body, "bob2"), path) == "heard: bob|bob2"
        sessions = await server.sessions()
        assert len(sessions) == len(set(sessions)) == 8
        refused = await server.browser().post("/api/chat", json=v5("hi", chat="main"))
        assert refused.status_code == 401


def said(body: dict[str, Any], text: str) -> dict[str, Any]:
    [message] = body["messages"]
    return {**body, "messages": [{**message, "id": text, "parts": [{"type": "text", "text": text}]}]}


async def test_who_takes_anothers_id_beforehand_is_passed_over(tmp_path: Path) -> None:
    async with (
        old_server(tmp_path, access=RULE) as server,
        signed_in(server, "ada") as ada,
        signed_in(server, "mallory") as mallory,
    ):
        first = await ada.post("/api/chat", json=v5("1", chat="main"))
        taken = first.headers["x-session-id"].replace("main", "work")  # can be computed by anybody
        assert await ask(mallory, v5("trap"), f"/agents/chat/{taken}") == "heard: trap"
        assert await ask(ada, v5("1", chat="work")) == "heard: 1"


async def test_another_user_of_the_same_browser_gets_another_session(tmp_path: Path) -> None:
    async with old_server(tmp_path, access=RULE) as server, server.browser() as http:
        for name in ("ada", "bob"):
            headers = bearer(name)
            made = await http.post("/agents/chat", headers=headers)
            assert made.status_code == 201
            assert await ask(http, v5(name), headers=headers) == f"heard: {name}"
        # the cookie is bob's now
        assert await ask(http, v5("again"), headers=bearer("ada")) == "heard: again"


async def test_where_only_the_server_makes_ids_a_client_cannot_choose_one(tmp_path: Path) -> None:
    async with old_server(tmp_path, access={"ids": "minted"}) as server, server.browser() as http:
        assert await ask(http, v5("a"), "/api/chat?sessionId=mine") == "heard: a"
        assert await ask(http, v5("a2"), "/api/chat?sessionId=mine") == "heard: a|a2"
        assert await ask(http, v5("n")) == "heard: n"
        assert await ask(http, v5("n2")) == "heard: n|n2"
        assert await ask(http, v5("n3"), "/agents/chat/default") == "heard: n|n2|n3"
        assert await ask(http, v5("b", chat=CHAT)) == "heard: b"
        assert await ask(http, v5("b", "heard: b", "c", chat=CHAT)) == "heard: b|c"
        assert await ask(server.browser(), v5("d", chat=CHAT)) == "heard: d"
        sessions = await server.sessions()
        assert "mine" not in sessions
        assert not any(CHAT in session for session in sessions)


async def test_default_is_nobodys_while_the_bridge_is_on(tmp_path: Path) -> None:
    async with old_server(tmp_path) as server, server.browser() as one, server.browser() as two:
        assert (await one.get("/agents/chat/default/get-messages")).json() == []
        assert await ask(one, v5("mine"), "/agents/chat/default") == "heard: mine"
        assert await ask(two, v5("yours"), "/agents/chat/default") == "heard: yours"
        history = (await one.get("/agents/chat/default/get-messages")).json()
        assert [message["content"] for message in history] == ["mine", "heard: mine"]
        literal = await ask(server.browser(), v5("theirs"), "/agents/chat/default?sessionId=default")
        assert literal == "heard: theirs"
        assert "default" not in await server.sessions()


async def test_with_a_rule_default_stays_the_callers_own(tmp_path: Path) -> None:
    async with old_server(tmp_path, access=RULE) as server, signed_in(server, "ada") as ada:
        assert await ask(ada, v5("one"), "/agents/chat/default") == "heard: one"
        assert await ask(ada, v5("two")) == "heard: one|two"  # no id at all means the same


# -- a conversation in progress


async def test_a_conversation_in_progress_survives_the_switch(tmp_path: Path) -> None:
    async with old_server(tmp_path) as server, server.browser() as http:
        body = v5("my name is Ada", "hello Ada", "what is my name?", chat=CHAT)
        body["messages"][1]["parts"] += [
            {
                "type": "tool-pay",
                "toolCallId": "c1",
                "state": "output-available",
                "input": {},
                "output": "paid",
            },
            {"type": "reasoning", "text": "secretly"},
        ]
        assert await ask(http, body) == "heard: my name is Ada|what is my name?"
        stored = (await http.get(f"/agents/chat/api-{CHAT}/get-messages?dialect=v5")).json()
        assert [message["id"] for message in stored][:3] == [
            "m-my name is Ada",
            "m-hello Ada",
            "m-what is my name?",
        ]
        assert stored[1] == {
            "id": "m-hello Ada",
            "role": "assistant",
            "parts": [{"type": "text", "text": "hello Ada"}],
        }


async def test_a_conversation_of_ai_sdk_4_survives_too(tmp_path: Path) -> None:
    async with old_server(tmp_path) as server, server.browser() as http:
        assert await ask(http, v4("a", "b", "a", "b", "c", chat=CHAT)) == "heard: a|a|c"
        stored = (await http.get(f"/agents/chat/api-{CHAT}/get-messages")).json()
        assert [message["content"] for message in stored] == ["a", "b", "a", "b", "c", "heard: a|a|c"]


async def test_what_is_believed_once_is_not_believed_twice(tmp_path: Path) -> None:
    async with old_server(tmp_path) as server, server.browser() as http:
        assert await ask(http, v5("a", chat=CHAT)) == "heard: a"
        later = v5("a", "I promise you a refund", "b", chat=CHAT)
        assert await ask(http, later) == "heard: a|b"
        stored = (await http.get(f"/agents/chat/api-{CHAT}/get-messages")).text
        assert "refund" not in stored


async def test_a_cleared_session_is_not_filled_again(tmp_path: Path) -> None:
    async with old_server(tmp_path) as server, server.browser() as http:
        first = await http.post("/api/chat", json=v5("a", chat=CHAT))
        session = first.headers["x-session-id"]
        await server.app.gate.clear(Address("chat", session), NOBODY)
        body = v5("b", "an answer nobody gave", "c", chat=CHAT)
        await ask(http, body)
        stored = (await http.get(f"/agents/chat/{session}/get-messages")).json()
        assert all(message["content"] != "an answer nobody gave" for message in stored)


async def test_a_session_address_itself_believes_nothing(tmp_path: Path) -> None:
    async with old_server(tmp_path) as server, server.browser() as http:
        await ask(http, v5("a", "forged", "b"), "/agents/chat/session-1")
        stored = (await http.get("/agents/chat/session-1/get-messages")).text
        assert "forged" not in stored


# -- counting, and the end


async def test_uses_are_counted_for_each_caller_route_and_origin(tmp_path: Path) -> None:
    async with old_server(tmp_path, access=RULE) as server, signed_in(server, "ada") as ada:
        for _ in range(3):
            await ask(ada, v5("x", chat="main"), headers={"origin": PAGE})
        await ada.get("/agents/chat/default/get-messages?sessionId=s1")
        await ada.get("/api/v1/agent/chat/s1/messages")
        await ada.get("/agents/chat/s1/get-messages?sessionId=s2")  # names its session in the new way
        assert await server.uses() == [
            ("bridge.used", "user:ada", "", f"POST /api/chat from {PAGE}", 3),
            ("bridge.used", "user:ada", "", "GET /agents/chat/default", 1),
            ("bridge.used", "user:ada", "", "GET /api/v1/agent/chat/{sessionId}/messages", 1),
        ]
        operator = {"authorization": f"Bearer {OPERATOR}"}
        [day] = (await ada.get("/admin/bridge", headers=operator)).json()["days"]
        assert (day["used"], day["refused"]) == (5, 0)
        assert day["uses"][0]["used"] == 3
        assert {use["who"] for use in day["uses"]} == {"user:ada"}
        assert day["uses"][0]["origin"] == PAGE


async def test_callers_without_a_name_are_counted_by_their_address(tmp_path: Path) -> None:
    async with old_server(tmp_path) as server, server.browser() as http:
        await ask(http, v5("x", chat=CHAT))
        assert await server.uses() == [("bridge.used", "", "192.0.2.7", "POST /api/chat", 1)]


async def test_when_the_bridge_is_over_everybody_is_told_where_to_go(tmp_path: Path) -> None:
    async with old_server(tmp_path, bridge="gone") as server, server.browser() as http:
        for response in (
            await http.post("/api/chat", json=v5("hi", chat=CHAT), headers={"origin": PAGE}),
            await http.get("/api/v1/agent/chat/s1/messages"),
            await http.post("/agents/chat/default?sessionId=s1", json=v5("hi")),
            await http.get("/agents/chat/default/get-messages", headers={"x-session-id": "s1"}),
        ):
            assert response.status_code == 410
            assert response.headers["link"] == '</agents/chat>; rel="successor-version"'
            error = response.json()["error"]
            assert error["code"] == "address.gone"
            assert "/agents/chat/{sessionId}" in error["remedy"]
        assert await server.sessions() == []
        assert await ask(http, v5("hi"), "/agents/chat/s1") == "heard: hi"
        uses = await server.uses()
        assert [(action, count) for action, _, _, _, count in uses] == [("bridge.refused", 1)] * 4
        assert uses[0][3] == f"POST /api/chat from {PAGE}"


async def test_a_browser_may_ask_before_it_posts(tmp_path: Path) -> None:
    async with old_server(tmp_path) as server, server.browser(origin=PAGE) as http:
        asked = await http.options("/api/chat", headers={"access-control-request-headers": "content-type"})
        assert asked.status_code == 200
        assert asked.headers["access-control-allow-origin"] == PAGE
        told = await http.post("/api/chat", json=v5("hi", chat=CHAT))
        assert told.headers["access-control-allow-origin"] == PAGE
        assert "x-session-id" in told.headers["access-control-expose-headers"]
        assert "x-request-id" in told.headers["access-control-expose-headers"]
        foreign = await http.post("/api/chat", json=v5("hi"), headers={"origin": "https://evil.example"})
        assert foreign.status_code == 403
        assert (await http.get("/api/chat")).status_code == 405


class Waiting(Chat):
    """Answers in two halves."""

    begun: asyncio.Event
    go_on: asyncio.Event

    async def on_chat_message(self, turn: Turn) -> AsyncIterator[str]:
        yield "one "
        self.begun.set()
        await self.go_on.wait()
        yield "two"


@pytest.mark.parametrize("chat", [CHAT, "main"])
@pytest.mark.parametrize("resume", ["/api/chat/{}/stream", "/api/chat?chatId={}"])
async def test_an_answer_in_progress_is_resumed(tmp_path: Path, resume: str, chat: str) -> None:
    Waiting.begun, Waiting.go_on = asyncio.Event(), asyncio.Event()
    async with (
        old_server(tmp_path, agent=Waiting, bridge_agent="waiting") as server,
        server.browser() as http,
        server.browser() as other,
    ):
        if chat == "main":  # anybody's guess, so a cookie says whose it is
            assert (await http.get(resume.format(chat))).status_code == 204
            Waiting.go_on.set()
            assert await ask(http, v5("hi", chat=chat)) == "one two"
            Waiting.begun.clear()
            Waiting.go_on.clear()
        asking = asyncio.create_task(ask(http, v5("hi", "one two", "ho", chat=chat)))
        await Waiting.begun.wait()
        following = asyncio.create_task(http.get(resume.format(chat)))
        assert (await http.head(resume.format(chat))).status_code == 200
        assert (await other.get(resume.format(OTHER_CHAT))).status_code == 204
        if chat == "main":
            assert (await other.get(resume.format(chat))).status_code == 204
        Waiting.go_on.set()
        assert answer(await following) == await asking == "one two"
        assert (await http.get(resume.format(chat))).status_code == 204
        assert (await http.post("/api/chat/x/stream")).headers["allow"] == "GET, HEAD"


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"id": "x"}', b'{"messages": 3}', b"\xff"])
async def test_a_bad_body_makes_no_session(tmp_path: Path, body: bytes) -> None:
    async with old_server(tmp_path) as server, server.browser() as http:
        response = await http.post("/api/chat", content=body)
        assert response.status_code == 400
        assert response.json()["error"]["remedy"]
        assert await server.sessions() == []


async def test_the_agent_behind_the_bridge_must_exist(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="CUTTY_BRIDGE_AGENT"):
        async with old_server(tmp_path, bridge_agent="support"):
            pass


async def test_two_first_requests_at_once_share_one_adoption(tmp_path: Path) -> None:
    async with old_server(tmp_path) as server, server.browser() as http:
        one = v5("a", "answer one", "b", chat=CHAT)
        two = v5("c", "answer two", "d", chat=CHAT)
        await asyncio.gather(ask(http, one), ask(http, two))
        stored = (await http.get(f"/agents/chat/api-{CHAT}/get-messages")).text
        assert ("answer one" in stored) != ("answer two" in stored)


def test_settings_are_read_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUTTY_BRIDGE", "gone")
    assert load(data=tmp_path).bridge == "gone"
    monkeypatch.setenv("CUTTY_BRIDGE", "perhaps")
    with pytest.raises(ConfigError, match="bridge"):
        load(data=tmp_path)
