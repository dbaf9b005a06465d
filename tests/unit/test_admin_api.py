"""The operator's API over ASGI, on the memory store."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
import structlog

from cutty_agent.admin.token import TOKEN_FILE
from cutty_agent.agent.chat import ChatAgent
from cutty_agent.agent.turn import Turn
from cutty_agent.app import App
from cutty_agent.config import Settings
from cutty_agent.engines.memory import MemoryStore
from cutty_agent.ids import Address
from cutty_agent.ports.store import PutMessage

TOKEN = "a-token-of-the-operator"
BEARER = {"authorization": f"Bearer {TOKEN}"}

ROUTES = [
    ("GET", "/admin/sessions"),
    ("GET", "/admin/sessions?agent=chat&after=chat/a&limit=1"),
    ("GET", "/admin/sessions/chat/a"),
    ("GET", "/admin/sessions/chat/a/messages"),
    ("GET", "/admin/sessions/chat/a/tail"),
    ("POST", "/admin/sessions/chat/a/stop"),
    ("DELETE", "/admin/sessions/chat/a"),
    ("GET", "/admin/sessions/chat/unknown"),
    ("GET", "/admin/nothing/here"),
    ("OPTIONS", "/admin/sessions"),
]

WRONG: list[dict[str, str]] = [
    {},
    {"authorization": "Bearer"},
    {"authorization": "Bearer "},
    {"authorization": "Bearer not-the-token"},
    {"authorization": f"Bearer {TOKEN}x"},
    {"authorization": f"Bearer {TOKEN[:-1]}"},
    {"authorization": f"Basic {TOKEN}"},
    {"authorization": TOKEN},
]


class Chat(ChatAgent):
    async def on_chat_message(self, turn: Turn) -> AsyncIterator[str]:
        yield f"You said {turn.text}."


class AIHelper(Chat):
    pass


@pytest_asyncio.fixture
async def store() -> MemoryStore:
    store = MemoryStore()
    for at, address in enumerate(
        [Address("chat", "a"), Address("chat", "b c"), Address("chat", "b"), Address("gone", "old")]
    ):
        snapshot = await store.claim(address, owner=None, now_ms=1000 + at)
        await store.commit(
            address,
            snapshot.epoch,
            [PutMessage("m", b'{"id":"m","role":"user","parts":[]}')],
            now_ms=2000 + at,
        )
    return store


async def serve(store: MemoryStore, **settings: Any) -> AsyncIterator[httpx.AsyncClient]:
    async def opened() -> MemoryStore:
        return store

    app = App([Chat, AIHelper], Settings(**settings), open_store=opened)
    async with (
        app.running(),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1") as http,
    ):
        yield http


@pytest_asyncio.fixture
async def http(store: MemoryStore) -> AsyncIterator[httpx.AsyncClient]:
    async for client in serve(store, admin_token=TOKEN):
        yield client


@pytest.mark.parametrize("headers", WRONG)
@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_without_the_token_nothing_is_told_or_done(
    http: httpx.AsyncClient, store: MemoryStore, method: str, path: str, headers: dict[str, str]
) -> None:
    answer = await http.request(method, path, headers=headers)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.json()["error"]["code"] == "auth.required"
    assert TOKEN not in answer.text
    assert await store.messages(Address("chat", "a")) is not None


async def test_a_token_in_the_query_is_no_token(http: httpx.AsyncClient) -> None:
    for key in ("token", "authorization", "access_token"):
        assert (await http.get(f"/admin/sessions?{key}={TOKEN}")).status_code == 401


async def test_without_a_token_of_its_own_a_custom_store_has_no_api(store: MemoryStore) -> None:
    async for http in serve(store):
        answer = await http.get("/admin/sessions", headers={"authorization": "Bearer "})
        assert answer.status_code == 404
        assert "CUTTY_ADMIN_TOKEN" in answer.json()["error"]["remedy"]


async def test_a_data_directory_gets_a_token_that_stays(tmp_path: Path) -> None:
    tokens = set()
    for _ in range(2):
        app = App([Chat], Settings(data=tmp_path / "data"))
        async with (
            app.running(),
            httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1") as http,
        ):
            file = tmp_path / "data" / TOKEN_FILE
            assert file.stat().st_mode & 0o777 == 0o600
            tokens.add(token := file.read_text().strip())
            answer = await http.get("/admin/sessions", headers={"authorization": f"Bearer {token}"})
            assert answer.json() == {"sessions": [], "next": None}
    assert len(tokens) == 1


async def test_pages_hold_every_session_once_in_the_order_of_addresses(http: httpx.AsyncClient) -> None:
    for limit in (1, 2, 3, 4, 5):
        seen: list[str] = []
        after: str | None = ""
        while after is not None:
            query = {"limit": str(limit), "after": after}
            page = (await http.get("/admin/sessions", params=query, headers=BEARER)).json()
            assert len(page["sessions"]) <= limit
            seen += [f"{row['agent']}/{row['id']}" for row in page["sessions"]]
            after = page["next"]
        assert seen == ["chat/a", "chat/b", "chat/b c", "gone/old"]


async def test_one_agent_only(http: httpx.AsyncClient) -> None:
    page = (await http.get("/admin/sessions?agent=chat", headers=BEARER)).json()
    assert [row["id"] for row in page["sessions"]] == ["a", "b", "b c"]
    assert page["next"] is None
    first = page["sessions"][0]
    assert (first["messages"], first["created_ms"], first["active_ms"]) == (1, 1000, 2000)
    assert (first["open_turns"], first["awake"], first["sockets"]) == (0, False, 0)


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=1001", "limit=many", "after=chat", "after=/a", "after=chat/%00", "after=chat/a/b"],
)
async def test_a_bad_query_is_refused_by_name(http: httpx.AsyncClient, query: str) -> None:
    answer = await http.get(f"/admin/sessions?{query}", headers=BEARER)
    assert answer.status_code == 400
    assert answer.json()["error"]["remedy"]


async def test_show_tells_the_turns_and_what_was_said(http: httpx.AsyncClient) -> None:
    body = {"message": {"id": "u", "role": "user", "parts": [{"type": "text", "text": "hello"}]}}
    await http.post("/agents/chat/new", json=body)
    shown = (await http.get("/admin/sessions/chat/new", headers=BEARER)).json()
    assert (shown["agent"], shown["id"], shown["messages"], shown["open_turns"]) == ("chat", "new", 2, 0)
    assert (shown["awake"], shown["running"], shown["queued"]) == (True, None, [])
    [turn] = shown["turns"]
    assert (turn["kind"], turn["outcome"], turn["error"], turn["message_ids"]) == (
        "submit",
        "completed",
        None,
        ["u"],
    )
    messages = (await http.get("/admin/sessions/chat/new/messages", headers=BEARER)).json()
    assert [message["role"] for message in messages] == ["user", "assistant"]
    assert messages[1]["parts"][-1]["text"] == "You said hello."


async def test_looking_at_a_session_does_not_wake_or_make_it(
    http: httpx.AsyncClient, store: MemoryStore
) -> None:
    for path in ("/admin/sessions/chat/a", "/admin/sessions/chat/a/messages"):
        assert (await http.get(path, headers=BEARER)).status_code == 200
    assert (await http.get("/admin/sessions/chat/a", headers=BEARER)).json()["awake"] is False
    for path in ("", "/messages", "/tail"):
        answer = await http.get(f"/admin/sessions/chat/nobody{path}", headers=BEARER)
        assert answer.status_code == 404
        assert "chat/nobody" in answer.json()["error"]["message"]
    assert (await http.post("/admin/sessions/chat/nobody/stop", headers=BEARER)).status_code == 404
    assert await store.messages(Address("chat", "nobody")) is None


async def test_ids_are_decoded_once(http: httpx.AsyncClient) -> None:
    assert (await http.get("/admin/sessions/chat/b%20c", headers=BEARER)).json()["id"] == "b c"
    assert (await http.get("/admin/sessions/chat/b%2520c", headers=BEARER)).status_code == 400
    assert (await http.get("/admin/sessions/chat/a%2Fmessages", headers=BEARER)).status_code == 400


async def test_both_spellings_of_an_agent_are_the_same_session(http: httpx.AsyncClient) -> None:
    body = {"message": {"id": "u", "role": "user", "parts": [{"type": "text", "text": "hello"}]}}
    await http.post("/agents/ai-helper/x", json=body)
    for spelling in ("ai-helper", "a-i-helper"):
        shown = (await http.get(f"/admin/sessions/{spelling}/x", headers=BEARER)).json()
        assert (shown["agent"], shown["messages"]) == ("a-i-helper", 2)


async def test_delete_removes_it_and_is_logged(http: httpx.AsyncClient, store: MemoryStore) -> None:
    with structlog.testing.capture_logs() as logs:
        answer = await http.delete("/admin/sessions/gone/old", headers=BEARER)
        receipt = answer.json()
        assert (answer.status_code, receipt["subject"]) == (200, "gone/old")
        assert (receipt["sessions"], receipt["messages"], receipt["overwritten"]) == (1, 1, True)
        assert (await http.delete("/admin/sessions/gone/old", headers=BEARER)).status_code == 404
    assert await store.messages(Address("gone", "old")) is None
    said = [(log["action"], log["agent"], log["session"]) for log in logs if log["event"] == "audit"]
    assert said == [("session.erased", "gone", "old")]
    [entry] = [row.entry for row in await store.audit(action="session.erased")]
    assert (entry.actor, entry.agent, entry.session) == ("operator", "gone", "old")


async def test_stop_with_nothing_running_says_so_and_is_logged(http: httpx.AsyncClient) -> None:
    with structlog.testing.capture_logs() as logs:
        answer = await http.post("/admin/sessions/chat/a/stop", headers=BEARER)
    assert answer.json() == {"stopped": False}
    assert [log["session"] for log in logs if log.get("action") == "session.stopped"] == ["a"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", "/admin/sessions/chat/a"),
        ("POST", "/admin/sessions/chat/a"),
        ("GET", "/admin/sessions/chat/a/stop"),
        ("DELETE", "/admin/sessions/chat/a/messages"),
        ("DELETE", "/admin/sessions"),
        ("GET", "/admin/sessions/chat"),
        ("GET", "/admin/sessions/chat/a/messages/more"),
        ("GET", "/admin/other"),
    ],
)
async def test_other_paths_say_which_there_are(
    http: httpx.AsyncClient, store: MemoryStore, method: str, path: str
) -> None:
    answer = await http.request(method, path, headers=BEARER)
    assert answer.status_code == 404
    assert "/admin/sessions" in answer.json()["error"]["remedy"]
    assert await store.messages(Address("chat", "a")) is not None
