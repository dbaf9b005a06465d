"""``cutty-agent replay``: an export as a bug report that runs."""

from __future__ import annotations

import asyncio
import json
import sys
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cutty_agent import App
from cutty_agent.agent.chat import ChatAgent
from cutty_agent.agent.turn import Turn
from cutty_agent.cli.main import app as command
from cutty_agent.cli.replaying_visitor import Visitor
from cutty_agent.config import load
from cutty_agent.core import replay
from cutty_agent.core.fold import Fold
from cutty_agent.ids import Address
from cutty_agent.wire.principal import NOBODY

ADDRESS = Address("chat", "bug")


class Chat(ChatAgent):
    async def on_chat_message(self, turn: Turn) -> AsyncIterator[object]:
        match turn.text:
            case "tools":
                yield {"type": "start", "messageMetadata": {"mood": "calm"}}
                yield {"type": "start-step"}
                yield {"type": "reasoning-start", "id": "r"}
                yield {"type": "reasoning-delta", "id": "r", "delta": "hmm"}
                yield {"type": "reasoning-end", "id": "r"}
                yield {
                    "type": "tool-input-available",
                    "toolCallId": "c1",
                    "toolName": "clock",
                    "input": {"tz": 1},
                }
                yield {"type": "tool-input-available", "toolCallId": "c2", "toolName": "pay", "input": {}}
                yield {"type": "tool-output-available", "toolCallId": "c1", "output": {"noon": True}}
                yield {"type": "tool-approval-request", "approvalId": "a2", "toolCallId": "c2"}
                yield {"type": "tool-approval-response", "approvalId": "a2", "approved": True}
                yield {"type": "tool-output-error", "toolCallId": "c2", "errorText": "no money"}
                yield {"type": "source-url", "sourceId": "s", "url": "https://example.com"}
                yield {"type": "data-weather", "id": "w", "data": {"sun": 1}}
                yield {"type": "finish-step"}
            case "fail":
                yield "half an ans"
                raise RuntimeError("no")
            case "stop":
                yield "until here"
                self.abort(turn.request_id)
                await asyncio.Event().wait()
            case _:
                yield "You said "
                yield turn.text


async def ask(app: App, text: str, id: str) -> None:
    known = json.loads(await app.gate.messages(ADDRESS, NOBODY, "v5"))
    new = {"id": id, "role": "user", "parts": [{"type": "text", "text": text}]}
    answer = await app.gate.submit(ADDRESS, NOBODY, json.dumps({"messages": [*known, new]}).encode())
    async for _ in answer.bodies():
        pass


async def exported(directory: Path, texts: list[str], agents: Any = (Chat,)) -> Path:
    """A session in which this was said, as an export."""
    app = App(list(agents), load(data=directory / "data"))
    async with app.running():
        for at, text in enumerate(texts):
            await ask(app, text, f"u{at}")
        assert app.house is not None
        path = directory / "bug.zip"
        with path.open("wb") as file:
            async for piece in await app.house.operations.export_session(ADDRESS):
                file.write(piece)
    return path


def run(*arguments: object) -> Any:
    return CliRunner().invoke(command, ["replay", *map(str, arguments)])


def test_all_that_an_answer_can_hold_comes_out_the_same(tmp_path: Path) -> None:
    path = asyncio.run(exported(tmp_path, ["hello", "tools", "fail", "stop", "again"]))
    result = run(path, "--json")
    (told,) = json.loads(result.output)
    assert told["differences"] == []
    assert (told["turns"], told["messages"], told["same"]) == (5, 10, True)
    assert result.exit_code == 0
    assert "same" in run(path).output


def test_what_the_server_would_store_otherwise_is_told(tmp_path: Path) -> None:
    """A message as no server of ours leaves it: the replay says where it differs."""
    path = asyncio.run(exported(tmp_path, ["hello"]))
    changed = tmp_path / "changed.zip"
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(changed, "w") as target:
        for name in source.namelist():
            body = source.read(name)
            if name.endswith("messages.jsonl"):
                lines = [json.loads(line) for line in body.splitlines()]
                lines[-1]["parts"][-1]["state"] = "streaming"  # as after a crash that was not recovered
                body = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
            target.writestr(name, body)
    result = run(changed, "--json")
    assert result.exit_code == 1
    (told,) = json.loads(result.output)
    (difference,) = told["differences"]
    assert difference["message"] == 1
    assert difference["path"] == "parts[0].state"
    assert (difference["recorded"], difference["replayed"]) == ('"streaming"', '"done"')
    shown = run(changed)
    assert shown.exit_code == 1
    assert "different" in shown.output
    assert "parts[0].state" in shown.output


def test_only_the_wanted_session(tmp_path: Path) -> None:
    path = asyncio.run(exported(tmp_path, ["hello"]))
    assert run(path, "--session", "chat/bug").exit_code == 0
    assert run(path, "--session", "bug").exit_code == 0
    missing = run(path, "--session", "other")
    assert missing.exit_code == 1
    assert "no session other" in missing.output


def test_a_file_that_is_no_export(tmp_path: Path) -> None:
    file = tmp_path / "x.zip"
    file.write_bytes(b"no zip")
    result = run(file)
    assert result.exit_code == 1
    assert "ZIP" in result.output


MODULE = """
from pydantic_ai import Agent as Model
from pydantic_ai.models.function import FunctionModel, DeltaToolCall
from cutty_agent import App, ChatAgent

RAN = []

async def say(messages, info):
    if len(messages) % 4 == 1:
        yield "Let me look. "
        yield {1: DeltaToolCall("clock", "{}", tool_call_id=f"c{len(messages)}")}
    else:
        yield "It is noon."

model = Model(FunctionModel(stream_function=say))

@model.tool_plain
async def clock() -> str:
    RAN.append(1)
    return NOW

NOW = "noon"

class Chat(ChatAgent):
    SUFFIX = ""

    async def on_chat_message(self, turn):
        async for chunk in turn.run(model):
            yield chunk
        if self.SUFFIX:
            yield self.SUFFIX

app = App([Chat])
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    (tmp_path / "bugged_app.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    monkeypatch.delitem(sys.modules, "bugged_app", raising=False)
    import importlib

    yield importlib.import_module("bugged_app")
    sys.modules.pop("bugged_app", None)


def test_the_authors_agent_answers_with_what_its_model_said(tmp_path: Path, module: Any) -> None:
    path = asyncio.run(exported(tmp_path, ["what time", "and now"], [module.Chat]))
    assert len(module.RAN) == 2
    result = run(path, "--agent", "bugged_app:app", "--json")
    assert json.loads(result.output)[0]["differences"] == []
    assert result.exit_code == 0
    assert len(module.RAN) == 2  # tools did not run
    again = run(path, "--agent", "bugged_app:app", "--run-tools")
    assert again.exit_code == 0, again.output
    assert len(module.RAN) == 4
    module.NOW = "midnight"
    changed = run(path, "--agent", "bugged_app:app", "--run-tools", "--json")
    assert changed.exit_code == 1
    paths = {difference["path"] for difference in json.loads(changed.output)[0]["differences"]}
    assert paths == {"parts[1].output"}


def test_a_changed_agent_is_found_out(tmp_path: Path, module: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    path = asyncio.run(exported(tmp_path, ["what time"], [module.Chat]))
    monkeypatch.setattr(module.Chat, "SUFFIX", " Bye.")
    result = run(path, "--agent", "bugged_app:app", "--json")
    assert result.exit_code == 1
    (told,) = json.loads(result.output)
    assert any("Bye" in (difference["replayed"] or "") for difference in told["differences"])


def test_run_tools_needs_an_agent(tmp_path: Path) -> None:
    assert run(tmp_path / "x.zip", "--run-tools").exit_code == 1


# -- the pure part


def test_chunks_of_a_message_fold_to_the_message() -> None:
    message: dict[str, Any] = {
        "id": "a1",
        "role": "assistant",
        "metadata": {"k": 1},
        "parts": [
            {"type": "step-start"},
            {"type": "text", "text": "Hi", "state": "done"},
            {
                "type": "dynamic-tool", "toolCallId": "c", "toolName": "x", "state": "output-available",
                "input": {"a": 1}, "output": None,
            },
            {
                "type": "tool-y", "toolCallId": "d", "toolName": "y", "state": "output-denied",
                "input": {}, "approval": {"id": "ap", "approved": False, "reason": "no"},
            },
            {"type": "tool-z", "toolCallId": "e", "toolName": "z", "state": "input-available", "input": {}},
            {"type": "file", "url": "https://x", "mediaType": "image/png"},
        ],
    }  # fmt: skip
    fold = Fold("other")
    for chunk in replay.chunks(message):
        fold.apply(chunk)
    assert replay.differences([message], [fold.finish()]) == []


def test_steps_and_rounds() -> None:
    user = {"id": "u", "role": "user", "parts": []}
    answer = {"id": "a", "role": "assistant", "parts": []}
    assert replay.steps([answer, user, user, answer, answer, user]) == [
        replay.Step((), answer),
        replay.Step((user, user), answer),
        replay.Step((), answer),
        replay.Step((user,), None),
    ]
    text, call = {"type": "text", "text": "x"}, {"type": "tool-a", "toolCallId": "c"}
    assert replay.rounds({"parts": [{"type": "step-start"}, text, call, {"type": "step-start"}, text]}) == [
        [text, call],
        [text],
    ]
    assert replay.rounds({"parts": [text, call, text]}) == [[text, call], [text]]
    assert replay.rounds({"parts": []}) == []


def test_differences_name_what_is_missing() -> None:
    one = {"id": "a", "role": "user", "parts": [{"type": "text", "text": "x", "n": None}]}
    other = {"id": "a", "role": "user", "parts": [{"type": "text", "text": "y"}]}
    assert [(d.path, d.recorded, d.replayed) for d in replay.differences([one, one], [other])] == [
        ("parts[0].text", '"x"', '"y"'),
        ("parts[0].n", "null", None),
        ("", json.dumps(one, separators=(",", ":")), None),
    ]
    assert replay.differences([{"id": "a", "v": 1}], [{"id": "a", "v": 1.0}]) != []


WAITING = """
from pydantic_ai import Agent as Model
from pydantic_ai.models.function import FunctionModel, DeltaToolCall
from cutty_agent import App, ChatAgent

async def say(messages, info):
    match len(messages):
        case 1:
            yield "First "
            yield {1: DeltaToolCall("pay", '{"sum": 3}', tool_call_id="c1")}
            yield {2: DeltaToolCall("locate", "{}", tool_call_id="c2")}
        case _:
            yield "Thank you."

model = Model(FunctionModel(stream_function=say))

@model.tool_plain(requires_approval=True)
async def pay(sum: int) -> str:
    return "paid"

class Chat(ChatAgent):
    async def on_chat_message(self, turn):
        async for chunk in turn.run(model):
            yield chunk

app = App([Chat])
"""


def test_what_waited_for_the_visitor_is_answered_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "waiting_app.py").write_text(WAITING)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    monkeypatch.delitem(sys.modules, "waiting_app", raising=False)
    import importlib

    chat = importlib.import_module("waiting_app").Chat
    given = {
        "id": "a", "role": "assistant", "parts": [
            {"type": "tool-pay", "toolCallId": "c1", "toolName": "pay", "state": "output-available",
             "approval": {"id": "x", "approved": True}, "input": {}, "output": "paid"},
            {"type": "tool-locate", "toolCallId": "c2", "toolName": "locate", "state": "output-available",
             "input": {}, "output": {"city": "Oslo"}},
        ],
    }  # fmt: skip

    async def recorded() -> Path:
        app = App([chat], load(data=tmp_path / "data"))
        async with app.running():
            new = {"id": "u", "role": "user", "parts": [{"type": "text", "text": "pay"}]}
            tools = [{"name": "locate", "parameters": {"type": "object", "properties": {}}}]
            body = json.dumps({"messages": [new], "clientTools": tools}).encode()
            answer = await app.gate.submit(ADDRESS, NOBODY, body)
            async for _ in answer.bodies():
                pass
            visitor = Visitor(app, ADDRESS)
            await visitor.answer(given)
            visitor.leave()
            assert app.house is not None
            path = tmp_path / "waiting.zip"
            with path.open("wb") as file:
                async for piece in await app.house.operations.export_session(ADDRESS):
                    file.write(piece)
            stored = json.loads(await app.gate.messages(ADDRESS, NOBODY, "v5"))
        assert [part["type"] for part in stored[-1]["parts"]][-1] == "text"
        assert stored[-1]["parts"][-1]["text"] == "Thank you."
        return path

    path = asyncio.run(recorded())
    result = run(path, "--agent", "waiting_app:app", "--json")
    assert json.loads(result.output)[0]["differences"] == []
    assert result.exit_code == 0
    assert json.loads(run(path, "--json").output)[0]["differences"] == []
    sys.modules.pop("waiting_app", None)
