"""What a device-hour costs, and how amounts of money are written."""

import re
from dataclasses import dataclass
from typing import Final

LONGEST_CURRENCY: Final = 20
# A number, then what it is in: 2.49 EUR.
_PRICE: Final = re.compile(r"^\s*(\d+(?:\.\d+)?)\s*([^\d\s.,+\-][^\d]*?)\s*$")


@dataclass(frozen=True, slots=True)
class Price:
    """The price of a device-hour.

    Attributes:
        amount: above 0.
        currency: as the study file names it; empty if it does not.
    """

    amount: float
    currency: str = ""

    def of(self, device_hours: float) -> float:
        """Return what device-hours cost."""
        return self.amount * device_hours

    def text(self, device_hours: float) -> str:
        """Return what device-hours cost, e.g. ``12.40 EUR``."""
        return self.written(self.of(device_hours))

    def written(self, amount: float) -> str:
        """Return an amount of money: two decimals from 1 on, else two digits."""
        number = f"{amount:,.2f}" if amount >= 0.995 or amount == 0 else f"{amount:.2g}"
        return f"{number} {self.currency}".rstrip()

    def row(self, device_hours: float | None) -> dict[str, object]:
        """Return what device-hours cost as JSON has it; null where the hours are not known."""
        amount = None if device_hours is None else self.of(device_hours)
        return {"amount": amount, "currency": self.currency, "price_per_device_hour": self.amount}

    def __str__(self) -> str:
        return f"{self.amount:g} {self.currency}".rstrip()


def parsed_price(value: object) -> Price | None:
    """Return the price of a study file: a number, or a number and a currency; None if it is neither."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return Price(float(value)) if 0 < value < float("inf") else None
    match = _PRICE.match(value) if isinstance(value, str) else None
    if match is None or not match.group(2).isprintable() or len(match.group(2)) > LONGEST_CURRENCY:
        return None
    amount = float(match.group(1))
    return Price(amount, match.group(2)) if 0 < amount < float("inf") else None
