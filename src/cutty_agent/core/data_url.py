"""Data URLs (RFC 2397): files that travel inside a message."""

from __future__ import annotations

import base64
from urllib.parse import unquote_to_bytes


def split_data_url(url: str) -> tuple[str, str] | None:
    """The media type and the base64 text of a data URL, or ``None`` for any other URL.

    A payload in percent-encoding is turned into base64. The media type is without parameters.
    """
    if url[:5].lower() != "data:":
        return None
    head, comma, payload = url[5:].partition(",")
    if not comma:
        return None
    mime, *parameters = head.split(";")
    if any(p.strip().lower() == "base64" for p in parameters):
        return mime or "text/plain", payload
    return mime or "text/plain", base64.b64encode(unquote_to_bytes(payload)).decode("ascii")
