"""The ASGI transport inside another application, below a path of that application."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from conformance.websocket_lab import ENTRANCE, RecordingDoor, RecordingLink
from cutty_agent.ids import Address
from cutty_agent.transport.asgi_websocket import serve


@pytest.fixture
def links() -> list[RecordingLink]:
    return []


@pytest.fixture
def client(links: list[RecordingLink]) -> TestClient:
    def answer(link: RecordingLink) -> None:
        links.append(link)
        link.on_text = link.outlet.send

    door = RecordingDoor(on_connect=answer)

    async def agents(scope: Any, receive: Any, send: Any) -> None:
        await serve(scope, receive, send, door=door, entrance=ENTRANCE)

    return TestClient(Starlette(routes=[Mount("/my app", agents)]))


def test_the_mount_point_is_not_part_of_the_address(client: TestClient, links: list[RecordingLink]) -> None:
    with client.websocket_connect("/my%20app/agents/chat/room%201?_pk=p") as socket:
        socket.send_text("hello")
        assert socket.receive_text() == "hello"
    assert links[0].opening.address == Address("chat", "room 1")
    assert links[0].losses == 1


def test_a_refusal_comes_after_the_handshake(client: TestClient, links: list[RecordingLink]) -> None:
    with client.websocket_connect("/my%20app/agents/nobody/room") as socket:
        with pytest.raises(WebSocketDisconnect) as closed:
            socket.receive_text()
        assert closed.value.code == 4404
    assert links == []
