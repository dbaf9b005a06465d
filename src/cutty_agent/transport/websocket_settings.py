"""Limits and times of a WebSocket."""

from __future__ import annotations

import msgspec


class WebSocketSettings(msgspec.Struct, frozen=True):
    """Limits and times of a WebSocket; sizes are in bytes, times in seconds.

    ``max_message``: the largest incoming message; above it the socket is closed with 1009.
    ``ping_interval_s``, ``ping_timeout_s``: how often a silent peer is asked, and how long it may stay silent.
    ``close_timeout_s``: how long the peer may take to answer our close frame.
    ``shutdown_timeout_s``: the same when the whole server goes down.
    ``send_buffer``: the kernel's buffer per socket; small, so that slow readers are noticed.
    ``high_water``, ``low_water``: bytes waiting in our memory at which a peer becomes, and stops being, congested.
    ``read_pause``: bytes waiting at which we stop reading from that peer, so that it cannot pile up answers.
    ``compress``: accept permessage-deflate; costs 36 KiB or more a connection.
    """

    max_message: int = 32 * 1024 * 1024
    ping_interval_s: float = 25.0
    ping_timeout_s: float = 60.0
    close_timeout_s: float = 5.0
    shutdown_timeout_s: float = 1.0
    tick_s: float = 1.0
    send_buffer: int = 64 * 1024
    high_water: int = 64 * 1024
    low_water: int = 16 * 1024
    read_pause: int = 4 * 1024 * 1024
    compress: bool = False


SETUP_FAILED = "Uncaught exception during session setup"
"""The reason of close code 1011 when a door fails unexpectedly (protocol 1.3)."""
