"""Regular expressions that find metrics in a program's output; ``{number}`` stands for a number in them."""

import re
import warnings
from typing import Final

NUMBER: Final = "{number}"
# A number that ends where a word does, else the whole word: what is no number is reported with its line.
_NUMBER: Final = (
    r"(?P<value>(?:[-+]?1\.#(?i:inf|ind|[qs]nan)\d*"  # as Microsoft's C library had it
    r"|[-+]?(?:\d[\d,]*(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?|[-+]?(?i:nan|inf(?:inity)?))(?![\w.+-])|\S+)"
)


def compiled(pattern: str) -> re.Pattern[str]:
    """Return a pattern as it searches.

    Raises:
        re.error: it is not a valid regular expression.

    >>> [compiled("loss={number}").search(text)["value"] for text in ("loss=1.5e-3;", "loss=-inf", "loss=t(1)")]
    ['1.5e-3', '-inf', 't(1)']
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return re.compile(pattern.replace(NUMBER, _NUMBER))


def written(pattern: re.Pattern[str]) -> str:
    """Return a compiled pattern as the study file has it."""
    return pattern.pattern.replace(_NUMBER, NUMBER)
