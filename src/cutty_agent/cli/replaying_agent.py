"""Running a recorded conversation again through the application's own agent, whose model says what was recorded."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import msgspec
from pydantic_ai.capabilities import AbstractCapability
from pydantic_ai.exceptions import ToolFailed
from pydantic_ai.messages import ModelMessage, ToolCallPart
from pydantic_ai.models.function import AgentInfo, DeltaThinkingPart, DeltaToolCall, FunctionModel
from pydantic_ai.tools import RunContext, ToolDefinition

from ..agent.chat import AgentFactory, ChatAgent
from ..agent.turn import Turn
from ..core import replay
from ..core.parts import Part, call_id, state_of, tool_name
from ..errors import ModelError
from ..wire.chunks import Chunk
from .replaying import Cue, Prepare

NAME = "recorded"
"""What the model is called that plays."""


class PlayedTurn(Turn):
    """A turn whose runs ask the recording instead of a model."""

    __slots__ = ("_recording",)

    def __init__(self, turn: Turn, recording: Recording) -> None:
        super().__init__(
            session=turn.session,
            request_id=turn.request_id,
            messages=turn.messages,
            body=turn.body,
            client_tools=turn.client_tools,
            continuation=turn.continuation,
            principal=turn.principal,
            trace=turn.trace,
        )
        self.usage = turn.usage
        self._recording = recording

    def run(self, model: Any, /, **options: Any) -> AsyncIterator[Chunk]:
        """As :meth:`Turn.run`, with the model and, unless they are to run, the tools of the recording."""
        recording = self._recording
        options["model"] = FunctionModel(stream_function=recording.play, model_name=NAME)
        if not recording.run_tools:
            options["capabilities"] = [*(options.get("capabilities") or ()), RecordedTools(recording)]
        return super().run(model, **options)


class Recording:
    """What the model said in one turn, call by call, and what its tools returned."""

    def __init__(self, cue: Cue, *, run_tools: bool) -> None:
        self.step = cue.step
        answer = cue.step.answer if cue.step is not None else None
        self.run_tools = run_tools
        self._rounds = iter(replay.rounds(answer) if answer is not None else ())
        self.results: dict[str, Part] = {
            id: part for part in (answer or {}).get("parts", ()) if (id := call_id(part)) is not None
        }

    async def play(
        self, messages: list[ModelMessage], info: AgentInfo
    ) -> AsyncIterator[str | dict[int, DeltaThinkingPart] | dict[int, DeltaToolCall]]:
        """The next call of the model.

        Raises:
            ModelError: the agent asked more often than it did when it was recorded.
        """
        said = next(self._rounds, None)
        if said is None:
            raise ModelError(
                "The agent called its model more often than was recorded.",
                remedy="Compare the tools and instructions of then and now.",
            )
        silent = True
        for at, part in enumerate(said):
            if part.get("type") == "text" and part.get("text"):
                yield str(part["text"])
                silent = False
            elif part.get("type") == "reasoning":
                yield {at: DeltaThinkingPart(content=str(part.get("text", "")))}
            elif (id := call_id(part)) is not None:
                arguments = msgspec.json.encode(part.get("input", {})).decode()
                yield {at: DeltaToolCall(tool_name(part), arguments, tool_call_id=id)}
                silent = False
        if silent:
            yield " "  # a model that says nothing is asked again


@dataclass
class RecordedTools(AbstractCapability[Any]):
    """Returns what tools returned when they were recorded, and runs none."""

    recording: Recording

    async def wrap_tool_execute(
        self, ctx: RunContext[Any], *, call: ToolCallPart, tool_def: ToolDefinition, args: Any, handler: Any
    ) -> Any:
        """The recorded outcome of this call; one that had none runs, and comes to its own end."""
        part = self.recording.results.get(call.tool_call_id)
        if part is None or state_of(part) not in {"output-available", "output-error"}:
            return await handler(args)
        if state_of(part) == "output-error":
            raise ToolFailed(str(part.get("errorText", "")))
        return part.get("output")


def with_agent(factory: AgentFactory, *, run_tools: bool) -> Prepare:
    """The application's agent, asking the recording."""

    def prepare(cue: Cue) -> AgentFactory:
        current: list[Recording] = []

        def recording() -> Recording:
            """One for all turns that make one answer: what follows a result or an approval goes on in it."""
            if not current or current[0].step is not cue.step:
                current[:] = [Recording(cue, run_tools=run_tools)]
            return current[0]

        def make() -> ChatAgent:
            agent = factory()
            own = agent.on_chat_message
            # Of the instance, so that everything else of the author's class is as it is.
            agent.on_chat_message = lambda turn: own(  # type: ignore[method-assign]  # that is the point
                PlayedTurn(turn, recording())
            )
            return agent

        return make

    return prepare
