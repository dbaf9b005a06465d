"""What the clients of a session send again and again, and which rows it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from ..core.reconcile import Known, Merge
from ..wire.repeat import Repeat
from .transcript import Transcript


class Cut(NamedTuple):
    """A frame without the messages that are known. ``text`` is the whole frame, ``short`` what is left to read."""

    text: bytes | str
    short: bytes | str
    repeat: Repeat | None
    known: Known | None


class Echo:
    """Remembers the last long request of an awake session, until the transcript changes otherwise than by growing.

    It holds no more than the last list of messages a client sent, and goes with the session's memory when it sleeps.
    """

    __slots__ = ("_edition", "_known", "_repeat", "_transcript")

    def __init__(self, transcript: Transcript) -> None:
        self._transcript = transcript
        self._repeat: Repeat | None = None
        self._known: Known | None = None
        self._edition = 0

    def cut(self, text: bytes | str) -> Cut:
        """A frame, shortened by what is known when it begins with that."""
        repeat = self._repeat
        if repeat is not None and self._edition == self._transcript.edition:
            short = repeat.cut(text)
            if short is not None:
                return Cut(text, short, repeat, self._known)
        return Cut(text, text, None, None)

    def note(self, cut: Cut, messages: Sequence[msgspec.Raw | bytes], merge: Merge) -> None:
        """A request was taken in, and its merge is what the transcript now is: the next one may begin with it."""
        self._repeat = None
        if merge.sent is None or not isinstance(cut.text, bytes):
            return
        repeat = Repeat.of(cut.text, messages, after=cut.repeat)
        if repeat is None:
            return
        rows = [row for old in merge.sent if (row := self._transcript.find(old.id)) is not None]
        if len(rows) != len(messages):
            return
        self._repeat = repeat
        self._known = cut.known or Known([], set())
        self._known.rows.extend(rows)
        self._known.ids.update(row.id for row in rows)
        self._edition = self._transcript.edition
