"""What the application refuses, in words for the person in front of it."""

from __future__ import annotations


class Refusal(Exception):
    """A request that cannot be fulfilled. ``status`` is the HTTP status."""

    def __init__(self, sentence: str, *, status: int = 400) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.status = status
