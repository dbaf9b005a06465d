"""The ZIP of one session or of one principal: what is in it, and that it is made piece by piece."""

from __future__ import annotations

import base64
import io
import json
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from cutty_agent.admin.archive import export_owner, export_session
from cutty_agent.admin.archive_reader import ArchivedSession, read_archive
from cutty_agent.engines.memory import MemoryStore
from cutty_agent.errors import NotFound, SessionExpired
from cutty_agent.ids import Address
from cutty_agent.ports.store import (
    Op,
    PutGrant,
    PutMessage,
    PutState,
    PutTurn,
    SessionStore,
    StoredMessage,
    StoredTurn,
)
from cutty_agent.wire.archive import directory, path_name
from cutty_agent.wire.card import Grant
from cutty_agent.wire.principal import NEVER_MS
from cutty_agent.wire.turn_record import TurnRecord, encode_turn

NOW = 1_790_000_000_000
ADA = Address("chat", "ada")
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
URL = "data:image/png;base64," + base64.b64encode(PNG).decode()

MESSAGES: list[dict[str, Any]] = [
    {
        "id": "u1",
        "role": "user",
        "parts": [
            {"type": "text", "text": "What is on it?"},
            {"type": "file", "mediaType": "image/png", "filename": "../../My Photo.PNG", "url": URL},
        ],
    },
    {
        "id": "assistant_1790000000123_abcdefghi",
        "role": "assistant",
        "parts": [
            {"type": "step-start"},
            {"type": "reasoning", "text": "Let me look."},
            {
                "type": "tool-look",
                "toolCallId": "c",
                "state": "output-available",
                "input": {"at": "photo"},
                "output": "```\n## forged",
            },
            {"type": "text", "text": "A cuttlefish."},
            {"type": "file", "mediaType": "text/plain", "url": "data:,plain%20text"},
        ],
    },
]
RECORD = encode_turn(TurnRecord("t1", "submit", ("u1",), own=("u1",), outcome="completed", progress_ms=NOW))
STATE = b'{"title":"Photo"}'


def ops(*more: Op) -> list[Op]:
    put = [PutMessage(each["id"], json.dumps(each).encode()) for each in MESSAGES]
    return [*put, PutTurn("t1", RECORD, open=False), PutState(STATE), *more]


async def fill(
    store: SessionStore, address: Address, *more: Op, owner: str = "user:ada", expires_ms: int = NEVER_MS
) -> None:
    claim = await store.claim(address, owner=owner, now_ms=NOW)
    await store.commit(address, claim.epoch, ops(*more), now_ms=NOW + 5, expires_ms=expires_ms)


async def joined(pieces: AsyncIterator[bytes]) -> bytes:
    return b"".join([piece async for piece in pieces])


def unzipped(data: bytes) -> zipfile.ZipFile:
    opened = zipfile.ZipFile(io.BytesIO(data))
    assert opened.testzip() is None
    return opened


async def read_back(data: bytes, tmp_path: Path) -> list[ArchivedSession]:
    path = tmp_path / "export.zip"
    path.write_bytes(data)
    return list(read_archive(path))


async def test_one_session() -> None:
    store = MemoryStore()
    await fill(store, ADA, PutGrant("user:bo", Grant("read", NOW, NOW + 9)))
    zipped = unzipped(await joined(await export_session(store, ADA, now_ms=NOW + 100)))
    assert zipped.namelist() == [
        "README.txt",
        "chat/ada/messages.jsonl",
        "chat/ada/turns.jsonl",
        "chat/ada/state.json",
        "chat/ada/transcript.md",
        "chat/ada/files/0001-my-photo.png",
        "chat/ada/files/0002-file.txt",
        "chat/ada/session.json",
    ]
    lines = zipped.read("chat/ada/messages.jsonl").splitlines()
    assert lines == [json.dumps(each).encode() for each in MESSAGES]
    (turn,) = map(json.loads, zipped.read("chat/ada/turns.jsonl").splitlines())
    assert turn == {"id": "t1", "open": False, "record": json.loads(RECORD)}
    assert zipped.read("chat/ada/state.json") == STATE
    assert zipped.read("chat/ada/files/0001-my-photo.png") == PNG
    assert zipped.read("chat/ada/files/0002-file.txt") == b"plain text"
    about = json.loads(zipped.read("chat/ada/session.json"))
    assert about["format"] == 1
    assert (about["agent"], about["session"], about["owner"]) == ("chat", "ada", "user:ada")
    assert about["created"] == {"iso": "2026-09-21T14:13:20.000Z", "ms": NOW}
    assert about["active"]["ms"] == NOW + 5
    assert about["expires"] is None
    assert about["grants"][0]["grantee"] == "user:bo"
    assert about["counts"] == {"messages": 2, "turns": 1, "files": 2}
    assert about["files"][0] == {
        "path": "files/0001-my-photo.png",
        "messageId": "u1",
        "mediaType": "image/png",
        "filename": "../../My Photo.PNG",
        "bytes": len(PNG),
    }
    readme = zipped.read("README.txt").decode()
    assert "session chat/ada" in readme
    assert "format version 1" in readme
    assert "2026-09-21T14:13:20.100Z" in readme


async def test_the_transcript_is_readable() -> None:
    store = MemoryStore()
    await fill(store, ADA)
    zipped = unzipped(await joined(await export_session(store, ADA, now_ms=NOW)))
    shown = zipped.read("chat/ada/transcript.md").decode()
    assert "## 1 · user · 2026-09-21T14:13:20.000Z" in shown  # from the turn's record
    assert "## 2 · assistant · 2026-09-21T14:13:20.123Z" in shown  # from the id
    assert "> What is on it?" in shown
    assert "](<files/0001-my-photo.png>)" in shown
    assert "<summary>Reasoning</summary>\n\n```text\nLet me look.\n```" in shown
    assert "**Tool** `look`" in shown
    assert "````text\n```\n## forged\n````" in shown
    assert URL[:60] not in shown


async def test_the_same_export_twice_is_the_same() -> None:
    store = MemoryStore()
    await fill(store, ADA)
    first = await joined(await export_session(store, ADA, now_ms=NOW))
    assert first == await joined(await export_session(store, ADA, now_ms=NOW))


async def test_all_sessions_of_a_principal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cutty_agent.admin.archive.PAGE", 3)
    store = MemoryStore()
    mine = sorted(Address(agent, f"s{n}") for n in range(5) for agent in ("chat", "support"))
    for address in mine:
        await fill(store, address)
    await fill(store, Address("chat", "other"), owner="user:bo")
    await fill(store, Address("chat", "gone"), expires_ms=NOW + 10)
    archived = await read_back(await joined(await export_owner(store, "user:ada", now_ms=NOW + 10)), tmp_path)
    assert [each.address for each in archived] == mine
    every = await read_back(
        await joined(await export_owner(store, "user:ada", now_ms=NOW + 10, expired=True)), tmp_path
    )
    assert len(every) == len(mine) + 1
    with pytest.raises(NotFound, match="user:nobody owns no session"):
        await export_owner(store, "user:nobody", now_ms=NOW)


async def test_nothing_and_what_has_expired() -> None:
    store = MemoryStore()
    with pytest.raises(NotFound, match="chat/ada"):
        await export_session(store, ADA, now_ms=NOW)
    await fill(store, ADA, expires_ms=NOW + 10)
    with pytest.raises(SessionExpired):
        await export_session(store, ADA, now_ms=NOW + 10)
    with pytest.raises(NotFound):
        await export_owner(store, "user:ada", now_ms=NOW + 10)
    assert await joined(await export_session(store, ADA, now_ms=NOW + 10, expired=True))


async def test_a_session_without_turns_and_without_a_state(tmp_path: Path) -> None:
    store = MemoryStore()
    claim = await store.claim(ADA, owner="user:ada", now_ms=NOW)
    only = PutMessage("x", b'{"id":"x"}')
    await store.commit(ADA, claim.epoch, [only], now_ms=NOW, expires_ms=NEVER_MS)
    data = await joined(await export_session(store, ADA, now_ms=NOW))
    assert "chat/ada/state.json" not in unzipped(data).namelist()
    (session,) = await read_back(data, tmp_path)
    assert session.messages == [StoredMessage("x", b'{"id":"x"}')]
    assert session.turns == []
    assert session.state is None


async def test_everything_comes_back(tmp_path: Path) -> None:
    store = MemoryStore()
    odd: list[Op] = [
        PutMessage("pretty", b'{\n "id": "pretty",\r\n "role": "user", "parts": []}'),
        PutMessage("broken", b"\x00not JSON\n"),
        PutMessage("named otherwise", b'{"id":"z","role":"user","parts":[]}'),
        PutMessage("tricky", b'{"id":"tricky","unreadable":"e30="}'),
        PutMessage("raw", b'{"id":"raw","text":"a\nb"}'),
        PutMessage("latin", b'{"id":"latin","text":"\xff"}'),
        PutTurn("t2", b"\x00\xff opaque \n", open=True),
        PutTurn("t3", b'{\n"a": null}', open=True),
    ]
    await fill(store, ADA, *odd, PutGrant("link:ab", Grant("write", 1)), expires_ms=NOW + 99)
    (session,) = await read_back(await joined(await export_session(store, ADA, now_ms=NOW)), tmp_path)
    transcript = await store.messages(ADA)
    assert transcript is not None
    assert session.address == ADA
    assert session.card == transcript.card
    assert session.state == STATE
    expected = [
        StoredMessage(row.id, b'{"id":"pretty","role":"user","parts":[]}' if row.id == "pretty" else row.body)
        for row in transcript.messages
    ]
    assert session.messages == expected
    assert session.turns == [
        StoredTurn("t1", RECORD, False),
        StoredTurn("t2", b"\x00\xff opaque \n", True),
        StoredTurn("t3", b'{"a":null}', True),
    ]


async def test_it_comes_in_pieces_and_can_be_broken_off() -> None:
    store = MemoryStore()
    noise = base64.b64encode(bytes((n * n * 7 + n // 3) % 251 for n in range(3_000_000))).decode()
    file = {"type": "file", "mediaType": "application/zip", "url": f"data:application/zip;base64,{noise}"}
    message = {"id": "u2", "role": "user", "parts": [file, file]}
    await fill(store, ADA, PutMessage("u2", json.dumps(message).encode()))
    sizes = [len(piece) async for piece in await export_session(store, ADA, now_ms=NOW)]
    assert len(sizes) > 6
    assert max(sizes) < 9_000_000
    broken_off = await export_session(store, ADA, now_ms=NOW)
    async for _ in broken_off:
        break
    await broken_off.aclose()  # type: ignore[attr-defined]  # an async generator


@pytest.mark.parametrize("id", ["ada", "a", "0f8fad5b-d9cb-469f-a165-70867728950e", "a.b_c-d", "x" * 64])
def test_names_that_are_safe_stay(id: str) -> None:
    assert path_name(id) == id


def test_names_are_safe_and_differ() -> None:
    ids = [
        *("Ada", "ADA", "aDa", "a:b", "a@b", "a+b", "a=b", "a,b", "a~b", "a b", "a-b", "a.", ".a", "..."),
        *("con", "con.txt", "lpt1", "CON", "x" * 65, "x" * 128, "X" * 128, "-rf", "größe", "../../etc"),
        *("a\\b", "a/b", "a\0b", "", path_name("Ada")),
    ]
    names = [path_name(id) for id in ids]
    assert len({name.lower() for name in names}) == len(ids)
    for name in names:
        assert not set(name) - set("abcdefghijklmnopqrstuvwxyz0123456789._-~")
        assert 0 < len(name) <= 64
        assert name[0] not in ".-"
        assert name[-1] != "."
        assert name.split(".")[0] not in {"con", "lpt1"}


async def test_sessions_whose_names_differ_by_case_only(tmp_path: Path) -> None:
    store = MemoryStore()
    addresses = [Address("chat", id) for id in ("Ada", "ada", "ADA", "a:b,c d~e=f+g@h")]
    for address in addresses:
        await fill(store, address)
    data = await joined(await export_owner(store, "user:ada", now_ms=NOW))
    names = unzipped(data).namelist()
    assert len({name.lower() for name in names}) == len(names) == 1 + 4 * 7
    assert {each.address for each in await read_back(data, tmp_path)} == set(addresses)
    assert directory("chat", "ada") == "chat/ada"
