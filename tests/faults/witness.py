"""What the clients of one session have been shown, and whether the store keeps to it."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from cutty_agent.engines.embedded.readonly import ReadOnlyStore
from cutty_agent.ids import Address
from cutty_agent.wire.turn_record import decode_turn

_WORD = re.compile(r"([^\s:]+):(\d+)x*")

Message = dict[str, Any]


def text_of(message: Message) -> str:
    """All text of a message."""
    return "".join(part.get("text", "") for part in message["parts"] if part.get("type") == "text")


class Witness:
    """One session. A question's tag is the id of its user message. Everything noted here was acknowledged by the
    server in some frame; ``problems`` are frames that no client may ever see."""

    def __init__(self, session: str) -> None:
        self.address = Address("chat", session)
        self.asked: dict[str, int] = {}
        self.accepted: set[str] = set()
        self.stopped: set[str] = set()
        self.stored: set[str] = set()
        self.words: dict[str, int] = {}
        self.final: dict[str, int] = {}
        self.orders: set[tuple[str, ...]] = set()
        self.terminals = 0
        self.problems: list[str] = []

    def blame(self, problem: str) -> None:
        """Note something that must not happen."""
        self.problems.append(f"{self.address.session}: {problem}")

    def read(self, so_far: str, tag: str | None) -> tuple[str | None, int]:
        """Text of one answer as a client has it now: its tag and number of words."""
        count = 0
        for found in so_far.split():
            match = _WORD.fullmatch(found)
            if match is None or int(match[2]) != count or (tag is not None and match[1] != tag):
                self.blame(f"word {count} of the answer to {tag} is {found[:60]!r}")
                break
            tag = match[1]
            count += 1
        if tag is not None and count:
            if tag not in self.asked:
                self.blame(f"an answer to {tag}, which nobody asked here")
            self.words[tag] = max(self.words.get(tag, 0), count)
        return tag, count

    def transcript(self, messages: list[Message]) -> None:
        """A transcript that a client was given: all of it is stored."""
        self.stored.update(message["id"] for message in messages if message["role"] == "user")
        self.orders.add(tuple(message["id"] for message in messages))
        for message in messages:
            if message["role"] == "assistant":
                self.read(text_of(message), None)

    # -- afterwards

    def verify(self, store: ReadOnlyStore) -> list[str]:
        """What the store has lost, doubled, disordered or left open; empty when nothing."""
        snapshot = store.session(self.address)
        if snapshot is None:
            if self.accepted or self.stored:
                self.blame("the session is lost")
            return self.problems
        messages: list[Message] = [msgspec.json.decode(message.body) for message in snapshot.messages]
        ids = [message["id"] for message in messages]
        if len(set(ids)) < len(ids):
            self.blame(f"an id is stored twice: {ids}")
        for lost in (self.accepted | self.stored) - set(ids):
            self.blame(f"the acknowledged message {lost} is lost")
        for order in self.orders:
            places = [ids.index(seen) for seen in order if seen in ids]
            if len(places) < len(order):
                self.blame(f"messages that a client was given are lost: {set(order) - set(ids)}")
            if places != sorted(places):
                self.blame(f"the order {order} became {ids}")
        self._verify_answers(messages)
        for turn in snapshot.turns:
            outcome = decode_turn(turn.record).outcome
            if turn.open or outcome is None:
                self.blame(f"turn {turn.id} never ended")
            elif outcome == "error":
                self.blame(f"turn {turn.id} failed: {decode_turn(turn.record).error}")
            if store.chunks(self.address, turn.id):
                self.blame(f"chunks of the ended turn {turn.id} were left behind")
        return self.problems

    def _verify_answers(self, messages: list[Message]) -> None:
        answered: dict[str, int] = {}
        for at, message in enumerate(messages):
            if message["role"] != "assistant":
                continue
            before = messages[at - 1]["id"] if at else None
            tag, count = self.read(text_of(message), None)
            if tag is None:
                self.blame(f"the answer {message['id']} is empty")
            elif tag in answered:
                self.blame(f"{tag} has two answers")
            else:
                answered[tag] = count
                if before != tag:
                    self.blame(f"the answer to {tag} stands behind {before}")
        for tag, seen in self.words.items():
            if answered.get(tag, 0) < seen:
                self.blame(
                    f"{seen} words of the answer to {tag} were shown, {answered.get(tag, 0)} are stored"
                )
        for tag in self.accepted:
            if tag not in self.stopped and answered.get(tag) != self.asked[tag]:
                self.blame(f"the answer to {tag} has {answered.get(tag)} of {self.asked[tag]} words")
        for tag, shown in self.final.items():
            if answered.get(tag, 0) != shown:
                self.blame(f"{tag} ended with {shown} words and has now {answered.get(tag)}")
