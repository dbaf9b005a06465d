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


def _segment(name: str, description: str, **more: Any) -> Json:
    schema = {"type": "string", "minLength": 1, **more}
    return {"name": name, "in": "path", "required": True, "description": description, "schema": schema}


def _query(name: str, description: str, schema: Json) -> Json:
    return {"name": name, "in": "query", "description": description, "schema": schema}


_AGENT: Final = _segment("agent", "The agent's name as GET /info.json lists it.")
_SESSION: Final = _segment(
    "session",
    "Letters, digits, inner spaces and . _ ~ : @ + = , - (`default` is the caller's own).",
    maxLength=128,
)
_GRANTEE: Final = _segment(
    "grantee", "A principal (user:…), a name of the list (link:…), or the secret of a link."
)
_REST: Final = _segment("path", "Any path that is none of the others, several segments deep if need be.")
_DIALECT: Final = _query(
    "dialect",
    "The form of the messages; left out, they hold `parts` and their text as `content`.",
    {"enum": ["v5", "v4", "raw"]},
)
_CHAT: Final = _query(
    "chatId",
    "Follow the running answer as AI SDK 4 does; without it the request is the agent's own.",
    {"type": "string"},
)

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
    errors: tuple[str, ...] = _IN_A_SESSION,
    *,
    security: list[Json] = _CALLERS,
    **more: Any,
) -> Json:
    """One method of a path; unless told otherwise it fails as whatever is done in a session may."""
    failures = {status: {"$ref": f"#/components/responses/Error{status}"} for status in errors}
    return {
        "operationId": id,
        "summary": summary,
        "security": security,
        "responses": {**good, **failures},
        **more,
    }


def _open(id: str, summary: str, good: Mapping[str, Json]) -> Json:
    """A path that anybody may read, and that has nothing to refuse."""
    return {"get": _operation(id, summary, good, (), security=[])}


def _of_session(*below: Json, **operations: Json) -> Json:
    """What is answered at a session's address, or below it, by method; ``below`` are the segments that vary there."""
    return {"parameters": [_AGENT, _SESSION, *below], **operations}


def _application(method: str) -> Json:
    return _operation(
        f"{method}Application",
        "The application's own (on_request); those who may only look on may GET.",
        {"default": _OWN_ANSWER},
    )


_NOTHING: Final[Json] = {"204": {"description": "Nothing runs."}}

_ONE: Final = "/agents/{agent}/{session}"

PATHS: Final[Json] = {
    "/health": _open("health", "Whether the process lives.", answers("200", "It does.", ref("Health"))),
    "/ready": _open(
        "ready",
        "Whether sessions are served.",
        answers("200", "They are.", ref("Health"))
        | answers("503", "Not yet, or not any more.", ref("Health")),
    ),
    "/info.json": _open("info", "The version and the agents.", answers("200", "Both.", ref("Info"))),
    "/openapi.json": _open(
        "openapi", "This description.", answers("200", "OpenAPI 3.1.", {"type": "object"})
    ),
    "/agents/{agent}": {
        "parameters": [_AGENT],
        "post": _operation(
            "mintSession",
            "Make a session with an id of 128 random bits.",
            answers("201", "Made; its address is in Location, its id in a cookie too.", ref("Minted")),
            (*_AT_THE_DOOR, "405"),
        ),
    },
    _ONE: _of_session(
        post=_operation(
            "submitTurn",
            "Send messages and follow the answer.",
            {"200": _ANSWER},
            _IN_A_TURN,
            requestBody=_body("ChatRequest"),
        ),
        get=_operation(
            "followAnswer",
            "With chatId the running answer for AI SDK 4; otherwise the application's own.",
            {
                "200": {**_ANSWER, "content": {**_ANSWER["content"], "*/*": {}}},
                **_NOTHING,
                "default": _OWN_ANSWER,
            },
            parameters=[_CHAT],
        ),
        delete=_operation(
            "eraseSession",
            "Erase the session for good; the owner's to do.",
            answers("200", "Erased.", ref("Receipt")),
        ),
    ),
    f"{_ONE}/get-messages": _of_session(
        get=_operation(
            "getMessages",
            "The transcript, oldest first; empty for a session that does not exist and may be made.",
            answers("200", "The messages.", {"type": "array", "items": ref("Message")}),
            parameters=[_DIALECT],
        ),
    ),
    f"{_ONE}/stream": _of_session(
        get=_operation(
            "resumeAnswer", "The running answer from its first chunk.", {"200": _ANSWER, **_NOTHING}
        )
    ),
    f"{_ONE}/stop": _of_session(
        post=_operation(
            "stopTurn",
            "Stop one turn, or all of the session.",
            answers("200", "Whether there was anything to stop.", ref("Stopped")),
            (*_IN_A_SESSION, "413"),
            requestBody=_body("Stop", required=False),
        ),
    ),
    f"{_ONE}/ticket": _of_session(
        post=_operation(
            "makeTicket",
            "A secret that opens this session once, for pages that must not put a token in an address.",
            answers("201", "Made.", ref("Ticket")),
            _AT_THE_DOOR,
        ),
    ),
    f"{_ONE}/shares": _of_session(
        get=_operation(
            "listShares",
            "Who else may enter; the owner's to see.",
            answers("200", "All shares.", ref("Shares")),
        ),
        post=_operation(
            "share",
            "Let a principal in, or whoever has the link that is returned; the owner's to do.",
            answers("201", "Shared.", ref("Shared")),
            (*_IN_A_SESSION, "413"),
            requestBody=_body("ShareRequest"),
        ),
    ),
    _ONE + "/shares/{grantee}": _of_session(
        _GRANTEE,
        delete=_operation(
            "unshare",
            "End a share and close its sockets; the owner's to do.",
            answers("200", "Ended.", ref("Unshared")),
        ),
    ),
    f"{_ONE}/export": _of_session(
        get=_operation(
            "exportSession", "All that is stored of the session; the owner's to have.", {"200": _ZIP}
        )
    ),
    _ONE + "/{path}": _of_session(
        _REST,
        **{method: _application(method) for method in ("get", "post", "put", "patch", "delete")},
    ),
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
