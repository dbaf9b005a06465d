"""What an operator's commands ask for, wherever it is answered: by a running server, or from the data directory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from ..errors import CuttyError, NotFound
from ..ids import Address

if TYPE_CHECKING:
    from ..admin.receipts import Purged, Receipt

PAGE = 1000
"""Rows asked for at once."""

Subject = Address | str
"""One session, or (by the principal's id) all sessions of an owner."""


class Refused(CuttyError):
    """The server answered with an error; its sentence and remedy are passed on."""

    code = "server.refused"


class NoServer(CuttyError):
    """No server answers where one is needed."""

    code = "server.unreachable"
    retry = True


class Wanted(msgspec.Struct, frozen=True):
    """Which sessions a list is about: those that fit everything that is given. ``idle_s`` is in seconds."""

    agent: str | None = None
    owner: str | None = None
    parked: bool = False
    idle_s: float | None = None


class Entries(msgspec.Struct, frozen=True):
    """Which entries of the audit log are wanted; an ``action`` that ends with a dot is the beginning of one."""

    action: str | None = None
    actor: str | None = None
    address: Address | None = None


class Operator(Protocol):
    """Where a command finds sessions. Every method may raise ``CuttyError``; those about one session raise
    ``NotFound`` when it does not exist."""

    def rows(self, wanted: Wanted) -> Iterator[dict[str, Any]]:
        """The sessions, in the order of addresses."""
        ...

    def show(self, address: Address) -> dict[str, Any]:
        """The row of one, with its shares and turns."""
        ...

    def messages(self, address: Address) -> list[dict[str, Any]]:
        """Its transcript."""
        ...

    def delete(self, addresses: list[Address]) -> Iterator[tuple[Address, bool]]:
        """Remove each; false for one that did not exist."""
        ...

    def export(self, subject: Subject, write: Callable[[bytes], object]) -> None:
        """All that is kept of it as a ZIP, in pieces; ``write`` is not called before there is something."""
        ...

    def erase(self, subject: Subject) -> Receipt:
        """Remove it, from the files of the store too."""
        ...

    def purge(
        self, older_s: float, agent: str | None, *, dry_run: bool, told: Callable[[Purged], object]
    ) -> Purged:
        """Remove, or with ``dry_run`` count, sessions without activity for so many seconds; ``told`` hears how far
        it has come."""
        ...

    def park(self, address: Address, reason: str | None) -> None:
        """Let no turn run, or (``None``) let them run again."""
        ...

    def expire(self, address: Address) -> bool:
        """End it now; false when it is out of reach and its agent winds it up at the next start of the server."""
        ...

    def revoke(self, key: str, seconds: float | None) -> int | None:
        """Refuse a principal or a token; how many sockets were closed, ``None`` where no server runs."""
        ...

    def audit(self, wanted: Entries, limit: int) -> Iterator[dict[str, Any]]:
        """At most ``limit`` entries of the audit log, newest first."""
        ...


def unknown(address: Address) -> NotFound:
    """The error about a session that does not exist."""
    return NotFound(f"There is no session {address}.", remedy="List them with: cutty-agent sessions ls.")
