"""Who is signed in: demo users without passwords, a cookie for the browser and a short-lived token for the agent."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, field

from cutty.tokens import AGENT, APPLICATION, signed, user_of
from server.refusal import Refusal

_NAME = re.compile(r"\w[\w .-]{0,39}", re.ASCII)
"""ASCII, because the id that is made of it becomes part of chat session ids."""


@dataclass(frozen=True)
class User:
    """Somebody who signed in. ``id`` is the name in lower case with dashes."""

    id: str
    name: str


@dataclass
class Accounts:
    """All users and sign-ins, in memory: a restart signs everybody out.

    ``secret`` signs the tokens and is known to the agent server too; they are good for ``token_s`` seconds.
    """

    secret: str
    token_s: float = 300.0
    _users: dict[str, User] = field(default_factory=dict)
    _sign_ins: dict[str, User] = field(default_factory=dict)

    def sign_in(self, name: str) -> tuple[str, User]:
        """The cookie of a new sign-in, and the user.

        Raises:
            Refusal: the name is empty or has other characters than letters from A to Z, digits, spaces, dots and dashes.
        """
        name = " ".join(name.split())
        if not _NAME.fullmatch(name):
            raise Refusal("A name has 1 to 40 letters from A to Z, digits, spaces, dots or dashes.")
        id = re.sub(r"[^\w]+", "-", name.casefold())
        user = self._users.setdefault(id, User(id, name))
        cookie = secrets.token_urlsafe(32)
        self._sign_ins[cookie] = user
        return cookie, user

    def sign_out(self, cookie: str | None) -> None:
        """Forget a sign-in. Tokens given out for it end by themselves within ``token_s``."""
        self._sign_ins.pop(cookie or "", None)

    def user_of_cookie(self, cookie: str | None) -> User | None:
        """Whose browser this is."""
        return self._sign_ins.get(cookie or "")

    def token(self, user: User) -> str:
        """A token that tells the agent server for ``token_s`` seconds who asks."""
        return signed(user.id, issuer=APPLICATION, audience=AGENT, seconds=self.token_s, secret=self.secret)

    def user_of_token(self, token: str) -> User | None:
        """For whom an agent acts; ``None`` when its token is forged, expired or for somebody unknown."""
        id = user_of(token, issuer=AGENT, audience=APPLICATION, secret=self.secret)
        return self._users.get(id or "")
