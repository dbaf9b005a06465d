"""Many people with one or two tabs each, before one server."""

from __future__ import annotations

import asyncio
from random import Random

from faults.process import Server
from faults.tab import Tab
from faults.witness import Witness


class Person:
    """Asks all the time, sometimes again in mid-answer, sometimes stops an answer. ``calm`` ends all that."""

    def __init__(self, rng: Random, *, asks: float, longest: int) -> None:
        self.rng = rng
        self.asks = asks
        self.longest = longest
        self.calm = False

    def next_question(self) -> int | None:
        """A question of 1 to ``longest`` words, with the probability ``asks``."""
        return None if self.calm or self.rng.random() >= self.asks else self.rng.randint(1, self.longest)

    def at_word(self) -> str | None:
        """Once in 150 words a stop, once in 100 another question."""
        roll = self.rng.random()
        if self.calm or roll > 0.017:
            return None
        return "stop" if roll < 0.007 else "ask"


class Crowd:
    """Sessions come and go; what each has seen is kept for the verdict."""

    def __init__(self, server: Server, rng: Random, *, sessions: int, longest: int) -> None:
        self.server = server
        self.rng = rng
        self.sessions = sessions
        self.longest = longest
        self.witnesses: list[Witness] = []
        self.people: list[Person] = []
        self.tabs: list[Tab] = []
        self._tasks: list[asyncio.Task[None]] = []

    def arrive(self) -> None:
        """A new set of sessions; each has a tab that asks, every second one another that mostly watches."""
        for n in range(self.sessions):
            witness = Witness(f"s{len(self.witnesses)}")
            self.witnesses.append(witness)
            for label in ("a", "b")[: 1 + n % 2]:
                rng = Random(self.rng.random())
                person = Person(rng, asks=1.0 if label == "a" else 0.1, longest=self.longest)
                tab = Tab(self.server, witness, label, rng, person)
                self.people.append(person)
                self.tabs.append(tab)
                self._tasks.append(asyncio.create_task(tab.live(), name=f"{witness.address.session}{label}"))

    async def leave(self) -> None:
        """All close their tabs, in mid-answer or not."""
        tasks, self._tasks = self._tasks, []
        self.tabs, self.people = [], []
        for task in tasks:
            task.cancel()
        for result in await asyncio.gather(*tasks, return_exceptions=True):
            if not isinstance(result, asyncio.CancelledError):
                raise AssertionError("a tab crashed") from result

    def crashed(self) -> None:
        """Raise what a tab raised."""
        for task in self._tasks:
            if task.done():
                task.result()

    async def settle(self) -> None:
        """No more questions; returns when every session says that nothing runs."""
        for person in self.people:
            person.calm = True
        await asyncio.gather(*(tab.idle.wait() for tab in self.tabs))
        await self.leave()
        rng = Random(0)
        for witness in self.witnesses:
            last = Tab(self.server, witness, "last", rng, Person(rng, asks=0.0, longest=1))
            await last.reload()
            visit = asyncio.create_task(last.visit())
            idle = asyncio.create_task(last.idle.wait())
            await asyncio.wait({visit, idle}, return_when=asyncio.FIRST_COMPLETED)
            assert idle.done(), f"{witness.address.session}: the socket closed before the server said idle"
            visit.cancel()
            await asyncio.gather(visit, return_exceptions=True)

    def check(self) -> None:
        """Raise what clients have seen that must not happen."""
        problems = [problem for witness in self.witnesses for problem in witness.problems]
        assert not problems, "\n".join(problems[:20])
