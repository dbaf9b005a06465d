"""Sees to it that an instance of an agent serves one session, and that instances share nothing they could mix up."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Final

from ..agent.chat import ChatAgent
from ..errors import SharedAgent
from ..ids import Address
from .warnings import Warnings

COMPARED: Final = 50
"""Other instances that one is compared with."""

_MUTABLE: Final = (list, dict, set, bytearray, deque)
_MARK: Final = "_woken_for"


def take(agent: ChatAgent, address: Address) -> ChatAgent:
    """Take an instance that a factory gave for a session.

    Raises:
        SharedAgent: it has served another session before. What it keeps would show there.
    """
    held = vars(agent).setdefault(_MARK, address)
    if held != address:
        raise SharedAgent(
            f"The factory of the agent {address.agent} returned an instance that serves another session.",
            remedy="Register the class, or let the factory make a new instance at every call.",
        )
    return agent


def compare(agent: ChatAgent, others: Iterable[ChatAgent], name: str, warnings: Warnings) -> None:
    """Warn of what this instance shares with others, or with its class, and any session could change.

    Only lists, dictionaries, sets and the like are looked at: clients, settings and models may well be shared. Class
    attributes in capitals are constants.
    """
    for attribute, holder in _of_class(agent):
        warnings.once(
            "agent.shares",
            f"{holder}.{attribute}",
            agent=name,
            remedy="A mutable class attribute is the same for all sessions: set it in __init__, or keep it in self.state.",
        )
    mine = {id(value): key for key, value in vars(agent).items() if isinstance(value, _MUTABLE)}
    if not mine:
        return
    for at, other in enumerate(others):
        if at >= COMPARED:
            return
        for value in vars(other).values():
            attribute = mine.get(id(value), "")
            if attribute and other is not agent:
                warnings.once(
                    "agent.shares",
                    f"{type(agent).__name__}.{attribute}",
                    agent=name,
                    remedy="Two sessions hold the same object there: make a new one in __init__, or keep it in self.state.",
                )


def _of_class(agent: ChatAgent) -> Iterator[tuple[str, str]]:
    for cls in type(agent).__mro__:
        if cls.__module__.startswith("cutty_agent.") or cls is object:
            continue
        for key, value in vars(cls).items():
            if isinstance(value, _MUTABLE) and not key.startswith("__") and not _meant(key):
                yield key, cls.__name__


def _meant(attribute: str) -> bool:
    """Whether a class attribute is a constant, or one that this package defines and never changes."""
    return attribute.isupper() or hasattr(ChatAgent, attribute)
