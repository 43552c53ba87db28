"""`make audit` distinguishes a clean lock file from one that could not be looked up."""

import json
import sys
from pathlib import Path

import pytest

from tools import audit
from tools.audit import Package

CLEAN: Package = {"name": "numpy", "version": "2.4.6", "vulns": []}
VULNERABLE: Package = {
    "name": "old",
    "version": "1.0",
    "vulns": [{"id": "PYSEC-2026-1", "fix_versions": ["1.1", "2.0"]}],
}
SKIPPED: Package = {"name": "ours", "skip_reason": "Dependency not found on PyPI and could not be audited: ours (1.0)"}


@pytest.mark.parametrize(
    ("dependencies", "code", "words"),
    [
        ([CLEAN], 0, "1 packages were checked; no known vulnerabilities."),
        ([CLEAN, VULNERABLE], 1, "old 1.0: PYSEC-2026-1. Fixed in: 1.1, 2.0."),
        ([CLEAN, VULNERABLE, SKIPPED], 1, "Not checked, because the service does not know them: ours."),
        ([CLEAN, SKIPPED], 3, "Not checked, because the service does not know them: ours."),
        ([SKIPPED, SKIPPED], 3, "no package was checked"),
        ([], 3, "no package was checked"),
    ],
)
def test_vulnerable_and_unknown_packages_are_distinguished(dependencies: list[Package], code: int, words: str) -> None:
    found, text = audit.verdict(dependencies)
    assert found == code
    assert words in text


def test_a_vulnerability_without_a_fix_is_reported_as_such() -> None:
    _, text = audit.verdict([{**VULNERABLE, "vulns": [{"id": "X-1", "fix_versions": []}]}])
    assert "X-1. Fixed in: no version yet." in text


@pytest.mark.parametrize(
    ("output", "code", "words"),
    [
        (f"print({json.dumps({'dependencies': [CLEAN]})!r})", 0, "no known vulnerabilities"),
        ("import sys; sys.exit('connection refused')", 3, "pip-audit's last output: connection refused"),
        ("print('no JSON')", 3, "last output: exit code 0 and no report"),
    ],
)
def test_the_output_of_pip_audit_is_understood(
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
