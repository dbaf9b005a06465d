"""``/metrics``: the figures of this server for Prometheus."""

from __future__ import annotations

import ipaddress
from typing import Final, Literal

import structlog
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ..errors import CuttyError, NotFound, Unauthorized
from ..session.audit import Audit
from ..session.metrics import NoMetrics
from .token import check_bearer

log = structlog.get_logger("cutty_agent.admin")

_FORWARDED: Final = ("forwarded", "x-forwarded-for", "x-real-ip", "via")
"""Headers by which a proxy shows: then the peer is not the caller."""


class MetricsEndpoint:
    """Shows figures to whoever may see them.

    ``mode`` is the setting ``metrics``. With ``token``, the operator's token is asked for, except (``open_here``) of a
    program on this machine that came through no proxy.
    """

    def __init__(
        self,
        metrics: NoMetrics,
        audit: Audit,
        mode: Literal["token", "open", "off"],
        *,
        token: str | None,
        open_here: bool,
    ) -> None:
        self._metrics = metrics
        self._audit = audit
        self._mode = mode
        self._token = token
        self._open_here = open_here

    def response(self, request: Request) -> Response:
        """Answer one ``GET``."""
        try:
            self._check(request)
        except CuttyError as error:
            headers = {"cache-control": "no-store"}
            if isinstance(error, Unauthorized):
                headers["www-authenticate"] = "Bearer"
            return JSONResponse(error.as_dict(), status_code=error.status, headers=headers)
        from prometheus_client import CONTENT_TYPE_LATEST  # a library of its own, for whoever is scraped

        return Response(
            self._metrics.text(),
            headers={"content-type": CONTENT_TYPE_LATEST, "cache-control": "no-store"},
        )

    def _check(self, request: Request) -> None:
        if self._mode == "open":
            return
        if self._mode == "off":
            raise NotFound("Metrics are off.", remedy="Set CUTTY_METRICS to token or open.")
        if self._open_here and _came_from_here(request):
            return
        if self._token is None:
            raise NotFound(
                "Metrics are shown to nobody: this server has no operator's token.",
                remedy="Set CUTTY_ADMIN_TOKEN, or CUTTY_METRICS=open on a network of your own.",
            )
        try:
            check_bearer(request.headers.get("authorization"), self._token)
        except Unauthorized:
            client = request.client.host if request.client else ""
            log.warning("metrics.refused", client=client)
            self._audit.refused("", None, peer=client, detail="The metrics, without the operator's token.")
            raise


def _came_from_here(request: Request) -> bool:
    if request.client is None or any(name in request.headers for name in _FORWARDED):
        return False
    if request.headers.get("origin") or request.headers.get("sec-fetch-site", "none") != "none":
        return False  # a browser's page, and pages come from anywhere
    try:
        return ipaddress.ip_address(request.client.host).is_loopback
    except ValueError:
        return False
