"""The description of the HTTP API has every route of the routers and no other, and hangs together."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from jsonschema_rs import Draft202012Validator, validator_for

from access.callers import bearer, shown_by, token
from access.house import house, operators, said
from access.test_table import routed
from cutty_agent.admin.openapi import PART
from cutty_agent.transport.openapi import ERRORS, document

DOCUMENT = document("1.0", PART)
METHODS = {"get", "post", "put", "patch", "delete"}
NAMES = {"/agents/{agent}/{session}/shares/{grantee}": "/agents/{agent}/{session}/shares/{name}"}
UNDESCRIBED = {"GET /"}
"""The pages, which are no API."""

THE_APPLICATIONS = "/agents/{agent}/{session}/{path}"


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in DOCUMENT["paths"].items():
        for method in METHODS & set(item):
            yield method.upper(), path, item[method]


def test_it_has_every_route_and_no_other() -> None:
    described = {f"{method} {NAMES.get(path, path)}" for method, path, _ in operations()}
    any_method = {f"{method.upper()} {THE_APPLICATIONS}" for method in METHODS}
    assert described - any_method == routed() - UNDESCRIBED - any_method
    assert any_method <= described


def test_every_reference_leads_somewhere_and_nothing_is_left_over() -> None:
    found: set[str] = set()

    def look(at: object) -> None:
        if isinstance(at, dict):
            if isinstance(at.get("$ref"), str):
                found.add(at["$ref"])
            for value in at.values():
                look(value)
        elif isinstance(at, list):
            for value in at:
                look(value)

    look(DOCUMENT)
    kept = {
        f"#/components/{kind}/{name}"
        for kind in ("schemas", "responses")
        for name in DOCUMENT["components"][kind]
    }
    assert found - kept == set()
    # A line of progress is described by its name only: the lines are no JSON document.
    assert kept - found == {"#/components/schemas/Purged"}


def test_operations_have_names_summaries_and_known_security() -> None:
    names = [operation["operationId"] for _, _, operation in operations()]
    assert len(names) == len(set(names))
    schemes = set(DOCUMENT["components"]["securitySchemes"])
    for method, path, operation in operations():
        assert operation["summary"].endswith("."), path
        assert {name for each in operation["security"] for name in each} <= schemes
        if path.startswith("/admin/"):
            assert operation["security"] == [{"operator": []}], f"{method} {path} is for operators"
        declared = {
            each["name"] for each in DOCUMENT["paths"][path].get("parameters", ()) if each["in"] == "path"
        }
        assert declared == {part[1:-1] for part in path.split("/") if part.startswith("{")}


def test_every_schema_is_one() -> None:
    for schema in DOCUMENT["components"]["schemas"].values():
        validator_for({**schema, "components": DOCUMENT["components"]})


def schema_of(method: str, path: str, status: int) -> dict[str, Any] | None:
    answers = DOCUMENT["paths"][path][method.lower()]["responses"]
    assert str(status) in answers, f"{method} {path} may not answer {status}"
    answer = answers[str(status)]
    if "$ref" in answer:
        answer = DOCUMENT["components"]["responses"][answer["$ref"].rpartition("/")[2]]
    found: dict[str, Any] | None = answer.get("content", {}).get("application/json", {}).get("schema")
    return found


async def test_real_answers_are_as_described() -> None:
    """The whole of the API in one life: each answer against its own schema."""
    one, agents = "/admin/sessions/{agent}/{session}", "/agents/{agent}/{session}"
    ada, operator = bearer(token("ada")), shown_by("admin")
    async with house() as at:
        path = await at.session()
        ways: list[tuple[str, str, dict[str, str], object]] = [
            ("GET", "/health", {}, None),
            ("GET", "/ready", {}, None),
            ("GET", "/info.json", {}, None),
            ("GET", "/openapi.json", {}, None),
            ("POST", "/agents/{agent}", ada, None),
            ("GET", f"{agents}/get-messages", ada, None),
            ("POST", f"{agents}/stop", ada, {"requestId": "none"}),
            ("POST", f"{agents}/ticket", ada, None),
            ("POST", f"{agents}/shares", ada, {"mode": "read", "seconds": 60}),
            ("GET", f"{agents}/shares", ada, None),
            ("POST", agents, ada, {}),
            ("POST", agents, shown_by("reader"), said("no", "u2")),
            ("POST", agents, shown_by("other"), said("no", "u2")),
            ("POST", agents, shown_by("forged"), said("no", "u2")),
            ("GET", "/admin/sessions", operator, None),
            ("GET", "/admin/audit", operator, None),
            ("GET", "/admin/bridge", operator, None),
            ("GET", "/admin/sweep", operator, None),
            ("POST", "/admin/sweep", operator, None),
            ("POST", "/admin/revocations", operator, {"key": "user:mallory", "seconds": 60}),
            ("GET", one, operator, None),
            ("GET", f"{one}/messages", operator, None),
            ("POST", f"{one}/stop", operator, None),
            ("POST", f"{one}/park", operator, {"reason": "Too fast."}),
            ("POST", agents, ada, said("parked", "u3")),
            ("POST", f"{one}/unpark", operator, None),
            ("DELETE", agents, ada, None),
            ("GET", one, operator, None),
        ]
        statuses: set[int] = set()
        for method, template, who, body in ways:
            real = template.replace(one, operators(path)).replace(agents, path).replace("{agent}", "chat")
            answer = await at.ask(method, real, who, body=body)
            statuses.add(answer.status)
            schema = schema_of(method, template, answer.status)
            assert schema is not None
            validator = Draft202012Validator({**schema, "components": DOCUMENT["components"]})
            assert [str(error) for error in validator.iter_errors(answer.json())] == [], (method, template)
        assert {str(status) for status in statuses} >= {"200", "201", "400", "401", "403", "404", "423"}
        served = (await at.ask("GET", "/openapi.json")).json()
        assert served["paths"] == DOCUMENT["paths"]
        assert set(served["components"]["responses"]) == {f"Error{status}" for status in ERRORS}
