"""Commands that a study runs when it has ended: notifications, reports."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from typing import Final

from sweeper.subprocesses import users_environment

LONGEST_S: Final = 600.0


def run_hooks(commands: Sequence[Sequence[str]], facts: Mapping[str, object]) -> list[str]:
    """Run commands one after the other, without a shell; what they print goes where our output goes.

    Args:
        facts: what the commands are told, as variables ``SWEEPER_STUDY``, ``SWEEPER_EXIT_CODE`` and so on.

    Returns:
        What went wrong, a line a command. It changes nothing about how the study ended.
    """
    told = {f"SWEEPER_{name.upper()}": str(value) for name, value in facts.items()}
    environment = users_environment(os.environ) | told
    complaints = []
    for command in commands:
        words = " ".join(command)
        try:
            code = subprocess.run(list(command), env=environment, check=False, timeout=LONGEST_S).returncode
        except subprocess.TimeoutExpired:
            complaints.append(f"on_finish: {words}: was ended after {LONGEST_S:.0f} s")
        except OSError as error:
            complaints.append(f"on_finish: {words}: cannot be started: {error.strerror}")
        else:
            if code != 0:
                complaints.append(f"on_finish: {words}: exit code {code}")
    return complaints
