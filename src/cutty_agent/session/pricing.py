"""What the models of a turn cost, by the price list of genai-prices."""

from __future__ import annotations

from decimal import ROUND_CEILING, Decimal
from typing import TYPE_CHECKING, Final

import msgspec
import structlog

from ..agent.usage import DEMO
from ..clock import Clock
from ..core.budget import Amount

if TYPE_CHECKING:
    from genai_prices.types import PriceCalculation

log = structlog.get_logger("cutty_agent.usage")

NANO: Final = 1_000_000_000
"""Thousand-millionths in a US dollar."""

BYTES_PER_TOKEN: Final = 3
"""Bytes of a transcript's JSON text that count as one token in an estimate. Prose has about four, code and other
scripts about three: an estimate is to be above the truth rather than below it."""

TRUSTED_S: Final = 3_600.0
"""How long what was found for a model is used before it is looked up again, seconds."""

REMEMBERED: Final = 1_000
"""Models that are remembered at most; an author may let clients name them."""


class _Price(msgspec.Struct, frozen=True):
    """Of one model: nano-dollars a token when that is all there is to it, else the list is asked each time.

    ``known`` is false for a model that is not on the list.
    """

    until: float
    known: bool = True
    flat: tuple[Decimal, Decimal] | None = None


class Pricing:
    """Costs in nano-dollars, rounded up. A model that is not on the list costs 0, and a warning says so, once.

    ``model`` is what estimates assume before anything is known of an agent, for example ``settings.model``. The first
    model with a price imports the list, which takes up to 0.2 s where nothing else has imported it (Pydantic AI does).
    """

    def __init__(self, clock: Clock, *, model: str | None = None) -> None:
        self._clock = clock
        self._model = model or ""
        self._usual: dict[str, str] = {}
        self._prices: dict[str, _Price] = {}
        self._warned: set[str] = set()

    def cost(
        self,
        model: str | None,
        input_tokens: int,
        output_tokens: int,
        *,
        calls: int = 1,
        cache_read_tokens: int = 0,
        cache_write_tokens: int = 0,
        agent: str = "",
    ) -> int:
        """What was consumed, in nano-dollars.

        ``model`` is a name with or without its provider (``anthropic:claude-sonnet-4-5``). ``input_tokens`` hold those
        that came from or went to the provider's cache, as everywhere in Pydantic AI. With several ``calls`` the sums
        are taken as so many equal ones, because prices may rise with the length of one. ``agent`` remembers the model
        for the estimates of this agent.
        """
        if not model or model == DEMO:
            return 0
        if agent and input_tokens + output_tokens > 0:
            self._usual[agent] = model
        price = self._price(model)
        if not price.known:
            return 0
        if price.flat is not None and not cache_read_tokens and not cache_write_tokens:
            inward, outward = price.flat
            return _up(inward * input_tokens + outward * output_tokens)
        calls = max(1, calls)
        read, written = -(-cache_read_tokens // calls), -(-cache_write_tokens // calls)
        each = {
            "input_tokens": max(-(-input_tokens // calls), read + written),
            "output_tokens": -(-output_tokens // calls),
        }
        cached = {"cache_read_tokens": read, "cache_write_tokens": written}
        found = _look_up(model, **each, **{kind: count for kind, count in cached.items() if count})
        found = found or _look_up(model, **each)  # some prices are not given for caches
        return 0 if found is None else _up(found.total_price * calls * NANO)

    def estimate(self, agent: str, transcript_bytes: int, output_tokens: int) -> Amount:
        """What a turn over a transcript of so many bytes (UTF-8, as stored) may consume: one call of the model that
        this agent used last, with ``output_tokens`` (``limits.reserve_tokens``) of answer."""
        tokens = -(-transcript_bytes // BYTES_PER_TOKEN)
        model = self._usual.get(agent, self._model)
        return Amount(tokens + output_tokens, self.cost(model, tokens, output_tokens))

    def _price(self, model: str) -> _Price:
        now = self._clock.monotonic()
        price = self._prices.get(model)
        if price is None or price.until <= now:
            if price is None and len(self._prices) >= REMEMBERED:
                del self._prices[next(iter(self._prices))]
            price = self._prices[model] = self._find(model, now + TRUSTED_S)
        return price

    def _find(self, model: str, until: float) -> _Price:
        found = _look_up(model, input_tokens=1, output_tokens=1)
        if found is None:
            if model not in self._warned and len(self._warned) < REMEMBERED:
                self._warned.add(model)
                log.warning(
                    "usage.unknown_model",
                    model=model[:200],
                    cost=0,
                    remedy="None is needed for a model that is free; budgets in money do not see this one.",
                )
            return _Price(until, known=False)
        return _Price(until, flat=_flat(found))


def _look_up(model: str, **tokens: int) -> PriceCalculation | None:
    """The list's answer; ``None`` for a model or a kind of use that is not on it."""
    import genai_prices  # 0.2 s, and many servers never ask

    usage = genai_prices.Usage(**tokens)
    provider, _, name = model.partition(":")
    for provider_id, reference in ((provider, name), (None, model)) if name else ((None, model),):
        try:
            return genai_prices.calc_price(usage, reference, provider_id=provider_id)
        except (LookupError, ValueError):
            continue
    return None


def _flat(found: PriceCalculation) -> tuple[Decimal, Decimal] | None:
    """Nano-dollars a token in and out, where they depend neither on the time, nor on the length, nor on the number of
    calls."""
    prices = found.model.prices
    inward, outward = getattr(prices, "input_mtok", None), getattr(prices, "output_mtok", None)
    if not isinstance(inward, Decimal) or not isinstance(outward, Decimal):
        return None
    if getattr(prices, "requests_kcount", None) is not None:
        return None
    return inward * 1000, outward * 1000


def _up(cost: Decimal) -> int:
    return int(cost.to_integral_value(ROUND_CEILING))
