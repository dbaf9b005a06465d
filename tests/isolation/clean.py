"""An app that shares what may be shared: a model, a client, a cache keyed by the session, figures, a pure function."""

from __future__ import annotations

import asyncio
import functools
import itertools
import logging
from collections import Counter, OrderedDict
from collections.abc import AsyncIterator
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import structlog
from pydantic_ai import Agent, RunContext

from cutty_agent import Address, App, ChatAgent, Turn, rpc
from cutty_agent.agent.demo import demo
from cutty_agent.wire.chunks import Chunk

log = structlog.get_logger("clean")
plain_log = logging.getLogger("clean")

PROFILES: OrderedDict[Address, dict[str, Any]] = OrderedDict()
BY_ID: dict[str, list[str]] = {}
TURNS: Counter[str] = Counter()
SEEN: set[str] = set()
NOTES: WeakKeyDictionary[ChatAgent, list[str]] = WeakKeyDictionary()
NUMBERS = itertools.count()
SLOTS = asyncio.Semaphore(8)
VISITOR: ContextVar[str] = ContextVar("visitor", default="nobody")


@dataclass
class Customer:
    session: str
    said: str


ASSISTANT = Agent("anthropic:claude-sonnet-4-5", deps_type=Customer, instructions="Be kind.")


@ASSISTANT.tool
async def weather(context: RunContext[Customer], place: str) -> str:
    async with SLOTS:
        await asyncio.sleep(0.001)
        if next(NUMBERS) % 9 == 0:
            raise ConnectionError(f"no weather for {place}")
    return f"Rain in {place}, says {context.deps.said}"


@ASSISTANT.instructions
def who(context: RunContext[Customer]) -> str:
    return f"You serve {context.deps.session}."


@functools.lru_cache(maxsize=1000)
def words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


class Concierge(ChatAgent):
    async def on_start(self) -> None:
        self.mine: list[str] = []
        NOTES[self] = self.mine
        SEEN.add(self.session.session)

    async def on_chat_message(self, turn: Turn) -> AsyncIterator[Chunk]:
        VISITOR.set(turn.text)
        self.mine.append(turn.text)
        TURNS[turn.session.session] += 1
        PROFILES[turn.session] = {"last": turn.text, "words": words(turn.text)}
        BY_ID.setdefault(turn.session.session, []).append(turn.text)
        log.info("clean.asked", session=turn.session.session, text=turn.text)
        plain_log.info("session %s asked %s", turn.session.session, turn.text)
        async for chunk in turn.run(ASSISTANT, deps=Customer(turn.session.session, turn.text)):
            yield chunk

    @rpc
    async def note(self, text: str) -> list[str]:
        self.mine.append(text)
        return self.mine

    async def on_message(self, connection: Any, message: str | bytes) -> None:
        self.broadcast(f"heard {message!r}")


class Demo(ChatAgent):
    async def on_chat_message(self, turn: Turn) -> object:
        return demo(turn, delay_s=0)


app = App([Concierge, Demo])
