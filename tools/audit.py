"""Report known vulnerabilities in the locked packages, as pip-audit's advisory service knows them (`make audit`).

pip-audit skips packages that the service does not know, and succeeds even if it could look up none. This tool tells
these cases apart: exit code 0 if every package was looked up and none has a vulnerability, 1 for vulnerabilities, 3 if
some package could not be looked up.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final, TypedDict

CLEAN, VULNERABLE, UNKNOWN = 0, 1, 3
REPORT: Final = ("--format", "json", "--progress-spinner", "off")
WITHOUT_PIP: Final = ("--no-deps", "--disable-pip")  # the lock names every package: nothing is resolved or installed
MOST_NAMED: Final = 12
UNREACHABLE: Final = "The advisory service could not be reached, so no package was checked."


class Vulnerability(TypedDict):
    """A vulnerability in pip-audit's report."""

    id: str
    fix_versions: list[str]


class Package(TypedDict, total=False):
    """A package in pip-audit's report; a skipped one has a reason instead of a version and vulnerabilities."""

    name: str
    version: str
    vulns: list[Vulnerability]
    skip_reason: str


def verdict(packages: Sequence[Package]) -> tuple[int, str]:
    """Return the exit code and the text for pip-audit's list of packages."""
    skipped = [package["name"] for package in packages if "skip_reason" in package]
    vulnerable = [
        f"{package['name']} {package['version']}: {vulnerability['id']}. "
        f"Fixed in: {', '.join(vulnerability['fix_versions']) or 'no version yet'}."
        for package in packages
        for vulnerability in package.get("vulns", ())
    ]
    checked = len(packages) - len(skipped)
    if not checked:
        return UNKNOWN, f"{UNREACHABLE} Try again where it can be."
    lines = [*vulnerable, f"{checked} packages were checked; {len(vulnerable) or 'no'} known vulnerabilities."]
    if skipped:
        more = ", …" if len(skipped) > MOST_NAMED else ""
        lines.append(f"Not checked, because the service does not know them: {', '.join(skipped[:MOST_NAMED])}{more}.")
    return (VULNERABLE if vulnerable else UNKNOWN if skipped else CLEAN), "\n".join(lines)


def main() -> int:
    """Audit a lock file and return the exit code. The arguments are the program pip-audit and the lock file."""
    program, lock = sys.argv[1:]
    command = [program, "--requirement", str(Path(lock)), *WITHOUT_PIP, *REPORT]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        packages = json.loads(answer.stdout)["dependencies"]
    except (ValueError, KeyError):
        last = answer.stderr.strip().splitlines()[-1:] or [f"exit code {answer.returncode} and no report"]
        print(f"{UNREACHABLE} pip-audit's last output: {last[0]}")
        return UNKNOWN
    code, text = verdict(packages)
    print(text)
    return code


if __name__ == "__main__":
    sys.exit(main())
