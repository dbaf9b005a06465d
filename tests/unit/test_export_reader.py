"""Archives that are damaged, forged or too large are refused with a reason."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cutty_agent.admin.archive import export_session
from cutty_agent.admin.archive_reader import BadArchive, read_archive
from cutty_agent.engines.memory import MemoryStore
from cutty_agent.errors import BadAddress, CuttyError, TooLarge
from cutty_agent.ids import Address
from cutty_agent.ports.store import PutMessage, PutState, PutTurn
from cutty_agent.wire.principal import NEVER_MS

ADA = Address("chat", "ada")
Members = dict[str, bytes]


@pytest.fixture
async def members(tmp_path: Path) -> Members:
    """What a sound archive of one session holds."""
    store = MemoryStore()
    claim = await store.claim(ADA, owner="user:ada", now_ms=1)
    rows = [PutMessage("a", b'{"id":"a"}'), PutMessage("b", b'{"id":"b"}'), PutTurn("t", b"{}", open=False)]
    await store.commit(ADA, claim.epoch, [*rows, PutState(b"1")], now_ms=2, expires_ms=NEVER_MS)
    pieces = await export_session(store, ADA, now_ms=1)
    path = tmp_path / "sound.zip"
    path.write_bytes(b"".join([piece async for piece in pieces]))
    assert len(list(read_archive(path))) == 1
    with zipfile.ZipFile(path) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


def write(members: Members, path: Path) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        for name, body in members.items():
            target.writestr(name, body)
    return path


def about(**changes: Any) -> Callable[[Members], None]:
    def change(members: Members) -> None:
        found = json.loads(members["chat/ada/session.json"])
        members["chat/ada/session.json"] = json.dumps({**found, **changes}).encode()

    return change


def put(name: str, body: bytes) -> Callable[[Members], None]:
    return lambda members: members.update({f"chat/ada/{name}": body})


@pytest.mark.parametrize(
    ("change", "error", "complaint"),
    [
        (about(format=2), BadArchive, "format version 2, this program reads 1"),
        (about(format="x"), BadArchive, "session.json: .*format"),
        (about(session="bob"), BadArchive, "describes the session chat/bob"),
        (about(session="../bob"), BadAddress, "not allowed"),
        (about(agent="../chat"), BadArchive, r"describes the session \.\./chat/ada"),
        (
            about(counts={"messages": 3, "turns": 1, "files": 0}),
            BadArchive,
            "2 lines where session.json says 3",
        ),
        (about(created=5), BadArchive, r"\$\.created"),
        (put("session.json", b"[]"), BadArchive, "session.json"),
        (put("messages.jsonl", b'{"id":"a"}\nnonsense\n'), BadArchive, r"messages\.jsonl, line 2"),
        (put("messages.jsonl", b'{"id":"a"}\n{"id":"a"}\n'), BadArchive, "an id is there twice"),
        (put("messages.jsonl", b'{"id":"a"}\n{"id":"b","unreadable":"?"}\n'), BadArchive, "line 2"),
        (put("messages.jsonl", b'{"id":"a"}\n{"id":"b","x":"\xff"}\n'), BadArchive, "line 2"),
        (put("turns.jsonl", b'{"id":5}\n'), BadArchive, r"turns\.jsonl, line 1"),
        (put("state.json", b"{"), BadArchive, r"state\.json"),
        (lambda members: members.pop("chat/ada/messages.jsonl"), BadArchive, "messages.jsonl: it is missing"),
        (lambda members: members.pop("chat/ada/session.json"), BadArchive, "holds no session"),
    ],
)
def test_what_is_wrong_is_named(
    members: Members,
    tmp_path: Path,
    change: Callable[[Members], None],
    error: type[CuttyError],
    complaint: str,
) -> None:
    change(members)
    with pytest.raises(error, match=complaint):
        list(read_archive(write(members, tmp_path / "x.zip")))


def test_what_is_not_ours_is_not_read(members: Members, tmp_path: Path) -> None:
    members |= {"../../etc/passwd": b"x", "/etc/passwd": b"x", "__MACOSX/chat/ada/messages.jsonl": b"x"}
    members |= {"chat/ada/": b"", "chat/ada/notes.txt": b"x"}
    (session,) = read_archive(write(members, tmp_path / "x.zip"))
    assert session.address == ADA
    assert len(session.messages) == 2


def test_a_bomb_is_refused_before_it_is_unpacked(members: Members, tmp_path: Path) -> None:
    members["chat/ada/messages.jsonl"] = b" " * 5_000_000
    path = write(members, tmp_path / "x.zip")
    assert path.stat().st_size < 20_000
    with pytest.raises(TooLarge, match="session chat/ada unpacks to 5"):
        list(read_archive(path, max_session_bytes=1_000_000))
    with pytest.raises(TooLarge, match=r"x\.zip unpacks to 5"):
        list(read_archive(path, max_archive_bytes=1_000_000))


def test_a_size_that_lies_is_damage(members: Members, tmp_path: Path) -> None:
    members["chat/ada/messages.jsonl"] = b'{"id":"a"}\n{"id":"b"}\n' + b" " * 100_000
    path = write(members, tmp_path / "x.zip")
    data = bytearray(path.read_bytes())
    at = data.rindex(b"chat/ada/messages.jsonl") - 46  # its entry in the directory
    assert data[at : at + 4] == b"PK\x01\x02"
    data[at + 24 : at + 28] = (22).to_bytes(4, "little")
    path.write_bytes(data)
    with pytest.raises(BadArchive, match=r"messages\.jsonl: it is damaged"):
        list(read_archive(path, max_session_bytes=10_000))


def test_files_that_are_no_archives(members: Members, tmp_path: Path) -> None:
    with pytest.raises(BadArchive, match="There is no file"):
        list(read_archive(tmp_path / "none.zip"))
    (tmp_path / "text.zip").write_bytes(b"hello")
    with pytest.raises(BadArchive, match="cannot be read as a ZIP"):
        list(read_archive(tmp_path / "text.zip"))
    whole = write(members, tmp_path / "x.zip").read_bytes()
    (tmp_path / "half.zip").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(BadArchive):
        list(read_archive(tmp_path / "half.zip"))


def test_a_flipped_byte_is_noticed(members: Members, tmp_path: Path) -> None:
    path = write(members, tmp_path / "x.zip")
    with zipfile.ZipFile(path) as opened:
        info = opened.getinfo("chat/ada/messages.jsonl")
    data = bytearray(path.read_bytes())
    data[info.header_offset + 30 + len(info.filename) + 4] ^= 0xFF
    path.write_bytes(data)
    with pytest.raises(BadArchive, match=r"messages\.jsonl"):
        list(read_archive(path))


def test_a_member_twice_is_refused(members: Members, tmp_path: Path) -> None:
    path = write(members, tmp_path / "x.zip")
    with zipfile.ZipFile(path, "a") as target, pytest.warns(UserWarning, match="Duplicate"):
        target.writestr("chat/ada/state.json", b"2")
    with pytest.raises(BadArchive, match="twice"):
        list(read_archive(path))
