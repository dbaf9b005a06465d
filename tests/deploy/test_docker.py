"""The image and the compose file, as far as they can be checked where no Docker engine runs."""

from __future__ import annotations

import asyncio
import re
import shlex
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
import yaml

from cutty_agent.config import Lifetimes, Limits, load
from deploy.dockerfile import Stage, copied, read
from deploy.front import CADDYFILE, DEPLOY
from faults.process import Server

pytestmark = pytest.mark.deploy

ROOT = DEPLOY.parent
FOLDER = DEPLOY / "docker"
COMPOSE = FOLDER / "compose.yml"


@pytest.fixture(scope="module")
def stages() -> list[Stage]:
    return read(FOLDER / "Dockerfile")


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(COMPOSE.read_text())
    return document


def ignored(path: str) -> bool:
    """Whether the ignore file keeps a path out of the build; the last line that fits decides."""
    out = False
    for line in (FOLDER / "Dockerfile.dockerignore").read_text().split():
        pattern = line.removeprefix("!").removeprefix("**/")
        if any(fnmatch(part, pattern) for part in (path, path.split("/")[0], path.rpartition("/")[2])):
            out = not line.startswith("!")
    return out


def test_every_source_is_in_the_repository_and_reaches_the_build(stages: list[Stage]) -> None:
    names = [stage.name for stage in stages]
    seen = []
    for at, stage in enumerate(stages):
        for text in stage.all("COPY"):
            origin, sources, _ = copied(text)
            if origin is not None:
                assert origin in names[:at], f"there is no stage {origin} before"
                continue
            for source in sources:
                assert (ROOT / source).exists(), f"{source} is not in the repository"
                assert not ignored(source), f"{source} is kept out by the ignore file"
                seen.append(source)
    assert set(seen) >= {"pyproject.toml", "README.md", "LICENSE", "src"}, "the wheel is built of these"
    assert ignored(".venv")
    assert ignored("web")
    assert ignored("cutty-data")


def test_the_image_is_slim_and_does_not_run_as_root(stages: list[Stage]) -> None:
    final = stages[-1]
    assert {stage.image for stage in stages} == {"python:3.12-slim"}
    [user] = final.all("USER")
    assert user == "10001:10001"
    [made] = [text for text in final.all("RUN") if "useradd" in text]
    assert "--uid 10001" in made
    assert "--gid 10001" in made
    assert "--owner cutty" in made
    assert "/data" in made
    assert final.words("VOLUME") == ["/data"]
    order = [name for name, _ in final.steps]
    assert order.index("USER") > order.index("RUN") > -1


def test_the_image_starts_the_server(stages: list[Stage]) -> None:
    final = stages[-1]
    environment = final.environment()
    assert final.words("ENTRYPOINT") + final.words("CMD") == ["cutty-agent", "serve"]
    assert environment["CUTTY_DATA"] == "/data"
    assert final.all("EXPOSE") == [environment["CUTTY_PORT"]]
    assert environment["PATH"].startswith("/opt/cutty-agent/bin:")
    assert final.all("STOPSIGNAL") == ["SIGTERM"]


def test_the_settings_of_the_image_are_settings(stages: list[Stage], monkeypatch: pytest.MonkeyPatch) -> None:
    """A public address in the container goes with an access rule."""
    for name, value in stages[-1].environment().items():
        if name.startswith("CUTTY_"):
            monkeypatch.setenv(name, value)
    settings = load()
    assert settings.host == "0.0.0.0"
    assert settings.port == 8789
    assert settings.data == Path("/data")
    assert settings.access.visitors
    assert not settings.open


async def test_the_health_check_tells_a_server_that_serves(stages: list[Stage], tmp_path: Path) -> None:
    [text] = stages[-1].all("HEALTHCHECK")
    command = re.search(r"CMD (\[.*\])$", text)
    assert command is not None
    server = Server(tmp_path / "data")

    async def healthy() -> bool:
        words = [word.replace("8789", str(server.port)) for word in yaml.safe_load(command[1])]
        process = await asyncio.create_subprocess_exec(*words, stderr=asyncio.subprocess.DEVNULL)
        return await process.wait() == 0

    assert not await healthy()
    await server.start()
    try:
        assert await healthy()
    finally:
        await server.bury()


def test_the_services_fit_together(compose: dict[str, Any], stages: list[Stage]) -> None:
    assert set(compose["services"]) == {"cutty-agent", "caddy"}
    server, caddy = compose["services"]["cutty-agent"], compose["services"]["caddy"]
    build = server["build"]
    context = (FOLDER / build["context"]).resolve()
    assert context == ROOT
    assert (context / build["dockerfile"]).is_file()
    assert server["volumes"] == ["sessions:/data"]
    assert server["ports"] == ["127.0.0.1:8789:8789"], "Docker would open it to the world past every firewall"
    port = stages[-1].environment()["CUTTY_PORT"]
    assert caddy["environment"]["CUTTY_UPSTREAM"] == f"cutty-agent:{port}"
    assert caddy["profiles"], "optional"
    assert caddy["depends_on"]["cutty-agent"]["condition"] == "service_healthy"
    [network] = compose["networks"]
    assert server["networks"] == caddy["networks"] == [network]
    [pool] = compose["networks"][network]["ipam"]["config"]
    assert server["environment"]["CUTTY_ACCESS__PROXIES"] == pool["subnet"]


def test_every_volume_is_declared_or_in_the_repository(compose: dict[str, Any]) -> None:
    used = set()
    for service in compose["services"].values():
        for volume in service["volumes"]:
            source, target, *_ = volume.split(":")
            assert target.startswith("/")
            if source.startswith("."):
                assert (FOLDER / source).resolve() == CADDYFILE
            else:
                used.add(source)
    assert used == set(compose["volumes"])


def test_the_container_has_time_and_files(compose: dict[str, Any]) -> None:
    server = compose["services"]["cutty-agent"]
    assert int(server["stop_grace_period"].removesuffix("s")) >= 3 + Lifetimes().grace_s + 10
    assert server["ulimits"]["nofile"] > Limits().sockets
    assert server["cap_drop"] == ["ALL"]
    assert server["read_only"]


def test_the_settings_of_the_service_are_settings(
    compose: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in compose["services"]["cutty-agent"]["environment"].items():
        if value is not None:
            monkeypatch.setenv(name, re.sub(r"\$\{\w+:-(\w*)\}", r"\1", value))
    settings = load()
    assert settings.access.visitors
    assert settings.access.hosts == ("localhost", "localhost", "127.0.0.1")
    assert settings.access.proxies == ("172.30.89.0/24",)


def test_variables_of_the_caddyfile_are_set(compose: dict[str, Any]) -> None:
    wanted = set(re.findall(r"\{\$(\w+)", CADDYFILE.read_text()))
    assert wanted == set(compose["services"]["caddy"]["environment"])


def test_the_image_is_installed_by_pip_from_a_wheel(stages: list[Stage]) -> None:
    """The commands that ``test_wheel.py`` runs."""
    commands = [shlex.split(text) for text in stages[0].all("RUN")]
    assert [command[:2] for command in commands] == [
        ["pip", "wheel"],
        ["python", "-m"],
        ["/opt/cutty-agent/bin/pip", "install"],
    ]
