"""Every limit on how often, how many at once and how much, for one server."""

from __future__ import annotations

from collections import Counter
from math import ceil

import msgspec

from ..clock import Clock
from ..config import Limits
from ..core.budget import Amount
from ..core.network import counted_as
from ..core.rate import Rate
from ..core.runaway import Event
from ..errors import LimitReached
from ..ids import Address
from ..ports.store import PutValue
from .rates import Buckets, FrameMeter
from .runaways import Runaways
from .spending import BUSY_S, Reservation, Spending, Sums
from .tally import Tally


class Peaks(msgspec.Struct):
    """The most turns that ran or waited, and the most sockets, at the same time."""

    running: int = 0
    sockets: int = 0


class Limiter:
    """Says no, with the setting, its value and when to try again; a refusal counts nothing.

    Callers are named by ``principal`` (``Principal.id``; empty where the server has no access rule, and then nothing
    is counted by caller) and by ``peer`` (the IP address without port; which of them are counted, and as what, says
    :func:`cutty_agent.core.network.counted_as`). No refusal names another caller or session. All methods belong to one
    event loop, and all but :meth:`reserve` return at once.

    A limit of n a minute is a bucket of n that fills at n a minute. Memory is bounded by what is open and, for
    everything else, by 50,000 names for each limit. :meth:`tidy` gives back what a crowd has left.

    ``refusals`` counts what was refused, and what the runaway guard parked, by the setting (``limits.…``) since the
    start.
    """

    def __init__(self, limits: Limits, clock: Clock, store: Sums) -> None:
        self._limits = limits
        self._clock = clock
        self._frames = Rate(limits.frames_per_second, float(limits.frames_burst))
        self._sockets_of = Tally()
        self._sockets_from = Tally()
        self._turns_of = Tally()
        self._turns = 0
        self._sockets = 0
        self._most = Peaks()
        self.refusals: Counter[str] = Counter()
        self._connects: Buckets[str] = Buckets(_a_minute(limits.address_connects_per_minute))
        self._by_session: Buckets[Address] = Buckets(_a_minute(limits.requests_per_minute))
        self._by_principal: Buckets[str] = Buckets(_a_minute(limits.principal_requests_per_minute))
        self._by_address: Buckets[str] = Buckets(_a_minute(limits.address_requests_per_minute))
        self._spending = Spending(limits, clock, store)
        self._runaways = Runaways(limits)

    # -- frames

    def frame_meter(self) -> FrameMeter:
        """For one socket, made when its first frame comes; ``meter.take()`` is asked for each frame."""
        return FrameMeter(self._frames, self._clock.monotonic)

    def too_many_frames(self, wait_s: float) -> LimitReached:
        """The refusal that belongs to what :meth:`FrameMeter.take` returned."""
        return self._too_often("This socket sends too many frames.", "frames_per_second", wait_s)

    # -- sockets

    def connect(self, principal: str, peer: str) -> None:
        """Count a socket that opens; :meth:`disconnect` with the same names when it is gone.

        Raises:
            LimitReached: ``sockets_per_principal``, ``sockets_per_address`` or ``address_connects_per_minute``. Then
                there is nothing to disconnect.
        """
        limits, address = self._limits, counted_as(peer)
        if (count := self._sockets_of.of(principal)) >= limits.sockets_per_principal:
            raise self._too_many(
                f"You have {count} open sockets.", "sockets_per_principal", "Close some windows."
            )
        if (count := self._sockets_from.of(address)) >= limits.sockets_per_address:
            raise self._too_many(
                f"Your network address has {count} open sockets.",
                "sockets_per_address",
                "Close some windows.",
            )
        if address:
            wait_s = self._connects.take(address, self._clock.monotonic())
            if wait_s:
                sentence = "Too many sockets were opened from your network address."
                raise self._too_often(sentence, "address_connects_per_minute", wait_s)
        self._sockets_of.add(principal)
        self._sockets_from.add(address)
        self._sockets += 1
        self._most.sockets = max(self._most.sockets, self._sockets)

    def disconnect(self, principal: str, peer: str) -> None:
        """A socket that :meth:`connect` let in is gone."""
        self._sockets_of.remove(principal)
        self._sockets_from.remove(counted_as(peer))
        self._sockets = max(0, self._sockets - 1)

    # -- requests and turns

    def http(self, peer: str) -> None:
        """Count an HTTP request.

        Raises:
            LimitReached: ``address_requests_per_minute``.
        """
        address = counted_as(peer)
        if address and (wait_s := self._by_address.take(address, self._clock.monotonic())):
            raise self._address_too_often(wait_s)

    def request(self, address: Address, principal: str, peer: str) -> None:
        """Count a turn that a client asks for. One that came over HTTP was counted for its network address by
        :meth:`http`: give an empty ``peer`` then.

        Raises:
            LimitReached: ``requests_per_minute``, ``principal_requests_per_minute`` or
                ``address_requests_per_minute``, the one that takes longest.
        """
        now, network = self._clock.monotonic(), counted_as(peer)
        session_s = self._by_session.take(address, now)
        principal_s = self._by_principal.take(principal, now) if principal else 0.0
        network_s = self._by_address.take(network, now) if network else 0.0
        if session_s or principal_s or network_s:
            if not session_s:
                self._by_session.give_back(address)
            if principal and not principal_s:
                self._by_principal.give_back(principal)
            if network and not network_s:
                self._by_address.give_back(network)
            longest = max(session_s, principal_s, network_s)
            if longest == session_s:
                raise self._too_often("This session begins too many turns.", "requests_per_minute", longest)
            if longest == principal_s:
                raise self._too_often("You begin too many turns.", "principal_requests_per_minute", longest)
            raise self._address_too_often(longest)

    def begin_turn(self, principal: str, *, accepted: bool = False) -> None:
        """Count a turn that runs or waits; :meth:`end_turn` with the same name when it has ended.

        ``accepted`` counts a turn that was let in before, for example by the process before this one, in any case.

        Raises:
            LimitReached: ``turns_per_principal`` or ``turns``. Then there is nothing to end.
        """
        limits = self._limits
        if not accepted:
            count = self._turns_of.of(principal)
            if count >= limits.turns_per_principal:
                sentence = f"You have {count} turns that run or wait."
                raise self._too_many(sentence, "turns_per_principal", "Wait for an answer.")
            if self._turns >= limits.turns:
                sentence = f"This server has {self._turns} turns that run or wait."
                raise self._too_many(sentence, "turns", "")
        self._turns_of.add(principal)
        self._turns += 1
        self._most.running = max(self._most.running, self._turns)

    def end_turn(self, principal: str) -> None:
        """A turn that :meth:`begin_turn` counted has ended, however it did."""
        self._turns_of.remove(principal)
        self._turns = max(0, self._turns - 1)

    def peaks(self) -> Peaks:
        """The most turns and sockets there were at the same time since the last call."""
        most, self._most = self._most, Peaks(self._turns, self._sockets)
        return most

    # -- budgets

    @property
    def budgeted(self) -> bool:
        """Whether any budget is set; without one :meth:`reserve` does nothing and an estimate need not be made."""
        return self._spending.limited

    async def reserve(
        self, address: Address, owner: str, estimate: Amount, *, kept: bytes | None = None
    ) -> Reservation:
        """Set aside what a turn may consume, for its session, the session's owner and the server, or for none.

        ``kept`` is the session's stored value :data:`cutty_agent.session.spending.SPENT_KEY`. The reservation is to be
        settled in any case; with zeros when no model was called.

        Raises:
            LimitReached: a budget of the day (UTC) does not allow it.
            StoreUnavailable: the day's sums cannot be read.
        """
        try:
            return await self._spending.reserve(address, owner, estimate, kept=kept)
        except LimitReached as error:
            self.refusals[error.limit] += 1
            raise

    def spent_value(self, reservation: Reservation, tokens: int, cost_nano: int) -> PutValue | None:
        """The operation that keeps the session's sum of the day, for the commit that ends the turn; ``None`` when
        sessions have no budget."""
        return self._spending.value(reservation, tokens, cost_nano)

    def settle(self, reservation: Reservation, tokens: int, cost_nano: int) -> None:
        """Count what the turn really consumed. Call it after the commit that ends the turn, also when that failed. A
        second time does nothing."""
        self._spending.settle(reservation, tokens, cost_nano)

    # -- runaway guard

    def note_turn(self, address: Address) -> str | None:
        """A turn of this session begins, whoever asked for it; why the session is to be parked, ``None`` when not."""
        return self._parks("turns", address)

    def note_wake(self, address: Address) -> str | None:
        """This session wakes up; why it is to be parked, ``None`` when not."""
        return self._parks("wakes", address)

    def _parks(self, event: Event, address: Address) -> str | None:
        reason = self._runaways.note(event, address, self._clock.monotonic())
        if reason is not None:
            self.refusals[f"limits.runaway_{event}_per_minute"] += 1
        return reason

    # -- memory

    def tidy(self) -> None:
        """Forget what has no meaning any more; cheap, for a timer of a minute or so. Never needed for being right."""
        now = self._clock.monotonic()
        for buckets in (self._connects, self._by_principal, self._by_address):
            buckets.tidy(now)
        self._by_session.tidy(now)
        self._runaways.tidy(now)
        self._spending.tidy()

    # -- refusals

    def count_refusal(self, setting: str) -> None:
        """A limit that is kept elsewhere (``limits.{setting}``) turned somebody away."""
        self.refusals[f"limits.{setting}"] += 1

    def _address_too_often(self, wait_s: float) -> LimitReached:
        sentence = "Too many requests come from your network address."
        return self._too_often(sentence, "address_requests_per_minute", wait_s)

    def _too_often(self, sentence: str, setting: str, wait_s: float) -> LimitReached:
        self.count_refusal(setting)
        # Whole seconds, as Retry-After wants them, and never too early.
        return LimitReached(
            sentence,
            limit=f"limits.{setting}",
            value=getattr(self._limits, setting),
            retry_after_s=ceil(wait_s),
        )

    def _too_many(self, sentence: str, setting: str, remedy: str) -> LimitReached:
        self.count_refusal(setting)
        return LimitReached(
            sentence,
            limit=f"limits.{setting}",
            value=getattr(self._limits, setting),
            retry_after_s=BUSY_S,
            remedy=remedy,
        )


def _a_minute(count: float) -> Rate:
    return Rate(count / 60.0, max(1.0, count))
