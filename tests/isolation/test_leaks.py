"""Every deliberately leaky app is caught, with the right kind and place, whatever the seed."""

from __future__ import annotations

import sys

import pytest

from cutty_agent.testing.isolation import Report, check

SEEDS = (1, 2, 3)

LEAKS = {
    "current": {
        ("frame", "chunk text-delta.delta"),
        ("tool argument", "chunk tool-input-available.input.text"),
        ("module global", "leaky_current.CURRENT.session.session"),
    },
    "history": {("frame", "chunk text-delta.delta"), ("module global", "leaky_history.HISTORY[")},
    "model": {("frame", "chunk text-delta.delta"), ("shared object", "leaky_model.ASSISTANT._instructions[")},
    "settings": {("frame", "chunk text-delta.delta"), ("shared object", "Concierge.persona.prompt")},
    "cache": {("frame", "chunk text-delta.delta"), ("module global", "leaky_cache.ANSWERS['What")},
    "pool": {
        ("tool result", "chunk tool-output-available.output.answer"),
        ("shared object", "leaky_pool.POOL.free["),
    },
    "errors": {
        ("error text", "frame cf_agent_use_chat_response.body"),
        ("module global", "leaky_errors.Concierge.last_error"),
    },
    "log": {("log", "the field text of the record 'chat.asked'")},
    "class": {("module global", "leaky_class.Concierge.notes[")},
    "tool": {
        ("tool result", "chunk tool-output-available.output"),
        ("module global", "leaky_tool.CUSTOMER['said']"),
    },
    "state": {
        ("state", "frame cf_agent_state.state.topics["),
        ("http answer", "the HTTP 200 answer to GET /agents/concierge/<id of session "),
    },
}


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("leak", LEAKS)
async def test_a_leak_is_named_with_its_place(leak: str, seed: int) -> None:
    sys.modules.pop(
        f"isolation.leaky_{leak}", None
    )  # it keeps what an earlier run left there; that is its fault

    report = await check(f"isolation.leaky_{leak}:app", sessions=12, turns=6, seed=seed)

    for kind, place in LEAKS[leak]:
        assert any(finding.kind == kind and finding.place.startswith(place) for finding in report.findings), (
            f"no {kind} at {place} in:\n{report}"
        )
    assert all_show_whose_it_was(report)
    with pytest.raises(AssertionError, match=f"seed {seed}"):
        report.assert_isolated()


def all_show_whose_it_was(report: Report) -> bool:
    """Excerpts name sessions instead of showing random words; sources are other sessions than targets."""
    return all(
        finding.source != finding.target
        and f"session {finding.source}" in finding.excerpt
        and "canary-" not in finding.excerpt
        and finding.remedy
        for finding in report.findings
    )
