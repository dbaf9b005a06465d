"""What analytics cost a turn, with and without them in the same run, and how long an operator waits for a million
sessions and turns."""

from __future__ import annotations

import asyncio
import random
import shutil
import sqlite3
import statistics
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter, process_time

import uvloop

from bench import throughput
from bench.load import connect
from bench.processes import Server, running
from cutty_agent.engines.embedded.directory import database_path
from cutty_agent.engines.embedded.hours import COLUMNS, DURATION, FIRST, SUMS
from cutty_agent.engines.embedded.store import EmbeddedStore, open_store
from cutty_agent.ids import Address
from cutty_agent.ports.analytics import DAY_MS, HOUR_MS
from cutty_agent.ports.listing import Listing
from cutty_agent.ports.store import AddUsage, AppendChunks, DropChunks, Op, PutMessage, PutTurn
from cutty_agent.wire.turn_record import TurnRecord, encode_turn

SESSIONS = 1_000_000
DAYS = 90
NOW_MS = 1_790_000_000_000
AGENTS = ("chat", "support", "sales")
MODELS = ("openai:gpt-4o", "anthropic:claude-sonnet-4-5")
REPEATS = 9

AT_ONCE = 200
TURNS = 2_000
ROUNDS = 9
FLUSHES = 4
WORDS = 50

MEMORY = Path("/dev/shm")


@contextmanager
def directory(where: Path | None = None) -> Iterator[Path]:
    """A place that is gone afterwards; ``where`` it exists, in it."""
    path = Path(tempfile.mkdtemp(dir=where if where is not None and where.is_dir() else None))
    try:
        yield path
    finally:
        shutil.rmtree(path)


# -- writing


def ending(number: int, at_ms: int, *, usage: bool) -> list[Op]:
    """What the commit at the end of a turn holds."""
    record = TurnRecord(
        f"t{number}", "submit", (f"u{number}",), outcome="completed", accepted_ms=at_ms, model=MODELS[0]
    )
    ops: list[Op] = [
        PutMessage(
            f"a{number}",
            b'{"id":"a","role":"assistant","parts":[{"type":"text","text":"%s"}]}' % (b"x" * 300),
        ),
        DropChunks((f"t{number}",)),
        PutTurn(f"t{number}", encode_turn(record), open=False),
    ]
    if usage:
        owner = f"user:{number % 50}"
        ops.append(AddUsage(owner, at_ms, "completed", MODELS[0], 900, 80, 3_050_000, 1, 0, 340, 2_100, 2))
    return ops


async def turns(store: EmbeddedStore, claims: list[tuple[Address, int]], first: int, *, usage: bool) -> float:
    """Turns a second: accepted, streamed in a few writes, ended; each session one after another, all at once."""
    each = TURNS // len(claims)

    async def talk(at: int, address: Address, epoch: int) -> None:
        for turn in range(each):
            number = first + at * each + turn
            now_ms = NOW_MS + number * 7
            asked = PutMessage(f"u{number}", b'{"id":"u","role":"user","parts":[]}')
            begun = PutTurn(f"t{number}", b"{}", open=True)
            await store.commit(address, epoch, [asked, begun], now_ms=now_ms)
            for flush in range(FLUSHES):
                chunks = (b'{"type":"text-delta","delta":"some words"}',) * 12
                await store.commit(
                    address, epoch, [AppendChunks(f"t{number}", flush * 12, chunks)], now_ms=now_ms
                )
            await store.commit(address, epoch, ending(number, now_ms, usage=usage), now_ms=now_ms)

    began = perf_counter()
    await asyncio.gather(*(talk(at, address, epoch) for at, (address, epoch) in enumerate(claims)))
    return each * len(claims) / (perf_counter() - began)


async def ends(store: EmbeddedStore, claims: list[tuple[Address, int]], first: int, *, usage: bool) -> float:
    """Ends of turns a second and nothing else: as much analytics as there can be."""

    async def end(number: int, address: Address, epoch: int) -> None:
        at_ms = NOW_MS + number * 7
        await store.commit(address, epoch, ending(number, at_ms, usage=usage), now_ms=at_ms)

    began = perf_counter()
    await asyncio.gather(*(end(first + number, *claims[number % len(claims)]) for number in range(TURNS)))
    return TURNS / (perf_counter() - began)


async def writing() -> None:
    """Each way of counting in turn, so that a machine that changes speed changes it for all."""
    ways = {"nothing counted": (False, False), "days only": (False, True), "all analytics": (True, True)}
    loads = {"whole turns": turns, "ends of turns": ends}
    with directory(MEMORY) as place:
        stores = {
            way: await open_store(place / way.replace(" ", "-"), analytics=analytics)
            for way, (analytics, _) in ways.items()
        }
        claims: dict[str, list[tuple[Address, int]]] = {}
        for way, store in stores.items():
            addresses = [Address("chat", f"s{n}") for n in range(AT_ONCE)]
            claimed = await asyncio.gather(*(store.claim(a, owner=None, now_ms=NOW_MS) for a in addresses))
            claims[way] = [(a, each.epoch) for a, each in zip(addresses, claimed, strict=True)]
        number = 0
        for name, load in loads.items():
            rates: dict[str, list[float]] = {way: [] for way in ways}
            cpu: dict[str, list[float]] = {way: [] for way in ways}
            for turn in range(ROUNDS + 1):
                for way, (_, usage) in ways.items():
                    number += TURNS
                    before = process_time()
                    rate = await load(stores[way], claims[way], number, usage=usage)
                    if turn:
                        rates[way].append(rate)
                        cpu[way].append((process_time() - before) / TURNS * 1e6)
            for way in ways:
                pairs = zip(cpu[way], cpu["nothing counted"], strict=True)
                cost = statistics.median(own / bare for own, bare in pairs) - 1
                print(
                    f"analytics  {name:<14} {way:<16} {statistics.median(rates[way]):>8,.0f} /s"
                    f" (min {min(rates[way]):,.0f}, max {max(rates[way]):,.0f})"
                    f"  {statistics.median(cpu[way]):6.0f} µs CPU, {cost:+6.1%}"
                )
        for store in stores.values():
            await store.close()
    print("analytics  aim: less than 5 % of whole turns, on a disk that costs nothing (tmpfs)")


async def talking(servers: dict[str, Server]) -> None:
    """Turns of fifty chunks through the whole server, rounds of both in turn."""
    clients = {
        name: list(await asyncio.gather(*(connect(server.port, f"s{n}") for n in range(AT_ONCE))))
        for name, server in servers.items()
    }
    rates: dict[str, list[float]] = {name: [] for name in servers}
    cpu: dict[str, list[float]] = {name: [] for name in servers}
    for turn in range(ROUNDS + 1):
        for name, server in servers.items():
            before = server.cpu_s()
            took = await throughput.one_round(clients[name], WORDS)
            if turn:
                chunks = AT_ONCE * throughput.TURNS * (WORDS + throughput.FRAMES_BESIDE_WORDS)
                rates[name].append(chunks / took)
                cpu[name].append((server.cpu_s() - before) / chunks * 1e6)
    for name in servers:
        print(
            f"analytics  {WORDS} chunks a turn, {name:<8} {statistics.median(rates[name]):>9,.0f} chunks/s"
            f" (min {min(rates[name]):,.0f}, max {max(rates[name]):,.0f})  {statistics.median(cpu[name]):.2f} µs CPU/chunk"
        )
    cost = 1 - statistics.median(on / off for on, off in zip(rates["with"], rates["without"], strict=True))
    print(f"analytics  cost of durable throughput {cost:+.1%} (median of {ROUNDS} pairs; aim: less than 5 %)")


def serving() -> None:
    """Two servers, one of them with ``analytics`` off."""
    with directory(MEMORY) as with_them, directory(MEMORY) as without:
        off = {"CUTTY_ANALYTICS": "false"}
        with running("ours", data=with_them) as one, running("ours", data=without, env=off) as other:
            uvloop.run(talking({"with": one, "without": other}))


# -- reading


def fill(path: Path) -> None:
    """A million sessions of two hundred thousand owners, each with a turn, and the sums that belong to them."""
    dice = random.Random(1)
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute("BEGIN")

    def session(idx: int) -> tuple[object, ...]:
        active_ms = NOW_MS - int(dice.random() ** 2 * DAYS * DAY_MS)
        owner = f"user:{dice.randrange(200_000)}" if idx % 3 else ""
        cost = 0 if idx % 5 == 0 else dice.randrange(10**9)
        agent = "rare" if idx % 50_000 == 0 else dice.choice(AGENTS)
        parked = "too many turns" if idx % 10_000 == 0 else None
        name = f"{dice.getrandbits(64):016x}"
        made_ms = active_ms - dice.randrange(DAY_MS)
        return (
            *(idx, agent, name, idx, made_ms, active_ms, owner, parked, 1, 0, 900, 80, cost),
            *(active_ms // 60_000, active_ms // HOUR_MS),
        )

    connection.executemany(
        "INSERT INTO sessions (idx, agent, session, epoch, created_ms, active_ms, owner, parked, turns, errors,"
        " input_tokens, output_tokens, cost_nano, active_min, active_hour) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
        map(session, range(1, SESSIONS + 1)),
    )
    record = encode_turn(TurnRecord("t", "submit", ("u",), outcome="completed", model=MODELS[0]))
    connection.executemany(
        "INSERT INTO turns (idx, id, open, record) VALUES (?, 't', 0, ?)",
        ((idx, record) for idx in range(1, SESSIONS + 1)),
    )
    connection.executemany(
        "INSERT INTO messages (idx, id, body) VALUES (?, 'm', '{}')",
        ((idx,) for idx in range(1, SESSIONS + 1)),
    )
    connection.execute(
        "INSERT INTO usage_days (day, owner, agent, model, turns, errors, input_tokens, output_tokens, cost_nano, calls,"
        f" tools, duration_ms, first_ms, first_count) SELECT active_ms / {DAY_MS}, owner, agent, '{MODELS[0]}', count(*),"
        " 0, sum(input_tokens), sum(output_tokens), sum(cost_nano), count(*), 0, count(*) * 2000, count(*) * 300,"
        " count(*) FROM sessions GROUP BY 1, 2, 3"
    )
    hours = NOW_MS // HOUR_MS

    def hour(at: int, agent: str, model: str) -> tuple[object, ...]:
        turns = dice.randrange(300)
        counts = dict.fromkeys(COLUMNS, turns) | dict.fromkeys((*FIRST, *DURATION), turns // 10)
        return at, agent, model, *counts.values()

    connection.executemany(
        f"INSERT INTO hours (hour, agent, model, {', '.join(COLUMNS)}) VALUES ({','.join('?' * (3 + len(COLUMNS)))})",
        (
            hour(at, agent, model)
            for at in range(hours - DAYS * 24, hours + 1)
            for agent in AGENTS
            for model in MODELS
        ),
    )
    connection.execute("UPDATE epochs SET last = ?", (SESSIONS,))
    connection.execute("COMMIT")
    connection.close()
    assert COLUMNS[: len(SUMS)] == SUMS


async def timed(what: str, ask: Callable[[], Awaitable[object]], aim_ms: int) -> None:
    """One line: the median of a few answers."""
    await ask()
    took: list[float] = []
    for _ in range(REPEATS):
        began = perf_counter()
        await ask()
        took.append((perf_counter() - began) * 1000)
    print(
        f"analytics  {what:<58} {statistics.median(took):8.1f} ms (max {max(took):.1f}; aim {aim_ms})"
        f"{'' if statistics.median(took) < aim_ms else '  <-- slower than aimed'}"
    )


async def deep(store: EmbeddedStore, listing: Listing) -> Listing:
    """The listing some pages on, as somebody who scrolls."""
    after = None
    for _ in range(5):
        after = (await store.browse(_with(listing, after=after, limit=1000))).next or after
    return _with(listing, after=after)


def _with(listing: Listing, **changes: object) -> Listing:
    kept = {name: getattr(listing, name) for name in Listing.__struct_fields__}
    return Listing(**{**kept, **changes})  # type: ignore[arg-type]  # fields by their names


async def reading() -> None:
    """Pages of every order with every filter, and overviews."""
    with directory() as place:
        await (await open_store(place)).close()
        began = perf_counter()
        fill(database_path(place))
        size = database_path(place).stat().st_size / 2**20
        print(
            f"analytics  {SESSIONS:,} sessions and turns made in {perf_counter() - began:.0f} s, {size:.0f} MiB"
        )
        store = await open_store(place)
        filters: dict[str, dict[str, object]] = {
            "all": {},
            "of an agent": {"agent": "chat"},
            "of a rare agent": {"agent": "rare"},
            "of an owner": {"owner": "user:77"},
            "of nobody": {"owner": ""},
            "by a letter": {"beginning": "a"},
            "by four letters": {"beginning": "abcd"},
            "parked": {"parked": True},
            "answering": {"answering": True},
            "cost above 0.9 $": {"min_cost_nano": 900_000_000},
            "idle for 60 days": {"idle_since_ms": NOW_MS - 60 * DAY_MS},
            "active within an hour": {"active_from_ms": NOW_MS - HOUR_MS},
            "10,000 asleep ones left out": {
                "without": tuple(row.address for row in await _some(store, 10_000))
            },
            "among 10,000": {"among": tuple(row.address for row in await _some(store, 10_000))},
        }
        for sort in ("address", "active", "created", "cost"):
            for name, given in filters.items():
                listing = _with(Listing(), sort=sort, descending=sort != "address", **given)
                await timed(f"page by {sort}, {name}", lambda listing=listing: store.browse(listing), 100)
            later = await deep(store, Listing(sort=sort, descending=True))
            await timed(f"page by {sort}, 5,000 rows on", lambda later=later: store.browse(later), 100)
        for days in (1, 30, DAYS):
            for step in ("hour", "day"):
                await timed(
                    f"overview of {days} days by {step}",
                    lambda days=days, step=step: store.periods(
                        step=step, from_ms=NOW_MS - days * DAY_MS, to_ms=NOW_MS
                    ),
                    300,
                )
        await timed("how many sessions", store.totals, 300)
        for by in ("day", "hour", "agent", "model", "owner"):
            await timed(
                f"usage of 30 days by {by}",
                lambda by=by: store.usage(by=by, from_ms=NOW_MS - 30 * DAY_MS, to_ms=NOW_MS),
                300,
            )
        await timed(
            "usage of 30 days of an owner by day",
            lambda: store.usage(by="day", from_ms=NOW_MS - 30 * DAY_MS, to_ms=NOW_MS, owner="user:77"),
            300,
        )
        await store.close()


async def _some(store: EmbeddedStore, count: int) -> list[object]:
    rows: list[object] = []
    after = None
    while len(rows) < count:
        page = await store.browse(Listing(sort="active", descending=True, limit=1000, after=after))
        rows += page.rows
        after = page.next
    return rows


def main() -> None:
    """Run it."""
    serving()
    uvloop.run(writing())
    uvloop.run(reading())


if __name__ == "__main__":
    main()
