"""Choose the precision and the number of trials on the card by what `make gpu-check` has measured."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

PRECISIONS: Final = ("bf16", "mixed")
PRECISION: Final = "precision: bf16"
SHARE: Final = "gpus_per_trial: 0.5"


def chosen(text: str, figures: Path) -> tuple[str, str]:
    """Return a study's text with what was measured to be fastest, and what was chosen, in words.

    Raises:
        ValueError: the text has other settings than those that are to be replaced.
    """
    for setting in (PRECISION, SHARE):
        if text.count(setting) != 1:
            raise ValueError(f"the study must have {setting!r} once, for its value is chosen by measurements")
    measured = _measured(figures)
    if measured is None:
        return text, f"{figures} has no measurements of a GPU: {PRECISION}, {SHARE} as in the study"
    speeds = {each["mode"]: each["tokens_per_second"] or 0.0 for each in measured["modes"]}
    precision = max(PRECISIONS, key=lambda name: speeds.get(name, 0.0))
    packed = {
        each["trials"]: each["tokens_per_second"] or 0.0 for each in measured["packed"] if each["shape"] == "recipe"
    }
    number = max(packed, key=lambda each: packed[each], default=0)
    share = f"gpus_per_trial: {1.0 / number:g}" if packed.get(number) else SHARE
    precise = f"precision: {precision}" if speeds.get(precision) else PRECISION
    return text.replace(PRECISION, precise).replace(SHARE, share), f"by {figures}: {precise}, {share}"


def _measured(path: Path) -> Mapping[str, Any] | None:
    """Return the figures of a file, unless it is missing or only tried the program on a CPU."""
    try:
        figures: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))["figures"]
    except FileNotFoundError:
        return None
    return None if figures["device"] in (None, "cpu") else figures
