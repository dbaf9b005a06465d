"""The operator's API as a part of the OpenAPI description."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from .openapi_schemas import SCHEMAS, TEXT, WHOLE, Json, ref

_ERRORS: Final = ("400", "401", "403", "404", "409", "410", "500", "503")


def _answer(schema: Json) -> Json:
    return {"200": {"description": "Done.", "content": {"application/json": {"schema": schema}}}}


def _lines(description: str) -> Json:
    content = {"application/x-ndjson": {"schema": TEXT}}
    return {"200": {"description": description, "content": content}}


_ZIP: Final[Json] = {
    "200": {
        "description": "JSON lines, transcripts as Markdown, and files.",
        "content": {"application/zip": {"schema": {"type": "string", "contentMediaType": "application/zip"}}},
    }
}


def _failures(*statuses: str) -> Json:
    return {status: {"$ref": f"#/components/responses/Error{status}"} for status in statuses}


def _operation(id: str, summary: str, good: Json, *errors: str, body: str = "", **more: Any) -> Json:
    operation = {
        "operationId": f"admin{id}",
        "summary": summary,
        "security": [{"operator": []}],
        "responses": {**good, **_failures(*_ERRORS, *errors)},
        **more,
    }
    if body:
        content = {"application/json": {"schema": ref(body)}}
        operation["requestBody"] = {"required": body != "ParkRequest", "content": content}
    return operation


def _query(name: str, schema: Json, description: str) -> Json:
    return {"name": name, "in": "query", "description": description, "schema": schema}


def _segment(name: str) -> Json:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}


def _of_session(**operations: Json) -> Json:
    """What is answered at one session's address, or below it, by method."""
    return {"parameters": [_segment("agent"), _segment("session")], **operations}


_LIMIT: Final = _query("limit", {"type": "integer", "minimum": 1, "maximum": 1000}, "Rows of a page.")
_RANGE: Final = [
    _query("from", WHOLE, "Milliseconds since 1970 UTC; hours and days are taken whole."),
    _query("to", WHOLE, "Exclusive."),
]
_ONE: Final = "/admin/sessions/{agent}/{session}"
_STATE: Final[Json] = {**_answer({}), "204": {"description": "There is none."}}
_MESSAGES: Final[Json] = {"type": "array", "items": ref("Message")}

PATHS: Final[Json] = {
    "/admin/sessions": {
        "get": _operation(
            "Sessions",
            "Sessions in the order wanted.",
            _answer(ref("SessionPage")),
            parameters=[
                _query("agent", TEXT, "Of this agent only."),
                _query("owner", TEXT, "Of this principal only."),
                _query("q", TEXT, "Beginning of the id, or of the owner's own id."),
                _query(
                    "status",
                    {"enum": ["awake", "answering", "parked", "asleep", "connected"]},
                    "How it is now.",
                ),
                _query("sort", {"enum": ["address", "active", "created", "cost"]}, "Default: address."),
                _query("order", {"enum": ["asc", "desc"]}, "Default: asc."),
                _query("parked", {"enum": ["1", "true", "yes"]}, "Parked ones only."),
                _query("min_cost_nano", WHOLE, "Having cost at least so much."),
                _query("active_from", WHOLE, "Active then or later, milliseconds."),
                _query("active_to", WHOLE, "Active before, milliseconds."),
                _query("idle", {"type": "number"}, "Without activity for so many seconds."),
                _query("after", TEXT, "The `next` of the page before, everything else the same."),
                _LIMIT,
            ],
        )
    },
    "/admin/me": {"get": _operation("Me", "Who you are here.", _answer(ref("Me")))},
    "/admin/overview": {
        "get": _operation(
            "Overview",
            "Figures over time, their sums, and how it is now.",
            _answer(ref("Overview")),
            parameters=[
                *_RANGE,
                _query("step", {"enum": ["hour", "day"]}, "Of UTC; default: hour."),
                _query("agent", TEXT, "Of this agent only; the peaks are of all."),
            ],
        )
    },
    "/admin/usage": {
        "get": _operation(
            "Usage",
            "What turns consumed; agents, owners and models with the largest cost first.",
            _answer(ref("UsagePage")),
            parameters=[
                {
                    **_query("by", {"enum": ["day", "hour", "agent", "owner", "model"]}, "What is a row."),
                    "required": True,
                },
                *_RANGE,
                _query("agent", TEXT, "Of this agent only."),
                _query("owner", TEXT, "Of this principal only; not by hour."),
                _query("after", TEXT, "The `next` of the page before."),
                _LIMIT,
            ],
        )
    },
    "/admin/limits": {
        "get": _operation("Limits", "The limits and what they refused.", _answer(ref("LimitsShown")))
    },
    "/admin/config": {
        "get": _operation("Config", "The settings in force, without secrets.", _answer(ref("ConfigShown")))
    },
    "/admin/audit": {
        "get": _operation(
            "Audit",
            "The audit log, newest first.",
            _answer(ref("AuditPage")),
            parameters=[
                _query("action", TEXT, "Such as session.erased or access.refused."),
                _query("actor", TEXT, "A principal, or operator."),
                _query("session", TEXT, "agent/id."),
                *_RANGE,
                _query("before", WHOLE, "The `next` of the page before."),
                _LIMIT,
            ],
        )
    },
    "/admin/bridge": {
        "get": _operation(
            "BridgeUses",
            "Who still uses the old shared addresses, by the day, the newest first.",
            _answer(ref("BridgeDays")),
        )
    },
    "/admin/sweep": {
        "get": _operation("Swept", "What has been removed because it expired.", _answer(ref("Swept"))),
        "post": _operation("Sweep", "Remove what has expired now.", _answer(ref("Swept"))),
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
            _answer(ref("Revoked")),
            "413",
            body="RevokeRequest",
        )
    },
    "/admin/principals/{id}": {
        "parameters": [_segment("id")],
        "delete": _operation("ErasePrincipal", "Erase every session it owns.", _answer(ref("Receipt"))),
    },
    "/admin/principals/{id}/export": {
        "parameters": [_segment("id")],
        "get": _operation("ExportPrincipal", "All sessions it owns.", _ZIP),
    },
    _ONE: _of_session(
        get=_operation("Session", "The row, who is there, and what runs.", _answer(ref("SessionShown"))),
        delete=_operation("Erase", "Erase it and close its sockets.", _answer(ref("Erased"))),
    ),
    f"{_ONE}/turns": _of_session(
        get=_operation(
            "Turns",
            "Turn records, oldest first.",
            _answer(ref("TurnPage")),
            parameters=[_query("before", TEXT, "The `next` of a page: those before it."), _LIMIT],
        ),
    ),
    f"{_ONE}/messages": _of_session(get=_operation("Messages", "The stored transcript.", _answer(_MESSAGES))),
    f"{_ONE}/state": _of_session(
        get=_operation("State", "The stored state.", _STATE),
        put=_operation(
            "SetState",
            "Replace the state and show it to all who are connected.",
            _answer(ref("StateStored")),
            "413",
            requestBody={"required": True, "content": {"application/json": {"schema": {}}}},
        ),
    ),
    f"{_ONE}/tail": _of_session(
        get=_operation("Tail", "Live frames until the caller leaves.", _lines("A frame a line."))
    ),
    f"{_ONE}/export": _of_session(get=_operation("Export", "All that is stored of it.", _ZIP)),
    f"{_ONE}/stop": _of_session(post=_operation("Stop", "Stop all its turns.", _answer(ref("Stopped")))),
    f"{_ONE}/park": _of_session(
        post=_operation("Park", "Let no turn of it run.", _answer(ref("Parked")), "413", body="ParkRequest")
    ),
    f"{_ONE}/unpark": _of_session(post=_operation("Unpark", "Let it run again.", _answer(ref("Parked")))),
    f"{_ONE}/expire": _of_session(
        post=_operation("Expire", "End it now, its agent winding it up.", _answer(ref("ExpiredNow")))
    ),
}

_METRICS: Final[Json] = {
    "operationId": "metrics",
    "summary": "The figures of this server for Prometheus.",
    "security": [{}, {"operator": []}],
    "responses": {
        "200": {"description": "Prometheus text.", "content": {"text/plain": {"schema": TEXT}}},
        **_failures("400", "401", "404", "503"),
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
