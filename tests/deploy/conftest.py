"""Servers and what stands in front of them; nothing is left running."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from deploy.front import Caddy, Front, Nginx
from faults.process import Server

MakeServer = Callable[..., Awaitable[Server]]
MakeNginx = Callable[..., Awaitable[Nginx]]


def need_nginx() -> None:
    """There is no skipping: what these tests prove is what the documentation promises."""
    if shutil.which("nginx") is None:
        pytest.fail(
            "nginx is not installed: run `make system`, or leave this out with -m 'not deploy'.", False
        )


@pytest.fixture
async def make_server(tmp_path: Path) -> AsyncIterator[MakeServer]:
    """``await make_server(**env)``: a server that serves."""
    made: list[Server] = []

    async def make(**env: str) -> Server:
        made.append(Server(tmp_path / f"data{len(made)}", env=env))
        await made[-1].start()
        return made[-1]

    yield make
    for server in made:
        await server.bury()


@pytest.fixture
async def make_nginx(tmp_path: Path) -> AsyncIterator[MakeNginx]:
    """``await make_nginx(server, **options)``: an nginx that serves."""
    need_nginx()
    made: list[Nginx] = []

    async def make(server: Server, **options: object) -> Nginx:
        folder = tmp_path / f"nginx{len(made)}"
        folder.mkdir()
        made.append(Nginx(folder, server.port, **options))  # type: ignore[arg-type]
        await made[-1].start()
        return made[-1]

    yield make
    for nginx in made:
        await nginx.stop()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    """For everything that needs no settings of its own: an answer of 100 words takes half a second."""
    running = Server(tmp_path_factory.mktemp("fronted") / "data", env={"NUMBERED_PAUSE_MS": "5"})
    await running.start()
    yield running
    await running.bury()


@pytest_asyncio.fixture(scope="session", loop_scope="session", params=[Nginx, Caddy], ids=["nginx", "caddy"])
async def front(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, server: Server
) -> AsyncIterator[Front]:
    """Each of the two in turn. Where the system has no package of Caddy, its tests are left out."""
    if request.param is Caddy and shutil.which("caddy") is None:
        pytest.skip("caddy is not installed, and this system has no package of it")
    need_nginx()
    running: Front = request.param(tmp_path_factory.mktemp("front"), server.port)
    await running.start()
    yield running
    await running.stop()


@pytest.fixture
def session(request: pytest.FixtureRequest) -> str:
    """A session of this test's own."""
    return "".join(each if each.isalnum() else "-" for each in request.node.name)
