"""The disk is full: requests end with an error, nothing acknowledged is lost, and with space again it works."""

from __future__ import annotations

import resource

import psutil
import pytest
from msgspec import json
from websockets.exceptions import ConnectionClosed

from cutty_agent.engines.embedded.readonly import open_readonly
from cutty_agent.ids import Address
from faults.conftest import MakeServer
from faults.process import Server
from faults.visitor import Frame, Visitor, visit
from faults.witness import text_of

pytestmark = pytest.mark.faults


def leave_room(server: Server, extra: int | None) -> None:
    """Let no file of the server, or of the process that writes for it, grow by more than ``extra`` bytes beyond the largest; ``None`` for no bound."""
    limit = resource.RLIM_INFINITY
    if extra is not None:
        limit = max(path.stat().st_size for path in server.data.iterdir()) + extra
    serving = psutil.Process(server.process.pid)
    for process in (serving, *serving.children()):
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))


async def outcome(server: Server, session: str, tag: str, words: int) -> tuple[Frame, Visitor]:
    """The terminal frame of a question; the close frame in its shape when the session could not even be opened."""
    async with visit(server, session) as visitor:
        await visitor.ask(tag, words)
        try:
            return await visitor.end(), visitor
        except ConnectionClosed as error:
            if error.rcvd is None or error.rcvd.code not in {1011, 1012}:
                raise  # a client would not come back
            return {"error": True, "body": error.rcvd.reason}, visitor


async def transcript(server: Server, session: str) -> list[tuple[str, int]]:
    """Ids of user messages and word counts of their answers, in order."""
    status, body = await server.get(f"/agents/chat/{session}/get-messages")
    assert status == 200
    found: list[tuple[str, int]] = []
    for message in json.decode(body):
        if message["role"] == "user":
            found.append((message["id"], 0))
        else:
            words = text_of(message).split()
            tag = found[-1][0]
            assert [word.split("x")[0] for word in words] == [f"{tag}:{at}" for at in range(len(words))]
            found[-1] = (tag, len(words))
    return found


async def test_a_full_disk_ends_requests_with_an_error_and_loses_nothing(make_server: MakeServer) -> None:
    server = make_server(NUMBERED_PAUSE_MS="1", NUMBERED_FILLER="1000")
    await server.start()
    kept: dict[str, list[tuple[str, int]]] = {"a": [], "b": []}
    for session in kept:
        for n in range(3):
            ended, _ = await outcome(server, session, f"{session}{n}", 20)
            assert ended["outcome"] == "completed"
            kept[session].append((f"{session}{n}", 20))
    leave_room(server, 200_000)

    # An answer that no longer fits ends with an error, and stays as far as it was shown.
    ended, shown = await outcome(server, "a", "large", 2000)
    assert ended["error"] is True
    assert ended["body"] == "Failed to save the response."
    assert 0 < len(shown.words()) < 2000

    # Nor does a question: nobody is told that it was accepted, but what is wrong and what to do.
    told: list[str] = []
    for n in range(20):
        ended, _ = await outcome(server, "b", f"lost{n}", 100)
        told.append(ended.get("body", ""))
        if "Look at the free space" in told[-1]:
            break
    assert "The database could not do it: " in told[-1], told

    leave_room(server, None)
    ended, _ = await outcome(server, "b", "again", 7)
    assert ended["outcome"] == "completed", ended
    ended, _ = await outcome(server, "a", "again", 7)
    assert ended["outcome"] == "completed", ended

    for session, before in kept.items():
        now = await transcript(server, session)
        assert now[:3] == before
        assert now[-1] == ("again", 7), now
    stored = dict(await transcript(server, "a"))
    assert stored.get("large", 0) >= len(shown.words()), "words that were shown are gone"
    assert await server.stop() == 0
    with open_readonly(server.data) as store:
        assert store.check() == []
        for session in kept:
            assert not any(turn.open for turn in store.turns(Address("chat", session)))
