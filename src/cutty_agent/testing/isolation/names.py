"""Who said what: unguessable words, each of one session, that betray where its content went."""

from __future__ import annotations

import re
import secrets

_TOKEN = re.compile(r"(?:canary|visitor)-[0-9a-f]{24}")
_ID = "visitor-"

LONGEST = 32
"""Characters of the longest token; whoever joins pieces of a text keeps so many of the end."""


class Names:
    """Makes canaries and session ids, and knows whose they are. Tokens are random in every run, also with a seed."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[int, int]] = {}

    def session_id(self, session: int) -> str:
        """A new session id for the session with this number."""
        return self._new("visitor", session, 0)

    def canary(self, session: int, turn: int) -> str:
        """A new word for one turn of a session; turns count from 1."""
        return self._new("canary", session, turn)

    def _new(self, word: str, session: int, turn: int) -> str:
        token = f"{word}-{secrets.token_hex(12)}"
        self._known[token] = (session, turn)
        return token

    def found(self, text: str) -> list[str]:
        """The tokens of this run in a text, in their order."""
        return [token for token in _TOKEN.findall(text) if token in self._known]

    def foreign(self, text: str, session: int) -> list[str]:
        """The tokens in a text that do not belong to this session."""
        return [token for token in self.found(text) if self._known[token][0] != session]

    def owner(self, token: str) -> int:
        """The number of the session a token belongs to."""
        return self._known[token][0]

    @staticmethod
    def is_id(token: str) -> bool:
        """Whether a token is a session id; otherwise it is a canary."""
        return token.startswith(_ID)

    def shown(self, text: str) -> str:
        """A text with every token replaced by what it stands for."""
        return _TOKEN.sub(self._name, text)

    def excerpt(self, text: str, token: str, around: int = 60) -> str:
        """The place of a token in a text, with ``around`` characters on both sides, tokens by name."""
        at = max(text.find(token), 0)
        start, end = max(0, at - around), at + len(token) + around
        for match in _TOKEN.finditer(text):  # a token is not cut in two
            if match.start() < start < match.end():
                start = match.end()
            if match.start() < end < match.end():
                end = match.start()
        cut = self.shown(text[start:end])
        return ("…" if start else "") + cut + ("…" if end < len(text) else "")

    def _name(self, match: re.Match[str]) -> str:
        if match[0] not in self._known:
            return match[0]
        session, turn = self._known[match[0]]
        return (
            f"<id of session {session}>"
            if self.is_id(match[0])
            else f"<canary of session {session}, turn {turn}>"
        )
