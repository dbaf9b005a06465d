"""Writing an old history into the store: a batch of lines at a time, so that it can stop anywhere and go on."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import msgspec

from ..clock import Clock
from ..core.history_import import PREFIX, History, Imported, Skipped
from ..errors import NotOwner, SessionExpired
from ..ids import Address
from ..ports.store import Lifetime, PutMessage, SessionStore
from .options import parse_owner

if TYPE_CHECKING:
    from ..config import Limits

BATCH = 500
"""Lines that are written before the place in the file is noted."""

LINE_BYTES = 64 * 1024 * 1024
"""Longest line that is read."""

Line = tuple[int, int, list[Imported | Skipped]]
"""Number of a line, the byte it ends before, and what it holds."""


class Options(msgspec.Struct, frozen=True):
    """How files are read, and for which agent. What was begun with some is not gone on with with others."""

    agent: str
    owner_field: str
    session_field: str
    split_idle_ms: int

    def history(self) -> History:
        """A reader for one file."""
        return History(
            owner_field=self.owner_field,
            session_field=self.session_field,
            split_idle_ms=self.split_idle_ms,
        )


class State(msgspec.Struct):
    """How far a file has come: so many bytes, whose SHA-256 this is, into this directory; ``session`` was the last."""

    offset: int
    sha256: str
    options: Options
    data: str
    session: str


class Counts(msgspec.Struct):
    """What became of the messages: ``present`` were there already, from an earlier run."""

    added: int = 0
    present: int = 0
    skipped: list[Skipped] = msgspec.field(default_factory=list)


def lines(path: Path, options: Options) -> Iterator[Line]:
    """Everything a file holds, in order."""
    history = options.history()
    end = 0
    with path.open("rb") as file:
        number = 0
        while text := file.readline(LINE_BYTES):
            number += 1
            end += len(text)
            if len(text) == LINE_BYTES and not text.endswith(b"\n"):
                yield number, end, [Skipped(number, f"the line is longer than {LINE_BYTES} bytes")]
                while text and not text.endswith(b"\n"):
                    text = file.readline(LINE_BYTES)
                    end += len(text)
                continue
            yield number, end, list(history.read(number, text))


class Importer:
    """Brings files into sessions. Messages that a session has are never changed, nor joined by others when the session
    has some of its own."""

    def __init__(
        self,
        store: SessionStore,
        options: Options,
        limits: Limits,
        lifetime: Callable[[str], Lifetime],
        clock: Clock,
        data: Path,
    ) -> None:
        self._store = store
        self._options = options
        self._limits = limits
        self._lifetime = lifetime
        self._clock = clock
        self._data = str(data.resolve())
        self._session = ""
        self._known: dict[str, set[str]] = {}
        self._claimed: dict[str, tuple[int, int]] = {}

    async def bring(self, path: Path, told: Callable[[int], object]) -> Counts:
        """One file, from where an earlier run left off; ``told`` hears how many bytes are done."""
        counts = Counts()
        digest = hashlib.sha256()
        done, kept = await self._begin(path), state_file(path)
        batch: list[Imported] = []
        with path.open("rb") as file:
            read = 0
            for number, end, found in lines(path, self._options):
                if end <= done:
                    continue
                counts.skipped += [each for each in found if isinstance(each, Skipped)]
                batch += [each for each in found if isinstance(each, Imported)]
                if number % BATCH == 0:
                    await self._write(batch, counts)
                    batch = []
                    _feed(digest, file, end - read)
                    read = end
                    self._note(kept, end, digest.hexdigest())
                told(end)
        await self._write(batch, counts)
        with suppress(FileNotFoundError):
            kept.unlink()
        return counts

    async def _begin(self, path: Path) -> int:
        """The byte to go on from: 0 unless this very file was begun with these options into this store."""
        try:
            state = msgspec.json.decode(state_file(path).read_bytes(), type=State)
        except (OSError, msgspec.MsgspecError):
            return 0
        if state.options != self._options or state.data != self._data:
            return 0
        if await self._store.card(Address(self._options.agent, state.session)) is None:
            return 0  # the store is another, or has been emptied
        return state.offset if _sha256(path, state.offset) == state.sha256 else 0

    def _note(self, kept: Path, offset: int, sha256: str) -> None:
        if not self._session:
            return
        aside = kept.with_name(f"{kept.name}.part")
        aside.write_bytes(
            msgspec.json.encode(State(offset, sha256, self._options, self._data, self._session))
        )
        aside.replace(kept)

    async def _write(self, batch: list[Imported], counts: Counts) -> None:
        by_session: dict[str, list[Imported]] = {}
        for each in batch:
            by_session.setdefault(each.session, []).append(each)
        for session, messages in by_session.items():
            await self._into(Address(self._options.agent, session), messages, counts)

    async def _into(self, address: Address, messages: list[Imported], counts: Counts) -> None:
        known = self._known.get(address.session)
        if known is None:
            stored = await self._store.messages(address)
            known = {row.id for row in stored.messages} if stored is not None else set()
            self._known[address.session] = known
        new = [each for each in messages if each.id not in known]
        counts.present += len(messages) - len(new)
        if not new:
            return
        if any(not id.startswith(PREFIX) for id in known):
            counts.skipped += _all(new, f"the session {address} has messages of its own")
            return
        large = [each for each in new if len(each.body) > self._limits.message_bytes]
        counts.skipped += _all(large, "it is larger than limits.message_bytes")
        fitting = [each for each in new if len(each.body) <= self._limits.message_bytes]
        room = max(0, self._limits.history_messages - len(known))
        counts.skipped += _all(fitting[room:], f"the session {address} has limits.history_messages already")
        if put := fitting[:room]:
            await self._put(address, put, counts)

    async def _put(self, address: Address, new: list[Imported], counts: Counts) -> None:
        owner = parse_owner(new[0].owner) if new[0].owner else ""
        now_ms, lifetime = self._clock.now_ms(), self._lifetime(owner)
        claimed = self._claimed.get(address.session)
        if claimed is None:  # once: the directory is ours, and a claim loads all there is
            try:
                snapshot = await self._store.claim(address, owner=owner, now_ms=now_ms, lifetime=lifetime)
            except NotOwner:
                counts.skipped += _all(new, f"the session {address} is somebody else's")
                return
            except SessionExpired:
                counts.skipped += _all(new, f"the session {address} has expired and is not removed yet")
                return
            claimed = self._claimed[address.session] = (snapshot.epoch, snapshot.card.created_ms)
        epoch, created_ms = claimed
        await self._store.commit(
            address,
            epoch,
            [PutMessage(each.id, each.body) for each in new],
            now_ms=now_ms,
            expires_ms=lifetime.end_ms(created_ms, now_ms),
        )
        self._known[address.session].update(each.id for each in new)
        counts.added += len(new)
        self._session = address.session


def state_file(path: Path) -> Path:
    """Where it is noted how far a file has come; it is there only while an import is not through."""
    return path.with_name(f"{path.name}.import-state")


def _all(messages: list[Imported], reason: str) -> list[Skipped]:
    return [Skipped(each.line, reason) for each in messages]


def _sha256(path: Path, size: int) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        _feed(digest, file, size)
    return digest.hexdigest()


def _feed(digest: hashlib._Hash, file: BinaryIO, size: int) -> None:
    while size > 0 and (piece := file.read(min(size, 1 << 20))):
        digest.update(piece)
        size -= len(piece)
