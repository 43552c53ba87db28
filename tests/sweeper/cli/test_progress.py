"""The progress that a run shows."""

import io
import math
import sys
from dataclasses import replace

import pytest
from rich.console import Console

from sweeper.cli.progress import progress_for, status_table
from sweeper.cli.progress_lines import PlainProgress, ledger_line, summary_line
from sweeper.monitor.claims import ClaimStatus
from sweeper.monitor.decision import Decision
from sweeper.monitor.status import RunningTrial, Status
from tests.sweeper.monitor.test_status import make_status


def test_the_summary_says_what_ended_failed_and_is_left() -> None:
    assert summary_line(make_status()) == (
        "quickstart: 5/10 trials ended, 2 running, 1 failed, 0.5 device-hours, "
        "best valid_perplexity 91.2, about 60 s left"
    )


def test_plain_progress_prints_a_line_only_for_news() -> None:
    now = [0.0]
    stream = io.StringIO()
    with PlainProgress(stream, clock=lambda: now[0]) as progress:
        progress.update(make_status())
        now[0] = 1.0
        progress.update(make_status())
        assert stream.getvalue().count("\n") == 1
        now[0] = 40.0
        progress.update(make_status())
    assert stream.getvalue().count("\n") == 2


def test_the_live_table_shows_names_as_they_are() -> None:
    running = RunningTrial(
        phase="[bold]x", number=3, attempt=2, slot="cpu-0", elapsed_s=12.0, fraction=0.5, value=None, expected_s=None
    )
    console = Console(file=io.StringIO(), width=120)
    console.print(status_table(replace(make_status(), running=[running])))
    output = console.file.getvalue()  # type: ignore[attr-defined]  # the StringIO from above
    assert "[bold]x/3" in output
    assert "screen" in output


def shown(status: Status, *, ascii_only: bool = False) -> str:
    console = Console(file=io.StringIO(), width=120)
    console.print(status_table(status, ascii_only=ascii_only, width=120))
    output: str = console.file.getvalue()  # type: ignore[attr-defined]  # the StringIO from above
    return output


def test_a_running_trial_has_its_curve_its_share_and_the_time_left() -> None:
    running = RunningTrial(
        phase="screen",
        number=3,
        attempt=1,
        slot="cpu-0",
        elapsed_s=12.0,
        fraction=0.5,
        value=10.0,
        expected_s=24.0,
        left_s=12.0,
        curve=[1000.0, 100.0, math.nan, 10.0],
    )
    status = replace(make_status(), running=[running], is_log=True)
    row = next(line for line in shown(status).splitlines() if "screen/3" in line)
    assert row.rstrip().endswith("█▅!▁")
    assert row.count("12 s") == 2
    assert "best so far" in shown(status)
    assert "perplexity, last" in " ".join(shown(replace(status, point="last")).split())
    plain = shown(status, ascii_only=True)
    assert "#=!_" in plain


def test_a_narrow_terminal_gets_lines_in_which_every_number_says_what_it_is() -> None:
    running = RunningTrial(
        phase="screen", number=3, attempt=1, slot="cpu-0", elapsed_s=12.0, fraction=0.5, value=10.0, expected_s=24.0
    )
    status = replace(make_status(), running=[running])
    console = Console(file=io.StringIO(), width=20, soft_wrap=True)
    console.print(status_table(status, width=20), soft_wrap=True)
    output = console.file.getvalue()  # type: ignore[attr-defined]  # the StringIO from above
    phase = next(each for each in status.phases if each.name == "screen")
    ended = phase.planned - phase.counts["waiting"] - phase.counts["running"]
    assert f"screen: {ended} of {phase.planned} ended" in output
    assert "screen/3: 50% done, valid_perplexity 10 (best so far)" in output
    assert "…" not in output


def test_a_trial_that_takes_longer_than_expected_is_shown_as_late() -> None:
    late = RunningTrial(
        phase="screen", number=3, attempt=1, slot="cpu-0", elapsed_s=64.0, fraction=None, value=None, expected_s=24.0,
        left_s=-40.0,
    )  # fmt: skip
    later = replace(late, number=4, elapsed_s=224.0, left_s=-200.0)
    status = replace(make_status(), running=[late, later], eta_seconds=None)
    assert summary_line(status).endswith(", best valid_perplexity 91.2, 3 min longer than expected")
    cells = [line.split(" late")[0] for line in shown(status).splitlines() if " late" in line]
    assert [cell[-5:].strip() for cell in cells] == ["40 s", "3 min"]
    assert "0 s left" not in shown(status)


def test_the_ledger_shows_what_the_device_hours_were_spent_on() -> None:
    status = replace(
        make_status(),
        device_hours=0.5,
        device_hours_cap=2.0,
        ledger={"crashed": 0.05, "completed": 0.4, "running": 0.05},
    )
    expected = "ledger: 0.5 of 2 device-hours (25%): 0.4 completed, 0.05 crashed, 0.05 running"
    assert ledger_line(status) == expected
    assert expected in shown(status)
    assert ledger_line(replace(make_status(), device_hours=0.0, device_hours_cap=None)) == "ledger: 0 device-hours"


def test_the_stream_is_looked_up_when_progress_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    with progress_for() as progress:
        progress.update(make_status())
    assert "5/10 trials ended" in stream.getvalue()


def adaptive(**changes: object) -> Status:
    """A study that adds seeds, with a claim that is decided, one that is open, and one without a look."""
    first = Decision(stage="decided", look=3, most_looks=11, seeds=4, most=12, left=0.96)
    claims = [
        ClaimStatus(claim="[a]-helps", verdict="supported", decision=first, estimate=-0.03, low=-0.05, high=-0.01,
                    is_log=True),
        ClaimStatus(claim="b-helps", verdict="undecided", decision=replace(first, stage="open"), estimate=0.004,
                    low=-math.inf, high=math.inf),
        ClaimStatus(claim="c-helps", verdict="untested",
                    decision=replace(first, stage="open", look=0, seeds=0, left=1.0)),
    ]  # fmt: skip
    return replace(make_status(), claims=claims, **{"open_round": 2, **changes})


def test_the_summary_of_a_study_that_adds_seeds_has_its_round_and_its_decisions() -> None:
    assert summary_line(adaptive()) == (
        "quickstart: 5/10 trials ended, 2 running, 1 failed, round 3, 1 of 3 claims decided, 0.5 device-hours, "
        "best valid_perplexity 91.2, about 60 s left in this round"
    )
    assert "1 failed, 1 of 3 claims decided, 0.5 device-hours" in summary_line(adaptive(open_round=None))


def test_each_claim_is_shown_with_its_look_effect_and_what_is_left_to_spend() -> None:
    lines = [line.split("  ") for line in shown(adaptive()).splitlines()]
    cells = [[cell.strip() for cell in line if cell.strip()] for line in lines]
    assert ["claim", "where it is", "effect", "repeated 95% interval", "error left"] in cells
    assert ["[a]-helps", "supported at 4 of 12 seeds", "\u22123.0%", "\u22124.9% to \u22121.0%", "96%"] in cells
    assert ["b-helps", "look 3 of at most 11, 4 of 12 seeds", "+0.00400", "unlimited", "96%"] in cells
    assert ["c-helps", "not looked at yet", "100%"] in cells


def test_claims_fit_narrow_terminals() -> None:
    console = Console(file=io.StringIO(), width=60)
    console.print(status_table(adaptive(), width=60), soft_wrap=True)
    output: str = console.file.getvalue()  # type: ignore[attr-defined]  # a StringIO
    assert (
        "[a]-helps: supported at 4 of 12 seeds; \u22123.0% (\u22124.9% to \u22121.0%); 96% of its error left\n"
        in output
    )
    assert "c-helps: not looked at yet; 100% of its error left\n" in output
