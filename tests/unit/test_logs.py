"""Log records: whose they are, and in which span they were written."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog
from opentelemetry import context, trace
from opentelemetry.sdk.trace import TracerProvider

from cutty_agent.cli import logs


@pytest.fixture
def configure() -> Iterator[Callable[[Any], None]]:
    """Sets up logging; afterwards it is put back."""
    before, root = structlog.get_config(), logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield lambda format: logs.configure(format, "info")
    structlog.reset_defaults()
    structlog.configure(**before)
    root.handlers[:] = handlers
    root.setLevel(level)


def test_a_record_of_a_session_names_all(configure: Any, capsys: pytest.CaptureFixture[str]) -> None:
    configure("json")
    structlog.get_logger("cutty_agent.session").info("session.awake", agent="chat", session="s")
    structlog.get_logger("cutty_agent.app").info("server.started")
    structlog.get_logger("elsewhere").info("other", session="theirs")
    of_session, of_server, foreign = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert {key: of_session[key] for key in ("agent", "session", "connection", "turn")} == {
        "agent": "chat",
        "session": "s",
        "connection": None,
        "turn": None,
    }
    assert "session" not in of_server
    assert "connection" not in foreign


def test_on_a_terminal_what_is_missing_is_left_out(
    configure: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    configure("console")
    structlog.get_logger("cutty_agent.session").info("session.awake", agent="chat", session="s")
    line = capsys.readouterr().err
    assert "session=s" in line
    assert "connection" not in line


def test_records_carry_the_span(configure: Any, capsys: pytest.CaptureFixture[str]) -> None:
    configure("json")
    tracer = TracerProvider().get_tracer("test")
    with tracer.start_as_current_span("turn", context=context.Context()) as span:
        structlog.get_logger("cutty_agent.turn").info("turn.ended")
        logging.getLogger("of.a.library").warning("plain")
    structlog.get_logger("cutty_agent.turn").info("later")
    inside, library, outside = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    found = span.get_span_context()
    for record in (inside, library):
        assert record["trace_id"] == trace.format_trace_id(found.trace_id)
        assert record["span_id"] == trace.format_span_id(found.span_id)
    assert "trace_id" not in outside


@pytest.mark.parametrize("library", ["httpx", "httpx2"])
def test_requests_to_models_are_not_logged_one_by_one(
    library: str, configure: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    configure("json")
    logging.getLogger(library).info('HTTP Request: POST https://models.example/v1 "HTTP/1.1 200 OK"')
    logging.getLogger(library).warning("something is wrong")
    (line,) = capsys.readouterr().err.splitlines()
    assert json.loads(line)["event"] == "something is wrong"


def test_one_record_may_have_several_readers(configure: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """An application adds handlers of its own, such as one that reports errors: each gets the record as it was."""
    configure("json")
    seen: list[Any] = []
    own = logging.Handler()
    own.emit = lambda record: seen.append(record.msg)  # type: ignore[method-assign]
    logging.getLogger().addHandler(own)
    structlog.get_logger("cutty_agent.turn").error("turn.failed", session="s", target="/a?token=abc")
    assert json.loads(capsys.readouterr().err)["target"] == "/a?token=***"
    assert seen[0]["target"] == "/a?token=abc"
