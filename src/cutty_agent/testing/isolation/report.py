"""What a run came to."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from .finding import Finding

MANY_ERRORS = 0.5
"""A larger share of turns that failed unasked is worth a note."""

STUCK = "missing: "
"""Begins the counts of what did not come in time."""


@dataclass(slots=True)
class Report:
    """Figures, findings and notes of one run. ``seed`` repeats its plan; timing still differs from run to run."""

    seed: int
    sessions: int
    counts: Counter[str] = field(default_factory=Counter)
    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def isolated(self) -> bool:
        """Whether nothing crossed."""
        return not self.findings

    def assert_isolated(self) -> None:
        """Raise ``AssertionError`` with everything that crossed, and the seed."""
        if self.findings:
            raise AssertionError(str(self))

    def kinds(self) -> set[str]:
        """The kinds of what crossed."""
        return {finding.kind for finding in self.findings}

    @property
    def figures(self) -> str:
        """One line about what was done."""
        done = ", ".join(f"{count:,} {what}" for what, count in self.counts.items() if count)
        return f"{self.sessions} sessions in {self.seconds:.1f} s, seed {self.seed}: {done}"

    def __str__(self) -> str:
        head = "Nothing crossed." if self.isolated else f"{len(self.findings)} way(s) across sessions:"
        return "\n".join([head, *map(str, self.findings), *self.notes, self.figures])

    def as_dict(self) -> dict[str, Any]:
        """JSON values."""
        return {
            "isolated": self.isolated,
            "seed": self.seed,
            "sessions": self.sessions,
            "seconds": round(self.seconds, 3),
            "counts": dict(self.counts),
            "findings": [finding.as_dict() for finding in self.findings],
            "notes": self.notes,
        }

    def judge(self) -> None:
        """Add notes about what makes this run say less than it seems to."""
        turns, answers = self.counts["turns"], self.counts["answers"]
        failed = self.counts["turns failed unasked"]
        if failed > MANY_ERRORS * answers:
            self.notes.append(
                f"{failed} of {answers} turns failed although nothing was meant to fail: this run says little. "
                "Look at the errors of the agent first."
            )
        if turns and not self.counts["own canaries read"]:
            self.notes.append(
                "No answer repeated what its own visitor had said, so a leak through answers would not show. "
                "Let the agent use a Pydantic AI model, or one that repeats its input."
            )
        for what, count in self.counts.items():
            if what.startswith(STUCK):
                self.notes.append(
                    f"{count} time(s) {what.removeprefix(STUCK)} did not come in time. Either the app hangs there, "
                    "or it is slower than the patience of this run."
                )

    @property
    def stuck(self) -> int:
        """How often something that had to come did not come in time."""
        return sum(count for what, count in self.counts.items() if what.startswith(STUCK))
