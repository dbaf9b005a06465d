"""Everybody who may come to a session, with what they show."""

from __future__ import annotations

import base64
import json
import time
from typing import Final

from cutty_agent.access.visitor import Visitors
from cutty_agent.clock import SystemClock
from unit.access_lab import OTHER_SECRET, SECRET, signed

AUDIENCE: Final = "cutty"
OPERATOR: Final = "the-token-of-the-operator-in-tests-only"
COOKIES: Final = "signs-the-cookies-of-visitors-in-tests-only"


def token(subject: str, **claims: object) -> str:
    """A token the application has signed."""
    return signed(SECRET, sub=subject, **{"aud": AUDIENCE, "exp": int(time.time()) + 600, **claims})


def bearer(shown: str) -> dict[str, str]:
    return {"authorization": f"Bearer {shown}"}


def visitor_token() -> str:
    """What the cookie of a visitor nobody knows holds."""
    return Visitors(SystemClock(), [COOKIES], visitor_s=3600).new()[1]


def unsigned(subject: str) -> str:
    """A token that says itself that it needs no signature."""
    claims = {"sub": subject, "aud": AUDIENCE, "exp": int(time.time()) + 600}
    parts = [{"alg": "none", "typ": "JWT"}, claims]
    encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts]
    return ".".join([*encoded, ""])


def shown_by(caller: str) -> dict[str, str]:
    """The headers that a caller of the tables sends.

    ``ada`` owns the session. All false tokens name her. ``nobody`` and ``new`` show nothing: one to a server that
    only knows users, the other to one that welcomes visitors.
    """
    match caller:
        case "owner":
            return bearer(token("ada"))
        case "other":
            return bearer(token("bob"))
        case "reader":
            return bearer(token("rita"))
        case "writer":
            return bearer(token("walt"))
        case "viewer":
            return bearer(token("vera", scope="cutty:view"))
        case "steward":
            return bearer(token("stu", scope="profile cutty:act"))
        case "visitor":
            return {"cookie": f"cutty_visitor={visitor_token()}"}
        case "expired":
            return bearer(token("ada", exp=int(time.time()) - 1))
        case "forged":
            return bearer(signed(OTHER_SECRET, sub="ada", aud=AUDIENCE, exp=int(time.time()) + 600))
        case "audience":
            return bearer(token("ada", aud="somebody else"))
        case "algnone":
            return bearer(unsigned("ada"))
        case "admin":
            return bearer(OPERATOR)
        case "new" | "nobody":
            return {}
    raise ValueError(caller)
