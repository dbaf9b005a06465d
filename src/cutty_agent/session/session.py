"""A session as its frames act on it: the room, the runner of its turns, and a continuation that may be wanted."""

from __future__ import annotations

from typing import Any

from .continuation import Continuation
from .room import Room
from .runner import Runner


class Session(Room):
    """What the handlers of chat frames and of the handshake work on."""

    __slots__ = ("continuation", "runner")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.runner = Runner(self)
        self.continuation = Continuation(self, self.runner.queue)
