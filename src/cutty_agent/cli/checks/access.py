"""Checks of who may enter, how long sessions live, and of the secrets behind both."""

from __future__ import annotations

import os

from ...access.rule import has_rule
from ...access.secret import SECRET_FILE
from ...access.token_settings import check as check_jwt
from ...admin.token import TOKEN_FILE
from ...config import Settings, check_access
from ...engines.sealed import Keyring
from ...errors import CuttyError
from ..running import is_loopback
from .finding import Finding

_RULES = "Choose one: --visitors, CUTTY_ACCESS__JWT__… or App(identity=…); or listen on 127.0.0.1."


def access_rule(settings: Settings) -> Finding:
    """Whether there is a rule where one is needed, and whether it holds together. One that is given to ``App`` in
    code is not seen here."""
    access, public = settings.access, not is_loopback(settings.host)
    try:
        check_access(settings)
        if access.jwt is not None:
            check_jwt(access.jwt)
    except CuttyError as error:
        return Finding("access", "failed", error.sentence, error.remedy)
    if not has_rule(access):
        if not public:
            return Finding("access", "ok", "no rule in the settings; the server listens on this machine only")
        if settings.open:
            said = f"no rule in the settings, and {settings.host} is open to its whole network (open)"
            return Finding("access", "warning", said, _RULES)
        return Finding(
            "access", "failed", f"no rule in the settings, so nothing listens on {settings.host}", _RULES
        )
    rules = [*(["JWT"] if access.jwt is not None else []), *(["visitors"] if access.visitors else [])]
    return Finding("access", "ok", " and ".join(rules))


def origins(settings: Settings) -> Finding:
    """Which other pages may talk to the server."""
    allowed = settings.allow_origins
    if not allowed:
        return Finding("origins", "ok", "only pages of this server")
    if "*" in allowed and has_rule(settings.access):
        return Finding(
            "origins",
            "warning",
            "every web page may talk to this server (*), although it has an access rule",
            "Name the origins of your application in CUTTY_ALLOW_ORIGINS.",
        )
    return Finding("origins", "ok", "every web page (*)" if "*" in allowed else ", ".join(allowed))


def secrets(settings: Settings) -> Finding:
    """Whether the files with secrets are closed to other users."""
    there = [path for name in (TOKEN_FILE, SECRET_FILE) if (path := settings.data / name).exists()]
    for path in there:
        if not os.access(path, os.R_OK):
            return Finding(
                "secrets", "failed", f"{path} cannot be read", "Run this as the user who runs the server."
            )
    loose = [path for path in there if path.stat().st_mode & 0o077]
    if loose:
        named = " ".join(str(path) for path in loose)
        return Finding("secrets", "warning", f"{named}: open to other users", f"Close: chmod 600 {named}")
    if not there:
        return Finding("secrets", "ok", "none kept yet")
    return Finding("secrets", "ok", f"{' and '.join(path.name for path in there)}, closed to other users")


def encryption(settings: Settings) -> Finding:
    """Whether the keys for encryption at rest can be used."""
    try:
        keyring = Keyring.parse(settings.encryption.keys)
    except CuttyError as error:
        return Finding("encryption", "failed", error.sentence, error.remedy)
    if keyring.first is None:
        return Finding("encryption", "ok", "off (CUTTY_ENCRYPTION__KEYS turns it on)")
    others = keyring.names[1:]
    said = f"on, with the key {keyring.first}" + (f"; {', '.join(others)} can be read" if others else "")
    return Finding("encryption", "ok", said)


def expiry(settings: Settings) -> Finding:
    """Whether sessions end, and whether the times about it fit each other."""
    times = settings.lifetimes
    named = {
        "anonymous_s": times.anonymous_s,
        "signed_in_s": times.signed_in_s,
        "max_age_s": times.max_age_s,
    }
    given = {name: value for name, value in named.items() if value is not None}
    if settings.access.visitors and times.anonymous_s is None and times.max_age_s is None:
        return Finding(
            "expiry",
            "warning",
            "sessions of anonymous visitors are kept for ever",
            "Set CUTTY_LIFETIMES__ANONYMOUS_S, for example to 2592000 (30 days).",
        )
    if not given:
        return Finding("expiry", "ok", "sessions do not expire")
    if times.max_age_s is not None and any(value > times.max_age_s for value in given.values()):
        return Finding(
            "expiry",
            "warning",
            f"lifetimes.max_age_s ({times.max_age_s:g}) ends sessions before they can be idle for so long",
            "Make lifetimes.max_age_s longer, or leave out the other.",
        )
    if min(given.values()) <= times.idle_s:
        return Finding(
            "expiry",
            "warning",
            f"a session expires after {min(given.values()):g} s, no later than it leaves memory ({times.idle_s:g} s)",
            "Make the times in lifetimes longer; they are in seconds.",
        )
    return Finding("expiry", "ok", ", ".join(f"{name} {value:g}" for name, value in given.items()))
