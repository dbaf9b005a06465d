"""The two tokens between the application and its agent, both signed with the secret they share.

The application says to the agent who asks (audience ``cutty``); the agent says to the application for whom it acts
(audience ``cutty-app``). Neither opens what the other is for.
"""

from __future__ import annotations

import os
import time
from typing import Final
from uuid import uuid4

import jwt

SECRET: Final = os.environ.get("CUTTY_APP_SECRET", "")
"""At least 32 characters, the same for the application and its agents."""

APPLICATION: Final = "cutty-app"
AGENT: Final = "cutty"
"""Issuer of the one, audience of the other."""

DELEGATED_S: Final = 60
"""Seconds a token is good with which the agent acts for a user: one turn calls its tools right away."""


def signed(user: str, *, issuer: str, audience: str, seconds: float, secret: str = SECRET) -> str:
    """A token for ``user`` (HS256), good for so many seconds from now."""
    now = time.time()
    claims = {
        "sub": user,
        "iss": issuer,
        "aud": audience,
        "iat": int(now),
        "exp": now + seconds,
        "jti": uuid4().hex,
    }
    return jwt.encode(claims, secret, algorithm="HS256")


def user_of(token: str, *, issuer: str, audience: str, secret: str = SECRET) -> str | None:
    """Whose token this is; ``None`` when it is forged, expired, or meant for somebody else."""
    try:
        claims = jwt.decode(
            token,
            secret,
            algorithms=["HS256"],
            audience=audience,
            issuer=issuer,
            options={"require": ["exp", "sub"]},
        )
    except jwt.InvalidTokenError:
        return None
    subject: str = claims["sub"]
    return subject


def acting_for(user: str) -> str:
    """What the agent shows to the application when its tools act for ``user``, whom it has verified."""
    return signed(user, issuer=AGENT, audience=APPLICATION, seconds=DELEGATED_S)
