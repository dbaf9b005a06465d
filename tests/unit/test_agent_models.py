"""Which model the settings name, and what is wrong with them, before anything is asked."""

from __future__ import annotations

import importlib.util
import subprocess
import sys

import pytest

from cutty_agent.agent.models import resolve
from cutty_agent.agent.turn import Turn
from cutty_agent.errors import ConfigError
from cutty_agent.ids import Address


@pytest.fixture(autouse=True)
def _no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "ANTHROPIC_API_KEY", "OLLAMA_BASE_URL"):
        monkeypatch.delenv(variable, raising=False)


async def test_no_model_is_the_demo_model() -> None:
    choice = resolve(None, demo_delay_s=0)
    assert (choice.name, choice.demo) == ("demo", True)
    turn = Turn(session=Address("chat", "s"), request_id="r", messages=[])
    assert [chunk["type"] async for chunk in choice.run(turn)][-1] == "finish"


@pytest.mark.parametrize(
    ("model", "base_url", "says"),
    [
        ("nope:x", None, "no model provider 'nope'"),
        ("gpt-5", None, "does not name its provider"),
        ("openai:", None, "does not name its provider"),
        ("openai:gpt-5", None, "needs OPENAI_API_KEY, which is not set. Set OPENAI_API_KEY"),
        ("anthropic:claude-sonnet-4-5", None, "Set ANTHROPIC_API_KEY in the environment"),
        ("ollama:llama3", None, "Set OLLAMA_BASE_URL"),
        (None, "http://127.0.0.1:1/v1", "no name"),
        ("llama3", "127.0.0.1:11434", "not an http or https address"),
        ("llama3", "file:///etc/passwd", "not an http or https address"),
    ],
)
def test_what_is_wrong_is_said_with_a_remedy(model: str | None, base_url: str | None, says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        resolve(model, base_url)
    assert says in str(caught.value)
    assert caught.value.remedy


@pytest.mark.skipif(importlib.util.find_spec("groq") is not None, reason="the package is installed")
def test_a_missing_package_is_named() -> None:
    with pytest.raises(ConfigError, match=r'pip install "pydantic-ai-slim\[groq\]"'):
        resolve("groq:llama-3.3-70b-versatile")


@pytest.mark.parametrize("model", ["openai:gpt-5", "anthropic:claude-sonnet-4-5"])
def test_a_key_from_the_environment_or_given_is_enough(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert resolve(model, api_key="sk-x").name == model
    monkeypatch.setenv(f"{model.split(':')[0].upper()}_API_KEY", "sk-x")
    choice = resolve(model)
    assert (choice.name, choice.demo) == (model, False)
    assert "sk-x" not in repr(choice)


def test_the_demo_model_does_not_load_the_frameworks() -> None:
    program = (
        "import sys; from cutty_agent.agent.models import resolve; resolve(None); "
        "print([name for name in ('pydantic_ai', 'openai', 'anthropic') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
