"""The seam between a session and one socket."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol


class Outlet(Protocol):
    """One client's way back. Calls never block and never raise; after a close they do nothing.

    What is sent in one tick of the loop leaves in one write, in order.
    """

    def send(self, frame: bytes) -> None:
        """Queue one text frame (UTF-8 JSON)."""
        ...

    def send_many(self, frames: Iterable[bytes]) -> None:
        """Queue several text frames in order; cheaper than one by one."""
        ...

    def close(self, code: int, reason: str) -> None:
        """Send what is queued, then a close frame. ``reason`` is cut to 123 bytes of UTF-8."""
        ...

    @property
    def congested(self) -> bool:
        """The peer does not read as fast as we write: what is sent now waits in our memory."""
        ...

    @property
    def buffered(self) -> int:
        """Bytes that wait in our memory for this peer."""
        ...
