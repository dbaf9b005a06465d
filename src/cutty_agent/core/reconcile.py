"""Joining the transcript a client sends with the stored one (protocol 3.11; the server's copy is authoritative).

From a client come new user and system messages, edits of its own user messages, results and approvals of tool
calls that really wait for one. Assistant messages the server does not know are adopted only on trust.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import msgspec

from ..wire.chunks import UIMessage
from .legacy import message_id, normalise
from .matching import Candidates
from .overlay import filled, overlaid
from .parts import parts_of, text_of
from .rows import UNREADABLE, Grown, Row, load, read
from .sanitize import sanitize

__all__ = ["Known", "Merge", "Row", "load", "reconcile"]


class Merge(msgspec.Struct, frozen=True, gc=False):
    """What a reconciliation decided.

    ``rows`` is the resulting transcript, ``put`` the rows of it that are new or changed, in order, ``delete`` the
    ids of stored rows that are not in it any more. ``new_user_ids`` are the user messages among ``put`` that the
    store did not have; ``trailing_user_ids`` is the run of user messages the request ends with (``messageIds``
    of the terminal frames). ``sent`` are the rows of the incoming messages, one by one; ``None`` when one of them
    was of no use, or was not found by its id.
    """

    rows: Sequence[Row]
    put: list[Row]
    delete: tuple[str, ...]
    new_user_ids: list[str]
    trailing_user_ids: list[str]
    sent: list[Row] | None = None


class Known(NamedTuple):
    """Messages at the head of a request of which it is known already what they are: these rows, unchanged."""

    rows: list[Row]
    ids: set[str]


class _Head(msgspec.Struct, gc=False):
    id: Any = None
    role: Any = None


_head = msgspec.json.Decoder(_Head).decode


class _TextPart(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    type: Literal["text"]
    text: str


class _TextMessage(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    id: str
    role: Literal["user"]
    parts: list[_TextPart]


_text_message = msgspec.json.Decoder(_TextMessage).decode


class _Incoming:
    """A message that needs a closer look. ``bare``: it came without parts; ``nameless``: without an id."""

    __slots__ = ("bare", "id", "message", "nameless", "role", "seen")

    def __init__(self, raw: dict[str, Any], message: UIMessage, seen: int) -> None:
        self.message = message
        self.id: str = message["id"]
        self.role: str = message["role"]
        self.bare = not parts_of(raw)
        self.nameless = message_id(raw.get("id")) is None
        self.seen = seen


def reconcile(
    stored: Sequence[Row],
    incoming: Sequence[bytes | msgspec.Raw],
    *,
    delete_missing: bool,
    trust_client: bool = False,
    keep: Collection[str] = (),
    default_id: Callable[[int], str] = "msg-{}".format,
    prepare: Callable[[UIMessage], UIMessage] = sanitize,
    by_id: Mapping[str, Row] | None = None,
    known: Known | None = None,
) -> Merge:
    """Merge the JSON messages ``incoming`` into ``stored``. Never raises for what a client may send.

    ``delete_missing`` removes stored rows the request does not name, but only when it names nothing but stored
    rows; those in ``keep`` (which the sender cannot have seen) stay in any case. ``default_id`` names a new
    message that came without an id, given a number. ``prepare`` makes a message ready for storage and must be
    idempotent. ``by_id`` is an index of ``stored``, for callers that keep one. ``known`` stands before ``incoming``
    in what the client sent; the result is the same as with its messages.
    """
    if by_id is None:
        by_id = {row.id: row for row in stored}
    if len(incoming) == 1 and prepare is sanitize:
        row = _one_more(bytes(incoming[0]), by_id, known)
        if row is not None:
            return Merge(Grown(stored, [row]), [row], (), [row.id], [row.id], [row])
    merger = _Merger(stored, by_id, trust_client, default_id, prepare)
    if known is not None:
        merger.known, merger.known_ids = known.rows, known.ids
    for index, raw in enumerate(incoming, len(merger.known)):
        merger.look(index, raw if type(raw) is bytes else bytes(raw))
    merger.match_rest()
    return merger.result(delete_missing=delete_missing, keep=keep)


def _one_more(body: bytes, by_id: Mapping[str, Row], known: Known | None) -> Row | None:
    """The row of the one message that was sent (behind an answer, where something is ``known``), when it is a new one of
    the user with nothing but text: by far the most frequent request, which needs no merging."""
    if known is not None and known.rows and known.rows[-1].role == "user":
        return None
    try:
        message = _text_message(body)
    except UNREADABLE:
        return None
    if not message.id or not message.parts or message.id in by_id:
        return None
    return Row(message.id, "user", body, seen=hash(body))


class _Merger:
    def __init__(
        self,
        stored: Sequence[Row],
        by_id: Mapping[str, Row],
        trust: bool,
        default_id: Callable[[int], str],
        prepare: Callable[[UIMessage], UIMessage],
    ) -> None:
        self.stored = stored
        self.by_id = by_id
        self.trust = trust
        self.default_id = default_id
        self.prepare = prepare
        self.known: Sequence[Row] = ()  # what was sent at first; too many to copy, or even to touch
        self.known_ids: Collection[str] = ()  # claimed as well
        self.list: list[Row | _Incoming | None] = []  # what was sent behind that, in order; None: of no use
        self.waiting: list[tuple[int, _Incoming]] = []  # places in ``list`` of messages with an unknown id
        self.claimed: set[str] = set()
        self.changed: dict[str, Row] = {}
        self.fresh: dict[str, Row] = {}
        self.stranger = False  # something was sent that is not stored
        self.guessed = False  # something was found otherwise than by its id

    def look(self, index: int, body: bytes) -> None:
        """First pass: find rows by id, reading no deeper than that takes."""
        same = self.stored[index] if index < len(self.stored) else None
        if same is not None and body == same.body:
            self.claimed.add(same.id)
            self.list.append(same)
            self.changed.pop(same.id, None)
            return
        try:
            head = _head(body)
        except UNREADABLE:
            self._skip()
            return
        row = self.by_id.get(head.id) if isinstance(head.id, str) else None
        if row is None and head.role == "user" and self._plain(body):
            return
        if row is not None and row.role == head.role:
            self.claimed.add(row.id)
            self.list.append(row)
            if row.role != "user" and not self.trust and not row.open_calls:
                return
            if body == row.body or hash(body) == row.seen:
                self.changed.pop(row.id, None)
                return
        entry = self._read(index, body)
        if row is not None and row.role == head.role:
            if entry is not None:
                self._update(row, entry)
        elif entry is None:
            self._skip()
        else:
            self._file(entry)

    def _plain(self, body: bytes) -> bool:
        """Take a new user message of nothing but text as it is written: the common case, and nothing to change.

        Not behind a message that is still to be matched, which would then end up after this one.
        """
        if self.waiting or self.prepare is not sanitize:
            return False
        try:
            message = _text_message(body)
        except UNREADABLE:
            return False
        if not message.id or not message.parts or message.id in self.fresh:
            return False
        row = self.fresh[message.id] = Row(message.id, "user", body, seen=hash(body))
        self.stranger = True
        self.list.append(row)
        return True

    def _read(self, index: int, body: bytes) -> _Incoming | None:
        try:
            raw = read(body)
            message = normalise(raw, index)
            return None if message is None else _Incoming(raw, self.prepare(message), hash(body))
        except UNREADABLE:
            return None

    def _skip(self) -> None:
        self.stranger = True
        self.list.append(None)

    def _file(self, entry: _Incoming) -> None:
        """An entry whose id, as it was written, names no row of its role."""
        row = None if entry.nameless else self.by_id.get(entry.id)
        if row is not None and row.role == entry.role:  # a number for an id, or a v4 role
            self.guessed = True
            self.claimed.add(row.id)
            self.list.append(row)
            self._update(row, entry)
        else:
            self.waiting.append((len(self.list), entry))
            self.list.append(entry)

    # -- known rows ----------------------------------------------------------------------------------------

    def _update(self, row: Row, entry: _Incoming) -> None:
        """Take from a copy of a stored message what a client may change."""
        old = row.message()
        new = self._edited(old, entry) if row.role == "user" or self.trust else filled(old, entry.message)
        if new == old:
            row.seen = entry.seen
            self.changed.pop(row.id, None)
        else:
            self.changed[row.id] = Row.of({**new, "id": row.id, "role": row.role}, seen=entry.seen)

    def _edited(self, old: UIMessage, entry: _Incoming) -> UIMessage:
        if entry.bare and text_of(old) == text_of(entry.message):
            return old  # a client that knows only text must not take away the rest
        if old["role"] != "assistant":
            return {**entry.message, "id": old["id"]}
        return overlaid(old, {**entry.message, "id": old["id"]})

    # -- unknown ids ---------------------------------------------------------------------------------------

    def match_rest(self) -> None:
        """Second pass, when it is known which rows are claimed by their ids."""
        if not self.waiting:
            return
        roles = {entry.role for _, entry in self.waiting if entry.role == "assistant" or entry.nameless}
        stored = self.stored if roles else ()
        candidates = Candidates(row for row in stored if row.role in roles and not self._taken(row.id))
        tail = self._tail()
        others = {entry.id for _, entry in self.waiting if entry.role != "assistant" and not entry.nameless}
        for at, entry in self.waiting:
            row = None
            # An id that names something else, here or in the store, is no reason to look further.
            taken = not entry.nameless and any(entry.id in ids for ids in (self.fresh, self.by_id, others))
            if (entry.role == "assistant" and not taken) or (entry.nameless and at < tail):
                row = candidates.claim(entry.message, bare=entry.bare)
            if row is not None or entry.nameless:
                self.guessed = True
            if row is not None:
                self.claimed.add(row.id)
                self.list[at] = row
                if row.role == "assistant" and (self.trust or row.open_calls):
                    self._update(row, entry)
            else:
                self._insert(at, entry)

    def _tail(self) -> int:
        """Where in ``list`` the trailing run of user messages begins; below 0 where that is in ``known``. Without an id
        these are new, even if an older one says the same: a visitor may say it twice."""
        at = len(self.list)
        for sent in (self.list, self.known):
            for item in reversed(sent):
                if item is not None and item.role != "user":
                    return at
                at -= 1
        return at

    def _insert(self, at: int, entry: _Incoming) -> None:
        self.stranger = True
        if entry.nameless:
            entry.id = self._free_id(len(self.known) + at)
        elif entry.id in self.by_id:
            return  # the id of a message of another role
        if entry.role == "assistant" and not self.trust:
            return
        known = self.fresh.get(entry.id)
        if known is not None and known.role != entry.role:
            return
        row = Row.of({**entry.message, "id": entry.id}, seen=entry.seen)
        self.fresh[entry.id] = row
        self.list[at] = row

    def _free_id(self, number: int) -> str:
        while (id := self.default_id(number)) in self.by_id or id in self.fresh:
            number = max(number + 1, len(self.stored))
        return id

    # -- outcome -------------------------------------------------------------------------------------------

    def result(self, *, delete_missing: bool, keep: Collection[str]) -> Merge:
        delete: tuple[str, ...] = ()
        if delete_missing and (self.claimed or self.known_ids) and not self.stranger:
            delete = tuple(row.id for row in self.stored if not self._taken(row.id) and row.id not in keep)
        gone = set(delete)
        rows, put = self.stored, []
        if gone or self.changed:
            rows = [self.changed.get(row.id, row) for row in rows if row.id not in gone]
            put = [row for row in rows if row.id in self.changed]
        fresh = list(self.fresh.values())
        return Merge(
            rows=Grown(rows, fresh),
            put=put + fresh,
            delete=delete,
            new_user_ids=[row.id for row in fresh if row.role == "user"],
            trailing_user_ids=self._trailing(),
            sent=self._sent(),
        )

    def _taken(self, id: str) -> bool:
        """Whether the request names this row."""
        return id in self.claimed or id in self.known_ids

    def _sent(self) -> list[Row] | None:
        rows = [item for item in self.list if type(item) is Row]
        return rows if len(rows) == len(self.list) and not self.guessed else None

    def _trailing(self) -> list[str]:
        tail = self._tail()
        items = self.list[tail:] if tail >= 0 else [*self.known[tail:], *self.list]
        return list(dict.fromkeys([item.id for item in items if type(item) is Row]))
