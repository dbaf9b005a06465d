"""The HTTP side of an application: routes, errors, origins, pages."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from cutty_agent import App, ChatAgent, Turn
from cutty_agent.config import load

PAGE = "http://app.example.com"
ASK = {"messages": [{"id": "u1", "role": "user", "parts": [{"type": "text", "text": "hi"}]}]}


class Echo(ChatAgent):
    async def on_chat_message(self, turn: Turn) -> AsyncIterator[str]:
        for word in ("You ", "said ", turn.text):
            yield word


class WithRequests(Echo):
    """Answers requests of its own, one of them under the name of a route of ours."""

    async def on_request(self, request: Request) -> Response | None:
        if request.url.path.endswith("/nothing"):
            return None
        if request.url.path.endswith("/broken"):
            raise ValueError("a secret of the server")
        return JSONResponse({"own": request.url.path, "session": self.session.session})


@pytest.fixture
async def http(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    settings = load(data=tmp_path, allow_origins=[PAGE], limits={"body_bytes": 4096, "message_bytes": 2048})
    app = App([Echo, WithRequests], settings)
    async with (
        app.running(),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://server") as client,
    ):
        yield client


def chunks(response: httpx.Response) -> list[Any]:
    """The chunks of an event stream, which must end as the AI SDK wants it."""
    *events, last, nothing = response.text.split("\n\n")
    assert (last, nothing) == ("data: [DONE]", "")
    return [json.loads(event.removeprefix("data: ")) for event in events]


async def test_a_turn_is_answered_as_an_event_stream(http: httpx.AsyncClient) -> None:
    response = await http.post("/agents/echo/s1", json=ASK)
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/event-stream"
    assert response.headers["x-vercel-ai-ui-message-stream"] == "v1"
    found = chunks(response)
    assert found[0]["type"] == "start"
    assert "".join(chunk.get("delta", "") for chunk in found) == "You said hi"
    assert found[-1] == {"type": "finish", "finishReason": "stop"}


async def test_8_7_get_messages_is_chronological_and_empty_for_new_rooms(http: httpx.AsyncClient) -> None:
    assert (await http.get("/agents/echo/new/get-messages")).json() == []
    await http.post("/agents/echo/s1", json=ASK)
    await http.post(
        "/agents/echo/s1",
        json={"message": {"id": "u2", "role": "user", "parts": [{"type": "text", "text": "again"}]}},
    )
    messages = (await http.get("/agents/echo/s1/get-messages?token=any")).json()
    assert [message["content"] for message in messages] == ["hi", "You said hi", "again", "You said again"]
    deeper = await http.get("/agents/echo/s1/some/where/get-messages")
    assert deeper.json() == messages


async def test_8_7_an_agents_own_requests_do_not_hide_get_messages(http: httpx.AsyncClient) -> None:
    await http.post("/agents/with-requests/s1", json=ASK)
    messages = (await http.get("/agents/with-requests/s1/get-messages")).json()
    assert [message["role"] for message in messages] == ["user", "assistant"]
    own = await http.put("/agents/with-requests/s1/files/a.txt")
    assert own.json() == {"own": "/agents/with-requests/s1/files/a.txt", "session": "s1"}
    assert (await http.get("/agents/with-requests/s1")).json()["session"] == "s1"
    missing = await http.get("/agents/with-requests/s1/nothing")
    assert missing.status_code == 404
    assert "get-messages" in missing.json()["error"]["remedy"]


async def test_a_request_that_crashes_is_an_error_that_tells_nothing(http: httpx.AsyncClient) -> None:
    broken = await http.get("/agents/with-requests/s1/broken")
    assert broken.status_code == 500
    assert broken.json()["error"]["code"] == "internal"
    assert "secret" not in broken.text
    assert (await http.get("/agents/with-requests/s1")).status_code == 200


async def test_nothing_runs(http: httpx.AsyncClient) -> None:
    assert (await http.get("/agents/echo/s1/stream")).status_code == 204
    assert (await http.get("/agents/echo/s1/chat-1/stream")).status_code == 204
    assert (await http.get("/agents/echo/s1?chatId=c1")).status_code == 204
    assert (await http.post("/agents/echo/s1/stop")).json() == {"stopped": False}


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "named"),
    [
        ("POST", "/agents/echo/s1", "{", 400, "chat request"),
        ("POST", "/agents/echo/s1", "[]", 400, "object"),
        ("POST", "/agents/echo/s1", "{}", 400, "messages"),
        ("POST", "/agents/echo/s1", '{"messages": 1}', 400, "messages"),
        ("POST", "/agents/echo/s1", '{"messages": [], "trigger": 5}', 400, "trigger"),
        ("POST", "/agents/echo/s1", "x" * 5000, 413, "limits.body_bytes = 4096"),
        (
            "POST",
            "/agents/echo/s1",
            json.dumps(
                {"messages": [{"id": "u", "role": "user", "parts": [{"type": "text", "text": "x" * 3000}]}]}
            ),
            413,
            "limits.message_bytes is 2048",
        ),
        ("POST", "/agents/echo/s1/stop", '{"requestId": 5}', 400, "requestId"),
        ("POST", "/agents/nobody/s1", "{}", 404, "nobody"),
        ("GET", "/agents/echo/a%2Fb/get-messages", None, 400, "session id"),
        ("GET", f"/agents/echo/{'x' * 129}/get-messages", None, 400, "128"),
        ("GET", "/agents/echo/s1/what", None, 404, "get-messages"),
        ("GET", "/agents/echo", None, 405, "POST makes a new session"),
        ("GET", "/agents/", None, 404, "sessionId"),
        ("GET", "/nowhere", None, 404, "/agents/"),
        ("GET", "/../pyproject.toml", None, 404, "/agents/"),
        ("POST", "/", "", 404, "/agents/"),
    ],
)
async def test_bad_requests_name_what_is_wrong(
    http: httpx.AsyncClient, method: str, path: str, body: str | None, status: int, named: str
) -> None:
    response = await http.request(method, path, content=body)
    assert response.status_code == status
    error = response.json()["error"]
    assert named in f"{error['message']} {error['remedy']}"
    assert error["code"]
    assert error["remedy"]
    again = await http.post("/agents/echo/s1", json=ASK)
    assert again.status_code == 200, "the session stays usable"


async def test_pages_of_other_origins_need_leave(http: httpx.AsyncClient) -> None:
    path = "/agents/echo/s1/get-messages"
    allowed = await http.get(path, headers={"origin": PAGE})
    assert allowed.headers["access-control-allow-origin"] == PAGE
    assert allowed.headers["access-control-allow-credentials"] == "true"
    preflight = await http.options(
        path, headers={"origin": PAGE, "access-control-request-headers": "authorization"}
    )
    assert preflight.status_code == 200
    assert preflight.headers["access-control-allow-headers"] == "authorization"
    refused = await http.get(path, headers={"origin": "http://evil.example"})
    assert refused.status_code == 403
    assert "access-control-allow-origin" not in refused.headers
    foreign = await http.post("/agents/echo/s1", json=ASK, headers={"origin": "http://evil.example"})
    assert foreign.status_code == 403
    assert (await http.get(path)).json() == [], "the refused request changed nothing"
    assert (await http.get(path, headers={"origin": "http://server"})).status_code == 200


async def test_health_info_and_page(http: httpx.AsyncClient) -> None:
    assert (await http.get("/health")).json() == {"status": "ok"}
    assert (await http.get("/ready")).status_code == 200
    assert [agent["name"] for agent in (await http.get("/info.json")).json()["agents"]] == [
        "echo",
        "with-requests",
    ]
    page = await http.get("/")
    assert page.headers["content-type"].startswith("text/html")
    assert "script-src 'self'" in page.headers["content-security-policy"]


async def test_an_application_that_does_not_run_says_so(tmp_path: Path) -> None:
    app = App([Echo], load(data=tmp_path))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://server") as client:
        assert (await client.get("/ready")).status_code == 503
        response = await client.get("/agents/echo/s1/get-messages")
        assert response.status_code == 503
        assert response.json()["error"]["code"] == "server.stopping"


def test_agents_are_classes_not_instances() -> None:
    with pytest.raises(TypeError, match="pass the class"):
        App([Echo()])  # type: ignore[list-item]  # the mistake this is about


async def test_looking_makes_no_session(http: httpx.AsyncClient) -> None:
    for method, path in [("GET", ""), ("HEAD", ""), ("PUT", ""), ("GET", "/anything"), ("GET", "/shares")]:
        await http.request(method, f"/agents/echo/looked{path}")
    await http.get("/agents/echo/looked/stop")
    owner = await http.post("/agents/echo/looked", json=ASK)
    assert owner.status_code == 200


@pytest.mark.parametrize(
    "wrong",
    [
        {"message": "text"},
        {"messages": [None]},
        {"messages": [*ASK["messages"], {"id": "u2", "role": "user", "parts": "hi"}]},
        {"messages": [{"id": "u2", "role": "User", "parts": []}]},
    ],
)
async def test_a_newest_message_that_cannot_be_read_is_refused(
    http: httpx.AsyncClient, wrong: dict[str, Any]
) -> None:
    await http.post("/agents/echo/s1", json=ASK)
    refused = await http.post("/agents/echo/s1", json=wrong)
    assert refused.status_code == 400
    assert "UI message" in refused.json()["error"]["message"]
    assert len((await http.get("/agents/echo/s1/get-messages")).json()) == 2


async def test_stopping_what_does_not_run_stops_nothing(http: httpx.AsyncClient) -> None:
    await http.post("/agents/echo/s1", json=ASK)
    for body in ({}, {"requestId": "nobody"}):
        assert (await http.post("/agents/echo/s1/stop", json=body)).json() == {"stopped": False}


@pytest.mark.parametrize(("method", "path", "allowed"), [("GET", "/agents/echo", "POST")])
async def test_a_refused_method_says_which_are_answered(
    http: httpx.AsyncClient, method: str, path: str, allowed: str
) -> None:
    answer = await http.request(method, path)
    assert (answer.status_code, answer.headers["allow"]) == (405, allowed)


async def test_a_links_address_can_be_followed(http: httpx.AsyncClient) -> None:
    made = await http.post("/agents/echo/my%20chat/shares", json={"mode": "read"})
    assert made.json()["url"].startswith("/agents/echo/my%20chat?share=")


async def test_a_head_request_does_not_wait_for_the_answer(tmp_path: Path) -> None:
    started, leave = asyncio.Event(), asyncio.Event()

    class Slow(ChatAgent):
        async def on_chat_message(self, turn: Turn) -> AsyncIterator[str]:
            started.set()
            yield "one"
            await leave.wait()

    app = App([Slow], load(data=tmp_path))
    async with (
        app.running(),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://server") as client,
    ):
        asked = asyncio.ensure_future(client.post("/agents/slow/s1", json=ASK))
        await started.wait()
        answer = await client.head("/agents/slow/s1/stream")
        assert answer.headers["content-type"] == "text/event-stream"
        assert answer.content == b""
        assert not asked.done()
        leave.set()
        await asked
