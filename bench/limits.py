"""What the limits cost a frame, a request, a socket and a turn, with and without them in the same run."""

from __future__ import annotations

import gc
import statistics
import tracemalloc
from collections.abc import Awaitable, Callable
from time import perf_counter
from typing import Any

import uvloop

from cutty_agent.clock import SystemClock
from cutty_agent.config import Limits
from cutty_agent.core.budget import Amount
from cutty_agent.ids import Address
from cutty_agent.ports.store import Spent
from cutty_agent.session.limiter import Limiter
from cutty_agent.session.pricing import Pricing
from cutty_agent.session.rates import FrameMeter

ROUNDS = 5
CALLS = 10_000
CALLERS = 2_000
MANY = 1_000_000_000

WIDE: dict[str, Any] = {
    "frames_per_second": MANY,
    "frames_burst": MANY,
    "requests_per_minute": MANY,
    "principal_requests_per_minute": MANY,
    "address_requests_per_minute": MANY,
    "address_connects_per_minute": MANY,
}
"""So wide that everything passes: a refusal costs more, but nobody waits for a turn behind it."""

BUDGETS: dict[str, Any] = {
    "tokens_per_day": 10**15,
    "dollars_per_day": 1e6,
    "session_tokens_per_day": 10**15,
    "session_dollars_per_day": 1e6,
    "total_tokens_per_day": 10**15,
    "total_dollars_per_day": 1e6,
}

ADDRESSES = [Address("chat", f"session-{number}") for number in range(CALLERS)]
PRINCIPALS = [f"user:{number}" for number in range(CALLERS)]
PEERS = [f"10.0.{number // 250}.{number % 250}" for number in range(CALLERS)]


class Empty:
    """A store in which nobody has spent anything."""

    async def spent(self, *, day_ms: int, owner: str | None = None) -> Spent:
        """Nothing."""
        return Spent()


def limiter(**limits: Any) -> Limiter:
    """Wide enough for everybody."""
    return Limiter(Limits.model_validate({**WIDE, **limits}), SystemClock(), Empty())


def per_call(run: Callable[[int], object]) -> float:
    """Seconds a call of ``run`` with the numbers of all callers in turn, the loop around it taken away."""

    def once(work: Callable[[int], object]) -> float:
        start = perf_counter()
        for number in range(CALLS):
            work(number % CALLERS)
        return (perf_counter() - start) / CALLS

    once(run)
    return max(0.0, statistics.median(once(run) - once(_nothing) for _ in range(ROUNDS)))


async def per_await(run: Callable[[int], Awaitable[object]]) -> float:
    """As :func:`per_call`, for what is awaited."""

    async def once(work: Callable[[int], Awaitable[object]]) -> float:
        start = perf_counter()
        for number in range(CALLS):
            await work(number % CALLERS)
        return (perf_counter() - start) / CALLS

    await once(run)
    return max(0.0, statistics.median([await once(run) - await once(_nothing_later) for _ in range(ROUNDS)]))


def _nothing(number: int) -> None:
    pass


async def _nothing_later(number: int) -> None:
    pass


def show(what: str, seconds: float, aim: str = "") -> None:
    """One line."""
    print(f"limits  {what:<58} {seconds * 1e6:6.2f} µs{f'  (aim {aim})' if aim else ''}")


def frames() -> None:
    """Every inbound frame asks its socket's meter."""
    limits = limiter()
    meters: list[FrameMeter | None] = [limits.frame_meter() for _ in range(CALLERS)]

    def metered(number: int) -> None:
        meter = meters[number]
        if meter is not None and meter.take():
            raise AssertionError("refused")

    none: list[FrameMeter | None] = [None] * CALLERS

    def unmetered(number: int) -> None:
        meter = none[number]
        if meter is not None and meter.take():
            raise AssertionError("refused")

    show("a frame, without", per_call(unmetered))
    show("a frame, metered", per_call(metered), "0.5 µs")
    narrow = limiter(frames_per_second=0.001, frames_burst=1).frame_meter()
    narrow.take()
    show("a frame, refused", per_call(lambda number: narrow.take()))


def sockets() -> None:
    """A socket that comes and goes."""
    limits = limiter()

    def come_and_go(number: int) -> None:
        limits.connect(PRINCIPALS[number], PEERS[number])
        limits.disconnect(PRINCIPALS[number], PEERS[number])

    show("a socket, opened and closed", per_call(come_and_go), "200 µs")

    def local(number: int) -> None:
        limits.connect("", "127.0.0.1")
        limits.disconnect("", "127.0.0.1")

    show("a socket, from this machine and without a name", per_call(local))


def requests() -> None:
    """A request of a known session, caller and address, and the turn it begins."""
    limits = limiter()

    def request(number: int) -> None:
        limits.request(ADDRESSES[number], PRINCIPALS[number], PEERS[number])

    show("a request: session, caller and address", per_call(request))
    show("a request over HTTP: address", per_call(lambda number: limits.http(PEERS[number])))

    def turn(number: int) -> None:
        limits.begin_turn(PRINCIPALS[number])
        limits.end_turn(PRINCIPALS[number])

    show("a turn, begun and ended", per_call(turn))
    show("a turn or wake, seen by the runaway guard", per_call(guarded()))


def guarded() -> Callable[[int], object]:
    """The guard at its usual work, which is never to speak."""
    limits = limiter(runaway_turns_per_minute=1_000)
    return lambda number: limits.note_turn(ADDRESSES[number])


async def budgets() -> None:
    """A reservation and its settlement."""
    estimate = Amount(5_000, 20_000_000)

    async def spend(limits: Limiter, number: int) -> None:
        reservation = await limits.reserve(ADDRESSES[number], PRINCIPALS[number], estimate)
        limits.spent_value(reservation, 100, 1_000)
        limits.settle(reservation, 100, 1_000)

    free, tight = limiter(), limiter(**BUDGETS)

    async def alone(number: int) -> None:
        await free.reserve(ADDRESSES[number], PRINCIPALS[number], estimate)

    show("a reservation without a budget", await per_await(alone), "1 µs")
    show("reserve and settle without a budget", await per_await(lambda number: spend(free, number)))
    show("reserve and settle in three accounts", await per_await(lambda number: spend(tight, number)))
    prices = Pricing(SystemClock())
    show("price of a turn", per_call(lambda number: prices.cost("claude-3-5-haiku-latest", 5_000, number)))
    show("price of a turn, by length", per_call(lambda number: prices.cost("gemini-2.5-pro", 5_000, number)))
    show("price of a turn, unknown model", per_call(lambda number: prices.cost("demo", 5_000, number)))


def whole_turn() -> None:
    """All that one turn of one client frame costs, for comparison with a turn."""
    limits = limiter()
    meters = [limits.frame_meter() for _ in range(CALLERS)]

    def turn(number: int) -> None:
        meters[number].take()
        limits.request(ADDRESSES[number], PRINCIPALS[number], PEERS[number])
        limits.begin_turn(PRINCIPALS[number])
        limits.end_turn(PRINCIPALS[number])

    guard = guarded()
    show("all of them for one turn, no budget set", per_call(turn) + per_call(guard), "5 % of a turn")


def memory() -> None:
    """What is kept of a caller that was here within the last minute."""
    limits = Limiter(Limits(), SystemClock(), Empty())
    count = 50_000
    names = [
        (
            Address("chat", f"m-{number}"),
            f"user:m-{number}",
            f"10.{number // 65_536}.{number // 256 % 256}.{number % 256}",
        )
        for number in range(count)
    ]
    gc.collect()
    tracemalloc.start()
    for address, principal, peer in names:
        limits.request(address, principal, peer)
    size = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    print(
        f"limits  memory of a session, caller and address together {size / count:>9.0f} bytes, at most {size / 2**20:.0f} MiB"
    )


def main() -> None:
    """Run it."""
    frames()
    sockets()
    requests()
    uvloop.run(budgets())
    whole_turn()
    memory()


if __name__ == "__main__":
    main()
