"""Known holes in the locked packages, as pip-audit's advisory service knows them (`make audit`).

pip-audit passes over packages that the service does not answer for, and ends well even where it answered for none.
Here that is told apart: exit code 0 if all were looked up and none has a hole, 1 for holes, 3 if something was not.
"""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

CLEAN, HOLES, UNKNOWN = 0, 1, 3
REPORT: Final = ("--format", "json", "--progress-spinner", "off")
WITHOUT_PIP: Final = ("--no-deps", "--disable-pip")  # the lock names every package: nothing is resolved or installed
MOST_NAMED: Final = 12


def verdict(dependencies: Sequence[Mapping[str, Any]]) -> tuple[int, str]:
    """The exit code, and what to say of pip-audit's list of packages."""
    skipped = [each["name"] for each in dependencies if "skip_reason" in each]
    holes = [
        f"{each['name']} {each['version']}: {hole['id']}. "
        f"Mended in: {', '.join(hole['fix_versions']) or 'no version yet'}."
        for each in dependencies
        for hole in each.get("vulns", ())
    ]
    checked = len(dependencies) - len(skipped)
    if not checked:
        return UNKNOWN, "The advisory service could not be reached: no package was checked. Try again where it can be."
    lines = [*holes, f"{checked} packages were checked; {len(holes) or 'no'} known holes."]
    if skipped:
        more = ", …" if len(skipped) > MOST_NAMED else ""
        lines.append(f"Not checked, since the service does not know them: {', '.join(skipped[:MOST_NAMED])}{more}.")
    return (HOLES if holes else UNKNOWN if skipped else CLEAN), "\n".join(lines)


def main() -> int:
    """Audit a lock file; the exit code.

    Its arguments are the program pip-audit and the lock.
    """
    program, lock = sys.argv[1:]
    command = [program, "--requirement", str(Path(lock)), *WITHOUT_PIP, *REPORT]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        dependencies = json.loads(answer.stdout)["dependencies"]
    except (ValueError, KeyError):
        words = answer.stderr.strip().splitlines()[-1:] or [f"pip-audit ended with exit code {answer.returncode}"]
        print(f"The advisory service could not be reached: no package was checked. pip-audit says: {words[0]}")
        return UNKNOWN
    code, text = verdict(dependencies)
    print(text)
    return code


if __name__ == "__main__":
    sys.exit(main())
