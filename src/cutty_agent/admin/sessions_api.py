"""The operator's API about sessions: the list, one of them, and what can be done with it."""

from __future__ import annotations

from typing import Literal, get_args

import msgspec
from starlette.responses import Response

from ..errors import BadRequest
from ..ids import Address
from ..ports.listing import Listing, Sort
from ..session.archive_response import archive_response
from . import report
from .desk import Asked, Desk, json, lines, raw_json, unknown
from .observer import Tail

Status = Literal["awake", "answering", "parked", "asleep", "connected"]
Order = Literal["asc", "desc"]

MAX_LISTED = 50_000
"""Awake or connected sessions that a list filtered by that looks through at most."""


async def browse(desk: Desk, asked: Asked) -> Response:
    """``GET /admin/sessions``: a page of those that fit every field given.

    ``agent``, ``owner``; ``q``, the beginning of an id or of the owner's own id; ``status``; ``parked``; ``idle``,
    seconds without activity; ``min_cost_nano``; ``active_from`` and ``active_to`` (exclusive), milliseconds. In the
    order of ``sort`` and ``order``; ``after`` is the ``next`` of the page before, ``next`` null on the last one.
    """
    listing = _listing(desk, asked)
    page = await desk.store.browse(listing)
    listed = [{**report.row(row), **report.presence(desk.registry, row.address)} for row in page.rows]
    return json({"sessions": listed, "next": page.next})


def _listing(desk: Desk, asked: Asked) -> Listing:
    idle = asked.number("idle")
    status = asked.text("status")
    if status is not None and status not in get_args(Status):
        raise BadRequest(f"status is {status[:40]!r}.", remedy=f"Send one of {', '.join(get_args(Status))}.")
    among: tuple[Address, ...] | None = None
    without: tuple[Address, ...] = ()
    if status == "awake":
        among = _here(desk, awake=True)
    elif status == "connected":
        among = _here(desk, awake=False)
    elif status == "asleep":
        without = _here(desk, awake=True)
    after = asked.text("after")
    sort: Sort = asked.choice("sort", Sort, "address")
    if sort == "address" and after is not None:
        asked.address("after")
    return Listing(
        sort=sort,
        descending=asked.choice("order", Order, "asc") == "desc",
        agent=desk.agent(asked.text("agent")),
        owner=asked.text("owner"),
        beginning=asked.text("q"),
        parked=asked.flag("parked") or status == "parked",
        answering=status == "answering",
        idle_since_ms=None if idle is None else desk.clock.now_ms() - round(idle * 1000),
        active_from_ms=asked.whole("active_from"),
        active_to_ms=asked.whole("active_to"),
        min_cost_nano=asked.whole("min_cost_nano"),
        among=among,
        without=without,
        after=after,
        limit=asked.limit(),
    )


def _here(desk: Desk, *, awake: bool) -> tuple[Address, ...]:
    """The sessions in memory, or those that have sockets."""
    slots = desk.registry.slots.values()
    if awake:
        found = [slot.address for slot in slots if slot.actor is not None]
    else:
        found = [slot.address for slot in slots if any(conn.visitor for conn in slot.connections)]
    return tuple(found[:MAX_LISTED])


async def show(desk: Desk, asked: Asked, address: Address) -> Response:
    """``GET /admin/sessions/{agent}/{id}``: the row (its number of turns is ``turn_count``), the shares, who is
    connected, what runs, how long it lives, and the newest turn records."""
    row = await desk.row(address)
    card = await desk.store.card(address)
    turns, _ = report.turn_page(await desk.store.turns(address), None, report.SHOWN_TURNS)
    return json(
        {
            **report.row(row),
            "turn_count": row.turns,
            "shares": msgspec.to_builtins(card.grants) if card is not None else {},
            **report.presence(desk.registry, address),
            **report.activity(desk.registry, address),
            "lifetime": report.lifetime(desk.registry, row),
            "connections": report.connections(desk.registry, address),
            "turns": turns,
        }
    )


async def turns(desk: Desk, asked: Asked, address: Address) -> Response:
    """``GET …/turns?before=&limit=``: turn records, oldest first, those before the turn ``before``; ``next`` is the
    ``before`` of the page with older ones."""
    await desk.row(address)
    limit = asked.limit()
    if not 1 <= limit <= 1000:
        raise BadRequest(f"limit is {limit}.", remedy="Ask for 1 to 1000 turns a page.")
    shown, next = report.turn_page(await desk.store.turns(address), asked.text("before"), limit)
    return json({"turns": shown, "next": next})


async def messages(desk: Desk, asked: Asked, address: Address) -> Response:
    """``GET …/messages``: the stored transcript as a JSON array."""
    stored = await desk.store.messages(address)
    if stored is None:
        raise unknown(address)
    await desk.audit.acted("session.read", address, actor=asked.actor, peer=asked.peer)
    return raw_json(b"[" + b",".join(row.body for row in stored.messages) + b"]")


async def state(desk: Desk, asked: Asked, address: Address) -> Response:
    """``GET …/state``: the stored state; 204 when there is none."""
    await desk.row(address)
    body = await desk.store.state(address)
    if body is None:
        return Response(status_code=204)
    await desk.audit.acted("session.read", address, actor=asked.actor, peer=asked.peer)
    return raw_json(body)


async def set_state(desk: Desk, asked: Asked, address: Address) -> Response:
    """``PUT …/state`` with any JSON: replace the state, whatever it was, and show it to all who are connected."""
    remedy = "Send the whole state as JSON."
    body = await asked.bytes(desk.settings.limits.message_bytes, remedy)
    try:
        value = msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BadRequest(f"The state is not valid: {error}.", remedy=remedy) from error
    await desk.row(address)
    desk.check_served(address)
    await desk.audit.acted("session.state_set", address, actor=asked.actor, peer=asked.peer)
    registry = desk.registry
    actor = await registry.actor(registry.slot(address), None, create=False)
    await actor.set_state(value)
    return json({"stored": True})


async def tail(desk: Desk, asked: Asked, address: Address) -> Response:
    """``GET …/tail``: live frames as JSON lines, until the caller leaves or is too slow."""
    if address not in desk.registry.slots:
        await desk.row(address)
    await desk.audit.acted("session.tailed", address, actor=asked.actor, peer=asked.peer)
    return lines(Tail(desk.registry, address, desk.tails).lines())


async def stop(desk: Desk, asked: Asked, address: Address) -> Response:
    """``POST …/stop``: stop all turns of the session."""
    await desk.row(address)
    await desk.audit.acted("session.stopped", address, actor=asked.actor, peer=asked.peer)
    return json({"stopped": await desk.gate.stop(address, None, None)})


class _Park(msgspec.Struct, forbid_unknown_fields=True):
    reason: str = "An operator parked this session."


async def park(desk: Desk, asked: Asked, address: Address) -> Response:
    """``POST …/park`` with ``{"reason"?}``: let no turn of the session run."""
    wanted = await asked.body(_Park, 'Send {"reason": "…"}, or nothing.')
    await desk.row(address)
    await desk.operations.park(address, wanted.reason, actor=asked.actor, peer=asked.peer)
    return json({"parked": wanted.reason})


async def unpark(desk: Desk, asked: Asked, address: Address) -> Response:
    """``POST …/unpark``: let it run again."""
    await desk.row(address)
    await desk.operations.park(address, None, actor=asked.actor, peer=asked.peer)
    return json({"parked": None})


async def expire(desk: Desk, asked: Asked, address: Address) -> Response:
    """``POST …/expire``: end the session now, its agent winding it up."""
    await desk.row(address)
    await desk.operations.expire(address, actor=asked.actor, peer=asked.peer)
    return json({"expired": True})


async def export(desk: Desk, asked: Asked, address: Address) -> Response:
    """``GET …/export``: all that is stored of it, as a ZIP."""
    pieces = await desk.operations.export_session(address, actor=asked.actor, peer=asked.peer, expired=True)
    return archive_response(pieces, address.session)


async def erase(desk: Desk, asked: Asked, address: Address) -> Response:
    """``DELETE /admin/sessions/{agent}/{id}``: erase it; answers a receipt. Its sockets are closed for good."""
    receipt = await desk.operations.erase_session(address, actor=asked.actor, peer=asked.peer)
    return json({"deleted": True, **msgspec.to_builtins(receipt)})
