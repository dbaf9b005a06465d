"""The addresses of a server where all callers shared one chat: who still uses them, and until when they answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

import msgspec

from ..core.addressing import DEFAULT_SESSION
from ..errors import Gone
from .caller import first_values

BridgeMode = Literal["off", "on", "gone"]

Used = Callable[[str, str, str, str], None]
"""Counts a use: who the caller is, its network address, what it asked for from where, and the action."""

USED = "bridge.used"
REFUSED = "bridge.refused"


def uncounted(actor: str, peer: str, detail: str, action: str) -> None:
    """For where nobody counts."""


class OldAddresses(msgspec.Struct, frozen=True):
    """``mode`` says whether they are bridged. With ``own_default`` the name ``default`` means a session of the
    caller's own and is no old address by itself; without, it was the room that all shared."""

    mode: BridgeMode = "off"
    own_default: bool = False
    used: Used = uncounted

    @property
    def no_shared_room(self) -> bool:
        """Whether ``default`` without a session id is nobody's session."""
        return self.mode != "off" and not self.own_default

    def look(
        self, method: str, path: str, query: str, headers: Mapping[str, str], peer: str, *, root: str = ""
    ) -> str | None:
        """What to count (:meth:`count`) when a request below the agents' prefix names its session in the old way.

        Raises:
            Gone: it does, and the bridge is over.
        """
        if self.mode == "off":
            return None
        segments = path.split("/")
        if len(segments) < 4 or segments[3] != DEFAULT_SESSION:
            return None
        given = first_values(query).get("sessionId") or headers.get("x-session-id")
        if not given or given == DEFAULT_SESSION:
            return None
        way = f"/{segments[1]}/{segments[2]}"
        return self.note(f"{method} {way}/{DEFAULT_SESSION}"[:150], headers, peer, new=f"{root}{way}")

    def note(self, route: str, headers: Mapping[str, str], peer: str, *, new: str) -> str:
        """What to count of a request to an old route; ``new`` is the path that replaces it.

        Raises:
            Gone: the bridge is over.
        """
        origin = headers.get("origin")
        detail = f"{route} from {origin[:100]}" if origin else route
        if self.mode == "gone":
            self.used("", peer, detail, REFUSED)
            raise _gone(new)
        return detail

    def count(self, actor: str, peer: str, detail: str) -> None:
        """Count one use by a caller who has come in."""
        self.used(actor, "" if actor else peer, detail, USED)


def _gone(new: str) -> Gone:
    error = Gone(
        "This address, which all callers shared, is no longer served.",
        remedy=f"Use {new}/{{sessionId}} with a session id of your own; docs/migrating.md of cutty-agent shows how.",
    )
    error.link = f'<{new}>; rel="successor-version"'
    return error
