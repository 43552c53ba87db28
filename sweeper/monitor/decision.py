"""Where a claim is that is looked at after every seed, and that statement as text."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from sweeper.quantities import counted

Stage = Literal["open", "decided", "unlikely", "used_up", "budget_ended"]
STAGES: Final[tuple[Stage, ...]] = ("open", "decided", "unlikely", "used_up", "budget_ended")

UNSEEN: Final[Mapping[Stage, str]] = {
    "open": "open: not looked at yet",
    "budget_ended": "untested: the budget ended before its first look",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Where a claim is that is looked at after every seed.

    Attributes:
        stage: open while it gets seeds; decided; undecided because a decision became unlikely, because its seeds are
            used up, or because the study's budget ended.
        look, most_looks: the looks that it has had, and how many it may get; None for no maximum.
        seeds, most: its complete seeds at the last look, and how many it may get; None for no maximum.
        left: the share of its error that is not spent yet; None without a maximum, where none is set aside for looks.
    """

    stage: Stage
    look: int
    most_looks: int | None
    seeds: int
    most: int | None
    left: float | None

    @property
    def is_final(self) -> bool:
        """Whether the claim gets no more seeds."""
        return self.stage in ("decided", "unlikely", "used_up")

    @property
    def text(self) -> str:
        """The statement in a few words, e.g. ``decided at 4 of 12 seeds``."""
        return decision_text(self.stage, self.look, self.most_looks, self.seeds, self.most)

    @property
    def short(self) -> str:
        """The statement without the verdict and the reason, e.g. ``given up at 5 of 12 seeds``."""
        if self.stage == "open":
            return self.text.removeprefix("open: ")
        return self.text.rpartition(": ")[2].removeprefix("the ").partition(",")[0]

    def row(self) -> dict[str, object]:
        """Return it as JSON has it."""
        return {
            "look": self.look,
            "most_looks": self.most_looks,
            "stage": self.stage,
            "most_seeds": self.most,
            "level_left": self.left,
        }


def decision_text(stage: Stage, look: int, most_looks: int | None, seeds: int, most: int | None) -> str:
    """Return where a claim is in a few words."""
    share = counted(seeds, "seed") if most is None else f"{seeds} of {counted(most, 'seed')}"
    if not look and stage in UNSEEN:
        return UNSEEN[stage]
    match stage:
        case "decided":
            return f"decided at {share}"
        case "unlikely":
            return f"undecided: given up at {share}, as a decision had become unlikely"
        case "used_up":
            return f"undecided: {'' if most is None else f'all {most} '}seeds used"
        case "budget_ended":
            return f"undecided: the budget ended at seed {seeds}{'' if most is None else f' of {most}'}"
    looks = f"look {look}" if most_looks is None else f"look {look} of at most {most_looks}"
    return f"open: {looks}, {share}"
