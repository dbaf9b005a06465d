"""Watches one Pydantic AI run: when its models and tools are called, and when they answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from opentelemetry.trace import NoOpTracer
from pydantic_ai.capabilities import AbstractCapability
from pydantic_ai.exceptions import ApprovalRequired, CallDeferred, SkipToolExecution
from pydantic_ai.messages import ModelResponse, ToolCallPart
from pydantic_ai.models import ModelRequestContext
from pydantic_ai.tools import RunContext, ToolDefinition

from .turn_trace import TurnTrace


@dataclass
class RunTrace(AbstractCapability[Any]):
    """Tells a turn's trace of every call. A run that the application instruments itself keeps its own spans, which
    stand below those of the turn; then ours are only noted in the turn's record."""

    trace: TurnTrace

    async def wrap_model_request(
        self, ctx: RunContext[Any], *, request_context: ModelRequestContext, handler: Any
    ) -> ModelResponse:
        """One request to a model, with its attempts."""
        named = {"gen_ai.provider.name": ctx.model.system or "_OTHER"}
        with self.trace.call("model", ctx.model.model_name, named, traced=_bare(ctx)) as noted:
            response: ModelResponse = await handler(request_context)
            noted.attributes = {
                "gen_ai.usage.input_tokens": response.usage.input_tokens,
                "gen_ai.usage.output_tokens": response.usage.output_tokens,
            }
            if response.model_name:
                noted.attributes["gen_ai.response.model"] = response.model_name
            if response.finish_reason:
                noted.attributes["gen_ai.response.finish_reason"] = response.finish_reason
            return response

    async def wrap_tool_execute(
        self, ctx: RunContext[Any], *, call: ToolCallPart, tool_def: ToolDefinition, args: Any, handler: Any
    ) -> Any:
        """One execution of a tool. One that is left to a client or needs an approval is no error."""
        with self.trace.call(
            "tool",
            call.tool_name,
            {"gen_ai.tool.call.id": call.tool_call_id, "gen_ai.tool.type": "function"},
            traced=_bare(ctx),
            control=(CallDeferred, ApprovalRequired, SkipToolExecution),
        ):
            return await handler(args)


def _bare(ctx: RunContext[Any]) -> bool:
    """Whether nothing else makes spans of this run."""
    return isinstance(ctx.tracer, NoOpTracer)
