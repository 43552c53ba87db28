"""Whether Python and the packages are those that sweeper was made for, and which extras are installed."""

import sys
from collections.abc import Callable, Iterable, Iterator
from importlib.metadata import PackageNotFoundError, requires, version

from packaging.requirements import InvalidRequirement, Requirement

from sweeper.doctor.findings import Finding
from sweeper.extras import EXTRAS, how_to_install

LEAST_PYTHON = (3, 11)


def check_versions() -> list[Finding]:
    """Look at Python, each package that sweeper requires, and its extras."""
    try:
        wanted = requires("sweeper") or []
    except PackageNotFoundError:
        says = "sweeper is not installed, it runs from its source directory"
        return [_python(sys.version_info[:3]), Finding("versions", "note", says, _install("."))]
    return [_python(sys.version_info[:3]), *compare(wanted, version), *compare_extras(wanted, version)]


def compare(wanted: Iterable[str], installed: Callable[[str], str]) -> list[Finding]:
    """Return the requirements that are not met; one finding that all is well if all are.

    Args:
        wanted: requirements (PEP 508); those of extras are left out.
        installed: the version of a package; raises PackageNotFoundError where it is absent.
    """
    findings, number = [], 0
    for requirement in _requirements(wanted, ""):
        number += 1
        fault = _fault(requirement, installed)
        if fault is not None:
            remedy = _install(f"'{requirement.name}{requirement.specifier}'")
            findings.append(Finding("versions", "wrong", fault, remedy))
    return findings or [Finding("versions", "ok", f"all {number} packages are as needed")]


def compare_extras(wanted: Iterable[str], installed: Callable[[str], str]) -> list[Finding]:
    """Return a finding for each extra that is installed, if only in part, and one for those that are not.

    Nothing about them is wrong: a package that an extra needs may be there for another reason.
    """
    wanted = list(wanted)
    core = {requirement.name for requirement in _requirements(wanted, "")}
    findings, absent = [], []
    for extra, about in EXTRAS.items():
        requirements = [each for each in _requirements(wanted, extra) if each.name not in core]
        versions = {each.name: _version(each, installed) for each in requirements}
        if not any(versions.values()):
            absent.append(f"{extra} ({about.purpose})")
            continue
        faults = [fault for each in requirements if (fault := _fault(each, installed)) is not None]
        if faults:
            findings.append(Finding("extras", "note", f"{extra}: {', '.join(faults)}", how_to_install(extra)))
        else:
            found = ", ".join(f"{name} {number}" for name, number in versions.items())
            findings.append(Finding("extras", "ok", f"{extra}: {found}"))
    if absent:
        remedy = f"If you need one: {how_to_install(absent[0].partition(' ')[0])}"
        findings.append(Finding("extras", "note", f"not installed: {', '.join(absent)}", remedy))
    return findings


def _requirements(wanted: Iterable[str], extra: str) -> Iterator[Requirement]:
    """The requirements that hold with an extra, those without any among them."""
    for line in wanted:
        try:
            requirement = Requirement(line)
        except InvalidRequirement:
            continue
        if requirement.marker is None or requirement.marker.evaluate({"extra": extra}):
            yield requirement


def _fault(requirement: Requirement, installed: Callable[[str], str]) -> str | None:
    found = _version(requirement, installed)
    if found is None:
        return f"{requirement.name} is not installed"
    if not requirement.specifier.contains(found, prereleases=True):
        return f"{requirement.name} {found} is installed, but {requirement.specifier} is needed"
    return None


def _version(requirement: Requirement, installed: Callable[[str], str]) -> str | None:
    try:
        return installed(requirement.name)
    except PackageNotFoundError:
        return None


def _install(what: str) -> str:
    """A remedy for whichever tool has installed sweeper."""
    return f"pip install {what}, or uv pip install {what}"


def _python(found: tuple[int, ...]) -> Finding:
    text = ".".join(map(str, found))
    if found[:2] < LEAST_PYTHON:
        return Finding("versions", "wrong", f"Python {text} is too old", "Install Python 3.11 or newer")
    return Finding("versions", "ok", f"Python {text}")
