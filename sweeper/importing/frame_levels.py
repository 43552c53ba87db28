"""Levels as a frame and the claims about it write them: numpy's numbers are numbers, dates and durations are text."""

import datetime as dt
from typing import Final

import numpy as np
import pandas as pd

DATES: Final = (dt.date, np.datetime64)  # pandas' timestamps are dates of the standard library
DURATIONS: Final = (dt.timedelta, np.timedelta64)
RANGES: Final = (pd.Interval, pd.Period)


def plain_level(value: object) -> object:
    """Return a value as a number or text where numpy, pandas or the standard library has a type of its own for it.

    Dates read as ``2024-01-31``, with the time if there is one, whatever type they have; missing ones are null.
    """
    if isinstance(value, (*DATES, *DURATIONS)) and value != value:  # noqa: PLR0124 - only NaT is unequal to itself
        return None
    if isinstance(value, DATES):
        return pd.Timestamp(value).isoformat(sep=" ").removesuffix(" 00:00:00")
    if isinstance(value, DURATIONS):
        return str(pd.Timedelta(value))
    if isinstance(value, RANGES):
        return str(value)
    return value.item() if isinstance(value, np.generic) else value
