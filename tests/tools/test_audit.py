"""`make audit` tells a clean lock from one that nobody could look up."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tools import audit

CLEAN = {"name": "numpy", "version": "2.4.6", "vulns": []}
HOLE = {"name": "old", "version": "1.0", "vulns": [{"id": "PYSEC-2026-1", "fix_versions": ["1.1", "2.0"]}]}
SKIPPED = {"name": "ours", "skip_reason": "Dependency not found on PyPI and could not be audited: ours (1.0)"}


@pytest.mark.parametrize(
    ("dependencies", "code", "words"),
    [
        ([CLEAN], 0, "1 packages were checked; no known holes."),
        ([CLEAN, HOLE], 1, "old 1.0: PYSEC-2026-1. Mended in: 1.1, 2.0."),
        ([CLEAN, HOLE, SKIPPED], 1, "Not checked, since the service does not know them: ours."),
        ([CLEAN, SKIPPED], 3, "Not checked, since the service does not know them: ours."),
        ([SKIPPED, SKIPPED], 3, "no package was checked"),
        ([], 3, "no package was checked"),
    ],
)
def test_holes_and_gaps_are_told_apart(dependencies: list[dict[str, Any]], code: int, words: str) -> None:
    found, text = audit.verdict(dependencies)
    assert found == code
    assert words in text


def test_a_hole_without_a_mended_version_is_told_as_such() -> None:
    _, text = audit.verdict([{**HOLE, "vulns": [{"id": "X-1", "fix_versions": []}]}])
    assert "X-1. Mended in: no version yet." in text


@pytest.mark.parametrize(
    ("output", "code", "words"),
    [
        (f"print({json.dumps({'dependencies': [CLEAN]})!r})", 0, "no known holes"),
        ("import sys; sys.exit('connection refused')", 3, "pip-audit says: connection refused"),
        ("print('no JSON')", 3, "pip-audit ended with exit code 0"),
    ],
)
def test_what_pip_audit_prints_is_understood(
    *,
    output: str,
    code: int,
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    program = tmp_path / "pip-audit"
    program.write_text(f"#!{sys.executable}\n{output}\n")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "argv", ["audit", str(program), "requirements.lock"])
    assert audit.main() == code
    assert words in capsys.readouterr().out
