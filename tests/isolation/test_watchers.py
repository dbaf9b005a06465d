"""The parts that find things, one by one."""

from __future__ import annotations

import functools
import json
import logging
import types
from collections import Counter
from contextvars import ContextVar
from typing import Any

import pytest
import structlog

from cutty_agent import Address, ChatAgent, Turn
from cutty_agent.testing.isolation.echo import fitting
from cutty_agent.testing.isolation.finding import Evidence
from cutty_agent.testing.isolation.hearing import RESPONSE, Hearing
from cutty_agent.testing.isolation.logs import LogWatch
from cutty_agent.testing.isolation.names import Names
from cutty_agent.testing.isolation.plan import fates
from cutty_agent.testing.isolation.reach import Walk

names = Names()
OURS, THEIRS = names.canary(1, 1), names.canary(2, 1)
OUR_ID, THEIR_ID = names.session_id(1), names.session_id(2)


@pytest.fixture
def evidence() -> Evidence:
    return Evidence(names)


def chunk(type: str, **fields: Any) -> str:
    body = json.dumps({"type": type, "id": "t", **fields})
    return json.dumps({"type": RESPONSE, "id": "r", "body": body, "done": False})


@pytest.mark.parametrize(
    ("frame", "kind"),
    [
        (json.dumps({"type": "cf_agent_state", "state": {"a": [THEIRS]}}), "state"),
        (json.dumps({"type": "cf_agent_chat_messages", "messages": [{"id": THEIRS}]}), "history"),
        (
            json.dumps({"type": RESPONSE, "id": "r", "body": THEIRS, "done": True, "error": True}),
            "error text",
        ),
        (json.dumps({"type": "rpc", "id": "1", "success": False, "error": THEIRS}), "error text"),
        (json.dumps({"type": "rpc", "id": "1", "success": True, "result": THEIRS}), "frame"),
        (json.dumps({"type": "cf_agent_identity", "name": THEIR_ID}), "frame"),
        (chunk("tool-input-delta", inputTextDelta=f'{{"q":"{THEIRS}'), "tool argument"),
        (chunk("tool-output-available", output=THEIRS), "tool result"),
        (chunk("text-delta", delta=THEIRS), "frame"),
        (f"no json {THEIRS}", "frame"),
    ],
)
def test_a_foreign_word_in_a_frame(frame: str, kind: str, evidence: Evidence) -> None:
    Hearing(names, 1, evidence, Counter()).frame(frame)
    Hearing(names, 2, evidence, Counter()).frame(frame)

    assert [(each.kind, each.source, each.target) for each in evidence.findings] == [(kind, 2, 1)]


def test_a_word_in_pieces_is_found(evidence: Evidence) -> None:
    hearing = Hearing(names, 1, evidence, Counter())
    for letter in f"so {THEIRS} it is":
        hearing.frame(chunk("text-delta", delta=letter))

    assert [each.kind for each in evidence.findings] == ["frame"]
    assert evidence.findings[0].times == 1


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({"session": OUR_ID, "text": THEIRS}, True),
        ({"session": Address("chat", OUR_ID), "text": THEIRS}, True),
        ({"session": OUR_ID, "other": THEIR_ID}, True),
        ({"session": OUR_ID, "text": OURS}, False),
        ({"text": THEIRS}, False),
        ({"about": OUR_ID, "text": THEIRS}, True),
        ({"sessions": f"{OUR_ID} {THEIR_ID}"}, False),
        ({"session": OUR_ID, "exc_info": ValueError(THEIRS)}, True),
    ],
)
def test_a_record_is_judged_by_the_session_it_is_bound_to(
    fields: dict[str, Any], found: bool, evidence: Evidence
) -> None:
    LogWatch(names, evidence, Counter()).record("something.happened", fields)

    assert [each.kind for each in evidence.findings] == (["log"] if found else [])


def test_both_kinds_of_loggers_are_heard(evidence: Evidence) -> None:
    counts: Counter[str] = Counter()
    with LogWatch(names, evidence, counts).watching():
        structlog.get_logger("a").info("one", session=OUR_ID, text=THEIRS)
        logging.getLogger("b").info("two %s %s", OUR_ID, THEIRS)
        with structlog.contextvars.bound_contextvars(session=OUR_ID):
            structlog.get_logger("a").info("three", text=THEIRS)
    logging.getLogger("b").info("four %s %s", OUR_ID, THEIRS)

    assert counts["log records"] == 3
    assert len(evidence.findings) == 3


class Box:
    __slots__ = ("inside",)

    def __init__(self, inside: object) -> None:
        self.inside = inside


def turn_of(session: str, text: str) -> Turn:
    message = {"id": "u", "role": "user", "parts": [{"type": "text", "text": text}]}
    return Turn(session=Address("chat", session), request_id="r", messages=[message])


def closing_over(value: object) -> Any:
    return lambda: value


def defaulting(kept: list[str] = []) -> list[str]:  # noqa: B006  # the mistake is what is looked for
    return kept


@functools.lru_cache(maxsize=8)
def remembered(question: str) -> str:
    return f"{question} {THEIRS}"


VARIABLE: ContextVar[list[str]] = ContextVar("VARIABLE", default=[THEIRS])  # noqa: B039  # likewise


@pytest.mark.parametrize(
    ("value", "path"),
    [
        (THEIRS, "root"),
        (THEIRS.encode(), "root"),
        (THEIR_ID, "root"),
        ([1, {"a": (THEIRS,)}], "root[1]['a'][0]"),
        (Box(Box(THEIRS)), "root.inside.inside"),
        (types.SimpleNamespace(a=THEIRS), "root.a"),
        (closing_over(THEIRS), "root.<closure value>"),
        (functools.partial(print, THEIRS), "root.args[0]"),
        (VARIABLE, "root.get()[0]"),
        (turn_of("s", THEIRS), "root.messages[0]['parts'][0]['text']"),
        (Address("chat", THEIR_ID), "root.session"),
        ({OUR_ID: THEIRS}, f"root['{OUR_ID}']"),
    ],
)
def test_a_word_is_found_in(value: object, path: str) -> None:
    assert [hit.path for hit in walk(value)] == [path]


@pytest.mark.parametrize(
    "value",
    [
        {THEIR_ID: THEIRS},
        {Address("chat", THEIR_ID): [THEIRS]},
        {("profile", THEIR_ID): THEIRS},
        {f"tell me about {THEIRS}": f"about {THEIRS}"},
        {THEIR_ID},
        [THEIR_ID],
        logging.getLogger("quiet"),
        "canary-000000000000000000000000",
    ],
)
def test_what_is_kept_for_its_own_session_is_no_finding(value: object) -> None:
    assert walk(value) == []


def test_mutable_defaults_and_caches_of_functions_are_looked_into() -> None:
    defaulting().append(THEIRS)
    remembered("what?")
    remembered(f"what is {THEIRS}?")

    assert [hit.path for hit in walk(defaulting)] == ["root.<default>[0]"]
    assert [hit.path for hit in walk(remembered)] == ["root.<cache>['what?']"]
    defaulting().clear()


def test_an_instance_in_a_variable_is_a_current_session() -> None:
    class Chat(ChatAgent):
        session = Address("chat", THEIR_ID)

    assert [hit.token for hit in walk(Chat())] == [THEIR_ID]
    assert walk([Chat()]) == []
    assert walk({Chat(): THEIRS}) == []


def walk(value: object) -> list[Any]:
    found = Walk(names, lambda agent: 2, frozenset({__name__}))
    return list(found.hits({"root": value}, None))


def test_a_schema_is_filled_with_the_word() -> None:
    schema = {
        "type": "object",
        "properties": {
            "q": {"type": "string"},
            "short": {"type": "string", "maxLength": 3},
            "n": {"type": "integer", "minimum": 5},
            "how": {"enum": ["fast", "slow"]},
            "who": {"$ref": "#/$defs/Who"},
            "tags": {"type": "array", "items": {"anyOf": [{"type": "string"}, {"type": "null"}]}},
        },
        "$defs": {"Who": {"type": "object", "properties": {"name": {"type": "string"}}}},
    }

    assert fitting(schema, "word") == {
        "q": "word",
        "short": "wor",
        "n": 5,
        "how": "fast",
        "who": {"name": "word"},
        "tags": ["word"],
    }


def test_a_plan_is_repeated_by_its_seed() -> None:
    from random import Random

    assert fates(100, Random(1)) == fates(100, Random(1)) != fates(100, Random(2))
    assert Counter(fates(100, Random(1))) == Counter(fates(100, Random(2)))
