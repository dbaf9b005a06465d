"""The shapes of bodies and answers in the description of the HTTP API."""

from __future__ import annotations

from typing import Any, Final

_TEXT: Final = {"type": "string"}
_MODE: Final = {"enum": ["read", "write"], "description": "To look on, or to take part."}
_MS: Final = {"type": "integer", "description": "Milliseconds since 1970 UTC."}


def _object(required: dict[str, Any], optional: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    shape = {"type": "object", "properties": {**required, **(optional or {})}, **more}
    return {**shape, "required": list(required)} if required else shape


SCHEMAS: Final[dict[str, Any]] = {
    "Error": _object(
        {
            "error": _object(
                {
                    "code": {**_TEXT, "description": "For programs; never changes once published."},
                    "message": {**_TEXT, "description": "One sentence for people."},
                    "remedy": {**_TEXT, "description": "What to do about it."},
                    "retry": {
                        "type": "boolean",
                        "description": "Whether the same request may succeed later.",
                    },
                },
                {
                    "limit": {**_TEXT, "description": "The setting that refused, such as limits.turns."},
                    "value": {"type": "number", "description": "What it is set to."},
                    "retryAfter": {"type": ["number", "null"], "description": "Seconds."},
                },
                additionalProperties=False,
            )
        },
        additionalProperties=False,
    ),
    "Health": _object({"status": {"enum": ["ok", "ready", "starting or stopping"]}}),
    "Info": _object(
        {
            "version": _TEXT,
            "agents": {"type": "array", "items": _object({"name": _TEXT, "title": _TEXT})},
        }
    ),
    "Message": _object(
        {"id": _TEXT, "role": {"enum": ["system", "user", "assistant"]}},
        {
            "parts": {"type": "array", "items": {"$ref": "#/components/schemas/Part"}},
            "content": {**_TEXT, "description": "The text of all parts; not with dialect=v5."},
            "metadata": {"description": "The application's own."},
        },
        description="A UI message of the AI SDK.",
    ),
    "Part": _object(
        {"type": {**_TEXT, "description": "text, reasoning, file, source-url, step-start, tool-{name}, …"}},
        {"text": _TEXT},
    ),
    "ChatRequest": {
        **_object(
            {},
            {
                "messages": {
                    "type": "array",
                    "items": {"$ref": "#/components/schemas/Message"},
                    "description": "The whole conversation as the client knows it.",
                },
                "message": {
                    "$ref": "#/components/schemas/Message",
                    "description": "The newest message only.",
                },
                "trigger": {"enum": ["submit-message", "regenerate-message"]},
                "clientTools": {"type": "array", "items": {"type": "object"}},
                "id": _TEXT,
            },
            description="Other keys are the application's own (turn.body).",
        ),
        "anyOf": [{"required": ["messages"]}, {"required": ["message"]}],
    },
    "Stop": _object({}, {"requestId": {"type": ["string", "null"]}}, description="Empty stops all turns."),
    "Stopped": _object({"stopped": {"type": "boolean"}}),
    "Minted": _object({"id": _TEXT, "agent": _TEXT, "url": _TEXT}),
    "Ticket": _object({"ticket": _TEXT, "expires": _MS}),
    "ShareRequest": _object(
        {"mode": _MODE},
        {
            "principal": {"type": ["string", "null"], "description": "user:…; null makes a link."},
            "seconds": {"type": ["number", "null"], "exclusiveMinimum": 0, "maximum": 1e11},
        },
        additionalProperties=False,
    ),
    "Shared": _object(
        {"mode": _MODE, "principal": {"type": ["string", "null"]}},
        {"secret": {**_TEXT, "description": "Shown once, never stored."}, "url": _TEXT},
    ),
    "Shares": _object(
        {
            "shares": {
                "type": "array",
                "items": _object(
                    {
                        "grantee": _TEXT,
                        "mode": _MODE,
                        "created": _MS,
                        "expires": {"type": ["integer", "null"]},
                    }
                ),
            }
        }
    ),
    "Unshared": _object({"ended": {"const": True}}),
}
"""Shapes by name. ``Receipt`` belongs to the part that makes receipts, which is the operator's."""
