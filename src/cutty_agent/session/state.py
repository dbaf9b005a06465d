"""The session's state: one JSON value, replaced whole, last write wins (protocol 2.4)."""

from __future__ import annotations

import msgspec
import structlog

from ..ports.store import PutState
from ..wire import client, server
from .connection import Connection
from .room import Room

log = structlog.get_logger("cutty_agent.state")


async def update(actor: Room, conn: Connection, frame: client.StateUpdate) -> None:
    """A client sets the state. A refused update is answered with an error and the true state."""
    body = bytes(frame.state) if isinstance(frame.state, msgspec.Raw) else b"null"
    value = msgspec.json.decode(body)
    try:
        actor.agent.validate_state(value, conn)
    except Exception as error:
        log.info("state.rejected", error=type(error).__name__, connection=conn.id, **actor.names)
        conn.push(server.state_error("State update rejected"))
        if actor.state_body is not None:
            conn.push(server.state(actor.state_body))
        return
    await replace(actor, body, source=conn)


async def replace(actor: Room, body: bytes, *, source: Connection | None) -> None:
    """Store a state, show it to all but its source, then tell the agent."""
    await actor.commit([PutState(body)])
    actor.state_body = body
    actor.audience.everyone(server.state(body), without=source)
    value = msgspec.json.decode(body)
    actor.lane(lambda: actor.agent.on_state_changed(value, source))
