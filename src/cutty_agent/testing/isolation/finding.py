"""What crossed from one session to another, and where it was seen."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from .names import Names

Kind = Literal[
    "history",
    "frame",
    "state",
    "log",
    "tool argument",
    "tool result",
    "error text",
    "http answer",
    "shared object",
    "module global",
]

REMEDIES: dict[Kind, str] = {
    "history": "Build what an answer is made of from turn.messages of this turn; keep no list of messages elsewhere.",
    "frame": "Take what an answer needs from the turn and from self, and key every cache by turn.session.",
    "state": "Keep state in self.state and set_state; share no dict between instances.",
    "log": "Bind the session where the record is written, from turn.session, not once on a shared logger.",
    "tool argument": "Give tools their session through deps or arguments, not through a variable they close over.",
    "tool result": "Give tools their session through deps or arguments; drop a pooled connection whose command was cancelled.",
    "error text": "Raise errors with words made for this turn; keep no last error that other sessions can read.",
    "http answer": "Answer from self and the request only.",
    "shared object": "Make one object per session (in on_start), or leave the shared one unchanged and pass what differs with each call.",
    "module global": "Pass the session as an argument (turn, deps, self), or key this by turn.session.",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One way in which content of a session reached a place it does not belong to.

    ``source`` is the number of the session whose content it is; ``target`` the session that got it, ``None``
    when it lies where every session can reach it. ``place`` is a frame, an address or an object path such as
    ``app.HISTORY[3]['content']``; ``excerpt`` shows canaries by name. ``times`` counts how often the same way
    was seen, with whatever sessions.
    """

    kind: Kind
    source: int
    target: int | None
    place: str
    excerpt: str
    remedy: str
    times: int = 1

    def __str__(self) -> str:
        to = "where every session can reach it" if self.target is None else f"session {self.target}"
        often = f" ({self.times} times)" if self.times > 1 else ""
        return (
            f"{self.kind}: session {self.source} → {to}, in {self.place}{often}\n"
            f"    {self.excerpt}\n    {self.remedy}"
        )

    def as_dict(self) -> dict[str, Any]:
        """JSON values."""
        return asdict(self)


@dataclass(slots=True)
class Evidence:
    """Collects findings; the same way seen again is counted, not listed again."""

    names: Names
    _seen: dict[tuple[str, str], Finding] = field(default_factory=dict)

    def add(self, kind: Kind, token: str, target: int | None, place: str, text: str) -> None:
        """A token was seen at a place, in a text that contains it."""
        key = (kind, _same(self.names.shown(place)))
        known = self._seen.get(key)
        self._seen[key] = Finding(
            kind,
            known.source if known else self.names.owner(token),
            known.target if known else target,
            known.place if known else self.names.shown(place),
            known.excerpt if known else self.names.excerpt(text, token),
            REMEDIES[kind],
            known.times + 1 if known else 1,
        )

    @property
    def findings(self) -> list[Finding]:
        """All so far, in the order of their first sight."""
        return list(self._seen.values())


def _same(place: str) -> str:
    """Places that differ only in a number, a session or a key made of free text are the same way."""
    return re.sub(r"<[^>]*>", "<>", re.sub(r"\d+", "0", _FREE_KEY.sub("[]", place)))


_FREE_KEY = re.compile(r"""\[(?P<quote>['"])(?=[^'"]*[^\w'"]).*?(?P=quote)\]""")
