"""The shapes of bodies and answers in the description of the operator's API."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from ..ports.store import AuditEntry
from ..session.sweeper import Swept
from ..wire.card import Grant
from .bridge import BridgeDay
from .receipts import Purged, Receipt

Json = dict[str, Any]

_, _STRUCTS = msgspec.json.schema_components(
    [Receipt, Purged, Swept, Grant, AuditEntry, BridgeDay], ref_template="#/components/schemas/{name}"
)

TEXT: Final = {"type": "string"}
WHOLE: Final = {"type": "integer"}
_TEXT_OR_NULL: Final = {"type": ["string", "null"]}
_WHOLE_OR_NULL: Final = {"type": ["integer", "null"]}
_NUMBER_OR_NULL: Final = {"type": ["number", "null"]}
_POSITIVE: Final = {"type": "number", "exclusiveMinimum": 0, "maximum": 9e12}

_ROW: Final[Json] = {
    "agent": TEXT,
    "id": TEXT,
    "created_ms": WHOLE,
    "active_ms": WHOLE,
    "messages": WHOLE,
    "open_turns": WHOLE,
    "owner": TEXT,
    "expires_ms": _WHOLE_OR_NULL,
    "parked": {"type": ["string", "null"], "description": "Why it may not run."},
    "turns": WHOLE,
    "errors": WHOLE,
    "input_tokens": WHOLE,
    "output_tokens": WHOLE,
    "cost_nano": {"type": "integer", "description": "Dollars in billionths."},
    "awake": {"type": "boolean"},
    "sockets": WHOLE,
    "running": {"type": ["string", "null"], "description": "The turn that runs."},
}


def _object(properties: Json, *, required: bool = True, **more: Any) -> Json:
    shape = {"type": "object", "properties": properties, **more}
    return {**shape, "required": list(properties)} if required else shape


def ref(name: str) -> Json:
    """A schema of the whole description."""
    return {"$ref": f"#/components/schemas/{name}"}


def _list(name: str, of: Json, next: Json) -> Json:
    return _object({name: {"type": "array", "items": of}, "next": next})


_TURN: Final[Json] = _object({"id": TEXT, "open": {"type": "boolean"}})
_TURNS: Final[Json] = {"type": "array", "items": _TURN}

_LATENCIES: Final[Json] = {
    "type": ["object", "null"],
    "description": "Estimates in milliseconds, from a histogram whose buckets grow by 1.83.",
    "properties": {name: {"type": "number"} for name in ("p50", "p95", "p99")},
}
_FIGURES: Final[Json] = {
    **dict.fromkeys(
        (
            "turns",
            "errors",
            "aborted",
            "messages",
            "sessions_created",
            "sessions_active",
            "sessions_returning",
            "sessions_expired",
            "input_tokens",
            "output_tokens",
            "cost_nano",
            "calls",
            "tools",
        ),
        WHOLE,
    ),
    "first_ms": _LATENCIES,
    "duration_ms": _LATENCIES,
    "peak_running": {"type": "integer", "description": "Turns that ran or waited, of the whole server."},
    "peak_sockets": {"type": "integer", "description": "Of the whole server."},
}

SCHEMAS: Final[Json] = {
    **_STRUCTS,
    "SessionRow": _object(_ROW),
    "SessionPage": _list("sessions", ref("SessionRow"), _TEXT_OR_NULL),
    "SessionShown": _object(
        {
            **_ROW,
            "shares": {"type": "object", "additionalProperties": ref("Grant")},
            "queued": {"type": "array", "items": TEXT},
            "turn_count": WHOLE,
            "lifetime": _object(
                {
                    "created_ms": WHOLE,
                    "active_ms": WHOLE,
                    "expires_ms": _WHOLE_OR_NULL,
                    "idle_s": _NUMBER_OR_NULL,
                    "max_age_s": _NUMBER_OR_NULL,
                }
            ),
            "connections": {
                "type": "array",
                "items": _object(
                    {
                        "id": TEXT,
                        "principal": TEXT,
                        "peer": TEXT,
                        "right": {"enum": ["read", "write", "own", None]},
                        "dialect": TEXT,
                        "since_ms": WHOLE,
                        "buffered": WHOLE,
                    }
                ),
            },
            "turns": _TURNS,
        }
    ),
    "TurnPage": _list("turns", _TURN, _TEXT_OR_NULL),
    "Me": _object(
        {
            "actor": {**TEXT, "description": "operator, or a principal."},
            "scopes": {"type": "array", "items": {"enum": ["view", "act"]}},
            "version": TEXT,
        }
    ),
    "Now": _object(
        {
            **dict.fromkeys(
                ("sockets", "awake", "running", "queued", "sessions", "parked", "started_ms"), WHOLE
            ),
            "uptime_s": {"type": "number"},
        }
    ),
    "Overview": _object(
        {
            "from": WHOLE,
            "to": WHOLE,
            "step": {"enum": ["hour", "day"]},
            "points": {"type": "array", "items": _object({"at": WHOLE, **_FIGURES})},
            "totals": _object(_FIGURES),
            "now": ref("Now"),
        }
    ),
    "UsagePage": _list(
        "rows",
        _object(
            {
                "key": {**TEXT, "description": "A day is 2026-11-22, an hour 2026-11-22T18 (UTC)."},
                **dict.fromkeys(
                    (
                        "turns",
                        "errors",
                        "aborted",
                        "input_tokens",
                        "output_tokens",
                        "cost_nano",
                        "calls",
                        "tools",
                    ),
                    WHOLE,
                ),
                "mean_first_ms": _NUMBER_OR_NULL,
                "mean_duration_ms": _NUMBER_OR_NULL,
            }
        ),
        _TEXT_OR_NULL,
    ),
    "LimitsShown": _object(
        {
            "limits": {
                "type": "array",
                "items": _object(
                    {
                        "name": TEXT,
                        "value": _NUMBER_OR_NULL,
                        "description": TEXT,
                        "unit": _TEXT_OR_NULL,
                    }
                ),
            },
            "parked": {"type": "array", "items": ref("SessionRow")},
            "refusals": {"type": "object", "additionalProperties": WHOLE},
            "now": ref("Now"),
        }
    ),
    "ConfigShown": _object(
        {
            "settings": {
                "type": "array",
                "items": _object(
                    {
                        "name": TEXT,
                        "value": {"description": "•••• for a secret that is set."},
                        "default": {},
                        "secret": {"type": "boolean"},
                        "source": {"enum": ["default", "set"]},
                        "description": TEXT,
                    }
                ),
            }
        }
    ),
    "StateStored": _object({"stored": {"const": True}}),
    "BridgeDays": _object({"days": {"type": "array", "items": ref("BridgeDay")}}),
    "AuditPage": _list(
        "entries", {"allOf": [ref("AuditEntry"), _object({"seq": WHOLE})]}, {"type": ["integer", "null"]}
    ),
    "Erased": {"allOf": [ref("Receipt"), _object({"deleted": {"const": True}})]},
    "PurgeRequest": _object(
        {"older_than": _POSITIVE, "agent": _TEXT_OR_NULL, "dry_run": {"type": "boolean"}},
        required=False,
        additionalProperties=False,
    )
    | {"required": ["older_than"]},
    "RevokeRequest": _object(
        {
            "key": {**TEXT, "minLength": 1, "maxLength": 200, "description": "user:… or a token's jti."},
            "seconds": {**_POSITIVE, "type": ["number", "null"]},
        },
        required=False,
        additionalProperties=False,
    )
    | {"required": ["key"]},
    "Revoked": _object({"revoked": TEXT, "closed": WHOLE}),
    "ParkRequest": _object({"reason": TEXT}, required=False, additionalProperties=False),
    "Parked": _object({"parked": _TEXT_OR_NULL}),
    "ExpiredNow": _object({"expired": {"const": True}}),
}
