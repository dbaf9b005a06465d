"""What one check of ``cutty-agent doctor`` came to."""

from __future__ import annotations

from typing import Literal

import msgspec


class Finding(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing that was looked at. A ``failed`` one keeps a server from working."""

    name: str
    state: Literal["ok", "warning", "failed"]
    said: str
    remedy: str | None = None
