"""What a turn costs."""

from __future__ import annotations

from typing import Final

import msgspec

DEMO: Final = "demo"
"""The name of the built-in demo model, which costs nothing."""


class Usage(msgspec.Struct, gc=False):
    """What the models of a turn consumed, summed over its calls. ``input_tokens`` hold those read from and written to
    a provider's cache."""

    input_tokens: int = 0
    output_tokens: int = 0
    requests: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    model: str | None = None
