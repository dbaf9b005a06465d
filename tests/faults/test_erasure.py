"""After an erasure no byte of what was said is left: not in the database or its log, not in the server's log."""

from __future__ import annotations

import json
import zipfile
from io import BytesIO
from pathlib import Path

import httpx
import pytest

from faults.conftest import MakeServer
from faults.process import Server
from faults.visitor import is_chunk, visit

pytestmark = pytest.mark.faults

TOKEN = "an operator's token for this test"
SESSIONS = 24


def traces(server: Server, canary: str) -> list[str]:
    """Every file of the data directory, and the log, that holds the canary anywhere."""
    files = [*server.data.rglob("*"), *server.data.parent.glob("*.log")]
    return [
        str(file.relative_to(server.data.parent))
        for file in files
        if file.is_file() and canary.encode() in file.read_bytes()
    ]


async def converse(server: Server, session: str, canary: str) -> None:
    """Everything a session can hold: messages, an edited one, state, an answer cut off, one that failed, chunks."""
    async with visit(server, session) as visitor:

        async def ask(number: int, text: str) -> None:
            message = {"id": f"m{number}", "role": "user", "parts": [{"type": "text", "text": text}]}
            body = json.dumps({"messages": [message], "own": f"{canary}-body"})
            frame = {"id": f"r{number}", "init": {"method": "POST", "body": body}}
            await visitor.send(type="cf_agent_use_chat_request", **frame)

        await visitor.send(type="cf_agent_state", state={"note": f"{canary}-state"})
        for number in range(3):
            await ask(number, f"{canary}-q{number} 30")
            await visitor.end()
        await ask(4, f"{canary}-stopped 100000")
        await visitor.until(is_chunk)
        await visitor.send(type="cf_agent_chat_request_cancel", id="r4")
        await visitor.end()
        await ask(5, f"broken {canary}")  # the agent fails on it, and its error quotes the text
        assert (await visitor.end())["outcome"] == "error"
        edited = {"id": "m0", "role": "user", "parts": [{"type": "text", "text": f"{canary}-edited 1"}]}
        await visitor.send(type="cf_agent_chat_messages", messages=[edited])
        await ask(6, f"{canary}-last 5")
        await visitor.end()


@pytest.mark.parametrize("encrypted", [False, True])
async def test_erasure_leaves_no_byte(make_server: MakeServer, tmp_path: Path, encrypted: bool) -> None:
    keys = {"CUTTY_ENCRYPTION__KEYS": "k:" + "A" * 43 + "="} if encrypted else {}
    server = make_server(CUTTY_ADMIN_TOKEN=TOKEN, CUTTY_LOG_LEVEL="debug", NUMBERED_PAUSE_MS="0", **keys)
    await server.start()
    canaries = {f"s{number}": f"canary{number}x" for number in range(SESSIONS)}
    for session, canary in canaries.items():
        await converse(server, session, canary)
    async with httpx.AsyncClient(
        base_url=f"http://{server.url}", headers={"authorization": f"Bearer {TOKEN}"}
    ) as operator:
        exported = await operator.get("/admin/sessions/chat/s0/export")
        names = zipfile.ZipFile(BytesIO(exported.content)).namelist()
        assert any(name.endswith("transcript.md") for name in names)
        gone = [f"s{number}" for number in range(0, SESSIONS, 2)]
        for session in gone:
            receipt = (await operator.delete(f"/admin/sessions/chat/{session}")).json()
            assert (receipt["subject"], receipt["sessions"]) == (f"chat/{session}", 1)
            assert receipt["overwritten"] is True
            assert (await operator.get(f"/agents/chat/{session}/get-messages")).json() == []
        for session, canary in canaries.items():
            found = traces(server, canary)
            if session in gone or encrypted:
                assert found == [], session
            else:
                assert any(name.startswith("data/") for name in found), session
                assert not any(name.endswith(".log") for name in found), session
    assert await server.stop() == 0
    for session in gone:
        assert traces(server, canaries[session]) == []
