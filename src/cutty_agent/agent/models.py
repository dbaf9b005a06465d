"""Which model answers: a provider's, one behind an OpenAI-compatible address, or the demo model."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec

from ..errors import ConfigError
from ..wire.chunks import Chunk
from .demo import demo
from .turn import Turn
from .usage import DEMO

if TYPE_CHECKING:
    from pydantic_ai.models import Model

_COMPATIBLE = ("openai:", "openai-chat:", "ollama:", "vllm:", "litellm:")
"""Prefixes that say nothing new about an OpenAI-compatible server; other colons belong to the model's name."""

_EXAMPLE = "anthropic:claude-sonnet-4-5"


class ModelChoice(msgspec.Struct, frozen=True):
    """A model that is ready to answer. ``run`` streams one turn; it is shared by all sessions and keeps nothing."""

    name: str
    demo: bool
    run: Callable[[Turn], AsyncIterator[Chunk]]


def resolve(
    model: str | None,
    base_url: str | None = None,
    api_key: str | None = None,
    *,
    instructions: str | None = None,
    demo_delay_s: float = 0.03,
) -> ModelChoice:
    """The model that the settings name.

    ``model`` is a name of Pydantic AI (``provider:model``); ``None`` without a ``base_url`` is the demo model. With
    ``base_url`` the server there speaks OpenAI's chat completions (Ollama, vLLM, …) and the prefix may be
    missing; only ``api_key`` is sent to it, never a key from the environment. ``instructions`` is the system prompt.

    Raises:
        ConfigError: unknown provider, missing key, package or name. No request is made to find out.
    """
    if model is None and base_url is None:
        return ModelChoice(DEMO, demo=True, run=partial(demo, delay_s=demo_delay_s))
    if not model:
        raise ConfigError(
            "The model has a base URL but no name.", remedy="Name the model, for example --model llama3.2."
        )
    chosen = (
        _provider_model(model, api_key) if base_url is None else _compatible_model(model, base_url, api_key)
    )

    from pydantic_ai import Agent

    from .pydantic_ai import run

    agent: Agent[None, str] = Agent(chosen, instructions=instructions)
    return ModelChoice(model, demo=False, run=partial(run, agent=agent))


def _compatible_model(model: str, base_url: str, api_key: str | None) -> Model:
    if not re.match(r"https?://[^/\s]+", base_url):
        raise ConfigError(
            f"The base URL {base_url!r} of the model is not an http or https address.",
            remedy="Give it with its scheme and path, for example http://127.0.0.1:11434/v1.",
        )
    _require("openai", "openai")
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.openai import OpenAIProvider

    name = next((model.removeprefix(prefix) for prefix in _COMPATIBLE if model.startswith(prefix)), model)
    return OpenAIChatModel(name, provider=OpenAIProvider(base_url=base_url, api_key=api_key or "none"))


def _provider_model(model: str, api_key: str | None) -> Model:
    from pydantic_ai.exceptions import UserError
    from pydantic_ai.models import infer_model
    from pydantic_ai.providers import infer_provider, infer_provider_class

    def with_key(provider: str) -> Any:
        return infer_provider_class(provider)(api_key=api_key)  # type: ignore[call-arg]  # most providers take one

    provider, colon, name = model.partition(":")
    if model != "test":
        _check_name(model, provider, colon, name)
    try:
        return infer_model(model, provider_factory=with_key if api_key else infer_provider)
    except ImportError as error:
        raise _missing_package(provider) from error
    except TypeError as error:
        raise ConfigError(
            f"The provider {provider} does not take an API key.",
            remedy="Leave the key out and set the provider's own environment variables.",
        ) from error
    except UserError as error:
        variables = dict.fromkeys(re.findall(r"`([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)`", str(error)))
        if not variables:
            raise ConfigError(
                f"There is no model {model!r}.", remedy=f"Use a name like {_EXAMPLE}."
            ) from error
        raise ConfigError(
            f"The model {model} needs {' or '.join(variables)}, which is not set.",
            remedy=f"Set {next(iter(variables))} in the environment, or leave the model out to use the demo model.",
        ) from error


def _check_name(model: str, provider: str, colon: str, name: str) -> None:
    from pydantic_ai.providers import infer_provider_class

    if not colon or not name:
        raise ConfigError(
            f"The model {model!r} does not name its provider.",
            remedy=f"Use provider:model, for example {_EXAMPLE}; for a server of your own give its base URL too.",
        )
    try:
        infer_provider_class(provider)
    except ImportError as error:
        raise _missing_package(provider) from error
    except ValueError as error:
        raise ConfigError(
            f"There is no model provider {provider!r}.",
            remedy=f"Use one that Pydantic AI knows, for example {_EXAMPLE} or openai:gpt-5.",
        ) from error


def _require(package: str, extra: str) -> None:
    if importlib.util.find_spec(package) is None:
        raise _missing_package(extra)


def _missing_package(provider: str) -> ConfigError:
    extra = provider.removeprefix("gateway/").split("-")[0]
    return ConfigError(
        f"The package for the model provider {provider} is not installed.",
        remedy=f'Install it: pip install "pydantic-ai-slim[{extra}]"',
    )
