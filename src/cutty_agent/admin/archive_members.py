"""The members of one session in an archive. All of this is for threads: it decodes, formats and compresses."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from ..core import rows
from ..core.legacy import normalise
from ..ids import Address
from ..ports.store import StoredMessage, StoredTurn
from ..wire import archive
from ..wire.archive import (
    ArchivedGrant,
    Counts,
    KeptFile,
    MessageId,
    Moment,
    SessionFile,
    TurnLine,
    Unreadable,
)
from ..wire.card import Card
from ..wire.chunks import UIMessage
from ..wire.principal import NEVER_MS
from ..wire.turn_record import decode_turn
from . import markdown
from .attachments import attachments
from .zip_stream import ZipStream

_encode = msgspec.json.Encoder().encode
_outline = msgspec.json.Decoder(MessageId).decode
_MADE_AT = re.compile(r"assistant_(\d{13})_")


class Contents(msgspec.Struct, frozen=True):
    """What of a session goes into an archive, as it lies in the store."""

    card: Card
    messages: list[StoredMessage]
    turns: list[StoredTurn]
    state: bytes | None


def members(zipped: ZipStream, address: Address, found: Contents, now_ms: int) -> Iterator[bytes]:
    """Write all that is exported of a session; yields what there is to send."""
    top = archive.directory(address.agent, address.session)
    stored = sum(len(row.body) for row in found.messages)
    yield from zipped.member(
        f"{top}/{archive.MESSAGES}",
        map(_message_line, found.messages),
        at_most=2 * stored + 100 * len(found.messages),
    )
    records = sum(len(row.record) + len(row.id) + 100 for row in found.turns)
    yield from zipped.member(f"{top}/{archive.TURNS}", map(_turn_line, found.turns), at_most=2 * records)
    if found.state is not None:
        yield from zipped.member(f"{top}/{archive.STATE}", (found.state,), at_most=len(found.state))
    files: list[KeptFile] = []
    transcript = _transcript(address, found, files)
    yield from zipped.member(f"{top}/{archive.TRANSCRIPT}", transcript, at_most=8 * stored)
    yield from _files(zipped, top, found.messages, files)
    about = msgspec.json.format(_encode(_about(address, found, files, now_ms)), indent=2) + b"\n"
    yield from zipped.member(f"{top}/{archive.SESSION}", (about,), at_most=len(about))


def _message_line(row: StoredMessage) -> bytes:
    """The body, verbatim where it is one JSON object with its own id."""
    body = row.body
    try:
        if (
            b"\n" in body or b"\r" in body
        ):  # between its values: inside of them JSON has none, as decoding checks
            _outline(body)
            body = msgspec.json.format(body, indent=-1)
        outline = _outline(body)
        body.decode()
    except rows.UNREADABLE:
        outline = None
    if outline is None or outline.id != row.id or outline.unreadable is not msgspec.UNSET or b"\n" in body:
        body = _encode(Unreadable(row.id, base64.b64encode(row.body).decode()))
    return body + b"\n"


def _turn_line(row: StoredTurn) -> bytes:
    try:
        msgspec.json.decode(row.record)
        line = TurnLine(row.id, row.open, record=msgspec.Raw(msgspec.json.format(row.record, indent=-1)))
    except rows.UNREADABLE:
        line = TurnLine(row.id, row.open, base64=base64.b64encode(row.record).decode())
    return _encode(line) + b"\n"


def _transcript(address: Address, found: Contents, files: list[KeptFile]) -> Iterator[bytes]:
    """The transcript; notes in ``files`` what the messages carry."""
    yield markdown.heading(address.agent, address.session, found.card.owner, found.card.created_ms).encode()
    accepted = _accepted(found.turns)
    for number, row in enumerate(found.messages, start=1):
        message = _readable(row)
        if message is None:
            yield markdown.unreadable(number).encode()
            continue
        paths: dict[int, str] = {}
        for part, file in attachments(message, len(files) + 1):
            paths[id(part)] = file.path
            files.append(KeptFile(file.path, row.id, file.media_type, file.filename, file.size))
        at = _time(message, accepted)
        for piece in markdown.message(message, number, at, paths):
            yield piece.encode("utf-8", "replace")


def _files(
    zipped: ZipStream, top: str, messages: Iterable[StoredMessage], files: list[KeptFile]
) -> Iterator[bytes]:
    """The files, read from their messages a second time: that is cheaper than to hold them all."""
    number = 1
    carriers = {file.message_id for file in files}
    for row in messages:
        message = _readable(row) if row.id in carriers else None
        for _, file in attachments(message, number) if message is not None else ():
            number += 1
            path = f"{top}/{file.path}"
            yield from zipped.member(path, file.pieces(), at_most=file.size, stored=file.packed)


def _about(address: Address, found: Contents, files: list[KeptFile], now_ms: int) -> SessionFile:
    card = found.card
    return SessionFile(
        format=archive.FORMAT,
        agent=address.agent,
        session=address.session,
        owner=card.owner,
        created=_moment(card.created_ms),
        active=_moment(card.active_ms),
        expires=_end(card.expires_ms),
        parked=card.parked,
        grants=[
            ArchivedGrant(grantee, grant.mode, _moment(grant.created_ms), _end(grant.expires_ms))
            for grantee, grant in sorted(card.grants.items())
        ],
        counts=Counts(len(found.messages), len(found.turns), len(files)),
        files=files,
        exported=_moment(now_ms),
    )


def _readable(row: StoredMessage) -> UIMessage | None:
    """The message in today's form; ``None`` when it is none."""
    try:
        message = rows.read(row.body)
        return normalise({**message, "id": row.id}, 0)
    except rows.UNREADABLE:
        return None


def _accepted(turns: Iterable[StoredTurn]) -> dict[str, int]:
    """When user messages came in, by their ids, as far as turn records tell."""
    times: dict[str, int] = {}
    for turn in turns:
        try:
            record = decode_turn(turn.record)
        except msgspec.MsgspecError:
            continue
        at = record.accepted_ms or record.progress_ms
        if at:
            for message_id in record.own or record.message_ids:
                times.setdefault(message_id, at)
    return times


def _time(message: UIMessage, accepted: dict[str, int]) -> str | None:
    """When a message was made: as it says itself, else from its id or the record of its turn."""
    metadata: Any = message.get("metadata")
    told = metadata.get("createdAt") if isinstance(metadata, dict) else None
    if isinstance(told, str):
        return told[:40]
    made_at = _MADE_AT.match(message["id"])
    ms = int(made_at[1]) if made_at else accepted.get(message["id"])
    return markdown.iso(ms) if ms else None


def _moment(ms: int) -> Moment:
    return Moment(markdown.iso(ms), ms)


def _end(ms: int) -> Moment | None:
    return None if ms >= NEVER_MS else _moment(ms)
