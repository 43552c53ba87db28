"""Commands at a study's end: told how it ended, and unable to change it."""

import sys
from pathlib import Path

import pytest

from sweeper.execution import hooks
from sweeper.execution.hooks import run_hooks
from tests.sweeper.execution.slots.studies import launched

TELL = (
    "import os, pathlib; pathlib.Path('{}').write_text(os.environ['SWEEPER_STUDY'] + os.environ['SWEEPER_EXIT_CODE'])"
)


def test_a_command_is_told_how_the_study_ended(tmp_path: Path) -> None:
    command = [sys.executable, "-c", TELL.format(tmp_path / "told")]
    assert run_hooks([command], {"study": "quickstart", "exit_code": 1}) == []
    assert (tmp_path / "told").read_text() == "quickstart1"


def test_commands_that_fail_are_told_and_the_next_ones_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hooks, "TIMEOUT_S", 0.2)
    last = tmp_path / "last"
    commands = [["no-such-command", "x"], ["false"], ["sleep", "10"], ["touch", str(last)]]
    assert run_hooks(commands, {}) == [
        "on_finish: no-such-command x: cannot be started: No such file or directory",
        "on_finish: false: exit code 1",
        "on_finish: sleep 10: timed out after 0 s",
    ]
    assert last.exists()


def test_a_launch_runs_them_once_when_the_study_has_ended(url: str, tmp_path: Path) -> None:
    command = [sys.executable, "-c", f"open({str(tmp_path / 'told')!r}, 'a').write('x')"]
    hooked = {"on_finish": [command, ["false"]]}
    result = launched(url, [{"value": 0.5}], slots=1, **hooked)
    assert (result.exit_code, result.hook_failures) == (0, ("on_finish: false: exit code 1",))
    assert launched(url, [{"value": 0.5}], slots=1, **hooked).hook_failures == ()
    assert (tmp_path / "told").read_text() == "x"
