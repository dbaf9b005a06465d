"""What usage costs, and what a turn is thought to cost beforehand."""

from __future__ import annotations

from datetime import UTC, datetime

import genai_prices
import pytest
import structlog.testing

from cutty_agent.core.budget import Amount
from cutty_agent.session import pricing
from cutty_agent.session.pricing import Pricing


class HandClock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.time = 5_000.0

    def now_ms(self) -> int:
        return int(self.time * 1000)

    def monotonic(self) -> float:
        return self.time


def listed(model: str, provider: str | None = None, **usage: int) -> float:
    """The price list's own answer, in nano-dollars."""
    found = genai_prices.calc_price(
        genai_prices.Usage(**usage),
        model,
        provider_id=provider,
        genai_request_timestamp=datetime.now(tz=UTC),
    )
    return float(found.total_price) * 1e9


@pytest.mark.parametrize("model", ["claude-3-5-haiku-latest", "gpt-4o", "gpt-5", "mistral-large-latest"])
@pytest.mark.parametrize(("read", "written"), [(0, 0), (1, 0), (12_345, 678), (10**6, 10**5)])
def test_a_price_that_is_kept_is_the_listed_one(model: str, read: int, written: int) -> None:
    costs = Pricing(HandClock())
    for _ in range(2):
        cost = costs.cost(model, read, written)
        assert cost == pytest.approx(listed(model, input_tokens=read, output_tokens=written), abs=1)


@pytest.mark.parametrize(
    ("model", "provider", "name"),
    [
        ("anthropic:claude-sonnet-4-5", "anthropic", "claude-sonnet-4-5"),
        ("openai:gpt-4o", "openai", "gpt-4o"),
        ("openai-chat:gpt-4o", "openai", "gpt-4o"),
        ("google-gla:gemini-2.5-flash", "google", "gemini-2.5-flash"),
    ],
)
def test_a_model_may_be_named_with_its_provider(model: str, provider: str, name: str) -> None:
    expected = listed(name, provider, input_tokens=1_000, output_tokens=100)
    assert Pricing(HandClock()).cost(model, 1_000, 100) == pytest.approx(expected, abs=1)


def test_many_short_calls_do_not_pay_the_price_of_a_long_one() -> None:
    costs = Pricing(HandClock())
    one = costs.cost("gemini-2.5-pro", 30_000, 100)
    assert costs.cost("gemini-2.5-pro", 300_000, 1_000, calls=10) == 10 * one
    assert costs.cost("gemini-2.5-pro", 300_000, 1_000) > 10 * one, "a long call is dearer a token"


def test_a_price_for_each_call_is_paid_for_each_call() -> None:
    costs = Pricing(HandClock())
    one = listed("sonar", "perplexity", input_tokens=100, output_tokens=10)
    tokens_only = listed("sonar", "perplexity", input_tokens=200, output_tokens=20) - one
    assert tokens_only < one / 2, "most of it is for the call"
    assert costs.cost("perplexity:sonar", 1_000, 100, calls=10) == pytest.approx(10 * one, abs=1)


def test_what_came_from_a_cache_is_cheaper() -> None:
    costs = Pricing(HandClock())
    cached = costs.cost("claude-sonnet-4-5", 10_000, 10, cache_read_tokens=9_000)
    expected = listed("claude-sonnet-4-5", input_tokens=10_000, output_tokens=10, cache_read_tokens=9_000)
    assert cached == pytest.approx(expected, abs=1)
    assert 0 < cached < costs.cost("claude-sonnet-4-5", 10_000, 10)
    assert costs.cost("claude-sonnet-4-5", 10, 10, cache_read_tokens=9_000, calls=3) > 0, (
        "odd sums cost something"
    )


def test_an_unknown_model_costs_nothing_and_is_warned_of_once() -> None:
    clock = HandClock()
    costs = Pricing(clock)
    with structlog.testing.capture_logs() as logs:
        for _ in range(3):
            assert costs.cost("our-own:7b", 1_000, 1_000) == 0
            assert costs.cost("hers", 1_000, 1_000) == 0
            clock.time += 2 * pricing.TRUSTED_S
    assert [(entry["event"], entry["model"]) for entry in logs] == [
        ("usage.unknown_model", "our-own:7b"),
        ("usage.unknown_model", "hers"),
    ]


def test_no_model_and_the_demo_model_cost_nothing_and_are_not_warned_of() -> None:
    with structlog.testing.capture_logs() as logs:
        assert Pricing(HandClock()).cost("demo", 10, 10) == 0
        assert Pricing(HandClock()).cost(None, 10, 10) == 0
        assert Pricing(HandClock()).cost("", 10, 10) == 0
    assert logs == []


def test_models_that_clients_make_up_do_not_make_memory_grow() -> None:
    costs = Pricing(HandClock())
    with structlog.testing.capture_logs() as logs:
        for number in range(pricing.REMEMBERED + 200):
            costs.cost(f"made-up-{number}" + "x" * 300, 1, 1)
    assert len(costs._prices) == pricing.REMEMBERED
    assert len(logs) == len(costs._warned) == pricing.REMEMBERED
    assert all(len(entry["model"]) <= 200 for entry in logs)


def test_an_estimate_is_bytes_by_three_and_the_reserved_answer() -> None:
    costs = Pricing(HandClock())
    assert costs.estimate("chat", 0, 2_048) == Amount(2_048, 0)
    assert costs.estimate("chat", 3_001, 2_048) == Amount(1_001 + 2_048, 0), "no model is known yet"
    costs.cost("gpt-4o", 5, 5, agent="chat")
    assert costs.estimate("chat", 3_000, 100) == Amount(1_100, costs.cost("gpt-4o", 1_000, 100))
    assert costs.estimate("other", 3_000, 100).cost_nano == 0


def test_an_estimate_before_the_first_turn_takes_the_model_of_the_settings() -> None:
    costs = Pricing(HandClock(), model="openai:gpt-4o")
    assert costs.estimate("chat", 3_000, 100).cost_nano == costs.cost("gpt-4o", 1_000, 100) > 0
