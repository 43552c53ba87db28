"""Whether Python and the packages are those that sweeper was made for."""

import sys
from collections.abc import Callable, Iterable
from importlib.metadata import PackageNotFoundError, requires, version

from packaging.requirements import InvalidRequirement, Requirement

from sweeper.doctor.findings import Finding

LEAST_PYTHON = (3, 11)


def check_versions() -> list[Finding]:
    """Python, and each package that sweeper's metadata asks for."""
    try:
        wanted = requires("sweeper") or []
    except PackageNotFoundError:
        found = Finding("versions", "note", "sweeper is not installed, it runs from its folder", "pip install .")
        return [_python(sys.version_info[:3]), found]
    return [_python(sys.version_info[:3]), *compare(wanted, version)]


def compare(wanted: Iterable[str], installed: Callable[[str], str]) -> list[Finding]:
    """The requirements that are not met; one finding that all is well if all are.

    Args:
        wanted: requirements (PEP 508); those of extras are left out.
        installed: the version of a package; raises PackageNotFoundError where it is absent.
    """
    findings, number = [], 0
    for line in wanted:
        try:
            requirement = Requirement(line)
        except InvalidRequirement:
            continue
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
            continue
        number += 1
        remedy = f"pip install '{requirement.name}{requirement.specifier}'"
        try:
            found = installed(requirement.name)
        except PackageNotFoundError:
            findings.append(Finding("versions", "wrong", f"{requirement.name} is not installed", remedy))
            continue
        if not requirement.specifier.contains(found, prereleases=True):
            says = f"{requirement.name} {found} is installed, but {requirement.specifier} is needed"
            findings.append(Finding("versions", "wrong", says, remedy))
    return findings or [Finding("versions", "ok", f"all {number} packages are as needed")]


def _python(found: tuple[int, ...]) -> Finding:
    text = ".".join(map(str, found))
    if found[:2] < LEAST_PYTHON:
        return Finding("versions", "wrong", f"Python {text} is too old", "Install Python 3.11 or newer")
    return Finding("versions", "ok", f"Python {text}")
