"""Lists of sessions in every order, with every filter."""

from __future__ import annotations

from dataclasses import dataclass

from ...errors import BadRequest
from ...ids import Address
from ...ports.listing import Listing, SessionRow, Sort
from ...ports.store import AddUsage, Op, Park, PutMessage, PutTurn, SessionStore
from .rule import NOW, refused, rule

MINUTE_MS = 60_000
SORTS: tuple[Sort, ...] = ("address", "active", "created", "cost")


@dataclass(frozen=True)
class Told:
    """A session as a rule makes it."""

    name: str
    owner: str
    minutes: int
    cost_nano: int
    parked: bool = False
    open: bool = False


SESSIONS = (
    Told("chat/delta", "user:anna", 5, 30),
    Told("chat/alpha", "user:bo", 1, 0, parked=True),
    Told("support/beta", "visitor:anton", 9, 30, open=True),
    Told("chat/gamma", "", 3, 50, open=True),
    Told("support/alpine", "user:anna", 7, 0),
    Told("sales/omega", "user:al", 2, 10, parked=True),
)


async def _make(store: SessionStore) -> None:
    for told in SESSIONS:
        address = _address(told.name)
        made = await store.claim(address, owner=told.owner, now_ms=NOW)
        usage = AddUsage(told.owner, NOW, "completed", cost_nano=told.cost_nano)
        ops: list[Op] = [
            PutMessage("m", b"{}"),
            usage,
            *([Park("too many")] if told.parked else []),
            *([PutTurn("t", b"{}", open=True)] if told.open else []),
        ]
        at_ms = NOW + told.minutes * MINUTE_MS
        await store.commit(address, made.epoch, ops, now_ms=at_ms)


def _address(name: str) -> Address:
    agent, _, session = name.partition("/")
    return Address(agent, session)


def _names(rows: list[SessionRow]) -> list[str]:
    return [str(row.address) for row in rows]


async def _all(store: SessionStore, limit: int, **wanted: object) -> list[str]:
    """Every page in turn."""
    names: list[str] = []
    after: str | None = None
    while True:
        page = await store.browse(Listing(after=after, limit=limit, **wanted))  # type: ignore[arg-type]  # fields
        assert len(page.rows) <= limit
        names += _names(page.rows)
        after = page.next
        if after is None:
            return names


def _sorted(sort: Sort, chosen: list[Told], *, descending: bool) -> list[str]:
    order = {told.name: at for at, told in enumerate(SESSIONS)}
    keys = {
        "address": lambda told: tuple(told.name.split("/")),
        "active": lambda told: (told.minutes, order[told.name]),
        "created": lambda told: (order[told.name],),
        "cost": lambda told: (told.cost_nano, order[told.name]),
    }
    return [told.name for told in sorted(chosen, key=keys[sort], reverse=descending)]


@rule
async def every_order_and_filter_lists_what_fits_once(store: SessionStore) -> None:
    await _make(store)
    at = {told.name: NOW + told.minutes * MINUTE_MS for told in SESSIONS}
    some = (_address("chat/gamma"), _address("sales/omega"), _address("chat/unknown"))
    filters: list[tuple[dict[str, object], set[str]]] = [
        ({}, set(at)),
        ({"agent": "chat"}, {"chat/delta", "chat/alpha", "chat/gamma"}),
        ({"agent": "nobody"}, set()),
        ({"owner": "user:anna"}, {"chat/delta", "support/alpine"}),
        ({"owner": ""}, {"chat/gamma"}),
        ({"beginning": "al"}, {"chat/alpha", "support/alpine", "sales/omega"}),
        ({"beginning": "an"}, {"chat/delta", "support/alpine", "support/beta"}),
        ({"beginning": "user:"}, set()),
        ({"beginning": "al", "agent": "chat"}, {"chat/alpha"}),
        ({"parked": True}, {"chat/alpha", "sales/omega"}),
        ({"answering": True}, {"support/beta", "chat/gamma"}),
        ({"idle_since_ms": at["chat/gamma"]}, {"chat/alpha", "sales/omega"}),
        ({"active_from_ms": at["chat/delta"]}, {"chat/delta", "support/beta", "support/alpine"}),
        (
            {"active_from_ms": at["sales/omega"], "active_to_ms": at["chat/delta"]},
            {"chat/gamma", "sales/omega"},
        ),
        ({"min_cost_nano": 30}, {"chat/delta", "support/beta", "chat/gamma"}),
        ({"min_cost_nano": 0}, set(at)),
        ({"among": some}, {"chat/gamma", "sales/omega"}),
        ({"among": ()}, set()),
        ({"without": some}, set(at) - {"chat/gamma", "sales/omega"}),
        ({"among": some, "parked": True}, {"sales/omega"}),
        ({"agent": "chat", "parked": True, "owner": "user:bo"}, {"chat/alpha"}),
    ]
    for wanted, fitting in filters:
        chosen = [told for told in SESSIONS if told.name in fitting]
        for sort in SORTS:
            for descending in (False, True):
                expected = _sorted(sort, chosen, descending=descending)
                for limit in (1, 2, 100):
                    found = await _all(store, limit, sort=sort, descending=descending, **wanted)
                    assert found == expected, (wanted, sort, descending, limit, found, expected)


@rule
async def a_row_of_a_list_tells_what_there_is(store: SessionStore) -> None:
    await _make(store)
    page = await store.browse(Listing(sort="cost", descending=True, limit=1))
    assert page.rows == [
        SessionRow(_address("chat/gamma"), NOW, NOW + 3 * MINUTE_MS, 1, 1, turns=1, cost_nano=50)
    ]
    assert page.rows == [row for row in await store.sessions() if row.address == _address("chat/gamma")]


@rule
async def activity_moves_a_session_in_the_list(store: SessionStore) -> None:
    await _make(store)
    claim = await store.claim(_address("chat/alpha"), owner=None, now_ms=NOW + 20 * MINUTE_MS)
    assert (await _all(store, 9, sort="active", descending=True))[0] == "chat/alpha"
    late = NOW + 30 * MINUTE_MS
    bo = await store.claim(_address("sales/omega"), owner=None, now_ms=NOW)
    for minute in range(3):
        await store.commit(_address("sales/omega"), bo.epoch, [], now_ms=late + minute * MINUTE_MS)
    assert (await _all(store, 9, sort="active", descending=True))[:2] == ["sales/omega", "chat/alpha"]
    await store.commit(_address("chat/alpha"), claim.epoch, [], now_ms=late + 4 * MINUTE_MS)
    assert (await _all(store, 9, sort="active", descending=True))[:2] == ["chat/alpha", "sales/omega"]
    await store.delete(_address("chat/alpha"))
    assert (await _all(store, 9, sort="active", descending=True))[0] == "sales/omega"


@rule
async def a_page_mark_that_is_none_is_refused(store: SessionStore) -> None:
    await _make(store)
    for sort in SORTS:
        for wrong in ("x", "x.y.z", "/", "-1.5", "9" * 30):
            await refused(store.browse(Listing(sort=sort, after=wrong)), BadRequest)
    for limit in (0, 1001):
        await refused(store.browse(Listing(limit=limit)), BadRequest)
