"""Halves of characters: ``JSON.stringify`` writes half an emoji, as ``slice`` may leave it, as an escape that is no text."""

from __future__ import annotations

import re

_ESCAPE = re.compile(
    rb"\\(?:(u[dD][89abAB][0-9a-fA-F]{2})(\\u[dD][c-fC-F][0-9a-fA-F]{2})?|(u[dD][c-fC-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)


def whole(text: bytes | str) -> bytes | None:
    """JSON text with every half of a character replaced by U+FFFD, as long as before; ``None`` when it has none."""
    raw = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    mended = _ESCAPE.sub(_mend, raw)
    return mended if mended != raw else None


def whole_text(text: str) -> str:
    """A text with halves that belong together joined, and every other one replaced by U+FFFD."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _mend(found: re.Match[bytes]) -> bytes:
    high, low, alone = found.groups()
    return b"\\ufffd" if alone or (high and not low) else found[0]
