"""A model without a network that repeats what it was given, so that whatever reached it shows in the answer."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Any
from zlib import crc32

from .names import Names

if TYPE_CHECKING:
    from pydantic_ai.messages import ModelMessage
    from pydantic_ai.models import Model
    from pydantic_ai.models.function import AgentInfo, DeltaToolCall, FunctionModel
    from pydantic_ai.tools import ToolDefinition

_REPEATED = 6
"""How many of the newest tokens are repeated; of older ones, one of each session."""

_FAIL = re.compile(r"^\W*fail\b", re.IGNORECASE)
_TOOL = re.compile(r"\b(weather|look up|tool)\b", re.IGNORECASE)
_LOCAL = frozenset(
    f"pydantic_ai.models.{name}"
    for name in (
        "batch",
        "concurrency",
        "decision",
        "fallback",
        "function",
        "instrumented",
        "test",
        "wrapper",
    )
)
"""Models that ask no provider, or pass on to another model."""


class Echo:
    """Repeats canaries from its messages, instructions, settings and tool descriptions.

    Asked about the weather, to look something up or to use a tool, it first calls a tool with the newest of
    them; asked to ``fail``, it fails as a provider that is overloaded.
    """

    def __init__(self, names: Names) -> None:
        self._names = names

    def model(self) -> FunctionModel:
        """As a model of Pydantic AI."""
        from pydantic_ai.messages import ModelResponse, TextPart, ToolCallPart
        from pydantic_ai.models.function import DeltaToolCall, FunctionModel

        async def whole(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
            said = self._answer(messages, info)
            await asyncio.sleep(0.001)
            return ModelResponse([TextPart(said) if isinstance(said, str) else ToolCallPart(*said)])

        async def streamed(
            messages: list[ModelMessage], info: AgentInfo
        ) -> AsyncIterator[str | dict[int, DeltaToolCall]]:
            said = self._answer(messages, info)
            if not isinstance(said, str):
                yield {0: DeltaToolCall(name=said[0], json_args=json.dumps(said[1]))}
                return
            for at, word in enumerate(re.findall(r"\S+\s*", said)):
                yield word
                await asyncio.sleep(0.001 if at % 4 == 0 else 0)

        return FunctionModel(whole, stream_function=streamed, model_name="echo")

    def _answer(self, messages: list[ModelMessage], info: AgentInfo) -> str | tuple[str, dict[str, Any]]:
        from pydantic_ai.exceptions import ModelHTTPError

        asked, settled = _newest(messages)
        told = self._told(messages, info)
        word = told[-1] if told else "nothing"
        if not settled and _FAIL.search(asked):
            raise ModelHTTPError(503, "echo", body=f"overloaded while reading {word}")
        if not settled and _TOOL.search(asked) and info.function_tools:
            tool = info.function_tools[crc32(asked.encode()) % len(info.function_tools)]
            return _call(tool, word)
        if not info.allow_text_output and info.output_tools:
            return _call(info.output_tools[0], word)
        output = info.model_request_parameters.output_object
        if info.model_request_parameters.output_mode in ("native", "prompted") and output is not None:
            return json.dumps(fitting(output.json_schema, word))
        return f"You told me {' and '.join(told) if told else 'nothing yet'} ."

    def _told(self, messages: list[ModelMessage], info: AgentInfo) -> list[str]:
        tools = [(tool.name, tool.description) for tool in (*info.function_tools, *info.output_tools)]
        around = self._names.found(f"{info.instructions} {info.model_settings} {tools}")
        said = list(dict.fromkeys(self._names.found(repr(messages))))
        firsts = {self._names.owner(token): token for token in reversed(said)}
        return list(dict.fromkeys([*around, *firsts.values(), *said[-_REPEATED:]]))


def _newest(messages: list[ModelMessage]) -> tuple[str, bool]:
    """The newest text of the visitor, and whether a tool was already called for it."""
    settled = False
    for message in reversed(messages):
        for part in reversed(message.parts):
            if part.part_kind in ("tool-return", "retry-prompt"):
                settled = True
            elif part.part_kind == "user-prompt":
                content = part.content
                texts = (
                    [content]
                    if isinstance(content, str)
                    else [each for each in content if isinstance(each, str)]
                )
                return " ".join(texts), settled
    return "", settled


def _call(tool: ToolDefinition, word: str) -> tuple[str, dict[str, Any]]:
    given = fitting(tool.parameters_json_schema, word)
    return tool.name, given if isinstance(given, dict) else {}


def fitting(schema: dict[str, Any], word: str, top: dict[str, Any] | None = None, depth: int = 0) -> Any:
    """A value that a JSON schema accepts, with ``word`` wherever free text may stand."""
    top = schema if top is None else top
    if depth > 8:
        return None
    if "$ref" in schema:
        return fitting(top.get("$defs", {}).get(schema["$ref"].rpartition("/")[2], {}), word, top, depth + 1)
    if "const" in schema:
        return schema["const"]
    if schema.get("enum"):
        return schema["enum"][0]
    for form in ("anyOf", "oneOf", "allOf"):
        if schema.get(form):
            return fitting(schema[form][0], word, top, depth + 1)
    match schema.get("type"):
        case "string":
            return word[: schema.get("maxLength", len(word))]
        case "integer" | "number":
            return schema.get("minimum", 1)
        case "boolean":
            return True
        case "array":
            count = max(1, schema.get("minItems", 1))
            return [fitting(schema.get("items", {}), word, top, depth + 1) for _ in range(count)]
        case "object":
            inner = schema.get("properties", {})
            return {key: fitting(value, word, top, depth + 1) for key, value in inner.items()}
        case "null":
            return None
    return word


@contextlib.contextmanager
def echoing(names: Names) -> Iterator[None]:
    """Until the end, every provider's model of Pydantic AI answers as an :class:`Echo`, without a key.

    The author's model objects stay in place, with their settings, so that a change one session makes to a shared
    model reaches the others as it would. Enter it before the author's module is imported: then a model whose key is missing is made all the
    same. Models the author wrote, and clients used without Pydantic AI, are left as they are.
    """
    from pydantic_ai import models
    from pydantic_ai.exceptions import UserError

    echo = Echo(names).model()
    infer, allowed = models.infer_model, models.ALLOW_MODEL_REQUESTS

    def inferred(model: Any, *args: Any, **kwargs: Any) -> Model:
        try:
            return infer(model, *args, **kwargs)
        except (UserError, ImportError):
            return echo

    async def request(self: Model, messages: Any, settings: Any, parameters: Any) -> Any:
        return await echo.request(messages, {**(self.settings or {}), **(settings or {})}, parameters)

    @contextlib.asynccontextmanager
    async def request_stream(
        self: Model, messages: Any, settings: Any, parameters: Any, context: Any = None
    ) -> AsyncIterator[Any]:
        merged: Any = {**(self.settings or {}), **(settings or {})}
        async with echo.request_stream(messages, merged, parameters, context) as stream:
            yield stream

    kept: list[tuple[type, str, Any]] = []

    def replace(cls: type) -> None:
        for name, ours in (("request", request), ("request_stream", request_stream)):
            if name in vars(cls):
                kept.append((cls, name, vars(cls)[name]))
                setattr(cls, name, ours)

    base: Any = models.Model
    before = vars(base).get("__init_subclass__")

    def made_later(cls: Any, /, **given: Any) -> None:
        """The author's module may be the first to load its provider."""
        if before is None:
            super(base, cls).__init_subclass__(**given)
        else:
            before.__func__(cls, **given)
        if _is_provider(cls):
            replace(cls)

    for cls in _providers(models.Model):
        replace(cls)
    base.__init_subclass__ = classmethod(made_later)
    models.infer_model = inferred
    models.ALLOW_MODEL_REQUESTS = False  # for whatever else would ask a provider
    try:
        yield
    finally:
        models.infer_model, models.ALLOW_MODEL_REQUESTS = infer, allowed
        if before is None:
            del base.__init_subclass__
        else:
            base.__init_subclass__ = before
        for cls, name, value in kept:
            setattr(cls, name, value)


def _providers(base: type) -> list[type]:
    found: list[type] = []
    cls: type
    for cls in base.__subclasses__():
        if _is_provider(cls):
            found.append(cls)
        found += _providers(cls)
    return found


def _is_provider(cls: type) -> bool:
    return cls.__module__.startswith("pydantic_ai.models.") and cls.__module__ not in _LOCAL
