"""What the clients of a session send again and again, and which rows it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from ..core.reconcile import Known, Merge, Row
from ..wire.repeat import Repeat, comparable
from .transcript import Transcript


class Cut(NamedTuple):
    """A frame without the messages that are known. ``text`` is the whole frame, ``short`` what is left to read."""

    text: bytes | str
    short: bytes | str
    repeat: Repeat | None
    known: Known | None


class _Noted(NamedTuple):
    """A request that was taken in: what it was read from, its messages, the rows they are, and the transcript's edition."""

    text: bytes
    cut: Cut
    messages: Sequence[msgspec.Raw | bytes]
    rows: list[Row]
    edition: int


class Echo:
    """Remembers the last long request of an awake session, until the transcript changes otherwise than by growing.

    It holds no more than the last list of messages a client sent, and goes with the session's memory when it sleeps.
    """

    __slots__ = ("_edition", "_known", "_noted", "_repeat", "_transcript")

    def __init__(self, transcript: Transcript) -> None:
        self._transcript = transcript
        self._noted: _Noted | None = None
        self._repeat: Repeat | None = None
        self._known: Known | None = None
        self._edition = 0

    def cut(self, text: bytes | str) -> Cut:
        """A frame, shortened by what is known when it begins with that."""
        if self._noted is not None:
            self.prepare()
        repeat = self._repeat
        if repeat is not None and self._edition == self._transcript.edition:
            short = repeat.cut(text)
            if short is not None:
                return Cut(text, short, repeat, self._known)
        return Cut(text, text, None, None)

    def note(self, cut: Cut, messages: Sequence[msgspec.Raw | bytes], merge: Merge) -> None:
        """A request was taken in, and its merge is what the transcript now is: the next one may begin with it."""
        self._repeat = self._noted = None
        if merge.sent is None or not comparable(cut.text):
            return
        rows = [row for old in merge.sent if (row := self._transcript.find(old.id)) is not None]
        if len(rows) == len(messages):
            self._noted = _Noted(cut.text, cut, messages, rows, self._transcript.edition)

    @property
    def unprepared(self) -> bool:
        """Whether there is something to :meth:`prepare`."""
        return self._noted is not None

    def prepare(self) -> None:
        """Get ready for the next request, which has to wait for this unless somebody calls it before."""
        noted, self._noted = self._noted, None
        if noted is None:
            return
        repeat = Repeat.of(noted.text, noted.messages, after=noted.cut.repeat)
        if repeat is None:
            return
        self._repeat = repeat
        self._known = noted.cut.known or Known([], set())
        self._known.rows.extend(noted.rows)
        self._known.ids.update(row.id for row in noted.rows)
        self._edition = noted.edition
