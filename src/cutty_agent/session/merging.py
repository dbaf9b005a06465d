"""The ``merge`` strategy: waiting user messages become one (protocol 3.5)."""

from __future__ import annotations

from ..core.reconcile import Row
from ..core.turn_queue import Ticket
from ..ports.store import DeleteMessages, PutMessage
from ..wire.chunks import UIMessage
from .room import Room


def joined(messages: list[UIMessage]) -> UIMessage:
    """One user message of several: texts joined with a blank line, other parts appended, id and metadata of the last."""
    texts: list[str] = []
    others: list[object] = []
    for message in messages:
        for part in message["parts"]:
            if part.get("type") == "text":
                texts.append(str(part.get("text", "")))
            else:
                others.append(part)
    text = {"type": "text", "text": "\n\n".join(texts)}
    return {**messages[-1], "parts": [*([text] if texts else []), *others]}


async def collapse(room: Room, ticket: Ticket) -> None:
    """Replace the user messages of the merged tickets and of ``ticket`` by one, durably."""
    wanted = {mid for merged in [*ticket.merged, ticket] for mid in merged.own}
    async with room.transcript.lock:
        rows = [row for row in room.transcript.rows if row.id in wanted and row.role == "user"]
        if len(rows) < 2:
            return
        message = joined([row.message() for row in rows])
        row = Row.of(message)
        gone = tuple(old.id for old in rows[:-1])
        await room.commit([DeleteMessages(gone), PutMessage(row.id, row.body)])
        room.transcript.rows = [
            row if old.id == row.id else old for old in room.transcript.rows if old.id not in gone
        ]
