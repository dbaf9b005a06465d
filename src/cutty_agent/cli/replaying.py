"""Running a recorded conversation again: through a real server of its own, in a directory that is thrown away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import msgspec

from ..admin.archive_reader import ArchivedSession
from ..agent.chat import AgentFactory, ChatAgent
from ..agent.turn import Turn
from ..app import App
from ..config import Access, Encryption, Lifetimes, Limits, Settings
from ..core import replay
from ..core.replay import Difference, Step
from ..errors import BadRequest
from ..wire.chunks import Chunk, UIMessage
from ..wire.principal import NOBODY
from ..wire.turn_record import TurnRecord, decode_turn
from .replaying_visitor import Visitor

STUCK_S: Final = 60.0
"""Time that one turn may take, in seconds, before the replay gives up on it."""

_NO_LIMIT: Final = 1e9


class Replayed(msgspec.Struct, frozen=True):
    """How a replay of a session came out."""

    agent: str
    session: str
    turns: int
    messages: int
    differences: list[Difference]

    @property
    def same(self) -> bool:
        """Whether it came out as recorded."""
        return not self.differences


class Cue(msgspec.Struct):
    """The answer that is to be played next, and how its turn ended."""

    step: Step | None = None
    outcome: str = "completed"
    error: str = ""


Prepare = Callable[[Cue], AgentFactory]
"""Makes the factory of the agent that answers, by what the cue says."""


class Playback(ChatAgent):
    """Says what was recorded."""

    cue: Cue

    async def on_chat_message(self, turn: Turn) -> object:
        return self._play(turn)

    async def _play(self, turn: Turn) -> AsyncIterator[Chunk]:
        cue = self.cue
        if cue.step is not None and cue.step.answer is not None:
            for chunk in replay.chunks(cue.step.answer):
                yield chunk
        if cue.outcome == "error":
            yield {"type": "error", "errorText": cue.error or "An error was recorded."}
        elif cue.outcome == "aborted" or cue.step is None or cue.step.answer is None:
            self.abort(turn.request_id)
            await asyncio.Event().wait()


def playback(cue: Cue) -> AgentFactory:
    """An agent that plays the recorded chunks."""
    return type("Playback", (Playback,), {"cue": cue})


async def run_again(recorded: ArchivedSession, prepare: Prepare, *, by_model: bool = False) -> Replayed:
    """Run all turns of a session again and compare.

    Raises:
        BadRequest: a recorded message cannot be read, or a turn does not come to an end.
    """
    messages = [_read(row.id, row.body) for row in recorded.messages]
    ends = _endings(recorded)
    cue = Cue()
    with TemporaryDirectory(prefix="cutty-replay-") as directory:
        app = App({recorded.address.agent: prepare(cue)}, _settings(Path(directory)))
        async with app.running():
            steps = replay.steps(messages)
            for step in steps:
                record = next((ends[sent["id"]] for sent in step.sent if sent["id"] in ends), None)
                cue.step = step
                cue.outcome = "completed" if record is None or step.answer is None else record.outcome or ""
                cue.error = "" if record is None else record.error or ""
                await _within(_turn(app, recorded, step, record, answered=by_model), recorded, step)
            now = msgspec.json.decode(await app.gate.messages(recorded.address, NOBODY, "v5"))
    return Replayed(
        recorded.address.agent,
        recorded.address.session,
        len(steps),
        len(messages),
        replay.differences(messages, now, by_model=by_model),
    )


async def _turn(
    app: App, recorded: ArchivedSession, step: Step, record: TurnRecord | None, *, answered: bool
) -> None:
    """As a client does it: all it knows, and what is new, in one request; then, when the answer is to be ``answered``, the
    results and approvals that it waits for."""
    known = msgspec.json.decode(await app.gate.messages(recorded.address, NOBODY, "v5"))
    own = {} if record is None else {**(record.body or {}), "clientTools": record.client_tools or []}
    body = {**own, "trigger": "submit-message", "messages": [*known, *step.sent]}
    answer = await app.gate.submit(recorded.address, NOBODY, msgspec.json.encode(body))
    async for _ in answer.bodies():
        pass
    if answered and step.answer is not None:
        visitor = Visitor(app, recorded.address)
        await visitor.answer(step.answer)
        visitor.leave()


async def _within(work: Awaitable[None], recorded: ArchivedSession, step: Step) -> None:
    try:
        async with asyncio.timeout(STUCK_S):
            await work
    except TimeoutError:
        after = step.sent[-1]["id"] if step.sent else "the beginning"
        raise BadRequest(
            f"The turn after {after} of {recorded.address} did not end within {STUCK_S:.0f} s.",
            remedy="Run it under a debugger, or without --run-tools.",
        ) from None


def _read(id: str, body: bytes) -> UIMessage:
    try:
        message = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        message = None
    if not isinstance(message, dict) or not isinstance(message.get("parts"), list):
        raise BadRequest(
            f"The message {id} of this export is not readable.", remedy="Export the session again."
        )
    return message


def _endings(recorded: ArchivedSession) -> Mapping[str, TurnRecord]:
    """The record of the turn that a message began, by the message's id. Old records are not kept."""
    found: dict[str, TurnRecord] = {}
    for stored in recorded.turns:
        try:
            record = decode_turn(stored.record)
        except msgspec.MsgspecError:
            continue
        if record.outcome in {"completed", "error", "aborted"}:
            found.update(dict.fromkeys(record.own, record))
    return found


def _settings(directory: Path) -> Settings:
    """Nothing of this machine's environment: a replay is the same everywhere."""
    limits = Limits(
        requests_per_minute=_NO_LIMIT,
        principal_requests_per_minute=_NO_LIMIT,
        address_requests_per_minute=_NO_LIMIT,
        runaway_turns_per_minute=_NO_LIMIT,
        runaway_wakes_per_minute=_NO_LIMIT,
    )
    return Settings.model_construct(
        data=directory,
        limits=limits,
        lifetimes=Lifetimes(grace_s=0, idle_s=3600),
        access=Access(),
        encryption=Encryption(),
        metrics="off",
    )
