"""Virtual environments for the distributions: made of what is installed here, so that nothing is downloaded."""

import os
import subprocess
import sys
import venv
from collections.abc import Iterable, Iterator
from importlib.metadata import Distribution, distribution
from pathlib import Path

from packaging.requirements import Requirement


def answer(*command: str | Path, cwd: Path, path: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command without what this process's environment says about Python and sweeper; `path` comes first."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "SWEEPER"))}
    if path is not None:
        environment["PATH"] = f"{path}{os.pathsep}{environment['PATH']}"
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=600, env=environment, check=False)


def run(*command: str | Path, cwd: Path, path: Path | None = None) -> str:
    """Run a command that is to succeed; what it prints."""
    done = answer(*command, cwd=cwd, path=path)
    assert done.returncode == 0, f"{command}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
    return done.stdout


def new_environment(folder: Path) -> Path:
    """Make an empty environment; its interpreter."""
    venv.create(folder, with_pip=False)
    return folder / "bin" / "python"


def site_packages(python: Path) -> Path:
    command = "import sysconfig; print(sysconfig.get_path('purelib'))"
    return Path(run(python, "-c", command, cwd=python.parent).strip())


def install_wheel(python: Path, wheel: Path) -> None:
    """Install a wheel without its dependencies."""
    pip = (sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-deps", "--no-index")
    run(*pip, wheel, cwd=wheel.parent)


def link_requirements(python: Path, name: str) -> set[str]:
    """Link what an installed distribution requires, and what that requires, and nothing else; the packages' names."""
    target = site_packages(python)
    (installed,) = (each for each in Distribution.discover(path=[str(target)]) if each.name == name)
    names: set[str] = set()
    for package in _closure(installed.requires or (), names):
        for part in {file.parts[0] for file in package.files or () if file.parts[0] not in ("..", "__pycache__")}:
            link = target / part
            if not link.exists():
                link.symlink_to(str(package.locate_file(part)))
    return names


def _closure(requirements: Iterable[str], seen: set[str]) -> Iterator[Distribution]:
    for text in requirements:
        requirement = Requirement(text)
        key = requirement.name.lower().replace("_", "-")
        if key in seen or (requirement.marker is not None and not requirement.marker.evaluate({"extra": ""})):
            continue
        seen.add(key)
        found = distribution(requirement.name)
        yield found
        yield from _closure(found.requires or (), seen)
