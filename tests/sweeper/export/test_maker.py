"""The code that evaluates a study is known by its content, and by its commit where it has one."""

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from sweeper import __version__
from sweeper.export import maker
from sweeper.export.maker import code_sha256, this_maker


def tree(root: Path) -> Path:
    for name, text in {"sweeper/__init__.py": "", "reports/templates/page.css": "a{}"}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def test_code_is_known_by_its_sources_and_templates_alone(tmp_path: Path) -> None:
    known = code_sha256(tree(tmp_path / "one"))
    other = tree(tmp_path / "two")
    (other / "sweeper" / "__pycache__").mkdir()
    (other / "sweeper" / "__pycache__" / "x.pyc").write_bytes(b"x")
    (other / "README.md").write_text("x")
    assert code_sha256(other) == known
    for changed in ("reports/templates/page.css", "trainer/config/model.py", "studies/published/results.yaml"):
        before = code_sha256(other)
        (other / changed).parent.mkdir(parents=True, exist_ok=True)
        (other / changed).write_text("b{}")
        assert code_sha256(other) != before, changed


def test_a_commit_is_that_of_the_code_and_not_of_a_repository_around_it(tmp_path: Path) -> None:
    root = tree(tmp_path)
    assert maker._commit(root) == (None, False)
    git = ["git", "-C", str(root), "-c", "user.name=a", "-c", "user.email=a@example.com"]
    subprocess.run([*git, "init", "--quiet"], check=True)
    (root / "else.txt").write_text("")
    subprocess.run([*git, "add", "else.txt"], check=True)
    subprocess.run([*git, "commit", "--quiet", "--message", "One"], check=True)
    assert maker._commit(root) == (None, False)
    subprocess.run([*git, "add", "sweeper", "reports"], check=True)
    subprocess.run([*git, "commit", "--quiet", "--message", "Two"], check=True)
    commit, changed = maker._commit(root)
    assert (len(commit or ""), changed) == (40, False)
    (root / "sweeper" / "__init__.py").write_text("x = 1\n")
    assert maker._commit(root) == (commit, True)


@pytest.mark.parametrize(
    ("commit", "changed", "name"),
    [
        (None, False, "sweeper 0.1.0 with code aaaaaaaaaaaa"),
        ("b" * 40, False, "sweeper 0.1.0 at commit bbbbbbbbbbbb"),
        ("b" * 40, True, "sweeper 0.1.0 at commit bbbbbbbbbbbb with uncommitted changes (code aaaaaaaaaaaa)"),
    ],
)
def test_code_is_named_by_its_commit(commit: str | None, changed: bool, name: str) -> None:
    found = replace(this_maker(__version__), sweeper="0.1.0", code_sha256="a" * 64, commit=commit, changed=changed)
    assert found.name == name


def test_packages_that_differ_are_named() -> None:
    here = replace(this_maker(__version__), packages={"numpy": "2.1", "scipy": "1.0"})
    assert here.other_packages(here) == ""
    assert here.other_packages(replace(here, packages={"numpy": "2.2", "scipy": "1.0"})) == "numpy 2.1 there, 2.2 here"
