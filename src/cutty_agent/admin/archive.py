"""The export of one session, or of all sessions of a principal, as a ZIP that is made while it is sent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Final

from ..errors import NotFound, SessionExpired
from ..ids import Address
from ..ports.store import SessionStore
from ..wire import archive
from . import markdown
from .archive_members import Contents, members
from .zip_stream import ZipStream

PAGE: Final = 100


async def export_session(
    store: SessionStore, address: Address, *, now_ms: int, expired: bool = False
) -> AsyncIterator[bytes]:
    """The archive of one session, in pieces of some 64 KiB.

    Formatting and compressing happen in threads. In memory are the session's rows, and of one message at a time what
    it decodes to. The first piece is not asked for before the session has been read, so errors come in time for a
    proper answer. ``expired`` lets a session be exported that has expired. Messages, state and turns are
    read one after the other: of a session that is written meanwhile they may be of different moments.

    Raises:
        NotFound: there is no such session.
        SessionExpired: it has expired.
    """
    found = await _contents(store, address)
    if found is None:
        raise NotFound(f"There is no session {address}.", remedy="List them with: cutty-agent sessions ls.")
    if found.card.expires_ms <= now_ms and not expired:
        raise SessionExpired(f"The session {address} has expired.", remedy="Start a new session.")
    readme = _readme(f"the session {address}", now_ms)

    async def pieces() -> AsyncIterator[bytes]:
        zipped = ZipStream(now_ms)
        async for piece in _apart(zipped.member(archive.README, (readme,), at_most=len(readme))):
            yield piece
        async for piece in _apart(members(zipped, address, found, now_ms)):
            yield piece
        async for piece in _apart(zipped.end()):
            yield piece

    return pieces()


async def export_owner(
    store: SessionStore, owner: str, *, now_ms: int, expired: bool = False
) -> AsyncIterator[bytes]:
    """The archive of all sessions a principal owns, in the order of their addresses; as :func:`export_session`.

    A session that is deleted meanwhile, and without ``expired`` one that has expired, is left out. A store that fails
    in the middle ends the stream with its error; what was sent until then is no valid ZIP file.

    Raises:
        NotFound: the principal owns no session.
    """
    page = await store.sessions(owner=owner, limit=PAGE)
    if not any(expired or row.expires_ms > now_ms for row in page) and len(page) < PAGE:
        raise NotFound(
            f"{owner} owns no session.",
            remedy="List sessions with their owners: cutty-agent sessions ls --json.",
        )
    readme = _readme(f"all sessions of {owner}", now_ms)

    async def pieces() -> AsyncIterator[bytes]:
        zipped = ZipStream(now_ms)
        async for piece in _apart(zipped.member(archive.README, (readme,), at_most=len(readme))):
            yield piece
        listed = page
        while listed:
            for row in listed:
                found = await _contents(store, row.address)
                if found is None or found.card.owner != owner:
                    continue
                if found.card.expires_ms > now_ms or expired:
                    async for piece in _apart(members(zipped, row.address, found, now_ms)):
                        yield piece
            last = listed[-1].address
            listed = await store.sessions(owner=owner, after=last, limit=PAGE) if len(listed) == PAGE else []
        async for piece in _apart(zipped.end()):
            yield piece

    return pieces()


async def _contents(store: SessionStore, address: Address) -> Contents | None:
    transcript = await store.messages(address)
    if transcript is None:
        return None
    state, turns = await store.state(address), await store.turns(address)
    return Contents(transcript.card, transcript.messages, turns, state)


async def _apart(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    """The same pieces, each made in a thread: compressing takes milliseconds, and the loop has others to serve."""
    while (piece := await asyncio.to_thread(next, pieces, None)) is not None:
        yield piece


def _readme(of: str, now_ms: int) -> bytes:
    return f"""Export of {of}

Made {markdown.iso(now_ms)} by cutty-agent, format version {archive.FORMAT}.

Each session has a directory {{agent}}/{{session}}. Names that some file systems could not hold, or not tell
apart, are shortened and end with ~ and a number; session.json has the exact ones.

  {archive.SESSION:<15} whose session it is, who else may enter, its times (ISO 8601 in UTC, and milliseconds
                  since 1970), how much is here, and which file belongs to which message
  {archive.MESSAGES:<15} the messages, one JSON object a line, as they are stored (UI messages of the AI SDK)
  {archive.TURNS:<15} the records of its turns, one a line
  {archive.STATE:<15} the state, when the session has one
  {archive.TRANSCRIPT:<15} the conversation for reading (Markdown)
  {archive.FILES + "/":<15} files that came with messages; messages.jsonl holds them as well
""".encode()
