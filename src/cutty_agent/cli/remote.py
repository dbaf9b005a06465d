"""The operator's commands through the API of a running server."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import msgspec

from ..admin.receipts import Purged, Receipt
from ..errors import CuttyError, NotFound, Unauthorized
from ..ids import Address
from .operator import PAGE, Entries, NoServer, Refused, Subject, Wanted

if TYPE_CHECKING:
    import httpx

ANSWER_S = 30.0
"""How long the server may take for a usual answer, in seconds."""

SCRUB_S = 3600.0
"""How long it may be silent while it removes what was erased from the files of its store, in seconds."""


class ServerOperator:
    """Use it as a context manager."""

    def __init__(self, url: str, token: str) -> None:
        import httpx  # only where there is a server

        headers = {"authorization": f"Bearer {token}"}
        self._http = httpx.Client(base_url=url, headers=headers, timeout=ANSWER_S, trust_env=False)
        self.url = url

    # -- looking

    def rows(self, wanted: Wanted) -> Iterator[dict[str, Any]]:
        given = {
            "agent": wanted.agent or "",
            "owner": wanted.owner or "",
            "parked": "1" if wanted.parked else "",
            "idle": "" if wanted.idle_s is None else str(wanted.idle_s),
        }
        after: str | None = ""
        while after is not None:
            page = self._call("GET", "/admin/sessions", query={**given, "limit": str(PAGE), "after": after})
            yield from page["sessions"]
            after = page["next"]

    def show(self, address: Address) -> dict[str, Any]:
        found: dict[str, Any] = self._call("GET", _path(address))
        return found

    def messages(self, address: Address) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._call("GET", f"{_path(address)}/messages")
        return found

    def audit(self, wanted: Entries, limit: int) -> Iterator[dict[str, Any]]:
        given = {"action": wanted.action or "", "session": str(wanted.address) if wanted.address else ""}
        if wanted.actor is not None:
            given["actor"] = wanted.actor
        before: int | None = None
        while limit > 0:
            size = min(limit, PAGE)
            query = {**given, "limit": str(size), "before": "" if before is None else str(before)}
            page = self._call("GET", "/admin/audit", query=query)
            yield from page["entries"]
            before, limit = page["next"], limit - size
            if before is None:
                return

    def tail(self, address: Address) -> Iterator[dict[str, Any]]:
        """Live frames of a session, until the server ends it.

        Raises:
            NoServer: the connection broke.
        """
        with self._stream("GET", f"{_path(address)}/tail", silent_s=60.0) as answer:
            for line in answer.iter_lines():  # the server sends an empty one every 15 s
                if line.strip():
                    yield msgspec.json.decode(line)

    # -- taking away

    def delete(self, addresses: list[Address]) -> Iterator[tuple[Address, bool]]:
        for address in addresses:
            try:
                self._call("DELETE", _path(address), silent_s=SCRUB_S)
            except NotFound:
                yield address, False
            else:
                yield address, True

    def export(self, subject: Subject, write: Callable[[bytes], object]) -> None:
        with self._stream("GET", f"{_path(subject)}/export", silent_s=120.0) as answer:
            for piece in answer.iter_bytes():
                write(piece)

    def erase(self, subject: Subject) -> Receipt:
        return msgspec.convert(self._call("DELETE", _path(subject), silent_s=SCRUB_S), Receipt)

    def purge(
        self, older_s: float, agent: str | None, *, dry_run: bool, told: Callable[[Purged], object]
    ) -> Purged:
        body = {"older_than": older_s, "agent": agent, "dry_run": dry_run}
        with self._stream("POST", "/admin/purge", body=body, silent_s=SCRUB_S) as answer:
            for line in answer.iter_lines():
                step = msgspec.json.decode(line, type=Purged)
                told(step)
                if step.done:
                    return step
        raise NoServer(
            f"The server at {self.url} ended the purge before it was done.",
            remedy="What was removed stays so; look at the server's log and run the command again.",
        )

    # -- ruling

    def stop(self, address: Address) -> bool:
        """Stop all turns of a session; false when none ran."""
        return bool(self._call("POST", f"{_path(address)}/stop")["stopped"])

    def park(self, address: Address, reason: str | None) -> None:
        if reason is None:
            self._call("POST", f"{_path(address)}/unpark")
        else:
            self._call("POST", f"{_path(address)}/park", body={"reason": reason})

    def expire(self, address: Address) -> bool:
        return bool(self._call("POST", f"{_path(address)}/expire", silent_s=120.0)["expired"])

    def revoke(self, key: str, seconds: float | None) -> int | None:
        return int(self._call("POST", "/admin/revocations", body={"key": key, "seconds": seconds})["closed"])

    # -- the wire

    def get(self, path: str, query: Mapping[str, str] | None = None) -> Any:
        """What the operator's API answers to a ``GET``, decoded."""
        return self._call("GET", path, query=query)

    def _call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: object = None,
        silent_s: float = ANSWER_S,
    ) -> Any:
        with self._stream(method, path, query=query, body=body, silent_s=silent_s) as answer:
            return msgspec.json.decode(answer.read())

    @contextmanager
    def _stream(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: object = None,
        silent_s: float,
    ) -> Iterator[httpx.Response]:
        import httpx

        content = None if body is None else msgspec.json.encode(body)
        patient = httpx.Timeout(ANSWER_S, read=silent_s)
        try:
            with self._http.stream(method, path, params=query, content=content, timeout=patient) as answer:
                if answer.is_error:
                    answer.read()
                    raise _error(answer)
                yield answer
        except httpx.HTTPError as error:
            raise _unreachable(self.url, error) from error

    def __enter__(self) -> ServerOperator:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()


def _path(subject: Subject) -> str:
    if isinstance(subject, str):
        return f"/admin/principals/{quote(subject, safe='')}"
    return f"/admin/sessions/{quote(subject.agent, safe='')}/{quote(subject.session, safe='')}"


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
