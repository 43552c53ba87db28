"""Commands that a study runs when it has ended: notifications, reports."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from typing import Final

from sweeper.subprocesses import users_environment

TIMEOUT_S: Final = 600.0


def run_hooks(commands: Sequence[Sequence[str]], facts: Mapping[str, object]) -> list[str]:
    """Run commands one after the other, without a shell; their output goes where ours goes.

    Args:
        facts: passed to the commands as variables ``SWEEPER_STUDY``, ``SWEEPER_EXIT_CODE`` and so on.

    Returns:
        The failures, one line per command. They do not change how the study ended.
    """
    variables = {f"SWEEPER_{name.upper()}": str(value) for name, value in facts.items()}
    environment = users_environment(os.environ) | variables
    failures = []
    for command in commands:
        words = " ".join(command)
        try:
            code = subprocess.run(list(command), env=environment, check=False, timeout=TIMEOUT_S).returncode
        except subprocess.TimeoutExpired:
            failures.append(f"on_finish: {words}: timed out after {TIMEOUT_S:.0f} s")
        except OSError as error:
            failures.append(f"on_finish: {words}: cannot be started: {error.strerror}")
        else:
            if code != 0:
                failures.append(f"on_finish: {words}: exit code {code}")
    return failures
