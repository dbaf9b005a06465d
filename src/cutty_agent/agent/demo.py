"""The built-in demo model: deterministic, without a key and without a network. It knows only the transcript."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterator
from itertools import cycle, islice
from zlib import crc32

from ..errors import ModelError
from ..wire.chunks import Chunk
from .turn import Turn
from .usage import DEMO

MAX_WORDS = 10_000
"""Words of the longest story or count."""

_STORY_WORDS = 400
_QUOTED = 200  # characters of the visitor's text that an answer repeats

HELP = """I am a demo model: no key, no network, and no intelligence. I can show you what a chat can do. Try:

- `my name is Ada`, and later `what is my name?`
- `weather in Oslo` (a tool call, with invented data)
- `think about cuttlefish` (reasoning before the answer)
- `count to 50` or `tell me a long story` (a long answer: stop it, reload, open a second tab)
- `show markdown`
- `fail` (an error)
"""

MARKDOWN = """## A heading

Text can be **bold**, *slanted* or `code`, with a [link](https://example.com/).

1. first
2. second
   - and inside

| cuttlefish | arms | hearts |
|---|---:|---:|
| common | 8 | 3 |
| pharaoh | 8 | 3 |

```python
def greet(name: str) -> str:
    return f"Hello, {name}!"
```

> All of this was streamed word by word.
"""

_STORY = (
    "Once a small cuttlefish lived under a warm stone in a quiet bay. "
    "Every morning it tried a new colour and asked the crabs what they thought. "
    "The crabs said nothing, for crabs are careful with their words. "
    "So it swam a little further, past the grass and the old anchor, and tried again. "
    "By evening it had been sand, rust, coral and moonlight, and it went home content."
)

_SKIES = ("clear sky", "light rain", "fog", "snow showers", "scattered clouds", "a fresh breeze")

Script = Iterator[Chunk]


async def demo(turn: Turn, *, delay_s: float = 0.03) -> AsyncIterator[Chunk]:
    """Answer the newest user message, one word every ``delay_s`` seconds (0: without any pause).

    The same turn always gives the same chunks. A continuation adds only what the last assistant message lacks,
    so an answer that a crash cut off ends up word for word as it would have been. ``turn.usage`` counts words.

    Raises:
        ModelError: the visitor asked it to fail.
    """
    turn.usage.requests += 1
    turn.usage.model = DEMO
    turn.usage.input_tokens += sum(len(_text(message).split()) for message in turn.messages)
    yield {"type": "start"}
    async for chunk in _paced(_script(turn), delay_s):
        if chunk["type"] == "text-delta":
            turn.usage.output_tokens += 1
        yield chunk
    yield {"type": "finish", "finishReason": "stop"}


async def _paced(script: Script, delay_s: float) -> AsyncIterator[Chunk]:
    for chunk in script:
        yield chunk
        if delay_s > 0 and chunk["type"].endswith("-delta"):
            await asyncio.sleep(delay_s)


def _script(turn: Turn) -> Script:
    scene = next((play for pattern, play in _SCENES if pattern.search(turn.text)), _echo)
    script = scene(turn)
    if turn.continuation and turn.messages and turn.messages[-1]["role"] == "assistant":
        script = _rest(script, turn)
    yield {"type": "start-step"}
    yield from script
    yield {"type": "finish-step"}


def _rest(script: Script, turn: Turn) -> Script:
    """The script without what the last assistant message already holds."""
    last = turn.messages[-1]
    said = _text(last)
    kinds = {part.get("type") for part in last["parts"]}
    for chunk in script:
        kind = chunk["type"]
        if kind == "text-delta" and said:
            delta = chunk["delta"]
            if said.startswith(delta):
                said = said[len(delta) :]
                continue
            if delta.startswith(said):
                chunk = {**chunk, "delta": delta[len(said) :]}
            said = ""
        elif (kind.startswith("reasoning-") and "reasoning" in kinds) or (
            "toolCallId" in chunk and "tool-get_weather" in kinds
        ):
            continue
        yield chunk


def _say(text: str, *, id: str = "text-1") -> Script:
    yield {"type": "text-start", "id": id}
    for word in _words(text):
        yield {"type": "text-delta", "id": id, "delta": word}
    yield {"type": "text-end", "id": id}


def _echo(turn: Turn) -> Script:
    count = sum(message["role"] == "user" for message in turn.messages)
    if not turn.text.strip():
        return _say(f"I am a demo model and read only text. This is message number {count} of this session.")
    return _say(
        f"You said: “{_short(turn.text)}”. I am a demo model, so that is all I make of it. "
        f"This is message number {count} of this session. Say `help` to see what I can do."
    )


def _introduce(turn: Turn) -> Script:
    name = _name_in(turn.text)
    return _say(f"Nice to meet you, {name}! I am a demo model. Ask me for your name whenever you like.")


def _recall(turn: Turn) -> Script:
    names = (_name_in(_text(message)) for message in reversed(turn.messages) if message["role"] == "user")
    name = next((name for name in names if name), None)
    if name is None:
        return _say("I do not know. In this session nobody told me a name; try `my name is Ada`.")
    return _say(f"Your name is {name}. You told me in this session.")


def _weather(turn: Turn) -> Script:
    found = re.search(r"\bweather (?:in|for|at) ([^\n?!.,]{1,60})", turn.text, re.IGNORECASE)
    city = found[1].strip() if found else "Oslo"
    seed = crc32(city.casefold().encode())
    report = {"city": city, "celsius": seed % 35 - 5, "sky": _SKIES[seed % len(_SKIES)], "invented": True}
    yield from _call("get_weather", turn, {"city": city}, report)
    yield {"type": "finish-step"}
    yield {"type": "start-step"}
    yield from _say(
        f"In {city} it is {report['celsius']} °C with {report['sky']}. This is invented: I am a demo model "
        "and my weather tool asks nobody."
    )


def _call(tool: str, turn: Turn, given: dict[str, str], output: object) -> Script:
    call = f"{tool}-{turn.request_id}"
    yield {"type": "tool-input-start", "toolCallId": call, "toolName": tool}
    body = ", ".join(f'"{key}": "{_escaped(value)}"' for key, value in given.items())
    for piece in _words(f"{{{body}}}"):
        yield {"type": "tool-input-delta", "toolCallId": call, "inputTextDelta": piece}
    yield {"type": "tool-input-available", "toolCallId": call, "toolName": tool, "input": given}
    yield {"type": "tool-output-available", "toolCallId": call, "output": output}


def _think(turn: Turn) -> Script:
    subject = (
        _short(re.sub(r"^\W*think\b(?: (?:about|of|on))?\W*", "", turn.text, flags=re.IGNORECASE)) or "this"
    )
    yield {"type": "reasoning-start", "id": "reasoning-1"}
    for word in _words(
        f"The visitor wants me to think about {subject}. I am a demo model, so I cannot. "
        "But I can show what thinking looks like, slowly, and then answer."
    ):
        yield {"type": "reasoning-delta", "id": "reasoning-1", "delta": word}
    yield {"type": "reasoning-end", "id": "reasoning-1"}
    yield from _say(f"I thought about {subject}. As a demo model I conclude that it deserves a real model.")


def _count(turn: Turn) -> Script:
    found = re.search(r"\bcount (?:up )?to (\d{1,9})", turn.text, re.IGNORECASE)
    end = min(int(found[1]) if found else 50, MAX_WORDS)
    return _say(" ".join(str(number) for number in range(1, end + 1)))


def _tell(turn: Turn) -> Script:
    found = re.search(r"\b(\d{1,9})[ -]words?\b", turn.text, re.IGNORECASE)
    length = min(int(found[1]) if found else _STORY_WORDS, MAX_WORDS)
    words = list(islice(cycle(_STORY.split()), length))
    if not found:  # asked for in general, it ends with a sentence
        while not words[-1].endswith("."):
            words.pop()
    return _say(" ".join(words))


def _fail(turn: Turn) -> Script:
    yield from _say("I will fail now, as you asked.")
    raise ModelError("The demo model failed, as it was asked to.", remedy="Say anything else to go on.")


def _help(turn: Turn) -> Script:
    return _say(HELP)


def _markdown(turn: Turn) -> Script:
    return _say(MARKDOWN)


_SCENES: tuple[tuple[re.Pattern[str], Callable[[Turn], Script]], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), play)
    for pattern, play in (
        (r"\bmy name is \w", _introduce),
        (r"\bwhat(?:'s|’s| is) my name\b|\bwho am i\b", _recall),
        (r"\bweather\b", _weather),
        (r"\bcount (?:up )?to \d", _count),
        (r"\bstory\b", _tell),
        (r"\bmarkdown\b", _markdown),
        (r"^\W*think\b", _think),
        (r"^\W*fail\b", _fail),
        (r"^\W*help\b|\bwhat can you do\b", _help),
    )
)
"""What the visitor may ask for; the first match plays. A tool of the client or one that asks for approval is one
more line here: its script ends after ``tool-input-available`` or ``tool-approval-request``."""


def _name_in(text: str) -> str | None:
    found = re.search(r"\bmy name is (\w[^\n.,;!?]{0,59})", text, re.IGNORECASE)
    return found[1].strip() if found else None


def _text(message: dict[str, object]) -> str:
    parts = message["parts"]
    if not isinstance(parts, list):
        return ""
    return "".join(part.get("text") or "" for part in parts if part.get("type") == "text")


def _words(text: str) -> list[str]:
    return re.findall(r"\s*\S+\s*", text)


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _QUOTED else f"{text[:_QUOTED]}…"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"')
