"""Tickets: once, for one session, from one page, for a short time."""

from __future__ import annotations

import pytest

from cutty_agent.access.revocations import Revocations
from cutty_agent.access.tickets import Tickets
from cutty_agent.errors import Unauthorized
from cutty_agent.ids import Address
from cutty_agent.wire.principal import Principal
from unit.access_lab import ADDRESS, NOW_S, ManualClock

ADA = Principal("user:ada", also=("visitor:x",), scopes=frozenset({"read"}), token_id="t-1")
PAGE = "https://app.example"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def tickets(clock: ManualClock) -> Tickets:
    return Tickets(clock, ticket_s=60)


def test_a_ticket_opens_its_session_once(tickets: Tickets) -> None:
    secret, ends_ms = tickets.issue(ADA, ADDRESS, PAGE)
    assert ends_ms == (NOW_S + 60) * 1000
    assert len(secret) >= 32
    assert tickets.redeem(secret, ADDRESS, PAGE) == ADA
    with pytest.raises(Unauthorized, match="used"):
        tickets.redeem(secret, ADDRESS, PAGE)


@pytest.mark.parametrize(
    ("address", "origin", "says"),
    [
        (Address("chat", "room-2"), PAGE, "another session"),
        (Address("other", "room-1"), PAGE, "another session"),
        (None, PAGE, "another session"),
        (ADDRESS, "https://evil.example", "another origin"),
        (ADDRESS, "http://app.example", "another origin"),
        (ADDRESS, "null", "another origin"),
        (ADDRESS, None, "another origin"),
    ],
)
def test_a_ticket_shown_elsewhere_is_refused_and_void(
    tickets: Tickets, address: Address | None, origin: str | None, says: str
) -> None:
    secret, _ = tickets.issue(ADA, ADDRESS, PAGE)
    with pytest.raises(Unauthorized, match=says) as caught:
        tickets.redeem(secret, address, origin)
    assert secret not in str(caught.value)
    with pytest.raises(Unauthorized, match="used"):
        tickets.redeem(secret, ADDRESS, PAGE)


def test_a_ticket_of_a_client_that_is_no_page_is_not_for_pages(tickets: Tickets) -> None:
    first, second = (tickets.issue(ADA, ADDRESS, None)[0] for _ in range(2))
    assert tickets.redeem(first, ADDRESS, None) == ADA
    with pytest.raises(Unauthorized, match="origin"):
        tickets.redeem(second, ADDRESS, PAGE)


def test_a_ticket_ends(tickets: Tickets, clock: ManualClock) -> None:
    early, late = (tickets.issue(ADA, ADDRESS, PAGE)[0] for _ in range(2))
    clock.go_on(59.999)
    assert tickets.redeem(early, ADDRESS, PAGE) == ADA
    clock.go_on(0.001)
    with pytest.raises(Unauthorized, match="too old"):
        tickets.redeem(late, ADDRESS, PAGE)


def test_a_ticket_does_not_outlive_the_token_it_was_made_for(tickets: Tickets, clock: ManualClock) -> None:
    secret, ends_ms = tickets.issue(Principal("user:ada", expires_ms=clock.ms + 5_000), ADDRESS, PAGE)
    assert ends_ms == clock.ms + 5_000
    clock.go_on(5)
    with pytest.raises(Unauthorized, match="too old"):
        tickets.redeem(secret, ADDRESS, PAGE)


@pytest.mark.parametrize("secret", ["", "x", "x" * 9_000, "\ud800", "é"])
def test_what_is_no_ticket_is_refused(tickets: Tickets, secret: str) -> None:
    tickets.issue(ADA, ADDRESS, PAGE)
    with pytest.raises(Unauthorized, match="unknown"):
        tickets.redeem(secret, ADDRESS, PAGE)


def test_tickets_are_bounded_and_the_oldest_go_first(clock: ManualClock) -> None:
    tickets = Tickets(clock, ticket_s=60, limit=3)
    several = [tickets.issue(ADA, ADDRESS, PAGE)[0] for _ in range(5)]
    assert len(tickets) == 3
    for secret in several[:2]:
        with pytest.raises(Unauthorized):
            tickets.redeem(secret, ADDRESS, PAGE)
    for secret in several[2:]:
        assert tickets.redeem(secret, ADDRESS, PAGE) == ADA


def test_ended_tickets_are_forgotten(tickets: Tickets, clock: ManualClock) -> None:
    for _ in range(50):
        tickets.issue(ADA, ADDRESS, PAGE)
    clock.go_on(60)
    tickets.issue(ADA, ADDRESS, PAGE)
    assert len(tickets) == 1


def test_secrets_are_not_kept(tickets: Tickets) -> None:
    secret, _ = tickets.issue(ADA, ADDRESS, PAGE)
    assert secret not in repr(vars(tickets))


def test_revocations_hold_until_they_end(clock: ManualClock) -> None:
    revoked = Revocations(clock, {"user:eve": clock.ms + 1_000, "user:past": clock.ms})
    revoked.add("t-1", clock.ms + 2_000)
    revoked.add("t-1", clock.ms + 500)  # an earlier end does not shorten it
    assert revoked.strike(Principal("user:eve"))
    assert revoked.strike(ADA)
    assert not revoked.strike(Principal("user:past"))
    assert not revoked.strike(Principal("user:bob"))
    assert not revoked.strike(Principal("t-2"))
    assert revoked.spared(("user:eve", "visitor:x")) == ("visitor:x",)
    clock.go_on(1)
    assert not revoked.strike(Principal("user:eve"))
    assert revoked.strike(ADA)
    clock.go_on(1)
    assert not revoked.strike(ADA)


def test_ended_revocations_are_forgotten(clock: ManualClock) -> None:
    revoked = Revocations(clock)
    for number in range(10_000):
        revoked.add(f"t-{number}", clock.ms + 10_000)
        clock.go_on(1)
    assert len(revoked) < 200
