"""A browser tab as the published React client behaves on the wire, with its own copy of the conversation."""

from __future__ import annotations

import asyncio
import json
from random import Random
from typing import Any, Protocol

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidMessage

from faults.process import Server
from faults.witness import Message, Witness


class Mood(Protocol):
    """What the person in front of a tab does."""

    def next_question(self) -> int | None:
        """Ask again, for so many words; ``None`` to only watch."""
        ...

    def at_word(self) -> str | None:
        """``stop``, ``ask`` or ``None``, whenever a word arrives."""
        ...


class Tab:
    """Keeps its ``_pk`` over reconnects, probes on each socket, acknowledges each stream once, sends its whole
    list of messages with each question. What it had transmitted when the socket was lost it never sends again:
    the message stays in its list and goes along with the next question, as in the published client."""

    def __init__(self, server: Server, witness: Witness, label: str, rng: Random, mood: Mood) -> None:
        self.server = server
        self.witness = witness
        self.label = label
        self.rng = rng
        self.mood = mood
        self.messages: list[Message] = []
        self.count = 0
        self.idle = asyncio.Event()
        self._requests: dict[str, str] = {}
        self._waiting: set[str] = set()
        self._view: _View | None = None

    @property
    def path(self) -> str:
        """Of this session."""
        return f"/agents/{self.witness.address.agent}/{self.witness.address.session}"

    async def live(self) -> None:
        """Connect, talk, and connect again when the server is back; for ever."""
        while True:
            await self.server.ready.wait()
            try:
                if self.rng.random() < 0.15:
                    await self.reload()
                await self.visit()
            except (OSError, EOFError, ConnectionClosed, InvalidHandshake, InvalidMessage):
                continue

    async def reload(self) -> None:
        """A fresh page: a new label, the history over HTTP."""
        self.count += 1
        self.label = f"{self.label.split('~')[0]}~{self.count}"
        status, body = await self.server.get(f"{self.path}/get-messages")
        if status != 200 or not body.endswith(b"]"):
            return  # killed in mid-answer; the page keeps what it had
        self.messages = json.loads(body)
        self.witness.transcript(self.messages)

    async def visit(self) -> None:
        """One socket, from its opening to its end."""
        async with connect(
            f"ws://{self.server.url}{self.path}?_pk={self.label}",
            compression=None, max_size=None, ping_interval=None, proxy=None, close_timeout=1,
        ) as socket:  # fmt: skip
            self._view = _View(self, socket)
            self._waiting.clear()
            await self._view.probe()
            async for text in socket:
                await self._view.take(json.loads(text))

    # -- what the person does

    async def ask(self, socket: ClientConnection, words: int) -> None:
        """Send a question with everything this tab knows."""
        self.count += 1
        tag = f"{self.witness.address.session}.{self.label}.{self.count}"
        request_id = f"r-{tag}"
        self.messages.append(
            {"id": tag, "role": "user", "parts": [{"type": "text", "text": f"{tag} {words}"}]}
        )
        self.witness.asked[tag] = words
        self._requests[request_id] = tag
        self._waiting.add(request_id)
        self.idle.clear()
        body = json.dumps({"messages": self.messages, "trigger": "submit-message"})
        await socket.send(
            json.dumps(
                {
                    "type": "cf_agent_use_chat_request",
                    "id": request_id,
                    "init": {"method": "POST", "body": body},
                }
            )
        )

    async def free(self, socket: ClientConnection) -> None:
        """Nothing of this tab is under way."""
        words = self.mood.next_question()
        if words is not None:
            await self.ask(socket, words)
        else:
            self.idle.set()

    def learned(self, messages: list[Message]) -> None:
        """The server's list replaces this tab's."""
        self.messages = messages
        self.witness.transcript(messages)

    def answer(self, message_id: str, text: str) -> None:
        """The answer as shown so far belongs to the list."""
        message = {"id": message_id, "role": "assistant", "parts": [{"type": "text", "text": text}]}
        for at, old in enumerate(self.messages):
            if old["id"] == message_id:
                self.messages[at] = message
                return
        self.messages.append(message)


class _View:
    """What one socket has shown."""

    def __init__(self, tab: Tab, socket: ClientConnection) -> None:
        self.tab = tab
        self.socket = socket
        self.acked: set[str] = set()
        self.streams: dict[str, _Stream] = {}
        self.ended: set[str] = set()
        self.probed = False

    async def send(self, **frame: Any) -> None:
        await self.socket.send(json.dumps(frame))

    async def probe(self) -> None:
        """Ask what runs."""
        await self.send(type="cf_agent_stream_resume_request", probeId="p")

    async def take(self, frame: dict[str, Any]) -> None:
        """One frame of the server."""
        tab, witness = self.tab, self.tab.witness
        request_id = frame.get("id")
        if isinstance(request_id, str) and request_id in tab._requests:
            witness.accepted.add(tab._requests[request_id])
        match frame["type"]:
            case "cf_agent_chat_messages":
                tab.learned(frame["messages"])
            case "cf_agent_stream_resuming":
                self.streams.setdefault(frame["id"], _Stream()).owing = True
                if frame["id"] not in self.acked:
                    self.acked.add(frame["id"])
                    await self.send(type="cf_agent_stream_resume_ack", id=frame["id"])
            case "cf_agent_stream_resume_none" if (
                frame.get("reason") == "idle" or frame.get("probeId") is None
            ):
                # Own requests sent on this socket are still to be answered; others are over or were never received.
                if not tab._waiting:
                    await tab.free(self.socket)
            case "cf_agent_use_chat_response" if frame["done"] or frame.get("error"):
                await self.terminal(frame)
            case "cf_agent_use_chat_response":
                await self.chunk(frame)
            case "cf_agent_identity" if frame["name"] != witness.address.session:
                witness.blame(f"greeted as {frame['name']}")

    async def chunk(self, frame: dict[str, Any]) -> None:
        witness, request_id = self.tab.witness, frame["id"]
        stream = self.streams.setdefault(request_id, _Stream())
        replayed = frame.get("replay", False)
        if replayed:
            stream.owing = False
        elif stream.owing and request_id not in self.acked:
            witness.blame(f"a live chunk of {request_id} before the acknowledgement")
        if frame.get("replayComplete"):
            return
        if request_id in self.ended and not replayed:
            witness.blame(f"a live chunk of {request_id} behind its end: {frame}")
        if (seq := frame.get("seq")) is not None:
            if seq == 0 and replayed:
                stream.next = 0  # everything from the beginning, after an acknowledgement
            if seq != stream.next:
                witness.blame(f"chunk {seq} of {request_id} came when {stream.next} was due")
            stream.next = seq + 1
        chunk = json.loads(frame["body"])
        match chunk["type"]:
            case "start" if "messageId" in chunk:
                stream.message_id, stream.text = chunk["messageId"], ""
            case "text-delta":
                stream.text += chunk["delta"]
                stream.tag, stream.words = witness.read(stream.text, stream.tag)
                if stream.message_id is None:
                    witness.blame(f"the stream shows words of no message: {frame}")
                else:
                    self.tab.answer(stream.message_id, stream.text)
                if not replayed:
                    await self.whim(request_id, stream)

    async def whim(self, request_id: str, stream: _Stream) -> None:
        match self.tab.mood.at_word():
            case "stop":
                assert stream.tag is not None
                self.tab.witness.stopped.add(stream.tag)
                await self.send(type="cf_agent_chat_request_cancel", id=request_id)
            case "ask" if len(self.tab._waiting) < 3:
                await self.tab.ask(self.socket, self.tab.rng.randrange(1, 20))

    async def terminal(self, frame: dict[str, Any]) -> None:
        tab, witness, request_id = self.tab, self.tab.witness, frame["id"]
        witness.terminals += 1
        witness.stored.update(frame.get("messageIds") or ())
        if not frame.get("replay"):
            # A replayed end follows an acknowledgement that crossed the live one; it says nothing new.
            if request_id in self.ended:
                witness.blame(f"two ends of {request_id} on one socket")
            self.ended.add(request_id)
            self.judge(frame, self.streams.get(request_id))
        tab._waiting.discard(request_id)
        if not tab._waiting:
            # Others may still be running something; the probe tells.
            await self.probe() if self.foreign() else await tab.free(self.socket)

    def judge(self, frame: dict[str, Any], stream: _Stream | None) -> None:
        """Whether a turn may end like this, after what this socket has shown of it (not all, if it owed an ACK)."""
        witness = self.tab.witness
        tag = self.tab._requests.get(frame["id"]) or (stream.tag if stream else None)
        outcome = frame.get("outcome")
        if outcome not in {"completed", "aborted"}:
            witness.blame(f"{frame['id']} ended with {outcome}: {frame.get('body')}")
        if tag is None:
            return
        if outcome == "aborted" and tag not in witness.stopped:
            witness.blame(f"{tag} was aborted and nobody asked for it")
        if stream is not None and not stream.owing:
            witness.final[tag] = stream.words
            if outcome == "completed" and stream.words != witness.asked[tag]:
                witness.blame(f"{tag} completed with {stream.words} of {witness.asked[tag]} words")

    def foreign(self) -> bool:
        """Whether this tab would rather know what runs before it goes on."""
        return self.tab.rng.random() < 0.3


class _Stream:
    """``owing``: a resume was offered, and its replay has not come yet."""

    def __init__(self) -> None:
        self.owing = False
        self.next = 0
        self.message_id: str | None = None
        self.text = ""
        self.tag: str | None = None
        self.words = 0
