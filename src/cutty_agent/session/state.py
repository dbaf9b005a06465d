"""The session's state: one JSON value, replaced whole, last write wins (protocol 2.4)."""

from __future__ import annotations

import msgspec
import structlog

from ..errors import BadRequest
from ..ports.store import PutState
from ..wire import client, server
from .connection import Connection
from .room import Room

log = structlog.get_logger("cutty_agent.state")


async def update(room: Room, conn: Connection, frame: client.StateUpdate) -> None:
    """A client sets the state. A refused update is answered with an error and the true state."""
    body = bytes(frame.state) if isinstance(frame.state, msgspec.Raw) else b"null"
    try:
        value = msgspec.json.decode(body)
    except msgspec.MsgspecError as error:  # a number beyond every range passes as raw JSON
        raise BadRequest(f"The state is not valid: {error}.", remedy="Send JSON that can be read.") from error
    try:
        room.agent.validate_state(value, conn)
    except Exception as error:
        log.info("state.rejected", error=type(error).__name__, connection=conn.id, **room.names)
        conn.push(server.state_error("State update rejected"))
        if room.state_body is not None:
            conn.push(server.state(room.state_body))
        return
    await replace(room, body, source=conn)


async def replace(room: Room, body: bytes, *, source: Connection | None) -> None:
    """Store a state, show it to all but its source, then tell the agent."""
    await room.commit([PutState(body)])
    room.state_body = body
    room.audience.everyone(server.state(body), without=source)
    value = msgspec.json.decode(body)
    room.lane(lambda: room.agent.on_state_changed(value, source))
