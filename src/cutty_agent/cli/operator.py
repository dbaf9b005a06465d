"""Sessions as an operator sees them: through a running server, or straight from the data directory."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol
from urllib.parse import quote, urlsplit

import httpx
import msgspec

from ..admin import report
from ..admin.token import TOKEN_FILE, read_token
from ..config import Settings
from ..engines.embedded.readonly import ReadOnlyStore, open_readonly
from ..engines.embedded.store import open_store
from ..errors import CuttyError, NotFound, StoreUnavailable, Unauthorized
from ..ids import Address
from . import running

PAGE = 1000


class Refused(CuttyError):
    """The server answered with an error; its sentence and remedy are passed on."""

    code = "server.refused"


class NoServer(CuttyError):
    """No server answers where one is needed."""

    code = "server.unreachable"
    retry = True


class Sessions(Protocol):
    """Where a command finds sessions. Every method may raise ``CuttyError``."""

    def rows(self, agent: str | None) -> Iterator[dict[str, Any]]:
        """Every session, in the order of addresses."""
        ...

    def show(self, address: Address) -> dict[str, Any]:
        """The row of one, with its turns."""
        ...

    def messages(self, address: Address) -> list[dict[str, Any]]:
        """Its transcript."""
        ...

    def delete(self, addresses: list[Address]) -> Iterator[tuple[Address, bool]]:
        """Remove each; false for one that did not exist."""
        ...


class ServerSessions:
    """Through the operator's API of a running server. Use it as a context manager."""

    def __init__(self, url: str, token: str) -> None:
        headers = {"authorization": f"Bearer {token}"}
        self._http = httpx.Client(base_url=url, headers=headers, timeout=30.0, trust_env=False)
        self.url = url

    def rows(self, agent: str | None) -> Iterator[dict[str, Any]]:
        after: str | None = ""
        while after is not None:
            query = {"limit": str(PAGE), "agent": agent or "", "after": after}
            page = self._call("GET", "/admin/sessions", params=query)
            yield from page["sessions"]
            after = page["next"]

    def show(self, address: Address) -> dict[str, Any]:
        found: dict[str, Any] = self._call("GET", _path(address))
        return found

    def messages(self, address: Address) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._call("GET", f"{_path(address)}/messages")
        return found

    def delete(self, addresses: list[Address]) -> Iterator[tuple[Address, bool]]:
        for address in addresses:
            try:
                self._call("DELETE", _path(address))
            except NotFound:
                yield address, False
            else:
                yield address, True

    def tail(self, address: Address) -> Iterator[dict[str, Any]]:
        """Live frames of a session, until the server ends it.

        Raises:
            NoServer: the connection broke.
        """
        patient = httpx.Timeout(30.0, read=60.0)  # the server sends an empty line every 15 s
        try:
            with self._http.stream("GET", f"{_path(address)}/tail", timeout=patient) as answer:
                if answer.is_error:
                    answer.read()
                    raise _error(answer)
                for line in answer.iter_lines():
                    if line.strip():
                        yield msgspec.json.decode(line)
        except httpx.HTTPError as error:
            raise _unreachable(self.url, error) from error

    def _call(self, method: str, path: str, *, params: dict[str, str] | None = None) -> Any:
        try:
            answer = self._http.request(method, path, params=params)
        except httpx.HTTPError as error:
            raise _unreachable(self.url, error) from error
        if answer.is_error:
            raise _error(answer)
        return msgspec.json.decode(answer.content)

    def __enter__(self) -> ServerSessions:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()


class StoredSessions:
    """Straight from the data directory, for when no server runs on it. Use it as a context manager."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._store: ReadOnlyStore = open_readonly(directory)

    def rows(self, agent: str | None) -> Iterator[dict[str, Any]]:
        after: Address | None = None
        while page := self._store.sessions(agent=agent, after=after, limit=PAGE):
            yield from map(report.row, page)
            after = page[-1].address

    def show(self, address: Address) -> dict[str, Any]:
        page = self._store.sessions(agent=address.agent, after=report.just_before(address), limit=1)
        if not page or page[0].address != address:
            raise _unknown(address)
        return {**report.row(page[0]), "turns": report.turns(self._store.turns(address))}

    def messages(self, address: Address) -> list[dict[str, Any]]:
        rows = self._store.messages(address)
        if rows is None:
            raise _unknown(address)
        return [msgspec.json.decode(row.body) for row in rows]

    def delete(self, addresses: list[Address]) -> Iterator[tuple[Address, bool]]:
        """Takes the lock of the directory: ``DataDirectoryInUse`` when a server started meanwhile."""

        async def remove() -> list[tuple[Address, bool]]:
            store = await open_store(self._directory)
            try:
                return [(address, await store.delete(address)) for address in addresses]
            finally:
                await store.close()

        yield from asyncio.run(remove())

    def __enter__(self) -> StoredSessions:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._store.close()


def open_sessions(settings: Settings, url: str | None) -> ServerSessions | StoredSessions:
    """Through the server at ``url``, else the one that runs on the data directory, else the directory itself."""
    server = running.find(settings.data) if url is None else None
    if url is not None or server is not None:
        return open_server(settings, url)
    return StoredSessions(settings.data)


def open_server(settings: Settings, url: str | None) -> ServerSessions:
    """Through a running server only.

    Raises:
        NoServer: none runs.
        Unauthorized: there is no token to show it.
    """
    if url is None:
        found = running.find_url(settings)
        if found is None:
            raise NoServer(
                f"No server runs on the data directory {settings.data}.",
                remedy="Start one with: cutty-agent serve. Or name one with --url or its directory with --data.",
            )
        url = found
    url = url.rstrip("/")
    token = settings.admin_token or (_kept(settings.data) if _is_local(url) else None)
    if token is None:
        raise Unauthorized(
            f"There is no operator's token for {url}.",
            remedy=f"Set CUTTY_ADMIN_TOKEN to the server's token, or give with --data the directory where its "
            f"{TOKEN_FILE} lies (used for servers on this machine only).",
        )
    return ServerSessions(url, token)


def _kept(directory: Path) -> str | None:
    try:
        return read_token(directory)
    except OSError as error:
        raise StoreUnavailable(
            f"The operator's token {directory / TOKEN_FILE} cannot be read: {error.strerror}.",
            remedy="Run this as the user who runs the server, or set CUTTY_ADMIN_TOKEN.",
        ) from error


def _is_local(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _path(address: Address) -> str:
    return f"/admin/sessions/{quote(address.agent, safe='')}/{quote(address.session, safe='')}"


def _unreachable(url: str, error: Exception) -> NoServer:
    said = str(error).strip() or type(error).__name__
    return NoServer(
        f"The server at {url} does not answer: {said}.",
        remedy="Start it with: cutty-agent serve. Or name another with --url.",
    )


def _error(answer: httpx.Response) -> CuttyError:
    try:
        told = answer.json()["error"]
        kind = {401: Unauthorized, 404: NotFound}.get(answer.status_code, Refused)
        return kind(told["message"], remedy=told["remedy"])
    except (ValueError, KeyError, TypeError):
        return Refused(
            f"{answer.request.url} answered with status {answer.status_code}.",
            remedy="Check that --url is the address of a cutty-agent server.",
        )


def _unknown(address: Address) -> NotFound:
    return NotFound(f"There is no session {address}.", remedy="List them with: cutty-agent sessions ls.")
