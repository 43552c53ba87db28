"""How small a study would have sufficed for the verdicts, under protocols that are fixed in advance."""

from typing import Final

from reports import wording
from reports.replay.protocols import Player, Protocol, Replay
from reports.replay.search import IN_ADVANCE
from reports.sections.blocks import Block, Cell, Column, Heading, Paragraph, Table, plain, rich, strong
from reports.sections.context import Context
from reports.sections.methods import SPENDINGS

MOST_TRIALS: Final = 1_000  # beyond it, looking at all claims repeatedly takes longer than the rest of a report
LEAST: Final = 0.995  # of the device time, from which on nothing was saved
_TITLE: Final = "How small a study would have sufficed"
_PLAYED: Final = (
    f"Run seed by seed, with the error-spending function of {SPENDINGS[IN_ADVANCE.stopping]} over the looks,"
)
PROTOCOLS: Final = (
    (Protocol(), "all trials"),
    (Protocol(needed=True), "only the trials that a claim needs"),
    (Protocol(needed=True, stopping=IN_ADVANCE.stopping), "those, seed by seed until each claim is decided"),
    (IN_ADVANCE, "the same, without claims that are unlikely to be decided"),
)


def savings(context: Context) -> list[Block]:
    """Return a table of smaller protocols; nothing before all trials have ended, or without claims.

    Nor is there one where seeds were added until claims were decided: that is the protocol that it would recommend.
    """
    data = context.data
    if context.decisions is not None:
        return []
    running = data.trials["state"].isin(["waiting", "running"]).any()
    if running or not context.verdicts or not context.device_seconds or len(data.trials) > MOST_TRIALS:
        return []
    player = Player(data)
    played = [(player.play(protocol), words) for protocol, words in PROTOCOLS]
    last = played[-1][0]
    if all(found.ratio > LEAST for found, _ in played):
        text = (
            f"{_PLAYED} the study would have taken all of its device time: no trial is without a claim, and no claim "
            "would have been decided before its last seed."
        )
        return [Heading(text=_TITLE), Paragraph(text=plain(text))]
    answer = rich(
        f"{_PLAYED} the study would have taken ",
        strong(f"{100 * last.ratio:.0f}%"),
        f" of its device time, and {_kept(last)}. "
        "These protocols could have been fixed before the study began. sweeper replay --least "
        "searches for the cheapest one, which is known only afterwards.",
    )
    table = Table(
        name="savings",
        caption=plain("The cost and the verdicts of smaller protocols, replayed on the runs of the study."),
        columns=(
            Column(title="Protocol"),
            Column(title="Trials", number=True),
            Column(title="Device time", number=True),
            Column(title="Share", number=True),
            Column(title="Verdicts kept", number=True),
        ),
        rows=tuple(_row(replay, words) for replay, words in played),
    )
    return [Heading(text=_TITLE), Paragraph(text=answer), table]


def _kept(found: Replay) -> str:
    if len(found.verdicts) == 1:
        return f"its verdict would have been {'the same' if found.num_same else 'another one'}"
    return f"{found.num_same} of its {len(found.verdicts)} verdicts would have been the same"


def _row(replay: Replay, words: str) -> tuple[Cell, ...]:
    trials = replay.num_trials - len(replay.dropped)
    return (
        Cell(words),
        Cell(str(trials), float(trials)),
        Cell(wording.duration(replay.device_seconds_after), replay.device_seconds_after),
        Cell(f"{100 * replay.ratio:.0f}%", replay.ratio),
        Cell(f"{replay.num_same} of {len(replay.verdicts)}", float(replay.num_same)),
    )
