"""Reading an exported archive back, however it may have been tampered with."""

from __future__ import annotations

import base64
import binascii
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, Final, TypeVar

import msgspec

from ..errors import BadRequest, TooLarge
from ..ids import Address, check_session_id
from ..ports.store import StoredMessage, StoredTurn
from ..wire import archive
from ..wire.archive import MessageId, SessionFile, TurnLine
from ..wire.card import Card

MIB: Final = 1024 * 1024
MAX_MEMBERS: Final = 200_000
MAX_ARCHIVE_BYTES: Final = 64 * 1024 * MIB
MAX_SESSION_BYTES: Final = 512 * MIB
MAX_LINE_BYTES: Final = 64 * MIB

_METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
_outline = msgspec.json.Decoder(MessageId).decode
_turn_line = msgspec.json.Decoder(TurnLine).decode
_session_file = msgspec.json.Decoder(SessionFile).decode

_READ = frozenset({archive.SESSION, archive.MESSAGES, archive.TURNS, archive.STATE})
_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError)
_UNREADABLE = (msgspec.DecodeError, UnicodeError, RecursionError, binascii.Error)

T = TypeVar("T")


class _Format(msgspec.Struct):
    format: int


class BadArchive(BadRequest):
    """A file that is not an archive of ours, or is damaged. Nothing was changed."""

    code = "archive.invalid"


class ArchivedSession(msgspec.Struct, frozen=True):
    """One session of an archive, ready to be stored again."""

    address: Address
    card: Card
    messages: list[StoredMessage]
    turns: list[StoredTurn]
    state: bytes | None


def read_archive(
    path: Path, *, max_archive_bytes: int = MAX_ARCHIVE_BYTES, max_session_bytes: int = MAX_SESSION_BYTES
) -> Iterator[ArchivedSession]:
    """The sessions of an exported archive, one at a time; errors and limits as in :class:`Archive`."""
    with Archive(path, max_archive_bytes=max_archive_bytes, max_session_bytes=max_session_bytes) as opened:
        yield from opened.sessions()


class Archive:
    """An exported archive, opened for reading. Use it as a context manager. Calls block.

    Nothing is ever unpacked to the disk, and members that are not of our layout are not read at all.
    """

    def __init__(
        self,
        path: Path,
        *,
        max_archive_bytes: int = MAX_ARCHIVE_BYTES,
        max_session_bytes: int = MAX_SESSION_BYTES,
    ) -> None:
        """Open the file and look through its directory.

        The limits are bytes after unpacking, of all that is read and of one session; ``files/`` is not read, since
        messages hold the files too.

        Raises:
            BadArchive: no ZIP file, or none that this program can read.
            TooLarge: above a limit.
        """
        self._path = path
        self._max_session_bytes = max_session_bytes
        try:
            self._zip = zipfile.ZipFile(path)
        except FileNotFoundError:
            raise BadArchive(f"There is no file {path}.", remedy="Give the path of an export.") from None
        except (OSError, zipfile.BadZipFile, ValueError) as error:
            raise BadArchive(
                f"{path} cannot be read as a ZIP file: {error}.",
                remedy="Export it again, and copy the whole file.",
            ) from error
        try:
            self._members = self._listed(max_archive_bytes)
        except BaseException:
            self._zip.close()
            raise

    def sessions(self) -> Iterator[ArchivedSession]:
        """Every session, one at a time, in the order of their directories.

        Raises:
            BadArchive: names the member that is wrong.
            TooLarge: a session is above the limit.
        """
        for top in sorted(self._members):
            yield self._session(top, self._members[top])

    def _listed(self, max_archive_bytes: int) -> dict[str, dict[str, zipfile.ZipInfo]]:
        found: dict[str, dict[str, zipfile.ZipInfo]] = {}
        total = 0
        members = self._zip.infolist()
        if len(members) > MAX_MEMBERS:
            raise TooLarge(
                f"{self._path} has {len(members)} members; at most {MAX_MEMBERS} are read.",
                remedy="Export fewer sessions at a time.",
            )
        for info in members:
            top, _, name = info.filename.rpartition("/")
            if name not in _READ or top.count("/") != 1:
                continue
            if info.flag_bits & 0x1 or info.compress_type not in _METHODS:
                raise self._bad(info.filename, "it is encrypted or packed in a way that exports are not")
            if name in found.setdefault(top, {}):
                raise self._bad(info.filename, "it is there twice")
            found[top][name] = info
            total += info.file_size
        if total > max_archive_bytes:
            raise TooLarge(
                f"{self._path} unpacks to {total} bytes; at most {max_archive_bytes} are read.",
                remedy="Export fewer sessions at a time.",
            )
        if not any(archive.SESSION in names for names in found.values()):
            raise BadArchive(
                f"{self._path} holds no session: no {{agent}}/{{session}}/{archive.SESSION} is in it.",
                remedy="Give a file that cutty-agent has exported.",
            )
        return found

    def _session(self, top: str, members: dict[str, zipfile.ZipInfo]) -> ArchivedSession:
        size = sum(info.file_size for info in members.values())
        if size > self._max_session_bytes:
            raise TooLarge(
                f"The session {top} unpacks to {size} bytes; at most {self._max_session_bytes} are read.",
                remedy="Raise the limit if you trust the file.",
            )
        for needed in (archive.SESSION, archive.MESSAGES):
            if needed not in members:
                raise self._bad(f"{top}/{needed}", "it is missing")
        about = self._about(top, members[archive.SESSION])
        messages = [self._message(info_line) for info_line in self._lines(members[archive.MESSAGES])]
        turns = (
            [self._turn(info_line) for info_line in self._lines(members[archive.TURNS])]
            if archive.TURNS in members
            else []
        )
        for kind, ids, count in (
            (archive.MESSAGES, [row.id for row in messages], about.counts.messages),
            (archive.TURNS, [row.id for row in turns], about.counts.turns),
        ):
            if len(ids) != count:
                raise self._bad(f"{top}/{kind}", f"it has {len(ids)} lines where session.json says {count}")
            if len(set(ids)) != len(ids):
                raise self._bad(f"{top}/{kind}", "an id is there twice")
        return ArchivedSession(
            Address(about.agent, about.session),
            about.card(),
            messages,
            turns,
            self._state(members.get(archive.STATE)),
        )

    def _about(self, top: str, info: zipfile.ZipInfo) -> SessionFile:
        body = self._whole(info)
        try:
            version = msgspec.json.decode(body, type=_Format).format
            if version > archive.FORMAT:
                raise self._bad(
                    info.filename, f"it has format version {version}, this program reads {archive.FORMAT}"
                )
            about = _session_file(body)
        except _UNREADABLE as error:
            raise self._bad(info.filename, str(error)) from error
        check_session_id(about.session)
        if archive.directory(about.agent, about.session) != top:
            raise self._bad(info.filename, f"it describes the session {about.agent}/{about.session}")
        return about

    def _message(self, line: tuple[str, bytes]) -> StoredMessage:
        where, body = line
        try:
            outline = _outline(body)
            if outline.unreadable is msgspec.UNSET:
                body.decode()
                return StoredMessage(outline.id, body)
            return StoredMessage(outline.id, base64.b64decode(outline.unreadable, validate=True))
        except _UNREADABLE as error:
            raise self._bad(where, str(error)) from error

    def _turn(self, line: tuple[str, bytes]) -> StoredTurn:
        where, body = line
        try:
            found = _turn_line(body)
            if found.record is not msgspec.UNSET:
                return StoredTurn(found.id, bytes(found.record), found.open)
            return StoredTurn(found.id, base64.b64decode(found.base64 or "", validate=True), found.open)
        except _UNREADABLE as error:
            raise self._bad(where, str(error)) from error

    def _state(self, info: zipfile.ZipInfo | None) -> bytes | None:
        if info is None:
            return None
        body = self._whole(info)
        try:
            msgspec.json.decode(body)
        except _UNREADABLE as error:
            raise self._bad(info.filename, str(error)) from error
        return body

    def _lines(self, info: zipfile.ZipInfo) -> Iterator[tuple[str, bytes]]:
        """Each line with the name it has in an error."""
        with self._opened(info) as file:
            number = 0
            while line := self._guarded(info, lambda: file.readline(MAX_LINE_BYTES + 1)):
                number += 1
                where = f"{info.filename}, line {number}"
                if len(line) > MAX_LINE_BYTES:
                    raise TooLarge(
                        f"{where}, is longer than {MAX_LINE_BYTES} bytes.", remedy="Export the session again."
                    )
                if line.strip():
                    yield where, line.rstrip(b"\r\n")

    def _whole(self, info: zipfile.ZipInfo) -> bytes:
        if info.file_size > MAX_LINE_BYTES:
            raise TooLarge(
                f"{info.filename} has {info.file_size} bytes; at most {MAX_LINE_BYTES} are read.",
                remedy="Export the session again.",
            )
        with self._opened(info) as file:
            return self._guarded(info, file.read)

    def _opened(self, info: zipfile.ZipInfo) -> IO[bytes]:
        return self._guarded(info, lambda: self._zip.open(info))

    def _guarded(self, info: zipfile.ZipInfo, read: Callable[[], T]) -> T:
        try:
            return read()
        except _DAMAGED as error:
            raise self._bad(info.filename, f"it is damaged ({error})") from error

    def _bad(self, member: str, what: str) -> BadArchive:
        return BadArchive(
            f"{self._path} cannot be read: {member}: {what}.", remedy="Export the sessions again."
        )

    def close(self) -> None:
        """Idempotent."""
        self._zip.close()

    def __enter__(self) -> Archive:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
