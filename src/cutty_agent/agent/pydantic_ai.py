"""Runs a Pydantic AI agent over a turn: transcript in, UI message chunks out."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, cast

import pydantic_ai as framework
from pydantic_ai.agent import AbstractAgent
from pydantic_ai.exceptions import RunCancelled, RunTimedOut
from pydantic_ai.messages import ModelMessage
from pydantic_ai.run import AgentRunResultEvent
from pydantic_ai.tools import DeferredToolRequests, ToolDefinition
from pydantic_ai.toolsets import AbstractToolset, ExternalToolset, FunctionToolset
from pydantic_ai.ui.vercel_ai import VercelAIAdapter, VercelAIEventStream
from pydantic_ai.ui.vercel_ai.request_types import SubmitMessage
from pydantic_ai.ui.vercel_ai.response_types import BaseChunk
from pydantic_ai.usage import RunUsage

from ..errors import BadRequest
from ..ids import Address
from ..wire.chunks import Chunk, UIMessage
from .history import continued, ui_messages
from .model_errors import explain
from .output import wire_form
from .run_trace import RunTrace
from .turn_trace import TurnTrace
from .usage import Usage

_SDK_VERSION: Literal[6] = 6
"""The AI SDK whose chunks are made: version 5's and those of approvals, which every client reads (protocol 4.1)."""

_TOOL_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")


class Asked(Protocol):
    """What a run reads and fills of a :class:`~cutty_agent.agent.turn.Turn`, which imports this module."""

    @property
    def session(self) -> Address: ...
    @property
    def messages(self) -> Sequence[UIMessage]: ...
    @property
    def client_tools(self) -> list[dict[str, Any]]: ...
    @property
    def usage(self) -> Usage: ...
    @property
    def trace(self) -> TurnTrace: ...


async def run(
    turn: Asked,
    agent: AbstractAgent[Any, Any] | str,
    *,
    deps: Any = None,
    message_history: Sequence[ModelMessage] | None = None,
    toolsets: Sequence[AbstractToolset[Any]] | None = None,
    system_messages: bool = False,
    **options: Any,
) -> AsyncGenerator[Chunk]:
    """Stream one run of ``agent`` (or of a bare model, ``"anthropic:claude-sonnet-4-5"``) over ``turn.messages``.

    Yields chunks in wire form: text, reasoning, tools with their results, sources, files, approval requests.
    Calls of ``turn.client_tools`` and of tools that need an approval end the run; their results come in a later
    turn. ``message_history`` is history in Pydantic AI's form to put before the transcript. ``system_messages``
    lets messages of role ``system`` in the transcript reach the model; a client may have written them.
    Every other option (``model``, ``model_settings``, ``usage_limits``, ``instructions``, ``capabilities``,
    ``timeout`` in seconds, …) goes to the run as it is. The agent itself is shared and never changed.

    ``turn.usage`` grows when the run ends, also when it fails or is stopped. Closing the generator, or cancelling the task
    that iterates over it, closes the connection to the provider before it returns.

    Raises:
        ModelError: the provider failed; the cause is chained.
        ConfigError: the agent or its model is not set up correctly.
        BadRequest: a client tool has a name or schema that no model accepts.
    """
    usage = RunUsage()
    try:
        async with AsyncExitStack() as opened:
            opened.enter_context(turn.trace.exact())
            runner: AbstractAgent[Any, Any] = (
                await opened.enter_async_context(framework.Agent(agent))  # closes its HTTP client again
                if isinstance(agent, str)
                else agent
            )
            read = [one for one in turn.messages if system_messages or one.get("role") != "system"]
            request = SubmitMessage.model_construct(id=str(turn.session), messages=ui_messages(read))
            answer = _Answer(request, sdk_version=_SDK_VERSION)
            events = _Adapter(
                runner,
                request,
                sdk_version=_SDK_VERSION,
                manage_system_prompt="client" if system_messages else "server",
            ).run_stream_native(
                deps=deps,
                message_history=message_history,
                toolsets=[*(toolsets or ()), *_client_tools(turn, runner)],
                output_type=_output_type(runner, options.pop("output_type", None)),
                usage=usage,
                capabilities=[*(options.pop("capabilities", None) or ()), RunTrace(turn.trace)],
                **options,
            )
            chunks = cast("AsyncGenerator[BaseChunk]", answer.transform_stream(events))
            async with aclosing(chunks), aclosing(_wire(chunks, answer)) as wire:
                async for chunk in wire:
                    yield chunk
            turn.usage.model = answer.model or turn.usage.model
            if answer.failure is not None:
                raise answer.failure
    except Exception as error:
        explained = explain(error)
        if explained is None or explained is error:
            raise
        raise explained from error
    finally:
        turn.usage.input_tokens += usage.input_tokens
        turn.usage.output_tokens += usage.output_tokens
        turn.usage.requests += usage.requests
        turn.usage.cache_read_tokens += usage.cache_read_tokens
        turn.usage.cache_write_tokens += usage.cache_write_tokens


class _Adapter(VercelAIAdapter[Any, Any]):
    def sanitize_messages(self, messages: Sequence[ModelMessage], **options: Any) -> list[ModelMessage]:
        return continued(super().sanitize_messages(messages, **options))


@dataclass
class _Answer(VercelAIEventStream[Any, Any]):
    """The framework's events as chunks. Keeps the failure that the framework would only write into the stream."""

    failure: Exception | None = field(default=None, init=False)
    model: str | None = field(default=None, init=False)

    async def on_error(self, error: Exception) -> AsyncIterator[BaseChunk]:
        self.failure = error
        async for chunk in super().on_error(error):
            yield chunk

    async def on_cancelled(self, cancelled: RunCancelled) -> AsyncIterator[BaseChunk]:
        if isinstance(cancelled, RunTimedOut):
            self.failure = cancelled
        async for chunk in super().on_cancelled(cancelled):
            yield chunk

    async def handle_run_result(self, event: AgentRunResultEvent[Any]) -> AsyncIterator[BaseChunk]:
        self.model = event.result.response.model_name
        async for chunk in super().handle_run_result(event):
            yield chunk


async def _wire(chunks: AsyncIterator[BaseChunk], answer: _Answer) -> AsyncGenerator[Chunk]:
    """Chunks in wire form, without the framework's bookkeeping and with as many step ends as step starts."""
    in_step = False
    async for model in chunks:
        chunk = wire_form(model)
        match chunk["type"]:
            case "done":
                continue
            case "error" | "abort" | "finish" if answer.failure is not None:
                continue  # the failure is raised, and whoever runs the turn words its end
            case "start-step":
                in_step = True
            case "finish-step":
                if not in_step:
                    continue  # a run that failed before its first step, or only executed approved tools
                in_step = False
            case "message-metadata":
                kept = {key: value for key, value in chunk["messageMetadata"].items() if key != "pydantic_ai"}
                if not kept:
                    continue
                chunk["messageMetadata"] = kept
        yield chunk


def _output_type(agent: AbstractAgent[Any, Any], wanted: Any) -> Any:
    """What the run may end with: the agent's own output, or calls that wait for a client or an approval."""
    if wanted is None and getattr(agent, "_output_validators", None):
        return None  # the framework refuses another output type for such an agent
    wanted = agent.output_type if wanted is None else wanted
    forms = [*wanted] if isinstance(wanted, list | tuple) else [wanted]
    return wanted if DeferredToolRequests in forms else [*forms, DeferredToolRequests]


def _client_tools(turn: Asked, agent: AbstractAgent[Any, Any]) -> list[ExternalToolset[Any]]:
    """The visitor's tools. A tool of the server with the same name wins: a client must not take its place."""
    taken = {
        name for toolset in agent.toolsets if isinstance(toolset, FunctionToolset) for name in toolset.tools
    }
    tools: dict[str, ToolDefinition] = {}
    for tool in turn.client_tools:
        name, schema = tool.get("name"), tool.get("parameters") or {"type": "object", "properties": {}}
        if not isinstance(name, str) or not _TOOL_NAME.fullmatch(name):
            raise BadRequest(
                f"The client tool name {str(name)[:80]!r} is not valid.",
                remedy="Use 1 to 64 letters, digits, _ or - in clientTools[].name.",
            )
        if not isinstance(schema, dict):
            raise BadRequest(
                f"The parameters of the client tool {name} are not an object.",
                remedy="Give a JSON schema of type object in clientTools[].parameters.",
            )
        if name not in taken:
            description = tool.get("description")
            tools[name] = ToolDefinition(
                name=name,
                description=description if isinstance(description, str) else None,
                parameters_json_schema=schema,
            )
    return [ExternalToolset([*tools.values()])] if tools else []
