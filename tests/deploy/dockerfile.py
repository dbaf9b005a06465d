"""Reads a Dockerfile: its instructions, stage by stage."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass, field
from pathlib import Path

KNOWN = frozenset(
    [
        "FROM",
        "COPY",
        "ADD",
        "RUN",
        "ENV",
        "ARG",
        "WORKDIR",
        "USER",
        "VOLUME",
        "EXPOSE",
        "STOPSIGNAL",
        "HEALTHCHECK",
        "ENTRYPOINT",
        "CMD",
        "LABEL",
        "SHELL",
    ]
)


@dataclass
class Stage:
    """What stands between two FROM. ``steps`` are pairs of an instruction and its text."""

    image: str
    name: str | None
    steps: list[tuple[str, str]] = field(default_factory=list)

    def all(self, instruction: str) -> list[str]:
        """The texts of one kind of instruction."""
        return [text for name, text in self.steps if name == instruction]

    def words(self, instruction: str) -> list[str]:
        """The one instruction of a kind in its JSON form."""
        [text] = self.all(instruction)
        words: list[str] = json.loads(text)
        return words

    def environment(self) -> dict[str, str]:
        """All that ENV sets."""
        return dict(pair.split("=", 1) for text in self.all("ENV") for pair in shlex.split(text))


def read(path: Path) -> list[Stage]:
    """The stages.

    Raises:
        AssertionError: a line is no instruction.
    """
    lines = [line for line in path.read_text().splitlines() if line.strip() and not line.startswith("#")]
    stages: list[Stage] = []
    for line in re.sub(r"\\\n\s*", "", "\n".join(lines)).splitlines():
        instruction, _, text = line.partition(" ")
        assert instruction in KNOWN, f"{line!r} is no instruction"
        if instruction == "FROM":
            image, _, name = text.partition(" AS ")
            stages.append(Stage(image, name or None))
        else:
            assert stages, f"{line!r} stands before FROM"
            stages[-1].steps.append((instruction, text.strip()))
    return stages


def copied(text: str) -> tuple[str | None, list[str], str]:
    """The stage, sources and target of a COPY."""
    words = shlex.split(text)
    origin = None
    while words[0].startswith("--"):
        if words[0].startswith("--from="):
            origin = words[0].partition("=")[2]
        words.pop(0)
    return origin, words[:-1], words[-1]
