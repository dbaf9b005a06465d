"""A turn that somebody follows over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import msgspec

from ..core.continued import Continued
from ..stream.live import Ending, LiveStream
from ..wire.client import Dialect
from ..wire.principal import NOBODY, Principal


class Answer(msgspec.Struct, eq=False, weakref=True):
    """A turn followed over HTTP: its id, its chunks as they become durable, and how it ends; where it goes on under
    another id, so does this.

    ``leaving`` is set when whoever follows has to let go: ``who`` may look on no longer, or the server stops, and another
    can be asked for the rest.
    """

    request_id: str
    stream: LiveStream | None = None
    ending: Ending | None = None
    leaving: asyncio.Event = msgspec.field(default_factory=asyncio.Event)
    dialect: Dialect = "v5"
    who: Principal = NOBODY

    async def bodies(self) -> AsyncIterator[list[bytes]]:
        """Batches of chunk bodies from the first on, until the turn has ended."""
        begun = False
        while self.stream is not None:
            continued: Continued | None = None
            if self.stream.continuation and self.dialect == "v5":
                continued = Continued(self.stream.fold.message_id, begun=begun)
            async for batch in self.stream.follow():
                begun = True
                yield batch if continued is None else continued.read(batch)
            if self.stream.successor is None:
                return
            match await asyncio.shield(self.stream.successor):
                case Ending() as ending:
                    self.stream, self.ending = None, ending
                case stream:
                    self.stream = stream

    def ended(self) -> Ending | None:
        """How it ended; ``None`` before :meth:`bodies` is exhausted."""
        return self.stream.ending if self.stream is not None else self.ending

    @property
    def over(self) -> bool:
        """The turn has ended; at most the last chunks are still on their way."""
        stream = self.stream
        return stream is not None and stream.ending is not None and stream.successor is None

    def let_go(self) -> None:
        """Follow no further."""
        self.leaving.set()
