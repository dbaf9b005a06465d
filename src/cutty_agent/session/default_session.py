"""Who uses the session ``default`` where everybody may: it is one conversation, which is rarely what is meant."""

from __future__ import annotations

from ..core.addressing import DEFAULT_SESSION
from ..ids import Address
from .warnings import Warnings


class DefaultSession:
    """Notes from where each agent's ``default`` is used, and warns at the second place."""

    def __init__(self, warnings: Warnings) -> None:
        self._warnings = warnings
        self._first: dict[str, tuple[str, str]] = {}

    def used(self, address: Address, *, peer: str, origin: str) -> None:
        """Somebody nobody knows comes in, from a network address and a web origin (empty where there is none)."""
        if address.session != DEFAULT_SESSION:
            return
        first = self._first.get(address.agent)
        if first is None:
            self._first[address.agent] = (peer, origin)
            return
        others = [
            what
            for what, was, now in (("network address", first[0], peer), ("web origin", first[1], origin))
            if was and now and was != now
        ]
        if others:
            self._warnings.once(
                "session.default_shared",
                address.agent,
                agent=address.agent,
                session=address.session,
                seen=f"a second {others[0]}",
                remedy="Give each visitor a session id of its own in the client, or choose an access rule "
                "(CUTTY_ACCESS__VISITORS=true); CUTTY_ALLOW_DEFAULT=false refuses this id.",
            )
