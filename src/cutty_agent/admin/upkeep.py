"""The operator's API about the whole installation: audit log, sweeps, purges, revocations, principals."""

from __future__ import annotations

from collections.abc import AsyncIterator

import msgspec
from starlette.responses import Response

from ..session.archive_response import archive_response
from .desk import Asked, Desk, json, lines, milliseconds


async def audit(desk: Desk, asked: Asked) -> Response:
    """``GET /admin/audit?action=&actor=&session=agent/id&from=&to=&before=&limit=``: the audit log, newest first."""
    limit = asked.limit()
    rows = await desk.store.audit(
        before=asked.whole("before"),
        action=asked.text("action"),
        actor=asked.request.query_params.get("actor"),  # the empty name stands for anybody
        address=asked.address("session"),
        from_ms=asked.whole("from"),
        to_ms=asked.whole("to"),
        limit=limit,
    )
    listed = [{"seq": row.seq, **msgspec.to_builtins(row.entry)} for row in rows]
    return json({"entries": listed, "next": rows[-1].seq if len(rows) == limit else None})


async def sweep(desk: Desk, asked: Asked) -> Response:
    """``GET /admin/sweep``: what has been removed because it expired, since the start."""
    return json(msgspec.to_builtins(desk.registry.sweeper.swept))


async def sweep_now(desk: Desk, asked: Asked) -> Response:
    """``POST /admin/sweep``: remove what has expired now."""
    await desk.audit.acted("sessions.swept", actor=asked.actor, peer=asked.peer)
    return json(msgspec.to_builtins(await desk.registry.sweeper.sweep()))


class _Purge(msgspec.Struct, forbid_unknown_fields=True):
    older_than: float
    agent: str | None = None
    dry_run: bool = False


async def purge(desk: Desk, asked: Asked) -> Response:
    """``POST /admin/purge`` with ``{"older_than": seconds, "agent"?, "dry_run"?}``: JSON lines of progress."""
    wanted = await asked.body(_Purge, 'Send {"older_than": seconds, "agent": …, "dry_run": true or false}.')
    steps = await desk.operations.purge(
        older_than_ms=milliseconds(wanted.older_than, "older_than"),
        agent=desk.agent(wanted.agent),
        dry_run=wanted.dry_run,
        actor=asked.actor,
        peer=asked.peer,
    )

    async def told() -> AsyncIterator[bytes]:
        async for step in steps:
            yield msgspec.json.encode(step) + b"\n"

    return lines(told())


class _Revoke(msgspec.Struct, forbid_unknown_fields=True):
    key: str
    seconds: float | None = None


async def revoke(desk: Desk, asked: Asked) -> Response:
    """``POST /admin/revocations`` with ``{"key": "user:anna" or a token's jti, "seconds"?}``."""
    wanted = await asked.body(_Revoke, 'Send {"key": "user:…" or a token\'s jti, "seconds": …}.')
    now_ms = desk.clock.now_ms()
    until = None if wanted.seconds is None else now_ms + milliseconds(wanted.seconds, "seconds")
    closed = await desk.operations.revoke(wanted.key, until, actor=asked.actor, peer=asked.peer)
    return json({"revoked": wanted.key, "closed": closed})


async def export_principal(desk: Desk, asked: Asked, owner: str) -> Response:
    """``GET /admin/principals/{id}/export``: all sessions it owns, as a ZIP."""
    pieces = await desk.operations.export_owner(owner, actor=asked.actor, peer=asked.peer)
    return archive_response(pieces, owner)


async def erase_principal(desk: Desk, asked: Asked, owner: str) -> Response:
    """``DELETE /admin/principals/{id}``: erase every session it owns; answers a receipt."""
    receipt = await desk.operations.erase_owner(owner, actor=asked.actor, peer=asked.peer)
    return json(msgspec.to_builtins(receipt))
