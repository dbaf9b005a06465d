"""nginx and Caddy as ordinary processes with the shipped configuration, on ports and in folders of their own."""

from __future__ import annotations

import asyncio
import os
import re
from asyncio.subprocess import PIPE, Process
from pathlib import Path

from e2e.waiting import News
from faults.process import free_port

DEPLOY = Path(__file__).parents[2] / "deploy"
NGINX_CONF = DEPLOY / "nginx" / "cutty-agent.conf"
CADDYFILE = DEPLOY / "caddy" / "Caddyfile"


class Front:
    """A proxy in front of the server that listens on ``upstream``. What it says can be waited for."""

    def __init__(self, folder: Path, upstream: int) -> None:
        self.folder = folder
        self.port = free_port()
        self.upstream = upstream
        self.said: list[str] = []
        self._news = News()
        self._process: Process | None = None
        self._reader: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        """``127.0.0.1:PORT``, as :func:`faults.visitor.visit` wants it."""
        return f"127.0.0.1:{self.port}"

    @property
    def process(self) -> Process:
        assert self._process is not None, "it was never started"
        return self._process

    async def heard(self, wanted: str, count: int = 1) -> None:
        """Wait until so many lines of its log match."""

        def found() -> bool:
            return sum(re.search(wanted, line) is not None for line in self.said) >= count

        await self._news.until(found, f"{count} × {wanted!r} in\n" + "\n".join(self.said[-20:]))

    async def stop(self) -> None:
        """End it, whatever it does."""
        if self._process is not None and self._process.returncode is None:
            self._process.terminate()
            await asyncio.wait_for(self._process.wait(), 10)
        if self._reader is not None:
            await self._reader

    async def _run(self, *command: str | Path, env: dict[str, str] | None = None) -> None:
        self._process = await asyncio.create_subprocess_exec(
            *command, stderr=PIPE, cwd=self.folder, env={**os.environ, **(env or {})}
        )
        self._reader = asyncio.create_task(self._read())

    async def _read(self) -> None:
        assert self.process.stderr is not None
        async for line in self.process.stderr:
            self.said.append(line.decode().rstrip())
            self._news.tell()
        self._news.tell()


async def call(*command: str | Path, env: dict[str, str] | None = None) -> str:
    """What a command says; it must succeed."""
    process = await asyncio.create_subprocess_exec(
        *command, stdout=PIPE, stderr=asyncio.subprocess.STDOUT, env={**os.environ, **(env or {})}
    )
    said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()
    return said.decode()


def replaced(text: str, changes: dict[str, str]) -> str:
    """``text`` with every change made; each must find its line exactly once, so that tests run what is shipped."""
    for old, new in changes.items():
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in the shipped file"
        text = text.replace(old, new)
    return text


class Nginx(Front):
    """``cut_s``: how long the workers of an old configuration may go on (``worker_shutdown_timeout``).
    ``certificate``: a certificate and its key, for TLS."""

    def __init__(
        self,
        folder: Path,
        upstream: int,
        *,
        cut_s: float | None = None,
        certificate: tuple[Path, Path] | None = None,
    ) -> None:
        super().__init__(folder, upstream)
        self.access_log = folder / "access.log"
        self._conf = folder / "nginx.conf"
        self._cut = "" if cut_s is None else f"worker_shutdown_timeout {round(cut_s * 1000)}ms;"
        self._certificate = certificate

    def site(self) -> str:
        """The shipped file with this port, this server and, if wanted, the lines for TLS."""
        listening = f"listen 127.0.0.1:{self.port};"
        tls: dict[str, str] = {}
        text = NGINX_CONF.read_text()
        if self._certificate is not None:
            text = text.replace("#tls ", "")
            tls = {
                "listen 443 ssl http2;": f"listen 127.0.0.1:{self.port} ssl http2;",
                "listen [::]:443 ssl http2;": "",
                "/etc/letsencrypt/live/chat.example.com/fullchain.pem": str(self._certificate[0]),
                "/etc/letsencrypt/live/chat.example.com/privkey.pem": str(self._certificate[1]),
            }
            listening = ""
        return replaced(
            text,
            {
                "listen 80;": listening,
                "listen [::]:80;": "",
                "server 127.0.0.1:8789;": f"server 127.0.0.1:{self.upstream};",
                "/var/log/nginx/cutty-agent.log": str(self.access_log),
                **tls,
            },
        )

    async def start(self) -> None:
        """Start it and wait until it serves."""
        site = self.folder / "cutty-agent.conf"
        site.write_text(self.site())
        kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        temporary = "\n".join(f"{kind}_temp_path {self.folder / kind};" for kind in kinds)
        self._conf.write_text(
            f"{'user root;' if os.getuid() == 0 else ''} worker_processes 2; {self._cut}\n"
            f"pid {self.folder / 'nginx.pid'}; error_log stderr notice; daemon off;\n"
            f"events {{}}\nhttp {{\n{temporary}\ninclude {site};\n}}\n"
        )
        await self._run("nginx", "-e", "stderr", "-c", self._conf)
        await self.heard("start worker process ", 2)

    async def reload(self) -> None:
        """``nginx -s reload``; returns when new workers serve and the old ones are told to finish."""
        before = sum("gracefully shutting down" in line for line in self.said)
        await call("nginx", "-e", "stderr", "-c", self._conf, "-s", "reload")
        await self.heard("gracefully shutting down", before + 2)


class Caddy(Front):
    """The shipped Caddyfile, which takes its site and its server from variables."""

    def __init__(self, folder: Path, upstream: int) -> None:
        super().__init__(folder, upstream)
        self._admin = f"localhost:{free_port()}"
        self._file = folder / "Caddyfile"

    def environment(self) -> dict[str, str]:
        """The variables of the file, and a home that is not the user's."""
        return {
            "CUTTY_SITE": f"http://127.0.0.1:{self.port}",
            "CUTTY_UPSTREAM": f"127.0.0.1:{self.upstream}",
            "XDG_DATA_HOME": str(self.folder),
            "XDG_CONFIG_HOME": str(self.folder),
        }

    async def start(self) -> None:
        """Start it and wait until it serves."""
        self._write(1)
        await self._run("caddy", "run", "--config", self._file, env=self.environment())
        await self.heard("serving initial configuration")

    async def reload(self) -> None:
        """``caddy reload`` with a file that differs; returns when the new configuration serves."""
        self._write(2)
        await call(
            "caddy", "reload", "--config", self._file, "--address", self._admin, env=self.environment()
        )

    def _write(self, version: int) -> None:
        # grace_period only to make the second file differ from the first.
        options = f"{{\n\tadmin {self._admin}\n\tgrace_period {version}m\n}}\n\n"
        self._file.write_text(options + CADDYFILE.read_text())
