"""The running server of ``cutty-agent serve``: listens, announces itself, stops in order."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import sys
from collections.abc import Iterator

import typer
import uvicorn

from ..app import App
from ..config import Settings
from ..errors import ConfigError
from . import front_door, running
from .tuning import tune

_STOPS = (signal.SIGTERM, signal.SIGINT)


def run(app: App, model: str) -> None:
    """Serve until a signal. ``model`` says which one answers.

    Raises:
        ConfigError: the address cannot be listened on.
    """
    settings = app.settings
    tune()
    listener = _listen(settings)
    port = listener.getsockname()[1]
    config = uvicorn.Config(
        app,
        http="httptools",
        ws=app.websocket_class(),
        loop="uvloop" if sys.platform != "win32" else "asyncio",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # X-Forwarded-For is believed of access.proxies only, see transport.caller
        timeout_graceful_shutdown=3,
    )
    with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
        runner.run(_serve(_Server(config, app, port, model), listener))


class _Server(uvicorn.Server):
    """Finishes what runs before the connections are closed, and lets go of what would hold up the stop: uvicorn waits for
    open responses, and then ends by the signal."""

    def __init__(self, config: uvicorn.Config, app: App, port: int, model: str) -> None:
        super().__init__(config)
        self._app = app
        self._port = port
        self._model = model

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        try:
            await super().startup(sockets)
        except SystemExit as error:  # uvicorn ends with 3 when the application does not start; it said why
            raise typer.Exit(1) from error
        if self.started:
            self._announce()

    def _announce(self) -> None:
        settings, port = self._app.settings, self._port
        running.announce(settings.data, running.local_url(settings.host, port))
        for line in front_door.lines(self._app, port, self._model):
            print(line, flush=True)

    def withdraw(self) -> None:
        """Say no more in the data directory that a server runs."""
        running.withdraw(self._app.settings.data)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self.withdraw()
        for listening in (*self.servers, *(sockets or ())):
            listening.close()
        await self._app.wind_down()
        self._app.hang_up()
        await super().shutdown(sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """SIGTERM and SIGINT stop the server, and it exits with 0; a second one parks running answers at once."""
        loop = asyncio.get_running_loop()
        for number in _STOPS:
            loop.add_signal_handler(number, self._stop)
        try:
            yield
        finally:
            for number in _STOPS:
                loop.remove_signal_handler(number)

    def _stop(self) -> None:
        if self.should_exit:
            self._app.hurry()
        self.should_exit = True


async def _serve(server: _Server, listener: socket.socket) -> None:
    try:
        await server.serve(sockets=[listener])
    finally:
        server.withdraw()
    if not server.started:
        raise typer.Exit(1)


def _listen(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
    except OSError as error:
        listener.close()
        raise ConfigError(
            f"Cannot listen on {settings.host}:{settings.port}: {error.strerror}.",
            remedy="Stop what uses that port, or choose another with --port.",
        ) from error
    listener.listen(2048)
    listener.setblocking(False)
    return listener
