"""Which agent instance belongs to which session: a hook around the factories of an app."""

from __future__ import annotations

import contextlib
import functools
import weakref
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from starlette.types import Receive, Scope, Send

from ...agent.base import Agent
from ...agent.chat import ChatAgent
from ...config import Settings
from .names import Names


class Application(Protocol):
    """What a run needs of an :class:`~cutty_agent.app.App`. All of it is public."""

    settings: Settings
    agents: dict[str, Any]

    def running(self) -> contextlib.AbstractAsyncContextManager[None]: ...

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None: ...


class Instances:
    """The agents that live now, and the classes they come from. Holds no agent in memory."""

    def __init__(self, names: Names) -> None:
        self._names = names
        self._living: weakref.WeakSet[Agent] = weakref.WeakSet()
        self.made = 0

    def living(self) -> list[tuple[Agent, int]]:
        """Every instance that is attached to a session of this run, with the number of that session."""
        return [
            (agent, session) for agent in list(self._living) if (session := self.owner(agent)) is not None
        ]

    def owner(self, agent: Agent) -> int | None:
        """The number of the session an instance is attached to."""
        try:
            tokens = self._names.found(agent.session.session)
        except RuntimeError:  # it is not attached yet, or no longer
            return None
        return self._names.owner(tokens[0]) if tokens else None

    @contextlib.contextmanager
    def recorded(self, app: Application) -> Iterator[None]:
        """Until the end, instances that the app makes are known here."""
        before = dict(app.agents)
        app.agents.update({name: _Recording(factory, self._note) for name, factory in before.items()})
        try:
            yield
        finally:
            app.agents.update(before)

    def _note(self, agent: ChatAgent) -> None:
        self.made += 1
        self._living.add(agent)


class _Recording:
    """Stands for a factory; everything else that is asked of it is asked of the factory."""

    def __init__(self, factory: Callable[[], ChatAgent], note: Callable[[ChatAgent], None]) -> None:
        self._factory = factory
        self._note = note

    def __call__(self) -> ChatAgent:
        agent = self._factory()
        self._note(agent)
        return agent

    def __getattr__(self, name: str) -> Any:
        return getattr(self._factory, name)


def classes(app: Application) -> list[type]:
    """The classes and functions behind the factories of an app, without those of this package's base."""
    found: list[Any] = []
    for factory in app.agents.values():
        while isinstance(factory, functools.partial | _Recording):
            factory = factory.func if isinstance(factory, functools.partial) else factory._factory
        found += (
            [each for each in factory.__mro__ if each not in _BASES]
            if isinstance(factory, type)
            else [factory]
        )
    return found


_BASES = (ChatAgent, Agent, object)
