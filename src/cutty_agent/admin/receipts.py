"""What is told of a removal: the receipt of an erasure, the progress of a purge."""

from __future__ import annotations

import msgspec


class Receipt(msgspec.Struct, frozen=True):
    """Proof of an erasure: what was erased, and when (milliseconds since 1970 UTC).

    ``overwritten`` says that nothing of it can be read from the store's files any more; when false, a reader held an
    old page, and the next erasure or ``cutty-agent data compact`` sees to it.
    """

    receipt: str
    subject: str
    sessions: int
    messages: int
    turns: int
    at: int
    overwritten: bool


class Purged(msgspec.Struct, frozen=True):
    """Progress of a purge. ``found`` sessions are idle that long; ``sessions`` and ``messages`` of them are gone."""

    found: int
    sessions: int
    messages: int
    done: bool = False
