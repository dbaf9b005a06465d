"""``python -m cutty_agent.testing.isolation.soak``: many sessions of this package's own agents, for long."""

from __future__ import annotations

import argparse
import asyncio
import importlib
import math
import sys
import time
from collections.abc import AsyncIterator
from random import Random
from typing import Any

from pydantic_ai import Agent, RunContext

from ...agent.chat import ChatAgent
from ...agent.demo import demo
from ...agent.turn import Turn
from ...config import load
from ...wire.chunks import Chunk
from .instances import Application
from .report import Report
from .run import check

FAILING = 0.1
"""Share of tool calls that fail."""

_EVERY_S = 5.0


class Demo(ChatAgent):
    """The built-in demo model, as fast as it can."""

    async def on_chat_message(self, turn: Turn) -> AsyncIterator[Chunk]:
        """Its answer."""
        return demo(turn, delay_s=0)


class Assistant(ChatAgent):
    """One Pydantic AI agent shared by all sessions, with a tool that fails now and then."""

    shared: Agent[str, str]

    async def on_chat_message(self, turn: Turn) -> AsyncIterator[Chunk]:
        """Its answer; the tool gets the session through deps."""
        return turn.run(self.shared, deps=turn.text)


def make_app(rng: Random) -> Application:
    """An app with both agents. ``rng`` decides which tool calls fail."""
    # By name, as an author's app: this package stands below the composition root.
    make: Any = importlib.import_module("cutty_agent.app").App
    agent = Agent("test", deps_type=str, instructions="Be brief.")

    async def weather(context: RunContext[str], place: str) -> str:
        """The weather in a place."""
        await asyncio.sleep(rng.random() * 0.004)
        if rng.random() < FAILING:
            raise ConnectionError(f"no weather for {place}, asked as {context.deps}")
        return f"rain in {place}, asked as {context.deps}"

    agent.tool(weather)
    mine = type("Assistant", (Assistant,), {"shared": agent, "__module__": __name__})
    app: Application = make([Demo, mine], load())
    return app


async def soak(
    sessions: int, turns: int, *, minutes: float | None = None, seed: int | None = None, quiet: bool = False
) -> Report:
    """About ``turns`` turns in all, spread over ``sessions`` sessions that all talk at once."""
    last = time.monotonic()

    def progress(report: Report) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= _EVERY_S:
            last = now
            done = report.counts["turns"]
            print(  # noqa: T201  # this module is a command
                f"{report.seconds:7.1f} s  {done:>9,} turns  {done / report.seconds:7.0f}/s  "
                f"{report.counts['cancels']:,} cancels  {report.counts['reconnects']:,} reconnects  "
                f"{len(report.findings)} crossings",
                flush=True,
            )

    return await check(
        make_app(Random(seed)),
        sessions=sessions,
        turns=math.ceil(turns / sessions),
        seed=seed,
        minutes=minutes,
        progress=None if quiet else progress,
    )


def main() -> int:
    """The command; 1 when something crossed."""
    parser = argparse.ArgumentParser(prog="python -m cutty_agent.testing.isolation.soak", description=__doc__)
    parser.add_argument("--sessions", type=int, default=500, help="sessions that talk at once (default: 500)")
    parser.add_argument("--turns", type=int, default=100_000, help="turns of all together (default: 100000)")
    parser.add_argument("--minutes", type=float, default=None, help="end earlier, after so many minutes")
    parser.add_argument("--seed", type=int, default=None, help="repeat the plan of an earlier run")
    given = parser.parse_args()
    report = asyncio.run(soak(given.sessions, given.turns, minutes=given.minutes, seed=given.seed))
    rate = report.counts["turns"] / report.seconds
    print(f"{report}\n{rate:.0f} turns/s")  # noqa: T201  # this module is a command
    return 0 if report.isolated else 1


if __name__ == "__main__":
    sys.exit(main())
