"""The export format: what the members of an archive are called and how their lines look."""

from __future__ import annotations

import hashlib
import re
from typing import Any, Final

import msgspec

from .card import Card, Grant
from .principal import NEVER_MS

FORMAT: Final = 1
"""Version of the format; a reader refuses archives of a later one."""

README: Final = "README.txt"
SESSION: Final = "session.json"
MESSAGES: Final = "messages.jsonl"
TURNS: Final = "turns.jsonl"
STATE: Final = "state.json"
TRANSCRIPT: Final = "transcript.md"
FILES: Final = "files"

MAX_NAME: Final = 64
"""Characters of a session id or agent name that are kept in a path."""

_PLAIN = re.compile(rf"[a-z0-9_](?:[a-z0-9._-]{{0,{MAX_NAME - 2}}}[a-z0-9_-])?", re.ASCII)
_NOT_PLAIN = re.compile(r"[^a-z0-9_-]+", re.ASCII)
_RESERVED = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)", re.ASCII)


class Moment(msgspec.Struct, frozen=True):
    """A time for people (ISO 8601, UTC) and for programs (milliseconds since 1970)."""

    iso: str
    ms: int


class KeptFile(msgspec.Struct, frozen=True, rename="camel"):
    """A file of the archive that a message carries as a data URL. ``path`` is below the session's directory."""

    path: str
    message_id: str
    media_type: str
    filename: str | None
    bytes: int


class Counts(msgspec.Struct, frozen=True):
    """How many of each there are in the archive."""

    messages: int
    turns: int
    files: int


class ArchivedGrant(msgspec.Struct, frozen=True):
    """A share as it stood; ``expires`` is ``None`` when it has no end."""

    grantee: str
    mode: str
    created: Moment
    expires: Moment | None


class SessionFile(msgspec.Struct, frozen=True, kw_only=True):
    """``session.json``: whose session it was and what is beside this file."""

    format: int
    agent: str
    session: str
    owner: str
    created: Moment
    active: Moment
    expires: Moment | None
    parked: str | None
    grants: list[ArchivedGrant]
    counts: Counts
    files: list[KeptFile]
    exported: Moment

    def card(self) -> Card:
        """The card that this was made of."""
        return Card(
            self.owner,
            self.created.ms,
            self.active.ms,
            self.expires.ms if self.expires else NEVER_MS,
            {
                grant.grantee: Grant(
                    "write" if grant.mode == "write" else "read",
                    grant.created.ms,
                    grant.expires.ms if grant.expires else NEVER_MS,
                )
                for grant in self.grants
            },
            self.parked,
        )


class TurnLine(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line of ``turns.jsonl``: the record as stored, or its base64 when it is not JSON."""

    id: str
    open: bool
    record: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    base64: str | None = None


class Unreadable(msgspec.Struct, frozen=True):
    """The line that stands in ``messages.jsonl`` for a stored message that is not a JSON object with its own id."""

    id: str
    unreadable: str


class MessageId(msgspec.Struct):
    """The outline by which a line of ``messages.jsonl`` is recognised."""

    id: str
    unreadable: str | msgspec.UnsetType = msgspec.UNSET
    role: Any = msgspec.UNSET


def directory(agent: str, session: str) -> str:
    """The directory of a session in the archive: two path segments, with ``/`` between."""
    return f"{path_name(agent)}/{path_name(session)}"


def path_name(name: str) -> str:
    """A name as a path segment that is safe everywhere and differs from every other name's.

    Names of small letters, digits and inner ``. _ -`` stay as they are, up to :data:`MAX_NAME` characters. All others
    become what can be kept of them, ``~``, and 16 digits of their SHA-256: file systems may not tell capitals from
    small letters, and some characters and words are special to some of them.
    """
    if _PLAIN.fullmatch(name) and not _RESERVED.match(name):
        return name
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    slug = _NOT_PLAIN.sub("-", name.lower())[: MAX_NAME - 17].strip("-")
    return f"{slug or 'session'}~{digest}"
