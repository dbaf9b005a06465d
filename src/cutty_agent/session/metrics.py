"""Figures for Prometheus. No label ever names a session, a caller or an address, and every label has few values."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final, Protocol

from ..wire.turn_record import TurnRecord
from .tallies import OTHER, Capped, Counter, Histogram

if TYPE_CHECKING:
    from .metrics_text import Exposition

MAX_MODELS: Final = 30
"""Models with a label of their own; all further ones are ``other``."""

MAX_TOOLS: Final = 50
"""Tools with a label of their own; clients may bring tools with names they make up."""

TURN_S: Final = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 80, 160, 320, 640)
FIRST_S: Final = (0.05, 0.1, 0.25, 0.5, 1, 2, 4, 8, 16, 32, 64)
COMMIT_S: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)
BATCH: Final = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
LAG_S: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

Reading = tuple[str, str, dict[str, float], str]
"""A counted thing: its name, what it is, its values by label, and the label's name (empty for a single value)."""


class Standing(Protocol):
    """What the sessions can say of themselves when somebody asks."""

    def gauges(self) -> Iterator[tuple[str, str, float]]:
        """Name, what it is, how much of it there is now."""
        ...

    def counters(self) -> Iterator[Reading]:
        """What has been counted since the start."""
        ...


class NoMetrics:
    """Nobody looks at figures. All methods but :meth:`text` may be called from any thread."""

    def turn_ended(self, agent: str, record: TurnRecord) -> None:
        """A turn came to its end, and that is stored."""

    def woke(self, agent: str, *, created: bool) -> None:
        """A session is awake; ``created`` when it was made with that."""

    def slept(self, agent: str) -> None:
        """A session left memory."""

    def recovered(self, action: str) -> None:
        """A turn that was cut off was taken up; ``action`` says what became of it."""

    def wrote(self, jobs: int, waited_s: float, took_s: float) -> None:
        """See :class:`cutty_agent.ports.meter.Meter`."""

    def watch_queue(self, depth: Callable[[], int]) -> None:
        """See :class:`cutty_agent.ports.meter.Meter`."""

    def lagged(self, seconds: float) -> None:
        """The event loop took so long to come to something that was due at once."""

    def watch(self, standing: Standing) -> None:
        """Ask this one at every scrape."""

    def text(self) -> bytes:
        """The text format of Prometheus."""
        return b""


class Metrics(NoMetrics):
    """Counts what happens, and asks for the rest when it is scraped. Belongs to one server.

    Each series is written by one thread only, in plain dictionaries, so that counting a turn costs a few microseconds;
    the text is made of them at the scrape.
    """

    def __init__(self) -> None:
        self._models = Capped(MAX_MODELS)
        self._tools = Capped(MAX_TOOLS)
        self._standing: Standing | None = None
        self._depth: Callable[[], int] | None = None
        self._exposition: Exposition | None = None
        self._turns = Counter("cutty_turns", "Turns that ended, by how they ended.", "agent", "outcome")
        self._turn_s = Histogram(
            "cutty_turn_seconds", "From the acceptance of a turn to its end.", TURN_S, "agent"
        )
        self._first_s = Histogram(
            "cutty_turn_first_chunk_seconds",
            "From the acceptance of a turn to the first chunk of its answer.",
            FIRST_S,
            "agent",
        )
        self._tokens = Counter("cutty_tokens", "Tokens consumed.", "agent", "model", "direction")
        self._cost = Counter("cutty_cost_dollars", "Cost of model calls in US dollars.", "agent", "model")
        self._calls = Counter("cutty_model_calls", "Requests to models.", "agent", "model")
        self._tool_calls = Counter("cutty_tool_calls", "Uses of tools.", "tool")
        self._wakes = Counter("cutty_session_wakes", "Sessions loaded into memory.", "agent")
        self._made = Counter("cutty_sessions_created", "Sessions made.", "agent")
        self._sleeps = Counter("cutty_session_sleeps", "Idle sessions that left memory.", "agent")
        self._recovered = Counter(
            "cutty_turns_recovered", "Turns found cut off, by what became of them.", "action"
        )
        self._commit_s = Histogram(
            "cutty_store_commit_seconds",
            "How long the oldest write of a transaction waited until it was durable.",
            COMMIT_S,
        )
        self._transaction_s = Histogram(
            "cutty_store_transaction_seconds", "How long a transaction took, its sync included.", COMMIT_S
        )
        self._batch = Histogram("cutty_store_batch_writes", "Writes in one transaction.", BATCH)
        self._lag_s = Histogram(
            "cutty_event_loop_lag_seconds",
            "How long the event loop took to come to something that was due at once.",
            LAG_S,
        )

    def turn_ended(self, agent: str, record: TurnRecord) -> None:
        self._turns.add(1, agent, record.outcome or OTHER)
        accepted_ms = record.accepted_ms
        if accepted_ms:
            if record.ended_ms:
                self._turn_s.observe((record.ended_ms - accepted_ms) / 1000, agent)
            if record.first_ms:
                self._first_s.observe((record.first_ms - accepted_ms) / 1000, agent)
        if record.calls or record.input_tokens or record.output_tokens:
            model = self._models.label(record.model or "unknown")
            self._calls.add(record.calls, agent, model)
            self._tokens.add(record.input_tokens, agent, model, "input")
            self._tokens.add(record.output_tokens, agent, model, "output")
            self._cost.add(record.cost_nano / 1e9, agent, model)
        for tool in record.tools:
            self._tool_calls.add(1, self._tools.label(tool))

    def woke(self, agent: str, *, created: bool) -> None:
        self._wakes.add(1, agent)
        if created:
            self._made.add(1, agent)

    def slept(self, agent: str) -> None:
        self._sleeps.add(1, agent)

    def recovered(self, action: str) -> None:
        self._recovered.add(1, action)

    def wrote(self, jobs: int, waited_s: float, took_s: float) -> None:
        self._commit_s.observe(waited_s)
        self._transaction_s.observe(took_s)
        self._batch.observe(jobs)

    def watch_queue(self, depth: Callable[[], int]) -> None:
        self._depth = depth

    def lagged(self, seconds: float) -> None:
        self._lag_s.observe(seconds)

    def watch(self, standing: Standing) -> None:
        self._standing = standing

    @property
    def tallies(self) -> Iterator[Counter | Histogram]:
        """All that is counted here, in the order of the text."""
        return (own for own in vars(self).values() if isinstance(own, Counter | Histogram))

    def gauges(self) -> Iterator[tuple[str, str, float]]:
        """Name, what it is, how much of it there is now."""
        if self._depth is not None:
            yield "cutty_store_queue_depth", "Writes that wait for the writer.", self._depth()
        if self._standing is not None:
            yield from self._standing.gauges()

    def counters(self) -> Iterator[Reading]:
        """What the sessions have counted themselves."""
        if self._standing is not None:
            yield from self._standing.counters()

    def text(self) -> bytes:
        if self._exposition is None:
            from .metrics_text import Exposition  # with the library that writes it: for whoever is scraped

            self._exposition = Exposition(self)
        return self._exposition.text()
