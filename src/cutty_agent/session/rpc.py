"""Calls of methods marked with ``@rpc`` (protocol 2.5)."""

from __future__ import annotations

import inspect

import structlog

from ..agent.base import rpc_methods
from ..wire import client, server
from .connection import Connection
from .room import Room

log = structlog.get_logger("cutty_agent.rpc")


async def call(room: Room, conn: Connection, frame: client.Rpc) -> None:
    """Run one call and answer it; streaming methods are async generators whose items are sent as they come."""
    agent = room.agent
    if frame.method not in rpc_methods(agent):
        known = callable(getattr(agent, frame.method, None)) and not frame.method.startswith("_")
        reason = "is not callable" if known else "does not exist"
        conn.push(server.rpc_error(frame.id, f"Method {frame.method} {reason}"))
        return
    if conn.readonly and frame.method not in rpc_methods(agent, read_only=True):
        conn.push(server.rpc_error(frame.id, "Connection is readonly"))
        return
    try:
        result = getattr(agent, frame.method)(*frame.args)
        if inspect.isasyncgen(result):
            async for item in result:
                conn.push(server.rpc_result(frame.id, item, done=False))
            answer = server.rpc_void(frame.id)
        else:
            if inspect.isawaitable(result):
                result = await result
            answer = server.rpc_void(frame.id) if result is None else server.rpc_result(frame.id, result)
    except Exception as error:
        log.warning("rpc.failed", method=frame.method, error=type(error).__name__, **room.names)
        answer = server.rpc_error(frame.id, str(error) or "Unknown error occurred")
    conn.push(answer)
