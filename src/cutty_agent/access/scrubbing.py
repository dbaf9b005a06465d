"""What a log may say of a request: its target and headers without the secrets in them."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import unquote_plus

HIDDEN: Final = "***"

_NAMES: Final = frozenset(
    {
        "token",
        "ticket",
        "share",
        "access_token",
        "id_token",
        "refresh_token",
        "api_key",
        "apikey",
        "key",
        "secret",
        "password",
        "authorization",
        "cutty_visitor",
    }
)
"""Query fields and cookies whose values are secret."""

# Whoever calls chooses what these read: quantifiers do not backtrack, and a match begins only where a piece begins.
_HEADER = re.compile(
    r"(?i)\b(authorization|cookie|set-cookie|x-cutty-share|sec-websocket-protocol)[ \t]*+:[^\r\n]*+"
)
_PIECE = r"(?<![^ \t\r\n&?#=;,\"'/])"
_PAIR = re.compile(_PIECE + r"([^ \t\r\n&?#=;,\"'/]++)=([^ \t\r\n&]*+)")
_ENCODED = re.compile(_PIECE + r"[^ \t\r\n&?#=;,\"'/%]*+%[^ \t\r\n&]*+")
_DOTTED_PREFIXES: Final = (
    re.compile(r"()v1\.[A-Za-z0-9_-]{8,}+\.[0-9]++\.[A-Za-z0-9_-]++"),  # a visitor's token
    re.compile(r"(cutty\.bearer\.)[^ \t\r\n,]++"),
)
_SCHEME: Final = re.compile(r"(?i)(\b(?:bearer|basic)[ \t]++)[^ \t\r\n,]++")
_PREFIXED: Final = (*_DOTTED_PREFIXES, _SCHEME)
_DOTTED = re.compile(r"(?<![A-Za-z0-9_=-])[A-Za-z0-9_=-]++(?:\.[A-Za-z0-9_=-]*+){2,}+")
# How a JSON object begins in base64: a brace, then a quote or white space.
_OBJECT = re.compile(r"e(?:y[IJAB]|w[opkl01])[A-Za-z0-9_-]{4}")
_NESTED = re.compile(rf"(?i)(?:^|[^a-z0-9_-])(?:{'|'.join(sorted(_NAMES))})[=:]")
_DECODINGS = 3


def scrub(target: str) -> str:
    """A request target or header text whose secrets are replaced by ``***``.

    Secret are the values of fields and cookies such as ``token``, ``ticket``, ``share`` and ``cutty_visitor``, however
    their names are percent-encoded; what follows ``Bearer`` or ``cutty.bearer.``; whole ``Authorization``, ``Cookie``
    and ``Sec-WebSocket-Protocol`` lines; and whatever looks like a JSON Web Token or a visitor's token, also inside
    an address that is the value of a field. Text without any of it comes back as it was.
    """
    text = target
    # Most texts are short names without any of it, and a look for one character is cheaper than a pattern.
    if ":" in text:
        text = _HEADER.sub(rf"\1: {HIDDEN}", text)
    if "=" in text:
        text = _PAIR.sub(_pair, text)
    if text.count(".") > 1:
        text = _DOTTED.sub(_json_web_token, text)
        for shape in _DOTTED_PREFIXES:
            text = shape.sub(rf"\1{HIDDEN}", text)
    if " " in text or "\t" in text:
        text = _SCHEME.sub(rf"\1{HIDDEN}", text)
    if "%" in text:
        text = _ENCODED.sub(lambda found: HIDDEN if _hides(found.group()) else found.group(), text)
    return text


def _pair(found: re.Match[str]) -> str:
    name, value = found.groups()
    if value and (_named(name) or _hides(value)):
        return f"{name}={HIDDEN}"
    return found.group()


def _json_web_token(found: re.Match[str]) -> str:
    run = found.group()
    begin = _OBJECT.search(run)
    return run[: begin.start()] + HIDDEN if begin and run.count(".", begin.end()) >= 2 else run


def _named(name: str) -> bool:
    return name.lower() in _NAMES or ("%" in name and unquote_plus(name).strip().lower() in _NAMES)


def _hides(value: str) -> bool:
    """Whether a secret lies in a value, under up to three layers of percent-encoding."""
    for _ in range(_DECODINGS + 1):
        if _NESTED.search(value) or any(shape.search(value) for shape in _PREFIXED):
            return True
        if _DOTTED.sub(_json_web_token, value) != value:
            return True
        if "%" not in value:
            break
        value = unquote_plus(value)
    return False
