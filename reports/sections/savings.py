"""How little of the study would have been enough for its verdicts, by protocols that are fixed in advance."""

from typing import Final

from reports import wording
from reports.replay.protocols import Player, Protocol, Replay
from reports.replay.search import IN_ADVANCE
from reports.sections.blocks import Block, Cell, Column, Heading, Paragraph, Table, plain, rich, strong
from reports.sections.context import Context

MOST_TRIALS: Final = 1_000  # beyond it, looking at all claims again and again takes longer than the rest of a report
PROTOCOLS: Final = (
    (Protocol(), "all of it"),
    (Protocol(needed=True), "only the trials that a claim wants"),
    (Protocol(needed=True, stopping="obrien-fleming"), "those, seed by seed until each claim is settled"),
    (IN_ADVANCE, "the same, giving up claims that are unlikely to be decided"),
)


def savings(context: Context) -> list[Block]:
    """A table of what would have done; nothing before all trials have ended, or without claims."""
    data = context.data
    running = data.trials["state"].isin(["waiting", "running"]).any()
    if running or not context.verdicts or not context.device_seconds or len(data.trials) > MOST_TRIALS:
        return []
    player = Player(data)
    played = [(player.play(protocol), words) for protocol, words in PROTOCOLS]
    last = played[-1][0]
    answer = rich(
        "Run seed by seed, with the error spent over the looks (O\u2019Brien and Fleming), the study would have taken ",
        strong(f"{100 * last.ratio:.0f}\u202f%"),
        f" of its device time, and {last.num_same} of its {wording.count(len(last.verdicts), 'verdict')} would have "
        "been the same. These protocols could have been fixed before it began; sweeper replay --least searches for the "
        "cheapest, which is known only afterwards.",
    )
    table = Table(
        name="savings",
        caption=plain("What less would have cost and shown. Runs are those of the study, played again."),
        columns=(
            Column(title="What is run"),
            Column(title="Trials", number=True),
            Column(title="Device time", number=True),
            Column(title="Share", number=True),
            Column(title="Verdicts kept", number=True),
        ),
        rows=tuple(_row(replay, words) for replay, words in played),
    )
    return [Heading(text="How little would have done"), Paragraph(text=answer), table]


def _row(replay: Replay, words: str) -> tuple[Cell, ...]:
    trials = replay.num_trials - len(replay.dropped)
    return (
        Cell(words),
        Cell(str(trials), float(trials)),
        Cell(wording.duration(replay.device_seconds_after), replay.device_seconds_after),
        Cell(f"{100 * replay.ratio:.0f}\u202f%", replay.ratio),
        Cell(f"{replay.num_same} of {len(replay.verdicts)}", float(replay.num_same)),
    )
