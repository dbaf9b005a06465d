"""Old histories as sessions: which message of a file belongs to whom, read line by line and the same every time."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from ..errors import BadAddress
from ..ids import check_session_id
from .legacy import normalise
from .rows import MAX_DEPTH, UNREADABLE
from .sanitize import sanitize

PREFIX: Final = "import-"
"""Begins the ids of imported messages, and of sessions that have no id of their own in the file."""

_SHARED: Final = frozenset({"default", "default-session"})
"""Names of sessions that all callers shared: they tell nothing."""

_encode = msgspec.json.Encoder(order="deterministic").encode


class Imported(msgspec.Struct, frozen=True):
    """A message for the store: ``body`` is its JSON text, ``line`` where it stands in the file, from 1. ``owner`` is
    as the file names it, empty where it does not. ``at_ms`` is when it was written, where the file says so."""

    session: str
    owner: str
    id: str
    body: bytes
    line: int
    at_ms: int | None


class Skipped(msgspec.Struct, frozen=True):
    """Something that is no message, or that could be anybody's."""

    line: int
    reason: str


class _Place(msgspec.Struct):
    """Where the messages of one owner, or of one session of the file, go at present."""

    session: str
    owner: str
    at_ms: int | None = None


class History:
    """Reads a file from its beginning; what a line becomes depends on the lines before it and on nothing else.

    A line is a message (AI SDK 4 or 5), a conversation (an object with ``messages``), or a list of messages. Owner and
    session are the fields of these names in the message's ``metadata``, in the message or in the conversation. Where
    no session is named, a pause of more than ``split_idle_ms`` begins a new one for its owner. Messages of two owners
    never end in one session.
    """

    def __init__(self, *, owner_field: str, session_field: str, split_idle_ms: int) -> None:
        self._owner_field = owner_field
        self._session_field = session_field
        self._split_idle_ms = split_idle_ms
        self._by_owner: dict[str, _Place] = {}
        self._by_session: dict[str, _Place] = {}
        self._owners: dict[str, str] = {}
        self._times_said: dict[tuple[str, bytes], int] = {}
        self._place: _Place | None = None
        self._unanswered: dict[str, None] = {}
        self._doubtful = 0

    def read(self, line: int, text: bytes) -> Iterator[Imported | Skipped]:
        """What one line holds; nothing for an empty one."""
        text = text.strip().removeprefix(b"\xef\xbb\xbf")
        if not text:
            return
        try:
            value = msgspec.json.decode(text)
        except UNREADABLE as error:
            reason = (
                "it is not JSON"
                if text not in {b"[", b"]"}
                else "it is a part of a JSON array, not JSON Lines"
            )
            yield Skipped(line, reason if not isinstance(error, RecursionError) else "it is nested too deep")
            return
        if isinstance(value, dict) and isinstance(value.get("messages"), list):
            self._begin()
            for message in value["messages"]:
                yield self._message(line, message, value, text)
            self._begin()
        elif isinstance(value, list):
            self._begin()
            for message in value:
                yield self._message(line, message, {}, text)
            self._begin()
        else:
            yield self._message(line, value, {}, b"")

    def _begin(self) -> None:
        """A conversation of its own begins: nothing in it answers what stands before."""
        self._place = None
        self._unanswered.clear()
        self._doubtful = 0

    def _message(
        self, line: int, given: object, around: Mapping[str, Any], conversation: bytes
    ) -> Imported | Skipped:
        if not isinstance(given, dict):
            return Skipped(line, "it is not an object")
        if _too_deep(given):
            return Skipped(line, "it is nested too deep")
        message = normalise(given, 0)
        if message is None:
            return Skipped(line, "it has no role, or neither parts nor content")
        if not message["parts"]:
            return Skipped(line, "it is empty")
        at_ms = _time(given)
        place = self._find(given, around, conversation, at_ms, _encode(given))
        if place is None:
            return Skipped(line, "it may be the answer to either of several owners")
        if at_ms is not None:
            place.at_ms = at_ms
        self._place = place
        if message["role"] == "user":
            self._unanswered[place.session] = None
        stored = {k: v for k, v in message.items() if k not in {self._owner_field, self._session_field}}
        stored["id"] = self._id(place.session, given)
        return Imported(place.session, place.owner, stored["id"], _encode(sanitize(stored)), line, at_ms)

    # -- whose it is

    def _find(
        self,
        given: Mapping[str, Any],
        around: Mapping[str, Any],
        conversation: bytes,
        at_ms: int | None,
        body: bytes,
    ) -> _Place | None:
        owner = _named(self._owner_field, given) or _named(self._owner_field, around)
        name = self._session_name(given, around)
        if not owner and not name and given.get("role") != "user" and self._place is not None:
            return self._answered()
        if name:
            known = self._by_session.get(name)
            if known is not None and (not owner or known.owner == owner):
                return known
            place = self._by_session[name] = self._of_session(name, owner)
            return place
        last = self._by_owner.get(owner)
        paused = (
            last is not None
            and None not in (at_ms, last.at_ms)
            and (at_ms or 0) - (last.at_ms or 0) > self._split_idle_ms
        )
        if last is None or paused or (conversation and self._place is None):
            last = self._by_owner[owner] = self._begun(owner, conversation or body)
        return last

    def _answered(self) -> _Place | None:
        """The place of an answer that says nothing of itself: that of the question before it, if there is but one."""
        if self._doubtful or len(self._unanswered) > 1:
            self._doubtful = (self._doubtful or len(self._unanswered)) - 1
            if not self._doubtful:
                self._unanswered.clear()
            return None
        self._unanswered.clear()
        return self._place

    def _session_name(self, given: Mapping[str, Any], around: Mapping[str, Any]) -> str:
        found = _named(self._session_field, given) or _named(self._session_field, around)
        if not found and around:
            found = _text(around.get("id"))
        return "" if found in _SHARED else found

    def _of_session(self, name: str, owner: str) -> _Place:
        """The session of this name and owner; a second owner gets one of its own."""
        try:
            session = check_session_id(name)
        except BadAddress:
            session = f"{PREFIX}{_digest(name)}"
        if self._owners.setdefault(session, owner) != owner:
            session = f"{PREFIX}{_digest(name, owner)}"
            self._owners[session] = owner
        return _Place(session, owner)

    def _begun(self, owner: str, first: bytes) -> _Place:
        """A session without a name, called after the message it begins with."""
        session = base = f"{PREFIX}{_digest(owner, first)}"
        number = 1
        while session in self._owners:
            number += 1
            session = f"{base}-{number}"
        self._owners[session] = owner
        return _Place(session, owner)

    def _id(self, session: str, given: Mapping[str, Any]) -> str:
        """An id that the same message gets in every run, and another that says the same does not."""
        digest = hashlib.sha256(_encode(given)).digest()[:12]
        number = self._times_said[session, digest] = self._times_said.get((session, digest), 0) + 1
        return f"{PREFIX}{digest.hex()}" + (f"-{number}" if number > 1 else "")


def _named(field: str, given: Mapping[str, Any]) -> str:
    if not field:
        return ""
    metadata = given.get("metadata")
    found = _text(metadata.get(field)) if isinstance(metadata, dict) else ""
    return found or _text(given.get(field))


def _text(value: object) -> str:
    if isinstance(value, str):
        return value.strip()
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else ""


def _time(given: Mapping[str, Any]) -> int | None:
    """When a message was written: ``createdAt`` or ``timestamp``, ISO 8601 or milliseconds."""
    metadata = given.get("metadata")
    for holder in (given, metadata if isinstance(metadata, dict) else {}):
        for key in ("createdAt", "timestamp"):
            value = holder.get(key)
            if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value < 1e15:
                return int(value)
            if isinstance(value, str):
                try:
                    moment = datetime.fromisoformat(value)
                    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)
                except (ValueError, OverflowError):
                    continue
    return None


def _too_deep(given: dict[str, Any]) -> bool:
    level: list[Any] = [given]
    for _ in range(MAX_DEPTH):
        level = [
            item
            for holder in level
            for item in (holder.values() if isinstance(holder, dict) else holder)
            if isinstance(item, (dict, list))
        ]
        if not level:
            return False
    return True


def _digest(*parts: str | bytes) -> str:
    digest = hashlib.sha256()
    for part in parts:
        body = part.encode("utf-8", "surrogatepass") if isinstance(part, str) else part
        digest.update(len(body).to_bytes(8, "big") + body)
    return digest.hexdigest()[:20]
