"""Whatever is sent to the HTTP API: never a 500, and every answer is one that its description has."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from typing import Any

import pytest
import requests
import schemathesis
from anyio.from_thread import BlockingPortal, start_blocking_portal
from hypothesis import HealthCheck, settings
from schemathesis.core.transport import Response
from schemathesis.specs.openapi import checks as openapi_checks
from structlog.testing import capture_logs

from access.asgi import ask
from access.callers import bearer, shown_by, token
from access.house import House, house, said
from cutty_agent.admin.openapi import PART
from cutty_agent.transport.openapi import document

EXAMPLES = 10

description = schemathesis.openapi.from_dict(document("1.0", PART))

CHECKS = [
    schemathesis.checks.not_a_server_error,
    openapi_checks.status_code_conformance,
    openapi_checks.content_type_conformance,
    openapi_checks.response_schema_conformance,
    openapi_checks.response_headers_conformance,
]


@description.hook
def map_path_parameters(context: Any, path_parameters: dict[str, Any] | None) -> dict[str, Any] | None:
    """Half of the requests are about things there are: made-up names alone would never get past the door."""
    for name, real in (("agent", "chat"), ("session", "s1"), ("id", "user:ada"), ("grantee", "user:rita")):
        if path_parameters and len(str(path_parameters.get(name, ""))) % 2:
            path_parameters[name] = real
    return path_parameters


class Lived:
    """A server in a thread of its own."""

    def __init__(self, portal: BlockingPortal, at: House) -> None:
        self.portal = portal
        self.at = at

    def send(self, request: requests.PreparedRequest) -> Response:
        assert request.url is not None
        assert request.method is not None
        body = request.body or b""
        content = body.encode() if isinstance(body, str) else body
        headers = {
            name.lower(): value if isinstance(value, str) else value.decode("latin-1")
            for name, value in request.headers.items()
        }
        path = request.url.removeprefix("http://server")
        answer = self.portal.call(self._ask, request.method, path, headers, content)
        kept: dict[str, list[str]] = {}
        for name, value in answer.headers:
            kept.setdefault(name, []).append(value)
        none = datetime.timedelta().total_seconds()
        return Response(answer.status, kept, answer.body, request, none, verify=False)

    async def _ask(self, method: str, path: str, headers: dict[str, str], content: bytes) -> Any:
        headers = {name: value for name, value in headers.items() if name != "host"}
        return await ask(self.at.app, method, path, headers=headers, body=content, whole=False)

    def make_session(self) -> None:
        """The session that half of the requests are about, with a share."""

        async def make() -> None:
            shares = await self.at.ask("GET", "/agents/chat/s1/shares", bearer(token("ada")))
            if shares.status == 200 and b"user:rita" in shares.body:
                return
            await self.at.ask("POST", "/agents/chat/s1", bearer(token("ada")), body=said("hi"))
            share = {"mode": "read", "principal": "user:rita"}
            await self.at.ask("POST", "/agents/chat/s1/shares", bearer(token("ada")), body=share)

        self.portal.call(make)


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lived]:
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(house(data=tmp_path_factory.mktemp("lived"))) as at,
    ):
        yield Lived(portal, at)


@description.parametrize()
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
def test_every_answer_is_as_described(case: schemathesis.Case, lived: Lived) -> None:
    lived.make_session()
    who = shown_by("admin") if case.path.startswith("/admin") else bearer(token("ada"))
    case.headers = {**(case.headers or {}), "Authorization": who["authorization"]}
    request = requests.Request(**case.as_transport_kwargs(base_url="http://server")).prepare()
    with capture_logs() as logs:
        response = lived.send(request)
    assert [log for log in logs if log["log_level"] in {"error", "critical"}] == []
    case.validate_response(response, checks=CHECKS)
