"""Which code and packages evaluate a study here: what its tables and its report depend on beside its runs."""

import hashlib
import platform
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Final

from sweeper.subprocesses import printed

ROOT: Final = Path(__file__).parents[2]  # of the packages: a checkout, or where packages are installed
# Settings of the trainer decide how a study file is read, and published results are what claims and pages name.
CODE: Final = ("sweeper", "reports", "trainer/config", "studies/published")
SUFFIXES: Final = frozenset({".py", ".j2", ".css", ".js", ".typ", ".yaml"})
PACKAGES: Final = ("numpy", "scipy", "pandas", "matplotlib", "typst")
SHOWN: Final = 12  # digits of a commit or a hash


@dataclass(frozen=True, slots=True, kw_only=True)
class Maker:
    """What evaluated a study.

    Attributes:
        sweeper: its version.
        code_sha256: of the sources and templates, so that two checkouts of one version can be distinguished.
        commit: of the checkout; None if it is none.
        changed: whether the checkout has uncommitted changes.
        packages: by name the versions of what calculates and draws, and that of Python.
    """

    sweeper: str
    code_sha256: str
    commit: str | None
    changed: bool
    packages: Mapping[str, str]

    @property
    def name(self) -> str:
        """What to call it, e.g. ``sweeper 0.1.0 at commit 0123456789ab``."""
        if self.commit is None:
            return f"sweeper {self.sweeper} with code {self.code_sha256[:SHOWN]}"
        with_changes = f" with uncommitted changes (code {self.code_sha256[:SHOWN]})" if self.changed else ""
        return f"sweeper {self.sweeper} at commit {self.commit[:SHOWN]}{with_changes}"

    def is_code_of(self, other: "Maker") -> bool:
        """Return whether both have the same code."""
        return self.code_sha256 == other.code_sha256

    def other_packages(self, other: "Maker") -> str:
        """Return the packages whose versions differ, e.g. ``numpy 2.1.0 there, 2.2.0 here``; empty if none do."""
        names = sorted(name for name in {*self.packages, *other.packages} if self._of(name) != other._of(name))
        return "; ".join(f"{name} {self._of(name)} there, {other._of(name)} here" for name in names)

    def _of(self, package: str) -> str:
        return self.packages.get(package, "none")


@cache
def this_maker(version: str) -> Maker:
    """Return the code and packages that run here, of a version of sweeper."""
    packages = {name: found for name in PACKAGES if (found := _version(name)) is not None}
    commit, changed = _commit(ROOT)
    return Maker(
        sweeper=version,
        code_sha256=code_sha256(ROOT),
        commit=commit,
        changed=changed,
        packages={"python": platform.python_version(), **packages},
    )


def code_sha256(root: Path) -> str:
    """Return a hash of the sources and templates in a directory, with their names."""
    digest = hashlib.sha256()
    for path in sorted(_sources(root), key=lambda path: path.relative_to(root).as_posix()):
        name, content = path.relative_to(root).as_posix().encode(), path.read_bytes()
        digest.update(f"{len(name)} {len(content)}\n".encode() + name + content)
    return digest.hexdigest()


def _sources(root: Path) -> Iterator[Path]:
    for package in CODE:
        yield from (path for path in (root / package).rglob("*") if path.suffix in SUFFIXES and path.is_file())


def _commit(root: Path) -> tuple[str | None, bool]:
    """Return the commit of a checkout, and whether its code has changed since; none of another repository around it."""
    if _git(root, "ls-files", "--error-unmatch", f"{CODE[0]}/__init__.py") is None:
        return None, False
    commit = _git(root, "rev-parse", "HEAD")
    return commit, bool(_git(root, "status", "--porcelain", "--untracked-files=no", "--", *CODE))


def _git(root: Path, *arguments: str) -> str | None:
    return printed(["git", "-C", str(root), *arguments])


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
