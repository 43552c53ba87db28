"""Words on the reasons for which an attempt may be started again."""

from typing import Final

from trainer.config.wording import shown, suggestion

FINAL_REASONS: Final = ("completed", "pruned", "cancelled", "budget_exhausted")
FREE_REASONS: Final = ("preempted",)


def unknown_reason(word: str, keys: list[str]) -> str:
    """What to say of a key of `retry` that is no reason for a retry."""
    allowed = f"Reasons: {', '.join(keys)}."
    if word in FINAL_REASONS:
        return f"{shown(word)} ends a trial for good, so it has no retries. Remove it. {allowed}"
    if word in FREE_REASONS:
        return f"{shown(word)} attempts always go on and are not counted. Remove it. {allowed}"
    return f"{shown(word)} is no exit reason.{suggestion(word, keys)} {allowed}"
