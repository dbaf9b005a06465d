"""One condition on the rows of a list: field, operator, value."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Self

from server.refusal import Refusal

_WORDS: Final[dict[str, Callable[[str, str], bool]]] = {
    "is": operator.eq,
    "is not": operator.ne,
    "contains": operator.contains,
    "starts with": str.startswith,
}
_ORDERS: Final[dict[str, Callable[[float, float], bool]]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}
OPERATORS: Final = (*_WORDS, *_ORDERS)


@dataclass(frozen=True)
class Filter:
    """Compares words without regard to case; the orders compare numbers, and a cell that is none never fits."""

    field: str
    operator: str
    value: str

    @classmethod
    def read(cls, columns: Sequence[str], field: str, operator: str, value: str) -> Self:
        """A filter for a list with these columns.

        Raises:
            Refusal: no such column or operator, or an order with a value that is no number.
        """
        known = {column.casefold(): column for column in columns}
        if field.casefold() not in known:
            raise Refusal(f"This list has no field {field[:40]!r}. Its fields: {', '.join(columns)}.")
        if operator not in OPERATORS:
            raise Refusal(f"There is no operator {operator[:20]!r}. Use one of: {', '.join(OPERATORS)}.")
        if operator in _ORDERS and _number(value) is None:
            raise Refusal(f"{operator} compares numbers, and {value[:40]!r} is none.")
        return cls(known[field.casefold()], operator, value)

    def fits(self, row: dict[str, str]) -> bool:
        """Whether the row passes."""
        cell = row.get(self.field, "")
        if self.operator in _WORDS:
            return _WORDS[self.operator](cell.casefold(), self.value.casefold())
        left, right = _number(cell), _number(self.value)
        return left is not None and right is not None and _ORDERS[self.operator](left, right)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
