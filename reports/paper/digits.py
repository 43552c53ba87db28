"""Numbers as a table prints them: to the digits that their intervals leave; large and small ones in powers."""

import math
from dataclasses import dataclass
from typing import Final

LARGE: Final = 7  # powers of ten from which numbers are written as powers
SMALL: Final = -4
SIGNIFICANT: Final = 4  # digits of a number without an interval
OF_HALF: Final = 2  # digits of half an interval
MOST: Final = 12  # decimals


@dataclass(frozen=True, slots=True)
class Digits:
    """A number and half its interval as text, the latter empty if there is none, and their power of ten."""

    value: str
    half: str = ""
    power: int = 0


def digits(value: float, half: float = math.nan) -> Digits:
    """Round a finite number to two digits of half its interval, or to four digits if there is none.

    >>> digits(38.8312, 0.3013)
    Digits(value='38.83', half='0.30', power=0)
    >>> digits(1.2345e12, 3e10)
    Digits(value='1.234', half='0.030', power=12)
    """
    power = _power(max(abs(value), half) if math.isfinite(half) else abs(value))
    power = power if power >= LARGE or power < SMALL else 0
    value, half = _scaled(value, power), _scaled(half, power)
    if math.isfinite(half) and half > 0:
        places = min(max(OF_HALF - 1 - _power(float(f"{half:.{OF_HALF - 1}e}")), 0), MOST)
        return Digits(_fixed(value, places), _fixed(half, places), power)
    places = min(max(SIGNIFICANT - 1 - _power(value), 0), MOST) if value else 0
    return Digits(_fixed(value, places), "0" if half == 0 else "", power)


def _power(value: float) -> int:
    return math.floor(math.log10(abs(value))) if value else 0


def _scaled(value: float, power: int) -> float:
    if not power:
        return value
    return value / 10.0**power if abs(power) < 300 else value / 10.0 ** (power // 2) / 10.0 ** (power - power // 2)


def _fixed(value: float, places: int) -> str:
    text = f"{value:.{places}f}"
    return text.removeprefix("-") if float(text) == 0 else text
