"""Every route and every frame, for everybody who may come: the answers are written out below.

A route or frame that is not in the tables fails :func:`test_every_route_is_in_the_table` or
:func:`test_every_frame_is_in_the_table`.
"""

from __future__ import annotations

import json
from typing import Any, get_args, get_type_hints

import pytest

from access.asgi import Frame, Socket
from access.callers import shown_by
from access.house import CANARY, Chat, House, house, message, operators, rules, said
from cutty_agent.admin import api
from cutty_agent.app import App
from cutty_agent.config import Settings
from cutty_agent.transport import http
from cutty_agent.wire import client

# A session that is ada's ("owner"), shared with a reader and a writer. "new" shows nothing where visitors are welcome,
# "nobody" where they are not; "viewer" and "steward" are users whose tokens have the scopes cutty:view and cutty:act.
# 401: shows who it is not. 404: is not to learn that there is such a session. 403: may
# enter, and not do this.
ROUTES = """
                                                   owner  other  visitor  new   expired  forged  audience  algnone  reader  writer  viewer  steward  admin  nobody
POST   /agents/{agent}                             201    201    201      201   401      401     401       401      201     201     201     201      401    401
POST   /agents/{agent}/{session}                   200    404    404      404   401      401     401       401      403     200     404     404      401    401
GET    /agents/{agent}/{session}                   200    404    404      404   401      401     401       401      200     200     404     404      401    401
DELETE /agents/{agent}/{session}                   200    404    404      404   401      401     401       401      403     403     404     404      401    401
GET    /agents/{agent}/{session}/get-messages      200    404    404      404   401      401     401       401      200     200     404     404      401    401
GET    /agents/{agent}/{session}/stream            204    404    404      404   401      401     401       401      204     204     404     404      401    401
POST   /agents/{agent}/{session}/stop              200    404    404      404   401      401     401       401      403     200     404     404      401    401
POST   /agents/{agent}/{session}/ticket            201    201    201      201   401      401     401       401      201     201     201     201      401    401
GET    /agents/{agent}/{session}/shares            200    404    404      404   401      401     401       401      403     403     404     404      401    401
POST   /agents/{agent}/{session}/shares            201    404    404      404   401      401     401       401      403     403     404     404      401    401
DELETE /agents/{agent}/{session}/shares/{name}     200    404    404      404   401      401     401       401      403     403     404     404      401    401
GET    /agents/{agent}/{session}/export            200    404    404      404   401      401     401       401      403     403     404     404      401    401
GET    /agents/{agent}/{session}/{path}            200    404    404      404   401      401     401       401      200     200     404     404      401    401
PUT    /agents/{agent}/{session}/{path}            200    404    404      404   401      401     401       401      403     200     404     404      401    401
GET    /admin/sessions                             401    401    401      401   401      401     401       401      401     401     200     200      200    401
GET    /admin/audit                                401    401    401      401   401      401     401       401      401     401     200     200      200    401
GET    /admin/bridge                               401    401    401      401   401      401     401       401      401     401     200     200      200    401
GET    /admin/config                               401    401    401      401   401      401     401       401      401     401     200     200      200    401
GET    /admin/limits                               401    401    401      401   401      401     401       401      401     401     200     200      200    401
GET    /admin/me                                   401    401    401      401   401      401     401       401      401     401     200     200      200    401
GET    /admin/overview                             401    401    401      401   401      401     401       401      401     401     200     200      200    401
GET    /admin/usage                                401    401    401      401   401      401     401       401      401     401     200     200      200    401
GET    /admin/sweep                                401    401    401      401   401      401     401       401      401     401     200     200      200    401
POST   /admin/sweep                                401    401    401      401   401      401     401       401      401     401     403     200      200    401
POST   /admin/purge                                401    401    401      401   401      401     401       401      401     401     403     200      200    401
POST   /admin/revocations                          401    401    401      401   401      401     401       401      401     401     403     200      200    401
GET    /admin/principals/{id}/export               401    401    401      401   401      401     401       401      401     401     403     200      200    401
DELETE /admin/principals/{id}                      401    401    401      401   401      401     401       401      401     401     403     200      200    401
GET    /admin/sessions/{agent}/{session}           401    401    401      401   401      401     401       401      401     401     200     200      200    401
DELETE /admin/sessions/{agent}/{session}           401    401    401      401   401      401     401       401      401     401     403     200      200    401
GET    /admin/sessions/{agent}/{session}/messages  401    401    401      401   401      401     401       401      401     401     200     200      200    401
GET    /admin/sessions/{agent}/{session}/state     401    401    401      401   401      401     401       401      401     401     204     204      204    401
PUT    /admin/sessions/{agent}/{session}/state     401    401    401      401   401      401     401       401      401     401     403     200      200    401
GET    /admin/sessions/{agent}/{session}/turns     401    401    401      401   401      401     401       401      401     401     200     200      200    401
GET    /admin/sessions/{agent}/{session}/tail      401    401    401      401   401      401     401       401      401     401     200     200      200    401
GET    /admin/sessions/{agent}/{session}/export    401    401    401      401   401      401     401       401      401     401     403     200      200    401
POST   /admin/sessions/{agent}/{session}/stop      401    401    401      401   401      401     401       401      401     401     403     200      200    401
POST   /admin/sessions/{agent}/{session}/park      401    401    401      401   401      401     401       401      401     401     403     200      200    401
POST   /admin/sessions/{agent}/{session}/unpark    401    401    401      401   401      401     401       401      401     401     403     200      200    401
POST   /admin/sessions/{agent}/{session}/expire    401    401    401      401   401      401     401       401      401     401     403     200      200    401
GET    /health                                     200    200    200      200   200      200     200       200      200     200     200     200      200    200
GET    /ready                                      200    200    200      200   200      200     200       200      200     200     200     200      200    200
GET    /info.json                                  200    200    200      200   200      200     200       200      200     200     200     200      200    200
GET    /openapi.json                               200    200    200      200   200      200     200       200      200     200     200     200      200    200
GET    /metrics                                    401    401    401      401   401      401     401       401      401     401     401     401      200    401
GET    /                                           200    200    200      200   200      200     200       200      200     200     200     200      200    200
"""

# What becomes of a frame on a socket to that session: "acts" is seen by the others too, "told" is an answer to the
# sender, "no" a refusal that changes nothing, a number the code with which the socket was closed before anything else.
FRAMES = """
                                owner  other  visitor  new   expired  forged  audience  algnone  reader  writer  viewer  steward  admin  nobody
cf_agent_use_chat_request       acts   4404   4404     4404  4401     4401    4401      4401     no      acts    4404    4404     4401   4401
cf_agent_chat_request_cancel    acts   4404   4404     4404  4401     4401    4401      4401     no      acts    4404    4404     4401   4401
cf_agent_chat_clear             acts   4404   4404     4404  4401     4401    4401      4401     no      acts    4404    4404     4401   4401
cf_agent_chat_messages          acts   4404   4404     4404  4401     4401    4401      4401     no      acts    4404    4404     4401   4401
cf_agent_tool_result            acts   4404   4404     4404  4401     4401    4401      4401     no      acts    4404    4404     4401   4401
cf_agent_tool_approval          acts   4404   4404     4404  4401     4401    4401      4401     no      acts    4404    4404     4401   4401
cf_agent_stream_resume_request  told   4404   4404     4404  4401     4401    4401      4401     told    told    4404    4404     4401   4401
cf_agent_stream_resume_ack      told   4404   4404     4404  4401     4401    4401      4401     told    told    4404    4404     4401   4401
cf_agent_state                  acts   4404   4404     4404  4401     4401    4401      4401     no      acts    4404    4404     4401   4401
rpc                             acts   4404   4404     4404  4401     4401    4401      4401     no      acts    4404    4404     4401   4401
rpc, read only                  told   4404   4404     4404  4401     4401    4401      4401     told    told    4404    4404     4401   4401
Minimal                         acts   4404   4404     4404  4401     4401    4401      4401     no      acts    4404    4404     4401   4401
AppFrame                        acts   4404   4404     4404  4401     4401    4401      4401     no      acts    4404    4404     4401   4401
binary                          acts   4404   4404     4404  4401     4401    4401      4401     drop    acts    4404    4404     4401   4401
"""

CALLERS = ROUTES.split("\n")[1].split()

BODIES: dict[str, object] = {
    "POST /agents/{agent}/{session}": said("more", "u2"),
    "POST /agents/{agent}/{session}/shares": {"mode": "read", "principal": "user:eve"},
    "PUT /admin/sessions/{agent}/{session}/state": {"mine": 1},
    "POST /admin/purge": {"older_than": 3600, "dry_run": True},
    "POST /admin/revocations": {"key": "user:mallory"},
}

QUERIES = {"GET /admin/usage": "?by=day"}

ANYBODYS = {"POST /agents/{agent}", "POST /agents/{agent}/{session}/ticket"}
"""What makes something for the caller itself, whoever it is, and says nothing of the session."""


def rows(table: str) -> dict[str, dict[str, str]]:
    """A table as answers by row and caller."""
    head, *lines = table.strip("\n").split("\n")
    columns = head.split()
    assert columns == CALLERS
    found: dict[str, dict[str, str]] = {}
    for line in lines:
        cells = line.split()
        name = " ".join(cells[: -len(columns)])
        assert name not in found, name
        found[name] = dict(zip(columns, cells[-len(columns) :], strict=True))
    return found


def routed() -> set[str]:
    """Every route of the application, from its routers."""
    session, one, principal = (
        "/agents/{agent}/{session}",
        "/admin/sessions/{agent}/{session}",
        "/admin/principals/{id}",
    )
    found = {f"{method} /agents/{{agent}}" for method in http._AGENT_ROUTES}
    found |= {_route(method, session, name) for method, name in {**http._ROUTES, **http._OWN_ROUTES}}
    found |= {f"{_route(method, session, name)}/{{name}}" for method, name in http._NAMED_ROUTES}
    found |= {_route(method, one, name) for method, name in api._ROUTES}
    found |= {_route(method, "/admin", name) for method, name in api._GENERAL}
    found |= {_route(method, principal, name) for method, name in api._PRINCIPAL_ROUTES}
    for route in App({"chat": Chat}, Settings())._web.routes:
        if "{" not in (path := getattr(route, "path", "")):
            found.add(f"GET {path or '/'}")
    # What is no route of ours is the agent's own (on_request).
    return found | {f"{method} {session}/{{path}}" for method in ("GET", "PUT")}


def _route(method: str, below: str, name: str) -> str:
    return f"{method} {below}/{name}".rstrip("/")


def test_every_route_is_in_the_table() -> None:
    assert set(rows(ROUTES)) == routed()


def test_every_frame_is_in_the_table() -> None:
    every = get_args(get_type_hints(client.decode_frame)["return"])
    names = {each.__struct_config__.tag or each.__name__ for each in every}
    assert set(rows(FRAMES)) == names | {"rpc, read only", "binary"}


@pytest.mark.parametrize(("route", "answers"), rows(ROUTES).items(), ids=list(rows(ROUTES)))
async def test_routes(route: str, answers: dict[str, str]) -> None:
    found: dict[str, str] = {}
    async with house() as welcoming, house(access=rules(visitors=False)) as members:
        for caller in CALLERS:
            found[caller] = await _asked(members if caller == "nobody" else welcoming, route, caller)
    assert found == answers


async def _asked(at: House, route: str, caller: str) -> str:
    session = await at.session()
    method, template = route.split(" ")
    path = (
        template.replace("/agents/{agent}/{session}", session)
        .replace("/admin/sessions/{agent}/{session}", operators(session))
        .replace("{agent}", "chat")
        .replace("{id}", "user:ada")
        .replace("{name}", "user:rita")
        .replace("{path}", "notes/1")
    )
    before = await at.seen_by_ada(session)
    answer = await at.ask(
        method, path + QUERIES.get(route, ""), shown_by(caller), body=BODIES.get(route), whole=False
    )
    if answer.status >= 400:
        assert await at.seen_by_ada(session) == before, f"{caller} changed something"
        assert set(answer.error) == {"code", "message", "remedy", "retry"}
    if answer.status >= 400 or route in ANYBODYS:
        for secret in (CANARY, "user:ada", "rita", "walt", session if route not in ANYBODYS else CANARY):
            assert secret not in answer.body.decode(), f"{caller} was told {secret}"
    if caller != "owner":
        assert (answer.header("set-cookie") or "").count("ada") == 0
    return str(answer.status)


@pytest.mark.parametrize(("frame", "answers"), rows(FRAMES).items(), ids=list(rows(FRAMES)))
async def test_frames(frame: str, answers: dict[str, str]) -> None:
    found: dict[str, str] = {}
    async with house() as welcoming, house(access=rules(visitors=False)) as members:
        for caller in CALLERS:
            at = members if caller == "nobody" else welcoming
            found[caller] = await _sent(at, frame, caller, expected=answers[caller])
    assert found == answers


async def _sent(at: House, name: str, caller: str, *, expected: str) -> str:
    path = await at.session()
    watching = await at.owner(path)
    # A turn that runs, with a tool call and an approval open.
    watching.send(
        {
            "type": "cf_agent_use_chat_request",
            "id": "running",
            "init": {"method": "POST", "body": json.dumps(said("wait", "u2"))},
        }
    )
    await watching.frame(lambda frame: "tool-approval-request" in frame.get("body", ""), what="the approval")
    before, frame = len(watching.frames), FRAME[name]
    socket = at.connect(f"{path}?_pk={caller}", shown_by(caller))
    if not expected.isdigit():
        await socket.greeted()
    mine = len(socket.frames)
    socket.send(frame)
    try:
        if expected == "acts":
            await watching.frame(SEEN[name], after=before, what=f"{name} of {caller}, by the others")
            return "acts"
        if expected == "told":
            await socket.frame(TOLD[name], after=mine, what=f"an answer to {name} of {caller}")
        elif expected in {"no", "drop"}:
            if expected == "no":
                await socket.frame(_refusal, after=mine, what=f"a refusal of {name} of {caller}")
            else:
                await socket.call("look")
                assert [each for each in socket.frames[mine:] if each.get("type") != "rpc"] == []
        else:
            code, _ = await socket.ended()
            assert socket.accepted is not None
            assert socket.received == [], "nothing is sent to a stranger"
            assert not any(b"ada" in value for _, value in socket.accepted.get("headers", ()))
            await _unchanged(watching, before)
            return str(code)
        await _unchanged(watching, before)
        return expected
    finally:
        await at.ask("POST", f"{operators(path)}/stop", shown_by("admin"))


async def _unchanged(watching: Socket, before: int) -> None:
    """The owner saw nothing of it."""
    await watching.call("look")
    news = [frame for frame in watching.frames[before:] if frame.get("type") != "rpc"]
    assert news == [], news


def _is(type: str) -> Any:
    return lambda frame: frame.get("type") == type


def _refusal(frame: Frame) -> bool:
    text = f"{frame.get('error')} {frame.get('body')}"
    return "Connection is readonly" in text


FRAME: dict[str, Frame | str | bytes] = {
    "cf_agent_use_chat_request": {
        "type": "cf_agent_use_chat_request",
        "id": "new",
        "init": {"method": "POST", "body": json.dumps(said("more", "u3"))},
    },
    "cf_agent_chat_request_cancel": {"type": "cf_agent_chat_request_cancel", "id": "running"},
    "cf_agent_chat_clear": {"type": "cf_agent_chat_clear"},
    "cf_agent_chat_messages": {"type": "cf_agent_chat_messages", "messages": [message("set", "u9")]},
    "cf_agent_tool_result": {
        "type": "cf_agent_tool_result",
        "toolCallId": "c1",
        "toolName": "look",
        "output": 1,
    },
    "cf_agent_tool_approval": {"type": "cf_agent_tool_approval", "toolCallId": "c2", "approved": True},
    "cf_agent_stream_resume_request": {"type": "cf_agent_stream_resume_request", "probeId": "p"},
    "cf_agent_stream_resume_ack": {"type": "cf_agent_stream_resume_ack", "id": "running"},
    "cf_agent_state": {"type": "cf_agent_state", "state": {"mine": 1}},
    "rpc": {"type": "rpc", "id": "r", "method": "rename", "args": []},
    "rpc, read only": {"type": "rpc", "id": "r", "method": "look", "args": []},
    "Minimal": {"message": "in the smallest form"},
    "AppFrame": {"type": "own", "word": 1},
    "binary": b"bytes of its own",
}

SEEN = {
    "cf_agent_use_chat_request": lambda frame: "more" in json.dumps(frame.get("messages", "")),
    "cf_agent_chat_request_cancel": lambda frame: frame.get("outcome") == "aborted",
    "cf_agent_chat_clear": _is("cf_agent_chat_clear"),
    "cf_agent_chat_messages": lambda frame: '"set"' in json.dumps(frame.get("messages", "")),
    "cf_agent_tool_result": _is("cf_agent_message_updated"),
    "cf_agent_tool_approval": _is("cf_agent_message_updated"),
    "cf_agent_state": _is("cf_agent_state"),
    "rpc": _is("renamed"),
    "Minimal": lambda frame: "in the smallest form" in json.dumps(frame.get("messages", "")),
    "AppFrame": _is("heard"),
    "binary": _is("heard"),
}

TOLD = {
    "cf_agent_stream_resume_request": lambda frame: frame.get("probeId") == "p",
    "cf_agent_stream_resume_ack": lambda frame: frame.get("replayComplete"),
    "rpc, read only": lambda frame: frame.get("result") == CANARY,
}
