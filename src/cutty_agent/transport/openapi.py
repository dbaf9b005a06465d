"""The HTTP API as an OpenAPI 3.1 description, served at ``/openapi.json``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from .openapi_schemas import SCHEMAS

Json = dict[str, Any]

ERRORS: Final[Mapping[str, str]] = {
    "400": "The request breaks the protocol, names a host this server does not answer to, or an id that cannot be one.",
    "401": "The caller does not show who it is: nothing, or what is false, expired, revoked or for somebody else.",
    "403": "A page of another origin, or a caller who may look on and not do this.",
    "404": "There is no such thing, or it is not the caller's to know of.",
    "405": "The address exists and does not answer this method.",
    "409": "Another process serves this session now.",
    "410": "The session has expired.",
    "413": "The body, a message or the history is above its limit.",
    "423": "The session is parked; an operator can let it run again.",
    "429": "A limit is reached; see Retry-After.",
    "500": "The application failed; nothing is told of how.",
    "503": "The server is starting or stopping, or its store or the caller's issuer does not answer.",
}
"""What every status of an error means."""

SECURITY: Final[Json] = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "A JSON Web Token of the application, or a visitor's token (v1.…).",
    },
    "token": {"type": "apiKey", "in": "query", "name": "token", "description": "The same in the query."},
    "visitor": {
        "type": "apiKey",
        "in": "cookie",
        "name": "cutty_visitor",
        "description": "The signed cookie of an anonymous visitor; set by the server, counts for its own pages only.",
    },
    "ticket": {
        "type": "apiKey",
        "in": "query",
        "name": "ticket",
        "description": "A single-use secret for one session and one origin.",
    },
    "share": {
        "type": "apiKey",
        "in": "query",
        "name": "share",
        "description": "The secret of a shared link; also as the header X-Cutty-Share.",
    },
}

_CALLERS: Final[list[Json]] = [{}, *({name: []} for name in SECURITY)]
_OPEN: Final[list[Json]] = []
_GRANTEE: Final[Json] = {
    "name": "grantee",
    "in": "path",
    "required": True,
    "description": "A principal (user:…), a name of the list (link:…), or the secret of a link.",
    "schema": {"type": "string", "minLength": 1},
}
_REST: Final[Json] = {
    "name": "path",
    "in": "path",
    "required": True,
    "description": "Any path that is none of the others, several segments deep if need be.",
    "schema": {"type": "string", "minLength": 1},
}
_AGENT: Final[Json] = {
    "name": "agent",
    "in": "path",
    "required": True,
    "description": "The agent's name as GET /info.json lists it.",
    "schema": {"type": "string", "minLength": 1},
}
_SESSION: Final[Json] = {
    "name": "session",
    "in": "path",
    "required": True,
    "description": "Letters, digits, inner spaces and . _ ~ : @ + = , - (`default` is the caller's own).",
    "schema": {"type": "string", "minLength": 1, "maxLength": 128},
}
_DIALECT: Final[Json] = {
    "name": "dialect",
    "in": "query",
    "description": "The form of the messages; left out, they hold `parts` and their text as `content`.",
    "schema": {"enum": ["v5", "v4", "raw"]},
}
_CHAT: Final[Json] = {
    "name": "chatId",
    "in": "query",
    "description": "Follow the running answer as AI SDK 4 does; without it the request is the agent's own.",
    "schema": {"type": "string"},
}

_AT_THE_DOOR: Final = ("400", "401", "403", "404", "429", "500", "503")
_IN_A_SESSION: Final = (*_AT_THE_DOOR, "409", "410")
_IN_A_TURN: Final = (*_IN_A_SESSION, "413", "423")

_ANSWER: Final[Json] = {
    "description": "The answer as it is made: UI message stream events (`text/event-stream`), or AI SDK 4 data parts.",
    "headers": {"x-request-id": {"schema": {"type": "string"}}},
    "content": {
        "text/event-stream": {},  # a schema here would be taken for that of one event, or for that of all
        "text/plain": {"schema": {"type": "string"}},
    },
}
_ZIP: Final[Json] = {
    "description": "JSON lines, a transcript as Markdown, and files.",
    "content": {"application/zip": {"schema": {"type": "string", "contentMediaType": "application/zip"}}},
}
_OWN_ANSWER: Final[Json] = {"description": "Whatever the application answers."}


def ref(name: str) -> Json:
    """A schema of this description."""
    return {"$ref": f"#/components/schemas/{name}"}


def answers(status: str, description: str, schema: Json) -> dict[str, Json]:
    """A JSON answer."""
    return {status: {"description": description, "content": {"application/json": {"schema": schema}}}}


def _body(schema: str, *, required: bool = True) -> Json:
    return {"required": required, "content": {"application/json": {"schema": ref(schema)}}}


def _operation(
    id: str,
    summary: str,
    good: Mapping[str, Json],
    errors: tuple[str, ...] = (),
    *,
    security: list[Json] = _CALLERS,
    **more: Any,
) -> Json:
    failures = {status: {"$ref": f"#/components/responses/Error{status}"} for status in errors}
    return {
        "operationId": id,
        "summary": summary,
        "security": security,
        "responses": {**good, **failures},
        **more,
    }


def _application(method: str) -> Json:
    return _operation(
        f"{method}Application",
        "The application's own (on_request); those who may only look on may GET.",
        {"default": _OWN_ANSWER},
        _IN_A_SESSION,
    )


_NOTHING: Final[Json] = {"204": {"description": "Nothing runs."}}

PATHS: Final[Json] = {
    "/health": {
        "get": _operation(
            "health", "Whether the process lives.", answers("200", "It does.", ref("Health")), security=_OPEN
        )
    },
    "/ready": {
        "get": _operation(
            "ready",
            "Whether sessions are served.",
            answers("200", "They are.", ref("Health"))
            | answers("503", "Not yet, or not any more.", ref("Health")),
            security=_OPEN,
        )
    },
    "/info.json": {
        "get": _operation(
            "info", "The version and the agents.", answers("200", "Both.", ref("Info")), security=_OPEN
        )
    },
    "/openapi.json": {
        "get": _operation(
            "openapi",
            "This description.",
            answers("200", "OpenAPI 3.1.", {"type": "object"}),
            security=_OPEN,
        )
    },
    "/agents/{agent}": {
        "parameters": [_AGENT],
        "post": _operation(
            "mintSession",
            "Make a session with an id of 128 random bits.",
            answers("201", "Made; its address is in Location, its id in a cookie too.", ref("Minted")),
            (*_AT_THE_DOOR, "405"),
        ),
    },
    "/agents/{agent}/{session}": {
        "parameters": [_AGENT, _SESSION],
        "post": _operation(
            "submitTurn",
            "Send messages and follow the answer.",
            {"200": _ANSWER},
            _IN_A_TURN,
            requestBody=_body("ChatRequest"),
        ),
        "get": _operation(
            "followAnswer",
            "With chatId the running answer for AI SDK 4; otherwise the application's own.",
            {
                "200": {**_ANSWER, "content": {**_ANSWER["content"], "*/*": {}}},
                **_NOTHING,
                "default": _OWN_ANSWER,
            },
            _IN_A_SESSION,
            parameters=[_CHAT],
        ),
        "delete": _operation(
            "eraseSession",
            "Erase the session for good; the owner's to do.",
            answers("200", "Erased.", ref("Receipt")),
            _IN_A_SESSION,
        ),
    },
    "/agents/{agent}/{session}/get-messages": {
        "parameters": [_AGENT, _SESSION],
        "get": _operation(
            "getMessages",
            "The transcript, oldest first; empty for a session that does not exist and may be made.",
            answers("200", "The messages.", {"type": "array", "items": ref("Message")}),
            _IN_A_SESSION,
            parameters=[_DIALECT],
        ),
    },
    "/agents/{agent}/{session}/stream": {
        "parameters": [_AGENT, _SESSION],
        "get": _operation(
            "resumeAnswer",
            "The running answer from its first chunk.",
            {"200": _ANSWER, **_NOTHING},
            _IN_A_SESSION,
        ),
    },
    "/agents/{agent}/{session}/stop": {
        "parameters": [_AGENT, _SESSION],
        "post": _operation(
            "stopTurn",
            "Stop one turn, or all of the session.",
            answers("200", "Whether there was anything to stop.", ref("Stopped")),
            (*_IN_A_SESSION, "413"),
            requestBody=_body("Stop", required=False),
        ),
    },
    "/agents/{agent}/{session}/ticket": {
        "parameters": [_AGENT, _SESSION],
        "post": _operation(
            "makeTicket",
            "A secret that opens this session once, for pages that must not put a token in an address.",
            answers("201", "Made.", ref("Ticket")),
            _AT_THE_DOOR,
        ),
    },
    "/agents/{agent}/{session}/shares": {
        "parameters": [_AGENT, _SESSION],
        "get": _operation(
            "listShares",
            "Who else may enter; the owner's to see.",
            answers("200", "All shares.", ref("Shares")),
            _IN_A_SESSION,
        ),
        "post": _operation(
            "share",
            "Let a principal in, or whoever has the link that is returned; the owner's to do.",
            answers("201", "Shared.", ref("Shared")),
            (*_IN_A_SESSION, "413"),
            requestBody=_body("ShareRequest"),
        ),
    },
    "/agents/{agent}/{session}/shares/{grantee}": {
        "parameters": [_AGENT, _SESSION, _GRANTEE],
        "delete": _operation(
            "unshare",
            "End a share and close its sockets; the owner's to do.",
            answers("200", "Ended.", ref("Unshared")),
            _IN_A_SESSION,
        ),
    },
    "/agents/{agent}/{session}/export": {
        "parameters": [_AGENT, _SESSION],
        "get": _operation(
            "exportSession",
            "All that is stored of the session; the owner's to have.",
            {"200": _ZIP},
            _IN_A_SESSION,
        ),
    },
    "/agents/{agent}/{session}/{path}": {
        "parameters": [_AGENT, _SESSION, _REST],
        **{method: _application(method) for method in ("get", "post", "put", "patch", "delete")},
    },
}


def document(version: str, *parts: Mapping[str, Mapping[str, Json]]) -> Json:
    """The whole description. ``parts`` are those of others: their ``paths``, ``schemas`` and ``security``."""
    joined: dict[str, Json] = {"paths": dict(PATHS), "schemas": dict(SCHEMAS), "security": dict(SECURITY)}
    for part in parts:
        for name, members in part.items():
            joined[name] |= members
    errors = {f"Error{status}": _error(status, text) for status, text in ERRORS.items()}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "cutty-agent",
            "version": version,
            "summary": "Durable, isolated AI chat sessions.",
            "description": "Sockets open at the address of a session as well; docs/protocol.md describes their frames.",
        },
        "paths": joined["paths"],
        "components": {
            "schemas": joined["schemas"],
            "responses": errors,
            "securitySchemes": joined["security"],
        },
    }


def _error(status: str, text: str) -> Json:
    described = {"description": text, "content": {"application/json": {"schema": ref("Error")}}}
    if status in {"429", "503"}:
        described["headers"] = {
            "Retry-After": {"description": "Seconds.", "schema": {"type": "string", "pattern": "^[0-9]+$"}}
        }
    return described
