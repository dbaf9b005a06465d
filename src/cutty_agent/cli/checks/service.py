"""Checks of what is served: the port, the model, the pages."""

from __future__ import annotations

import socket

import httpx

from ...agent.models import resolve
from ...config import Settings
from ...errors import CuttyError
from ...transport.pages import WEB_ROOT
from .. import running
from .finding import Finding


def port(settings: Settings) -> Finding:
    """Whether the port is free, or has a healthy server."""
    noted = running.find(settings.data)
    url = noted.url if noted is not None else running.local_url(settings.host, settings.port)
    if noted is not None or running.is_healthy(url):
        try:
            answer = httpx.get(f"{url}/info.json", timeout=running.HEALTH_S, trust_env=False)
            return Finding("server", "ok", f"{url} answers, version {answer.json()['version']}")
        except (httpx.HTTPError, ValueError, KeyError, TypeError):
            return Finding("server", "warning", f"{url} is healthy and does not tell its version", None)
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            return Finding(
                "port",
                "failed",
                f"{settings.host}:{settings.port} cannot be used: {error.strerror}",
                "Stop what uses that port, or choose another with --port.",
            )
    return Finding("port", "ok", f"{settings.host}:{settings.port} is free")


def model(settings: Settings) -> Finding:
    """Whether the model settings name something that can answer. No request is made."""
    try:
        choice = resolve(settings.model, settings.base_url, settings.api_key)
    except CuttyError as error:
        return Finding("model", "failed", error.sentence, error.remedy)
    if choice.demo:
        return Finding("model", "ok", "demo, which needs no key (set CUTTY_MODEL for a real one)")
    return Finding("model", "ok", choice.name)


def pages(_: Settings) -> Finding:
    """Whether the web pages were built."""
    if (WEB_ROOT / "index.html").is_file():
        return Finding("pages", "ok", "the chat page is built")
    return Finding(
        "pages",
        "warning",
        "the chat page is not built",
        "Run make web-build, or install the published package.",
    )
