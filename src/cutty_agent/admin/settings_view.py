"""The operator's API about settings: the limits with what they refused, and everything that is in force."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from starlette.responses import Response

from ..ports.listing import Listing
from . import report
from .analytics_api import now
from .desk import Asked, Desk, json

HIDDEN = "••••"

SHOWN_PARKED = 100

_UNITS = (
    ("_bytes", "bytes"),
    ("_s", "s"),
    ("_per_second", "per second"),
    ("_per_minute", "per minute"),
    ("tokens_per_day", "tokens per day"),
    ("dollars_per_day", "US dollars per day"),
    ("_tokens", "tokens"),
)

_PASSWORD = re.compile(r"(?<=://)[^/@\s]+@")


async def limits(desk: Desk, asked: Asked) -> Response:
    """``GET /admin/limits``: the limits, how often each refused something since the start, the sessions that are
    parked (those active last), and what there is now."""
    found = desk.settings.limits
    described = [
        {
            "name": f"limits.{name}",
            "value": getattr(found, name),
            "description": field.description or "",
            "unit": _unit(name),
        }
        for name, field in type(found).model_fields.items()
    ]
    page = await desk.store.browse(Listing(sort="active", descending=True, parked=True, limit=SHOWN_PARKED))
    parked = [{**report.row(row), **report.presence(desk.registry, row.address)} for row in page.rows]
    return json(
        {
            "limits": described,
            "parked": parked,
            "refusals": dict(desk.registry.limiter.refusals),
            "now": await now(desk),
        }
    )


def _unit(name: str) -> str | None:
    return next((unit for ending, unit in _UNITS if name.endswith(ending)), None)


async def config(desk: Desk, asked: Asked) -> Response:
    """``GET /admin/config``: every setting with its value and default; secrets are hidden."""
    return json({"settings": list(described(desk.settings))})


def described(settings: BaseModel, prefix: str = "") -> Iterator[dict[str, Any]]:
    """Every setting below this one. ``repr=False`` marks a secret: its value is :data:`HIDDEN`, or null when unset."""
    for name, field in type(settings).model_fields.items():
        value = getattr(settings, name)
        if isinstance(value, BaseModel):
            yield from described(value, f"{prefix}{name}.")
            continue
        yield {
            "name": f"{prefix}{name}",
            "value": _shown(value, field),
            "default": _shown(field.get_default(call_default_factory=False), field),
            "secret": not field.repr,
            "source": "set" if name in settings.model_fields_set else "default",
            "description": field.description or "",
        }


def _shown(value: object, field: FieldInfo) -> object:
    if value is None:
        return None
    if not field.repr:
        return HIDDEN
    if isinstance(value, (tuple, list, set, frozenset)):
        return [_plain(each) for each in value]
    return _plain(value)


def _plain(value: object) -> object:
    match value:
        case bool() | int() | float() | None:
            return value
        case Path():
            return str(value)
        case _:
            return _PASSWORD.sub(f"{HIDDEN}@", str(value))
