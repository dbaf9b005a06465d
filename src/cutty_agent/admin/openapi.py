"""The operator's API as a part of the OpenAPI description."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from ..ports.store import AuditEntry
from ..session.sweeper import Swept
from ..wire.card import Grant
from .bridge import BridgeDay
from .operations import Purged, Receipt

Json = dict[str, Any]

_, _STRUCTS = msgspec.json.schema_components(
    [Receipt, Purged, Swept, Grant, AuditEntry, BridgeDay], ref_template="#/components/schemas/{name}"
)

_TEXT: Final = {"type": "string"}
_WHOLE: Final = {"type": "integer"}
_OR_NULL: Final = {"type": ["integer", "null"]}
_POSITIVE: Final = {"type": "number", "exclusiveMinimum": 0, "maximum": 9e12}

_ROW: Final[Json] = {
    "agent": _TEXT,
    "id": _TEXT,
    "created_ms": _WHOLE,
    "active_ms": _WHOLE,
    "messages": _WHOLE,
    "open_turns": _WHOLE,
    "owner": _TEXT,
    "expires_ms": _OR_NULL,
    "parked": {"type": ["string", "null"], "description": "Why it may not run."},
    "turns": _WHOLE,
    "errors": _WHOLE,
    "input_tokens": _WHOLE,
    "output_tokens": _WHOLE,
    "cost_nano": {"type": "integer", "description": "Dollars in billionths."},
    "awake": {"type": "boolean"},
    "sockets": _WHOLE,
    "running": {"type": ["string", "null"], "description": "The turn that runs."},
}


_NUMBER_OR_NULL: Final = {"type": ["number", "null"]}


def _object(properties: Json, *, required: bool = True, **more: Any) -> Json:
    shape = {"type": "object", "properties": properties, **more}
    return {**shape, "required": list(properties)} if required else shape


def _ref(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}


def _list(name: str, of: Json, next: Json) -> Json:
    return _object({name: {"type": "array", "items": of}, "next": next})


_TURN: Final[Json] = _object({"id": _TEXT, "open": {"type": "boolean"}})
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
        _WHOLE,
    ),
    "first_ms": _LATENCIES,
    "duration_ms": _LATENCIES,
    "peak_running": {"type": "integer", "description": "Turns that ran or waited, of the whole server."},
    "peak_sockets": {"type": "integer", "description": "Of the whole server."},
}

SCHEMAS: Final[Json] = {
    **_STRUCTS,
    "SessionRow": _object(_ROW),
    "SessionPage": _list("sessions", _ref("SessionRow"), {"type": ["string", "null"]}),
    "SessionShown": _object(
        {
            **_ROW,
            "shares": {"type": "object", "additionalProperties": _ref("Grant")},
            "queued": {"type": "array", "items": _TEXT},
            "turn_count": _WHOLE,
            "lifetime": _object(
                {
                    "created_ms": _WHOLE,
                    "active_ms": _WHOLE,
                    "expires_ms": _OR_NULL,
                    "idle_s": _NUMBER_OR_NULL,
                    "max_age_s": _NUMBER_OR_NULL,
                }
            ),
            "connections": {
                "type": "array",
                "items": _object(
                    {
                        "id": _TEXT,
                        "principal": _TEXT,
                        "peer": _TEXT,
                        "right": {"enum": ["read", "write", "own", None]},
                        "dialect": _TEXT,
                        "since_ms": _WHOLE,
                        "buffered": _WHOLE,
                    }
                ),
            },
            "turns": _TURNS,
        }
    ),
    "TurnPage": _list("turns", _TURN, {"type": ["string", "null"]}),
    "Me": _object(
        {
            "actor": {**_TEXT, "description": "operator, or a principal."},
            "scopes": {"type": "array", "items": {"enum": ["view", "act"]}},
            "version": _TEXT,
        }
    ),
    "Now": _object(
        {
            **dict.fromkeys(
                ("sockets", "awake", "running", "queued", "sessions", "parked", "started_ms"), _WHOLE
            ),
            "uptime_s": {"type": "number"},
        }
    ),
    "Overview": _object(
        {
            "from": _WHOLE,
            "to": _WHOLE,
            "step": {"enum": ["hour", "day"]},
            "points": {"type": "array", "items": _object({"at": _WHOLE, **_FIGURES})},
            "totals": _object(_FIGURES),
            "now": _ref("Now"),
        }
    ),
    "UsagePage": _list(
        "rows",
        _object(
            {
                "key": {**_TEXT, "description": "A day is 2026-11-22, an hour 2026-11-22T18 (UTC)."},
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
                    _WHOLE,
                ),
                "mean_first_ms": _NUMBER_OR_NULL,
                "mean_duration_ms": _NUMBER_OR_NULL,
            }
        ),
        {"type": ["string", "null"]},
    ),
    "LimitsShown": _object(
        {
            "limits": {
                "type": "array",
                "items": _object(
                    {
                        "name": _TEXT,
                        "value": _NUMBER_OR_NULL,
                        "description": _TEXT,
                        "unit": {"type": ["string", "null"]},
                    }
                ),
            },
            "parked": {"type": "array", "items": _ref("SessionRow")},
            "refusals": {"type": "object", "additionalProperties": _WHOLE},
            "now": _ref("Now"),
        }
    ),
    "ConfigShown": _object(
        {
            "settings": {
                "type": "array",
                "items": _object(
                    {
                        "name": _TEXT,
                        "value": {"description": "•••• for a secret that is set."},
                        "default": {},
                        "secret": {"type": "boolean"},
                        "source": {"enum": ["default", "set"]},
                        "description": _TEXT,
                    }
                ),
            }
        }
    ),
    "StateStored": _object({"stored": {"const": True}}),
    "BridgeDays": _object({"days": {"type": "array", "items": _ref("BridgeDay")}}),
    "AuditPage": _list(
        "entries", {"allOf": [_ref("AuditEntry"), _object({"seq": _WHOLE})]}, {"type": ["integer", "null"]}
    ),
    "Erased": {"allOf": [_ref("Receipt"), _object({"deleted": {"const": True}})]},
    "PurgeRequest": _object(
        {"older_than": _POSITIVE, "agent": {"type": ["string", "null"]}, "dry_run": {"type": "boolean"}},
        required=False,
        additionalProperties=False,
    )
    | {"required": ["older_than"]},
    "RevokeRequest": _object(
        {
            "key": {**_TEXT, "minLength": 1, "maxLength": 200, "description": "user:… or a token's jti."},
            "seconds": {**_POSITIVE, "type": ["number", "null"]},
        },
        required=False,
        additionalProperties=False,
    )
    | {"required": ["key"]},
    "Revoked": _object({"revoked": _TEXT, "closed": _WHOLE}),
    "ParkRequest": _object({"reason": _TEXT}, required=False, additionalProperties=False),
    "Parked": _object({"parked": {"type": ["string", "null"]}}),
    "ExpiredNow": _object({"expired": {"const": True}}),
}

_ERRORS: Final = ("400", "401", "403", "404", "409", "410", "500", "503")


def _answer(schema: Json) -> Json:
    return {"200": {"description": "Done.", "content": {"application/json": {"schema": schema}}}}


def _lines(description: str) -> Json:
    content = {"application/x-ndjson": {"schema": _TEXT}}
    return {"200": {"description": description, "content": content}}


_ZIP: Final[Json] = {
    "200": {
        "description": "JSON lines, transcripts as Markdown, and files.",
        "content": {"application/zip": {"schema": {"type": "string", "contentMediaType": "application/zip"}}},
    }
}


def _operation(id: str, summary: str, good: Json, *errors: str, body: str = "", **more: Any) -> Json:
    failures = {status: {"$ref": f"#/components/responses/Error{status}"} for status in (*_ERRORS, *errors)}
    operation = {
        "operationId": f"admin{id}",
        "summary": summary,
        "security": [{"operator": []}],
        "responses": {**good, **failures},
        **more,
    }
    if body:
        content = {"application/json": {"schema": _ref(body)}}
        operation["requestBody"] = {"required": body != "ParkRequest", "content": content}
    return operation


def _query(name: str, schema: Json, description: str) -> Json:
    return {"name": name, "in": "query", "description": description, "schema": schema}


def _segment(name: str) -> Json:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}


_LIMIT: Final = _query("limit", {"type": "integer", "minimum": 1, "maximum": 1000}, "Rows of a page.")
_RANGE: Final = [
    _query("from", _WHOLE, "Milliseconds since 1970 UTC; hours and days are taken whole."),
    _query("to", _WHOLE, "Exclusive."),
]
_ONE: Final = "/admin/sessions/{agent}/{session}"
_ADDRESS: Final = [_segment("agent"), _segment("session")]
_STATE: Final[Json] = {**_answer({}), "204": {"description": "There is none."}}
_MESSAGES: Final[Json] = {"type": "array", "items": _ref("Message")}

PATHS: Final[Json] = {
    "/admin/sessions": {
        "get": _operation(
            "Sessions",
            "Sessions in the order wanted.",
            _answer(_ref("SessionPage")),
            parameters=[
                _query("agent", _TEXT, "Of this agent only."),
                _query("owner", _TEXT, "Of this principal only."),
                _query("q", _TEXT, "Beginning of the id, or of the owner's own id."),
                _query(
                    "status",
                    {"enum": ["awake", "answering", "parked", "asleep", "connected"]},
                    "How it is now.",
                ),
                _query("sort", {"enum": ["address", "active", "created", "cost"]}, "Default: address."),
                _query("order", {"enum": ["asc", "desc"]}, "Default: asc."),
                _query("parked", {"enum": ["1", "true", "yes"]}, "Parked ones only."),
                _query("min_cost_nano", _WHOLE, "Having cost at least so much."),
                _query("active_from", _WHOLE, "Active then or later, milliseconds."),
                _query("active_to", _WHOLE, "Active before, milliseconds."),
                _query("idle", {"type": "number"}, "Without activity for so many seconds."),
                _query("after", _TEXT, "The `next` of the page before, everything else the same."),
                _LIMIT,
            ],
        )
    },
    "/admin/me": {"get": _operation("Me", "Who you are here.", _answer(_ref("Me")))},
    "/admin/overview": {
        "get": _operation(
            "Overview",
            "Figures over time, their sums, and how it is now.",
            _answer(_ref("Overview")),
            parameters=[
                *_RANGE,
                _query("step", {"enum": ["hour", "day"]}, "Of UTC; default: hour."),
                _query("agent", _TEXT, "Of this agent only; the peaks are of all."),
            ],
        )
    },
    "/admin/usage": {
        "get": _operation(
            "Usage",
            "What turns consumed; agents, owners and models with the largest cost first.",
            _answer(_ref("UsagePage")),
            parameters=[
                {
                    **_query("by", {"enum": ["day", "hour", "agent", "owner", "model"]}, "What is a row."),
                    "required": True,
                },
                *_RANGE,
                _query("agent", _TEXT, "Of this agent only."),
                _query("owner", _TEXT, "Of this principal only; not by hour."),
                _query("after", _TEXT, "The `next` of the page before."),
                _LIMIT,
            ],
        )
    },
    "/admin/limits": {
        "get": _operation("Limits", "The limits and what they refused.", _answer(_ref("LimitsShown")))
    },
    "/admin/config": {
        "get": _operation("Config", "The settings in force, without secrets.", _answer(_ref("ConfigShown")))
    },
    "/admin/audit": {
        "get": _operation(
            "Audit",
            "The audit log, newest first.",
            _answer(_ref("AuditPage")),
            parameters=[
                _query("action", _TEXT, "Such as session.erased or access.refused."),
                _query("actor", _TEXT, "A principal, or operator."),
                _query("session", _TEXT, "agent/id."),
                *_RANGE,
                _query("before", _WHOLE, "The `next` of the page before."),
                _LIMIT,
            ],
        )
    },
    "/admin/bridge": {
        "get": _operation(
            "BridgeUses",
            "Who still uses the old shared addresses, by the day, the newest first.",
            _answer(_ref("BridgeDays")),
        )
    },
    "/admin/sweep": {
        "get": _operation("Swept", "What has been removed because it expired.", _answer(_ref("Swept"))),
        "post": _operation("Sweep", "Remove what has expired now.", _answer(_ref("Swept"))),
    },
    "/admin/purge": {
        "post": _operation(
            "Purge",
            "Remove sessions without activity for that long.",
            _lines("Progress, a `Purged` a line."),
            "413",
            body="PurgeRequest",
        )
    },
    "/admin/revocations": {
        "post": _operation(
            "Revoke",
            "Refuse a principal or a token from now on; its sockets are closed.",
            _answer(_ref("Revoked")),
            "413",
            body="RevokeRequest",
        )
    },
    "/admin/principals/{id}": {
        "parameters": [_segment("id")],
        "delete": _operation("ErasePrincipal", "Erase every session it owns.", _answer(_ref("Receipt"))),
    },
    "/admin/principals/{id}/export": {
        "parameters": [_segment("id")],
        "get": _operation("ExportPrincipal", "All sessions it owns.", _ZIP),
    },
    _ONE: {
        "parameters": _ADDRESS,
        "get": _operation("Session", "The row, who is there, and what runs.", _answer(_ref("SessionShown"))),
        "delete": _operation("Erase", "Erase it and close its sockets.", _answer(_ref("Erased"))),
    },
    f"{_ONE}/turns": {
        "parameters": _ADDRESS,
        "get": _operation(
            "Turns",
            "Turn records, oldest first.",
            _answer(_ref("TurnPage")),
            parameters=[_query("before", _TEXT, "The `next` of a page: those before it."), _LIMIT],
        ),
    },
    f"{_ONE}/messages": {
        "parameters": _ADDRESS,
        "get": _operation("Messages", "The stored transcript.", _answer(_MESSAGES)),
    },
    f"{_ONE}/state": {
        "parameters": _ADDRESS,
        "get": _operation("State", "The stored state.", _STATE),
        "put": _operation(
            "SetState",
            "Replace the state and show it to all who are connected.",
            _answer(_ref("StateStored")),
            "413",
            requestBody={"required": True, "content": {"application/json": {"schema": {}}}},
        ),
    },
    f"{_ONE}/tail": {
        "parameters": _ADDRESS,
        "get": _operation("Tail", "Live frames until the caller leaves.", _lines("A frame a line.")),
    },
    f"{_ONE}/export": {
        "parameters": _ADDRESS,
        "get": _operation("Export", "All that is stored of it.", _ZIP),
    },
    f"{_ONE}/stop": {
        "parameters": _ADDRESS,
        "post": _operation("Stop", "Stop all its turns.", _answer(_ref("Stopped"))),
    },
    f"{_ONE}/park": {
        "parameters": _ADDRESS,
        "post": _operation(
            "Park", "Let no turn of it run.", _answer(_ref("Parked")), "413", body="ParkRequest"
        ),
    },
    f"{_ONE}/unpark": {
        "parameters": _ADDRESS,
        "post": _operation("Unpark", "Let it run again.", _answer(_ref("Parked"))),
    },
    f"{_ONE}/expire": {
        "parameters": _ADDRESS,
        "post": _operation("Expire", "End it now, its agent winding it up.", _answer(_ref("ExpiredNow"))),
    },
}

_METRICS: Final[Json] = {
    "operationId": "metrics",
    "summary": "The figures of this server for Prometheus.",
    "security": [{}, {"operator": []}],
    "responses": {
        "200": {"description": "Prometheus text.", "content": {"text/plain": {"schema": _TEXT}}},
        **{
            status: {"$ref": f"#/components/responses/Error{status}"}
            for status in ("400", "401", "404", "503")
        },
    },
}
"""Without the token only where the settings say so."""

PART: Final[Mapping[str, Json]] = {
    "paths": {**PATHS, "/metrics": {"get": _METRICS}},
    "schemas": SCHEMAS,
    "security": {
        "operator": {
            "type": "http",
            "scheme": "bearer",
            "description": "The operator's token (admin.token in the data directory, or CUTTY_ADMIN_TOKEN), or a token of "
            "the application whose scopes hold cutty:view, or cutty:act for what changes something and for exports.",
        }
    },
}
"""For the whole description, which has the shapes of errors, messages and ``Stopped``."""
