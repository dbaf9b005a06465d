"""Records that are invented and look it: nobody can take them for real people or companies."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Final, Literal, get_args

Kind = Literal["people", "companies"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)

_FIRST = ("Ada", "Bela", "Cleo", "Dora", "Egon", "Fritz", "Greta", "Hugo", "Ines", "Juri", "Kira", "Lano")
_LAST = ("Synth", "Mockwell", "Sample", "Placeholder", "Fakeson", "Example", "Dummyr", "Testarossa")
_CITIES = ("Inkhaven", "Coralton", "Tidewick", "Reefbury", "Kelpford")
_INDUSTRIES = ("Ink", "Pearls", "Nets", "Lanterns", "Shells")
_FORMS = ("Ltd", "Inc", "GmbH", "SA")

Row = dict[str, str]


def generate(kind: Kind, rows: int, seed: int) -> tuple[list[str], list[Row]]:
    """Columns and ``rows`` records; the same seed gives the same records."""
    dice = random.Random(seed)
    records = [_MAKERS[kind](dice, number) for number in range(1, rows + 1)]
    return [*_COLUMNS[kind]], records


def _person(dice: random.Random, number: int) -> Row:
    first, last = dice.choice(_FIRST), dice.choice(_LAST)
    return {
        "name": f"{first} {last}",
        "email": f"{first.lower()}.{last.lower()}.{number}@example.com",
        "age": str(dice.randint(18, 90)),
        "city": dice.choice(_CITIES),
    }


def _company(dice: random.Random, number: int) -> Row:
    industry = dice.choice(_INDUSTRIES)
    return {
        "company": f"{dice.choice(_LAST)} {industry} {number} {dice.choice(_FORMS)}",
        "industry": industry,
        "employees": str(dice.randint(1, 900)),
        "city": dice.choice(_CITIES),
    }


_COLUMNS: dict[Kind, tuple[str, ...]] = {
    "people": ("name", "email", "age", "city"),
    "companies": ("company", "industry", "employees", "city"),
}
_MAKERS: dict[Kind, Callable[[random.Random, int], Row]] = {"people": _person, "companies": _company}
