"""What all WebSocket connections of one server share."""

from __future__ import annotations

import asyncio

from websockets.extensions.permessage_deflate import ServerPerMessageDeflateFactory
from websockets.protocol import CONNECTING

from ..ports.door import Door
from .opening import Entrance
from .timer_wheel import TimerWheel
from .websocket_frames import FrameCore
from .websocket_settings import WebSocketSettings
from .write_batch import WriteBatch


class Hub:
    """The door, the rules, and the timer and the write batch that serve every connection."""

    def __init__(self, door: Door, entrance: Entrance, settings: WebSocketSettings) -> None:
        self.door = door
        self.entrance = entrance
        self.settings = settings
        self.max_message = settings.max_message
        self.wheel = TimerWheel(settings.tick_s)
        self.batch = WriteBatch()
        self.ping_ticks = self.wheel.ticks(settings.ping_interval_s)
        self.silence_ticks = self.wheel.ticks(settings.ping_timeout_s)
        self.close_ticks = self.wheel.ticks(settings.close_timeout_s)
        self.shutdown_ticks = self.wheel.ticks(settings.shutdown_timeout_s)
        self._opened = 0
        self._loop: asyncio.AbstractEventLoop | None = None

    def bind(self, loop: asyncio.AbstractEventLoop) -> None:
        """Start anew when the server runs on another loop than last time, as it may in tests."""
        if self._loop is not loop:
            self._loop = loop
            self.wheel = TimerWheel(self.settings.tick_s)
            self.batch = WriteBatch()

    def first_ping_ticks(self) -> int:
        """A different fraction of the interval for each connection: many that open at once are not asked at once."""
        self._opened += 1
        return self.ping_ticks * (self._opened % 16 + 1) // 16

    def greeting_core(self) -> FrameCore:
        """A core for the handshake."""
        deflate = [
            ServerPerMessageDeflateFactory(
                server_max_window_bits=12, client_max_window_bits=12, compress_settings={"memLevel": 5}
            )
        ]
        return FrameCore(
            limit=self.max_message, state=CONNECTING, extensions=deflate if self.settings.compress else None
        )
