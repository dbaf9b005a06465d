"""Warnings that name a cause and its remedy, each once: a log full of the same sentence is read by nobody."""

from __future__ import annotations

from typing import Final

import structlog

log = structlog.get_logger("cutty_agent.warning")

MAX_CAUSES: Final = 500
"""Causes that are remembered; further ones are not warned of."""


class Warnings:
    """Belongs to one server. May be used from any thread."""

    __slots__ = ("_told",)

    def __init__(self) -> None:
        self._told: set[tuple[str, str]] = set()

    def once(self, event: str, cause: str, *, remedy: str, **fields: object) -> bool:
        """Warn of ``event`` unless this ``cause`` of it was named before; whether it was told now."""
        key = (event, cause)
        if key in self._told or len(self._told) >= MAX_CAUSES:
            return False
        self._told.add(key)
        log.warning(event, cause=cause, remedy=remedy, **fields)
        return True
