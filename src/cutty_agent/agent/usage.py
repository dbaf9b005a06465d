"""What a turn costs."""

from __future__ import annotations

import msgspec


class Usage(msgspec.Struct):
    """What the models of a turn consumed, summed over its calls."""

    input_tokens: int = 0
    output_tokens: int = 0
    requests: int = 0
    model: str | None = None
