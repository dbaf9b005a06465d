"""Sockets at the old addresses."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from bridge.old_server import OPERATOR, PAGE, RULE, Chat, bearer
from cutty_agent import App
from cutty_agent.config import load

SHARED_ROOM = "/agents/chat/default"


@contextmanager
def serving(directory: Path, **settings: Any) -> Iterator[TestClient]:
    given = {"allow_origins": [PAGE], "admin_token": OPERATOR, **settings}
    app = App([Chat], load(data=directory, **given))
    with TestClient(app, base_url="http://server") as client:
        yield client


def opened(client: TestClient, path: str, **headers: str) -> dict[str, Any]:
    """Who the server says the session is, or how it closes."""
    with client.websocket_connect(path, headers=headers) as socket:
        while (event := socket.receive())["type"] == "websocket.send":
            frame: dict[str, Any] = json.loads(event["text"])
            if frame["type"] == "cf_agent_identity":
                return frame
        return dict(event)


def uses(client: TestClient) -> list[dict[str, Any]]:
    assert client.portal is not None
    app: Any = client.app
    client.portal.call(app.house.registry.audit.close)  # writes what is gathered
    days = client.get("/admin/bridge", headers={"authorization": f"Bearer {OPERATOR}"}).json()["days"]
    return [use for day in days for use in day["uses"]]


def test_a_named_session_is_reached_as_before_and_counted(tmp_path: Path) -> None:
    with serving(tmp_path, bridge="on") as client:
        assert opened(client, f"{SHARED_ROOM}?sessionId=s1", origin=PAGE)["name"] == "s1"
        assert opened(client, SHARED_ROOM, **{"x-session-id": "s2"})["name"] == "s2"
        assert opened(client, "/agents/chat/s3?sessionId=s1")["name"] == "s3"
        found = {(use["route"], use["origin"], use["used"]) for use in uses(client)}
        assert found == {
            ("WebSocket /agents/chat/default", PAGE, 1),
            ("WebSocket /agents/chat/default", "", 1),
        }


def test_the_shared_room_is_closed_with_the_remedy(tmp_path: Path) -> None:
    with serving(tmp_path, bridge="on") as client:
        for path in (SHARED_ROOM, f"{SHARED_ROOM}?sessionId=default", f"{SHARED_ROOM}?sessionId="):
            closed = opened(client, path)
            assert (closed["type"], closed["code"]) == ("websocket.close", 4400)
            assert "no session that all share" in closed["reason"]
        assert uses(client) == []


def test_the_cookie_of_a_minted_session_opens_default(tmp_path: Path) -> None:
    with serving(tmp_path, bridge="on") as client:
        body = {"messages": [{"id": "u1", "role": "user", "parts": [{"type": "text", "text": "hi"}]}]}
        assert client.post(SHARED_ROOM, json=body).status_code == 200
        kept = client.cookies["cutty_session_chat"]
        assert opened(client, SHARED_ROOM, cookie=f"cutty_session_chat={kept}")["name"] == kept


def test_with_a_rule_default_is_the_callers_own(tmp_path: Path) -> None:
    with serving(tmp_path, bridge="on", access=RULE) as client:
        ada, bob = (opened(client, SHARED_ROOM, **bearer(name))["name"] for name in ("ada", "bob"))
        assert ada != bob
        assert opened(client, f"{SHARED_ROOM}?sessionId=s1", **bearer("ada"))["name"] == "s1"
        assert opened(client, f"{SHARED_ROOM}?sessionId=s1", **bearer("bob"))["code"] == 4404
        assert {use["who"] for use in uses(client)} == {"user:ada", "user:bob"}


@pytest.mark.parametrize("headers", [{}, {"origin": PAGE}])
def test_when_the_bridge_is_over_the_socket_says_where_to_go(tmp_path: Path, headers: dict[str, str]) -> None:
    with serving(tmp_path, bridge="gone") as client:
        closed = opened(client, f"{SHARED_ROOM}?sessionId=s1", **headers)
        assert (closed["type"], closed["code"]) == ("websocket.close", 4410)
        assert "no longer served" in closed["reason"]
        assert opened(client, SHARED_ROOM)["code"] == 4400
        assert opened(client, "/agents/chat/s1")["name"] == "s1"
        assert [(use["refused"], use["origin"]) for use in uses(client)] == [(1, headers.get("origin", ""))]


def test_without_the_bridge_everything_is_as_it_was(tmp_path: Path) -> None:
    with serving(tmp_path) as client:
        assert opened(client, SHARED_ROOM)["name"] == "default"
        assert opened(client, f"{SHARED_ROOM}?sessionId=s1")["name"] == "s1"
        assert uses(client) == []
