"""What the demo model answers, word for word."""

from __future__ import annotations


def counted(end: int) -> str:
    """The answer to ``count to {end}``."""
    return " ".join(str(number) for number in range(1, end + 1))


def greeting(name: str) -> str:
    """The answer to ``my name is {name}``."""
    return f"Nice to meet you, {name}! I am a demo model. Ask me for your name whenever you like."


def recalled(name: str) -> str:
    """The answer to ``what is my name?`` in a session where a name was told."""
    return f"Your name is {name}. You told me in this session."
