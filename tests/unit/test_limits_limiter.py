"""Frames, sockets, requests and turns within their limits."""

from __future__ import annotations

import msgspec
import pytest

from cutty_agent.config import Limits
from cutty_agent.core.rate import Rate
from cutty_agent.errors import LimitReached
from cutty_agent.ids import Address
from cutty_agent.ports.store import Spent
from cutty_agent.session.limiter import Limiter
from cutty_agent.session.rates import Buckets

ADA, BOB = "user:ada-lovelace", "user:bob-4321"
HERE, THERE = "203.0.113.7", "198.51.100.1"
ONE, TWO = Address("chat", "s-4711"), Address("chat", "s-4712")


class HandClock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.time = 5_000.0

    def now_ms(self) -> int:
        return int(self.time * 1000)

    def monotonic(self) -> float:
        return self.time


class NoSums:
    """A store that nobody may ask: there is no budget in these tests."""

    async def spent(self, *, day_ms: int, owner: str | None = None) -> Spent:
        raise AssertionError("asked for sums without a budget")


def limiter(clock: HandClock | None = None, **limits: float) -> Limiter:
    return Limiter(Limits.model_validate(limits), clock or HandClock(), NoSums())


def refused(error: LimitReached, limit: str, value: float, retry_after_s: float) -> None:
    assert (error.limit, error.value, error.retry_after_s) == (f"limits.{limit}", value, retry_after_s)
    body = msgspec.json.encode(error.as_dict()).decode() + str(error)
    assert f"limits.{limit}" in body
    for name in ("ada", "bob", "4711", "4712", HERE, THERE):
        assert name not in body, "a refusal names nobody"


# -- frames


def test_frames_have_a_burst_and_a_rate() -> None:
    clock = HandClock()
    limits = limiter(clock, frames_per_second=10, frames_burst=3)
    meter = limits.frame_meter()
    assert [meter.take() for _ in range(3)] == [0, 0, 0]
    wait = meter.take()
    assert wait == pytest.approx(0.1)
    clock.time += wait
    assert meter.take() == 0.0
    assert meter.take() > 0
    assert limits.frame_meter().take() == 0.0, "each socket has its own"
    refused(limits.too_many_frames(wait), "frames_per_second", 10, 1)


# -- sockets


def test_sockets_of_a_caller() -> None:
    limits = limiter(sockets_per_principal=2)
    limits.connect(ADA, HERE)
    limits.connect(ADA, THERE)
    with pytest.raises(LimitReached) as caught:
        limits.connect(ADA, HERE)
    refused(caught.value, "sockets_per_principal", 2, 5)
    limits.connect(BOB, HERE)
    limits.disconnect(ADA, THERE)
    limits.connect(ADA, HERE)


def test_sockets_of_an_address_and_of_an_ipv6_network() -> None:
    limits = limiter(sockets_per_address=2)
    limits.connect(ADA, "2001:db8::1")
    limits.connect(BOB, "2001:db8::2")
    with pytest.raises(LimitReached) as caught:
        limits.connect("user:cid", "2001:db8::3")
    refused(caught.value, "sockets_per_address", 2, 5)
    limits.connect("user:cid", "2001:db8:0:1::3")
    limits.disconnect(ADA, "2001:db8::1")
    limits.connect("user:cid", "2001:db8::3")


def test_how_often_an_address_connects() -> None:
    clock = HandClock()
    limits = limiter(clock, address_connects_per_minute=2)
    for _ in range(2):
        limits.connect(ADA, HERE)
        limits.disconnect(ADA, HERE)
    with pytest.raises(LimitReached) as caught:
        limits.connect(ADA, HERE)
    refused(caught.value, "address_connects_per_minute", 2, 30)
    limits.connect(ADA, THERE)
    clock.time += 30
    limits.connect(ADA, HERE)


def test_a_refused_socket_counts_nowhere() -> None:
    limits = limiter(address_connects_per_minute=2, sockets_per_address=1, sockets_per_principal=2)
    limits.connect(ADA, HERE)
    for _ in range(5):
        with pytest.raises(LimitReached, match="sockets_per_address"):
            limits.connect(ADA, HERE)
    limits.connect(ADA, THERE)  # ada has one socket, not six
    limits.disconnect(ADA, HERE)
    limits.connect(BOB, HERE)  # the address connected once, not six times


@pytest.mark.parametrize("peer", ["127.0.0.1", "::1", ""])
def test_this_machine_and_unknown_peers_have_no_address_limits(peer: str) -> None:
    limits = limiter(sockets_per_address=1, address_connects_per_minute=1, address_requests_per_minute=1)
    for number in range(10_000):
        limits.connect("", peer)
        limits.http(peer)
        limits.request(Address("chat", f"s{number}"), "", peer)


def test_callers_without_a_name_are_not_counted_as_one() -> None:
    limits = limiter(sockets_per_principal=1, turns_per_principal=1, principal_requests_per_minute=1)
    for number in range(5):
        limits.connect("", "")
        limits.begin_turn("")
        limits.request(Address("chat", f"s{number}"), "", "")


def test_more_ends_than_beginnings_open_no_door() -> None:
    limits = limiter(sockets_per_principal=1, turns_per_principal=1, turns=1)
    for _ in range(3):
        limits.disconnect(ADA, HERE)
        limits.end_turn(ADA)
    limits.connect(ADA, HERE)
    limits.begin_turn(ADA)
    with pytest.raises(LimitReached):
        limits.connect(ADA, HERE)
    with pytest.raises(LimitReached):
        limits.begin_turn(BOB)


# -- requests


@pytest.mark.parametrize(
    ("setting", "same", "other"),
    [
        ("requests_per_minute", [(ONE, ADA, HERE), (ONE, BOB, THERE)], (TWO, ADA, HERE)),
        ("principal_requests_per_minute", [(ONE, ADA, HERE), (TWO, ADA, THERE)], (ONE, BOB, HERE)),
        ("address_requests_per_minute", [(ONE, ADA, HERE), (TWO, BOB, HERE)], (ONE, ADA, THERE)),
    ],
)
def test_requests_are_counted_by(
    setting: str, same: list[tuple[Address, str, str]], other: tuple[Address, str, str]
) -> None:
    clock = HandClock()
    limits = limiter(clock, **{setting: 3})
    for number in range(3):
        limits.request(*same[number % 2])
    with pytest.raises(LimitReached) as caught:
        limits.request(*same[0])
    refused(caught.value, setting, 3, 20)
    limits.request(*other)
    clock.time += 19.9
    with pytest.raises(LimitReached) as caught:
        limits.request(*same[1])
    refused(caught.value, setting, 3, 1)
    clock.time += 0.1
    limits.request(*same[1])


def test_a_refused_request_takes_nothing_from_any_bucket() -> None:
    limits = limiter(requests_per_minute=1, principal_requests_per_minute=2, address_requests_per_minute=2)
    limits.request(ONE, ADA, HERE)
    for _ in range(5):
        with pytest.raises(LimitReached, match=r"limits\.requests_per_minute"):
            limits.request(ONE, ADA, HERE)
    limits.request(TWO, ADA, HERE)
    with pytest.raises(LimitReached, match=r"limits\.principal_requests_per_minute"):
        limits.request(Address("chat", "three"), ADA, THERE)


def test_the_limit_that_takes_longest_is_named() -> None:
    limits = limiter(requests_per_minute=2, principal_requests_per_minute=1)
    limits.request(ONE, ADA, HERE)
    limits.request(ONE, BOB, HERE)
    with pytest.raises(LimitReached) as caught:
        limits.request(ONE, ADA, HERE)
    refused(caught.value, "principal_requests_per_minute", 1, 60)


def test_http_requests_and_turns_of_an_address_share_one_limit() -> None:
    limits = limiter(address_requests_per_minute=2)
    limits.http(HERE)
    limits.request(ONE, ADA, "")  # the turn of that request
    limits.request(ONE, ADA, HERE)  # one from a socket
    with pytest.raises(LimitReached) as caught:
        limits.http(HERE)
    refused(caught.value, "address_requests_per_minute", 2, 30)
    limits.http(THERE)


# -- turns


def test_turns_of_a_caller_and_of_the_server() -> None:
    limits = limiter(turns_per_principal=2, turns=3)
    limits.begin_turn(ADA)
    limits.begin_turn(ADA)
    with pytest.raises(LimitReached) as caught:
        limits.begin_turn(ADA)
    refused(caught.value, "turns_per_principal", 2, 5)
    limits.begin_turn(BOB)
    with pytest.raises(LimitReached) as caught:
        limits.begin_turn("user:cid")
    refused(caught.value, "turns", 3, 5)
    limits.end_turn(ADA)
    limits.begin_turn("user:cid")


def test_a_turn_that_was_accepted_before_is_counted_in_any_case() -> None:
    limits = limiter(turns_per_principal=1)
    limits.begin_turn(ADA)
    limits.begin_turn(ADA, accepted=True)
    limits.end_turn(ADA)
    with pytest.raises(LimitReached):
        limits.begin_turn(ADA)
    limits.end_turn(ADA)
    limits.begin_turn(ADA)


# -- the runaway guard


def test_a_runaway_session_is_told_of_and_others_are_not() -> None:
    clock = HandClock()
    limits = limiter(clock, runaway_turns_per_minute=2, runaway_wakes_per_minute=1)
    assert limits.note_turn(ONE) is None
    assert limits.note_turn(TWO) is None
    assert limits.note_turn(ONE) is None
    assert limits.note_turn(ONE) == (
        "The session began 3 turns within 1 s; limits.runaway_turns_per_minute is 2."
    )
    assert limits.note_wake(ONE) is None
    assert limits.note_wake(ONE) == (
        "The session woke up 2 times within 1 s; limits.runaway_wakes_per_minute is 1."
    )
    assert limits.note_turn(ONE) is None, "it starts anew"
    assert limits.note_turn(TWO) is None


def test_the_allowed_requests_of_clients_alone_never_park_a_session() -> None:
    clock = HandClock()
    limits = limiter(clock)
    begun = 0
    for _ in range(6_000):
        clock.time += 0.02
        try:
            limits.request(ONE, ADA, "")
        except LimitReached:
            continue
        begun += 1
        assert limits.note_turn(ONE) is None
    assert begun in {179, 180}, "60 at once and one a second for two minutes"


# -- memory


def test_buckets_that_are_full_again_are_forgotten() -> None:
    clock = HandClock()
    limits = limiter(clock)
    for number in range(1_000):
        limits.request(
            Address("chat", f"s{number}"), f"user:{number}", f"10.0.{number // 250}.{number % 250}"
        )
        limits.note_turn(Address("chat", f"s{number}"))
    assert len(limits._by_session) == len(limits._by_principal) == len(limits._by_address) == 1_000
    assert len(limits._runaways) == 1_000
    clock.time += 61
    limits.request(ONE, ADA, HERE)
    assert len(limits._by_session) == 997, "a new one lets four go, so no caller pays for all"
    limits.tidy()
    assert len(limits._by_session) == len(limits._by_principal) == len(limits._by_address) == 1
    assert len(limits._runaways) == 0


def test_a_crowd_of_names_does_not_make_memory_grow_and_refuses_nobody() -> None:
    clock = HandClock()
    buckets: Buckets[str] = Buckets(Rate(1 / 60, 2.0), remembered=100)
    assert [buckets.take("first", clock.time) for _ in range(2)] == [0, 0]
    for number in range(10_000):
        clock.time += 0.001
        assert buckets.take(f"n{number}", clock.time) == 0.0
        assert len(buckets) <= 100
    assert buckets.take("first", clock.time) == 0.0, "forgotten, which gives it what a new name would get"
    assert buckets.take("first", clock.time) == 0.0
    assert buckets.take("first", clock.time) > 0


def test_who_goes_on_is_remembered_while_a_crowd_passes() -> None:
    buckets: Buckets[str] = Buckets(Rate(1.0, 100.0), remembered=10)
    for number in range(100):
        assert buckets.take("busy", 1.0) == 0.0
        buckets.take(f"n{number}", 1.0)
    assert buckets.take("busy", 1.0) == pytest.approx(1.0)
